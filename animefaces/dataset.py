"""Folders, zips, npz files and pictures, one or several -> one indexable array, uint8 (N, size, size, C).

Each source is decoded once into a cache file of raw pixels, and batches are read from that. So the pixels in memory
are those of a batch, whatever N is.
"""

import contextlib
import functools
import hashlib
import io
import itertools
import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from animefaces import images, sources
from animefaces.files import written_whole
from animefaces.problems import Problem

CACHE = Path("data/cache")
AT_ONCE = 512  # pictures decoded between two writes


class Faces:
    """The pictures of all sources, in order. faces[indices] -> uint8 (len(indices), size, size, C)."""

    def __init__(self, parts: list[tuple[Path, dict[str, Any]]]):
        """`parts`: (cache file, record) of each source, as `_cached` gives them."""
        self._files = [open(path, "rb") for path, _ in parts]  # noqa: SIM115 - _close_all closes them
        weakref.finalize(self, _close_all, self._files)
        self._records = [record for _, record in parts]
        self._notes = [_names_file(path) for path, _ in parts]
        self._ends = np.cumsum([record["shape"][0] for record in self._records])
        self.shape = (int(self._ends[-1]), *self._records[0]["shape"][1:])
        self.skipped = [tuple(entry) for record in self._records for entry in record["skipped"]]
        self.resized = sum(record["resized"] for record in self._records)
        # It is made from the pixels, not from paths and dates: the same pictures in another place are the same data.
        self.fingerprint = hashlib.sha256("".join(r["content"] for r in self._records).encode()).hexdigest()

    def __len__(self) -> int:
        return self.shape[0]

    def names(self) -> list[str]:
        """The name of each picture within its source, as sources.Entry.name says; in an npz it is "array.npy[12]"."""
        lines = [line for note in self._notes for line in note.read_text(encoding="utf-8").splitlines()]
        return [json.loads(line) for line in lines]

    def __getitem__(self, indices: Any) -> np.ndarray:
        indices = np.asarray(indices)
        batch = np.empty((len(indices), *self.shape[1:]), np.uint8)
        parts = np.searchsorted(self._ends, indices, side="right")
        for part in np.unique(parts):
            record, here = self._records[part], parts == part
            # A new mapping each time: the whole set would little by little be in memory if one mapping stayed.
            pixels = np.memmap(self._files[part], np.uint8, "r", record["offset"], tuple(record["shape"]))
            batch[here] = pixels[indices[here] - self._ends[part] + record["shape"][0]]
        return batch


def _close_all(files):
    for file in files:
        file.close()


def open_faces(paths: Sequence[str | Path], size: int, channels: int = 3, cache: str | Path = CACHE) -> Faces:
    """Paths of folders, zips, npz files and pictures -> Faces; animefaces/sources.py says which pictures count.

    The centred square of each picture is resized to (size, size, channels). Raises Problem if a path does not exist
    or is none of these, and if no picture can be read.
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
    """The pictures at one path. `stamp` is another text when they have changed. `rows()` decodes them, in order.

    It yields (name, loaded). `loaded` is (pixels, whether they were resized), or the exception that a fault raised.
    """

    stamp: str
    count: int
    rows: Callable[[], Iterator[tuple[str, Any]]]


def _open_source(path, size, channels):
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _npz(path, size, channels)
    entries = list(sources.found(path))
    if not path.is_dir():
        fault = entries[0].fault if entries else None
        if isinstance(fault, OSError):
            raise fault
        if fault:
            raise Problem(f"{path} {fault}: copy or download it again")
        if not entries:
            raise Problem(f"no pictures in {path}: give a folder, zip or npz with pictures, or a picture")
    return _pictures(entries, size, channels)


def _pictures(entries, size, channels):
    """Entries -> their Source. Several threads decode: Pillow and zlib let other threads run meanwhile."""

    def load(read, entry):
        try:
            file = io.BytesIO(read(entry))
            resized = images.dimensions(file) != (size, size)
            file.seek(0)
            return images.read(file, size, channels), resized
        except sources.FAULTS as fault:
            return fault  # `_decode` reports it

    def rows():
        with ThreadPoolExecutor() as pool:
            for read, together in sources.readers(entries):
                while batch := list(itertools.islice(together, AT_ONCE)):
                    names = [entry.name for entry in batch]
                    yield from zip(names, pool.map(functools.partial(load, read), batch), strict=True)

    return Source(_digest((entry.name, entry.stamp()) for entry in entries), len(entries), rows)


def _npz(path, size, channels):
    shapes, stamps = sources.arrays(path)

    def rows():
        for name, pixels in sources.array_rows(path, shapes):
            yield name, _resized(pixels, size, channels)

    return Source(_digest(stamps), sum(shape[0] for shape in shapes.values()), rows)


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
    """A path -> (its cache file, the record of that). It is made if it is missing or the pictures have changed."""
    source = _open_source(path, size, channels)
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    file = cache / f"{name}-{size}x{size}x{channels}.npy"
    note = file.with_suffix(".json")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(note.read_text(encoding="utf-8"))
        whole = file.stat().st_size == record["offset"] + int(np.prod(record["shape"]))
        if record["stamp"] == source.stamp and whole and _names_file(file).exists():
            return file, record
    note.unlink(missing_ok=True)  # deleted first and written last: so a note is never wrong
    with written_whole(file) as temporary, written_whole(_names_file(file)) as names:
        record = _decode(source, temporary, names, (size, size, channels), path.name or str(path))
    with written_whole(note) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")
    return file, record


def _names_file(file):
    return file.with_suffix(".names")


def _decode(source, file, names, shape, label):
    """Write the pictures of a source into an npy file, and their names into another -> the record of both."""
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
                skipped.append((name, sources.reason(loaded)))
                continue
            pixels, changed = loaded
            row = np.ascontiguousarray(pixels).tobytes()
            out.write(row)
            content.update(row)
            named.write(json.dumps(name) + "\n")
            resized += changed
            count += 1
        out.seek(0)
        np.lib.format.write_array_header_1_0(out, _header(count, shape))  # numpy leaves room for a longer N
        if out.tell() != offset:
            raise Problem("the header of the cache file has changed its length: report this with your version of numpy")
    return {
        "stamp": source.stamp, "shape": [count, *shape], "offset": offset,
        "content": content.hexdigest(), "resized": resized, "skipped": skipped,
    }  # fmt: skip


def _header(count, shape):
    return {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
