"""Training speed of each recipe, side by side with the loops that others write for the same networks.

    python -m benchmarks.train_speed                          # every recipe
    python -m benchmarks.train_speed --recipes tutorial soft --seconds 60
    python -m benchmarks.train_speed --recipes tutorial large --batch-sizes 64 128 256 512 1024 \\
                                     --precisions float32 bfloat16      # on a GPU

- ours: train.py's loop, with its reading of pictures, augmentation and average.
- keras loop: as the seeds write it: generator.predict, train_on_batch on real, on fake, and
  on the stack of both networks.
- torch loop: the PyTorch tutorial's, for all but `pooled`, if torch can be imported.

Every contestant runs alone in a process of its own, with its framework's defaults; they take turns.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace

import numpy as np

from benchmarks.apart import apart

COUNT = 1024  # pictures of noise


def options_of(recipe, changes):
    """The recipe, with some of its options changed, and without the trained reader, which the other loops have not."""
    import recipes

    return replace(recipes.RECIPES[recipe], **{"projected": False, **changes})


def noise(options):
    """What is trained on: uint8 (COUNT, H, W, C)."""
    shape = (COUNT, options.size, options.size, options.channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def ours(recipe, changes, seconds):
    """Images/s of train.py."""
    import train
    from training import check

    options = options_of(recipe, changes)
    return check.measured(options, train.label_targets, seconds) * options.batch_size


def torch_loop(recipe, changes, seconds):
    """Images/s of the plain PyTorch loop."""
    from benchmarks import plain_torch

    options = options_of(recipe, {"precision": "float32", **changes})
    return per_second(plain_torch.loop(options, noise(options)), seconds) * options.batch_size


def keras_loop(recipe, changes, seconds):
    """Images/s of the seeds' loop."""
    import tensorflow  # noqa: F401 - before `models`, so that its own defaults hold

    from models import build
    from models.engine import keras

    options = options_of(recipe, changes)
    build.prepare(options)
    # By way of a file's text, which knows none but Keras's own layers.
    generator, discriminator = (keras.models.model_from_json(n.to_json()) for n in build.build_networks(options))
    faces, rng = noise(options), np.random.default_rng(0)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    discriminator.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), loss)
    discriminator.trainable = False
    z = keras.Input((options.latent,))
    stacked = keras.Model(z, discriminator(generator(z)))
    stacked.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), loss)
    batch = options.batch_size

    def step():
        real = faces[rng.integers(0, len(faces), batch)].astype("float32") / 127.5 - 1
        fake = generator.predict(rng.standard_normal((batch, options.latent)), verbose=0)
        discriminator.trainable = True
        discriminator.train_on_batch(real, np.full((batch, 1), 0.9))
        discriminator.train_on_batch(fake, np.full((batch, 1), 0.1))
        discriminator.trainable = False
        stacked.train_on_batch(rng.standard_normal((batch, options.latent)), np.ones((batch, 1)))

    return per_second(step, seconds) * batch


def per_second(step, seconds):
    """How often per second, on average, after two calls to compile and settle."""
    for _ in range(2):
        step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or count < 2:
        step()
        count += 1
    return count / (time.perf_counter() - start)


CONTESTANTS = {"ours": ours, "keras loop": keras_loop, "torch loop": torch_loop}


def able(name, options):
    """Whether a contestant's loop knows the recipe's networks and loss."""
    return name == "ours" or {"keras loop": options.loss == "logistic" and not any(options.penalty),
                              "torch loop": options.architecture != "pooled" and not options.anchor}[name]  # fmt: skip


def measured(name, *words):
    """A contestant's images/s; None if it cannot run here."""
    try:
        return apart(CONTESTANTS[name], *words)
    except RuntimeError as fault:
        print(f"{name} on {' '.join(map(str, words))} failed: {fault}", file=sys.stderr)
        return None


def main():
    """Print a table: images/s of each contestant (median of the rounds), and our speed as a multiple of theirs."""
    import recipes

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    gans = [name for name, recipe in recipes.RECIPES.items() if recipe.network == "gan"]
    parser.add_argument("--recipes", nargs="+", default=gans)
    parser.add_argument("--batch-sizes", nargs="+", type=int, help="instead of the recipes' own")
    parser.add_argument("--precisions", nargs="+", default=["float32"], choices=("float32", "bfloat16"))
    parser.add_argument("--seconds", type=float, default=15, help="of timed steps, each time")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    print(f"| recipe | batch | precision | {' | '.join(CONTESTANTS)} | ours / keras loop | ours / torch loop |")
    print("|---" * (len(CONTESTANTS) + 5) + "|")
    for recipe in arguments.recipes:
        for batch in arguments.batch_sizes or [recipes.RECIPES[recipe].batch_size]:
            for precision in arguments.precisions:
                print(row(recipe, batch, precision, arguments), flush=True)


def row(recipe, batch, precision, arguments):
    """One line of the table."""
    changes = {"batch_size": batch, "precision": precision}
    options = options_of(recipe, changes)
    names = [name for name in CONTESTANTS if able(name, options)]
    rounds = [{n: measured(n, recipe, changes, arguments.seconds) for n in names} for _ in range(arguments.rounds)]
    speed = {n: statistics.median(r[n] for r in rounds) if all(r[n] for r in rounds) else None for n in names}
    cells = [f"{speed[n]:,.1f}" if speed.get(n) else "" for n in CONTESTANTS]
    ratios = [f"{speed['ours'] / speed[n]:.2f}" if speed.get(n) else "" for n in ("keras loop", "torch loop")]
    return f"| {recipe} | {batch} | {precision} | {' | '.join(cells + ratios)} |"


if __name__ == "__main__":
    main()
