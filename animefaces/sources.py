"""Paths that a user names -> the pictures that are there: their names, in an order that stays, and their bytes.

The one rule, for train.py, evaluate.py, explore.py, preprocess.py and encode.py alike:

- A picture is a file of a format in formats.PICTURES. If its name has one of their endings, reading it decides. If it
  has another ending or none, its first bytes decide.
- A folder is searched through: first its own files and zips in the order of their names, then its folders in the order
  of theirs. Links to folders are followed when all folders have been searched.
- Each folder is searched once, whatever name it is reached by. So a link to a folder above makes no endless loop.
- A zip gives its pictures in the order of their names. It is never unpacked to disk. Zips inside zips are not read.
- What is no picture, and what cannot be read, is listed too. Reading it says why, and `passed_over` tells the user.
- Not listed are hidden files and folders, whose names begin with a dot; SYSTEM, which other programs make; OWN, which
  preprocess.py writes beside its crops; and notes on a picture. Notes stand beside it and have its name with an ending
  of NOTES. What the user names is listed in any case.
- A name that does not exist and has * or ? in it means all that match it. The terminal of Windows passes *.jpg on.

Arrays give pictures only to `Faces`, and only where the user names the file itself: see animefaces/arrays.py.
"""

import collections
import contextlib
import functools
import glob
import itertools
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from animefaces import formats
from animefaces.formats import SUFFIXES, NoPicture
from animefaces.problems import Problem
from animefaces.words import counted, visible

# What a damaged zip raises, by how it is packed.
DAMAGED: tuple[type[Exception], ...] = (zipfile.BadZipFile, zlib.error, EOFError)
with contextlib.suppress(ImportError):  # some Pythons are built without it: they read no such zip
    from lzma import LZMAError

    DAMAGED = (*DAMAGED, LZMAError)
# What reading a picture raises; RuntimeError is of an encrypted or oddly packed zip.
FAULTS: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, *DAMAGED)
MAX_FILE = 256 << 20  # bytes of one picture file: larger ones, zip bombs among them, are not read
ZIPS = (".zip", ".cbz")
NOTES = (".json", ".txt", ".xml", ".xmp", ".caption", ".tags")  # beside 01.jpg: 01.txt, or 01.jpg.json
SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir"}  # of Windows, macOS and network disks
OWN = {"manifest.jsonl", "settings.json", "report.html", "decisions.json"}
GONE = "does not exist: check the path"
LINES, NAMES = 8, 3  # in what `passed_over` says, and in one line of it


class Entry(NamedTuple):
    """A picture that is listed and not read yet; or a file that is none; or a zip or folder that cannot be listed."""

    name: str  # within the path that the user named: "sub/01.png", or "sub/set.zip/01.png"
    file: str  # absolute path of the picture, or of the zip that holds it
    member: zipfile.ZipInfo | None = None  # of a picture in a zip
    fault: Exception | None = None  # why it cannot be read, if that is known; NoPicture: it is none

    @property
    def source(self) -> str:
        """The absolute path of the file. A file in a zip has the zip's path, a slash and its name in the zip."""
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


def found(path: str | os.PathLike[str], seen: set[Any] | None = None) -> Iterator[Entry]:
    """A folder, a zip or a picture -> an Entry for each picture that the rule above finds there, and each other file.

    `seen`: the `identity` of the folders that are not searched; each folder that is searched is added. Raises
    Problem for a path that does not exist.
    """
    seen = set() if seen is None else seen
    for match in matching(path):
        root = os.path.abspath(match)
        if not os.path.isdir(root):
            yield from _in_file(root, os.path.basename(root), "")
            continue
        start = len(os.path.join(root, ""))  # noqa: PTH118 - pathlib would change odd names, here and below
        for file, fault in _files(root, seen):
            name = file[start:]
            if fault:
                yield Entry(name or os.path.basename(root), file, fault=fault)
            else:
                yield from _in_file(file, name, name + "/")


def matching(path: str | os.PathLike[str]) -> list[str]:
    """A path -> itself; if it does not exist, all that its * and ? match. Raises Problem if that is nothing."""
    if not (paths := matches(path)):
        raise Problem(f"{path} {GONE}")
    return paths


def matches(path: str | os.PathLike[str]) -> list[str]:
    """As `matching`; nothing if that is nothing."""
    return [os.fspath(path)] if os.path.exists(path) else sorted(glob.glob(os.fspath(path)))


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
            inside, notes = [], _notes(names)
            for path in (os.path.join(folder, name) for name in names if _is_listed(name, [name], notes)):  # noqa: PTH118
                if not os.path.isdir(path):
                    yield path, None
                else:
                    (links if os.path.islink(path) else inside).append(path)
            folders += reversed(inside)


def identity(folder: str | os.PathLike[str]) -> Any:
    """What tells a folder from every other one, whatever name it is reached by."""
    with contextlib.suppress(OSError):
        state = os.stat(folder)
        return state.st_dev, state.st_ino
    return str(folder)


def _notes(names):
    """The names of the files in a folder or a zip -> those of them that are notes on another one."""
    notes = {name for name in names if _ending(name) in NOTES}
    others = set(names) - notes
    others |= {os.path.splitext(name)[0] for name in others if _ending(name) in SUFFIXES}
    return {note for note in notes if os.path.splitext(note)[0] in others}


def _is_listed(name, parts, notes):
    """A name, its parts, and what `_notes` gives -> whether the rule lists it."""
    hidden = any(part.startswith(".") and part.strip(".") for part in parts)
    return not hidden and name not in notes and parts[-1] not in OWN and SYSTEM.isdisjoint(map(str.lower, parts))


def _ending(name):
    """A name -> its ending, in small letters and without what a site adds: photo.JPG?width=600 has .jpg."""
    return os.path.splitext(name)[1].lower().partition("?")[0]


def _in_file(file, name, prefix):
    """The Entries of one file: a picture called `name`, or a zip whose pictures' names begin with `prefix`."""
    ending = _ending(file)
    if ending in SUFFIXES:
        yield Entry(name, file)
        return
    try:
        with open_regular(file) as content:
            head = content.read(formats.HEAD)
    except FAULTS as fault:
        yield Entry(name, file, fault=fault)
        return
    if ending in ZIPS or (not ending and formats.is_zip(head)):
        try:
            members = _in_zip(file, prefix)
        except OSError as fault:
            yield Entry(name, file, fault=fault)
            return
        except FAULTS as fault:
            if formats.is_zip(head):
                yield Entry(name, file, fault=ValueError(f"a damaged zip ({fault}): copy or download it again"))
                return
        else:
            yield from members or [Entry(name, file, fault=NoPicture("a zip, no pictures in it"))]
            return
    yield Entry(name, file, fault=_fault(head))


def _in_zip(file, prefix):
    """A list of the Entries of a zip. Raises one of FAULTS if it cannot be listed."""
    with zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if not m.filename.endswith(("/", "\\"))]
        notes = _notes([member.filename for member in members])
        return [
            Entry(prefix + member.filename, file, member, _member_fault(archive, member))
            for member in sorted(members, key=lambda member: member.filename)
            if _is_listed(member.filename, re.split(r"[/\\]", member.filename), notes)
        ]


def _member_fault(archive, member):
    if _ending(member.filename) in SUFFIXES:
        return None
    try:
        head = _unpacked(archive, member, formats.HEAD)
    except FAULTS as fault:
        return fault
    return NoPicture("a zip in a zip: unpack the outer one") if formats.is_zip(head) else _fault(head)


def _fault(head):
    return None if formats.picture_format(head) else NoPicture(formats.described(head))


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


def open_regular(file: str | os.PathLike[str]) -> BinaryIO:
    """A path -> the open file. Raises ValueError if it is no file: reading a pipe or a device may never end."""
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise ValueError("a folder, pipe or device")
    return open(file, "rb")


def _read_file(entry):
    if entry.fault:
        raise entry.fault
    with open_regular(entry.file) as content:
        size = os.fstat(content.fileno()).st_size
        if size > MAX_FILE:
            raise ValueError(f"too large for a picture ({size >> 20} MiB)")
        return content.read()


def _read_member(archive, entry):
    # Only ever read into memory, never unpacked to disk: a member's path can lead nowhere.
    if entry.fault:
        raise entry.fault
    size = entry.member.file_size
    if size > MAX_FILE:
        raise ValueError(f"too large for a picture ({size >> 20} MiB)")
    return _unpacked(archive, entry.member, size)  # no more than that, whatever is packed


def _unpacked(archive, member, size):
    """The first `size` bytes of a member of a zip. Raises one of FAULTS."""
    try:
        with archive.open(member) as content:
            return content.read(size)
    except MemoryError as fault:  # a damaged member can ask for any amount
        raise ValueError("unpacking it needs more memory than there is") from fault


def reopen(source: str) -> bytes:
    """The `source` of an Entry -> the bytes of its picture. Raises one of FAULTS when it is gone."""
    if os.path.exists(source):
        return _read_file(Entry(source, source))
    for match in re.finditer("/", source):
        zipped, name = source[: match.start()], source[match.end() :]
        if os.path.isfile(zipped):
            with zipfile.ZipFile(zipped) as archive, contextlib.suppress(KeyError):
                return _read_member(archive, Entry(name, zipped, archive.getinfo(name)))
    raise FileNotFoundError(f"{source} is gone")


def reason(fault: Exception) -> str:
    """One of FAULTS -> why a picture cannot be read, in one line."""
    if isinstance(fault, DAMAGED):
        return "damaged inside its zip: copy or download the zip again"
    if isinstance(fault, RuntimeError) and "password" in str(fault):
        return "its zip has a password: unpack it yourself"
    text = (isinstance(fault, OSError) and fault.strerror) or str(fault)
    return " ".join(text.split()) or type(fault).__name__


def passed_over(skipped: Iterable[tuple[str, str]]) -> list[str]:
    """(name, reason) of each file that was not used -> lines that say so, one for each reason, most frequent first.

    What a reason has in brackets concerns one file only, and is left out.
    """
    names = collections.defaultdict(list)
    for name, why in skipped:
        names[re.sub(r" \(.*\)", "", visible(why))].append(visible(name))
    groups = sorted(names.items(), key=lambda group: -len(group[1]))
    lines = []
    for why, group in groups[:LINES]:
        more = f" and {len(group) - NAMES:,} more" if len(group) > NAMES else ""
        lines.append(f"passed over {counted(len(group), 'file')}: {', '.join(group[:NAMES])}{more} ({why})")
    if left := sum(len(group) for _, group in groups[LINES:]):
        lines.append(f"passed over {counted(left, 'file')} for {counted(len(groups) - LINES, 'other reason')}")
    return lines
