"""Differentiable augmentation (Zhao et al. 2020): images -> the same images, changed at random.

D sees real and fake images through it, so D cannot learn a small set by heart. G's gradient flows back through it.
All changes are geometric: the colour of hair is content and stays. Moving and mirroring are products with 0/1 matrices,
which every backend differentiates fast and exactly. What hides details from D, blur_chroma and blur_luma, is not
random; it is a product with matrices of means, since TensorFlow's pooling takes ten times as long.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models import engine
from models.engine import keras, ops

KINDS = ("translation", "mirror", "cutout")
CHROMA, LUMA = 0.2, 0.05  # sides of the squares over which colour and brightness are blurred, as shares of the image's
REACH = 1 / 8  # an image moves by at most this share of its side, in each direction
HOLE = 1 / 2  # side of the square that cutout makes grey, as a share of the image's side


def augment(images: Any, kinds: Sequence[str], chance: keras.random.SeedGenerator) -> Any:
    """Images (B, H, W, C) in [-1, 1] -> images of the same shape, each changed independently of the others.

    `kinds`: some of KINDS. Pixels that move in from outside are 0, which is mid-grey.
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


def coarse(images: Any, chroma: bool, luma: bool) -> Any:
    """Images (B, H, W, C) -> the same as a discriminator sees them: their colour, their brightness, or both blurred."""
    images = blur_chroma(images) if chroma else images
    return blur_luma(images) if luma else images


def blur_chroma(images: Any) -> Any:
    """RGB images (B, H, W, 3) -> the same with blurred colour. Brightness, the mean of R, G and B, stays sharp."""
    grey = ops.mean(images, axis=-1, keepdims=True)
    return grey + blur(images - grey, CHROMA)


def blur_luma(images: Any) -> Any:
    """Images (B, H, W, C) -> the same with blurred brightness, the mean of their channels. Colour stays sharp."""
    grey = ops.mean(images, axis=-1, keepdims=True)
    return images - grey + blur(grey, LUMA)


def blur(images: Any, width: float) -> Any:
    """Images (B, H, W, C) -> the mean of the square around each pixel. `width` of the square: a share of their side."""
    reach = max(1, int(images.shape[1] * width / 2))
    for size, product in zip(images.shape[1:3], ("ij,bjwc->biwc", "ij,bhjc->bhic"), strict=True):
        near = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= reach
        images = ops.einsum(product, ops.cast(near / near.sum(axis=1, keepdims=True), images.dtype), images)
    return images


def _sources(batch: int, size: int, moving: bool, mirrored: bool, chance: Any) -> Any:
    """The number of the row (or column) that each row is taken from, int32 (B, size); outside [0, size) it is grey."""
    places = ops.broadcast_to(ops.arange(size, dtype="int32"), (batch, size))
    if mirrored:
        flip = draw(keras.random.uniform, batch, chance) < 0.5
        places = ops.where(flip, size - 1 - places, places)
    if moving:
        reach = int(size * REACH)
        places = places + draw(keras.random.randint, batch, chance, -reach, reach + 1)
    return places


def _keep(batch: int, height: int, width: int, chance: Any, dtype: str) -> Any:
    """What cutout multiplies images by, (B, H, W, 1): 0 inside a square at a random place, 1 outside."""
    inside = []
    for size in (height, width):
        middle = draw(keras.random.randint, batch, chance, 0, size + 1)
        inside.append(ops.abs(ops.arange(size, dtype="int32") - middle) * 2 < int(size * HOLE))
    hole = ops.logical_and(inside[0][:, :, None, None], inside[1][:, None, :, None])
    return 1 - ops.cast(hole, dtype)


def draw(kind: Callable[..., Any], batch: int, chance: Any, *limits: int) -> Any:
    """Random numbers (B, 1) for this replica's images: its part of what one device would draw for all images."""
    return engine.own_rows(kind((batch * engine.replicas(), 1), *limits, seed=chance))
