"""Run folders, results/NNNNN-name/: all files that are needed to use a run, to repeat it and to go on with it.

A run folder holds options.json, log.jsonl, TensorBoard events, samples/ and curves.png. Programs draw with its
generator.keras. Training goes on from its state/ (animefaces/states.py).
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
from animefaces.files import naming, write_json
from animefaces.options import flag, from_record, having, to_record
from animefaces.problems import Misuse, Problem

RESULTS = Path("results")
PROJECT = Path(__file__).resolve().parent.parent
PRETRAINED = PROJECT / "models" / "pretrained"
GENERATOR = "generator.keras"
# The generator with the smallest kernel distance to the validation faces. If several are equally good within the error
# of the measurement, it is the newest of them.
BEST = "best.keras"
DISCRIMINATOR = "discriminator.keras"  # for explore.py; training uses the one in state/ to go on
# Networks: pictures -> z of the generator in the same folder. They give the means of z, then its log-variances.
ENCODERS = {"learned": "encoder.keras", "vae": "vae.keras"}
SKETCH = "sketch.keras"  # the small network with which the encoder in the same folder was trained
MOMENTS = "moments.npz"  # means and standard deviations of the layouts of photos and of drawings, for that encoder
DEMO = "demo"  # the recipe of `make demo`


def create(name: str) -> Path:
    """Name -> the path of a new run folder, results/NNNNN-name, with the next free number."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    while True:
        run = RESULTS / f"{1 + max(map(_number, RESULTS.iterdir()), default=-1):05d}-{name}"
        with contextlib.suppress(FileExistsError):  # another process took this number first
            run.mkdir()
            return run


def _number(path):
    match = re.match(r"\d+", path.name)
    return int(match.group()) if match else -1


def newest(name: str = GENERATOR) -> Path | None:
    """Name of a file -> the run folder under results/ with the newest such file, or None. Demo runs do not count."""
    files = sorted(RESULTS.glob(f"*/{name}"), key=lambda file: file.stat().st_mtime, reverse=True)
    return next((file.parent for file in files if not _is_demo(file.parent)), None)


def _is_demo(run):
    """Whether `make demo` made this run. It draws cartoons, so no program takes it by default."""
    with contextlib.suppress(Problem):
        record = read_record(run)
        return bool(record and record["options"].get("recipe") == DEMO and not record["options"].get("init_from"))
    return False


def find_generator(run: Path | None = None) -> Path:
    """A run folder, a .keras file or None -> the file of its generator.

    None means the newest run, or the shipped weights if there is no run. If the run has a best generator, the result is
    this one, not the newest. Raises Problem if there is no generator.
    """
    if run is None:
        run = newest() or PRETRAINED
        if not (run / GENERATOR).exists():
            raise Problem("there is no run yet: train one with python train.py, or name one with --run")
    path = run / (BEST if (run / BEST).exists() else GENERATOR) if run.is_dir() else run
    if not run.exists():
        raise Problem(f"{run} does not exist: give --run a folder under {RESULTS}/, or a .keras file")
    if run.is_file() and run.suffix != ".keras":
        raise Problem(f"{run} is neither a run folder nor a .keras file: name one of them")
    if not path.exists():
        raise Problem(f"{run} holds no {GENERATOR}: it is not a run folder, or its training has not saved yet")
    return path


def find_encoder(kind: str, run: Path | None = None) -> tuple[Path, Path]:
    """A kind of ENCODERS, and a run folder, a .keras file in one, or None -> the files of (encoder, generator).

    None means the newest run that holds such an encoder, or the shipped weights if there is no such run. Raises Problem
    if there is no encoder.
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


def data_of(generator: Path, flag: str = "--data") -> list[Path]:
    """The file of a generator -> the paths of the faces on which it was trained; data/faces if there is no record.

    Raises Problem if they do not exist. `flag`: where the user can name other faces.
    """
    record = read_record(generator.parent)
    paths = [Path(path) for path in record["options"].get("data", [])] if record else [Path("data/faces")]
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        raise Problem(f"the training faces are not at {', '.join(missing)}: give their path with {flag}")
    return paths


def read_record(run: Path) -> dict[str, Any] | None:
    """A run folder -> the dict in its options.json, or None if the folder is absent or empty.

    Raises Problem if the folder holds other files, or if options.json is damaged.
    """
    file = run / "options.json"
    if not file.exists():
        # Before options.json is written, a run folder may hold only the lock, and temporary files of a killed process.
        if run.is_file() or (run.is_dir() and any(p.name != "lock" and p.name[0] != "." for p in run.iterdir())):
            raise Problem(f"{run} exists and is not a run folder (no options.json): give --run a new name")
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "data": str(record["data"]), "options": dict(record["options"])}
    except (ValueError, KeyError, TypeError) as fault:
        raise Problem(f"{file} is damaged: restore it from a copy, or give --run a new name") from fault


def open_run(options: Any, given: set[str], adjustable: set[str]) -> Any:
    """Options, and the names of those that the user typed -> the options to train with. They always name a run folder.

    If the run exists, it goes on with its own options; the user can change only the `adjustable` ones.
    """
    record = read_record(options.run) if options.run else None
    if record:
        recorded = from_record(type(options), record["options"])
        changed = [n for n in sorted(given - adjustable) if getattr(options, n) != getattr(recorded, n)]
        if changed:
            flags = ", ".join(map(flag, changed))
            raise Misuse(f"{options.run} was started with another {flags}: leave out {flags}, or give --run a new name")
        return replace(recorded, run=options.run, **{n: getattr(options, n) for n in given & adjustable - {"run"}})
    if options.init_from == Path(PRETRAINED.name) and not options.init_from.exists():
        options = replace(options, init_from=PRETRAINED)
    if options.init_from:
        options = _continued(options, given)
    return replace(options, run=options.run or create(options.recipe))


def _continued(options, given):
    """Options with --init-from RUN -> the options of that run, changed by the flags that the user typed.

    If the user typed --recipe, or trains another network than that run, the options stay as they are.
    """
    if not options.init_from.exists():
        raise Problem(f"{options.init_from} does not exist: give --init-from a run folder or a .keras file")
    if options.init_from.is_file():
        return options
    record = read_record(options.init_from)
    if record is None:
        raise Problem(f"{options.init_from} is not a run folder: give --init-from a run folder or a .keras file")
    if "recipe" in given or options.network != record["options"].get("network"):
        return options
    source = from_record(type(options), record["options"])
    own = given | having(type(options), "local")
    reached = {"penalty": source.penalty[-1:] * 2}  # that run has reached the end of its schedule
    return replace(source, **{**reached, **{name: getattr(options, name) for name in own}})


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn a ValueError into a Problem: Keras raises one if the weights of `path` do not fit the networks."""
    try:
        yield
    except ValueError as fault:
        raise Problem(
            f"{path} does not fit these options ({fault}): give the recipe and sizes it was made with"
        ) from fault


def keep_record(run: Path, options: Any, faces: Any) -> None:
    """Write options.json. Raises Problem if the pictures are not those with which the run was started."""
    before = read_record(run)
    if before and before["data"] != faces.fingerprint:
        raise Problem(
            f"the pictures are not those {run} began with: put them back, or start a new run with --init-from {run}"
        )
    if before is None or before["options"] != to_record(options):
        made = {"options": to_record(options), "data": faces.fingerprint, "pictures": len(faces), **provenance()}
        write_json(run / "options.json", made)


def provenance() -> dict[str, Any]:
    """The commit of the project (None outside git) and the versions of the libraries, for options.json."""
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
    """Lock a run folder, so that no second process trains in it. The lock ends with the process, even a killed one.

    Files that a killed process left half written are removed first. At the end, the folder is removed if no run was
    started in it.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(run / "lock", blocking=False)
    try:
        with naming(run / "lock"):  # some network disks cannot lock
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
    """A run folder -> a temporary copy of its options.json and state/.

    For the machines that take part in a training of several machines, but do not write its files.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        for path in (run / "options.json", *states.files(run)):
            if path.exists():
                target = copy / path.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        copy.mkdir(exist_ok=True)
        yield copy
