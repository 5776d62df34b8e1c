"""Which run folder a training writes to: the one that --run names, the last unfinished run of its kind, or a new one.

A run goes on with its own options. options.json holds them as the user gave them, and under "settled" what the program
decided itself when the run began, such as the precision.
"""

import contextlib
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from animefaces import files, runs, states
from animefaces.files import write_json
from animefaces.options import ADJUSTABLE, LOCAL, flag, from_record, having, to_record
from animefaces.problems import Misuse, Problem


def create(name: str) -> Path:
    """Name -> the path of a new run folder, results/NNNNN-name, with the next free number."""
    runs.RESULTS.mkdir(parents=True, exist_ok=True)
    while True:
        run = runs.RESULTS / f"{1 + max(map(_number, runs.RESULTS.iterdir()), default=-1):05d}-{name}"
        with contextlib.suppress(FileExistsError):  # another process took this number first
            run.mkdir()
            return run


def _number(path):
    match = re.match(r"\d+", path.name)
    return int(match.group()) if match else -1


def resolved(options: Any, given: set[str]) -> Any:
    """Options, and the names of those that the user typed -> the options to train with.

    If --run names a run that exists, they are the options of that run. The user can change only the adjustable ones.
    --init-from RUN takes the options of that run, too.
    """
    if options.run and options.run.resolve() == runs.PRETRAINED:
        raise Misuse(f"--run {options.run} holds the shipped weights, which stay as they are: start a new run from "
                     f"them with --init-from {options.run}")  # fmt: skip
    record = runs.read_record(options.run) if options.run else None
    if record is None:
        if options.init_from and runs.is_shipped(options.init_from):
            options = replace(options, init_from=runs.PRETRAINED)
        return _continued(options, given) if options.init_from else options
    if options.new:
        raise Misuse(f"--new is for a new run, and {options.run} holds one: leave out --new, or give --run a new name")
    cls, adjustable = type(options), having(type(options), ADJUSTABLE)
    recorded = from_record(cls, record["options"])
    changed = [n for n in sorted(given - adjustable) if getattr(options, n) != getattr(recorded, n)]
    if "network" in changed:
        raise Misuse(f"{options.run} is a run of train.py {recorded.network}: give --run a new name")
    if changed:
        flags = ", ".join(map(flag, changed))
        raise Misuse(f"{options.run} was started with another {flags}: leave out {flags}, or give --run a new name")
    return replace(recorded, run=options.run, **{n: getattr(options, n) for n in given & adjustable - {"run"}})


def _continued(options, given):
    """Options with --init-from RUN -> the options of that run, changed by the flags that the user typed.

    If the user typed --recipe, or trains another network than that run, the options stay as they are.
    """
    if not options.init_from.exists():
        raise Problem(f"{options.init_from} does not exist: give --init-from a run folder or a .keras file")
    if options.init_from.is_file():
        return options
    record = runs.read_record(options.init_from)
    if record is None:
        raise Problem(f"{options.init_from} is not a run folder: give --init-from a run folder or a .keras file")
    if "recipe" in given or options.network != record["options"].get("network"):
        return options
    source = from_record(type(options), record["options"])
    own = given | having(type(options), LOCAL)
    reached = {"penalty": source.penalty[-1:] * 2}  # that run has reached the end of its schedule
    larger = source.widths_for(options.size) if "size" in given else {}
    return replace(source, **{**reached, **larger, **{name: getattr(options, name) for name in own}})


@contextlib.contextmanager
def taken(options: Any, given: set[str], pictures: str) -> Iterator[Path]:
    """Options without --run, and the fingerprint of the pictures -> the folder of the run to train, locked.

    It is the last unfinished run with the same options and pictures. If there is none, if another process trains it, or
    if the user typed --new, it is the folder of a new run.
    """
    with contextlib.ExitStack() as stack:
        for run in [] if options.new else _alike(options, given, pictures):
            try:
                stack.enter_context(locked(run))
            except (Problem, OSError) as fault:
                why = fault.strerror if isinstance(fault, OSError) else "it is being trained by another process"
                print(f"not used   {run} has the same options, but {why}")
                continue
            yield run
            return
        yield stack.enter_context(locked(create(options.recipe)))


def _alike(options, given, pictures):
    """The unfinished runs that these options continue, the one that was saved last first."""
    newest = sorted(runs.RESULTS.glob("*/options.json"), key=_saved_at, reverse=True)
    told = False
    for run in [file.parent for file in newest]:
        with contextlib.suppress(Problem, OSError):  # a damaged run is nothing to go on with
            record = runs.read_record(run)
            if not record or record["data"] != pictures or not _same(options, given, record):
                continue
            state = states.load(run, arrays=False)
            own = resolved(replace(options, run=run), given)
            progress = states.Progress.of(state[1]) if state else states.Progress()
            if progress.share(own) < 1:
                yield run
            elif not told:
                told = True
                print(f"finished   {run} has the same options: to continue it, raise --steps or --minutes")


def _saved_at(file):
    with contextlib.suppress(OSError):
        return max(path.stat().st_mtime for path in (file, *states.files(file.parent)[:1]))
    return 0.0


def _same(options, given, record):
    """Whether the options of a record are these. Options that a run may change do not count.

    Nor do local ones that the user did not type.
    """
    cls = type(options)
    free = having(cls, ADJUSTABLE) | (having(cls, LOCAL) - given)
    one, other = to_record(options), to_record(from_record(cls, record["options"]))
    return all(one[name] == other[name] for name in one if name not in free)


def settled(run: Path, options: Any) -> Any:
    """Options of a run -> the same, with what the program itself decided when the run began."""
    record = runs.read_record(run)
    return from_record(type(options), {**to_record(options), **record["settled"]}) if record else options


def keep_record(run: Path, asked: Any, options: Any, faces: Any) -> None:
    """Write options.json: the options that the user `asked` for, and what differs from them in those of the training.

    Raises Problem if the pictures are not those with which the run was started.
    """
    before = runs.read_record(run)
    if before and before["data"] != faces.fingerprint:
        raise Problem(
            f"the pictures are not those {run} began with: put them back, or start a new run with --init-from {run}"
        )
    wanted, used = to_record(replace(asked, new=False)), to_record(replace(options, new=False))
    decided = {name: used[name] for name in used if used[name] != wanted[name]}
    if before is None or before["options"] != wanted or before["settled"] != decided:
        made = {"options": wanted, "settled": decided, "data": faces.fingerprint, "pictures": len(faces)}
        write_json(run / "options.json", {**made, **provenance()})


def kept(options: Any, before: dict[str, Any]) -> dict[str, Any]:
    """The options of a run that goes on, and those that its saved state was trained with -> what the next state holds.

    Raises Problem if they differ: a digit of options.json that has changed on the disk would change the training.
    States of older versions hold none.
    """
    free = having(type(options), ADJUSTABLE) | having(type(options), LOCAL)
    now = {name: value for name, value in to_record(options).items() if name not in free}
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        flags = ", ".join(map(flag, changed))
        raise Problem(f"{options.run}/options.json is damaged, since the saved state has another {flags}: restore it "
                      "from a copy, or give --run a new name")  # fmt: skip
    return now


def provenance() -> dict[str, Any]:
    """The commit of the project (None outside git) and the versions of the libraries, for options.json."""
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=runs.PROJECT, capture_output=True, text=True, timeout=10, check=True,
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
    """Lock a run folder, so that no second process trains in it. If no run was started in it, it is removed at the end.

    Raises Problem if a process trains in it now.
    """
    taken = f"{run} is being trained by another process: wait for it, or give --run another name"
    try:
        with files.locked(run / runs.LOCK, f"**/{files.TEMPORARY}", taken):
            try:
                yield run
            finally:
                if not (run / "options.json").exists():
                    with contextlib.suppress(OSError):  # Windows removes it when it is released
                        (run / runs.LOCK).unlink(missing_ok=True)
    finally:
        if not (run / "options.json").exists():
            with contextlib.suppress(OSError):  # another process holds the lock in it
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
