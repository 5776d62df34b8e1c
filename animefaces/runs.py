"""Run folders, results/NNNNN-name/: all files that are needed to use a run, to repeat it and to go on with it.

A run folder holds options.json, log.jsonl, TensorBoard events, samples/ and curves.png. Programs draw with its
generator.keras. Training goes on from its state/ (animefaces/states.py); animefaces/resuming.py says in which folder.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from animefaces.problems import PROJECT, Problem

FACES = Path("data/faces")  # where preprocess.py puts faces, and train.py looks for them
RESULTS = Path("results")
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
UPSCALER = "upscaler.keras"  # drawn faces -> the same, four times as large
DETECTOR = "detector.keras"  # whole pictures -> where the drawn faces in them are (models/detector.py)
READER = "reader.keras"  # pictures -> the probabilities of looks (animefaces/looks.py)
LOCK = "lock"  # held by the process that trains the run
DEMO = "demo"  # the recipe of `make demo`


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


def is_shipped(path: Path) -> bool:
    """Whether a path means the shipped weights: it is their folder, or the word "pretrained" and no such folder."""
    return path.resolve() == PRETRAINED or (path == Path(PRETRAINED.name) and not path.exists())


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


def gathered() -> bool:
    """Whether preprocess.py or the user has put anything into FACES."""
    return FACES.is_dir() and any(not name.startswith(".") for name in os.listdir(FACES))


def data_of(generator: Path, flag: str = "--data") -> list[Path]:
    """The file of a generator -> the paths of the faces on which it was trained; data/faces if there is no record.

    Raises Problem if they do not exist. `flag`: where the user can name other faces.
    """
    record = read_record(generator.parent)
    kept = record["options"].get("data") if record else [str(FACES)]
    paths = [Path(path) for path in kept if isinstance(path, str)] if isinstance(kept, list) else []
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        where = f"not at {', '.join(missing)}" if missing else "not named in its options.json"
        raise Problem(f"the training faces are {where}: give their path with {flag}")
    return paths


def read_record(run: Path) -> dict[str, Any] | None:
    """A run folder -> the dict in its options.json, or None if the folder is absent or empty.

    Raises Problem if the folder holds other files, or if options.json is damaged.
    """
    file = run / "options.json"
    if not file.exists():
        # Before options.json is written, a run folder may hold only the lock, and temporary files of a killed process.
        if run.is_file() or (run.is_dir() and any(p.name != LOCK and p.name[0] != "." for p in run.iterdir())):
            raise Problem(f"{run} exists and is not a run folder (no options.json): give --run a new name")
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "data": str(record["data"]), "options": dict(record["options"]),
                "settled": dict(record.get("settled", {}))}  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Problem(f"{file} is damaged: restore it from a copy, or give --run a new name") from fault


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn a ValueError into a Problem: Keras raises one if the weights of `path` do not fit the networks."""
    try:
        yield
    except ValueError as fault:
        raise Problem(
            f"{path} does not fit these options ({fault}): give the recipe and sizes it was made with"
        ) from fault
