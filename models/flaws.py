"""Flaws of the faces that a generator draws, as a part of its loss: what drawing/flaws.py measures, with a gradient.

The number says how unclear the eyes are, how unlike each other, and how uneven the mouth is. A face without a flaw may
have a large number, too: it is turned, or has an open mouth. So each face is compared with the one that the same z gave
at first. Two things differ from drawing/flaws.py: the mirror image is not looked at for the eyes, which takes half
of the time, and the mouth is compared about a line that turns with the face.
"""

from typing import Any

import numpy as np

from models.engine import keras, ops
from models.regions import EYE_REACH, MOUTH_REACH, PARTS, UNEVEN, UNLIKE

EYES = PARTS.index("eyes")
NOTICED = 1.0  # of CIE L*a*b*: a difference that is smaller is not seen
POINTS = 17, 9  # at which a mouth is compared with its mirror image: along the line between the eyes, and across
# sRGB -> CIE XYZ as shares of the white D65 (IEC 61966-2-1), and XYZ -> Lab.
XYZ = np.array([[0.4339, 0.2126, 0.0178], [0.3762, 0.7152, 0.1095], [0.1899, 0.0722, 0.8727]], np.float32)
LAB = np.array([[0, 500, 0], [116, -500, 200], [0, 0, -200]], np.float32)


class Flaws:
    """What sees flaws in drawn faces. `network` finds the parts of a face, and training does not change it."""

    def __init__(self, parts: keras.Model, weight: float) -> None:
        """`parts`: the shipped network of models.parts.with_places. `weight`: of the flaws, beside G's loss."""
        self.network, self.weight = parts, weight
        self.network.trainable = False

    def more(self, faces: Any, before: Any) -> Any:
        """Faces (B, S, S, 3) in [-1, 1], and what they were -> how many more flaws they have, 0 or more.

        It is the mean of what the logarithm of the number has grown by.
        """
        return ops.mean(ops.relu(self.numbers(faces) - ops.stop_gradient(self.numbers(before))))

    def numbers(self, faces: Any) -> Any:
        """Faces (B, S, S, 3) in [-1, 1] -> the logarithm of the number for the flaws of each, (B,)."""
        side = self.network.input_shape[1]
        if faces.shape[1] != side:
            faces = ops.image.resize(faces, (side, side), antialias=True)
        parts, places = self._parts(faces)
        eyes, lab = parts[..., EYES], to_lab(faces)
        unclear = ops.sum(eyes * (1 - eyes), axis=(1, 2)) / (ops.sum(eyes, axis=(1, 2)) + 1e-3)
        left, right = (_looks(lab, eyes, places[:, i]) for i in (0, 1))
        unlike = 1 + ops.sqrt(ops.sum(ops.square(left - right), axis=1) + 1e-6)
        return ops.log(unclear + 1e-3) + UNLIKE * ops.log(unlike) + UNEVEN * ops.log(_uneven(lab, places) + NOTICED)

    def _parts(self, faces):
        """-> probabilities of PARTS (B, H, W, 4), and x and y of the places (B, 7, 2), without a gradient."""
        side, both = faces.shape[1], self.network(faces, training=False)
        of_parts = side * side * len(PARTS)
        count = (both.shape[1] - of_parts) // 2
        parts = ops.reshape(both[:, :of_parts], (-1, side, side, len(PARTS)))
        return parts, ops.stop_gradient(ops.reshape(both[:, of_parts:], (-1, count, 2)))


def to_lab(images: Any) -> Any:
    """sRGB images (..., 3) in [-1, 1] -> CIE L*a*b*: L in [0, 100], a and b around 0."""
    values = ops.clip((images + 1) / 2, 0, 1)
    # Of the branch that is not taken the gradient must be finite, too.
    light = ops.where(values > 0.04045, ((ops.maximum(values, 0.04) + 0.055) / 1.055) ** 2.4, values / 12.92)
    xyz = ops.matmul(light, XYZ)
    roots = ops.where(xyz > 0.008856, ops.maximum(xyz, 0.008) ** (1 / 3), 7.787 * xyz + 16 / 116)
    return ops.matmul(roots, LAB) - np.array([16, 0, 0], np.float32)


def _looks(lab, eyes, place):
    """As drawing.eyes.looks, of the eyes near a place (B, 2): (B, 10)."""
    side = lab.shape[1]
    at = np.arange(side, dtype=np.float32) / (side - 1)
    near = [ops.cast(ops.abs(at - place[:, i, None]) < EYE_REACH, "float32") for i in (0, 1)]
    eye = eyes * near[1][:, :, None] * near[0][:, None, :]
    vivid = ops.sqrt(ops.sum(ops.square(lab[..., 1:]), axis=-1) + 1e-6)
    mean, iris = _mean(eye, lab), _mean(eye * vivid, lab)
    spread = ops.sqrt(ops.maximum(_mean(eye, ops.square(lab)) - ops.square(mean), 1e-3))
    size = 10 * ops.log(ops.mean(eye, axis=(1, 2)) * 64**2 + 1)
    return ops.concatenate([mean, iris, spread, size[:, None]], axis=1)


def _mean(weights, values):
    return ops.einsum("bhwc,bhw->bc", values, weights) / (ops.sum(weights, axis=(1, 2))[:, None] + 1e-3)


def _uneven(lab, places):
    """Lab and places -> how much each mouth differs from its mirror image, (B,).

    The axis is in the middle between the eyes, at right angles to the line between them.
    """
    left, right, mouth = places[:, 0], places[:, 1], places[:, 3]
    middle, along = (left + right) / 2, right - left
    along = along / (ops.sqrt(ops.sum(ops.square(along), axis=1, keepdims=True)) + 1e-6)
    across = ops.stack([-along[:, 1], along[:, 0]], axis=1)
    u, v = np.meshgrid(*(np.linspace(-reach, reach, n) for reach, n in zip(MOUTH_REACH, POINTS, strict=True)))
    grid = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32)  # (P, 2)
    points = mouth[:, None] + grid[None, :, :1] * along[:, None] + grid[None, :, 1:] * across[:, None]  # (B, P, 2)
    off = ops.sum((points - middle[:, None]) * along[:, None], axis=-1, keepdims=True)
    mirrored = points - 2 * off * along[:, None]
    differences = _sampled(lab, points) - _sampled(lab, mirrored)
    return ops.mean(ops.sqrt(ops.sum(ops.square(differences), axis=-1) + 1e-3), axis=1)


def _sampled(images, points):
    """Images (B, S, S, C), and x and y of points (B, P, 2) as shares of the side -> their values (B, P, C)."""
    side = images.shape[1]
    pixels = np.arange(side, dtype=np.float32)
    at = ops.clip(points, 0, 1) * (side - 1)
    x, y = (ops.relu(1 - ops.abs(at[:, :, i, None] - pixels)) for i in (0, 1))  # bilinear
    rows = ops.einsum("bph,bhwc->bpwc", y, images)
    return ops.einsum("bpw,bpwc->bpc", x, rows)
