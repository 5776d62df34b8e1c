"""A detector, on scenes: pictures whose faces are known, and drawn faces that are pasted onto anything."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from animefaces import boxes, images, runs
from animefaces.batches import Order
from animefaces.dataset import open_faces
from animefaces.files import check_input
from animefaces.problems import Misuse
from animefaces.progress import Bar
from drawing.finishing import FILE as PARTS
from drawing.finishing import Finisher
from drawing.opening import opened
from drawing.touches import OTHER
from models import build, engine
from models.detector import CELL
from training.blocks import Blocks
from training.scenes import SIDE
from training.start import start_with
from training.stock import Stock, packed, read_pictures
from training.task import Targets

FACES, PHOTOS = 12_000, 6_000  # at most that many are used, spread evenly over the set
SMALL = 64  # pixels of a face in which points and outline are looked for
CHIN = 1.33  # times as far below the eyes as the mouth: what the network of parts takes for a chin is often the neck
BLOCK = 64  # batches that are in memory at the same time; as many again are being made
HELD = 20  # one picture in so many is never trained on
SHOWN, COLUMNS = 24, 6  # pictures of a sample
PRECISION = 0.9  # at which the recall is measured


class Task:
    """A detector. Some pictures are never trained on, and tell how many faces it finds."""

    many_machines: ClassVar = False
    trial: ClassVar = False
    shown: ClassVar = {"loss": "loss", "heat": "heat", "overlap": "overlap"}
    curves: ClassVar = {"loss": {"loss": "loss", "heat": "of the centres, in nats"},
                        "share": {"overlap": "overlap of boxes", "off": "points off, of the box",
                                  "recall": f"recall at a precision of {PRECISION}"}}  # fmt: skip
    use = "to find faces with it: python preprocess.py --detector "

    def __init__(self, options: Any, faces: Any, run: Path | None, targets: Targets):
        """See training.task.Task. Raises Misuse without --pictures and for grey faces."""
        if options.pictures is None:
            raise Misuse("a detector learns from pictures whose faces are known: name a zip with --pictures")
        if options.channels != 3:
            raise Misuse("a detector is for colour, and grey pictures go through it too: leave out --channels")
        for path in (options.pictures, *options.photos):
            check_input(path, "--pictures" if path is options.pictures else "--photos")
        self.options = options
        _, pictures, known = read_pictures(options.pictures)
        held = np.arange(len(pictures)) % HELD == HELD - 1
        self.validation = [(pictures[i], known[i]) for i in np.flatnonzero(held)]
        self.trained = [(pictures[i], known[i]) for i in np.flatnonzero(~held)]
        self.player = build.build_detecting(options)
        self.networks = {"detector": self.player.detector}
        self.look = engine.forward(self.player.average)
        self.blocks = Blocks(stocked(self.trained, faces, options), options.seed, BLOCK * options.batch_size)
        self.order = Order(self.blocks.size, options.batch_size, options.seed)

    def begin(self, new: bool) -> None:
        """Give a new run the weights that --init-from names, and say what it learns from."""
        if new and (source := self.options.init_from):
            start_with(opened(_file(source), "detector").keras, source, self.player.detector, self.player.average)
        print(f"pictures   {len(self.trained):,} whole ones with {sum(len(k) for _, k in self.trained):,} faces, "
              f"and {len(self.validation):,} to validate on")  # fmt: skip

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed: (step, pixels, faces, changes), a function of (seed, step)."""
        rng = np.random.default_rng((self.options.seed, step))
        pixels, faces = self.blocks.block(self.order.epoch(step) // self.options.repeat)
        chosen = self.order.indices(step)
        factors = np.exp(rng.normal(0, 0.08, (len(chosen), 1)) + rng.normal(0, 0.05, (len(chosen), 3)))
        added = rng.normal(0, 0.05, (len(chosen), 1)) + rng.normal(0, 0.03, (len(chosen), 3))
        changes = np.concatenate([rng.random((len(chosen), 1)) < 0.5, factors, added], axis=1)
        return np.int32(step), pixels[chosen], faces[chosen], changes.astype(np.float32)

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """The recall on validation pictures, at the end."""
        if not last or not self.validation:
            return {}
        found = [self.found(picture) for picture, _ in self.validation]
        return {"recall": boxes.recall(found, [known for _, known in self.validation], PRECISION)}

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Nothing is known to go wrong."""
        return None

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        return {runs.DETECTOR: self.player.average}

    def found(self, picture: np.ndarray) -> boxes.Found:
        """A picture, uint8 (H, W, 3) -> the faces that the averaged detector finds in it."""
        return boxes.search(self.seen, picture)

    def seen(self, pictures: np.ndarray) -> np.ndarray:
        """What the averaged detector says of pictures (1, H, W, 3). It gets squares: it is compiled for each shape."""
        height, width = pictures.shape[1:3]
        square = np.full((1, max(height, width), max(height, width), 3), -1, np.float32)
        square[:, :height, :width] = pictures
        return self.look(square)[:, : height // CELL, : width // CELL]

    def sample(self) -> np.ndarray:
        """Pictures with the faces that it finds, and their eyes; validation pictures if there are any."""
        import cv2

        source = self.validation or self.trained
        shown = []
        for picture, _ in (source[i * len(source) // SHOWN] for i in range(SHOWN)):
            canvas, scale = letterbox(picture)
            faces = self.found(picture).surer(boxes.SURE)
            for box, points in zip(faces.boxes * scale, faces.points * scale, strict=True):
                x, y, width, height = (round(float(value)) for value in box)
                cv2.rectangle(canvas, (x, y), (x + width, y + height), (255, 0, 0), 2)
                for eye in points[:2]:
                    cv2.circle(canvas, [int(value) for value in eye], 2, (0, 255, 0), -1)
            shown.append(canvas)
        return images.grid(np.stack(shown), columns=COLUMNS)


def _file(path):
    return path / runs.DETECTOR if path.is_dir() else path


def letterbox(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """A picture -> it in the upper left of a black square of SIDE pixels, and how many times as large it is there."""
    import cv2

    scale = SIDE / max(picture.shape[:2])
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=way)
    return canvas, scale


def stocked(pictures: list[tuple[np.ndarray, np.ndarray]], faces: Any, options: Any) -> Path:
    """Pictures with their boxes, faces to paste, options -> the folder of a Stock of them, in the cache."""
    photos = open_faces(options.photos, options.size, 3, options.cache)
    content = hashlib.sha256(f"{faces.fingerprint} {photos.fingerprint}".encode())
    for pixels, known in pictures:
        content.update(pixels.tobytes() + known.tobytes())
    content.update(PARTS.read_bytes())
    folder = Path(options.cache) / f"{content.hexdigest()[:16]}-scenes"
    if Stock.is_in(folder):
        return folder
    chosen = spread(len(faces), FACES)
    finisher, cutouts, places = Finisher(), [], []
    pasted = faces[chosen]
    for start in Bar(range(0, len(pasted), 480), desc="places in faces", unit="batch"):
        some = pasted[start : start + 480]
        parts, found = finisher.parts(np.stack([images.to_array(images.to_image(face), SMALL) for face in some]))
        cutouts.append(np.round(255 * (1 - parts[..., OTHER])).astype(np.uint8))
        points = np.array([(face.left_eye, face.right_eye, face.mouth) for face in found], np.float32)
        eyes = points[:, :2].mean(axis=1)
        chin = eyes + CHIN * (points[:, 2] - eyes)
        places.append(np.concatenate([points, chin[:, None]], axis=1))
    stock = Stock(*packed(*zip(*pictures, strict=True)), pasted, np.concatenate(cutouts),
                  np.concatenate(places), photos[spread(len(photos), PHOTOS)])  # fmt: skip
    stock.save(folder)
    return folder


def spread(count: int, most: int) -> np.ndarray:
    """How many there are, how many are wanted -> indices of at most so many of them, spread evenly."""
    return np.arange(min(count, most)) * count // max(1, min(count, most))
