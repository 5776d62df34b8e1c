"""The record of a folder of crops: manifest.jsonl. It has a line for each face, and for each picture without a face."""

import collections
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole
from animefaces.problems import Problem
from gathering.crops import Crop
from gathering.pictures import Picture

NAME = "manifest.jsonl"
SETTINGS = "settings.json"


def line(picture: Picture, crop: Crop, twin: str | None = None) -> dict[str, Any]:
    """A Picture and one of its Crops -> its line, as a dict. `twin`: of a duplicate, the file that it is like."""
    bits = "".join(f"{word:016x}" for word in crop.bits)
    return {
        "source": picture.source,
        "picture": picture.digest or None,
        "box": list(crop.box) if crop.box else None,
        "score": crop.score,
        "hashes": {"pixels": Path(crop.name).stem, "perceptual": bits} if crop.name else None,
        "tags": list(picture.tags),
        "verdict": crop.verdict,
        "detail": crop.detail,
        "duplicate_of": twin,
        "file": crop.name if crop.verdict == "kept" else None,
    }


def to_text(line: dict[str, Any]) -> str:
    """A line, as a dict -> its text. It is ASCII, whatever characters the names have."""
    return json.dumps(line) + "\n"


def bits(line: dict[str, Any]) -> np.ndarray | None:
    """A line, as a dict -> the perceptual hash of its crop, uint64 (4,); None if it has none."""
    text = line["hashes"] and line["hashes"]["perceptual"]
    return np.array([int(text[i : i + 16], 16) for i in range(0, 64, 16)], np.uint64) if text else None


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """A manifest's path -> its lines as dicts, one by one, or none without a file. Raises Problem if one is damaged."""
    if not Path(path).exists():
        return
    with open(path, encoding="ascii") as file:
        for number, text in enumerate(file, 1):
            try:
                record = json.loads(text)
                record["source"], record["picture"], record["verdict"], record["hashes"], record["file"]
            except (ValueError, KeyError, TypeError) as fault:
                raise Problem(
                    f"line {number} of {path} is damaged: delete this line, or give another --output"
                ) from fault
            yield record


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
        file.truncate(end)


def keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Note what shapes the crops of a folder, a JSON-able dict. Raises Problem if its crops have other settings."""
    path, record = Path(folder, SETTINGS), Path(folder, NAME)
    if not path.exists() or not record.exists() or not record.stat().st_size:
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [_flag(key, before[key]) for key in settings if before[key] != settings[key]]
    except (ValueError, KeyError, TypeError) as fault:
        raise Problem(f"{path} is damaged: give another --output") from fault
    if other:
        raise Problem(f"{path.parent} was made with {' '.join(other)}: use the same again, or give another --output")


def _flag(key, value):
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"
