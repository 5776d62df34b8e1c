"""State files: all that a training needs to go on, state/step_NNNNNNNNN.npz in its run folder.

A file holds the arrays of networks and optimizers by their names (models/state.py), and a JSON record, "record", with
the step, the training time and the version of this format.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole
from animefaces.problems import Problem

FORMAT = 2  # 1 had no "format", and arrays by their place in the network; models/state.py reads both
KEPT = 2  # state files that are kept


def files(run: Path) -> list[Path]:
    """The state files of a run, the newest first."""
    return sorted((run / "state").glob("step_*.npz"), reverse=True)


def _settle(folder):
    """Write the names in a folder to the disk: they must survive a power cut before old files are removed."""
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save(run: Path, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Write everything that a training needs to go on: a dict of arrays, and a JSON record that holds the `step`.

    The file is written whole, and the last KEPT files are kept. A file of a later step was damaged, or training would
    have gone on from it: it is removed too.
    """
    path = run / "state" / f"step_{record['step']:09d}.npz"
    with written_whole(path) as temporary:
        np.savez(temporary, record=np.array(json.dumps({**record, "format": FORMAT})), **arrays)  # type: ignore[arg-type]
    _settle(path.parent)
    later = [state for state in files(run) if state > path]
    for useless in later + files(run)[len(later) + KEPT :]:
        useless.unlink()


def load(run: Path, arrays: bool = True) -> tuple[dict[str, np.ndarray], dict[str, Any], list[str]] | None:
    """The newest readable state of a run -> (arrays, record, names of newer ones that were damaged), or None.

    With arrays=False only the record is read. Raises Problem when there are states but none can be read.
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
