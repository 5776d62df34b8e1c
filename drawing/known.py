"""Faces of a generator whose looks are known: read by a reader of drawings, or labelled by eye for the shipped one."""

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animefaces import latents, looks, marks, npz
from animefaces.looks import PLACES, SIZE
from animefaces.problems import Problem
from animefaces.progress import Bar
from drawing import flaws
from drawing.generator import Generator
from drawing.networks import ROWS
from drawing.reading import OF_DRAWINGS, Reader, open_reader

FILE = "looks.npz"  # beside generator.keras
UNWANTED = {"hat": "yes", "eyes": "closed", "glasses": "yes", "flaw": "yes"}
SEEN, KEPT = 3_000, 1_000  # so many faces of a generator are read, and the cleanest ones are kept
WELL = 6  # of so many faces of a kind, the best one counts as well drawn; it divides SEEN
MAX_SEED = np.iinfo(np.int64).max
MAX_WELL = 1_000_000  # a small file may unpack to more
COARSE = 8  # light and dark are compared in COARSE x COARSE squares


class Faces(NamedTuple):
    """Faces of a generator whose looks are known."""

    seeds: np.ndarray  # int64 (N,)
    looks: np.ndarray  # float32 (N, SIZE)
    shapes: np.ndarray  # float32 (N, COARSE, COARSE): light and dark
    well: np.ndarray  # int64 (M,): seeds of well drawn faces, whatever their looks


def shape_of(pixels: np.ndarray) -> np.ndarray:
    """Faces, uint8 (N, H, W, C) -> light and dark in COARSE x COARSE squares, standardised, float32 (N, 8, 8)."""
    import cv2

    grey = pixels.mean(axis=-1).astype(np.float32)
    small = np.stack([cv2.resize(one, (COARSE, COARSE), interpolation=cv2.INTER_AREA) for one in grey])
    small -= small.mean(axis=(1, 2), keepdims=True)
    return small / (small.std(axis=(1, 2), keepdims=True) + 1e-3)


def read_faces(generator: Generator) -> Faces | None:
    """A generator -> the faces whose looks are known, from the file beside it.

    None if there is no file for it, or one of an older version, which did not say which faces are well drawn.
    """
    file = generator.file.with_name(FILE)
    try:
        mark = marks.read(file)
        if mark is None or mark.weights != generator.mark.weights:
            return None
        seeds, rows, shapes, well = npz.read(file, "seeds", "looks", "shapes", "well")
        count = seeds.size
        if not count or [seeds.shape, rows.shape, shapes.shape] != [(count,), (count, SIZE), (count, COARSE, COARSE)]:
            return None
        if (
            well.ndim != 1
            or well.size > MAX_WELL
            or not {each.dtype.kind for each in (seeds, rows, shapes, well)} <= {"i", "u"}
        ):
            return None
        if any(each.size and (each.min() < 0 or int(each.max()) > MAX_SEED) for each in (seeds, well)):
            return None
    except (OSError, ValueError):
        return None
    return Faces(seeds.astype(np.int64), rows.astype(np.float32) / 255, shapes.astype(np.float32) / 32,
                 well.astype(np.int64))  # fmt: skip


def write_faces(file: Path, faces: Faces, mark: marks.Mark) -> None:
    """Write faces whose looks are known beside their generator."""
    rows = np.round(np.clip(faces.looks, 0, 1) * 255).astype(np.uint8)
    shapes = np.round(np.clip(faces.shapes * 32, -127, 127)).astype(np.int8)
    npz.write(file, seeds=faces.seeds.astype(np.int32), looks=rows, shapes=shapes,
              well=faces.well.astype(np.int32), **mark.arrays())  # fmt: skip


def looked_at(generator: Generator, reader: Reader, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A generator, and a reader of drawings -> what is seen in the faces of the first `count` seeds.

    Their rows of looks, float32 (`count`, SIZE), their shapes (`shape_of`), and about which share of judges would see a
    flaw in each, float64 (`count`,).
    """
    rows, shapes, flawed = [], [], []
    for start in Bar(range(0, count, ROWS), desc="reading faces", unit="batch"):
        drawn = generator.draw(latents.from_seeds(range(start, min(start + ROWS, count)), generator.latent))
        rows.append(reader.read(drawn))
        shapes.append(shape_of(drawn))
        flawed.append(flaws.seen(drawn))
    return np.concatenate(rows), np.concatenate(shapes), np.concatenate(flawed)


def well_drawn(rows: np.ndarray, flawed: np.ndarray) -> np.ndarray:
    """Rows of looks and flaws from `looked_at` -> the seeds of the best of each kind, int64 (`count` / WELL,)."""
    return flaws.best_of(flawed, flaws.kinds(rows), WELL)


def look_at(generator: Generator) -> Faces:
    """A generator -> the looks of its cleanest faces, as the reader of drawings sees them, and its well drawn faces.

    Clean is a face with nothing UNWANTED that the reader sees, and without a flaw that judges would see. They are kept
    beside the generator.
    """
    print(f"looks      of {SEEN:,} faces of {generator.name} are read, once")
    rows, shapes, flawed = looked_at(generator, open_reader(OF_DRAWINGS), SEEN)
    spoilt = flawed + np.sum([rows[:, PLACES[name].start + looks.BY_NAME[name].words.index(word)]
                     for name, word in UNWANTED.items()], axis=0)  # fmt: skip
    clean = np.sort(np.argsort(spoilt, kind="stable")[:KEPT])
    faces = Faces(clean, rows[clean], shapes[clean], well_drawn(rows, flawed))
    with contextlib.suppress(OSError, Problem):  # the folder may be closed to us: then it is done again next time
        write_faces(generator.file.with_name(FILE), faces, generator.mark)
    return faces
