"""The record of a folder of crops: manifest.jsonl. It has a line for each face, and for each picture without a face."""

import codecs
import collections
import json
import math
import os
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import write_json, written_whole
from animefaces.problems import Problem
from gathering.crops import Crop
from gathering.pictures import Picture

NAME = "manifest.jsonl"
SETTINGS = "settings.json"


def line(picture: Picture, crop: Crop, twin: str | None = None) -> dict[str, Any]:
    """A Picture and one of its Crops -> its line, as a dict. `twin`: of a duplicate, the file that it is like."""
    bits = "".join(f"{word:016x}" for word in crop.bits)
    return (
        {
            "source": picture.source,
            "picture": picture.digest or None,
            "box": list(crop.box) if crop.box else None,
            "score": crop.score,
            "eyes": [list(eye) for eye in crop.eyes] if crop.eyes else None,
            "hashes": {"pixels": Path(crop.name).stem, "perceptual": bits} if crop.name else None,
            "tags": list(picture.tags),
            "verdict": crop.verdict,
            "detail": crop.detail,
            "duplicate_of": twin,
            "file": crop.name if crop.verdict == "kept" else None,
        }
        | ({"origin": dict(picture.origin)} if picture.origin else {})
        | ({} if picture.place is None else {"place": picture.place})
    )


def to_text(line: dict[str, Any]) -> str:
    """A line, as a dict -> its text. It is ASCII, whatever characters the names have."""
    return json.dumps(line) + "\n"


def bits(line: dict[str, Any]) -> np.ndarray | None:
    """A line, as a dict -> the perceptual hash of its crop, uint64 (4,); None if it has none."""
    text = line["hashes"] and line["hashes"]["perceptual"]
    return np.array([int(text[i : i + 16], 16) for i in range(0, 64, 16)], np.uint64) if text else None


def lines(path: Path, damaged: list[int] | None = None) -> Iterator[dict[str, Any]]:
    """A manifest's path -> its lines as dicts, one by one, or none without a file.

    Damaged lines are passed over: their pictures are looked at again. `damaged` gets the numbers of these lines.
    """
    if not Path(path).exists():
        return
    with open(path, "rb") as file:
        for number, data in enumerate(file, 1):
            record = parse(data)
            if record is not None:
                yield record
            elif damaged is not None and data.strip():
                damaged.append(number)


def parse(data: bytes) -> dict[str, Any] | None:
    """The bytes of a line -> the line as a dict; None if it is not as `line` makes it: anybody may have written it."""
    try:
        data = data.removeprefix(codecs.BOM_UTF8)  # some editors put a mark at the beginning of the file
        record = json.loads(data.decode("utf-8", "surrogateescape"))
        texts = [record["source"], record["verdict"], record["detail"], *record["tags"]]
        texts += [record[key] for key in ("picture", "file", "duplicate_of") if record[key] is not None]
        names = [record["file"] or "", record["duplicate_of"] or ""]
        box = [0] * 4 if record["box"] is None else record["box"]
        hashes = record["hashes"]
        record.setdefault("eyes", None)  # older manifests know none
        eyes = [value for eye in record["eyes"] or [(0.0,) * 2] * 2 for value in eye]
        whole = (
            isinstance(record["tags"], list)
            and all(isinstance(text, str) for text in texts)
            and all(name == os.path.basename(os.fsdecode(os.fsencode(name))) for name in names)  # of this folder only
            and [type(number) for number in box] == [int] * 4
            and [type(number) for number in eyes] == [float] * 4
            and all(map(math.isfinite, eyes))
            and (hashes is None or re.fullmatch("[0-9a-f]{64}", hashes["perceptual"]))
        )
        return record if whole else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def counts(path: Path) -> collections.Counter[str]:
    """A manifest's path -> how often each verdict is in it."""
    return collections.Counter(line["verdict"] for line in lines(path))


def end_whole(path: Path) -> None:
    """Remove the last line of a manifest if it was not written to its end."""
    if not Path(path).exists():
        return
    with open(path, "rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 4096)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < file.seek(0, os.SEEK_END):  # else its date stays, which report.py compares
            file.truncate(end)


def forget(path: Path, verdicts: Container[str]) -> list[int]:
    """Remove the lines with one of the `verdicts` from a manifest, so that their pictures are looked at again.

    Returns the numbers that the damaged lines, which stay, have afterwards.
    """
    number, damaged = 0, []
    with written_whole(path) as temporary, open(path, "rb") as old, open(temporary, "wb") as new:
        for data in old:
            record = parse(data)
            if record and record["verdict"] in verdicts:
                continue
            new.write(data)
            number += 1
            if record is None and data.strip():
                damaged.append(number)
    return damaged


def keep_settings(folder: Path, settings: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Note what shapes the crops of a folder, a JSON-able dict. Raises Problem if its crops have other settings.

    `defaults`: the values for settings that an older version did not have.
    """
    path, record = Path(folder, SETTINGS), Path(folder, NAME)
    if not path.exists() or not record.exists() or not record.stat().st_size:
        write_json(path, settings)
        return
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(noted, dict):
            raise TypeError("no settings")
        before = defaults | noted
    except (ValueError, TypeError, RecursionError) as fault:
        raise Problem(f"{path} is damaged: delete it if the settings are the same as before, "
                      "or give another --output") from fault  # fmt: skip
    if unknown := before.keys() - settings.keys():
        raise Problem(f"{path} has settings of another version, {' '.join(sorted(unknown))}: give another --output")
    other = [_flag(key, before[key]) for key in settings if before[key] != settings[key]]
    if other:
        raise Problem(f"{path.parent} was made with {' '.join(other)}: use the same again, or give another --output")


def settings(folder: Path, defaults: dict[str, Any]) -> dict[str, Any]:
    """A folder of crops -> what its settings say for the names in `defaults`, which count where they say nothing."""
    try:
        noted = json.loads(Path(folder, SETTINGS).read_text(encoding="utf-8"))
        return {key: noted[key] if type(noted.get(key)) is type(value) else value for key, value in defaults.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return defaults


def _flag(key, value):
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"
