"""State files, state/step_NNNNNNNNN.npz in a run folder: everything that a training needs to go on.

A state file holds the arrays of the networks and optimizers by their names (models/state.py). Its "record" is JSON: the
step, the training time in seconds and the version of this format.
"""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import npz
from animefaces.files import written_whole
from animefaces.problems import Problem

# Format 1 had no "format", and named arrays by their index. Format 2 always held the parts of the warm-up.
# models/state.py reads all.
FORMAT = 3


@dataclass
class Progress:
    """Where a training stands. It is saved with every state."""

    step: int = 0
    seconds: float = 0.0  # training time, of all parts of a training that was stopped
    rollbacks: int = 0
    trouble: int = 0  # the step of the last rollback
    judging: float = 0.0  # the part of `seconds` that verdicts took
    best: float | None = None  # the smallest kernel distance so far
    rivals: list[dict[str, float]] = field(default_factory=list)  # verdicts on generators that were kept as the best
    judged: int = 0  # the step of the last verdict
    window: dict = field(default_factory=dict)  # figures since the last log entry
    options: dict = field(default_factory=dict)  # those that a run keeps, as resuming.kept gives them

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Progress":
        """The record of a saved state -> where it stands."""
        return cls(**{f.name: record[f.name] for f in dataclasses.fields(cls) if f.name in record})

    def share(self, options: Any) -> float:
        """How much of the training is done, in [0, 1]: by steps or by minutes, whichever is more."""
        by_time = self.seconds / (options.minutes * 60) if options.minutes else 0
        return min(1, max(self.step / options.steps, by_time))


def files(run: Path) -> list[Path]:
    """A run folder -> its state files, the newest first."""
    return sorted((run / "state").glob("step_*.npz"), reverse=True)


def _settle(folder):
    """Flush the entries of a folder to the disk: the new file must survive a power cut when old ones are removed."""
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save(run: Path, arrays: dict[str, np.ndarray], record: dict[str, Any], keep: int = 2) -> None:
    """Write a state file: a dict of arrays, and a record for JSON that holds the `step`.

    An interrupted write leaves no half file. The last `keep` files are kept, and an old one is removed only when the
    new one is whole. Files of later steps are removed too: they are damaged, otherwise the training would have gone on
    from them.
    """
    path = run / "state" / f"step_{record['step']:09d}.npz"
    with written_whole(path) as temporary:
        np.savez(temporary, record=np.array(json.dumps({**record, "format": FORMAT})), **arrays)  # type: ignore[arg-type]
    _settle(path.parent)
    later = [state for state in files(run) if state > path]
    for useless in later + files(run)[len(later) + keep :]:
        useless.unlink()


def load(run: Path, arrays: bool = True) -> tuple[dict[str, np.ndarray], dict[str, Any], list[str]] | None:
    """A run folder -> its newest readable state: (arrays, record, names of newer files that are damaged), or None.

    With arrays=False, only the record is read. Raises Problem if there are state files but all are damaged, and OSError
    if one cannot be read for another reason.
    """
    damaged: list[str] = []
    for path in files(run):
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                record["step"], record["seconds"] = int(record["step"]), float(record["seconds"])
                if record["step"] < 0:
                    raise ValueError("the step is below 0")
                if record.get("format", 1) > FORMAT:
                    raise Problem(f"{path} was written by a newer version of this project: go on with that version")
                values = {name: file[name] for name in file.files if name != "record"} if arrays else {}
            return values, record, damaged
        except npz.DAMAGED as fault:
            if isinstance(fault, OSError) and fault.errno not in npz.OF_DAMAGE:
                raise  # of the disk, or of permissions: the state is whole, and the next save would remove it
            damaged.append(path.name)
    if damaged:
        raise Problem(f"no state of {run} can be read ({', '.join(damaged)}): give --run a new name")
    return None
