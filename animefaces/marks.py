"""Which generator a file of latents or of directions is for.

The file holds a mark: a fingerprint of the generator's weights, and the name of its run for people. The fingerprint
is in the list of contents of the .keras file. So hundreds of runs are searched at once, and no network is opened.
"""

import os
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animefaces import npz, runs
from animefaces.words import visible

WEIGHTS = "model.weights.h5"  # the weights in a .keras file
LONGEST = 1 << 16  # bytes of a mark


class Mark(NamedTuple):
    """A generator: the fingerprint of its weights, and the name of its run or file."""

    weights: str
    run: str

    def arrays(self) -> dict[str, np.ndarray]:
        """The mark as arrays of an .npz file, for `npz.write`."""
        return {"generator": np.array(self.weights), "run": np.array(self.run)}


def of(generator: Path) -> Mark:
    """The file of a generator -> its mark. It is the same for a copy of the file, wherever that lies."""
    whole = Path(os.path.abspath(generator))
    name = whole.parent.name if whole.name in (runs.GENERATOR, runs.BEST) else whole.name
    return Mark(_fingerprint(generator), name)


def _fingerprint(file):
    """The checksum and the length of the weights in a .keras file; "" if it is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            weights = archive.getinfo(WEIGHTS)
    except (OSError, KeyError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile):
        return ""
    return f"{weights.CRC:08x}-{weights.file_size}"


def read(path: Path) -> Mark | None:
    """A file of latents or directions -> its mark; None if it has none. Raises OSError if there is no such file."""
    try:
        weights, run = npz.read(path, "generator", "run", most=LONGEST)
    except ValueError:
        return None
    if any(array.shape != () or array.dtype.kind != "U" for array in (weights, run)) or not str(weights):
        return None
    return Mark(str(weights), visible(str(run))[:100])  # anyone may have written it


def find(mark: Mark, run: Path | None = None) -> Path | None:
    """A mark -> the file of its generator, or None: in the folder or file `run`, else in all runs and as shipped."""
    folders = [run] if run else [*sorted(runs.RESULTS.glob("*"), key=str), runs.PRETRAINED]
    # Copies draw the same faces. The one with the name of the mark is the one that the user knows.
    folders.sort(key=lambda folder: folder.name != mark.run)
    files = [folder / name if folder.is_dir() else folder for folder in folders for name in (runs.BEST, runs.GENERATOR)]
    return next((file for file in files if _fingerprint(file) == mark.weights), None)
