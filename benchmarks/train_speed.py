"""Training speed of each recipe, side by side with the loops that others write for the same networks.

    python -m benchmarks.train_speed                          # every recipe, about 12 minutes on two cores
    python -m benchmarks.train_speed --recipes tutorial soft --seconds 60

- ours: train.py's loop, with its reading of pictures.
- keras loop: as the seeds write it: generator.predict, train_on_batch on real, on fake, and
  on the stack of both networks.
- torch loop: the PyTorch tutorial's, for the recipe `tutorial`, if torch can be imported.

Every contestant runs alone in a process of its own, with its framework's defaults; they take turns.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np


class RandomFaces:
    """Stands for animefaces.dataset.Faces: uint8 noise."""

    def __init__(self, options, count=1024):
        shape = (count, options.size, options.size, options.channels)
        self.pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, indices):
        return self.pixels[indices]


def ours(options):
    """A function that does one step."""
    from animefaces.dataset import Order, prefetched
    from models import build

    gan = build.build_gan(options)
    faces, order = RandomFaces(options), Order(1024, options.batch_size, 0)

    def make(step):
        rng, labels = np.random.default_rng(step), [np.full((options.batch_size, 1), x, "float32") for x in (1, 0)]
        z = rng.standard_normal((options.batch_size, options.latent), np.float32)
        return [part[None] for part in (np.int32(step), faces[order.indices(step)], z, *labels)]

    def steps():
        with prefetched(make, iter(range(options.warm_up, 10**9))) as batches:
            for inputs in batches:
                yield gan.steps(*inputs)

    return steps().__next__


def keras_loop(options):
    """The same networks, in the loop of the seeds."""
    import keras
    import tensorflow  # noqa: F401 - before `models`, so that its own defaults hold

    from models import build

    generator, discriminator = build.build_networks(options)
    faces, rng = RandomFaces(options), np.random.default_rng(0)
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

    return step


def torch_loop(options):
    """The PyTorch tutorial's networks and loop."""
    import torch
    from torch import nn

    widths, latent, batch = options.generator_widths, options.latent, options.batch_size
    layers = [nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(True)]
    for a, b in itertools.pairwise(widths):
        layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    generator = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1, bias=False), nn.Tanh())
    widths = options.discriminator_widths
    layers = [nn.Conv2d(3, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    discriminator = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Sigmoid())
    loss = nn.BCELoss()
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    g_adam = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    faces, rng = RandomFaces(options), np.random.default_rng(0)

    def step():
        pixels = faces[rng.integers(0, len(faces), batch)].transpose(0, 3, 1, 2)
        real = torch.from_numpy(np.ascontiguousarray(pixels)).float() / 127.5 - 1
        discriminator.zero_grad()
        loss(discriminator(real).view(-1), torch.full((batch,), 0.9)).backward()
        fake = generator(torch.randn(batch, latent, 1, 1))
        loss(discriminator(fake.detach()).view(-1), torch.full((batch,), 0.1)).backward()
        d_adam.step()
        generator.zero_grad()
        loss(discriminator(fake).view(-1), torch.ones(batch)).backward()
        g_adam.step()

    return step


CONTESTANTS = {"ours": ours, "keras loop": keras_loop, "torch loop": torch_loop}


def measure(name, recipe, seconds):
    """Images per second of one contestant, in this process."""
    if name == "keras loop":
        import tensorflow  # noqa: F401 - before anything of ours
    import train

    options = replace(train.RECIPES[recipe])
    step = CONTESTANTS[name](options)
    for _ in range(2):  # compile, and settle
        step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or count < 2:
        step()
        count += 1
    return count * options.batch_size / (time.perf_counter() - start)


def measured_apart(name, recipe, seconds):
    """`measure` in a process of its own; None if the contestant cannot run."""
    command = [sys.executable, "-m", "benchmarks.train_speed", "--measure", name, recipe, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        print(f"{name} on {recipe} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Print a table: images/s of each contestant (median of the rounds), and our speed as a multiple of theirs."""
    import train

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    logistic = [name for name, r in train.RECIPES.items() if r.network == "gan" and r.loss == "logistic"]
    parser.add_argument("--recipes", nargs="+", default=logistic)  # the others' loops know no other loss
    parser.add_argument("--seconds", type=float, default=15, help="of timed steps, each time")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, recipe, seconds = arguments.measure
        print(json.dumps(measure(name, recipe, float(seconds))))
        return
    print(f"| recipe | {' | '.join(CONTESTANTS)} | ours / keras loop | ours / torch loop |")
    print("|---" * (len(CONTESTANTS) + 3) + "|")
    for recipe in arguments.recipes:
        names = [n for n in CONTESTANTS if n != "torch loop" or recipe == "tutorial"]
        rounds = [{n: measured_apart(n, recipe, arguments.seconds) for n in names} for _ in range(arguments.rounds)]
        speed = {n: statistics.median(r[n] for r in rounds) if all(r[n] for r in rounds) else None for n in names}
        cells = [f"{speed[n]:.1f}" if speed.get(n) else "" for n in CONTESTANTS]
        ratios = [f"{speed['ours'] / speed[n]:.2f}" if speed.get(n) else "" for n in ("keras loop", "torch loop")]
        print(f"| {recipe} | {' | '.join(cells + ratios)} |", flush=True)


if __name__ == "__main__":
    main()
