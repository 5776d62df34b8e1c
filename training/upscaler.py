"""An upscaler, on large pictures that are made small, and on faces that a larger network enlarges."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from animefaces import images, latents, runs
from animefaces.batches import Order, split
from animefaces.files import check_input, written_whole
from animefaces.problems import Misuse, Problem
from animefaces.progress import Bar
from drawing.enlarging import open_upscaler
from drawing.networks import Session
from drawing.opening import open_generator
from models import build
from models.upscaler import SCALE
from training.start import start_with
from training.task import Targets

PATCH = 32  # side of what it sees of a small face at a time
FACES = 2_000  # that the teacher enlarges: seeds of the shipped generator, from the first
SHOWN, COLUMNS = 8, 6  # pictures of a sample, and columns: each is there enlarged by interpolation, drawn, and large
FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


class Task:
    """An upscaler. With --teacher, half of what it sees are drawn faces, as the teacher enlarges them."""

    many_machines: ClassVar = False
    trial: ClassVar = False
    shown: ClassVar = {"difference": "off by", "right": "D right"}
    curves: ClassVar = {"of 255": {"difference": "mean difference", "validation": "on validation pictures"},
                        "share": {"right": "D right"}}  # fmt: skip
    use = "larger faces with it: python generate.py --scale 4 --upscaler "

    def __init__(self, options: Any, faces: Any, run: Path | None, targets: Targets):
        """See training.task.Task. Raises Misuse for grey pictures and for small ones."""
        if options.channels != 3:
            raise Misuse("an upscaler is for colour, and grey faces go through it too: leave out --channels")
        if options.size < SCALE * PATCH or options.size % SCALE:
            raise Misuse(f"an upscaler needs large pictures: give a --size of {SCALE * PATCH} or more, {SCALE} times "
                         "that of the small ones")  # fmt: skip
        self.options = options
        self.faces, self.validation = split(faces)
        self.taught = taught(options.teacher, options.cache) if options.teacher else None
        self.player = build.build_upscaling(options)
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        self.networks = {"upscaler": self.player.upscaler, "discriminator": self.player.discriminator}

    def begin(self, new: bool) -> None:
        """Give a new run the weights that --init-from names, and say what it learns from."""
        if new and (source := self.options.init_from):
            start_with(open_upscaler(source).keras, source, self.player.upscaler, self.player.average)
        if self.taught:
            print(f"teacher    {self.options.teacher}, of {len(self.taught[0]):,} drawn faces")

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed: (step, small, large), a function of (seed, step)."""
        rng = np.random.default_rng((self.options.seed, step))
        indices = self.order.indices(step)
        count = len(indices) // 2 if self.taught else 0
        pairs = []
        if self.taught:
            drawn, large = self.taught
            for face in rng.integers(0, len(drawn), count):
                pairs.append(cut(drawn[face], large[face], rng))
        for picture in self.faces[indices[count:]]:
            pairs.append(cut(None, picture, rng))
        small, large = zip(*pairs, strict=True)
        return np.int32(step), np.stack(small), np.stack(large)

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """The mean difference of enlarged validation pictures, at the end."""
        if not last or not len(self.validation):
            return {}
        pictures = self.validation[np.arange(min(len(self.validation), 48))]
        return {"validation": float(np.mean([np.abs(self.drawn(one).astype(int) - one).mean() for one in pictures]))}

    def drawn(self, picture: np.ndarray) -> np.ndarray:
        """A large picture -> as the upscaler draws it when it was made small, uint8 (S, S, 3)."""
        small = reduced(picture, Image.Resampling.BOX)
        return images.to_pixels(np.asarray(self.player.average(images.to_network(small)[None]))[0])

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Nothing is known to go wrong."""
        return None

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        return {runs.UPSCALER: self.player.average}

    def sample(self) -> np.ndarray:
        """Pictures, validation pictures if there are any: enlarged by interpolation, drawn, and as they are."""
        source = self.validation if len(self.validation) else self.faces
        shown = []
        for picture in source[np.arange(SHOWN) * len(source) // SHOWN]:
            side = picture.shape[1], picture.shape[0]
            plain = images.to_image(reduced(picture, Image.Resampling.BOX)).resize(side, Image.Resampling.BICUBIC)
            shown += [np.asarray(plain), self.drawn(picture), picture]
        return images.grid(np.stack(shown), columns=COLUMNS)


def taught(teacher: Path, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """An ONNX network that enlarges RGB in [0, 1], (1, 3, H, W), four times -> drawn faces, and as it enlarges them.

    uint8 (FACES, S, S, 3) and (FACES, 4 * S, 4 * S, 3); these are kept in the cache. Raises Problem.
    """
    check_input(teacher, "--teacher")
    generator = open_generator(runs.PRETRAINED)
    drawn = generator.draw(latents.from_seeds(range(FACES), generator.latent))
    kept = hashlib.sha256(teacher.read_bytes() + generator.file.read_bytes()).hexdigest()[:16]
    file = cache / f"{kept}-enlarged-{FACES}.npy"
    if not file.exists():
        with written_whole(file) as temporary, open(temporary, "wb") as out:
            np.save(out, enlarged(teacher, drawn))
    return drawn, np.load(file, mmap_mode="r")


def enlarged(teacher: Path, faces: np.ndarray) -> np.ndarray:
    """Faces, uint8 (N, S, S, 3) -> as the teacher enlarges them, uint8 (N, 4 * S, 4 * S, 3). Raises Problem."""
    large = np.empty((len(faces), *(SCALE * side for side in faces.shape[1:3]), 3), np.uint8)
    try:
        network = Session(teacher.read_bytes())
        for place, face in enumerate(Bar(faces, desc="the teacher enlarges", unit="face")):
            drawn = network(face.transpose(2, 0, 1)[None] / 255)
            if np.shape(drawn) != (1, 3, *large.shape[1:3]):
                raise ValueError(f"it makes {np.shape(drawn)}")
            large[place] = (np.clip(drawn[0].transpose(1, 2, 0), 0, 1) * 255 + 0.5).astype(np.uint8)
    except ValueError as fault:
        raise Problem(f"{teacher} is no ONNX network that enlarges RGB pictures {SCALE} times: name another one with "
                      "--teacher") from fault  # fmt: skip
    return large


def cut(small: np.ndarray | None, large: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A face and the same face large -> (a part of the face, the same part large), often mirrored.

    Without a small face, the large part is made small as pictures are made small.
    """
    side, edge = large.shape[0] // SCALE, SCALE * PATCH
    top, left = rng.integers(0, side - PATCH + 1, 2)
    part = large[SCALE * top : SCALE * top + edge, SCALE * left : SCALE * left + edge]
    turned = slice(None, None, -1 if rng.random() < 0.5 else 1)
    face = made_small(part, rng) if small is None else small[top : top + PATCH, left : left + PATCH]
    return face[:, turned], part[:, turned]


def made_small(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture, uint8 (4 * S, 4 * S, 3) -> uint8 (S, S, 3), as small pictures are: soft, noisy, stored as JPEG."""
    import cv2

    small: Any = reduced(picture, FILTERS[rng.integers(len(FILTERS))])
    chance = rng.random(3)
    if chance[0] < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.2, 0.6))
    if chance[1] < 0.5:
        noise = rng.normal(0, rng.uniform(1, 6), small.shape)
        small = np.clip(small + noise, 0, 255).astype(np.uint8)
    if chance[2] < 0.6:
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 99))])
        small = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return small


def reduced(picture: np.ndarray, resampling: Image.Resampling) -> np.ndarray:
    """A picture -> the same with a quarter of its side."""
    side = picture.shape[1] // SCALE, picture.shape[0] // SCALE
    return np.asarray(images.to_image(picture).resize(side, resampling))
