"""Crops -> what is seen in each, and an order in which faces that look alike are neighbours."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animefaces import images, looks, npz, sources
from animefaces.progress import Bar
from gathering import cleaning

SIDE = 6  # pixels of the small pictures whose colours are compared
NAME = ".seen.npz"  # what was seen before: the names of crops come from their pixels, so it stays true
GROUP = 1500  # so many faces are put in order by comparing each with each


class Seen(NamedTuple):
    """What is seen in N crops, a row for each."""

    looks: np.ndarray  # uint8 (N, looks.SIZE): the probabilities of looks, in parts of 255
    colours: np.ndarray  # uint8 (N, SIDE * SIDE * 3): each crop as a very small picture
    sharpness: np.ndarray  # float32 (N,), as gathering/cleaning.py measures it
    colour: np.ndarray  # float32 (N,), likewise
    side: np.ndarray  # float32 (N,), the width of the crop in pixels


def look_at(files: Iterable[Path], folder: Path) -> tuple[list[bool], Seen]:
    """Files of crops -> (whether each could be read, what is seen in those). `folder`: where to keep it."""
    known, found, rows = _known(folder), [], []
    reader = None
    files = list(files)
    unknown = sum(file.name not in known for file in files)
    with Bar(total=unknown, desc="looking at the crops", unit="crop") as bar:
        for file in files:
            row = known.get(file.name)
            if row is None:
                if reader is None:
                    from drawing.reading import OF_DRAWINGS, open_reader

                    reader = open_reader(OF_DRAWINGS)
                row = known[file.name] = _seen(file, reader)
                bar.update()
            found.append(row is not None)
            rows += [row] * (row is not None)
    seen = _stacked(rows)
    if unknown:
        names = [file.name for file, there in zip(files, found, strict=True) if there]
        npz.write(folder / NAME, names=np.array(names, dtype=str), **seen._asdict())
    return found, seen


def _seen(file, reader):
    """A file -> its row of Seen; None if it cannot be read."""
    try:
        pixels = images.read(io.BytesIO(sources.reopen(str(file))))
        small = images.to_array(images.to_image(pixels), SIDE, 3)
        grey = cleaning.measured(pixels)
        row = np.clip(reader.read(pixels[None])[0] * 255, 0, 255).round().astype(np.uint8)
        return row, small.ravel(), cleaning.sharpness(grey), cleaning.colour(pixels), pixels.shape[1]
    except (*sources.FAULTS, MemoryError):
        return None


def _stacked(rows):
    kinds = (np.uint8, looks.SIZE), (np.uint8, SIDE * SIDE * 3), *[(np.float32, 0)] * 3
    columns = zip(*rows, strict=True) if rows else [[]] * len(kinds)
    return Seen(*(np.array(column, kind).reshape((len(rows), width) if width else -1)
                  for column, (kind, width) in zip(columns, kinds, strict=True)))  # fmt: skip


def _known(folder):
    """What was seen before, by the name of the crop. A file that is not ours, or damaged, says nothing."""
    try:
        names, *arrays = npz.read(folder / NAME, "names", *Seen._fields)
        ours = _stacked([])
        if any(a.dtype != b.dtype or a.shape != (len(names), *b.shape[1:]) for a, b in zip(arrays, ours, strict=True)):
            return {}
        return dict(zip(map(str, names), zip(*arrays, strict=True), strict=True))
    except (OSError, ValueError, TypeError):
        return {}


def order(seen: Seen) -> np.ndarray:
    """What is seen in N crops -> their numbers, int (N,), so that faces that look alike are neighbours."""
    features = np.concatenate([_weighted(seen.looks), seen.colours / np.float32(255) / 2], axis=1).astype(np.float32)
    path: list[int] = []
    for group in _groups(features, np.arange(len(features))):
        path += _walk(features, group, path[-1] if path else None)
    return np.array(path, int)


def _weighted(rows):
    """Rows of looks -> numbers whose distance says how unlike two faces look. The colour of the hair counts most."""
    made = np.sqrt(rows.astype(np.float32) / 255)
    weights = {"hair": 2.0, "length": 0.7, "turn": 0.7, "mouth": 0.5, "smile": 0.3, "age": 0.3}
    for name, place in looks.PLACES.items():
        made[:, place] *= weights.get(name, 0.6)
    return made


def _groups(features, rows):
    """Split rows along their widest axis until no part has more than GROUP: neighbours in space stay together."""
    if len(rows) <= GROUP:
        return [rows] if len(rows) else []
    part = features[rows] - features[rows].mean(axis=0)
    axis = np.linalg.eigh(part.T @ part)[1][:, -1]
    rows = rows[np.argsort(part @ axis, kind="stable")]
    half = len(rows) // 2
    return _groups(features, rows[:half]) + _groups(features, rows[half:])


def _walk(features, rows, before):
    """Rows -> the same in the order of a walk from each to the nearest that is left. `before`: where it comes from."""
    points = features[rows]
    squares = (points**2).sum(axis=1)
    start = points[0] if before is None else features[before]
    here = int(((points - start) ** 2).sum(axis=1).argmin())
    left, path = np.ones(len(rows), bool), []
    for _ in rows:
        path.append(here)
        left[here] = False
        distances = np.where(left, squares - 2 * (points @ points[here]), np.inf)
        here = int(distances.argmin())
    return rows[_mended(points, path)].tolist()


def _mended(points, path):
    """A walk -> a shorter one: faces that were left for the end go where they belong."""
    path = list(path)
    for point in sorted(path, key=lambda p: -_detour(points, path, path.index(p)))[: len(path) // 8]:
        path.remove(point)
        there = np.linalg.norm(points[path] - points[point], axis=1)
        steps = np.linalg.norm(np.diff(points[path], axis=0), axis=1)
        path.insert(int((there[:-1] + there[1:] - steps).argmin()) + 1 if len(path) > 1 else 0, point)
    return path


def _detour(points, path, place):
    """How much shorter a walk would be without one of its faces."""
    if not 0 < place < len(path) - 1:
        return 0.0
    a, b, c = (points[path[place + step]] for step in (-1, 0, 1))
    return float(np.linalg.norm(a - b) + np.linalg.norm(b - c) - np.linalg.norm(a - c))
