"""Arrays in an npz or npy file -> pictures, if it is clear how they are meant. The others are named.

What an array is, its shape and its numbers say:

- (N, H, W), (N, H, W, C) and (N, C, H, W) are N pictures, (H, W, C) is one. C is 1, 3 or 4; H and W are at least 8.
- Whole numbers go from 0 to 255 or to 65535. Floats go from 0 to 1, from -1 to 1, or from 0 to 255.
- An array of small whole numbers holds labels or a mask. So does an array whose name says so, and a grey one beside as
  many pictures in colour.
"""

import contextlib
import functools
import math
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np

from animefaces.decoding import MAX_PIXELS, TOO_MANY
from animefaces.formats import NoPicture
from animefaces.problems import Problem
from animefaces.sources import FAULTS, open_regular

ENDINGS = (".npz", ".npy")
CHANNELS = (1, 3, 4)
LEAST = 8  # pixels on a side: what has less is a list of points or boxes
LABELS = 32  # if all numbers are smaller, they number classes
BLOCK = 1 << 20  # bytes that are looked at together
MAX_WHOLE = 1 << 30  # bytes of an array in Fortran's order: its pictures cannot be read one by one
_CALLED = re.compile(r"mask|label|segm|annot|depth", re.IGNORECASE)

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """How an array holds pictures."""

    shape: Shape  # (N, H, W, C)
    stored: Shape  # of one picture in the array
    first: bool = False  # the channels are its first axis


class Array(NamedTuple):
    """An array of pictures. A number of it times `slope`, plus `offset`, is in [0, 255]."""

    name: str  # as in the file: "x_train.npy"
    layout: Layout
    dtype: np.dtype
    slope: float
    offset: float
    fortran: bool

    def understood(self) -> str:
        """In words: "images: 20,000 x 64 x 64 x 3"."""
        shape = " x ".join(f"{side:,}" for side in self.layout.shape)
        changed = ", its channels came first" * self.layout.first
        kind = "" if self.dtype == np.uint8 else f", from {self.dtype}"
        return f"{os.path.splitext(self.name)[0]}: {shape}{changed}{kind}"


class Found(NamedTuple):
    """What a file of arrays holds."""

    pictures: list[Array]
    others: list[tuple[str, str]]  # the name of each array that is not used, and why
    stamps: list[tuple[str, str]]  # the name of each array, and a text that is another one when the array has changed


def found(path: Path) -> Found:
    """An npz or npy file -> what it holds. Raises Problem if it cannot be read."""
    pictures, others, shapes = [], [], []
    with _members(path) as members:
        for _, _, opened in members:
            with opened() as content:
                shapes.append(_header(path, content)[0])
        for name, _, opened in members:
            try:
                with opened() as content:
                    pictures.append(_understood(path, name, content, shapes))
            except NoPicture as fault:
                others.append((name, str(fault)))
    colour = {array.layout.shape[0] for array in pictures if array.layout.shape[3] > 1}
    for array in [a for a in pictures if a.layout.shape[3] == 1 and a.layout.shape[0] in colour]:
        pictures.remove(array)
        others.append((array.name, "grey beside as many pictures in colour, as masks are"))
    return Found(pictures, others, [(name, stamp) for name, stamp, _ in members])


def rows(path: Path, arrays: Iterable[Array]) -> Iterator[tuple[str, np.ndarray]]:
    """A file and its arrays of pictures -> (name, uint8 (H, W, C)) of each picture, in order.

    One picture at a time is in memory, but for arrays in Fortran's order. Raises Problem where the file is damaged.
    """
    wanted = {array.name: array for array in arrays}
    with _members(path) as members:
        for name, _, opened in members:
            if array := wanted.get(name):
                with opened() as content:
                    shape, _, _ = _header(path, content)
                    stored = _stored(array, content, shape)
                    yield from ((f"{name}[{i}]", _pixels(array, picture)) for i, picture in enumerate(stored))


def _stored(array, content, shape):
    """An array, opened behind its header -> its pictures one by one, as they are stored."""
    if array.fortran:
        return iter(_numbers(content, array.dtype, shape[::-1]).T.reshape(-1, *array.layout.stored))
    return (_numbers(content, array.dtype, array.layout.stored) for _ in range(array.layout.shape[0]))


def _numbers(content, dtype, shape):
    """The next numbers of an array. Raises ValueError where bytes are missing."""
    return np.frombuffer(content.read(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)


def _pixels(array, stored):
    """A picture as it is stored -> uint8 (H, W, C)."""
    layout = array.layout
    row = (np.moveaxis(stored, 0, -1) if layout.first else stored).reshape(layout.shape[1:])
    if array.dtype == np.uint8:
        return row
    return np.clip(row * array.slope + (array.offset + 0.5), 0, 255).astype(np.uint8)


@contextlib.contextmanager
def _members(path: Path) -> Iterator[list[tuple[str, str, Any]]]:
    """An npz or npy -> (name, stamp, a function that opens it) of each array. Raises Problem for a damaged file."""
    try:
        if path.suffix.lower() == ".npy":
            state = os.stat(path)
            yield [(path.name, f"{state.st_size} {state.st_mtime_ns}", functools.partial(open_regular, path))]
            return
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            yield [(m.filename, f"{m.CRC} {m.file_size}", functools.partial(archive.open, m)) for m in members]
    except OSError:
        raise
    except FAULTS as fault:
        raise Problem(f"{path} is damaged ({fault}): copy or download it again") from fault


def _understood(path, name, content, shapes):
    """A member of the file, opened, and the shapes of all -> an Array. Raises NoPicture if that is not clear."""
    shape, fortran, dtype = _header(path, content)
    if _CALLED.search(name):
        raise NoPicture("labels or masks, as its name says")
    if dtype.kind not in "uif":
        raise NoPicture("true and false, as masks are" if dtype.kind == "b" else f"no numbers, but {dtype}")
    layout = layout_of(shape, shapes)
    if fortran and math.prod(shape) * dtype.itemsize > MAX_WHOLE:
        raise NoPicture("too large in Fortran's order: convert it with numpy.ascontiguousarray")
    if math.prod(layout.stored) * dtype.itemsize > 4 * MAX_PIXELS:
        raise NoPicture(TOO_MANY)
    return Array(name, layout, dtype, *_scale(_blocks(content, math.prod(shape), dtype), dtype), fortran)


def _header(path, content):
    """A member of the file, opened -> (shape, whether it is in Fortran's order, dtype) of its array."""
    try:
        version = np.lib.format.read_magic(content)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        return read(content)
    except (ValueError, KeyError, EOFError, TokenError) as fault:
        raise Problem(f"{path} holds something else than arrays: write it with numpy.savez_compressed") from fault


def layout_of(shape: Shape, others: Iterable[Shape] = ()) -> Layout:
    """The shape of an array -> how it holds pictures. Raises NoPicture if it holds none, or if it is not clear.

    `others`: the shapes of the arrays beside it. (3, H, W) is three grey pictures if one of them has more of this size.
    """
    sides = " x ".join(f"{side:,}" for side in shape)
    if not all(shape):
        raise NoPicture(f"{sides}: empty")
    if len(shape) == 4 and shape[3] in CHANNELS and min(shape[1:3]) >= LEAST:
        return Layout(shape, shape[1:])
    if len(shape) == 4 and shape[1] in CHANNELS and min(shape[2:]) >= LEAST:
        return Layout((shape[0], *shape[2:], shape[1]), shape[1:], first=True)
    if len(shape) == 3 and shape[2] in CHANNELS and min(shape[:2]) >= LEAST:
        return Layout((1, *shape), shape)
    if len(shape) == 3 and min(shape[1:]) >= LEAST:
        grey = any(len(other) == 3 and other[1:] == shape[1:] and other[0] not in CHANNELS for other in others)
        if shape[0] in CHANNELS[1:] and not grey:
            raise NoPicture(f"{sides}: one picture or {shape[0]}? reshape it to N x height x width x channels")
        return Layout((*shape, 1), shape[1:])
    raise NoPicture(f"an array of {sides or 'one number'}: pictures are N x height x width x channels")


def _blocks(content, count, dtype):
    """A member of the file, opened behind its header -> its numbers, some at a time."""
    while count:
        block = np.frombuffer(content.read(min(count, BLOCK // dtype.itemsize) * dtype.itemsize), dtype)
        if not len(block):
            raise ValueError("it holds less than it says")
        yield block
        count -= len(block)


def _scale(blocks, dtype):
    """The numbers of an array -> (slope, offset) to bring them to [0, 255]. Raises NoPicture if they are not clear."""
    low, high, between = math.inf, -math.inf, False
    for block in blocks:
        if not np.isfinite(block).all():
            raise NoPicture("some of its numbers are not finite")
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        between = between or bool(((block > 0) & (block < 1)).any())
        if dtype == np.uint8 and high >= LABELS:
            return 1, 0  # the rest need not be looked at
    if low == high == 0:
        return 1, 0
    if between and low >= 0 and high <= 1:
        return 255, 0
    if between and -1 <= low <= -0.5 and high <= 1:
        return 127.5, 127.5
    if low >= 0 and high < LABELS:
        raise NoPicture(f"numbers from {low:g} to {high:g}, as labels and masks have")
    if low >= 0 and high <= 255:
        return 1, 0
    if dtype.kind == "u" and 2**14 <= high < 2**16:
        return 1 / 257, 0
    raise NoPicture(f"numbers from {low:g} to {high:g}: convert them to 0 to 255")
