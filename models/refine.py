"""A moment of descent on z: the generator's image comes nearer to the photo than the encoder's guess."""

import keras
import numpy as np
from keras import ops

from models import layouts as likeness
from models.batches import ROWS, filled, in_batches
from models.engine import compiled, gradients

RATE = 0.03  # Adam's, in standard deviations of the prior
TRAITS = 1.0  # weight of the mean squared change of the traits, which the encoder has from labels
NEARNESS = 2.0  # weight of the mean squared distance of z from the encoder's mean (idinvert, arXiv 2004.00049)


def refine(generator, moments, images, means, steps, advance=lambda count: None):
    """Images (N, S, S, C) in [-1, 1] and the encoder's means, float32 (N, latent) -> z after so many steps.

    `moments`: of photos and of drawings, as train.py keeps them beside the encoder. `advance` is told of each
    step done.
    """
    rows = min(len(means), ROWS)  # the last batch is filled up: compiled once, and bounded memory
    refined, step = [], None
    for start in range(0, len(means) if steps else 0, rows):
        part = [filled(a[start : start + rows], rows) for a in (images, means)]
        if step is None:
            reset, step = _descent(generator, moments, *(p.shape for p in part))
        variable = reset(*part)
        for number in range(steps):
            step(np.array([number], np.int32))
            advance(1)
        refined.append(np.asarray(variable.value))
    return np.concatenate(refined)[: len(means)] if steps else means


def _descent(generator, moments, shape, latents):
    """Shapes of the images and of z -> (reset, step).

    `reset(images, means)` gives the variable that `step`, compiled, then moves.
    """
    traits = (shape[0], moments["drawn"].shape[1] - likeness.SEEN)
    seen, z, means, kept = (keras.Variable(np.zeros(size, np.float32)) for size in (shape, latents, latents, traits))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([z])
    start = [np.asarray(v.value) for v in optimizer.variables]

    def step(number):
        def loss():
            drawn = generator(z, training=False)
            far = ops.mean(ops.square(z - means), axis=1)
            lost = ops.mean(ops.square(traits_of(drawn, moments) - kept), axis=1)
            # A sum over images, so that each goes its own way whatever the others do.
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


def unlikeness(drawn, photos, moments):
    """Drawings and photos, each (N, S, S, C) in [-1, 1] -> (N,): how far they are apart in what the encoder keeps.

    Each side is standardised over its own set, as in the encoder's training: mean squared distances of the
    colours, of the structure and of the skin, added.
    """
    ours = likeness.standardised(likeness.of_drawings(drawn), moments["drawn"])[:, : likeness.SEEN]
    far = ops.square(ours - likeness.standardised(likeness.of_photos(photos), moments["photo"]))
    parts = ops.split(far, [likeness.COLOUR_SIZE, likeness.LAYOUT_SIZE], axis=1)
    return sum(ops.mean(part, axis=1) for part in parts)


def traits_of(drawn, moments):
    """Drawings (N, S, S, C) -> their traits, standardised over drawings: what refinement leaves as it is."""
    return likeness.standardised(likeness.of_drawings(drawn), moments["drawn"])[:, likeness.SEEN :]
