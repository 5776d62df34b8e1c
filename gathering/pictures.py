"""Folders, zips and pictures -> one picture file after another, as bytes, with what a scrape knows of it."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from animefaces import sources
from animefaces.formats import NoPicture

MAX_TAGS = 1 << 20  # bytes of a file of tags that are read


class Picture(NamedTuple):
    """A picture file that was found. If `data` is None, `verdict` and `fault` say why."""

    source: str  # its path, as sources.Entry.source gives it
    data: bytes | None
    digest: str = ""  # SHA-256 of `data`
    tags: tuple[str, ...] = ()
    verdict: str = "unreadable"  # one of crops.REASONS
    fault: str = ""
    name: str = ""  # for people: its path within the folder or zip that the user named


def count(paths: Iterable[Path], leave_out: Path | None = None) -> int:
    """How many pictures `found` will yield. No picture is opened for this."""
    return sum(1 for entry in _listed(paths, leave_out) if not _is_none(entry))


def found(
    paths: Iterable[Path], leave_out: Path | None = None, skipped: list[tuple[str, str]] | None = None
) -> Iterator[Picture]:
    """Folders, zips and pictures -> a Picture for each that animefaces/sources.py finds there, in the same order.

    The folder `leave_out` is passed over. `skipped` gets the name of each file that is no picture, and what it is.
    Raises Problem for a path that does not exist.
    """
    for read, entries in sources.readers(_listed(paths, leave_out)):
        for entry in entries:
            if entry.fault and _is_none(entry):
                if skipped is not None:
                    skipped.append((entry.name, sources.reason(entry.fault)))
                continue
            try:
                data = read(entry)
            except MemoryError:
                yield Picture(entry.source, None, fault="not enough memory to read it", name=entry.name)
                continue
            except Exception as fault:  # whatever it is, it concerns this picture alone
                yield Picture(entry.source, None, fault=sources.reason(fault), name=entry.name)
                continue
            tags = () if entry.member else _tags(entry.file)
            yield Picture(entry.source, data, hashlib.sha256(data).hexdigest(), tags, name=entry.name)


def _is_none(entry):
    """Whether an Entry is of a file that is no picture: it gets no verdict."""
    return isinstance(entry.fault, NoPicture)


def _listed(paths, leave_out):
    seen = {sources.identity(leave_out)} if leave_out else set()  # one set for all paths: no folder is searched twice
    for path in paths:
        yield from sources.found(path, seen)


def _tags(path):
    """The tags that gallery-dl wrote beside a picture into NAME.SUFFIX.json; () if there are none."""
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        with open(path + ".json", "rb") as file:
            record = json.loads(file.read(MAX_TAGS))
        tags = record.get("tags") or record.get("tag_string") or ()
        return tuple(map(str, tags.split() if isinstance(tags, str) else tags))
    return ()
