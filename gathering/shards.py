"""Shares of the pictures for several processes or machines, and their folders joined to one."""

import heapq
import itertools
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from animefaces.problems import Misuse, Problem
from gathering import manifest
from gathering.crops import Crop
from gathering.pictures import Picture

MOST = 100_000  # shares


class Shard(NamedTuple):
    """One of several shares of the pictures."""

    number: int  # from 1 on
    of: int

    def has(self, name: str) -> bool:
        """Whether a picture belongs to it. `name`: within the path that the user named, the same on every machine."""
        return zlib.crc32(name.encode("utf-8", "surrogatepass")) % self.of == self.number - 1


def parse(text: str | None) -> Shard | None:
    """ "3/16" -> the third of sixteen shares; None for None. Raises Misuse."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]) <= MOST:
        raise Misuse(f"--shard {text} cannot be read: write the number of the share and how many there are, 3/16")
    return Shard(int(match[1]), int(match[2]))


def settings_of(folders: Sequence[Path], defaults: dict[str, Any]) -> dict[str, Any]:
    """Folders of crops -> what shaped their crops. Raises Problem if one is none, or was made with other settings.

    `defaults`: the values for settings that an older version did not have.
    """
    found = []
    for folder in folders:
        file = folder / manifest.SETTINGS
        try:
            noted = {**defaults, **json.loads(file.read_text(encoding="utf-8")), "shard": None}
            if any(defaults[key] is not None and type(noted[key]) is not type(defaults[key]) for key in defaults):
                raise ValueError("a setting of another type")
            found.append(noted)
        except (OSError, ValueError, TypeError, RecursionError) as fault:
            raise Problem(f"{folder} is no folder of crops (no {manifest.SETTINGS} that can be read): name folders "
                          "that preprocess.py --shard made") from fault  # fmt: skip
        if found[-1] != found[0]:
            raise Problem(f"{folder} was made with other settings than {folders[0]}: make both with the same options")
    return found[0]


def joined(folders: Sequence[Path]) -> Iterator[tuple[Picture, list[Crop]]]:
    """Folders of crops -> their pictures with their Crops, in the order in which one run would have found them.

    One picture of each folder is in memory at a time.
    """
    for _, picture, crops in heapq.merge(*map(_pictures, folders), key=lambda found: found[0]):
        yield picture, crops


def _pictures(folder):
    """A folder of crops -> (place, Picture, its Crops) for each picture in its manifest."""
    lines = manifest.lines(folder / manifest.NAME)
    for (place, source), together in itertools.groupby(lines, key=lambda line: (_place(line), line["source"])):
        several = list(together)
        first = several[0]
        origin = first["origin"] if isinstance(first.get("origin"), dict) else {}
        picture = Picture(source, b"", first["picture"] or "", tuple(first["tags"]), name=source, origin=origin)
        yield place, picture, [_crop(folder, line) for line in several]


def _place(line):
    place = line.get("place")
    return place if type(place) is int else 0


def _crop(folder, line):
    box, verdict = line["box"] and tuple(line["box"]), line["verdict"]
    found = Crop(verdict, line["detail"], box, line["score"], line["eyes"] and tuple(map(tuple, line["eyes"])))
    if verdict != "kept":
        return found
    try:
        png = (folder / line["file"]).read_bytes()
        name, bits = f"{Path(line['hashes']['pixels']).name}.png", tuple(map(int, manifest.bits(line)))
    except (OSError, TypeError, KeyError):
        return found._replace(verdict="unreadable", detail=f"its crop is no longer in {folder.name}")
    return found._replace(detail="", name=name, png=png, bits=bits)
