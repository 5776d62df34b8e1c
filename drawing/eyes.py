"""What the eyes of drawn faces look like, each by itself. People see first whether the two eyes of a face match."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from animefaces import metrics
from animefaces.colour import to_lab
from animefaces.progress import Bar
from drawing.finishing import Finisher
from drawing.touches import EYES, Places
from models.regions import EYE_REACH

ROWS = 128  # faces at a time


def mismatch(faces: Any, indices: np.ndarray, label: str = "") -> tuple[float, float]:
    """Faces, indexed like a uint8 array (N, S, S, 3), and some indices -> how often another eye fits better.

    It is the `metrics.mismatch` of their left and right eyes, and its standard error. 0: each eye's own partner fits
    best; 0.5: as if by chance. With a label there is a bar.
    """
    parts = looks(faces, indices)
    if label:
        parts = Bar(parts, total=-(-len(indices) // ROWS), desc=label, unit="part")
    left, right = (np.concatenate(side) for side in zip(*parts, strict=True))
    return metrics.mismatch(left, right)


def looks(faces: Any, indices: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Faces and indices, as for `mismatch` -> the looks of their left and of their right eyes.

    They come in parts, float64 (n, 10) each, and are in CIE L*a*b*: the mean colour; the mean in which vivid colours
    count more, which is that of the iris; the standard deviation. And ten times the logarithm of the eye's size.
    """
    finisher = Finisher()
    for start in range(0, len(indices), ROWS):
        pixels = faces[indices[start : start + ROWS]]
        yield looks_in(pixels, *finisher.parts(pixels))


def looks_in(pixels: np.ndarray, parts: np.ndarray, places: Sequence[Places]) -> tuple[np.ndarray, np.ndarray]:
    """Faces, uint8 (N, H, W, 3), and their parts and places as Finisher.parts gives them -> as `looks`, for all."""
    lab = to_lab(pixels).astype(np.float64)
    squares, chroma = lab**2, np.hypot(lab[..., 1], lab[..., 2])
    y, x = np.indices(pixels.shape[1:3]) / (pixels.shape[1] - 1)
    found = []
    for name in ("left_eye", "right_eye"):
        middles = np.array([getattr(one, name) for one in places])[:, :, None, None]
        near = np.maximum(abs(x - middles[:, 0]), abs(y - middles[:, 1])) < EYE_REACH
        eye = parts[..., EYES] * near
        mean, iris = _mean(eye, lab), _mean(eye * chroma, lab)
        spread = np.sqrt(np.maximum(_mean(eye, squares) - mean**2, 0))
        size = 10 * np.log(eye.mean((1, 2)) * 64**2 + 1)  # in pixels of a face of 64x64; without an eye it is 0
        found.append(np.concatenate([mean, iris, spread, size[:, None]], axis=1))
    return found[0], found[1]


def _mean(weights, values):
    return np.einsum("nhwc,nhw->nc", values, weights) / (weights.sum((1, 2))[:, None] + 1e-3)
