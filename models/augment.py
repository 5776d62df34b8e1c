"""Differentiable augmentation (Zhao et al. 2020): what D sees, real and fake alike, is moved about at random.

G learns through it, and D cannot learn a small set by heart. Geometry only: hair colour is content.
Moving and mirroring are products with 0/1 matrices, which every backend differentiates fast and exactly.
"""

import keras
from keras import ops

from models import engine

KINDS = ("translation", "mirror", "cutout")
REACH = 1 / 8  # pictures move up to this share of their side, each way
HOLE = 1 / 2  # side of the square that cutout greys, as a share of the picture's


def augment(images, kinds, chance):
    """Images (B, H, W, C) in [-1, 1] -> the same shape, each one changed on its own.

    `kinds`: some of KINDS. `chance`: a keras.random.SeedGenerator. What moves in from outside is 0, mid-grey.
    """
    batch, height, width, _ = images.shape
    if "translation" in kinds or "mirror" in kinds:
        moving = "translation" in kinds
        rows = _sources(batch, height, moving, False, chance)
        columns = _sources(batch, width, moving, "mirror" in kinds, chance)
        images = ops.einsum("bij,bjwc->biwc", ops.one_hot(rows, height, dtype=images.dtype), images)
        images = ops.einsum("bij,bhjc->bhic", ops.one_hot(columns, width, dtype=images.dtype), images)
    if "cutout" in kinds:
        images = images * _keep(batch, height, width, chance, images.dtype)
    return images


def _sources(batch, size, moving, mirrored, chance):
    """Where each row (or column) comes from -> (B, size) whole numbers; outside [0, size) means nowhere."""
    places = ops.broadcast_to(ops.arange(size, dtype="int32"), (batch, size))
    if mirrored:
        flip = _draw(keras.random.uniform, batch, chance) < 0.5
        places = ops.where(flip, size - 1 - places, places)
    if moving:
        reach = int(size * REACH)
        places = places + _draw(keras.random.randint, batch, chance, -reach, reach + 1)
    return places


def _keep(batch, height, width, chance, dtype):
    """(B, H, W, 1): 0 inside a square hole at a random place, 1 outside."""
    inside = []
    for size in (height, width):
        middle = _draw(keras.random.randint, batch, chance, 0, size + 1)
        inside.append(ops.abs(ops.arange(size, dtype="int32") - middle) * 2 < int(size * HOLE))
    hole = ops.logical_and(inside[0][:, :, None, None], inside[1][:, None, :, None])
    return 1 - ops.cast(hole, dtype)


def _draw(kind, batch, chance, *limits):
    """(B, 1) numbers for this replica's images: its own of those that one device would draw for all."""
    return engine.own_rows(kind((batch * engine.replicas(), 1), *limits, seed=chance))
