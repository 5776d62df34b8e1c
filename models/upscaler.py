"""An upscaler: a drawn face -> the same face with four times the side, with lines where enlarging would blur them.

And its training: first it learns to be near the large faces, then a discriminator asks for lines as sharp as theirs.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models import ema, engine
from models.engine import apply_at, compiled, gradients, keras, layers, ops, traced
from models.losses import relativistic
from models.residual import convolution, residual, widened
from models.schedules import half_cosine
from models.state import State

SCALE = 4
WIDTH, BLOCKS = 64, 7
NEAR = 9  # pixels of the small face: over squares of this side its colours stay
EDGES = 0.5  # weight of the differences between neighbouring pixels
PULL = 0.5  # length of the discriminator's gradient for an image, as a multiple of that of the difference
JUDGED_FROM = 0.4  # of the training: until then there is no discriminator
PENALTY, PENALTY_EVERY = 1.0, 8  # weight of the discriminator's gradient penalty, and the steps from one to the next


def build_upscaler(width: int = WIDTH, blocks: int = BLOCKS) -> keras.Model:
    """-> an upscaler: images (B, H, W, 3) in [-1, 1] -> (B, 4 * H, 4 * W, 3), about [-1, 1]; any H and W.

    It adds details to the bilinear enlargement. The last layer, with a kernel as large as its stride, is a linear map
    of each pixel's features and a pixel shuffle (Shi et al. 2016, arXiv 1609.05158). It begins as zero: a new upscaler
    adds nothing. At the end it puts back the colours that the image had over squares of NEAR pixels: so there is no
    tint, and light and shade stay.
    """
    images = keras.Input((None, None, 3), name="images")
    x = _convolution(images, width)
    for _ in range(blocks):
        y = _convolution(x, width)
        x = layers.Add()([x, layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(y)])
    x = _convolution(x, width)
    details = layers.Conv2DTranspose(3, SCALE, strides=SCALE, kernel_initializer="zeros", dtype="float32")(x)
    large = layers.Add(dtype="float32")([_enlarged(images), details])
    return keras.Model(images, coloured(large, images), name="upscaler")


def _convolution(x, width):
    return layers.LeakyReLU(0.1)(layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal")(x))


def coloured(large: Any, images: Any) -> Any:
    """Large images -> the same with the colours of the small images, over squares of NEAR pixels."""
    off = layers.Subtract(dtype="float32")([images, layers.AveragePooling2D(SCALE, dtype="float32")(large)])
    off = layers.AveragePooling2D(NEAR, strides=1, padding="same", dtype="float32")(off)
    return layers.Add(dtype="float32")([large, _enlarged(off)])


def _enlarged(x):
    return layers.UpSampling2D(SCALE, interpolation="bilinear", dtype="float32")(x)


def build_discriminator(widths: Sequence[int]) -> keras.Model:
    """Widths -> a discriminator of textures: images (B, H, W, 3) -> logits (B, h, w, 1), one for each of many places.

    It is that of models.residual without its end; one width per resolution, the largest first.
    """
    images = keras.Input((None, None, 3), name="images")
    x = convolution(images, widths[0], 1)
    for i, width in enumerate(widths):
        if i:
            x = widened(layers.AveragePooling2D(2)(x), width)
        x = residual(x)
    x = layers.Conv2D(1, 1, dtype="float32")(layers.LeakyReLU(0.2)(x))
    return keras.Model(images, x, name="discriminator")


class Upscaling:
    """An upscaler and its discriminator in training, with the interface of models.gan.GAN.

    `steps(step, small, large)` does K training steps, one for each entry of the leading axis: step (K,) int32, counted
    from 0; small uint8 (K, B, S, S, 3); large uint8 (K, B, 4 * S, 4 * S, 3). It returns the figures of the steps, a
    dict of float32 (K,):

    - difference: mean absolute difference from the large images, of 255;
    - right: share of the places at which the discriminator prefers the large image, once there is one.

    Both learning rates fall to 0 along half a cosine in `total` steps.
    """

    def __init__(
        self,
        upscaler: keras.Model,
        discriminator: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        d_optimizer: keras.optimizers.Optimizer,
        *,
        total: int,
        average_decay: float = 0.99,
    ) -> None:
        self.upscaler, self.discriminator, self.total = upscaler, discriminator, total
        self.optimizer, self.d_optimizer = optimizer, d_optimizer
        self.average, self.average_decay = ema.copy_in_float32(upscaler), average_decay
        optimizer.build(upscaler.trainable_variables)
        d_optimizer.build(discriminator.trainable_variables)
        networks = {"upscaler": upscaler, "discriminator": discriminator, "average": self.average}
        self.state = State(networks, {"optimizer": (optimizer, upscaler.trainable_variables),
                                      "d_optimizer": (d_optimizer, discriminator.trainable_variables)})  # fmt: skip
        kinds = ((False, False), (True, False), (True, True))
        self._run = {kind: compiled(lambda *inputs, kind=kind: self._step(*kind, *inputs), self.state.variables)
                     for kind in kinds}  # fmt: skip

    def steps(self, step: np.ndarray, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """K training steps -> their figures; see the class."""
        return engine.in_turn(self._run, self._kind, step, *inputs)

    def _kind(self, step: int) -> tuple[bool, bool]:
        """Which of the compiled functions does this step: is there a discriminator, and is its penalty due?"""
        judged = step >= JUDGED_FROM * self.total
        return judged, judged and step % PENALTY_EVERY == 0

    def _step(self, judged, due, step, small, large):
        small, large = (ops.cast(x, "float32") / 127.5 - 1 for x in (small, large))
        large = coloured(large, small)  # a teacher may change them
        trained = self.upscaler.trainable_variables
        decay = half_cosine(step, self.total)
        drawn, _, to_upscaler = traced(lambda: (self.upscaler(small, training=True), None), trained)
        drawn = ops.stop_gradient(drawn)
        _, difference, to_drawn = traced(lambda drawn: _difference(drawn, large), [], drawn)
        (upstream,) = to_drawn(ops.ones_like(difference))[1]
        figures = {"difference": 127.5 * difference}
        if judged:
            d_trained = self.discriminator.trainable_variables
            scale = self.d_optimizer.scale_loss
            _, figures["right"], grads = gradients(lambda: self._d_loss(large, drawn, due), d_trained, scale)
            apply_at(self.d_optimizer, grads, d_trained, decay)
            _, _, to_drawn = traced(lambda drawn: (self._loss(drawn, large), None), [], drawn)
            (pull,) = to_drawn(ops.ones_like(difference))[1]
            upstream = upstream + PULL * _length(upstream) / (_length(pull) + 1e-12) * pull
        apply_at(self.optimizer, to_upscaler(self.optimizer.scale_loss(upstream))[0], trained, decay)
        ema.update(self.average, self.upscaler, self.average_decay, step)
        return figures

    def _loss(self, drawn, large):
        return relativistic(*(self.discriminator(images, training=True) for images in (drawn, large)))

    def _d_loss(self, large, drawn, due):
        (real, real_slope), (fake, fake_slope) = (self._judge(images, due) for images in (large, drawn))
        loss = relativistic(real, fake)
        if due:
            loss = loss + PENALTY_EVERY * PENALTY / 2 * (real_slope + fake_slope)
        return loss, ops.mean(ops.cast(real > fake, "float32"))

    def _judge(self, images: Any, slope: bool) -> tuple[Any, Any]:
        """Images -> (logits, with `slope` the squared length of their gradient for an image, divided by its places)."""
        if not slope:
            return self.discriminator(images, training=True), None
        logits, _, pull = traced(lambda x: (self.discriminator(x, training=True), None), [], images)
        (gradient,) = pull(ops.ones_like(logits))[1]
        return logits, ops.sum(ops.square(gradient)) / math.prod(logits.shape)


def _difference(drawn, large):
    """Two sets of images -> (the loss, their mean absolute difference)."""
    off = drawn - large
    plain = ops.mean(ops.abs(off))
    edges = ops.mean(ops.abs(off[:, 1:] - off[:, :-1])) + ops.mean(ops.abs(off[:, :, 1:] - off[:, :, :-1]))
    return plain + EDGES * edges, plain


def _length(x):
    """A tensor -> its Euclidean length."""
    return ops.sqrt(ops.sum(ops.square(x)))
