"""Folders, zips and pictures -> one picture file after another, as bytes, with what a scrape knows of it."""

import collections
import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from animefaces import sources
from animefaces.formats import NoPicture
from gathering import scrape

MAX_TAGS = 1 << 20  # bytes of a file of tags that are read
LONGEST = 500  # characters of what is noted of an origin
# What is noted of an origin, and what sites call it, the best first.
ORIGIN = {
    "artist": ("artist", "tags_artist", "tag_string_artist", "author", "creator"),
    "licence": ("license", "licence", "rights"),
    "source": ("source", "post_url", "page_url"),
}


class Picture(NamedTuple):
    """A picture file that was found. If `data` is None, `verdict` and `fault` say why."""

    source: str  # its path, as sources.Entry.source gives it
    data: bytes | None
    digest: str = ""  # SHA-256 of `data`
    tags: tuple[str, ...] = ()
    verdict: str = "unreadable"  # one of crops.REASONS
    fault: str = ""
    name: str = ""  # for people: its path within the folder or zip that the user named
    origin: Mapping[str, Any] = {}
    place: int | None = None  # among all pictures, if this run finds a share of them only


def count(paths: Iterable[Path], leave_out: Path | None = None, mine: Callable[[str], bool] | None = None) -> int:
    """How many pictures `found` will yield. No picture is opened for this."""
    return sum(1 for _, entry in _listed(paths, leave_out, mine) if not _is_none(entry))


def found(
    paths: Iterable[Path],
    leave_out: Path | None = None,
    skipped: list[tuple[str, str]] | None = None,
    mine: Callable[[str], bool] | None = None,
) -> Iterator[Picture]:
    """Folders, zips and pictures -> a Picture for each that animefaces/sources.py finds there, in the same order.

    The folder `leave_out` is passed over. `skipped` gets the name of each file that is no picture, and what it is.
    `mine`: whether a name belongs to the share of this run; without it, all do. Raises Problem for a path that does
    not exist.
    """
    places: collections.deque[int] = collections.deque()  # of the entries that are on their way

    def entries_of():
        for number, entry in _listed(paths, leave_out, mine):
            places.append(number)
            yield entry

    for read, entries in sources.readers(entries_of()):
        for entry in entries:
            number = places.popleft()
            place = None if mine is None else number
            if entry.fault and _is_none(entry):
                if skipped is not None:
                    skipped.append((entry.name, sources.reason(entry.fault)))
                continue
            try:
                data = read(entry)
            except MemoryError:
                yield Picture(entry.source, None, fault="not enough memory to read it", name=entry.name, place=place)
                continue
            except Exception as fault:  # whatever it is, it concerns this picture alone
                yield Picture(entry.source, None, fault=sources.reason(fault), name=entry.name, place=place)
                continue
            tags, origin = ((), {}) if entry.member else _noted(entry.file)
            digest = hashlib.sha256(data).hexdigest()
            yield Picture(entry.source, data, digest, tags, name=entry.name, origin=origin, place=place)


def _is_none(entry):
    """Whether an Entry is of a file that is no picture: it gets no verdict."""
    return isinstance(entry.fault, NoPicture)


def _listed(paths, leave_out, mine=None):
    """(number, Entry) of each file, of this share alone."""
    seen = {sources.identity(leave_out)} if leave_out else set()  # one set for all paths: no folder is searched twice
    every = itertools.chain.from_iterable(sources.found(path, seen) for path in paths)
    yield from ((number, entry) for number, entry in enumerate(every) if mine is None or mine(entry.name))


def _noted(path):
    """What gallery-dl wrote beside a picture into NAME.SUFFIX.json, and of its search -> (its tags, its origin)."""
    record, search = _read(path + ".json"), _read(Path(path).with_name(scrape.SEARCH))
    tags = record.get("tags") or record.get("tag_string") or ()
    told = {name: text for name, keys in ORIGIN.items() if (text := _first(record, keys))}
    if isinstance(search.get("without"), list):
        told["without"] = [str(tag)[:LONGEST] for tag in search["without"]]
    return tuple(map(str, tags.split() if isinstance(tags, str) else tags if isinstance(tags, list) else ())), told


def _first(record, keys):
    """The first of these values that is a text, or a list of texts, as one text; "" if none is."""
    for value in map(record.get, keys):
        value = value.get("name") if isinstance(value, dict) else value
        if isinstance(value, list):
            value = " ".join(map(str, value))
        if isinstance(value, str) and value:
            return value[:LONGEST]
    return ""


def _read(path):
    """A file that holds a JSON object -> it; an empty one if the file is absent or damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with open(path, "rb") as file:
            record = json.loads(file.read(MAX_TAGS))
        if isinstance(record, dict):
            return record
    return {}
