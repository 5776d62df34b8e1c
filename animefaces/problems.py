"""Errors that the user can correct. A program shows such an error as one line and ends."""

import errno
import os
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-draw.txt")
PACKAGES = {"cv2": "opencv-python-headless", "PIL": "pillow"}  # module -> package, where the names differ
SPARING = ("batch_size", "size", "count", "workers")  # options whose smaller values need less memory
REMEDIES = {
    errno.ENOENT: "check the path",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "name a place that can be written to",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EMFILE: "allow more open files, for example with ulimit -n 4096",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOTSUP: "name a place on another disk",
    errno.ENOLCK: "name a place on another disk",
}


class Problem(Exception):
    """An error that the user can correct. Its text is one line: what is wrong: what to do."""

    exit_code = 1  # the program could not do its work


class Misuse(Problem):
    """An error in the command line."""

    exit_code = 2  # the command line was wrong


def in_words(fault: Exception, options: Iterable[str] = ()) -> str:
    """A Problem, OSError, MemoryError or ImportError -> what is wrong: what to do.

    `options`: the names of the program's options.
    """
    if isinstance(fault, MemoryError) or "failed to map segment" in str(fault):  # of a library that is loaded
        flags = ["--" + name.replace("_", "-") for name in SPARING if name in set(options)]
        return "not enough memory: " + (f"try a smaller {' or '.join(flags)}" if flags else "close other programs")
    if isinstance(fault, ModuleNotFoundError):
        return _missing(fault)
    if isinstance(fault, ImportError):
        return f"{str(fault).strip().splitlines()[-1]}: install what is needed again, pip install -r requirements.txt"
    if isinstance(fault, OSError):
        place = os.fsdecode(fault.filename) if isinstance(fault.filename, str | bytes) else _place(fault)
        remedy = REMEDIES.get(fault.errno or 0, "check the path, its permissions and the free space")
        return f"{place}: {fault.strerror or fault}: {remedy}"
    return str(fault)


def _missing(fault):
    """A module that is not installed: the project's own requirement, or what something else asks for."""
    module = (fault.name or "").partition(".")[0]
    lines = "\n".join((PROJECT / name).read_text(encoding="utf-8") for name in REQUIREMENTS)
    if PACKAGES.get(module, module).replace("_", "-").lower() in re.findall(r"^[\w-]+", lines, re.MULTILINE):
        return f"{fault}: install what is needed, pip install -r requirements.txt"
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(fault.__traceback__)]
    asking = [name.partition(".")[0] for name in frames if not name.startswith(("importlib", "_frozen_importlib"))]
    return f"{fault}, which {asking[-1] if asking else 'something'} needs: install it in the same environment"


def _place(fault):
    """What the program was doing, for a fault that names no file: the last function of the project."""
    found = "the system"
    for frame, _ in traceback.walk_tb(fault.__traceback__):
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(PROJECT) and "site-packages" not in file.parts:
            found = f"{frame.f_code.co_name}() in {file.relative_to(PROJECT)}"
    return found
