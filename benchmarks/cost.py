"""What a training step costs: its operations and bytes, counted, and what share of this machine's best it reaches.

    python -m benchmarks.cost                        # every GAN recipe, about 12 minutes on two cores
    python -m benchmarks.cost --recipes light quick --seconds 30
    python -m benchmarks.cost --growth light         # how the cost grows with width, batch and picture size

Operations and bytes are XLA's count of the whole step, both networks, gradients, Adam and the average; JAX is needed
for that (requirements-dev.txt). Multiplying and adding are two operations. The bytes are of all operations one by one,
as if each read its inputs from memory and wrote its outputs there: what is computed in one go needs fewer.

Speed and the machine's best are measured with the engine that trains here (KERAS_BACKEND), each in a process of its
own: the product of two matrices 2048x2048, a convolution of 64 pictures 32x32 from 128 to 128 channels, 3x3, and a
copy of 256 MiB, which counts reading and writing.
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.apart import apart
from benchmarks.train_speed import measured, options_of

SIDE = 2048  # of the matrices
CONVOLUTION = (64, 32, 128, 3)  # pictures, their side, channels, side of the kernel
COPIED = 256 << 20


def counted(recipe, changes):
    """One step of a recipe with some of its options changed -> (operations, bytes). JAX only."""
    from models import build

    options = options_of(recipe, changes)
    gan = build.build_gan(options)
    batch = options.batch_size
    real = np.zeros((1, batch, options.size, options.size, options.channels), np.uint8)
    z, target = np.zeros((1, batch, options.latent), np.float32), np.zeros((1, batch, 1), np.float32)
    return gan.cost(np.zeros(1, np.int32), real, z, target, target)


def ceilings(seconds):
    """The most this machine does, measured: {"matrices": op/s, "convolution": op/s, "copy": bytes/s}."""
    from keras import ops

    from models import engine
    from models.engine import keras

    rng = np.random.default_rng(0)
    pictures, side, channels, kernel = CONVOLUTION
    a = keras.Variable(rng.standard_normal((SIDE, SIDE)).astype("float32"))
    x = keras.Variable(rng.standard_normal((pictures, side, side, channels)).astype("float32"))
    k = keras.Variable(rng.standard_normal((kernel, kernel, channels, channels)).astype("float32"))
    work = {
        "matrices": (lambda: ops.matmul(a.value, a.value), 2 * SIDE**3),
        "convolution": (
            lambda: ops.conv(x.value, k.value, padding="same"),
            2 * pictures * side**2 * kernel**2 * channels**2,
        ),
    }
    best = {}
    for name, (multiply, operations) in work.items():

        def step(_, multiply=multiply):
            return {"sum": ops.sum(multiply())}  # so little comes back that fetching it takes no time

        run = engine.compiled(step, [a, x, k])
        best[name] = operations * per_second(lambda run=run: run(np.zeros(1, np.int32)), seconds)
    source, target = np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)
    best["copy"] = 2 * COPIED * per_second(lambda: np.copyto(target, source), seconds)
    return best


def per_second(call, seconds):
    """How often per second, by the fastest fifth of the calls: other work on the machine only ever slows them."""
    call()
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 5:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1 / statistics.mean(sorted(times)[: max(1, len(times) // 5)])


def grown(recipe):
    """(what changed, those options) of a recipe: twice as wide, other batches, larger pictures."""
    options = [("as it is", {})]
    wide = {n: tuple(2 * w for w in getattr(recipe, n)) for n in ("generator_widths", "discriminator_widths")}
    options.append(("all widths doubled", wide))
    options += [(f"batch {n}", {"batch_size": n}) for n in (8, 512)]
    for size, factor in ((128, 1), (256, 2)):
        more = {"size": size}
        for name, place in (("generator_widths", "last"), ("discriminator_widths", "first")):
            widths = getattr(recipe, name)
            edge = widths[-1] if place == "last" else widths[0]
            new = tuple(max(16, edge >> (i + 1)) for i in range(factor))
            more[name] = (*widths, *new) if place == "last" else (*reversed(new), *widths)
        options.append((f"{size}x{size}, a layer more for each doubling", more))
    return options


def growth(name):
    """Print the table of `grown`."""
    import recipes

    recipe = recipes.RECIPES[name]
    print(f"| `{name}` | operations per face / 10^6 | of that of the first | bytes per face / 10^6, nothing fused |")
    print("|---|---|---|---|")
    first = None
    for label, changes in grown(recipe):
        operations, moved = (x / changes.get("batch_size", recipe.batch_size)
                             for x in apart(counted, name, changes, KERAS_BACKEND="jax"))  # fmt: skip
        first = first or operations
        print(f"| {label} | {operations / 1e6:,.0f} | {operations / first:.2f} | {moved / 1e6:,.1f} |", flush=True)


def main():
    """Print what was asked for."""
    import recipes

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=[n for n, r in recipes.RECIPES.items() if r.network == "gan"])
    parser.add_argument("--seconds", type=float, default=15, help="of timed steps, each time")
    parser.add_argument("--growth", choices=recipes.RECIPES, help="instead: how this recipe's cost grows")
    arguments = parser.parse_args()
    if arguments.growth:
        growth(arguments.growth)
        return
    best = apart(ceilings, arguments.seconds / 3)
    print(f"matrices {best['matrices'] / 1e9:,.0f} and convolution {best['convolution'] / 1e9:,.0f} Gop/s, "
          f"copy {best['copy'] / 1e9:,.1f} GB/s\n")  # fmt: skip
    heads = ("recipe", "operations per face / 10^6", "bytes per face / 10^6, nothing fused", "operations per byte",
             "faces/s", "Gop/s", "of the convolution's")  # fmt: skip
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for name in arguments.recipes:
        batch = recipes.RECIPES[name].batch_size
        operations, moved = (x / batch for x in apart(counted, name, {}, KERAS_BACKEND="jax"))
        speed = measured("ours", name, {}, arguments.seconds) or 0
        cells = (f"`{name}`", f"{operations / 1e6:,.0f}", f"{moved / 1e6:,.1f}", f"{operations / moved:.1f}",
                 f"{speed:,.1f}", f"{operations * speed / 1e9:,.0f}",
                 f"{operations * speed / best['convolution']:.0%}")  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
