"""Faces in whole pictures: what a detector says of its cells, several searches joined, and how many are right."""

import numpy as np
import pytest

from animefaces import boxes
from animefaces.boxes import Found

CELL = 8
EYES = np.array([(-0.2, -0.1), (0.2, -0.1), (0, 0.2), (0, 0.5)])  # from the middle of a square, and a mouth and a chin


def look(images):
    """A detector that sees each white square, as a face of that size, and is as sure as its colour is green."""
    import cv2

    _, height, width, _ = images.shape
    said = np.full((1, height // CELL, width // CELL, 13), -9, np.float32)
    white = (images[0, ..., 0] > 0.5).astype(np.uint8)
    for left, top, w, h, _ in cv2.connectedComponentsWithStats(white)[2][1:]:
        x, y = left + w / 2, top + h / 2
        row, column = int(y / CELL), int(x / CELL)
        middle = (np.array([column, row]) + 0.5) * CELL
        green = images[0, int(y), int(x), 1] / 2 + 0.5
        near, far = (middle - (left, top)) / CELL, ((left + w, top + h) - middle) / CELL
        points = (np.array([x, y]) - middle) / (w, h) + EYES
        logit = np.log(green / (1.001 - green))
        said[0, row, column] = [logit, *np.log(near), *np.log(far), *points.ravel()]
    return said


def picture(*squares, shape=(360, 640), green=230):
    """A black picture with light squares: (x, y, side) of each."""
    pixels = np.zeros((*shape, 3), np.uint8)
    for x, y, side in squares:
        pixels[y : y + side, x : x + side] = (255, green, 255)
    return pixels


@pytest.mark.parametrize("times", [0.5, 1, 2, 5])
def test_each_face_is_found_once_in_pictures_of_any_size(times):
    squares = np.array([(60, 80, 50), (300, 100, 120), (500, 40, 90)]) * times
    shape = int(360 * times), int(640 * times)
    found = boxes.search(look, picture(*squares.astype(int), shape=shape))
    order = np.argsort(found.boxes[:, 0])
    np.testing.assert_allclose(found.boxes[order], squares[:, [0, 1, 2, 2]], atol=5 * times)
    middles = squares[:, None, :2] + squares[:, None, 2:] * (EYES + 0.5)
    np.testing.assert_allclose(found.points[order], middles, atol=5 * times)
    assert (found.scores > boxes.SURE).all()


def test_what_is_seen_at_one_size_only_is_less_sure():
    face = Found(np.array([[10, 10, 60, 60]], np.float32), np.array([0.9], np.float32), np.zeros((1, 4, 2)))
    none = Found(np.empty((0, 4)), np.empty(0), np.empty((0, 4, 2)))
    (one,), (both,) = (boxes.joined([face, other], np.ones(2)).scores for other in (none, face))
    assert one == pytest.approx(both / 2)
    # Where the face has another size than a detector likes, it does not count that it was not seen.
    (tiny,) = boxes.joined([face, none], np.array([1, 0.02])).scores
    assert tiny == pytest.approx(both, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 700)])
def test_nothing_in_thin_and_empty_pictures(shape):
    found = boxes.search(look, np.zeros((*shape, 3), np.uint8))
    assert found.boxes.shape == (0, 4) and found.scores.shape == (0,) and found.points.shape == (0, 4, 2)


def test_each_known_face_counts_once():
    known = np.array([[0, 0, 10, 10], [50, 0, 10, 10]], np.float32)
    sides = np.array([[0, 0, 10, 9], [1, 0, 10, 10], [90, 0, 10, 10], [52, 0, 10, 10]], np.float32)
    found = Found(sides, np.array([0.9, 0.8, 0.7, 0.6]), np.zeros((4, 4, 2)))
    assert boxes.matched(found, known) == [0, -1, -1, 1]
    assert boxes.matched(found, known[:0]) == [-1] * 4
    assert boxes.recall([found], [known], 0.9) == 0.5
    assert boxes.recall([found], [known], 0.5) == 1
    assert boxes.recall([found.surer(0.85)], [known], 0.9) == 0.5
