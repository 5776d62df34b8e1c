"""What a computer has to train with, and how fast that is: for before a long training."""

import contextlib
import itertools
import os
import platform
import time
from dataclasses import replace

import numpy as np

from animefaces import hardware
from animefaces.batches import prefetched
from models import build, engine
from training.gan import GanTask

NOISE = 256  # pictures of it
SECONDS = 60  # that the timed steps take, after those that compile
TURNS, TRIED = 3, 3  # each precision is tried so many times, in turn, for so many seconds
GAIN = 1.1  # times as fast must bfloat16 be, or float32 it is: clocks are not exact
LONG_STEPS, LONG_MINUTES = 1000, 5  # a training below either is not worth the trial
WARM = 3  # calls before the clock starts


def check(options, targets):
    """Print what this computer has, and its speed with these options on noise. `targets`: as train.label_targets."""
    for label, text in [*described(), ("speed", speed(options, targets))]:
        print(f"{label:<10} {text}")


def described():
    """(label, words) of the computer, engine, device and precision."""
    name, quick = hardware.cpu()
    yield "computer", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield "CPU", f"{name}, {threads()} threads for this process"
    yield "engine", engine.versions()
    known = hardware.nvidia()
    for gpu in known:
        yield "GPU", gpu
    device = engine.device()
    if device == "CPU":
        yield "no GPU", hardware.advice(platform.system(), engine.NAME, known)
        words = {True: "the CPU multiplies bfloat16 itself: a training tries it, and takes the faster one",
                 False: "the CPU only imitates bfloat16: slower"}  # fmt: skip
        yield "precision", f"float32; {words.get(quick, 'try --precision bfloat16 with --check, and keep the faster')}"
        yield "XLA", "off: on CPUs these networks are slower with it"
    else:
        yield "device", f"{device}, used without a flag"
        yield "precision", ("float32; faster, but rougher: --precision bfloat16 on GPUs of 2020 or later, float16 on "
                            "those of 2018")  # fmt: skip
        yield "XLA", "on" if engine.NAME == "jax" else "off"


def threads():
    """CPU threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def speed(options, targets):
    """Images per second in words, measured for SECONDS on noise, and what the whole training takes at that."""
    with engine.faults():
        options = settled(options, targets)
        pace = measured(options, targets, SECONDS)
    hours = options.steps / pace / 3600
    return (f"{options.recipe}: {pace * options.batch_size:,.0f} images/s in {options.precision}; "
            f"its {options.steps:,} steps of {options.batch_size} take {hours:,.1f} hours")  # fmt: skip


def settled(options, targets):
    """Options whose precision is `auto` -> those with float32, or bfloat16 where that has proved faster.

    Tried only on a CPU that multiplies bfloat16 itself, for a GAN, and before a training of some length.
    """
    if options.precision != "auto":
        return options
    plain, mixed = (replace(options, precision=name) for name in ("float32", "bfloat16"))
    long = options.steps >= LONG_STEPS and (options.minutes or LONG_MINUTES) >= LONG_MINUTES
    alone = hardware.machines()[1] == 1  # several would have to agree
    if not (long and alone and options.network == "gan" and engine.device() == "CPU" and hardware.cpu()[1]):
        return plain
    with contextlib.ExitStack() as both:
        trials = [both.enter_context(contextlib.closing(paces(o, targets, TRIED))) for o in (plain, mixed)]
        turns = [[next(trial) for trial in trials] for _ in range(TURNS)]
    best = [max(speeds) for speeds in zip(*turns, strict=True)]  # a machine busy for seconds must not decide on hours
    chosen = mixed if best[1] > GAIN * best[0] else plain
    speeds = " and ".join(f"{pace * options.batch_size:,.0f}" for pace in best)
    print(f"precision  {chosen.precision}: {speeds} images/s in float32 and bfloat16")
    return chosen


def measured(options, targets, seconds):
    """The first of `paces`."""
    with contextlib.closing(paces(options, targets, seconds)) as turns:
        return next(turns)


def paces(options, targets, seconds):
    """Yield steps per second of the training itself, on noise, each over so many seconds; compiling is not counted."""
    shape = (NOISE, options.size, options.size, options.channels)
    task = GanTask(options, np.random.default_rng(options.seed).integers(0, 256, shape, np.uint8), None, targets)
    at_once = options.steps_per_call or engine.steps_per_call()

    def inputs(step):
        return [np.stack(parts) for parts in zip(*(task.batch(step + i) for i in range(at_once)), strict=True)]

    with prefetched(inputs, itertools.count(build.warm_up_steps(options), at_once)) as batches:
        for _ in range(WARM):
            task.player.steps(*next(batches))
        while True:
            done, start, passed = 0, time.perf_counter(), 0.0
            while passed < seconds:
                task.player.steps(*next(batches))
                done, passed = done + at_once, time.perf_counter() - start
            yield done / passed
