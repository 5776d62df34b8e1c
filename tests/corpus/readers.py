"""Three programs read pictures: what each makes of every file in a folder."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tests.corpus import made
from tests.corpus.case import Done, Wrong, must, run

Found = dict[str, Any]  # name of a file -> the quarters of what the program saw, or the text with which it refused it


def train(folder: Path, *words: Any, checked: bool = True) -> tuple[Done, Any]:
    """train.py on a folder or another path -> (what it did, its Faces or None)."""
    from animefaces import dataset

    seen: list[Any] = []

    def spy(*args, original=dataset.open_faces, **settings):
        seen.append(original(*args, **settings))
        return seen[-1]

    with mock.patch.object(dataset, "open_faces", spy):
        done = run("train", "--data", folder, "--cache", "cache", "--run", "run", *made.TINY, *words)
    shutil.rmtree("run", ignore_errors=True)
    return done, seen[-1] if seen else None


def by_train(folder: Path) -> Found:
    """What train.py sees of each file in a folder."""
    done, faces = train(folder)
    must(done.code == 0, "train.py gives up", done)
    found: Found = {Path(name).name: why for name, why in faces.skipped}
    pixels = faces[np.arange(len(faces))]
    return found | {name: made.quarters(row) for name, row in zip(faces.names(), pixels, strict=True)}


def by_preprocess(folder: Path) -> Found:
    """What preprocess.py sees of each file in a folder."""
    from animefaces import images

    done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
    must(done.code == 0, "preprocess.py gives up", done)
    found: Found = {}
    for line in map(json.loads, Path("crops/manifest.jsonl").read_text().splitlines()):
        name = Path(line["source"]).name
        found[name] = f"{line['verdict']}: {line['detail']}"
        if line["file"]:
            found[name] = made.quarters(images.read(Path("crops", line["file"])))
    must(Path("crops/report.html").exists(), "there is no report.html", done)
    return found


def by_encode(folder: Path) -> Found:
    """What the encoder of encode.py is fed of each file in a folder."""
    paths = sorted(folder.iterdir())
    done = run(
        "encode", *paths, "--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe(), "--output", "out/"
    )
    must(done.code == 0, "encode.py gives up", done)
    found: Found = {}
    for line in done.err.splitlines():
        for path in paths:
            if path.name in line:
                found[path.name] = line
    used = [path for path in paths if path.name not in found]
    with np.load("out/latents.npz", allow_pickle=False) as file:
        must(len(used) == len(file["z"]), f"{len(file['z'])} faces of {len(used)} photos without a warning", done)
        for path, z in zip(used, file["z"], strict=True):
            found[path.name] = (z.reshape(2, 2, 3) + 1) * 127.5
    return found


READERS: dict[str, Callable[[Path], Found]] = {
    "train.py": by_train, "preprocess.py": by_preprocess, "encode.py": by_encode,
}  # fmt: skip


class Together:
    """Many files that are read by one run of a program. If that run fails, each half of them is tried again."""

    def __init__(self, program: str, write: Callable[[Path, Any], None], items: Iterable[Any]):
        """`write(folder, item)` writes an item's file, which has the name `item.file`."""
        self.read, self.write, self.items = READERS[program], write, list(items)
        self.found: Found | None = None

    def __getitem__(self, name: str) -> Any:
        """The name of a file -> its quarters, or the text with which it was refused; None if nothing was said."""
        if self.found is None:
            self.found = self._tried(self.items, "all")
        return self.found.get(name)

    def _tried(self, items, place):
        folder = made.good(Path(place, "set"), 4)
        for item in items:
            self.write(folder, item)
        import os

        here = os.getcwd()
        os.chdir(place)
        try:
            return self.read(Path("set"))
        except (Wrong, AssertionError) as fault:
            if len(items) == 1:
                return {items[0].file: fault}
        finally:
            os.chdir(here)
            shutil.rmtree(place)
        half = len(items) // 2
        return self._tried(items[:half], "a") | self._tried(items[half:], "b")
