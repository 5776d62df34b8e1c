"""Forgetting: boxes, the regression, and a planted feature map."""

import numpy as np
import pytest

from animefaces import forgetting
from animefaces.problems import Misuse


def planted(count=6, size=8, channels=5):
    """Noise in all maps; in map 3 an object at rows and columns 2-4 of each; what marks its places."""
    maps = np.random.default_rng(0).normal(0, 1, (count, size, size, channels)).astype(np.float32)
    maps[:, 2:5, 2:5, 3] += 6
    marked = np.zeros((count, size, size), bool)
    marked[:, 2:5, 2:5] = True
    return maps, marked


def test_a_planted_map_is_found_and_forgotten():
    maps, marked = planted()
    found = forgetting.Detector(maps, marked)
    assert found.strongest(0.2).tolist() == [3]
    assert found.accuracy > 0.98
    without = found.without(maps, [3])
    assert np.ptp(without[..., 3]) == 0 and abs(without[0, 0, 0, 3]) < 0.3
    assert np.array_equal(without[..., [0, 1, 2, 4]], maps[..., [0, 1, 2, 4]])
    hidden = found.hidden(maps)
    assert hidden[marked][:, 3].max() < 4 < maps[marked][:, 3].min() + 2
    # Away from the object next to nothing has changed.
    assert (hidden == maps).all(axis=-1)[~marked].mean() > 0.97


def test_logistic_regression_meets_its_conditions():
    """At the minimum: the weights, times the ridge, are the data's pull; and the mean prediction is the mean label."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 3))
    labels = rng.random(500) < 1 / (1 + np.exp(-(rows @ (1.5, -2, 0) + 0.5)))
    weights, bias = forgetting.logistic_regression(rows, labels, ridge=2.0)
    p = 1 / (1 + np.exp(-(rows @ weights + bias)))
    assert np.allclose(rows.T @ (labels - p), 2.0 * weights, atol=1e-4)
    assert p.mean() == pytest.approx(labels.mean(), abs=1e-6)
    assert np.allclose(weights, (1.5, -2, 0), atol=0.4)


def test_separable_places_do_not_run_away():
    rows = np.concatenate([np.full((50, 1), -1.0), np.full((50, 1), 1.0)])
    weights, _ = forgetting.logistic_regression(rows, np.repeat([False, True], 50), ridge=1.0)
    assert 0 < weights[0] < 10


def test_boxes_in_pixels_become_places():
    boxes = forgetting.parse_boxes(["16,32,16,16", "7:0,0,8,8"])
    assert boxes == [(None, (16, 32, 16, 16)), (7, (0, 0, 8, 8))]
    marked = forgetting.inside(boxes, [5, 7], (8, 8), (64, 64))
    assert np.argwhere(marked[0]).tolist() == [[4, 2], [4, 3], [5, 2], [5, 3]]
    assert np.argwhere(marked[1]).tolist() == [[0, 0], [4, 2], [4, 3], [5, 2], [5, 3]]


def test_a_small_box_is_one_place():
    marked = forgetting.inside([(None, (40, 2, 3, 3))], [0], (4, 4), (64, 64))
    assert np.argwhere(marked[0]).tolist() == [[0, 2]]
    assert not forgetting.inside([(None, (70, 2, 3, 3))], [0], (4, 4), (64, 64)).any()


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a:1,2,3,4", "1,2,0,4", "-1,2,3,4"])
def test_boxes_that_are_none(text):
    with pytest.raises(Misuse, match="cannot be read"):
        forgetting.parse_boxes([text])


@pytest.mark.parametrize("fill", [False, True])
def test_a_box_must_have_an_inside_and_an_outside(fill):
    maps, marked = planted()
    with pytest.raises(Misuse, match="draw them around the object"):
        forgetting.Detector(maps, np.full_like(marked, fill))


def test_the_rim():
    marked = np.zeros((1, 5, 5), bool)
    marked[0, 2, 2] = True
    rim = forgetting.rim(marked)
    assert rim.sum() == 8 and rim[0, 1:4, 1:4].sum() == 8
    assert forgetting.rim(~np.zeros((1, 2, 2), bool)).sum() == 0


def test_losses():
    before, after = np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)
    marked = np.zeros((1, 4, 4), bool)
    marked[0, 0] = True
    after[0, 0] = 30
    after[0, 1] = 3
    assert forgetting.losses(before, after, marked) == (30, 1)


@pytest.mark.parametrize("name", forgetting.OBJECTS)
def test_default_boxes_lie_in_the_picture(name):
    for _, (x, y, width, height) in forgetting.boxes_of(name, 64, 64):
        assert 0 <= x < x + width <= 64 and 0 <= y < y + height <= 64
