"""Run folders: results/NNNNN-name/ is enough to use a run, to repeat it and to go on with it.

options.json, log.jsonl, TensorBoard events, samples/, curves.png; generator.keras to use; state/ to resume.
"""

import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from animefaces.files import write_json, written_whole
from animefaces.options import flag, from_record, having, to_record
from animefaces.problems import Misuse, Problem

RESULTS = Path("results")
PROJECT = Path(__file__).resolve().parent.parent
PRETRAINED = PROJECT / "models" / "pretrained"
GENERATOR = "generator.keras"
BEST = "best.keras"  # the generator whose faces came closest to held-out ones, the newest of those that are alike
DISCRIMINATOR = "discriminator.keras"  # to look at, and of the weights that ship; to go on, a run has it in its state
# Of images -> means, then log-variances, of the z that the generator beside it draws them with.
ENCODERS = {"learned": "encoder.keras", "vae": "vae.keras"}
SKETCH = "sketch.keras"  # that the encoder beside it was trained by
MOMENTS = "moments.npz"  # of layouts, of photos and of drawings: what the encoder beside it compares them by
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


def newest(name=GENERATOR):
    """The run folder under results/ whose file of this name was written last, or None."""
    files = list(RESULTS.glob(f"*/{name}"))
    return max(files, key=lambda file: file.stat().st_mtime).parent if files else None


def find_generator(run=None):
    """A run folder, a .keras file or None -> the file of its generator.

    None is the newest run, else the weights that ship with the project. A run's best generator, where it
    has been measured, goes before its newest. Raises Problem if there is none.
    """
    if run is None:
        run = newest() or PRETRAINED
        if not (run / GENERATOR).exists():
            raise Problem("there is no run yet: train one with python train.py, or name one with --run")
    path = run / (BEST if (run / BEST).exists() else GENERATOR) if run.is_dir() else run
    if not run.exists():
        raise Problem(f"{run} does not exist: give --run a folder under {RESULTS}/, or a .keras file")
    if not path.exists():
        raise Problem(f"{run} holds no {GENERATOR}: it is not a run folder, or its training has not saved yet")
    return path


def find_encoder(kind, run=None):
    """One of ENCODERS, and a run folder, a .keras file in one, or None -> the files of (encoder, generator).

    None is the newest run that holds such an encoder, else the weights that ship with the project. Raises
    Problem if there is none.
    """
    name = ENCODERS[kind]
    remedy = f"train one with python train.py {Path(name).stem}"
    if run is None:
        run = newest(name) or PRETRAINED
        if not (run / name).exists():
            raise Problem(f"there is no {kind} encoder yet: {remedy}, or name a run with --run")
    folder = run.parent if run.is_file() else run
    generator = find_generator(folder if run.name == name else run)
    if not (folder / name).exists():
        raise Problem(f"{folder} holds no {name}: {remedy}, or name another run")
    return folder / name, generator


def open_encoder(kind, run, load):
    """As for `find_encoder` -> (encoder, generator, the generator's file). Raises Problem if they do not fit."""
    file, beside = find_encoder(kind, run)
    generator, path = open_generator(beside, load)
    encoder = _opened(file, load, "encoder")
    shape, latent = encoder.input_shape, generator.input_shape[1]
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] not in (1, 3) or encoder.output_shape != (None, 2 * latent):
        raise Problem(f"{file} is no encoder for {path}: train it on that generator, with python train.py {file.stem}")
    return encoder, generator, path


def open_generator(run, load):
    """A run folder, a .keras file or None, as for `find_generator` -> (its network, opened by `load`, and its file).

    `load` is models.saved.load or calls it. Raises Problem if that refuses, or it is no generator.
    """
    path = find_generator(run)
    network = _opened(path, load, "generator")
    if len(network.input_shape) != 2 or len(network.output_shape) != 4 or network.output_shape[-1] not in (1, 3):
        raise Problem(f"{path} does not turn z into pictures: name a run folder of train.py gan")
    return network, path


def _opened(path, load, noun):
    try:
        return load(path)
    except ValueError as fault:
        raise Problem(f"{path} is no {noun} to be trusted ({fault}): train it again, or name another run") from fault


def read_moments(run):
    """The moments beside a learned encoder, as models.encoder.Encoding takes them. Raises Problem."""
    try:
        with np.load(run / MOMENTS, allow_pickle=False) as file:
            moments = {name: np.asarray(file[name], np.float32) for name in ("photo", "drawn")}
        if any(m.ndim != 2 or len(m) != 2 or not np.isfinite(m).all() for m in moments.values()):
            raise ValueError("other shapes")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as fault:
        raise Problem(f"{run / MOMENTS} cannot be read ({fault}): restore it, or train the encoder anew") from fault
    return moments


def open_discriminator(generator, load):
    """The file of a generator -> the discriminator beside it, opened by `load`. Raises Problem if there is none."""
    path = generator.with_name(DISCRIMINATOR)
    if not path.exists():
        raise Problem(f"{path} does not exist: train the run on for a step, or give --run one that has it")
    try:
        network = load(path)
    except ValueError as fault:
        raise Problem(f"{path} is no discriminator to be trusted ({fault}): train it again") from fault
    if len(network.input_shape) != 4 or len(network.output_shape) != 2:
        raise Problem(f"{path} does not judge pictures: train it again")
    return network


def data_of(generator):
    """The file of a generator -> the paths that its run was trained on, else data/faces. Raises Problem."""
    record = read_record(generator.parent)
    paths = [Path(path) for path in record["options"].get("data", [])] if record else [Path("data/faces")]
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        raise Problem(f"the training faces are not at {', '.join(missing)}: say where with --data")
    return paths


def read_record(run):
    """The dict in a run's options.json, or None if the folder is absent or empty. Raises Problem if it is no run."""
    file = run / "options.json"
    if not file.exists():
        # A lock, or a temporary file of a write that was killed, is all that a run may have before its record.
        if run.is_file() or (run.is_dir() and any(p.name != "lock" and p.name[0] != "." for p in run.iterdir())):
            raise Problem(f"{run} exists and is not a run folder (no options.json): give --run a new name")
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "data": str(record["data"]), "options": dict(record["options"])}
    except (ValueError, KeyError, TypeError) as fault:
        raise Problem(f"{file} is damaged: restore it from a copy, or give --run a new name") from fault


def open_run(options, given, adjustable):
    """Options as typed, and the names given by hand -> options to train with, their run folder always named.

    A run that exists goes on with its own options; by hand only the `adjustable` ones may differ.
    """
    record = read_record(options.run) if options.run else None
    if record:
        recorded = from_record(type(options), record["options"])
        changed = [n for n in sorted(given - adjustable) if getattr(options, n) != getattr(recorded, n)]
        if changed:
            flags = ", ".join(map(flag, changed))
            raise Misuse(f"{options.run} was started with another {flags}: leave it out, or give --run a new name")
        return replace(recorded, run=options.run, **{n: getattr(options, n) for n in given & adjustable - {"run"}})
    if options.init_from == Path(PRETRAINED.name) and not options.init_from.exists():
        options = replace(options, init_from=PRETRAINED)
    if options.init_from:
        options = _continued(options, given)
    return replace(options, run=options.run or create(options.recipe))


def _continued(options, given):
    """--init-from RUN: that run's own settings unless --recipe names others, with the flags given by hand over them."""
    if not options.init_from.exists():
        raise Problem(f"{options.init_from} does not exist: give --init-from a run folder or a .keras file")
    if options.init_from.is_file():
        return options
    record = read_record(options.init_from)
    if record is None:
        raise Problem(f"{options.init_from} is not a run folder: give --init-from a run folder or a .keras file")
    if "recipe" in given or options.network != record["options"].get("network"):  # other settings are asked for
        return options
    source = from_record(type(options), record["options"])
    own = given | having(type(options), "local")
    reached = {"penalty": source.penalty[-1:] * 2}  # of a schedule that has come to its end
    return replace(source, **{**reached, **{name: getattr(options, name) for name in own}})


@contextlib.contextmanager
def fitting(path):
    """What is raised when the weights of `path` are for other networks becomes a Problem."""
    try:
        yield
    except ValueError as fault:
        raise Problem(
            f"{path} does not fit these options ({fault}): give the recipe and sizes it was made with"
        ) from fault


def keep_record(run, options, faces):
    """Write options.json; refuse to go on with other pictures than the run began with."""
    before = read_record(run)
    if before and before["data"] != faces.fingerprint:
        raise Problem(
            f"the pictures are not those {run} began with: put them back, or start anew with --init-from {run}"
        )
    if before is None or before["options"] != to_record(options):
        made = {"options": to_record(options), "data": faces.fingerprint, "pictures": len(faces), **provenance()}
        write_json(run / "options.json", made)


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
    """Keep a second training out of the same folder. Let go by itself when the process ends, however it ends.

    Clears up what an earlier one left, half written, when it was killed. A folder in which no run has
    begun by the end is removed.
    """
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
        for left in run.rglob(".*.tmp*"):
            left.unlink(missing_ok=True)
        try:
            yield run
        finally:
            if not (run / "options.json").exists():
                with contextlib.suppress(OSError):
                    (run / "lock").unlink()
                    run.rmdir()


@contextlib.contextmanager
def followed(run):
    """For a machine that trains along but is not the one that writes: a passing copy of what `run` goes on from."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        for path in (run / "options.json", *_states(run)):
            if path.exists():
                target = copy / path.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        copy.mkdir(exist_ok=True)
        yield copy


def _states(run):
    return sorted((run / "state").glob("step_*.npz"), reverse=True)


def _settle(folder):
    """Make the new names in a folder survive a power cut, before old files are given up for them."""
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save_state(run, arrays, record):
    """Everything needed to go on: a dict of arrays and a JSON-able record, which holds at least `step`.

    Written whole; the last KEPT_STATES are kept. Those of later steps were damaged, or training would
    have gone on from them: they go too.
    """
    path = run / "state" / f"step_{record['step']:09d}.npz"
    with written_whole(path) as temporary:
        np.savez(temporary, record=np.array(json.dumps(record)), **arrays)
    _settle(path.parent)
    later = [state for state in _states(run) if state > path]
    for useless in later + _states(run)[len(later) + KEPT_STATES :]:
        useless.unlink()


def load_state(run, arrays=True):
    """The newest readable state of a run -> (arrays, record, names of newer ones that were damaged), or None.

    With arrays=False only the record is read. Raises Problem when there are states but none can be read.
    """
    damaged = []
    for path in _states(run):
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                record["step"], record["seconds"] = int(record["step"]), float(record["seconds"])
                values = {name: file[name] for name in file.files if name != "record"} if arrays else {}
            return values, record, damaged
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            damaged.append(path.name)
    if damaged:
        raise Problem(f"no state of {run} can be read ({', '.join(damaged)}): give --run a new name")
    return None
