"""Files that are written whole or not at all, and whether they can be written."""

import contextlib
import glob
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from animefaces.problems import Misuse, Problem

TEMPORARY = ".*.tmp*"  # a pattern for the files that `written_whole` begins


@contextlib.contextmanager
def naming(path: str | Path, *hidden: str) -> Iterator[None]:
    """Within this context, an OSError of the system that names no file, or a `hidden` one, names `path`."""
    try:
        yield
    except OSError as fault:
        if fault.errno is None or fault.filename not in (None, *hidden):
            raise
        raise OSError(fault.errno, fault.strerror, str(path)) from fault


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A path -> a temporary path beside it, to write to. At the end of the `with` block the new file replaces the old.

    An exception or a kill leaves the old file. The new file is flushed to disk before it replaces the old one, so
    after a power cut the path has one of the two, and it is whole. An OSError names `path`, not the temporary path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp" + path.suffix)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
    try:
        with naming(path, name):  # not a fault of other files within the `with` block
            os.close(handle)
            yield Path(name)
            with open(name, "rb+") as file:
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
    finally:
        with contextlib.suppress(OSError):  # the folder may have been closed meanwhile; the next start clears up
            Path(name).unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def locked(lock: Path, pattern: str, taken: str) -> Iterator[None]:
    """Within this context no other process holds the file `lock`, whose folder is made.

    Raises Problem with the text `taken` if another process holds it. The lock ends with the process, even a killed
    one. The temporary files that a killed one left are removed first: what `pattern` finds in its folder.
    """
    import filelock

    lock.parent.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(lock, blocking=False)
    try:
        # NotImplementedError: older versions of filelock raise it where the disk, a network drive, has no locks.
        with naming(lock), contextlib.suppress(NotImplementedError):
            held.acquire()
    except filelock.Timeout as fault:
        raise Problem(taken) from fault
    try:
        for left in lock.parent.glob(pattern):
            left.unlink(missing_ok=True)
        yield
    finally:
        held.release()


def write_text(path: str | Path, text: str) -> None:
    """Write text to a file as UTF-8, whole or not at all.

    A file name that is not UTF-8 reaches Python with surrogates. They are written as `\\udce9`.
    """
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON-able value to a file, whole or not at all. Any text in it is read back as it was."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def check_input(path: str | Path, flag: str) -> None:
    """Raise Problem if there is nothing at a path. `flag`: what the user types to name it."""
    try:
        os.stat(path)
    except FileNotFoundError:
        if glob.glob(os.fspath(path)):  # a pattern that the shell left as it is
            return
        raise Problem(f"{flag} {path} does not exist: check the path") from None
    except OSError as fault:
        raise Problem(f"{flag} {path} cannot be read ({fault.strerror}): check the path and its permissions") from fault


def check_output(path: str | Path, flag: str = "--output", folder: bool = False) -> None:
    """Raise Misuse if a file, or a `folder`, cannot be written there. `flag`: what the user typed to name it.

    Programs call it before their work begins, so that the work is not lost.
    """
    path = Path(path)
    try:
        if os.path.lexists(path) and path.is_dir() != folder:
            is_a, wanted = ("file", "folder") if folder else ("folder", "file")
            raise Misuse(f"{flag} {path} is a {is_a}: name a {wanted}")
        place = _existing(path if folder else path.parent)
        if not place.is_dir():
            raise Misuse(f"{flag} {path} cannot be written, because {place} is a file: name another one")
        if path.is_file() and not os.access(path, os.W_OK):
            raise Misuse(f"{flag} {path} cannot be written, because this file is read-only: name another one")
        if not os.access(place, os.W_OK | os.X_OK):
            raise Misuse(f"{flag} {path} cannot be written, because the folder {place} is read-only: name another one")
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # a name that is too long
    except OSError as fault:
        raise Misuse(f"{flag} {path} cannot be written ({fault.strerror}): name another one") from fault


def _existing(path):
    """The nearest of a path and the folders above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())
