"""Folders and zips of pictures, of any size and in any disorder -> one picture file after another, as bytes."""

import contextlib
import hashlib
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

from animefaces import images
from animefaces.dataset import FAULTS, MAX_FILE
from animefaces.problems import Problem

MAX_TAGS = 1 << 20  # bytes of a file of tags that are read


class Picture(NamedTuple):
    """A picture file that was found. Where `data` is None, `verdict` and `fault` say why."""

    source: str  # absolute path; of a picture in a zip, path of the zip / name in it
    data: bytes | None
    digest: str = ""  # SHA-256 of `data`
    tags: tuple[str, ...] = ()
    verdict: str = "unreadable"  # of crops.REASONS
    fault: str = ""


def count(paths, leave_out=None):
    """How many pictures `found` will yield, from the listings alone."""
    return sum(1 for _ in _listed(paths, leave_out))


def found(paths, leave_out=None):
    """Paths of folders (searched through), zips and pictures -> a Picture each, in an order that stays.

    Links to folders are followed, each folder once. The folder `leave_out`, hidden files and what has
    no picture's suffix are passed over. Raises Problem for a path that does not exist.
    """
    for source, read, tags in _listed(paths, leave_out):
        try:
            data = read()
            yield Picture(source, data, hashlib.sha256(data).hexdigest(), tags())
        except FAULTS as fault:
            reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
            yield Picture(source, None, fault=" ".join(reason.split()) or type(fault).__name__)


def _listed(paths, leave_out):
    """(source, a function that reads it, a function that reads its tags) for each picture."""
    seen = {_identity(leave_out)} if leave_out else set()
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise Problem(f"{path} does not exist: check the path given to --input")
        yield from _walk(os.path.abspath(path), seen)


def _identity(path):
    """What tells a folder from any other, by whatever name it is reached."""
    with contextlib.suppress(OSError):
        state = os.stat(path)
        return state.st_dev, state.st_ino
    return str(path)


def _walk(path, seen):
    suffix = os.path.splitext(path)[1].lower()
    if os.path.isdir(path):
        if _identity(path) in seen:  # a link back to a folder above, or a second way to it
            return
        seen.add(_identity(path))
        try:
            names = sorted(os.listdir(path))
        except OSError:
            yield path, lambda: _read(path), tuple  # a folder that is closed to us: reading it says so
            return
        for name in names:
            if not name.startswith("."):
                yield from _walk(os.path.join(path, name), seen)  # noqa: PTH118 - keeps odd names as they are
    elif suffix == ".zip":
        yield from _members(path)
    elif suffix in images.SUFFIXES:
        yield path, lambda: _read(path), lambda: _tags(path)


def _read(path):
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):  # reading a pipe or a device may never end
        raise ValueError("is no file")
    if state.st_size > MAX_FILE:
        raise ValueError(f"holds {state.st_size >> 20} MiB, more than the {MAX_FILE >> 20} of any picture")
    return Path(path).read_bytes()


def _members(path):
    """The pictures in a zip. Read into memory, never unpacked to disk: a member's path can lead nowhere."""
    try:
        archive = zipfile.ZipFile(path)
    except FAULTS as fault:
        message = f"is no zip that can be read ({fault})"
        yield path, lambda: _fail(message), tuple
        return
    with archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            name = Path(info.filename).name
            if Path(name).suffix.lower() in images.SUFFIXES and not name.startswith("."):
                yield f"{path}/{info.filename}", lambda info=info: _unpack(archive, info), tuple


def _unpack(archive, info):
    if info.file_size > MAX_FILE:
        raise ValueError(f"unpacks to {info.file_size >> 20} MiB, more than the {MAX_FILE >> 20} of any picture")
    with archive.open(info) as member:
        return member.read(MAX_FILE)


def _fail(message):
    raise ValueError(message)


def _tags(path):
    """The tags that gallery-dl wrote beside a picture, as NAME.SUFFIX.json; () without any."""
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        with open(path + ".json", "rb") as file:
            record = json.loads(file.read(MAX_TAGS))
        tags = record.get("tags") or record.get("tag_string") or ()
        return tuple(map(str, tags.split() if isinstance(tags, str) else tags))
    return ()


def reopen(source):
    """The bytes of a picture named as `Picture.source` names it. Raises OSError or ValueError when it is gone."""
    if os.path.exists(source):
        return _read(source)
    at = source.lower().find(".zip/")
    try:
        with zipfile.ZipFile(source[: at + 4]) as archive:
            return _unpack(archive, archive.getinfo(source[at + 5 :]))
    except (KeyError, *FAULTS) as fault:
        raise OSError(str(fault)) from fault
