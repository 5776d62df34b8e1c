"""A generator and its discriminator: what they are fed, how they begin, and how well the generator draws."""

import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from animefaces import images, latents, logs, runs, states
from animefaces.batches import Order, split
from animefaces.files import written_whole
from animefaces.problems import Misuse
from drawing import judge
from drawing.generator import draw
from models import build, dcgan, ema, fastgan, saved
from models.batches import in_batches
from training.task import Targets

SAMPLES = 48  # faces on a sample grid: seeds 0-47 of generate.py


class Task:
    """A generator and its discriminator, on faces; a few of the faces are kept for validation."""

    many_machines: ClassVar = True
    trial: ClassVar = True
    shown: ClassVar = {"reconstruction": "redrawn", "d_loss": "D", "g_loss": "G"}
    curves: ClassVar = {
        "warm-up": {"reconstruction": "squared error"},
        "loss / nats": {"d_loss": "discriminator", "g_loss": "generator"},
        "share": {
            "real_right": "D right on real",
            "fake_right": "D right on fake",
            "spread": "spread",
            "redrawn": "error of the decoders",
            "moved": "moved from the first faces",
            "lines": "lines of nose and mouth moved",
            "flaws": "more flaws than the first faces",
            "eye_mismatch": "another eye fits better",
            "recall": "recall: how much the faces vary",
        },
        "kernel distance": {"kernel_distance": "to the validation faces"},
    }

    def __init__(self, options: Any, faces: Any, run: Path | None, targets: Targets):
        """See training.task.Task. `targets` gives the discriminator's labels."""
        self.options, self.run, self.targets = options, run, targets
        chosen = "--best-of 4 " if options.channels == 3 else ""  # it sees flaws in colours
        self.use = f"new faces: python generate.py {chosen}--run "
        self.faces, validation = split(faces)
        try:
            self.player = build.build_gan(options, self.faces)
        except ValueError as fault:
            raise Misuse(f"{fault}: change --size or the widths") from fault
        self.judge = judge.Judge(options.features, validation)
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        self.networks = {"generator": self.player.generator, "discriminator": self.player.discriminator}
        if self.player.decoders:
            self.networks["decoders"] = self.player.decoders.network
        self.z = latents.from_seeds(range(SAMPLES), options.latent)

    def begin(self, new: bool) -> None:
        """Give a new run the weights that --init-from names."""
        if new and self.options.init_from:
            initialise(self.player, self.options.init_from)
            if self.player.anchor:
                self.player.anchor.take(self.player.average)

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed, a function of (seed, step): (step, real, z, labels of real, labels of fake)."""
        rng = np.random.default_rng((self.options.seed, step))
        z = rng.standard_normal((self.options.batch_size, self.options.latent), np.float32)
        rows = self.order.indices(step)
        real = self.faces[rows] if self.player.faces is None else rows.astype(np.int32)
        return np.int32(step), real, z, *self.targets(self.options, self.order.epoch(step), rng)

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        # The discriminator is for explore.py; training goes on from the one in the state.
        return {runs.GENERATOR: self.player.average,
                runs.DISCRIMINATOR: ema.in_float32(self.player.discriminator)}  # fmt: skip

    def drawn(self, z: np.ndarray) -> np.ndarray:
        """z (N, latent) -> the faces of the averaged generator, uint8 (N, H, W, C)."""
        return draw(functools.partial(in_batches, self.player.average), z)

    def sample(self) -> np.ndarray:
        """The faces of fixed z, one grid."""
        return images.grid(self.drawn(self.z))

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """If it is time, figures of new faces (drawing.judge.Judge.verdict); the best generator is kept.

        The best one is the newest of those that are as near to the validation faces as any, and whose eyes match as
        well as those of the others that are as near: as far as the measurements can tell. The last generator of a
        training is always measured, so that it is not thought worse than an earlier one unseen.
        """
        unmeasured = progress.best is not None and progress.step > progress.judged
        if not (unmeasured if last else self.judge.due(progress.seconds, progress.judging)):
            return {}
        progress.judged = progress.step
        z = latents.from_seeds(range(judge.COUNT), self.options.latent)
        figures, seconds = self.judge.verdict(lambda: self.drawn(z))
        distance = figures["kernel_distance"]
        progress.judging += seconds
        progress.best = distance if progress.best is None else min(progress.best, distance)
        progress.rivals = [kept for kept in progress.rivals if judge.is_near(kept, progress.best)]
        best = judge.is_near(figures, progress.best) and all(judge.match_as_well(figures, r) for r in progress.rivals)
        if best:
            progress.rivals.append(figures)
        if best and self.run:
            with written_whole(self.run / runs.BEST) as temporary:
                saved.save(self.player.average, temporary)
        return figures

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Mode collapse, or a discriminator that is always right."""
        return logs.diagnose(entries)


def initialise(player: Any, source: Path) -> None:
    """Give a GAN the networks of a run, or the generator of a file. Its optimizers start from zero.

    Networks for larger pictures than those of the source get its layers, and some new ones at the largest resolution.
    """
    state = states.load(source) if source.is_dir() else None
    judges = (source / runs.DISCRIMINATOR).exists()
    if player.anchor and not judges:
        raise Misuse(f"--anchor needs a discriminator, and {source} has none: name a run folder with --init-from")
    with runs.fitting(source):
        generator = saved.load(runs.find_generator(source))
        discriminator = saved.load(source / runs.DISCRIMINATOR) if judges else None
        side = generator.output_shape[1]
        if player.decoders and side != player.generator.output_shape[1]:
            raise Misuse(f"{source} draws {side} pixels, and networks of --architecture fastgan cannot grow: give "
                         f"--size {side}, or leave out --init-from")  # fmt: skip
        own = player.discriminator
        other = discriminator is not None and fastgan.reads(own) != fastgan.reads(discriminator)
        if other:  # what one of them judges in a reader's maps the other one does not know
            own, discriminator = fastgan.without_reader(own), fastgan.without_reader(discriminator)
        fewer = discriminator is not None and len(_learning(own)) < len(_learning(discriminator))
        sees_more = discriminator is not None and _sees_more(own, discriminator)
        if state and len(player.generator.layers) == len(generator.layers) and not (fewer or sees_more or other):
            player.state.restore_networks(state[0])
            return
        for network in (player.generator, player.average):
            take_layers(network, generator, grows_at_end=True)
        if fewer:
            take_first_layers(own, discriminator)
        elif discriminator is not None:
            take_layers(own, discriminator, grows_at_end=False)


def take_layers(network: Any, source: Any, grows_at_end: bool) -> None:
    """Give a network the weights of another one, which may have fewer layers.

    Networks grow where the pictures are: before the last layer of a generator, after the first one of a discriminator.
    The new layers keep their weights. Those of residual networks begin as zero: such a network does at first what the
    smaller one did. Raises ValueError if the layers do not fit.
    """
    own, others = _learning(network), _weights(network, source)
    new = max(0, len(own) - len(others))
    if not grows_at_end:
        own, others = own[::-1], others[::-1]
    same = 0
    while new and same < len(others) and _fits(own[same], others[same]):
        same += 1
    pairs = list(zip(own[:same] + own[same + new :], others, strict=False))
    if len(own) < len(others) or not all(_fits(*pair) for pair in pairs):
        raise ValueError("its layers are of other sizes")
    for layer, weights in pairs:
        layer.set_weights(weights)


def take_first_layers(network: Any, source: Any) -> None:
    """Give a network, except its last layer, the weights of the first layers of another one. Raises ValueError."""
    pairs = list(zip(_learning(network)[:-1], _weights(network, source), strict=False))
    if not all(_fits(*pair) for pair in pairs):
        raise ValueError("its layers are of other sizes")
    for layer, weights in pairs:
        layer.set_weights(weights)


def _learning(network):
    # Fixed weights are not learned, and some depend on the size of the pictures.
    return [layer for layer in network.layers if layer.trainable_weights]


def _weights(network, source):
    """The weights of the layers of another network, for this one. Mirror images that it never saw begin at zero."""
    weights = [layer.get_weights() for layer in _learning(source)]
    if weights and _sees_more(network, source):
        kernel, *rest = weights[0]
        weights[0] = [np.concatenate([kernel, np.zeros_like(kernel)], axis=2), *rest]
    return weights


def _sees_more(network, source):
    return dcgan.sees_mirror_image(network) and not dcgan.sees_mirror_image(source)


def _fits(layer, weights):
    return [tuple(weight.shape) for weight in layer.weights] == [weight.shape for weight in weights]
