"""Run folders: results/NNNNN-name/ is enough to use a run, to repeat it and to go on with it.

A folder holds options.json, log.jsonl, TensorBoard events, samples/ and curves.png; generator.keras to draw with;
state/ to go on from (animefaces/states.py).
"""

import contextlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from animefaces import states
from animefaces.files import write_json
from animefaces.options import flag, from_record, having, to_record
from animefaces.problems import Misuse, Problem

RESULTS = Path("results")
PROJECT = Path(__file__).resolve().parent.parent
PRETRAINED = PROJECT / "models" / "pretrained"
GENERATOR = "generator.keras"
# The generator with the smallest kernel distance to the validation faces; of several that are equally good, as far as
# the measurement can tell, the newest.
BEST = "best.keras"
DISCRIMINATOR = "discriminator.keras"  # for explore.py; training goes on from the one in state/
# Encoders: pictures -> means and then log-variances of the z with which the generator beside them draws the pictures.
ENCODERS = {"learned": "encoder.keras", "vae": "vae.keras"}
SKETCH = "sketch.keras"  # the small network through which the encoder beside it was trained
MOMENTS = "moments.npz"  # means and deviations of layouts, of photos and of drawings, for the encoder beside it
DEMO = "demo"  # the recipe of `make demo`


def create(name: str) -> Path:
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


def newest(name: str = GENERATOR) -> Path | None:
    """The run folder under results/ whose file of this name was written last, or None. The run of a demo is none."""
    files = sorted(RESULTS.glob(f"*/{name}"), key=lambda file: file.stat().st_mtime, reverse=True)
    return next((file.parent for file in files if not _is_demo(file.parent)), None)


def _is_demo(run):
    """Whether `make demo` made this run: its cartoons are nothing that anybody wants by default."""
    with contextlib.suppress(Problem):
        record = read_record(run)
        return bool(record and record["options"].get("recipe") == DEMO and not record["options"].get("init_from"))
    return False


def find_generator(run: Path | None = None) -> Path:
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


def find_encoder(kind: str, run: Path | None = None) -> tuple[Path, Path]:
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


def data_of(generator: Path) -> list[Path]:
    """The file of a generator -> the paths that its run was trained on, else data/faces. Raises Problem."""
    record = read_record(generator.parent)
    paths = [Path(path) for path in record["options"].get("data", [])] if record else [Path("data/faces")]
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        raise Problem(f"the training faces are not at {', '.join(missing)}: say where with --data")
    return paths


def read_record(run: Path) -> dict[str, Any] | None:
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


def open_run(options: Any, given: set[str], adjustable: set[str]) -> Any:
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
def fitting(path: Path) -> Iterator[None]:
    """What is raised when the weights of `path` are for other networks becomes a Problem."""
    try:
        yield
    except ValueError as fault:
        raise Problem(
            f"{path} does not fit these options ({fault}): give the recipe and sizes it was made with"
        ) from fault


def keep_record(run: Path, options: Any, faces: Any) -> None:
    """Write options.json; refuse to go on with other pictures than the run began with."""
    before = read_record(run)
    if before and before["data"] != faces.fingerprint:
        raise Problem(
            f"the pictures are not those {run} began with: put them back, or start anew with --init-from {run}"
        )
    if before is None or before["options"] != to_record(options):
        made = {"options": to_record(options), "data": faces.fingerprint, "pictures": len(faces), **provenance()}
        write_json(run / "options.json", made)


def provenance() -> dict[str, Any]:
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
def locked(run: Path) -> Iterator[Path]:
    """Keep a second training out of the same folder. The lock ends with the process, however the process ends.

    What an earlier training left half written, when it was killed, is removed. So is a folder in which no run has
    begun by the end.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(run / "lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout as fault:
        raise Problem(f"{run} is being trained by another process: wait for it, or give --run another name") from fault
    try:
        for left in run.rglob(".*.tmp*"):
            left.unlink(missing_ok=True)
        yield run
    finally:
        lock.release()
        if not (run / "options.json").exists():
            with contextlib.suppress(OSError):
                (run / "lock").unlink(missing_ok=True)
                run.rmdir()


@contextlib.contextmanager
def followed(run: Path) -> Iterator[Path]:
    """For a machine that trains along but is not the one that writes: a passing copy of what `run` goes on from."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        for path in (run / "options.json", *states.files(run)):
            if path.exists():
                target = copy / path.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        copy.mkdir(exist_ok=True)
        yield copy
