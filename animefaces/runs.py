"""Run folders: results/NNNNN-name/ is enough to use a run, to repeat it and to go on with it.

options.json, log.jsonl, TensorBoard events, samples/, curves.png; generator.keras to use; state/ to resume.
"""

import contextlib
import importlib.metadata
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np

from animefaces.images import written_whole
from animefaces.options import Problem

RESULTS = Path("results")
PROJECT = Path(__file__).resolve().parent.parent
PRETRAINED = PROJECT / "models" / "pretrained"
GENERATOR = "generator.keras"
KEPT_STATES = 2


def create(name):
    """Make the next numbered run folder, results/NNNNN-name, and return its path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    while True:
        run = RESULTS / f"{1 + max(map(_number, RESULTS.iterdir()), default=-1):05d}-{name}"
        with contextlib.suppress(FileExistsError):  # somebody else took the number just now
            run.mkdir()
            return run


def _number(path):
    match = re.match(r"\d+", path.name)
    return int(match.group()) if match else -1


def newest():
    """The run folder under results/ whose generator was written last, or None."""
    files = list(RESULTS.glob(f"*/{GENERATOR}"))
    return max(files, key=lambda file: file.stat().st_mtime).parent if files else None


def find_generator(run=None):
    """A run folder, a .keras file or None -> the file of its generator.

    None is the newest run, else the weights that ship with the project. Raises Problem if there is none.
    """
    if run is None:
        run = newest() or PRETRAINED
        if not (run / GENERATOR).exists():
            raise Problem("there is no run yet: train one with python train.py, or name one with --run")
    path = run / GENERATOR if run.is_dir() else run
    if not run.exists():
        raise Problem(f"{run} does not exist: give --run a folder under {RESULTS}/, or a .keras file")
    if not path.exists():
        raise Problem(f"{run} holds no {GENERATOR}: it is not a run folder, or its training has not saved yet")
    return path


def write_json(path, value):
    """Write JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_record(run):
    """The dict in a run's options.json, or None if the folder is absent or empty. Raises Problem if it is no run."""
    file = run / "options.json"
    if not file.exists():
        if run.is_file() or (run.is_dir() and any(p.name != "lock" for p in run.iterdir())):
            raise Problem(f"{run} exists and is not a run folder (no options.json): give --run a new name")
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "options": dict(record["options"])}
    except (ValueError, KeyError, TypeError) as fault:
        raise Problem(f"{file} is damaged: restore it from a copy, or give --run a new name") from fault


def provenance():
    """What a run was made with: commit of the project (None outside git), and library versions."""
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=PROJECT, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        commit = None
    versions = {}
    for name in ("tensorflow", "jax", "keras", "numpy", "pillow"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {"commit": commit, "versions": versions}


@contextlib.contextmanager
def locked(run):
    """Keep a second training out of the same folder. Let go by itself when the process ends, however it ends."""
    run.mkdir(parents=True, exist_ok=True)
    with open(run / "lock", "w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: nobody is kept out
            pass
        except BlockingIOError as fault:
            raise Problem(
                f"{run} is being trained by another process: wait for it, or give --run another name"
            ) from fault
        yield


def _states(run):
    return sorted((run / "state").glob("step_*.npz"), reverse=True)


def save_state(run, arrays, record):
    """Everything needed to go on: a dict of arrays and a JSON-able record, which holds at least `step`.

    Written whole; the last KEPT_STATES are kept.
    """
    with written_whole(run / "state" / f"step_{record['step']:09d}.npz") as temporary:
        np.savez(temporary, record=np.array(json.dumps(record)), **arrays)
    for old in _states(run)[KEPT_STATES:]:
        old.unlink()


def load_state(run, arrays=True):
    """The newest readable state of a run -> (arrays, record, names of newer ones that were damaged), or None.

    With arrays=False only the record is read. Raises Problem when there are states but none can be read.
    """
    for left in (run / "state").glob(".*.tmp.npz"):  # of a write that was killed
        left.unlink()
    damaged = []
    for path in _states(run):
        try:
            with np.load(path, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                record["step"], record["seconds"] = int(record["step"]), float(record["seconds"])
                values = {name: file[name] for name in file.files if name != "record"} if arrays else {}
            return values, record, damaged
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            damaged.append(path.name)
    if damaged:
        raise Problem(f"no state of {run} can be read ({', '.join(damaged)}): give --run a new name")
    return None


class Log:
    """log.jsonl and TensorBoard events of one training: figures by step."""

    def __init__(self, run, step):
        self._path = run / "log.jsonl"
        self._events, self._folder = None, run / "events"
        self.entries = []
        self.rewind(step)

    def rewind(self, step):
        """Forget what was logged after `step`, where training goes on from."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self.entries = []
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut off by a power failure
                entry = json.loads(line)
                if entry["step"] <= step:
                    self.entries.append(entry)
        with written_whole(self._path) as temporary:
            temporary.write_text("".join(json.dumps(e) + "\n" for e in self.entries), encoding="utf-8")

    def add(self, entry):
        """One dict of figures, with its `step`."""
        self.entries.append(entry)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        if self._writer():
            for name, value in entry.items():
                if name != "step":
                    self._events.add_scalar(name, value, entry["step"])

    def picture(self, name, pixels, step):
        """uint8 (H, W, C)."""
        if self._writer():
            self._events.add_image(name, pixels, step)

    def close(self):
        """Flush the events."""
        if self._events:
            self._events.close()

    def _writer(self):
        if self._events is None:
            try:
                self._events = _Events(self._folder)
            except ImportError:  # JAX without TensorFlow: no events, log.jsonl has the same figures
                self._events = False
        return self._events


class _Events:
    def __init__(self, folder):
        import tensorflow as tf

        self._summary = tf.summary
        with tf.device("CPU"):
            self._file = tf.summary.create_file_writer(os.fspath(folder))

    def add_scalar(self, name, value, step):
        with self._file.as_default():
            self._summary.scalar(name, value, step=step)

    def add_image(self, name, pixels, step):
        with self._file.as_default():
            self._summary.image(name, pixels[None], step=step)
        self._file.flush()

    def close(self):
        self._file.close()
