"""A generator and its discriminator: what they are fed, how they begin, and how well the generator draws."""

from typing import ClassVar

import numpy as np

from animefaces import images, latents, runs
from animefaces.batches import Order, split
from animefaces.files import written_whole
from animefaces.problems import Misuse
from drawing import judge
from models import build, gan, saved

SAMPLES = 48  # faces on a sample grid: seeds 0-47 of generate.py


class GanTask:
    """A generator and its discriminator, on faces of which a few are held out to judge by."""

    shown: ClassVar = {"reconstruction": "redrawn", "d_loss": "D", "g_loss": "G"}
    curves: ClassVar = {
        "warm-up": {"reconstruction": "squared error"},
        "loss / nats": {"d_loss": "discriminator", "g_loss": "generator"},
        "share": {"real_right": "D right on real", "fake_right": "D right on fake", "spread": "spread"},
        "kernel distance": {"kernel_distance": "to held-out faces"},
    }
    use = "new faces: python generate.py --run "

    def __init__(self, options, faces, run, targets):
        """`targets`: (options, epoch, rng) -> D's targets for one batch, real and fake."""
        self.options, self.run, self.targets = options, run, targets
        self.faces, held_out = split(faces)
        try:
            self.player = build.build_gan(options, self.faces)
        except ValueError as fault:
            raise Misuse(f"{fault}: change --size or the widths") from fault
        self.judge = judge.Judge(options.features, held_out, saved.load)
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        self.networks = {"generator": self.player.generator, "discriminator": self.player.discriminator}
        self.z = latents.from_seeds(range(SAMPLES), options.latent)

    def begin(self, new):
        """Give a new run the weights that --init-from names."""
        if new and self.options.init_from:
            initialise(self.player, self.options.init_from)

    def batch(self, step):
        """What one step is fed: (step, real, z, real targets, fake targets), a function of (seed, step)."""
        rng = np.random.default_rng((self.options.seed, step))
        z = rng.standard_normal((self.options.batch_size, self.options.latent), np.float32)
        rows = self.order.indices(step)
        real = self.faces[rows] if self.player.faces is None else rows.astype(np.int32)
        return np.int32(step), real, z, *self.targets(self.options, self.order.epoch(step), rng)

    def files(self):
        """What is written beside each saved state: file name -> network."""
        # The discriminator is for explore.py; to go on from, it is in the state.
        return {runs.GENERATOR: self.player.average,
                runs.DISCRIMINATOR: gan.copy_in_float32(self.player.discriminator)}  # fmt: skip

    def sample(self):
        """The faces of fixed z, one grid."""
        return images.grid(self.draw(self.z))

    def draw(self, z):
        """z (N, latent) -> uint8 (N, H, W, C), by the averaged generator."""
        return images.to_pixels(saved.draw(self.player.average, z))

    def measure(self, progress, last=False):
        """If it is time: the kernel distance of faces to held-out ones.

        Kept is the newest generator that is as close as the closest one was, as far as the verdicts can tell.

        The `last` generator of a training must not stand behind an earlier one unheard.
        """
        unheard = progress.best is not None and progress.step > progress.judged
        if not (unheard if last else self.judge.due(progress.seconds, progress.judging)):
            return
        progress.judged = progress.step
        z = latents.from_seeds(range(judge.COUNT), self.options.latent)
        distance, error, seconds = self.judge.verdict(lambda: self.draw(z))
        progress.judging += seconds
        progress.window |= {"kernel_distance": [distance], "kernel_error": [error]}
        progress.best = distance if progress.best is None else min(progress.best, distance)
        if distance - 2 * error <= progress.best:  # less than that is no difference: docs/measures.md
            with written_whole(self.run / runs.BEST) as temporary:
                saved.save(self.player.average, temporary)


def initialise(player, source):
    """Give a GAN the networks of a run, or the generator of a file; its optimizers start anew, for other pictures."""
    own = ("optimizer", "posterior")  # what a run has for itself alone
    state = runs.load_state(source) if source.is_dir() else None
    with runs.fitting(source):
        if state:
            ours = {name: a for name, a in player.state.arrays().items() if any(part in name for part in own)}
            theirs = {name: a for name, a in state[0].items() if not any(part in name for part in own)}
            player.state.restore({**theirs, **ours})
            return
        weights = saved.load(runs.find_generator(source)).get_weights()
        for network in (player.generator, player.average):
            network.set_weights(weights)
        if (source / runs.DISCRIMINATOR).exists():
            player.discriminator.set_weights(saved.load(source / runs.DISCRIMINATOR).get_weights())
