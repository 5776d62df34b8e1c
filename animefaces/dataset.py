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
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from animefaces import images, sources
from animefaces.files import written_whole
from animefaces.problems import Problem

CACHE = Path("data/cache")
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
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _npz(path, size, channels)
    entries = list(sources.found(path))
    if not path.is_dir():
        zipped = path.suffix.lower() == ".zip"
        if zipped and entries and entries[0].fault:
            raise Problem(f"{path} {sources.reason(entries[0].fault)}: copy or download it again")
        if not zipped and not entries:
            raise Problem(f"{path} holds no pictures: give a folder, a .zip, a .npz or a picture")
    return _pictures(entries, size, channels)


def _pictures(entries, size, channels):
    """A source of single pictures, decoded by several threads (Pillow and zlib let go of the interpreter)."""

    def load(read, entry):
        try:
            file = io.BytesIO(read(entry))
            resized = images.dimensions(file) != (size, size)
            file.seek(0)
            return images.read(file, size, channels), resized
        except sources.FAULTS as fault:
            return fault  # not lost: `_decode` counts it and names the picture

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
        np.lib.format.write_array_header_1_0(out, _header(count, shape))  # numpy leaves room for N to grow
        if out.tell() != offset:
            raise Problem("the cache header has changed its length: report this with your numpy version")
    return {
        "stamp": source.stamp, "shape": [count, *shape], "offset": offset,
        "content": content.hexdigest(), "resized": resized, "skipped": skipped,
    }  # fmt: skip


def _header(count, shape):
    return {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
