"""One try, and what is measured after it."""

import contextlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from animefaces import logs, states
from models import contents

TIMED = {"seconds", "images_per_second", "waiting"}  # figures of the log that no two trainings share


class NotTried(Exception):
    """This kind of fault cannot be made here. The text says why."""


@dataclass
class Try:
    """A kind of fault, and the seed of all that is random in it. The rest is what came out."""

    kind: str
    seed: int
    identical: bool | None = None  # whether the weights are those of the undisturbed training; None: there are none
    lost: int = 0  # bytes of files that were whole before, and are not after
    why: str = ""  # what went wrong
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, *self.kind.encode()])

    @property
    def tracebacks(self) -> int:
        """How many of its programs printed a traceback: 0 or 1. `run` of the corpus then gives the exit code 99."""
        return int("Traceback (most recent" in self.why or self.why.startswith("the exit code is 99"))

    @property
    def good(self) -> bool:
        """Whether all is as it should be."""
        return not (self.why or self.lost or self.identical is False)


def is_whole(path: Path) -> bool:
    """Whether a file of a run folder can be read to its end."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return all(file[name] is not None for name in file.files)
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        if path.suffix == ".json":
            return isinstance(json.loads(path.read_bytes()), dict)
        if path.suffix in (".png", ".gif"):
            Image.open(io.BytesIO(path.read_bytes())).load()
    except Exception:  # whatever the libraries raise on damage
        return False
    return True


def whole_files(run: Path) -> dict[Path, int]:
    """A run folder -> the files in it that are whole, with their sizes. Temporary files do not count."""
    paths = [path for path in run.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path: path.stat().st_size for path in paths if is_whole(path)}


def bytes_lost(before: dict[Path, int], run: Path) -> int:
    """What `whole_files` gave before a fault, and the run folder after it -> the bytes of the files that are not whole.

    A state that is gone is not lost if a newer one is whole. What is written on at its end must not be shorter, but
    for the log: what was logged after the last state is logged again.
    """
    after = whole_files(run)
    newest = max((path for path in after if path.parent.name == "state"), default=Path())
    lost = 0
    for path, size in before.items():
        replaced = path.parent.name == "state" and path < newest
        shorter = path.parent.name == "events" and after.get(path, 0) < size
        if (path not in after and not replaced) or shorter:
            lost += size
    return lost


def newest_step(run: Path) -> int:
    """A run folder -> the step of its newest state file, 0 if there is none."""
    return max((int(path.stem[5:]) for path in states.files(run)), default=0)


def same_weights(run: Path, other: Path) -> bool:
    """Whether two runs ended with the same state and the same weights of the generator, to the bit."""
    ends = []
    for folder in (run, other):
        arrays, record, _ = states.load(folder) or ({}, {"step": -1}, [])
        weights = contents.read(folder / "generator.keras").weights
        ends.append((record["step"], {**arrays, **{f"file/{name}": array for name, array in weights.items()}}))
    (step, one), (end, two) = ends
    return step == end and one.keys() == two.keys() and all(_equal(one[name], two[name]) for name in one)


def _equal(one, two):
    return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()


def same_log(run: Path, other: Path) -> bool:
    """Whether two runs logged the same figures, times apart."""
    one, two = ([{k: v for k, v in e.items() if k not in TIMED} for e in logs.read(folder)] for folder in (run, other))
    return one == two


def half_files(run: Path) -> list[Path]:
    """The temporary files in a run folder."""
    found = []
    with contextlib.suppress(OSError):
        found = list(run.rglob(".*.tmp*"))
    return found
