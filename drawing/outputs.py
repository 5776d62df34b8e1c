"""Where the programs that draw write to: their option --output, which is checked before the work.

This module is read by --help, so it imports nothing heavy.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from animefaces.files import check_output
from animefaces.options import option
from animefaces.problems import Misuse
from animefaces.words import counted

DRAWN = Path("results/drawn")  # it never holds a generator.keras, so no program takes it for a run
FOLDER = "/"  # the ending of a folder's name
FILMS = {".gif": "film", ".webp": "film", ".mp4": "film"}
PNG = {".png": "sheet"}


def output_option(name: str, text: str, group: str) -> Any:
    """--output: the name of the file in DRAWN, and words for what it may be."""
    text += "; without --output the old pictures stay, and the new one gets a number"
    return option(str(DRAWN / name), text, group=group)


def chosen_output(text: str, given: set[str], kinds: Mapping[str, str], beside: Sequence[str] = ()) -> tuple[Path, str]:
    """The text of --output -> (path, its kind). Raises Misuse if nothing can be written there.

    `kinds`: the endings that the name may have, FOLDER among them, and what each one means. `beside`: what follows the
    name without its ending in the names of further files. A name that the user did not type never replaces a file: the
    user may want the old picture. A name that he typed is his own decision.
    """
    path, folder = Path(text), text.endswith(("/", "\\")) or (text != "" and os.path.isdir(text))
    kind = kinds.get(FOLDER if folder else path.suffix.lower())
    if kind is None or text.startswith("-"):
        raise Misuse(f"--output {text} will not do: name {_names(kinds)}")
    if "output" not in given:
        path = next(free for free in _numbered(path) if not any(map(os.path.lexists, files(free, beside))))
    check_output(path, folder=folder)
    for further in files(path, beside)[1:]:
        check_output(further)
    return path, kind


def files(path: Path, beside: Sequence[str]) -> list[Path]:
    """A picture, and what follows its name in the names of further files -> all these files."""
    return [path, *(path.with_name(path.stem + ending) for ending in beside)]


def kept(done: int, asked: int) -> str:
    """Numbers of faces that are written and that were to be -> words: "3 faces", or "3 of 5 faces"."""
    return counted(done, "face") if done == asked else f"{done:,} of {counted(asked, 'face')}"


def _numbered(path: Path) -> Iterator[Path]:
    """faces.png -> faces.png, faces-2.png, faces-3.png and so on."""
    yield path
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-{number}")
        number += 1


def _names(kinds):
    """Endings -> words: "a FILE.png or a folder ending in /"."""
    names = [f"FILE{ending}" for ending in kinds if ending != FOLDER]
    names = ["a " + names[0], *names[1:], *["a folder ending in /"] * (FOLDER in kinds)]
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
