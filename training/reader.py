"""A reader of looks, on faces whose looks are known from a table."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from animefaces import images, looks, runs
from animefaces.batches import Order, Part, is_test_photo
from animefaces.problems import Misuse, Problem
from drawing.reading import open_reader
from models import build
from models.batches import in_batches
from training.start import start_with
from training.task import Targets

COLUMNS = 16  # faces in a row of a sample
CHECKED = 600  # test pictures at most that are read at each measurement


class Task:
    """A reader. A tenth of the pictures is never trained on, and tells how well it reads."""

    many_machines: ClassVar = False
    trial: ClassVar = False
    shown: ClassVar = {"loss": "loss", "right": "right"}
    curves: ClassVar = {"nats": {"loss": "loss"}, "share": {"right": "words that are right"},
                        "kappa": {"kappa": "mean agreement on test pictures"}}  # fmt: skip
    use = "to read photos with it: python encode.py photo.jpg --reader "

    def __init__(self, options: Any, faces: Any, run: Path | None, targets: Targets):
        """See training.task.Task. Raises Misuse without --labels."""
        if options.labels is None:
            raise Misuse("a reader learns from labels: name a table with --labels")
        names = faces.names()
        rows, test = looks.read_table(options.labels, names), is_test_photo(names)
        known = ~np.isnan(rows).all(axis=1)
        if not (known & ~test).any():
            raise Problem("no picture to train on has a label (a number that ends in 9 means a test picture): "
                          "label more of them")  # fmt: skip
        self.options, self.measured = options, -1
        self.faces, self.rows = (Part(faces, np.flatnonzero(known & ~test)), rows[known & ~test])
        self.test_faces, self.test_rows = Part(faces, np.flatnonzero(known & test)), rows[known & test]
        self.player = build.build_reading(options, looks.SIZES)
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        self.networks = {"reader": self.player.reader}

    def begin(self, new: bool) -> None:
        """Give a new run the weights that --init-from names, and say how many labels there are."""
        source = self.options.init_from
        if new and source:
            reader = open_reader(source)
            if (reader.size, reader.channels) != (self.options.size, self.options.channels):
                raise Misuse(f"{source} reads other pictures: give --size {reader.size} --channels {reader.channels}")
            start_with(reader.network.keras, source, self.player.reader, self.player.average)
        print(f"labels     of {len(self.faces):,} pictures, and of {len(self.test_faces):,} test pictures")

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """The mean agreement with the labels of test pictures, at the end."""
        if not last or not len(self.test_faces):
            return {}
        count = min(CHECKED, len(self.test_faces))
        places = np.arange(count) * len(self.test_faces) // count
        read = in_batches(self.player.average, images.to_network(self.test_faces[places]))
        agreement = looks.agreement(read, self.test_rows[places])
        figures = {name: kappa for name, (*_, kappa) in agreement.items()}
        print("agreement  " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
        return {"kappa": float(np.mean(list(figures.values())))} if figures else {}

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Nothing is known to go wrong."""
        return None

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed: (step, images, looks), a function of (seed, step)."""
        rng, indices = np.random.default_rng((self.options.seed, step)), self.order.indices(step)
        rows, pixels = self.rows[indices], self.faces[indices]
        turned = rng.random(len(pixels)) < 0.5
        rows = np.where(turned[:, None], looks.mirrored(rows), rows)
        pixels = np.stack([roughened(face[:, ::-1] if flip else face, rng)
                           for face, flip in zip(pixels, turned, strict=True)])  # fmt: skip
        return np.int32(step), images.to_network(pixels), rows

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        return {runs.READER: self.player.average}

    def sample(self) -> np.ndarray:
        """The pictures that it is trained with, as it sees them."""
        pixels = self.faces[np.arange(COLUMNS * 4) % len(self.faces)]
        rng = np.random.default_rng(self.options.seed)
        return images.grid(np.stack([roughened(face, rng) for face in pixels]), columns=COLUMNS)


def roughened(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face, uint8 (S, S, C) -> the same from a little elsewhere, in another light, by a worse camera, or in grey."""
    import cv2

    side, channels = face.shape[0], face.shape[2]
    angle, zoom = rng.normal(0, 5), float(np.exp(rng.normal(0, 0.07)))
    matrix: Any = cv2.getRotationMatrix2D((side / 2, side / 2), angle, zoom)
    matrix[:, 2] += rng.normal(0, 0.026 * side, 2)
    turned = cv2.warpAffine(np.ascontiguousarray(face), matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    made: Any = turned.reshape(face.shape).astype(np.float32)
    chance = rng.random(4)
    if chance[0] < 0.25:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.4, 1.6) * side / 96).reshape(face.shape)
    if chance[1] < 0.12:
        made = np.repeat(made.mean(axis=2, keepdims=True), channels, axis=2)
    made = 255 * np.clip(made / 255, 0, 1) ** np.exp(rng.normal(0, 0.15))
    made = (made - 128) * np.exp(rng.normal(0, 0.12)) + 128 + rng.normal(0, 8) + rng.normal(0, 4, channels)
    if chance[2] < 0.3:
        made = made + rng.normal(0, rng.uniform(1, 10), made.shape)
    if chance[3] < 0.3:
        height, width = (rng.uniform(0.1, 0.3, 2) * side).astype(int)
        top, left = (rng.random(2) * (side - np.array([height, width]))).astype(int)
        made[top : top + height, left : left + width] = rng.uniform(0, 255, channels)
    return np.clip(made, 0, 255).astype(np.uint8)
