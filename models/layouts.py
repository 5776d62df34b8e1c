"""Faces -> rows of numbers that a drawing should share with its photo: colours, coarse structure, skin, three traits.

All functions are differentiable. Photos and drawings differ as a whole; so before they are compared, each side is
standardised over its own set. benchmarks/resemblance.py measures the same layout on pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.engine import ops
from models.regions import BESIDE_THE_JAW, CHEEKS, CROWN, EYES, SKIN_OF_PHOTOS

COLOURS, EDGES = 4, 16  # cells per side, for the colours and for the structure
COLOUR_SIZE = 3 * COLOURS**2  # a layout begins with the numbers of the colours; this is how many there are
LAYOUT_SIZE = COLOUR_SIZE + 2 * EDGES**2
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
WHITE = np.array([0.9505, 1.0, 1.089], np.float32)  # D65, the white of sRGB

SEEN = LAYOUT_SIZE + 3  # numbers in a photo's row: layout and skin; a drawing's row has its traits after these


def of_photos(photos: Any) -> Any:
    """Photos (N, S, S, C) in [-1, 1] -> rows (N, 563): layout, then skin."""
    return ops.concatenate([layout(photos), skin(photos, SKIN_OF_PHOTOS)], axis=1)


def of_drawings(drawings: Any) -> Any:
    """Drawings (N, S, S, C) in [-1, 1] -> rows (N, 566): layout, skin, then traits."""
    return ops.concatenate([layout(drawings), skin(drawings, CHEEKS), traits(drawings)], axis=1)


def layout(images: Any) -> Any:
    """Images (N, S, S, C) in [-1, 1] -> (N, 560): Lab of 4x4 cells, then the gradients of lightness in 16x16 cells.

    The gradients of each image are divided by their length, since drawings and photos differ in contrast.
    """
    lab = to_lab(images)
    colour = ops.reshape(_cells(lab, COLOURS), (-1, COLOUR_SIZE))
    lightness = _cells(lab[..., :1], EDGES)[..., 0]
    slope = ops.convert_to_tensor(np.gradient(np.eye(EDGES, dtype=np.float32), axis=0))
    slopes = ops.stack([ops.einsum("ai,nij->naj", slope, lightness), ops.einsum("aj,nij->nia", slope, lightness)], 1)
    structure = ops.reshape(slopes, (-1, 2 * EDGES**2))
    length = ops.sqrt(ops.sum(ops.square(structure), axis=1, keepdims=True) + 1e-6)
    return ops.concatenate([colour, structure / length], axis=1)


def skin(images: Any, place: Sequence[float]) -> Any:
    """Images (N, S, S, C) in [-1, 1] and a part, CHEEKS of drawings or SKIN_OF_PHOTOS -> its mean Lab, (N, 3)."""
    return ops.mean(to_lab(_part(images, place)), axis=(1, 2))


def traits(images: Any) -> Any:
    """Drawn faces (N, S, S, C) in [-1, 1] -> (N, 3): size of the eyes and length of the hair, in [0, 1]; colourfulness.

    - Size of the eyes: the share of EYES whose colour differs from the cheeks.
    - Length of the hair: the share of BESIDE_THE_JAW whose colour is that of the crown.
    - Colourfulness: the chroma of the crown, 0 for grey hair.

    In drawings, these differ between men and women and between children and adults; no labels are needed.
    """
    lab = to_lab(images)
    cheeks, crown = (ops.mean(_part(lab, place), axis=(1, 2), keepdims=True) for place in (CHEEKS, CROWN))
    eyes = ops.mean(ops.sigmoid((_difference(_part(lab, EYES), cheeks) - 18) / 4), axis=(1, 2))
    sides = [ops.sigmoid((25 - _difference(_part(lab, side), crown)) / 5) for side in BESIDE_THE_JAW]
    hair = ops.mean(ops.stack([ops.mean(side, axis=(1, 2)) for side in sides]), axis=0)
    chroma = ops.sqrt(ops.sum(ops.square(crown[:, 0, 0, 1:]), axis=1) + 1e-3)
    return ops.stack([eyes, hair, chroma], axis=1)


def to_lab(images: Any) -> Any:
    """sRGB or grey images (..., C) in [-1, 1] -> CIE Lab (..., 3), L in [0, 100]. The gradient is finite everywhere."""
    colours = ops.clip(images / 2 + 0.5, 0.0, 1.0)
    if images.shape[-1] == 1:
        colours = ops.repeat(colours, 3, axis=-1)
    linear = ops.where(colours > 0.04045, ((ops.maximum(colours, 0.04045) + 0.055) / 1.055) ** 2.4, colours / 12.92)
    xyz = linear @ ops.convert_to_tensor((TO_XYZ / WHITE[:, None]).T)
    bent = 6 / 29
    # maximum: the gradient of the branch that is not taken must be finite, too, and that of the root at 0 is not.
    f = ops.where(xyz > bent**3, ops.maximum(xyz, bent**3) ** (1 / 3), xyz / (3 * bent**2) + 4 / 29)
    x, y, z = ops.split(f, 3, axis=-1)
    return ops.concatenate([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def standardised(rows: Any, moments: Any) -> Any:
    """Rows (N, D), and the mean and standard deviation of their set (2, D) -> (rows - mean) / deviation, (N, D)."""
    mean, deviation = ops.split(ops.convert_to_tensor(moments), 2)
    return (rows - mean) / (deviation + 1e-6)


def _difference(lab: Any, other: Any) -> Any:
    """Two Lab colours (..., 3) -> their distance (...)."""
    return ops.sqrt(ops.sum(ops.square(lab - other), axis=-1) + 1e-3)


def _part(images: Any, place: Sequence[float]) -> Any:
    """Images (N, S, S, C) -> that part of them."""
    top, bottom, left, right = (round(share * images.shape[1]) for share in place)
    return images[:, top:bottom, left:right]


def _cells(images: Any, cells: int) -> Any:
    """Images (N, S, S, C) -> the means of cells x cells areas, (N, cells, cells, C)."""
    areas = ops.convert_to_tensor(_areas(images.shape[1], cells))
    return ops.einsum("ai,bj,nijc->nabc", areas, areas, images)


def _areas(size: int, cells: int) -> np.ndarray:
    """The weight of each pixel in the mean of each cell, (cells, size). Cells may end within a pixel."""
    edges, pixels = np.arange(cells + 1) * size / cells, np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(overlap, 0, None) * cells / size).astype(np.float32)
