"""A generator and a discriminator in training: batches of images -> figures, and changed networks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models import dcgan, ema, engine, inside
from models.anchor import Anchor
from models.augment import augment, coarse
from models.engine import compiled, gradients, keras, ops, traced
from models.fastgan import Decoders
from models.losses import hinge, logistic, relativistic
from models.state import State
from models.warm import Autoencoder

DRAWS = 64  # more random draws than any seed generator makes in one step


class GAN:
    """A generator G, a discriminator D, their optimizers, and the exponential moving average of G.

    `steps(step, real, z, real_target, fake_target)` does K training steps, one for each entry of the leading axis:
    step (K,) int32, counted from 0; real uint8 (K, B, H, W, C), or int32 (K, B), the rows of `faces`; z (K, B, latent);
    targets (K, B, 1), which only the logistic loss uses. It returns the figures of the steps, a dict of float32
    (K,). Steps of the warm-up have those of warm.Autoencoder, all other steps have these:

    - d_loss, g_loss: in nats, or with the hinge loss in units of logits. D's is the mean of its loss on real and on
      fake images, and has the parts of penalties and decoders; G's has the anchor's part;
    - real_right, fake_right: share of the images that D judges right; with the relativistic loss, share of the pairs;
    - redrawn: with decoders, the mean absolute difference of what they draw, which D's loss has, too;
    - spread: how much G's images differ from each other, divided by how much real images do;
    - moved, lines, flaws: with an anchor, how far G's images are from those that it drew at the start, and with
      models.flaws how many more flaws they have (models.anchor.Anchor).

    All random numbers on the device (dropout, augmentation) are a function of (seed, step). `state`, a State, is all
    that training changes.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        g_optimizer: keras.optimizers.Optimizer,
        d_optimizer: keras.optimizers.Optimizer,
        *,
        average_decay: float = 0.0,
        augmentation: Sequence[str] = (),
        seed: int = 0,
        loss: str = "logistic",
        coarse_chroma: bool = False,
        coarse_luma: bool = False,
        penalty: Callable[[Any], Any] | None = None,
        penalty_every: int = 1,
        rate_decay: Callable[[Any], Any] | None = None,
        faces: np.ndarray | None = None,
        warm_up: Autoencoder | None = None,
        anchor: Anchor | None = None,
        decoders: bool = False,
    ) -> None:
        """Networks and optimizers -> their training.

        - `loss`: "logistic", which uses the targets, "relativistic" or "hinge".
        - `coarse_chroma`: after the warm-up, D sees the colour of RGB images blurred (models.augment.blur_chroma).
        - `coarse_luma`: after the warm-up, D sees the brightness of images blurred (models.augment.blur_luma).
        - `penalty`: weight of the gradient penalties R1 (on real images) and R2 (on fake ones), step -> gamma, or None.
        - `penalty_every`: only every n-th step has the penalties, with n times the weight. The result is nearly the
          same and takes less work (lazy regularisation, Karras et al. 2020, arXiv 1912.04958).
        - `rate_decay`: learning rate decay, step -> the factor of both learning rates, or None.
        - `faces`: uint8 (N, H, W, C) to keep on the device, or None.
        - `warm_up`: the Autoencoder of these networks that is trained in the first steps, or None.
        - `anchor`: the Anchor of these networks, or None.
        - `decoders`: the discriminator, one of models.fastgan, has Decoders.
        """
        self.generator, self.discriminator = generator, discriminator
        self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer
        self.average_decay, self.augmentation = average_decay, augmentation
        self.coarse_chroma, self.coarse_luma = coarse_chroma, coarse_luma
        self.loss, self.penalty, self.penalty_every = loss, penalty, penalty_every if penalty else 1
        self.rate_decay, self.warm_up, self.anchor = rate_decay, warm_up, anchor
        mirrored = dcgan.sees_mirror_image(discriminator)
        # In training the fixed layers that turn a picture are left out: turning it is quicker.
        self._after_mirror = inside.split(discriminator, dcgan.BESIDE)[1] if mirrored else None
        self.decoders = Decoders(discriminator) if decoders else None
        self._judging = discriminator.trainable_variables  # what D's loss trains
        beside = dict(anchor.networks) if anchor else {}
        if self.decoders:
            self._judging = [*self._judging, *self.decoders.network.trainable_variables]
            beside["decoders"] = self.decoders.network
        self.average = ema.copy_in_float32(generator)
        g_optimizer.build(generator.trainable_variables)
        d_optimizer.build(self._judging)
        self._chance = keras.random.SeedGenerator(seed)
        layers = [*generator.layers, *discriminator.layers]
        seeded = [self._chance] + [layer.seed_generator for layer in layers if hasattr(layer, "seed_generator")]
        self._seeds = [(s.state, int(np.random.default_rng((seed, i)).integers(2**31))) for i, s in enumerate(seeded)]
        optimizers = {"g_optimizer": (g_optimizer, generator.trainable_variables),
                      "d_optimizer": (d_optimizer, self._judging)}  # fmt: skip
        helpers = {}
        if warm_up:
            optimizers["w_optimizer"] = warm_up.optimizer, warm_up.trained
            helpers["posterior"] = warm_up.posterior
        networks = {"generator": generator, "discriminator": discriminator, "average": self.average}
        self.state = State(networks, optimizers, helpers, warm_up.steps if warm_up else 0, beside)
        variables = self.state.variables
        self.faces = None if faces is None else keras.Variable(faces, trainable=False, dtype="uint8")
        fixed = [] if faces is None else [self.faces]
        seen = {id(v) for v in variables}
        variables += [v for v, _ in self._seeds if id(v) not in seen]
        self._run: dict[Any, Callable[..., dict[str, np.ndarray]]]
        self._run = {due: compiled(lambda *inputs, due=due: self._step(due, *inputs), variables, fixed)
                     for due in (True, False)}  # fmt: skip
        self._run["warm"] = compiled(self._warm_step, variables, fixed)

    def steps(self, step: np.ndarray, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """K training steps -> their figures; see the class."""
        return engine.in_turn(self._run, self._kind, step, *inputs)

    def _kind(self, step: int) -> Any:
        """Which of the compiled functions does this step: "warm", or whether the penalties are due."""
        return "warm" if self.warm_up and step < self.warm_up.steps else step % self.penalty_every == 0

    def cost(self, *inputs: np.ndarray) -> tuple[float, float]:
        """Inputs of one step -> its (operations, bytes), with the penalties if there are any. JAX only."""
        return engine.cost(self._run[True], *inputs)

    def _step(self, due, step, real, z, real_target, fake_target):
        self._reseed(step)
        real = self._images(real)
        # G draws once per step. D learns from these images, and G's gradient flows back through the same ones.
        fake, _, to_generator = traced(
            lambda: (self.generator(z, training=True), None), self.generator.trainable_variables
        )
        fake = ops.stop_gradient(fake)
        d_loss, figures, grads = gradients(
            lambda: self._d_loss(step, real, fake, real_target, fake_target, due and self.penalty),
            self._judging,
            self.d_optimizer.scale_loss,
        )
        decay = self.rate_decay and self.rate_decay(step)
        engine.apply_at(self.d_optimizer, grads, self._judging, decay)
        g_loss, moved, to_fake = traced(lambda fake: self._g_loss(real, fake, z), [], fake)
        (upstream,) = to_fake(self.g_optimizer.scale_loss(ops.ones_like(g_loss)))[1]
        engine.apply_at(self.g_optimizer, to_generator(upstream)[0], self.generator.trainable_variables, decay)
        ema.update(self.average, self.generator, self.average_decay, step)
        return {"d_loss": d_loss, "g_loss": g_loss, **figures, **moved,
                "spread": _spread(fake) / (_spread(real) + 1e-6)}  # fmt: skip

    def _warm_step(self, step, real, noise, *_):
        self._reseed(step)
        trained, optimizer = self.warm_up.trained, self.warm_up.optimizer
        real = self._images(real)
        _, figures, grads = gradients(lambda: self.warm_up.loss(real, noise), trained, optimizer.scale_loss)
        engine.apply_at(optimizer, grads, trained, self.warm_up.rate_decay(step))
        ema.update(self.average, self.generator, self.average_decay, step)
        return figures

    def _images(self, real: Any) -> Any:
        """The real images, or the rows of them, that `steps` gets -> float32 (B, H, W, C) in [-1, 1]."""
        pixels = ops.take(self.faces, real, axis=0) if len(real.shape) == 1 else real
        return ops.cast(pixels, "float32") / 127.5 - 1

    def _reseed(self, step):
        for state, seed in self._seeds:
            # Dropout differs between replicas. Augmentation draws for all rows, and each replica takes its own.
            seed = ops.cast(seed + (0 if state is self._chance.state else engine.replica()), "int32")
            state.assign(ops.cast(ops.stack([seed, step * DRAWS]), state.dtype))

    def _d_loss(self, step, real, fake, real_target, fake_target, penalty):
        real, real_slope, redrawn = self._judge(real, penalty, self.decoders)
        fake, fake_slope, _ = self._judge(fake, penalty)
        right = real > 0, fake < 0
        if self.loss == "relativistic":
            loss, right = relativistic(real, fake), (real > fake, real > fake)
        elif self.loss == "hinge":
            loss = (hinge(real) + hinge(-fake)) / 2
        else:
            loss = (logistic(real, real_target) + logistic(fake, fake_target)) / 2
        figures = dict(zip(("real_right", "fake_right"), map(_share, right), strict=True))
        if penalty:
            loss = loss + self.penalty_every * penalty(step) / 2 * (real_slope + fake_slope)
        if redrawn is not None:
            loss, figures["redrawn"] = loss + redrawn, redrawn
        return loss, figures

    def _g_loss(self, real, fake, z):
        logits = self._judge(fake)[0]
        if self.loss == "relativistic":
            loss = relativistic(logits, self._judge(real)[0])
        elif self.loss == "hinge":
            loss = -ops.mean(logits)
        else:
            loss = logistic(logits, ops.ones_like(logits))  # exactly 1, whatever D is told
        if self.anchor is None:
            return loss, {}
        pull, figures = self.anchor.pull(fake, z)
        return loss + pull, figures

    def _judge(self, images: Any, slope: Any = False, decoders: Decoders | None = None) -> tuple[Any, Any, Any]:
        """Images -> (D's logits of the images, augmented and with coarse_chroma or coarse_luma blurred, None, None).

        With `slope`, the second result is the mean squared length of the gradient of the logits by what D sees. A D of
        patches has several logits per image: then it is the length for their sum, divided by their number. With
        `decoders`, the third one is the mean absolute difference of the images that they draw.
        """
        judge = self.discriminator
        images = coarse(images, self.coarse_chroma, self.coarse_luma)
        if self._after_mirror:  # an image is shifted with its mirror image, so that the middle of both stays one
            images, judge = ops.concatenate([images, ops.flip(images, axis=2)], axis=-1), self._after_mirror
        images = augment(images, self.augmentation, self._chance)

        def judged(x):
            return decoders.judged(x, self._chance) if decoders else (judge(x, training=True), None)

        if not slope:
            logits, redrawn = judged(images)
            return logits, None, redrawn
        logits, redrawn, pull = traced(judged, [], images)
        (gradient,) = pull(ops.ones_like(logits))[1]
        return logits, ops.mean(ops.sum(ops.square(gradient), axis=(1, 2, 3))) / logits.shape[1], redrawn


def _spread(images):
    """Images (B, H, W, C) -> how much they differ: the root mean square over the batch, averaged over all pixels."""
    middle = engine.mean(ops.mean(images, axis=0))
    return ops.mean(ops.sqrt(engine.mean(ops.mean(ops.square(images - middle), axis=0))))


def _share(mask):
    """Booleans -> the share that is true."""
    return ops.mean(ops.cast(mask, "float32"))
