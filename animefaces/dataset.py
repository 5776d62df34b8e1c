"""Folders, zips, pictures and files of arrays, one or several -> one indexable array, uint8 (N, size, size, C).

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import arrays, images, sources
from animefaces.files import check_output, write_json, written_whole
from animefaces.problems import Problem
from animefaces.progress import Bar
from animefaces.words import counted, visible

CACHE = Path("data/cache")
GIVE = "give pictures, or folders, zips or arrays of pictures"
AT_ONCE = 512  # pictures decoded between two writes
READING = 2  # to be raised when pictures are decoded to other pixels than before: then the cache is made again
FEW = 100  # pictures: a generator only repeats fewer ones
FEWEST = 3  # the same with an anchor: fewer show a style, but more faces get flaws
COMPARED = 256  # pictures of a set that are compared with each other
GREY, NEARLY_ALL = 3.0, 0.95  # mean difference of a pixel's channels, in [0, 255]; share of the pictures
ALIKE = 4.0  # two pictures differ by less than this, on average, in [0, 255]: nobody sees two


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
        self.understood = [line for record in self._records for line in record["understood"]]
        self.resized = sum(record["resized"] for record in self._records)
        self.enlarged = sum(record.get("enlarged", 0) for record in self._records)  # older caches did not count them
        # It is made from the pixels, not from paths and dates: the same pictures in another place are the same data.
        self.fingerprint = hashlib.sha256("".join(r["content"] for r in self._records).encode()).hexdigest()

    def __len__(self) -> int:
        return self.shape[0]

    def names(self) -> list[str]:
        """The name of each picture within its source, as sources.Entry.name says; in an array it is "array.npy[12]"."""
        lines = [line for note in self._notes for line in note.read_text(encoding="utf-8").splitlines()]
        return [json.loads(line) for line in lines]

    def remarks(self) -> list[str]:
        """What the user should know of the set: how its arrays were understood, and which files were passed over."""
        return [*self.understood, *sources.passed_over(self.skipped)]

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
    """Paths of folders, zips, pictures, npz and npy files -> Faces; animefaces/sources.py says which pictures count.

    The centred square of each picture is resized to (size, size, channels). Raises Problem if a path does not exist
    or is none of these, and if no picture can be read.
    """
    matches = [Path(match) for path in paths for match in sources.matching(path)]
    # Pictures that stand one after the other are one source: the terminal makes thousands of paths of *.jpg.
    groups = [list(group) for _, group in itertools.groupby(matches, key=_alone)]
    parts = [_cached(group, size, channels, Path(cache)) for group in groups]
    faces = Faces(parts)
    if len(faces) == 0:
        why = "; ".join(sources.passed_over(faces.skipped))
        raise Problem(f"no pictures in {', '.join(map(str, paths))} ({why}): {GIVE}")
    return faces


def _alone(path):
    """A value of its own for each path that is not a single picture."""
    if path.is_dir() or path.suffix.lower() in (*sources.ZIPS, *arrays.ENDINGS):
        return object()
    return None


def doubts(faces: Faces, anchored: bool = False) -> str | None:
    """A set of pictures -> why nothing good can be learned from it and what to do, in one line; None if it is good.

    Of a large set, COMPARED pictures are compared, spread evenly over it. `anchored`: the training has an anchor, so it
    learns a style only.
    """
    chosen = np.linspace(0, len(faces) - 1, min(len(faces), COMPARED)).astype(int)
    different: list[np.ndarray] = []
    for index in chosen:
        small = images.to_array(images.to_image(faces[[index]][0]), 8).astype(np.float32)
        if all(abs(small - other).mean() >= ALIKE for other in different):
            different.append(small)
    if len(chosen) >= 4 * len(different) or len(chosen) > len(different) == 1:
        found = f"nearly all pictures are alike, only {len(different):,} of {len(chosen):,} differ"
        return f"{found}: give others too, and let preprocess.py leave out the copies"
    if len(faces) < (FEWEST if anchored else FEW):
        why = (f"shows a style, but gives more faces flaws: give {FEWEST} or more" if anchored
               else f"is too small, it is learned by heart: give {FEW} or many more")  # fmt: skip
        return f"a set of {counted(len(faces), 'picture')} {why}"
    return None


def are_grey(faces: Faces) -> bool:
    """Whether pictures in three channels are grey: nearly all of COMPARED, spread over the set."""
    chosen = faces[np.linspace(0, len(faces) - 1, min(len(faces), COMPARED)).astype(int)].astype(np.int16)
    colour = (chosen.max(axis=-1) - chosen.min(axis=-1)).mean(axis=(1, 2))
    return float(np.mean(colour < GREY)) >= NEARLY_ALL


@dataclass(frozen=True)
class Source:
    """The pictures at one path. `stamp` is another text when they have changed. `rows()` decodes them, in order.

    It yields (name, loaded). `loaded` is (pixels, sides of the picture in its file), or the exception of a fault.
    `understood`, `skipped`: as in Faces, what is known before a picture is decoded.
    """

    stamp: str
    count: int
    rows: Callable[[], Iterator[tuple[str, Any]]]
    understood: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def _open_source(paths, size, channels):
    path = paths[0]
    if path.suffix.lower() in arrays.ENDINGS and not path.is_dir():
        return _arrays(path, size, channels)
    entries = [entry for path in paths for entry in sources.found(path)]
    if not entries:
        raise Problem(f"no pictures in {path}: {GIVE}")
    fault = entries[0].fault
    if fault and len(paths) == 1 and not path.is_dir() and not entries[0].member:
        if isinstance(fault, OSError):
            raise fault
        what, _, remedy = sources.reason(fault).partition(": ")
        raise Problem(f"no pictures in {path} ({what}): {remedy or GIVE}")
    return _pictures(entries, size, channels)


def _pictures(entries, size, channels):
    """Entries -> their Source. Several threads decode: Pillow and zlib let other threads run meanwhile."""

    def load(read, entry):
        try:
            file = io.BytesIO(read(entry))
            sides = images.dimensions(file)
            file.seek(0)
            return images.read(file, size, channels), sides
        except sources.FAULTS as fault:
            return fault  # `_decode` reports it

    def rows():
        with ThreadPoolExecutor() as pool:
            for read, together in sources.readers(entries):
                while batch := list(itertools.islice(together, AT_ONCE)):
                    names = [entry.name for entry in batch]
                    yield from zip(names, pool.map(functools.partial(load, read), batch), strict=True)

    return Source(_digest((entry.name, entry.stamp()) for entry in entries), len(entries), rows)


def _arrays(path, size, channels):
    pictures, others, stamps = arrays.found(path)

    def rows():
        for name, pixels in arrays.rows(path, pictures):
            yield name, _resized(pixels, size, channels)

    count = sum(array.layout.shape[0] for array in pictures)
    return Source(_digest(stamps), count, rows, [array.understood() for array in pictures], others)


def _resized(pixels, size, channels):
    if pixels.shape == (size, size, channels):
        return pixels, (size, size)
    image = images.flatten(images.to_image(pixels))
    return images.to_array(image, size, channels), pixels.shape[:2]


def _digest(entries):
    digest = hashlib.sha256(str(READING).encode())
    for entry in entries:
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def _cached(paths, size, channels, cache):
    """The paths of one source -> (its cache file, the record of that). It is made if it is missing or old."""
    source = _open_source(paths, size, channels)
    place = "\n".join(str(path.resolve()) for path in paths)
    name = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    file = cache / f"{name}-{size}x{size}x{channels}.npy"
    note = file.with_suffix(".json")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(note.read_text(encoding="utf-8"))
        whole = file.stat().st_size == record["offset"] + int(np.prod(record["shape"]))
        if record["stamp"] == source.stamp and whole and _names_file(file).exists():
            return file, record
    check_output(cache, "--cache", folder=True)
    label = visible(paths[0].name or str(paths[0])) if len(paths) == 1 else "pictures"
    try:
        note.unlink(missing_ok=True)  # deleted first and written last: so a note is never wrong
        with written_whole(file) as temporary, written_whole(_names_file(file)) as names:
            record = _decode(source, temporary, names, (size, size, channels), label)
        write_json(note, record)
    except OSError as fault:
        if fault.filename is not None and not Path(fault.filename).is_relative_to(cache):
            raise  # of the pictures, not of the cache
        raise Problem(
            f"--cache {cache} cannot be written ({fault.strerror}): free some space there, or name another folder"
        ) from fault
    return file, record


def _names_file(file):
    return file.with_suffix(".names")


def _decode(source, file, names, shape, label):
    """Write the pictures of a source into an npy file, and their names into another -> the record of both."""
    skipped, content = list(source.skipped), hashlib.sha256()
    resized = enlarged = count = 0
    with (
        open(file, "wb") as out,
        open(names, "w", encoding="utf-8") as named,
        Bar(total=source.count, desc=f"reading {label}", unit="img") as bar,
    ):
        np.lib.format.write_array_header_1_0(out, _header(0, shape))
        offset = out.tell()
        for name, loaded in source.rows():
            bar.update()
            if isinstance(loaded, Exception):
                skipped.append((name, sources.reason(loaded)))
                continue
            pixels, sides = loaded
            row = np.ascontiguousarray(pixels).tobytes()
            out.write(row)
            content.update(row)
            named.write(json.dumps(name) + "\n")
            resized += sides != shape[:2]
            enlarged += min(sides) < shape[0]
            count += 1
        out.seek(0)
        np.lib.format.write_array_header_1_0(out, _header(count, shape))  # numpy leaves room for a longer N
        if out.tell() != offset:
            raise Problem("the header of the cache file has changed its length: report this with your version of numpy")
    return {
        "stamp": source.stamp, "shape": [count, *shape], "offset": offset,
        "content": content.hexdigest(), "resized": resized, "enlarged": enlarged, "skipped": skipped,
        "understood": source.understood,
    }  # fmt: skip


def _header(count, shape):
    return {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
