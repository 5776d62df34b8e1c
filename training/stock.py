"""What scenes are made of: whole pictures with known faces, drawn faces to paste, and photos."""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animefaces import images, sources, tables
from animefaces.files import written_whole
from animefaces.problems import Problem

LONGEST = 480  # pixels: a larger picture is made smaller before it is used
POINTS = 4  # left eye, right eye, mouth, chin
FAULTS: tuple[type[Exception], ...] = (*sources.FAULTS, KeyError, TypeError, csv.Error)  # of a zip of pictures


class Stock(NamedTuple):
    """What scenes are made of. The arrays may be maps of files."""

    pixels: np.ndarray  # uint8 (P, 3): the pixels of all pictures, one picture after the other
    shapes: np.ndarray  # int64 (N, 3): of each picture its first pixel, height and width
    rows: np.ndarray  # float32 (F, 5): number of a picture, and x, y, width, height of a face in it
    faces: np.ndarray  # uint8 (M, S, S, 3): drawn faces
    cutouts: np.ndarray  # uint8 (M, s, s): 255 where the head is
    places: np.ndarray  # float32 (M, POINTS, 2): the points, as parts of the face's side
    photos: np.ndarray  # uint8 (K, S, S, 3): photos, in which nothing is a drawn face

    def save(self, folder: Path) -> None:
        """Write it, for `open`."""
        for name, array in self._asdict().items():
            with written_whole(folder / f"{name}.npy") as temporary, open(temporary, "wb") as out:
                np.save(out, array)

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether the folder holds a whole stock."""
        return all((folder / f"{name}.npy").exists() for name in cls._fields)

    @classmethod
    def open(cls, folder: Path) -> "Stock":
        """A folder that `save` wrote -> the stock, as maps of its files: processes that open it share the memory."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in cls._fields))

    def picture(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Number of a picture -> uint8 (H, W, 3), and its faces (F, 4): x, y, width, height."""
        first, height, width = self.shapes[number]
        pixels = self.pixels[first : first + height * width].reshape(height, width, 3)
        start, stop = np.searchsorted(self.rows[:, 0], [number, number + 1])
        return pixels, self.rows[start:stop, 1:]


def read_pictures(file: Path) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """A zip of pictures and boxes.csv -> their names, pixels, and boxes (F, 4), the pictures at most LONGEST pixels.

    Raises Problem.
    """
    import cv2

    remedy = "give a zip of pictures and boxes.csv (file,x,y,width,height in pixels)"
    try:
        with zipfile.ZipFile(file) as archive:
            table = tables.rows(io.TextIOWrapper(archive.open("boxes.csv"), encoding="utf-8"),
                                "file", "x", "y", "width", "height")  # fmt: skip
            boxes: dict[str, list[list[float]]] = {}
            for line in table:
                boxes.setdefault(line["file"], []).append([float(line[key]) for key in ("x", "y", "width", "height")])
            names, pictures = sorted(boxes), []
            for name in names:
                pixels = images.read(io.BytesIO(archive.read(name)))
                shrink = min(1.0, LONGEST / max(pixels.shape[:2]))
                if shrink < 1:
                    size = [max(1, round(side * shrink)) for side in pixels.shape[1::-1]]
                    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
                    boxes[name] = [[value * shrink for value in box] for box in boxes[name]]
                pictures.append(pixels)
    except FAULTS as fault:
        raise Problem(f"{file} cannot be read ({fault}): {remedy}") from fault
    if not names:
        raise Problem(f"{file} has no labelled faces: {remedy}")
    return names, pictures, [np.array(boxes[name], np.float32) for name in names]


def packed(pictures: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures and their boxes -> pixels, shapes and rows of a Stock."""
    ends = np.cumsum([0, *(p.shape[0] * p.shape[1] for p in pictures)])
    shapes = np.array([[end, *p.shape[:2]] for end, p in zip(ends[:-1], pictures, strict=True)], np.int64)
    rows = [[number, *box] for number, many in enumerate(boxes) for box in many]
    return np.concatenate([p.reshape(-1, 3) for p in pictures]), shapes, np.array(rows, np.float32)
