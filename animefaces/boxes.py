"""Faces that were found in a picture: boxes and points, from what a detector says of its cells (models/detector.py)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SURE = 0.1  # lower scores are not worth looking at
SAME = 0.4  # of two boxes that overlap by more (intersection over union), only the surer one is a face


class Found(NamedTuple):
    """Faces of one picture, the surest first. Places are in pixels."""

    boxes: np.ndarray  # float32 (N, 4): x, y, width, height
    scores: np.ndarray  # float32 (N,), in [0, 1]
    points: np.ndarray  # float32 (N, P, 2): left eye, right eye, mouth, chin; left and right as seen in the picture

    def scaled(self, factor: float) -> "Found":
        """The same faces in a picture that is so many times as large."""
        return Found(self.boxes * factor, self.scores, self.points * factor)

    def moved(self, x: float, y: float) -> "Found":
        """The same faces in a picture that goes so many pixels further to the left and to the top."""
        place = np.array([x, y], np.float32)
        return Found(self.boxes + np.array([x, y, 0, 0], np.float32), self.scores, self.points + place)

    @classmethod
    def joined(cls, parts: "Sequence[Found]") -> "Found":
        """Faces that were found in several ways -> each of them once."""
        return cls(*(np.concatenate(values) for values in zip(*parts, strict=True))).distinct()

    def distinct(self) -> "Found":
        """Each face once: its surest box."""
        order = np.argsort(-self.scores, kind="stable")
        kept: list[int] = []
        for i in order:
            if not kept or overlaps(self.boxes[i], self.boxes[kept]).max() <= SAME:
                kept.append(int(i))
        return Found(self.boxes[kept], self.scores[kept], self.points[kept])


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A box (4,) and boxes (N, 4): x, y, width, height -> intersections over unions (N,), [0, 1]."""
    ends = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    common = np.maximum(ends - np.maximum(box[:2], boxes[:, :2]), 0).prod(axis=1)
    return common / np.maximum(box[2] * box[3] + boxes[:, 2:].prod(axis=1) - common, 1e-9)


def read(said: np.ndarray, cell: int, sure: float = SURE) -> Found:
    """What a detector says of the cells of one picture (h, w, 5 + 2 P), and their side in pixels -> the faces."""
    import cv2

    logits = np.ascontiguousarray(said[..., 0], np.float32)
    peaks = logits == cv2.dilate(logits, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peaks & (logits > np.log(sure / (1 - sure))))
    values = said[rows, columns].astype(np.float32)
    middles = (np.stack([columns, rows], axis=1).astype(np.float32) + 0.5) * cell
    before, after = (cell * np.exp(np.clip(values[:, part], -4, 5)) for part in (slice(1, 3), slice(3, 5)))
    sizes = before + after
    points = middles[:, None] + values[:, 5:].reshape(len(values), (values.shape[1] - 5) // 2, 2) * sizes[:, None]
    scores = 1 / (1 + np.exp(-values[:, 0]))
    return Found(np.concatenate([middles - before, sizes], axis=1), scores, points).distinct()
