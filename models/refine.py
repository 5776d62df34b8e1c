"""Gradient descent on z: the encoder's means -> z whose drawings resemble their photos more."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from models import layouts
from models.batches import ROWS, filled, in_batches
from models.engine import compiled, gradients, keras, ops

RATE = 0.03  # learning rate of Adam, in standard deviations of the prior
TRAITS = 1.0  # weight of the mean squared change of the traits: the encoder learned them from labels, a photo has none
NEARNESS = 2.0  # weight of the mean squared distance of z from the encoder's mean (idinvert, arXiv 2004.00049)


def refined(
    generator: keras.Model,
    moments: Mapping[str, np.ndarray],
    images: np.ndarray,
    means: np.ndarray,
    steps: int,
    advance: Callable[[int], Any] = lambda count: None,
) -> Iterator[np.ndarray]:
    """Images (N, S, S, C) in [-1, 1] and the encoder's means, float32 (N, latent) -> z after `steps` steps.

    z comes in parts (n, latent) with n of at most ROWS, each as soon as it is done. `moments`: mean and standard
    deviation of the rows of photos and of drawings; train.py keeps them beside the encoder. `advance` is called with 1
    after each step, for a progress bar.
    """
    rows = min(len(means), ROWS)  # all batches have one size, so the step is compiled once
    descent = None
    for start in range(0, len(means), rows):
        part = [filled(a[start : start + rows], rows) for a in (images, means)]
        if descent is None:
            descent = _descent(generator, moments, *(p.shape for p in part))
        reset, step = descent
        variable = reset(*part)
        for number in range(steps):
            step(np.array([number], np.int32))
            advance(1)
        yield np.asarray(variable.value)[: len(means) - start].copy()


def _descent(
    generator: keras.Model, moments: Mapping[str, np.ndarray], shape: tuple[int, ...], latents: tuple[int, ...]
) -> tuple[Callable[..., keras.Variable], Callable[..., Any]]:
    """Shapes of the images and of z -> (reset, step).

    `reset(images, means)` starts again and returns z, a variable. Each call of `step`, which is compiled, moves this z.
    """
    traits = (shape[0], moments["drawn"].shape[1] - layouts.SEEN)
    seen, z, means, kept = (keras.Variable(np.zeros(size, np.float32)) for size in (shape, latents, latents, traits))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([z])
    start = [np.asarray(v.value) for v in optimizer.variables]

    def step(number):
        def loss():
            drawn = generator(z, training=False)
            far = ops.mean(ops.square(z - means), axis=1)
            lost = ops.mean(ops.square(traits_of(drawn, moments) - kept), axis=1)
            # A sum, not a mean, over images: then the gradient of each z does not depend on the other images.
            return ops.sum(unlikeness(drawn, seen, moments) + NEARNESS * far + TRAITS * lost), None

        value, _, grads = gradients(loss, [z])
        optimizer.apply(grads, [z])
        return {"loss": value}

    def reset(images, first):
        values = images, first, first, traits_of(in_batches(generator, first), moments)
        for variable, value in zip((seen, z, means, kept), values, strict=True):
            variable.assign(value)
        for variable, value in zip(optimizer.variables, start, strict=True):
            variable.assign(value)
        return z

    return reset, compiled(step, [seen, z, means, kept, *optimizer.variables, *generator.variables])


def unlikeness(drawn: Any, photos: Any, moments: Mapping[str, np.ndarray]) -> Any:
    """Drawings and photos, each (N, S, S, C) in [-1, 1] -> their distances (N,).

    A distance is the sum of the mean squared distances of colours, structure and skin. Drawings and photos are each
    standardised over their own set, as in the encoder's training.
    """
    ours = layouts.standardised(layouts.of_drawings(drawn), moments["drawn"])[:, : layouts.SEEN]
    far = ops.square(ours - layouts.standardised(layouts.of_photos(photos), moments["photo"]))
    parts = ops.split(far, [layouts.COLOUR_SIZE, layouts.LAYOUT_SIZE], axis=1)
    return sum(ops.mean(part, axis=1) for part in parts)


def traits_of(drawn: Any, moments: Mapping[str, np.ndarray]) -> Any:
    """Drawings (N, S, S, C) in [-1, 1] -> their traits (N, 3), standardised over drawings."""
    return layouts.standardised(layouts.of_drawings(drawn), moments["drawn"])[:, layouts.SEEN :]
