"""Which feature maps draw an object: a logistic regression between places inside boxes around it and places outside.

After Radford et al. 2016 (arXiv 1511.06434), section 6.3.2. Mathematics on arrays (N, H, W, C).
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from animefaces.problems import Misuse

# A box: left, top, width and height in pixels; and the seed of the face for which it holds, None for every face.
Box = tuple[int | None, tuple[float, float, float, float]]

ROUNDS = 50  # of Newton's method, at most
# Where aligned faces have them: left, top, width and height, as shares of the side.
OBJECTS = {
    "eyes": ((0.17, 0.40, 0.26, 0.21), (0.57, 0.40, 0.26, 0.21)),
    "mouth": ((0.37, 0.72, 0.26, 0.14),),
    "fringe": ((0.22, 0.12, 0.56, 0.28),),
}


def boxes_of(name: str, height: int, width: int) -> list[Box]:
    """The default boxes of an object -> [(None, (x, y, width, height) in pixels)]: they hold for every face."""
    return [(None, (x * width, y * height, w * width, h * height)) for x, y, w, h in OBJECTS[name]]


def parse_boxes(texts: Iterable[str]) -> list[Box]:
    """ "x,y,width,height" or "SEED:x,y,width,height" -> [(seed or None, box)]. Raises Misuse."""
    boxes: list[Box] = []
    for text in texts:
        match = re.fullmatch(r"(?:(\d{1,18}):)?(\d{1,4}),(\d{1,4}),(\d{1,4}),(\d{1,4})", text)
        if not match or not int(match[4]) or not int(match[5]):
            raise Misuse(f"--box {text} cannot be read: write x,y,width,height in pixels, or SEED:x,y,width,height")
        left, top, width, height = (int(match[i]) for i in range(2, 6))
        boxes.append((int(match[1]) if match[1] else None, (left, top, width, height)))
    return boxes


def inside(boxes: Iterable[Box], seeds: Sequence[int], shape: tuple[int, int], picture: tuple[int, int]) -> np.ndarray:
    """Boxes in pixels -> (N, H, W) bool at the resolution `shape` (H, W): places whose middle lies in a box,
    or the one place that a small box lies in.

    `picture`: (height, width) in pixels. A box without a seed holds for every seed.
    """
    y, x = ((np.arange(n) + 0.5) * full / n for n, full in zip(shape, picture, strict=True))
    marked = np.zeros((len(seeds), *shape), bool)
    for seed, (left, top, wide, high) in boxes:
        rows = [seed is None or s == seed for s in seeds]
        within = ((y >= top) & (y < top + high))[:, None] & ((x >= left) & (x < left + wide))
        if not within.any() and left < picture[1] and top < picture[0]:  # smaller than a place: the one it lies in
            middle = np.array([top + high / 2, left + wide / 2]) / picture * shape
            within[tuple(np.minimum(middle.astype(int), np.array(shape) - 1))] = True
        marked[rows] |= within
    return marked


def logistic_regression(rows: np.ndarray, labels: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """(N, C) and (N,) bool -> (weights (C,), bias): of logits, by Newton's method, `ridge` times |weights|^2 / 2 added.

    Ends when a step is small; the loss is convex, so there is one answer.
    """
    x = np.column_stack([np.asarray(rows, np.float64), np.ones(len(rows))])
    keep = np.full(x.shape[1], float(ridge))
    keep[-1] = 1e-9
    weights = np.zeros(x.shape[1])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (p - labels) + keep * weights
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.diag(keep)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return weights[:-1], weights[-1]


def rim(marked: np.ndarray) -> np.ndarray:
    """Marked places (N, H, W) -> the places next to them, slantwise too. All others if there is none."""
    _, height, width = marked.shape
    padded = np.pad(marked, ((0, 0), (1, 1), (1, 1)))
    near = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    around = np.any(near, axis=0) & ~marked
    return around if around.any() else ~marked


class Detector:
    """Tells, at each place of a layer's maps, whether an object is there; knows which maps draw it."""

    def __init__(self, maps: np.ndarray, marked: np.ndarray, seed: int = 0):
        """From activations (N, H, W, C) and marked places (N, H, W): logistic regression on maps of one spread.

        As many places outside, by chance, in the same pictures as inside.
        """
        rng = np.random.default_rng(seed)
        pictures = marked.any(axis=(1, 2))
        within, without = maps[marked], maps[pictures][~marked[pictures]]
        if not len(within) or not len(without):
            raise Misuse("the boxes hold no place of this layer, or all of them: draw them around the object")
        count = min(len(within), len(without), 10_000)
        rows = np.concatenate([source[rng.permutation(len(source))[:count]] for source in (within, without)])
        self.mean, self.spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
        labels = np.repeat([True, False], count)
        scaled = (rows - self.mean) / self.spread
        self.weights, self.bias = logistic_regression(scaled, labels, ridge=0.01 * len(rows))
        self.accuracy = float((self.found(rows) == labels).mean())
        self.elsewhere = maps[rim(marked)].mean(axis=0)
        # A map's part in the difference between inside and outside: its weight alone says nothing of how much it fires.
        self.part = self.weights * (within.mean(axis=0) - self.elsewhere) / self.spread

    def found(self, maps: np.ndarray) -> np.ndarray:
        """Activations (..., C) -> (...) bool."""
        return (maps - self.mean) / self.spread @ self.weights + self.bias > 0

    def strongest(self, share: float) -> np.ndarray:
        """Indices of the maps that draw the object: of positive weight, at most this share of all, strongest first."""
        count = max(1, round(share * len(self.weights)))
        order = np.argsort(-np.where(self.weights > 0, self.part, -np.inf), kind="stable")[:count]
        return order[self.weights[order] > 0]

    def without(self, maps: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The `chosen` maps dropped, at every place: what they are around the object, on average, and nothing else."""
        maps = maps.copy()
        maps[..., chosen] = self.elsewhere[chosen]
        return maps

    def hidden(self, maps: np.ndarray) -> np.ndarray:
        """All maps of positive weight dropped, but only where the object is found."""
        there = self.found(maps)[..., None] & (self.weights > 0)
        return np.where(there, self.elsewhere, maps).astype(np.float32)


def losses(before: np.ndarray, after: np.ndarray, marked: np.ndarray) -> tuple[float, float]:
    """Pictures uint8 before and after, and marked pixels (N, H, W) -> mean change of a value (inside, outside)."""
    change = np.abs(np.asarray(before, np.float32) - after).mean(axis=-1)
    return float(change[marked].mean()), float(change[~marked].mean())
