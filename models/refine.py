"""A moment of descent on z: the generator's image comes nearer to the photo than the encoder's guess."""

import keras
import numpy as np
from keras import ops

from models import saved
from models.engine import compiled, gradients

RATE = 0.03  # Adam's, in standard deviations of the prior
NEARNESS = 2.0  # weight of the mean squared distance of z from the encoder's mean (idinvert, arXiv 2004.00049)
COLOURS, EDGES = 4, 16  # cells per side for the colour, and for the structure
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
WHITE = np.array([0.9505, 1.0, 1.089], np.float32)  # D65, of which sRGB's white is made


def refine(generator, encoder, images, z, steps, advance=lambda count: None):
    """Images (N, S, S, C) in [-1, 1] and a first z, float32 (N, latent) -> z after so many steps.

    `encoder`: images -> means, then log-variances. `advance` is told of each step done.
    """
    means = saved.draw(encoder, images)[:, : z.shape[1]]
    rows = min(len(z), saved.ROWS)  # the last batch is filled up: compiled once, and bounded memory
    refined, step = [], None
    for start in range(0, len(z), rows):
        part = [np.resize(a[start : start + rows], (rows, *a.shape[1:])) for a in (images, z, means)]
        if step is None:
            reset, step = _descent(generator, part[0].shape, part[1].shape)
        variable = reset(*part)
        for number in range(steps):
            step(np.array([number], np.int32))
            advance(1)
        refined.append(np.asarray(variable.value))
    return np.concatenate(refined)[: len(z)] if refined else z


def _descent(generator, shape, latents):
    """Shapes of the images and of z -> (reset, step).

    `reset(images, z, means)` gives the variable that `step`, compiled, then moves.
    """
    seen, z, means = (keras.Variable(np.zeros(size, np.float32)) for size in (shape, latents, latents))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([z])
    start = [np.asarray(v.value) for v in optimizer.variables]

    def step(number):
        def loss():
            far = ops.mean(ops.square(z - means), axis=1)
            # A sum over images, so that each goes its own way whatever the others do.
            return ops.sum(unlikeness(generator(z, training=False), seen) + NEARNESS * far), None

        value, _, grads = gradients(loss, [z])
        optimizer.apply(grads, [z])
        return {"loss": value}

    def reset(*values):
        for variable, value in zip((seen, z, means), values, strict=True):
            variable.assign(value)
        for variable, value in zip(optimizer.variables, start, strict=True):
            variable.assign(value)
        return z

    return reset, compiled(step, [seen, z, means, *optimizer.variables, *generator.variables])


def unlikeness(images, others):
    """Images, each (N, S, S, C) in [-1, 1], sizes may differ -> (N,): how far their layout differs.

    Coarse colour and coarse structure, each first standardised within its image: a drawing is paler
    than a photo, and its lines are stronger.
    """
    colour, structure = (
        ops.mean(ops.square(_standardised(features(images)) - _standardised(features(others))), axis=(1, 2))
        for features in (coarse_colour, coarse_structure)
    )
    return colour + structure


def _standardised(x):
    """(N, cells, C) -> each channel with mean 0 and variance 1 over the cells; what varies little stays small."""
    x = x - ops.mean(x, axis=1, keepdims=True)
    return x / ops.sqrt(ops.mean(ops.square(x), axis=1, keepdims=True) + 1e-3)


def coarse_colour(images):
    """Images (N, S, S, C) -> Lab of 4x4 cells, in hundreds: (N, 16, 3)."""
    cells = ops.clip(_cells(images, COLOURS) / 2 + 0.5, 0.0, 1.0)
    return ops.reshape(to_lab(cells), (-1, COLOURS**2, 3)) / 100


def coarse_structure(images):
    """Images -> the lightness's differences between neighbours of 16x16 cells, across and down: (N, 480, 1)."""
    grey = _cells(images, EDGES) @ ops.convert_to_tensor(TO_XYZ[1][:, None])
    across, down = grey[:, :, 1:] - grey[:, :, :-1], grey[:, 1:] - grey[:, :-1]
    return ops.concatenate([ops.reshape(d, (-1, EDGES * (EDGES - 1), 1)) for d in (across, down)], axis=1)


def to_lab(colours):
    """sRGB (..., 3) in [0, 1] -> CIE Lab (..., 3), L in [0, 100]. Finite, and so is its gradient."""
    linear = ops.where(colours > 0.04045, ((ops.maximum(colours, 0.04045) + 0.055) / 1.055) ** 2.4, colours / 12.92)
    xyz = linear @ ops.convert_to_tensor((TO_XYZ / WHITE[:, None]).T)
    bent = 6 / 29
    # The root of at least bent ** 3 in the branch that is not taken, too: else its slope at 0 is not finite.
    f = ops.where(xyz > bent**3, ops.maximum(xyz, bent**3) ** (1 / 3), xyz / (3 * bent**2) + 4 / 29)
    x, y, z = ops.split(f, 3, axis=-1)
    return ops.concatenate([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _cells(images, cells):
    """Images (N, S, S, C) -> the mean colour of each of cells x cells areas: (N, cells, cells, 3)."""
    areas = ops.convert_to_tensor(_areas(images.shape[1], cells))
    means = ops.einsum("ai,bj,nijc->nabc", areas, areas, images)
    return means if images.shape[-1] == 3 else ops.repeat(means, 3, axis=-1)


def _areas(size, cells):
    """(cells, size): the share of each pixel in each cell's mean, also where cells do not divide the size."""
    edges, pixels = np.arange(cells + 1) * size / cells, np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(overlap, 0, None) * cells / size).astype(np.float32)
