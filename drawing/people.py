"""Photos, folders and zips that a user names -> the people on them."""

import io
import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from animefaces import sources
from animefaces.problems import Misuse, Problem
from animefaces.progress import Bar
from animefaces.words import counted, visible
from drawing import photos

LONGEST = 120  # bytes of a name: with "_v20-12.png" behind it, it fits into the 143 bytes of an encrypted folder
ON_WINDOWS = re.compile(r'[\x00-\x1f/\\:*?"<>|]')  # what a name of a file cannot have there; "C:" leads elsewhere
FORBIDDEN = ON_WINDOWS if os.name == "nt" else re.compile(r"[\x00/]")
GIVE = "name photos, or folders and zips of them"
NO_FACE = "none was found: if it is a tight crop of a face, add --no-detect"


class PhotoFace(NamedTuple):
    """A face that was found on a photo. `name` is unique."""

    name: str
    small: Any  # uint8 (size, size, channels), as the encoder takes it
    large: Any  # uint8 (4 * size, 4 * size, 3), or None where no card is drawn
    photo: sources.Entry
    person: photos.Person
    turns: int  # quarters to the left by which the photo is turned, so that the person is upright


def find_people(paths: tuple[Path, ...], way: Any, find: Any, large: bool, output: Path) -> list[PhotoFace]:
    """Photos, folders, zips -> the people. What shows no face is named on stderr; Problem if there is nobody at all.

    Raises Misuse if what is written to `output`, a file or a folder, might replace a photo.
    """
    faces: list[PhotoFace] = []
    names: set[str] = set()
    entries, skipped = listed(paths)
    check_apart(entries, output)
    count = len(entries) + len(skipped)
    with Bar(total=len(entries), desc="looking", unit="photo") as bar:
        for read, entry in ((read, entry) for read, together in sources.readers(entries) for entry in together):
            photo, why = looked_at(read, entry, way, find)
            bar.update()
            if why:
                skipped.append((entry.name, why))
                continue
            if photo.turns:
                bar.write(f"{visible(entry.name)}: turned {photos.TURNS[photo.turns]}, so that the faces are upright")
            if len(photo.faces) > 1:
                bar.write(f"{visible(entry.name)}: {len(photo.faces)} faces, numbered from left to right")
            for number, ((small, crop), person) in enumerate(zip(photo.faces, photo.people, strict=True), 1):
                name = unique(Path(entry.name).stem + (f"_{number}" if number > 1 else ""), names)
                place = entry, person, photo.turns
                faces.append(PhotoFace(name, small, crop if large else None, *place))
    if not faces and len(skipped) == 1:
        what, _, remedy = skipped[0][1].partition(": ")
        raise Problem(f"{visible(skipped[0][0])} gave no face ({what}): {remedy or GIVE}")
    for line in sources.passed_over(skipped):
        print(f"warning: {line}", file=sys.stderr)
    if not faces:
        raise Problem(f"none of {counted(len(skipped), 'photo')} gave a face: see the warnings")
    if skipped:
        print(f"skipped {len(skipped)} of {counted(count, 'photo')}")
    return faces


def looked_at(read: Any, entry: Any, way: Any, find: Any) -> tuple[Any, str]:
    """A function that reads an Entry, and the Entry -> (its Photo or None, why it gives no face or "")."""
    try:
        photo = photos.faces_on(io.BytesIO(read(entry)), way.size, way.channels, find, way.frame)
    except sources.FAULTS as fault:
        return None, sources.reason(fault)
    except MemoryError:
        return None, "more memory is needed than there is: make it smaller"
    return photo, "" if photo.faces else NO_FACE


def listed(paths: tuple[Path, ...]) -> tuple[list[Any], list[tuple[str, str]]]:
    """What the user named -> (an Entry for each photo, named as the user sees it; names and reasons of what is none).

    Raises Problem if there is nothing at all.
    """
    entries, skipped = [], []
    for path in paths:
        matches = sources.matches(path)
        if not matches and len(paths) == 1:
            raise Problem(f"{path} {sources.GONE}")
        if not matches:
            skipped.append((str(path), sources.GONE))
        for match in matches:
            for entry in sources.found(match):
                itself = entry.member is None and entry.file == os.path.abspath(match)
                entries.append(entry._replace(name=match if itself else str(Path(match, entry.name))))
    if not entries and not skipped:
        raise Problem(f"there is no photo in {', '.join(map(str, paths))}: {GIVE}")
    return entries, skipped


def check_apart(entries: list[sources.Entry], output: Path) -> None:
    """Raise Misuse if `output` is one of the photos, or the folder of one. Photos in a zip cannot be replaced."""
    place, names = sources.identity(output), {entry.file for entry in entries if not entry.member}
    names |= {os.path.realpath(name) for name in names}  # what a link names must stay, too
    if place in {sources.identity(name) for name in names}:
        raise Misuse(f"--output {output} is one of the photos, and would be replaced: name another file")
    if place in {sources.identity(folder) for folder in {os.path.dirname(name) for name in names}}:
        raise Misuse(f"--output {output} is where the photos are, and some might be replaced: name another folder")


def unique(name: str, names: set[str]) -> str:
    """A name, made short enough, that is not yet among `names`, to which it is added; two files may have the same.

    Characters that a name of a file cannot have become "_": members of a zip may have any name.
    """
    name = FORBIDDEN.sub("_", name)
    while len(os.fsencode(name)) > LONGEST:
        name = name[:-1]
    number, result = 1, name
    while alike(result) in names:
        number += 1
        result = f"{name}-{number}"
    names.add(alike(result))
    return result


def alike(name: str) -> str:
    """What two names have in common that are one to some file systems: A.png and a.png, two ways to write an accent."""
    return unicodedata.normalize("NFC", name).lower()
