"""Pictures as one indexable array: folders, zips, npz, several at once -> uint8 (N, size, size, C).

Each source is decoded once into a cache file of raw pixels, which batches are then read from.
Memory stays bounded whatever N is.
"""

import contextlib
import functools
import hashlib
import io
import itertools
import json
import math
import os
import weakref
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from animefaces import images
from animefaces.files import written_whole
from animefaces.problems import Problem

CACHE = Path("data/cache")
# What reading a picture raises; the last four are of a damaged, encrypted or oddly packed zip.
FAULTS = (OSError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError)
MAX_FILE = 256 << 20  # bytes of one compressed picture: larger ones, zip bombs among them, are skipped
AT_ONCE = 512  # pictures decoded between two writes


class Faces:
    """The pictures of all sources, in order. faces[indices] -> uint8 (len(indices), size, size, C)."""

    def __init__(self, parts):
        """`parts`: a list of (cache file, record), as `_cached` gives them."""
        self._files = [open(path, "rb") for path, _ in parts]  # noqa: SIM115 - open as long as we are
        weakref.finalize(self, lambda files: [file.close() for file in files], self._files)
        self._records = [record for _, record in parts]
        self._notes = [_names_file(path) for path, _ in parts]
        self._ends = np.cumsum([record["shape"][0] for record in self._records])
        self.shape = (int(self._ends[-1]), *self._records[0]["shape"][1:])
        self.skipped = [tuple(entry) for record in self._records for entry in record["skipped"]]
        self.resized = sum(record["resized"] for record in self._records)
        # Of the pixels, not of paths and dates: the same pictures elsewhere are the same data.
        self.fingerprint = hashlib.sha256("".join(r["content"] for r in self._records).encode()).hexdigest()

    def __len__(self):
        return self.shape[0]

    def names(self):
        """The name of each picture within its source, a list: a path or a zip member, or "array.npy[12]"."""
        lines = [line for note in self._notes for line in note.read_text(encoding="utf-8").splitlines()]
        return [json.loads(line) for line in lines]

    def __getitem__(self, indices):
        indices = np.asarray(indices)
        batch = np.empty((len(indices), *self.shape[1:]), np.uint8)
        sources = np.searchsorted(self._ends, indices, side="right")
        for source in np.unique(sources):
            record, here = self._records[source], sources == source
            # Mapped anew each time: a mapping that stays would come to hold the whole set in memory.
            pixels = np.memmap(self._files[source], np.uint8, "r", record["offset"], tuple(record["shape"]))
            batch[here] = pixels[indices[here] - self._ends[source] + record["shape"][0]]
        return batch


def open_faces(paths, size, channels=3, cache=CACHE):
    """Paths of folders (searched through), zips, npz files and pictures -> Faces.

    Pictures are centre-cropped and resized to (size, size, channels). Raises Problem when a path is
    missing, is nothing of these, or no picture can be read.
    """
    parts = [_cached(Path(path), size, channels, Path(cache)) for path in paths]
    faces = Faces(parts)
    if len(faces) == 0:
        named = ", ".join(str(p) for p in paths)
        why = f" ({len(faces.skipped)} could not be read)" if faces.skipped else ""
        raise Problem(f"no pictures in {named}{why}: give a folder, zip or npz with png, jpg or webp pictures")
    return faces


@dataclass(frozen=True)
class Source:
    """What is at one path: `stamp` changes when its content does; `rows()` yields (name, loaded).

    `loaded` is (pixels, whether they were resized), or the exception that says why there are none.
    """

    stamp: str
    count: int
    rows: object


def _open_source(path, size, channels):
    if not path.exists():
        raise Problem(f"{path} does not exist: check the path")
    try:
        if path.is_dir():
            return _folder(path, size, channels)
        if path.suffix.lower() == ".npz":
            return _npz(path, size, channels)
        if path.suffix.lower() == ".zip":
            return _zip(path, size, channels)
        if path.suffix.lower() in images.SUFFIXES and path.is_file():
            return _pictures([path.name], [_file_stamp(path)], _files_in(path.parent), size, channels)
    except zipfile.BadZipFile as fault:
        raise Problem(_damaged(path, fault)) from fault
    raise Problem(f"{path} holds no pictures: give a folder, a .zip, a .npz or a picture")


def _damaged(path, fault):
    return f"{path} is damaged ({fault}): copy or download it again"


def _folder(path, size, channels):
    names, stamps = [], []
    for folder, folders, files in os.walk(path):  # does not follow links to folders, so loops cannot trap it
        folders.sort()
        for file in sorted(files):
            if Path(file).suffix.lower() in images.SUFFIXES and not file.startswith("."):
                full = Path(folder, file)
                names.append(str(full.relative_to(path)))
                stamps.append(_file_stamp(full))
    return _pictures(names, stamps, _files_in(path), size, channels)


def _files_in(folder):
    return lambda: contextlib.nullcontext(lambda name: open(folder / name, "rb"))


def _file_stamp(path):
    try:
        state = os.stat(path)
        return f"{state.st_size} {state.st_mtime_ns}"
    except OSError:  # a dangling link, or gone since it was listed: reading it will say so
        return "unreadable"


def _zip(path, size, channels):
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    members = [
        info for info in sorted(infos, key=lambda info: info.filename)
        if Path(info.filename).suffix.lower() in images.SUFFIXES and not Path(info.filename).name.startswith(".")
    ]  # fmt: skip
    sizes = {info.filename: info.file_size for info in members}

    @contextlib.contextmanager
    def opened():
        with zipfile.ZipFile(path) as archive:

            def read_member(name):
                # Only ever read into memory, never unpacked to disk: a member's path can lead nowhere.
                if sizes[name] > MAX_FILE:
                    raise ValueError(f"unpacks to {sizes[name] >> 20} MiB")
                with archive.open(name) as member:
                    return io.BytesIO(member.read(sizes[name]))  # not read(): that unpacks all, whatever the size says

            yield read_member

    names, stamps = [i.filename for i in members], [f"{i.CRC} {i.file_size}" for i in members]
    return _pictures(names, stamps, opened, size, channels)


def _pictures(names, stamps, opened, size, channels):
    """A source of single pictures, decoded by several threads (Pillow and zlib let go of the interpreter).

    `opened()`: a context manager that gives a function from a name to a binary file.
    """

    def load(open_picture, name):
        try:
            with open_picture(name) as file:
                resized = images.dimensions(file) != (size, size)
                file.seek(0)
                return images.read(file, size, channels), resized
        except FAULTS as fault:
            return fault  # not lost: `_decode` counts it and names the picture

    def rows():
        with opened() as open_picture, ThreadPoolExecutor() as pool:
            remaining = iter(names)
            while batch := list(itertools.islice(remaining, AT_ONCE)):
                yield from zip(batch, pool.map(functools.partial(load, open_picture), batch), strict=True)

    return Source(_digest(zip(names, stamps, strict=True)), len(names), rows)


def _npz(path, size, channels):
    """Every uint8 array (N, H, W) or (N, H, W, 1 | 3 | 4) of an npz; other arrays, labels say, are left out."""
    with zipfile.ZipFile(path) as archive:
        stacks = {}
        for info in archive.infolist():
            with archive.open(info) as member:
                shape, fortran, dtype = _npy_header(member, path)
            stack = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))
            if stack and all(shape[1:]) and dtype == np.uint8 and not fortran:
                if np.prod(shape[1:], dtype=float) > 4 * images.MAX_PIXELS:
                    raise Problem(f"{path}: pictures of {shape[1]}x{shape[2]} pixels are too large: make them smaller")
                stacks[info.filename] = shape
        stamps = [(info.filename, f"{info.CRC} {info.file_size}") for info in archive.infolist()]

    def rows():
        with zipfile.ZipFile(path) as archive:
            for name, shape in stacks.items():
                with archive.open(name) as member:
                    _npy_header(member, path)
                    for i in range(shape[0]):
                        try:
                            row = np.frombuffer(member.read(math.prod(shape[1:])), np.uint8).reshape(shape[1:])
                        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as fault:
                            raise Problem(_damaged(path, fault)) from fault
                        yield f"{name}[{i}]", _resized(row, size, channels)

    return Source(_digest(stamps), sum(shape[0] for shape in stacks.values()), rows)


def _npy_header(member, path):
    try:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        return read(member)
    except (ValueError, KeyError, EOFError) as fault:
        raise Problem(f"{path} is no npz of arrays ({fault}): write it with numpy.savez_compressed") from fault


def _resized(pixels, size, channels):
    if pixels.shape == (size, size, channels):
        return pixels, False
    image = images.flatten(images.to_image(pixels))
    return images.to_array(image, size, channels), pixels.shape[:2] != (size, size)


def _digest(entries):
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(repr(entry).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _cached(path, size, channels, cache):
    """The cache file of one source, made if it is absent or out of date -> (file, its record)."""
    source = _open_source(path, size, channels)
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    file = cache / f"{name}-{size}x{size}x{channels}.npy"
    note = file.with_suffix(".json")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(note.read_text(encoding="utf-8"))
        whole = file.stat().st_size == record["offset"] + int(np.prod(record["shape"]))
        if record["stamp"] == source.stamp and whole and _names_file(file).exists():
            return file, record
    note.unlink(missing_ok=True)  # it goes first and comes last: while it is here, it tells the truth
    with written_whole(file) as temporary, written_whole(_names_file(file)) as names:
        record = _decode(source, temporary, names, (size, size, channels), path.name or str(path))
    with written_whole(note) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")
    return file, record


def _names_file(file):
    return file.with_suffix(".names")


def _decode(source, file, names, shape, label):
    """Write all pictures of a source into an npy file, and their names, a line of JSON each -> its record."""
    skipped, resized, count, content = [], 0, 0, hashlib.sha256()
    with (
        open(file, "wb") as out,
        open(names, "w", encoding="utf-8") as named,
        tqdm(total=source.count, desc=f"reading {label}", unit="img", disable=None) as bar,
    ):
        np.lib.format.write_array_header_1_0(out, _header(0, shape))
        offset = out.tell()
        for name, loaded in source.rows():
            bar.update()
            if isinstance(loaded, Exception):
                skipped.append((name, " ".join(str(loaded).split()) or type(loaded).__name__))
                continue
            pixels, changed = loaded
            row = np.ascontiguousarray(pixels).tobytes()
            out.write(row)
            content.update(row)
            named.write(json.dumps(name) + "\n")
            resized += changed
            count += 1
        out.seek(0)
        np.lib.format.write_array_header_1_0(out, _header(count, shape))  # numpy leaves room for N to grow
        if out.tell() != offset:
            raise Problem("the cache header has changed its length: report this with your numpy version")
    return {
        "stamp": source.stamp, "shape": [count, *shape], "offset": offset,
        "content": content.hexdigest(), "resized": resized, "skipped": skipped,
    }  # fmt: skip


def _header(count, shape):
    return {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
