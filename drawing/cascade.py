"""Faces on photos by MTCNN (Zhang et al. 2016, arXiv 1604.02878): three networks, of which each is surer than the last.

The networks are those of the package mtcnn, which computes them with TensorFlow. Here they are layers like those of any
other network, and the steps between them are numpy's and OpenCV's. The results are the package's.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.problems import Problem
from drawing.layers import Layer
from drawing.networks import Session

SMALLEST, CELL, STRIDE, SHRINK = 20, 12, 2, 0.709  # pixels of a face, of what the first network sees; steps
PROPOSED, REFINED = 0.6, 0.7  # probabilities from which on the first two networks say that there is a face
SIDES = {"face_proposals": None, "face_refinement": 24, "face_points": 48}  # of what the networks take
BLOCK = 256  # boxes that are compared with all others at a time
REMEDY = "pip install -r requirements.txt, or give tight crops with --no-detect"


def networks() -> dict[str, list[Layer]]:
    """-> the layers of the three networks, by name.

    Each gives in one array: the box (4), the last one the points, too (5 x, then 5 y), then the probabilities of
    something else and of a face. They take (pixel - 127.5) / 128. Raises Problem if the package is not there.
    """
    proposals = _Stack("pnet", SIDES["face_proposals"])
    proposals.convolve(10, 3).pool(2).convolve(16, 3).convolve(32, 3)
    refinement = _Stack("rnet", SIDES["face_refinement"])
    refinement.convolve(28, 3).pool(3).convolve(48, 3).pool(3, "valid").convolve(64, 2).flatten(128)
    points = _Stack("onet", SIDES["face_points"])
    points.convolve(32, 3).pool(3).convolve(64, 3).pool(3, "valid").convolve(64, 3).pool(2).convolve(128, 2).flatten(
        256
    )
    stacks = (proposals, refinement, points)
    return {
        name: stack.ended(*ends) for name, stack, ends in zip(SIDES, stacks, ((4, 2), (4, 2), (4, 10, 2)), strict=True)
    }


class _Stack:
    """Layers, each on top of the one before, with weights of the package."""

    def __init__(self, file: str, side: int | None):
        self._weights = _weights(file)
        self.layers = [Layer("input", "InputLayer", {}, (), ((None, side, side, 3),))]
        self._rank = 4

    def _add(self, kind: str, settings: dict[str, Any], weights: int = 0, below: Sequence[str] = ()) -> str:
        name, below = f"{kind.lower()}_{len(self.layers)}", below or (self.layers[-1].name,)
        arrays = tuple(np.asarray(self._weights.pop(0), np.float32) for _ in range(weights))
        shapes = ((None,) * self._rank,) * len(below)
        self.layers.append(Layer(name, kind, settings, tuple(below), shapes, arrays))
        return name

    def _linear(self, channels: int, side: int = 1, activation: str = "linear", below: Sequence[str] = ()) -> str:
        if self._rank == 2:
            return self._add("Dense", {"units": channels, "activation": activation}, 2, below)
        settings = {"filters": channels, "kernel_size": (side, side), "strides": (1, 1), "dilation_rate": (1, 1),
                    "padding": "valid", "activation": activation}  # fmt: skip
        return self._add("Conv2D", settings, 2, below)

    def _bend(self) -> None:
        self._add("PReLU", {"shared_axes": (1, 2) if self._rank == 4 else None}, 1)

    def convolve(self, channels: int, side: int) -> "_Stack":
        self._linear(channels, side)
        self._bend()
        return self

    def pool(self, side: int, padding: str = "same") -> "_Stack":
        self._add("MaxPooling2D", {"pool_size": (side, side), "strides": (2, 2), "padding": padding})
        return self

    def flatten(self, units: int) -> "_Stack":
        self._add("Permute", {"dims": (2, 1, 3)})
        self._add("Flatten", {})
        self._rank = 2
        self._linear(units)
        self._bend()
        return self

    def ended(self, *ends: int) -> list[Layer]:
        """The layers, with these ends side by side; the last one is of probabilities."""
        below = (self.layers[-1].name,)
        names = [self._linear(end, 1, "softmax" if end == ends[-1] else "linear", below) for end in ends]
        self._add("Concatenate", {"axis": -1}, below=names)
        return self.layers


def _weights(name: str) -> list[np.ndarray]:
    found = importlib.util.find_spec("mtcnn")  # to import it would import TensorFlow
    if found is None or not found.submodule_search_locations:
        raise Problem(f"faces cannot be looked for (there is no package mtcnn): {REMEDY}")
    try:
        import joblib

        return list(joblib.load(Path(found.submodule_search_locations[0], "assets", "weights", f"{name}.lz4")))
    except (ImportError, OSError, ValueError) as fault:
        raise Problem(f"faces cannot be looked for ({fault}): {REMEDY}") from fault


class Cascade:
    """The three networks at work."""

    def __init__(self) -> None:
        """Raises Problem if the package mtcnn is not there."""
        self._propose, self._refine, self._point = (Session(layers) for layers in networks().values())

    def __call__(self, pixels: np.ndarray, sure: float) -> np.ndarray:
        """Pixels, uint8 (H, W, 3), and a probability -> faces that are as sure: rows of 15 numbers (N, 15).

        They are x and y of the upper left corner and of the lower right one, the probability, and of five points first
        each x, then each y: the eyes, the nose and the corners of the mouth.
        """
        scaled = (pixels.astype(np.float32) - 127.5) / 128
        boxes = _squares(self._proposed(scaled))
        if len(boxes):
            found = self._refine(_patches(scaled, boxes, SIDES["face_refinement"]))
            boxes = _squares(_without_doubles(_adjusted(boxes, found), REFINED, 0.7))
        if not len(boxes):
            return np.empty((0, 15))
        found = self._point(_patches(scaled, boxes, SIDES["face_points"]))
        corner, size = boxes[:, :2], boxes[:, 2:4] - boxes[:, :2] + 1
        points = [size[:, [axis]] * found[:, 4 + 5 * axis : 9 + 5 * axis] + corner[:, [axis]] - 1 for axis in (0, 1)]
        return _without_doubles(np.concatenate([_adjusted(boxes, found), *points], axis=1), sure, 0.7, smaller=True)

    def _proposed(self, scaled):
        """What the first network takes for faces, at every size: boxes and probabilities (N, 5)."""
        import cv2

        height, width = scaled.shape[:2]
        boxes = [np.empty((0, 5))]
        for step in range(round(-(np.log(min(height, width) / CELL) / np.log(SHRINK) + 1))):
            scale = CELL / SMALLEST * SHRINK**step
            small = cv2.resize(scaled, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_AREA)
            found = self._propose(small[None])[0]
            y, x = np.nonzero(found[..., 5] > PROPOSED)
            corner = np.stack([x, y], axis=1) * STRIDE
            box = np.concatenate([corner + 1, corner + CELL], axis=1) + found[y, x, :4] * (CELL - 1)
            boxes.append(_without_doubles(np.column_stack([box / scale, found[y, x, 5]]), 0, 0.5))
        return _without_doubles(np.concatenate(boxes), 0, 0.7)


def _adjusted(boxes, found):
    """Boxes (N, 5), and what a network says of them -> the boxes moved as it says, with its probabilities."""
    size = np.tile(boxes[:, 2:4] - boxes[:, :2] + 1, 2)
    return np.column_stack([boxes[:, :4] + found[:, :4] * size, found[:, -1]])


def _squares(boxes):
    """Boxes (N, 5) -> squares around the same middles, with the longer side."""
    middle, side = (boxes[:, :2] + boxes[:, 2:4]) / 2, (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.column_stack([middle - side / 2, middle + side / 2, boxes[:, 4]])


def _without_doubles(rows, least, most, smaller=False):
    """Rows that begin with a box and its probability -> those above `least`, without what a surer one overlaps.

    Two boxes overlap if they share more than `most` of their union, or of the `smaller` one.
    """
    rows = rows[rows[:, 4] > least]
    rows = rows[np.argsort(rows[:, 4])[::-1]]
    areas = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    kept = np.ones(len(rows), bool)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        corner = np.maximum(rows[:, None, :2], rows[None, part, :2])
        shared = np.prod(np.maximum(np.minimum(rows[:, None, 2:4], rows[None, part, 2:4]) - corner, 0), axis=2)
        pairs = areas[:, None], areas[None, part]
        whole = np.minimum(*pairs) if smaller else pairs[0] + pairs[1] - shared
        surer = np.arange(len(rows))[:, None] < np.arange(len(rows))[None, part]
        kept[part] = ~(surer & (shared > most * whole)).any(axis=0)
    return rows[kept]


def _patches(scaled, boxes, side):
    """An image (H, W, 3) and boxes -> what is in them, (N, side, side, 3), linearly; 0 beyond the image.

    As TensorFlow's crop_and_resize does it for boxes in shares of the height and of the width.
    """

    def along(first, last, length):
        at = (first + (last - first) * np.arange(side) / (side - 1)) * (length - 1) / length
        inside = (at >= 0) & (at <= length - 1)
        low = np.clip(np.floor(at).astype(int), 0, length - 1)
        return inside, low, np.minimum(low + 1, length - 1), np.clip(at - low, 0, 1).astype(np.float32)

    height, width = scaled.shape[:2]
    in_x, left, right, share_x = along(boxes[:, [0]], boxes[:, [2]], width)
    in_y, top, bottom, share_y = along(boxes[:, [1]], boxes[:, [3]], height)
    share_x, share_y = share_x[:, None, :, None], share_y[:, :, None, None]

    def row(y):
        one, other = scaled[y[:, :, None], left[:, None]], scaled[y[:, :, None], right[:, None]]
        return one + share_x * (other - one)

    upper = row(top)
    return (upper + share_y * (row(bottom) - upper)) * (in_y[:, :, None] & in_x[:, None])[..., None]
