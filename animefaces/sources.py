"""Paths that a user names -> the pictures that are there: their names, in an order that stays, and their bytes.

The one rule, for train.py, evaluate.py, explore.py and preprocess.py alike:

- A picture is a file with one of the endings in images.SUFFIXES. Files with other endings are passed over.
- A folder is searched through: first its own pictures and zips in the order of their names, then its folders in the
  order of theirs. Links to folders are followed when all folders have been searched.
- Each folder is searched once, whatever name it is reached by. So a link to a folder above makes no endless loop.
- Hidden files and folders, whose names begin with a dot, are passed over, in zips too. One that the user names is read.
- A zip gives its pictures in the order of their names. It is never unpacked to disk. Zips inside zips are passed over.
- A picture, zip or folder that cannot be read is not passed over: it is listed, and reading it says why.

An npz gives pictures only to `Faces`, and only where the user names the file itself: see `arrays`.
"""

import collections
import contextlib
import functools
import itertools
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from animefaces import images
from animefaces.problems import Problem

# What reading a picture raises; the last four are of a damaged, encrypted or oddly packed zip.
FAULTS = (OSError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError)
MAX_FILE = 256 << 20  # bytes of one picture file: larger ones, zip bombs among them, are not read

Shape = tuple[int, ...]


class Entry(NamedTuple):
    """A picture that is listed and not read yet; or a zip or folder that cannot be listed."""

    name: str  # within the path that the user named: "sub/01.png", or "sub/set.zip/01.png"
    file: str  # absolute path of the picture, or of the zip that holds it
    member: zipfile.ZipInfo | None = None  # of a picture in a zip
    fault: Exception | None = None  # why it cannot be read, if that is known already

    @property
    def source(self) -> str:
        """The absolute path of the picture. A picture in a zip has the zip's path, a slash and its name in the zip."""
        return f"{self.file}/{self.member.filename}" if self.member else self.file

    def stamp(self) -> str:
        """A text that is another one when the picture has changed."""
        if self.member:
            return f"{self.member.CRC} {self.member.file_size}"
        with contextlib.suppress(OSError):  # a link to nowhere, or gone since it was listed: reading it says so
            if self.fault is None:
                state = os.stat(self.file)
                return f"{state.st_size} {state.st_mtime_ns}"
        return "unreadable"


def found(path: str | Path, seen: set[Any] | None = None) -> Iterator[Entry]:
    """A folder, a zip or a picture -> an Entry for each picture that the rule above finds there.

    `seen`: the `identity` of the folders that are passed over; each folder that is searched is added. Raises
    Problem for a path that does not exist.
    """
    _must_exist(path)
    root = os.path.abspath(path)
    if not os.path.isdir(root):
        yield from _in_file(root, os.path.basename(root), "")
        return
    start = len(os.path.join(root, ""))  # noqa: PTH118 - pathlib would change odd names, here and below
    for file, fault in _files(root, set() if seen is None else seen):
        name = file[start:]
        if fault:
            yield Entry(name or os.path.basename(root), file, fault=fault)
        else:
            yield from _in_file(file, name, name + "/")


def _files(root, seen):
    """(path, None) of each file below a folder, in the order of the rule; (path, OSError) of a closed folder."""
    links = collections.deque([root])
    while links:
        folders = [links.popleft()]
        while folders:
            folder = folders.pop()
            if (this := identity(folder)) in seen:
                continue
            seen.add(this)
            try:
                names = sorted(os.listdir(folder))
            except OSError as fault:
                yield folder, fault
                continue
            inside: list[str] = []
            for path in (os.path.join(folder, name) for name in names if not name.startswith(".")):  # noqa: PTH118
                if not os.path.isdir(path):
                    yield path, None
                else:
                    (links if os.path.islink(path) else inside).append(path)
            folders += reversed(inside)


def _must_exist(path):
    if not Path(path).exists():
        raise Problem(f"{path} does not exist: check the path")


def identity(folder: str | Path) -> Any:
    """What tells a folder from every other one, whatever name it is reached by."""
    with contextlib.suppress(OSError):
        state = os.stat(folder)
        return state.st_dev, state.st_ino
    return str(folder)


def _in_file(file, name, prefix):
    """The Entries of one file: a picture called `name`, or a zip whose pictures' names begin with `prefix`."""
    suffix = os.path.splitext(file)[1].lower()
    if suffix in images.SUFFIXES:
        yield Entry(name, file)
    elif suffix == ".zip":
        try:
            with zipfile.ZipFile(file) as archive:
                members = sorted(archive.infolist(), key=lambda member: member.filename)
        except FAULTS as fault:
            yield Entry(name, file, fault=fault if isinstance(fault, OSError) else ValueError(f"is damaged ({fault})"))
            return
        yield from (Entry(prefix + member.filename, file, member) for member in members if _is_picture(member))


def _is_picture(member):
    parts = member.filename.split("/")
    hidden = any(part.startswith(".") for part in parts if part not in (".", ".."))
    return not hidden and not member.is_dir() and os.path.splitext(parts[-1])[1].lower() in images.SUFFIXES


def readers(entries: Iterable[Entry]) -> Iterator[tuple[Callable[[Entry], bytes], Iterator[Entry]]]:
    """Entries as `found` gives them -> (a function from an Entry to its bytes, the next Entries that it can read).

    The Entries of each zip come together, so that it is opened once. Several threads may call the function; it
    raises one of FAULTS where a picture cannot be read.
    """
    for zipped, together in itertools.groupby(entries, key=lambda entry: entry.member and entry.file):
        if zipped is None:
            yield _read_file, together
            continue
        try:
            archive = zipfile.ZipFile(zipped)
        except FAULTS as fault:
            raise Problem(f"{zipped} was changed while it was read: run the same command again") from fault
        with archive:
            yield functools.partial(_read_member, archive), together


def _read_file(entry):
    if entry.fault:
        raise entry.fault
    state = os.stat(entry.file)
    if not stat.S_ISREG(state.st_mode):  # reading a pipe or a device may never end
        raise ValueError("is no file")
    if state.st_size > MAX_FILE:
        raise ValueError(f"holds {_mebibytes(state.st_size)} of any picture")
    return Path(entry.file).read_bytes()


def _read_member(archive, entry):
    # Only ever read into memory, never unpacked to disk: a member's path can lead nowhere.
    size = entry.member.file_size
    if size > MAX_FILE:
        raise ValueError(f"unpacks to {_mebibytes(size)} of any picture")
    with archive.open(entry.member) as member:
        return member.read(size)  # not read(): that unpacks all, whatever the size says


def _mebibytes(size):
    return f"{size >> 20} MiB, more than the {MAX_FILE >> 20}"


def reopen(source: str) -> bytes:
    """The `source` of an Entry -> the bytes of its picture. Raises one of FAULTS when it is gone."""
    if os.path.exists(source):
        return _read_file(Entry(source, source))
    for match in re.finditer(r"\.zip/", source, re.IGNORECASE):
        zipped, name = source[: match.end() - 1], source[match.end() :]
        if os.path.isfile(zipped):
            with zipfile.ZipFile(zipped) as archive, contextlib.suppress(KeyError):
                return _read_member(archive, Entry(name, zipped, archive.getinfo(name)))
    raise FileNotFoundError(f"{source} is gone")


def reason(fault: Exception) -> str:
    """One of FAULTS -> why a picture cannot be read, in one line."""
    text = (isinstance(fault, OSError) and fault.strerror) or str(fault)
    return " ".join(text.split()) or type(fault).__name__


def arrays(path: Path) -> tuple[dict[str, Shape], list[tuple[str, str]]]:
    """An npz -> (the shape of each array of pictures in it, by its name; the name and stamp of every array in it).

    An array of pictures is uint8 (N, H, W) or (N, H, W, 1 | 3 | 4); others, labels say, are left out. Raises Problem.
    """
    _must_exist(path)
    with _open_npz(path) as archive:
        shapes = {}
        for member in archive.infolist():
            with archive.open(member) as array:
                shape, fortran, dtype = _npy_header(array, path)
            stack = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))
            if stack and all(shape[1:]) and dtype == np.uint8 and not fortran:
                if math.prod(shape[1:]) > 4 * images.MAX_PIXELS:
                    raise Problem(f"{path}: pictures of {shape[1]}x{shape[2]} pixels are too large: make them smaller")
                shapes[member.filename] = shape
        return shapes, [(member.filename, f"{member.CRC} {member.file_size}") for member in archive.infolist()]


def array_rows(path: Path, shapes: dict[str, Shape]) -> Iterator[tuple[str, np.ndarray]]:
    """An npz and its shapes, as `arrays` gives them -> (name, uint8 (H, W) or (H, W, C)) of each picture, in order.

    One picture at a time is in memory. Raises Problem where the npz is damaged.
    """
    with _open_npz(path) as archive:
        for name, shape in shapes.items():
            with archive.open(name) as array:
                _npy_header(array, path)
                for number in range(shape[0]):
                    row = np.frombuffer(array.read(math.prod(shape[1:])), np.uint8)
                    yield f"{name}[{number}]", row.reshape(shape[1:])  # a ValueError where bytes are missing


@contextlib.contextmanager
def _open_npz(path):
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (EOFError, *FAULTS) as fault:
        if isinstance(fault, OSError):
            raise
        raise Problem(f"{path} is damaged ({fault}): copy or download it again") from fault


def _npy_header(member, path):
    try:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        return read(member)
    except (ValueError, KeyError, EOFError) as fault:
        raise Problem(f"{path} is no npz of arrays ({fault}): write it with numpy.savez_compressed") from fault
