"""What train.py says before the first step: what is trained, on what, how long, and what it takes of the disk."""

import dataclasses
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from animefaces import runs
from animefaces.dataset import doubts
from animefaces.options import to_record
from animefaces.problems import Problem
from animefaces.samples import shrinking
from animefaces.states import Progress
from animefaces.words import counted
from models import engine
from training.task import Task

FOR_CPUS = ("modern", "fastgan", "evening", "light", "quick")  # recipes
UNTOLD = ("data", "run", "new", "from_scratch", "check")  # options that stand in other lines
GRID = 48  # pictures on a sample grid
PNG = 0.6  # bytes of a PNG file of faces for each byte of its pixels


def announce(options: Any, faces: Any, progress: Progress, found: bool, decided: list[str]) -> None:
    """Say what is about to be trained, on what, and how long.

    `found`: the user did not name the run. `decided`: lines about what the program decided itself.
    """
    begun = f"continues {options.run}" if found else str(options.run)
    at = f", from step {progress.step:,}" if progress.step else ""
    print(f"run        {begun}{at}" + (" (a new run: add --new)" if found else ""))
    _told("data", _pictures(options, faces))
    _told("training", [*_length(options, len(faces)), *decided])
    record = {name: value for name, value in to_record(options).items() if value is not None}
    shown = [f.name for f in dataclasses.fields(options) if f.name in record and _means(f, options.network)]
    values = [",".join(map(str, v)) if isinstance(v, list) else v for v in map(record.get, shown)]
    print("options    " + " ".join(f"{name}={value}" for name, value in zip(shown, values, strict=True)))


def _told(label, lines):
    """Print a label and its lines, one under the other."""
    for i, line in enumerate(lines):
        print(f"{'' if i else label:<10} {line}")


def _means(field, network):
    """Whether an option means something to the network that is trained, and is to be shown."""
    notes = field.metadata
    return field.name not in UNTOLD and not notes["hidden"] and network in (notes["commands"] or {network})


def _pictures(options, faces):
    lines = [f"{counted(len(faces), 'picture')} from {', '.join(map(str, options.data))}"]
    if faces.resized:
        lines.append(f"{faces.resized:,} of them centre-cropped and resized to {options.size}x{options.size}")
    if faces.enlarged:
        lines.append(f"{faces.enlarged:,} of them are smaller than that, so they are blurred: give larger pictures or "
                     "a smaller --size")  # fmt: skip
    lines += faces.remarks()
    if doubt := doubts(faces, anchored=bool(options.anchor)):
        lines.append(f"warning: {doubt}")
    if options.batch_size > len(faces):
        lines.append(f"a step takes {options.batch_size}, so it takes the same pictures several times: give more "
                     f"pictures or a smaller --batch-size")  # fmt: skip
    return lines


def _length(options, count):
    epochs = options.steps * options.batch_size / count
    devices = f"{engine.device_count()} {engine.device()}s" if engine.device_count() > 1 else engine.device()
    limit = f", at most {options.minutes:g} minute{'s' * (options.minutes != 1)}" if options.minutes else ""
    lines = [f"{counted(options.steps, 'step')} of {options.batch_size} at {options.size}x{options.size} "
             f"({epochs:,.{1 if epochs >= 0.1 else 2}f} epochs){limit}, on {devices} with {engine.NAME}"]  # fmt: skip
    if options.network == "gan" and options.init_from and runs.is_shipped(options.init_from):
        lines.append("the shipped weights learn the style of your pictures (random weights instead: --from-scratch)")
    if options.warm_up and not options.init_from:
        steps = counted(options.warm_up, "step")
        lines.append(f"the first {steps} are a warm-up as an autoencoder: the faces are blurred")
        if options.warm_up >= options.steps:
            lines.append("the training ends within its warm-up: for sharp faces raise --steps or lower --warm-up")
    if options.recipe in FOR_CPUS and engine.device() != "CPU":
        lines.append(f"--recipe large is made for such a device, and gives far better faces than {options.recipe}")
    return lines


def sizes(task: Task, options: Any) -> tuple[int, int]:
    """A task that is ready -> about how many bytes (one save, the whole run folder at the end) takes."""
    first, last = (task.player.state.nbytes(step) for step in (0, options.steps))
    networks = sum(4 * math.prod(v.shape) for network in task.files().values() for v in network.variables)
    grid = int(PNG * GRID * options.size**2 * options.channels)
    grids = options.steps // options.sample_every + 2
    events = grid / shrinking(8 * options.size) ** 2
    # Networks twice, for best.keras; one state more, since an old one goes when the new one is whole.
    return first + networks + grid, int((options.keep + 1) * last + 2 * networks + grids * (grid + events))


def check_disk(task: Task, options: Any, run: Path) -> None:
    """Say how much of the disk the run takes. Raise Problem if not even one save has room, and warn if not all has."""
    save, whole = sizes(task, options)
    used = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    free = shutil.disk_usage(run).free
    print(f"disk       about {megabytes(whole)} at the end, at most; less with --keep 1 or a larger --sample-every")
    if free < save:
        raise Problem(f"the disk of {options.run} has {megabytes(free)} free, and one saved state takes "
                      f"{megabytes(save)}: free some space, or name a folder on another disk with --run")  # fmt: skip
    if free < whole - used:
        print(f"warning: the disk of {options.run} has {megabytes(free)} free, and the run may need "
              f"{megabytes(whole - used)}: free some space, or give --keep 1 or a larger --sample-every",
              file=sys.stderr)  # fmt: skip


def megabytes(count: float) -> str:
    """A number of bytes -> words: "0.4 MB", "150 MB", "1.9 GB"."""
    if count >= 1e9:
        return f"{count / 1e9:,.1f} GB"
    return f"{count / 1e6:.1f} MB" if count < 1e7 else f"{count / 1e6:.0f} MB"
