"""Find the feature maps that draw an object, such as the eyes, and drop them.

A logistic regression learns the difference between the places inside boxes around the object and the places outside.
This follows Radford et al. 2016 (arXiv 1511.06434), section 6.3.2. Feature maps are arrays (N, H, W, C); a place is one
(n, y, x) of them.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from animefaces.problems import Misuse

# A box: left, top, width and height in pixels; and the seed of the face for which it holds, None for every face.
Box = tuple[int | None, tuple[float, float, float, float]]

ROUNDS = 50  # the most iterations of Newton's method
# Boxes around the objects of an aligned face: left, top, width and height, as shares of the side.
OBJECTS = {
    "eyes": ((0.17, 0.40, 0.26, 0.21), (0.57, 0.40, 0.26, 0.21)),
    "mouth": ((0.37, 0.72, 0.26, 0.14),),
    "fringe": ((0.22, 0.12, 0.56, 0.28),),
}


def boxes_of(name: str, height: int, width: int) -> list[Box]:
    """Name of an object, and height and width of a picture in pixels -> its default boxes. They hold for every face."""
    return [(None, (x * width, y * height, w * width, h * height)) for x, y, w, h in OBJECTS[name]]


def parse_boxes(texts: Iterable[str]) -> list[Box]:
    """ "x,y,width,height" or "SEED:x,y,width,height" -> boxes. Raises Misuse."""
    boxes: list[Box] = []
    for text in texts:
        match = re.fullmatch(r"(?:(\d{1,18}):)?(\d{1,4}),(\d{1,4}),(\d{1,4}),(\d{1,4})", text)
        if not match or not int(match[4]) or not int(match[5]):
            raise Misuse(f"--box {text} cannot be read: write x,y,width,height in pixels, or SEED:x,y,width,height")
        left, top, width, height = (int(match[i]) for i in range(2, 6))
        boxes.append((int(match[1]) if match[1] else None, (left, top, width, height)))
    return boxes


def inside(boxes: Iterable[Box], seeds: Sequence[int], shape: tuple[int, int], picture: tuple[int, int]) -> np.ndarray:
    """Boxes and N seeds -> bool (N, H, W): the places of each seed's face that lie inside its boxes.

    `shape` is (H, W) of the feature maps; `picture` is (height, width) of the picture in pixels. A place is inside a
    box if its centre is. If a box is so small that it holds no centre, the place at the centre of the box is inside.
    """
    y, x = ((np.arange(n) + 0.5) * full / n for n, full in zip(shape, picture, strict=True))
    marked = np.zeros((len(seeds), *shape), bool)
    for seed, (left, top, wide, high) in boxes:
        rows = [seed is None or s == seed for s in seeds]
        within = ((y >= top) & (y < top + high))[:, None] & ((x >= left) & (x < left + wide))
        if not within.any() and left < picture[1] and top < picture[0]:  # the box holds no centre
            middle = np.array([top + high / 2, left + wide / 2]) / picture * shape
            within[tuple(np.minimum(middle.astype(int), np.array(shape) - 1))] = True
        marked[rows] |= within
    return marked


def logistic_regression(rows: np.ndarray, labels: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Rows (N, C) and labels bool (N,) -> (weights (C,), bias) that give logits.

    Newton's method minimises the logistic loss plus `ridge` * |weights|^2 / 2, and stops when a step is small. The loss
    is convex, so there is only one solution.
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
    """Marked places bool (N, H, W) -> bool (N, H, W): the unmarked places that touch them, also at a corner.

    If no place touches them, the result is all unmarked places.
    """
    _, height, width = marked.shape
    padded = np.pad(marked, ((0, 0), (1, 1), (1, 1)))
    near = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    around = np.any(near, axis=0) & ~marked
    return around if around.any() else ~marked


class Detector:
    """Feature maps of a layer -> the places where an object is, and the maps that draw it."""

    def __init__(self, maps: np.ndarray, marked: np.ndarray, seed: int = 0):
        """Fit a logistic regression to activations (N, H, W, C) and marked places bool (N, H, W).

        It sees the same number of places inside and outside the marks (at most 10,000 each), chosen at random in the
        pictures that have marks. The maps are first scaled to the same standard deviation.
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
        # The contribution of a map to the difference between inside and outside. Its weight alone is not enough: it
        # does not say how strong the activations are.
        self.part = self.weights * (within.mean(axis=0) - self.elsewhere) / self.spread

    def found(self, maps: np.ndarray) -> np.ndarray:
        """Activations (..., C) -> bool (...): the places where the object is found."""
        return (maps - self.mean) / self.spread @ self.weights + self.bias > 0

    def strongest(self, share: float) -> np.ndarray:
        """A share of all maps -> indices of the maps that draw the object, at most this share, the strongest first.

        Only maps with a positive weight count.
        """
        count = max(1, round(share * len(self.weights)))
        order = np.argsort(-np.where(self.weights > 0, self.part, -np.inf), kind="stable")[:count]
        return order[self.weights[order] > 0]

    def without(self, maps: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Activations (..., C) and indices of maps -> activations with the `chosen` maps dropped at every place.

        A dropped map has everywhere its mean around the object.
        """
        maps = maps.copy()
        maps[..., chosen] = self.elsewhere[chosen]
        return maps

    def hidden(self, maps: np.ndarray) -> np.ndarray:
        """Activations (..., C) -> activations with all maps of positive weight dropped where the object is found."""
        there = self.found(maps)[..., None] & (self.weights > 0)
        return np.where(there, self.elsewhere, maps).astype(np.float32)


def losses(before: np.ndarray, after: np.ndarray, marked: np.ndarray) -> tuple[float, float]:
    """Pictures uint8 (N, H, W, C) before and after, and marked pixels bool (N, H, W) -> mean change (inside, outside).

    The change is the absolute difference of the pixel values, 0 to 255.
    """
    change = np.abs(np.asarray(before, np.float32) - after).mean(axis=-1)
    return float(change[marked].mean()), float(change[~marked].mean())
