"""A reader: a face, on a photo or drawn -> what anybody can see in it, the probabilities of its looks. Its training.

What a look is, and in which order they come, is said in animefaces/looks.py; here they are groups of numbers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models import ema
from models.engine import Conv2D, apply_at, compiled, gradients, keras, layers, ops
from models.schedules import half_cosine
from models.state import State

SMOOTH = 0.04  # of each target is shared among the classes of its look: a label may be wrong
LEAST = 1e-6  # a probability below this one is taken as this one, so that its logarithm is finite
WIDTHS = (24, 48, 80, 128, 160)
WEIGHT_DECAY = 0.02


def build_reader(size: int, channels: int, groups: Sequence[int], widths: Sequence[int] = WIDTHS) -> keras.Model:
    """Sizes -> a reader: images (B, size, size, channels) in [-1, 1] -> probabilities (B, sum of `groups`).

    Each group of the probabilities sums to 1. One convolution with stride 2 per width; residual convolutions follow
    each but the first.
    """
    images = keras.Input((size, size, channels), name="images")
    x = maps(images, widths)[-1]
    # What is where, and what is anywhere.
    x = layers.Concatenate()([layers.Flatten()(layers.Conv2D(48, 1)(x)), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dense(192, activation="gelu")(x)
    heads = [layers.Dense(classes, activation="softmax", dtype="float32")(x) for classes in groups]
    return keras.Model(images, layers.Concatenate(dtype="float32", name="looks")(heads), name="reader")


def maps(images: Any, widths: Sequence[int] = WIDTHS) -> list[Any]:
    """Images (B, S, S, C) -> the feature maps of a reader, one for each width, each half as high as the one before."""
    x, found = images, []
    for i, width in enumerate(widths):
        x = _convolution(x, width, 5 if i == 0 else 3, strides=2)
        if i:
            y = _convolution(x, width, 3)
            x = layers.Add()([x, _convolution(y, width, 3) if i > 2 else y])
        found.append(x)
    return found


def _convolution(x, channels, kernel, strides=1):
    start = "he_normal"
    x = Conv2D(channels, kernel, strides, padding="same", use_bias=False, kernel_initializer=start)(x)
    return layers.LeakyReLU(0.1)(layers.BatchNormalization()(x))


class Reading:
    """A reader in training, with the interface of models.gan.GAN.

    `steps(step, images, looks)` does K training steps, one for each entry of the leading axis: step (K,) int32, counted
    from 0; images (K, B, H, W, C) in [-1, 1]; looks (K, B, sum of `groups`), the probabilities that each image should
    have, nan where they are unknown. It returns the figures of the steps, a dict of float32 (K,):

    - loss: cross-entropy in nats, the sum over the groups of the mean over the known ones;
    - right: share of the known ones whose likeliest class is right.

    The learning rate falls to 0 along half a cosine in `total` steps.
    """

    def __init__(
        self,
        reader: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        groups: Sequence[int],
        total: int,
        average_decay: float = 0.99,
    ) -> None:
        self.reader, self.optimizer, self.total = reader, optimizer, total
        ends = np.cumsum(groups)
        self.groups = [slice(int(end - size), int(end)) for size, end in zip(groups, ends, strict=True)]
        self.average, self.average_decay = keras.models.clone_model(reader), average_decay
        self.average.set_weights(reader.get_weights())
        optimizer.build(reader.trainable_variables)
        networks = {"reader": reader, "average": self.average}
        self.state = State(networks, {"optimizer": (optimizer, reader.trainable_variables)})
        self.steps = compiled(self._step, self.state.variables)

    def _step(self, step, images, looks):
        trained = self.reader.trainable_variables
        loss, right, grads = gradients(lambda: self._loss(images, looks), trained, self.optimizer.scale_loss)
        apply_at(self.optimizer, grads, trained, half_cosine(step, self.total))
        ema.update(self.average, self.reader, self.average_decay, step)
        return {"loss": loss, "right": right}

    def _loss(self, images, looks):
        read = self.reader(images, training=True)
        loss, right, total = 0.0, 0.0, 0.0
        for group in self.groups:
            ours, theirs = read[:, group], looks[:, group]
            known = ops.cast(ops.logical_not(ops.isnan(theirs[:, 0])), "float32")
            theirs = ops.where(ops.isnan(theirs), 0.0, theirs)
            smooth = theirs * (1 - SMOOTH) + SMOOTH / theirs.shape[1]
            nats = -ops.sum(smooth * ops.log(ops.maximum(ours, LEAST)), axis=1)
            loss = loss + ops.sum(nats * known) / ops.maximum(ops.sum(known), 1.0)
            hits = ops.cast(ops.argmax(ours, axis=1) == ops.argmax(theirs, axis=1), "float32")
            right, total = right + ops.sum(hits * known), total + ops.sum(known)
        return loss, right / ops.maximum(total, 1.0)
