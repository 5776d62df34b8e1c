"""A moment of descent on z: the generator's image comes nearer to the photo than the encoder's guess."""

import keras
import numpy as np
from keras import ops

from models import likeness, saved
from models.engine import compiled, gradients

RATE = 0.03  # Adam's, in standard deviations of the prior
NEARNESS = 2.0  # weight of the mean squared distance of z from the encoder's mean (idinvert, arXiv 2004.00049)


def refine(generator, moments, images, means, steps, advance=lambda count: None):
    """Images (N, S, S, C) in [-1, 1] and the encoder's means, float32 (N, latent) -> z after so many steps.

    `moments`: of photos and of drawings, as `models.encoder.Encoding` takes them. `advance` is told of each
    step done.
    """
    z = means
    rows = min(len(z), saved.ROWS)  # the last batch is filled up: compiled once, and bounded memory
    refined, step = [], None
    for start in range(0, len(z), rows):
        part = [np.resize(a[start : start + rows], (rows, *a.shape[1:])) for a in (images, means)]
        if step is None:
            reset, step = _descent(generator, moments, part[0].shape, part[1].shape)
        variable = reset(*part)
        for number in range(steps):
            step(np.array([number], np.int32))
            advance(1)
        refined.append(np.asarray(variable.value))
    return np.concatenate(refined)[: len(z)] if refined else z


def _descent(generator, moments, shape, latents):
    """Shapes of the images and of z -> (reset, step).

    `reset(images, means)` gives the variable that `step`, compiled, then moves.
    """
    seen, z, means = (keras.Variable(np.zeros(size, np.float32)) for size in (shape, latents, latents))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([z])
    start = [np.asarray(v.value) for v in optimizer.variables]

    def step(number):
        def loss():
            far = ops.mean(ops.square(z - means), axis=1)
            # A sum over images, so that each goes its own way whatever the others do.
            return ops.sum(unlikeness(generator(z, training=False), seen, moments) + NEARNESS * far), None

        value, _, grads = gradients(loss, [z])
        optimizer.apply(grads, [z])
        return {"loss": value}

    def reset(images, first):
        for variable, value in ((seen, images), (z, first), (means, first)):
            variable.assign(value)
        for variable, value in zip(optimizer.variables, start, strict=True):
            variable.assign(value)
        return z

    return reset, compiled(step, [seen, z, means, *optimizer.variables, *generator.variables])


def unlikeness(drawn, photos, moments):
    """Drawings and photos, each (N, S, S, C) in [-1, 1] -> (N,): how far their layouts differ.

    Each side is standardised over its own set, as in the encoder's training: mean squared distances of the
    colours and of the structure, added.
    """
    layouts = [
        likeness.standardised(likeness.layout(images), moments[side][:, : likeness.LAYOUT_SIZE])
        for images, side in ((drawn, "drawn"), (photos, "photo"))
    ]
    far = ops.square(layouts[0] - layouts[1])
    return sum(ops.mean(part, axis=1) for part in ops.split(far, [likeness.COLOUR_SIZE], axis=1))
