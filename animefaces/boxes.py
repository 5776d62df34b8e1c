"""Drawn faces in whole pictures: boxes and points, from what a detector says of its cells (models/detector.py).

A picture is searched at several sizes. A face has another size in each, so some see it better than others, and where
they agree it is surer. benchmarks/detectors.py measures what this is worth.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from animefaces import images

SIDES = (192, 256, 384, 640, 960)  # pixels of a picture's longer side when it is searched
ALWAYS = 640  # a smaller picture is enlarged so far; the last search is for larger ones only
MULTIPLE = 64  # both sides of what a detector gets are multiples of it
SURE = 0.4  # of what is found with at least this score, more than nine in ten are faces
FAINT = 0.03  # lower scores in a single search are not worth looking at
SAME = 0.4  # two boxes that overlap by more (intersection over union) are one face

# How much a search counts for a face: most if the face has BEST pixels in it, and less the further its size is away.
# And a small face is less often one than its score says, a large one more often. Chosen on labelled pictures.
BEST, SPREAD = 60.0, 1.0  # SPREAD: of the logarithm of the size
USUAL, TRUST, KNOWN = 40.0, 0.5, (8.0, 250.0)  # the score is right at USUAL pixels; KNOWN: sizes for which this holds

Look = Callable[[np.ndarray], np.ndarray]  # images float32 (1, H, W, 3) in [-1, 1] -> (1, h, w, 5 + 2 P), its cells


class Found(NamedTuple):
    """Faces of one picture, the surest first. Places are in pixels."""

    boxes: np.ndarray  # float32 (N, 4): x, y, width, height
    scores: np.ndarray  # float32 (N,), in [0, 1]
    points: np.ndarray  # float32 (N, P, 2): left eye, right eye, mouth, chin; left and right as seen in the picture

    def surer(self, least: float) -> "Found":
        """The faces with at least this score."""
        return Found(*(values[self.scores >= least] for values in self))


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A box (4,) and boxes (N, 4): x, y, width, height -> intersections over unions (N,), [0, 1]."""
    ends = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    common = np.maximum(ends - np.maximum(box[:2], boxes[:, :2]), 0).prod(axis=1)
    return common / np.maximum(box[2] * box[3] + boxes[:, 2:].prod(axis=1) - common, 1e-9)


def matched(found: Found, known: np.ndarray) -> list[int]:
    """Faces that were found in a picture, and its known boxes (M, 4) -> for each, the number of its box; -1 for none.

    The surest face comes first, and each box counts once.
    """
    left, numbers = np.ones(len(known), bool), []
    for box in found.boxes:
        over = np.where(left, overlaps(box, known), 0)
        best = int(over.argmax()) if len(known) else -1
        numbers.append(best if best >= 0 and over[best] >= SAME else -1)
        left[numbers[-1:] if numbers[-1] >= 0 else []] = False
    return numbers


def recall(found: Sequence[Found], known: Sequence[np.ndarray], precision: float) -> float:
    """What was found in pictures, and their known boxes -> the largest recall at which the precision is this high."""
    scores = np.concatenate([faces.scores for faces in found])
    right = np.concatenate([np.array(matched(*pair)) >= 0 for pair in zip(found, known, strict=True)])
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    good = hits >= precision * np.arange(1, len(hits) + 1)
    return float(hits[good].max(initial=0) / max(1, sum(map(len, known))))


def search(look: Look, pixels: np.ndarray) -> Found:
    """A detector and a picture, uint8 (H, W, 3) -> the drawn faces in it, each once."""
    longest = max(pixels.shape[:2])
    sides = [side for side in SIDES if side <= max(longest, ALWAYS)]
    if longest > SIDES[-1]:
        pixels = resized(pixels, SIDES[-1])  # once: a large picture takes its time
    scales = np.array(sides) / longest
    return joined([searched(look, pixels, side, scale) for side, scale in zip(sides, scales, strict=True)], scales)


def searched(look: Look, pixels: np.ndarray, side: int, scale: float) -> Found:
    """The same for one size: `side` of the longer side, in pixels; it is `scale` times that of the whole picture."""
    small = resized(pixels, side)
    height, width = small.shape[:2]
    canvas = np.zeros((*(-(-length // MULTIPLE) * MULTIPLE for length in (height, width)), 3), np.uint8)
    canvas[:height, :width] = small
    found = read(look(images.to_network(canvas[None]))[0], len(canvas))
    return Found(found.boxes / scale, found.scores, found.points / scale)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """A picture, uint8 (H, W, 3) -> the same with this longer side, in pixels."""
    import cv2

    scale = side / max(pixels.shape[:2])
    width, height = (max(1, round(length * scale)) for length in pixels.shape[1::-1])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def read(said: np.ndarray, height: int) -> Found:
    """What a detector says of the cells of one picture (h, w, 5 + 2 P), and the picture's height -> the faces."""
    import cv2

    cell = height / len(said)
    logits = np.ascontiguousarray(said[..., 0], np.float32)
    peaks = logits == cv2.dilate(logits, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peaks & (logits > np.log(FAINT / (1 - FAINT))))
    values = said[rows, columns].astype(np.float32)
    middles = (np.stack([columns, rows], axis=1).astype(np.float32) + 0.5) * cell
    before, after = (cell * np.exp(np.clip(values[:, part], -4, 5)) for part in (slice(1, 3), slice(3, 5)))
    sizes = before + after
    points = middles[:, None] + values[:, 5:].reshape(len(values), (values.shape[1] - 5) // 2, 2) * sizes[:, None]
    return Found(np.concatenate([middles - before, sizes], axis=1), 1 / (1 + np.exp(-values[:, 0])), points)


def joined(searches: Sequence[Found], scales: np.ndarray) -> Found:
    """What several searches found, and how large the picture was in each -> each face once, the surest first.

    A score becomes the mean of those of all searches, each as much as it counts, and 0 where it did not see the face.
    """
    of = np.repeat(np.arange(len(searches)), [len(found.scores) for found in searches])
    boxes, scores, points = (np.concatenate(values) for values in zip(*searches, strict=True))
    sizes = boxes[:, 2:].max(axis=1, initial=1e-3)[:, None] * scales  # (N, searches)
    counts = np.exp(-((np.log(sizes / BEST) / SPREAD) ** 2) / 2)
    mine = np.arange(len(of)), of
    odds = scores / np.maximum(1 - scores, 1e-6) * (np.clip(sizes[mine], *KNOWN) / USUAL) ** TRUST
    shares = odds / (1 + odds) * counts[mine] / np.maximum(counts.sum(axis=1), 1e-9)
    order = np.argsort(-shares, kind="stable")
    of, boxes, points, shares = of[order], boxes[order], points[order], shares[order]
    found, left = [], np.ones(len(of), bool)
    for i in range(len(of)):
        if not left[i]:
            continue
        near = left & (overlaps(boxes[i], boxes) > SAME)
        near[i] = True  # a box without an area overlaps nothing
        left &= ~near
        same = np.flatnonzero(near)
        best = same[np.unique(of[same], return_index=True)[1]]  # the surest one of each search
        share = shares[best].sum()
        weights = shares[best] / max(share, 1e-9)
        found.append((weights @ boxes[best], share, np.tensordot(weights, points[best], 1)))
    found.sort(key=lambda face: -face[1])
    shapes = boxes.shape[1:], (), points.shape[1:]
    return Found(*(np.array([face[k] for face in found], np.float32).reshape(-1, *shape)
                   for k, shape in enumerate(shapes)))  # fmt: skip
