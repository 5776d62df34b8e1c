"""State files, state/step_NNNNNNNNN.npz in a run folder: everything that a training needs to go on.

A state file holds the arrays of the networks and optimizers by their names (models/state.py). Its "record" is JSON: the
step, the training time in seconds and the version of this format.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole
from animefaces.problems import Problem

FORMAT = 2  # format 1 had no "format", and named arrays by their index; models/state.py reads both
KEPT = 2  # number of state files that are kept


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


def save(run: Path, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Write a state file: a dict of arrays, and a record for JSON that holds the `step`.

    An interrupted write leaves no half file. The last KEPT files are kept. Files of later steps are removed too: they
    are damaged, otherwise the training would have gone on from them.
    """
    path = run / "state" / f"step_{record['step']:09d}.npz"
    with written_whole(path) as temporary:
        np.savez(temporary, record=np.array(json.dumps({**record, "format": FORMAT})), **arrays)  # type: ignore[arg-type]
    _settle(path.parent)
    later = [state for state in files(run) if state > path]
    for useless in later + files(run)[len(later) + KEPT :]:
        useless.unlink()


def load(run: Path, arrays: bool = True) -> tuple[dict[str, np.ndarray], dict[str, Any], list[str]] | None:
    """A run folder -> its newest readable state: (arrays, record, names of newer files that are damaged), or None.

    With arrays=False, only the record is read. Raises Problem if there are state files but none can be read.
    """
    damaged: list[str] = []
    for path in files(run):
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                record["step"], record["seconds"] = int(record["step"]), float(record["seconds"])
                if record.get("format", 1) > FORMAT:
                    raise Problem(f"{path} was written by a newer version of this project: go on with that version")
                values = {name: file[name] for name in file.files if name != "record"} if arrays else {}
            return values, record, damaged
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            damaged.append(path.name)
    if damaged:
        raise Problem(f"no state of {run} can be read ({', '.join(damaged)}): give --run a new name")
    return None
