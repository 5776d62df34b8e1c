"""train.py --check: what this computer can train with, and how fast that is."""

import contextlib
import itertools
import platform
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from animefaces import hardware
from animefaces.batches import prefetched, stacked
from models import build, engine
from training.task import Targets, task_of

NOISE = 256  # pictures of noise that the trial trains on
SECONDS = 60  # the time of the measured steps
TURNS, TRIED = 3, 3  # each precision is tried TURNS times, in turn, for TRIED seconds each
GAIN = 1.1  # bfloat16 is taken if it is at least this many times as fast: clocks are not exact
LONG_STEPS, LONG_MINUTES = 1000, 5  # a training that is shorter than either is not worth the trial, nor compiling more
RESIDUAL = 5  # times as long takes a step of residual networks, at least
SMALL, SMALL_BFLOAT16 = 2**15, 2**16  # most pixels of a batch whose operations two threads need not share
WARM = 3  # calls before the clock starts: they compile


def check(options: Any, targets: Targets) -> None:
    """Print what this computer has, and how fast it trains with these options, on noise."""
    for label, text in described():
        print(f"{label:<10} {text}")
    print("measuring  one to three minutes")
    print(f"speed      {speed(options, targets)}")


def described() -> Iterator[tuple[str, str]]:
    """(label, words) of the computer, engine, device and precision."""
    name, quick = hardware.cpu()
    yield "computer", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield "CPU", f"{name}, {hardware.threads()} threads for this process"
    yield "engine", engine.versions()
    known = hardware.nvidia()
    for gpu in known:
        yield "GPU", gpu
    device = engine.device()
    if device == "CPU":
        yield "no GPU", hardware.advice(platform.system(), engine.NAME, known)
        words = {True: "the CPU has bfloat16: a training tries both, and takes the faster one",
                 False: "the CPU has no bfloat16, so bfloat16 is slower",
                 None: "try --check --precision bfloat16 too, and take the faster one"}  # fmt: skip
        yield "precision", f"float32; {words[quick]}"
        yield "XLA", "off: on CPUs these networks are slower with it"
    else:
        yield "device", f"{device}, used without a flag"
        yield "precision", ("float32; faster but less exact: --precision bfloat16 on GPUs of 2020 or later, float16 on "
                            "those of 2018")  # fmt: skip
        yield "XLA", "on" if engine.NAME == "jax" else "off"


def speed(options: Any, targets: Targets) -> str:
    """Images per second in words, measured for SECONDS on noise, and what the whole training takes at that."""
    with engine.faults():
        options = settled(options, targets)
        pace = measured(options, targets, SECONDS)
    hours = options.steps / pace / 3600
    return (f"{options.recipe}: {pace * options.batch_size:,.0f} images/s in {options.precision}; "
            f"its {options.steps:,} steps of {options.batch_size} take {hours:,.1f} hours")  # fmt: skip


def share_threads(options: Any) -> None:
    """Before the engine is used: let two threads do two operations of a small step at a time, not halves of one."""
    bfloat16 = options.precision == "bfloat16" or (options.precision == "auto" and hardware.cpu()[1])
    small = options.batch_size * options.size**2 <= (SMALL_BFLOAT16 if bfloat16 else SMALL)
    if small and hardware.threads() == 2 and engine.device() == "CPU":
        engine.keep_operations_whole()


def steps_per_call(options: Any) -> int:
    """How many training steps one call of a compiled function does: those asked for; 0 leaves it to the device.

    Between two calls a GPU waits for Python, so it gets many. A CPU gets some, if they are small, so that its threads
    share them better. Compiling them takes seconds, so a short training does without; and so does one whose log entries
    would be due in the middle of a call.
    """
    if options.steps_per_call or engine.device() != "CPU":
        return options.steps_per_call or 20
    small = options.batch_size * options.size**2 <= SMALL_BFLOAT16
    fits = options.log_every % engine.UNROLLED == 0 and engine.device_count() == 1
    return engine.UNROLLED if small and fits and _is_long(options) else 1


def _is_long(options):
    steps = options.steps * (RESIDUAL if options.architecture == "residual" else 1)
    return steps >= LONG_STEPS and (options.minutes or LONG_MINUTES) >= LONG_MINUTES


def settled(options: Any, targets: Targets) -> Any:
    """Options whose precision is `auto` -> the same with float32, or with bfloat16 if that is faster in a trial.

    The trial is made only on a CPU that multiplies bfloat16 itself, for a Task that asks for it, and before a long
    training.
    """
    share_threads(options)
    if options.precision != "auto":
        return options
    plain, mixed = (replace(options, precision=name) for name in ("float32", "bfloat16"))
    alone = hardware.machines()[1] == 1  # several would have to agree
    able = engine.device() == "CPU" and hardware.cpu()[1]
    if not (able and alone and _is_long(options) and task_of(options.network).trial):
        return plain
    print("precision  trying float32 and bfloat16, about a minute")
    with contextlib.ExitStack() as both:
        trials = [both.enter_context(contextlib.closing(paces(o, targets, TRIED))) for o in (plain, mixed)]
        turns = [[next(trial) for trial in trials] for _ in range(TURNS)]
    best = [max(speeds) for speeds in zip(*turns, strict=True)]  # a machine busy for seconds must not decide on hours
    chosen = mixed if best[1] > GAIN * best[0] else plain
    speeds = " and ".join(f"{pace * options.batch_size:,.0f}" for pace in best)
    print(f"precision  {chosen.precision}: {speeds} images/s in float32 and bfloat16")
    return chosen


def measured(options: Any, targets: Targets, seconds: float, first: int | None = None) -> float:
    """Steps per second, measured once, over `seconds` seconds. `first`: see `paces`."""
    share_threads(options)
    with contextlib.closing(paces(options, targets, seconds, first)) as turns:
        return next(turns)


def paces(options: Any, targets: Targets, seconds: float, first: int | None = None) -> Generator[float]:
    """Steps per second of the real training step on noise, again and again, each time over `seconds` seconds.

    The time for compiling is not counted. `first`: the first of these steps; None is the first one after the warm-up.
    """
    shape = (NOISE, options.size, options.size, options.channels)
    task = task_of(options.network)(
        options, np.random.default_rng(options.seed).integers(0, 256, shape, np.uint8), None, targets
    )
    at_once = steps_per_call(options)
    first = build.warm_up_steps(options) if first is None else first
    with prefetched(lambda step: stacked(task.batch, step, at_once), itertools.count(first, at_once)) as batches:
        for _ in range(WARM):
            task.player.steps(*next(batches))
        while True:
            done, start, passed = 0, time.perf_counter(), 0.0
            while passed < seconds:
                task.player.steps(*next(batches))
                done, passed = done + at_once, time.perf_counter() - start
            yield done / passed
