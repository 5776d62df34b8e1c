"""What a computer has to train with, and how fast that is: for before a long training."""

import os
import platform
import time

import numpy as np

from animefaces import hardware
from animefaces.images import to_network
from models import build, engine

SECONDS = 60  # that the timed steps take, after those that compile
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
        words = {True: "the CPU multiplies bfloat16 itself", False: "the CPU only imitates bfloat16: slower"}
        yield "precision", f"float32; {words.get(quick, 'try --precision bfloat16 with --check, and keep the faster')}"
        yield "XLA", "off: on CPUs these networks are slower with it"
    else:
        yield "device", f"{device}, used without a flag"
        yield "precision", "float32; --precision bfloat16 needs a GPU of 2020 or later, and is faster there"
        yield "XLA", "on" if engine.NAME == "jax" else "off"


def threads():
    """CPU threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def speed(options, targets):
    """Images per second in words, measured for SECONDS on noise, and what the whole training takes at that."""
    with engine.faults():
        player, rng = build.build_gan(options), np.random.default_rng(options.seed)
        shape = (options.batch_size, options.size, options.size, options.channels)

        def inputs(step):
            real = to_network(rng.integers(0, 256, shape, np.uint8))
            z = rng.standard_normal((options.batch_size, options.latent), np.float32)
            return np.int32(step), real, z, *targets(options, 0, rng)

        calls, start = 0, None
        while start is None or time.perf_counter() - start < SECONDS:
            first = calls * options.steps_per_call
            batches = [inputs(first + i) for i in range(options.steps_per_call)]
            player.steps(*(np.stack(parts) for parts in zip(*batches, strict=True)))
            calls += 1
            if calls == WARM:
                start = time.perf_counter()
        pace = (calls - WARM) * options.steps_per_call / (time.perf_counter() - start)
    hours = options.steps / pace / 3600
    return (f"{options.recipe}: {pace * options.batch_size:,.0f} images/s; its {options.steps:,} steps of "
            f"{options.batch_size} take {hours:,.1f} hours")  # fmt: skip
