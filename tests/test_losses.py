"""Losses, augmentation and averaging: mathematics on tensors."""

import keras
import numpy as np
import pytest
from keras import ops

import recipes
from models import ema, engine
from models.augment import HOLE, KINDS, augment, blur_chroma
from models.losses import logistic, relativistic


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_the_logistic_loss_is_the_textbooks():
    logits, targets = column(-3, -0.5, 0, 2), column(0, 1, 0.3, 0.9)
    p = 1 / (1 + np.exp(-logits.astype(float)))
    textbook = -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    assert float(logistic(logits, targets)) == pytest.approx(textbook, rel=1e-6)


def test_the_relativistic_loss_asks_each_to_beat_its_pair():
    real, fake = column(3, -1), column(1, 0.5)
    textbook = -np.mean(np.log(1 / (1 + np.exp(-(real - fake).astype(float)))))
    assert float(relativistic(real, fake)) == pytest.approx(textbook, rel=1e-6)
    assert float(relativistic(column(-1e4), column(1e4))) == pytest.approx(2e4)
    assert float(relativistic(column(1e4), column(-1e4))) == 0


@pytest.mark.parametrize("target", [0, 1, 1.2])
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_the_logistic_loss_and_its_gradient_stay_finite(logit, target):
    x = ops.convert_to_tensor(column(logit))
    loss, _, pull = engine.traced(lambda x: (logistic(x, column(target)), None), [], x)
    gradient = np.asarray(pull(ops.ones_like(loss))[1][0])
    assert float(loss) == pytest.approx(max(logit, 0) - target * logit)
    assert gradient.item() == pytest.approx((logit > 0) - target)


def test_the_loss_is_least_where_the_logit_means_the_target():
    around = [float(logistic(column(np.log(0.9 / 0.1) + d), column(0.9))) for d in (-0.1, 0, 0.1)]
    assert around[1] < min(around[0], around[2])


def pictures(count=64, size=16, seed=0):
    """Random, and nowhere 0: so 0 in the result is what came from outside."""
    values = np.random.default_rng(seed).uniform(0.5, 1, (count, size, size, 3))
    return values.astype(np.float32)


def augmented(images, *kinds, seed=0):
    return np.asarray(augment(ops.convert_to_tensor(images), kinds, keras.random.SeedGenerator(seed)))


def test_no_augmentation_changes_nothing():
    assert np.array_equal(augmented(pictures()), pictures())


def test_the_recipes_know_every_augmentation():
    """recipes.py imports nothing heavy, so it has the names once more."""
    assert ("none", *KINDS) == recipes.AUGMENTATIONS


@pytest.mark.parametrize("kinds", [(kind,) for kind in KINDS] + [KINDS])
def test_augmentation_keeps_the_shape_and_follows_its_seed(kinds):
    images = pictures()
    once = augmented(images, *kinds)
    assert once.shape == images.shape
    assert np.array_equal(augmented(images, *kinds), once)
    assert not np.array_equal(augmented(images, *kinds, seed=1), once)
    assert not np.array_equal(once, images)


def test_mirrored_pictures_are_mirrored_or_left():
    images = pictures()
    result = augmented(images, "mirror")
    flipped = [np.array_equal(r, i[:, ::-1]) for r, i in zip(result, images, strict=True)]
    left = [np.array_equal(r, i) for r, i in zip(result, images, strict=True)]
    assert sum(flipped) + sum(left) == len(images)
    assert min(sum(flipped), sum(left)) > 16


def test_of_blurred_colours_only_brightness_is_sharp():
    sharp = pictures(size=64)
    sharp[1] = (0.3, -0.2, 0.5)
    blurred = np.asarray(blur_chroma(sharp))
    assert blurred.mean(-1) == pytest.approx(sharp.mean(-1), abs=1e-6)
    assert blurred[1] == pytest.approx(sharp[1], abs=1e-6)
    streaks = (sharp - sharp.mean(-1, keepdims=True))[0].std()
    assert (blurred - blurred.mean(-1, keepdims=True))[0].std() < 0.15 * streaks
    assert blur_chroma(sharp[:, :8, :8]).shape == (len(sharp), 8, 8, 3)


def shifted(image, down, right):
    """`image` moved, 0 where nothing came in."""
    size, result = len(image), np.zeros_like(image)
    to, source = slice(max(0, down), size + min(0, down)), slice(max(0, -down), size + min(0, -down))
    to2, source2 = slice(max(0, right), size + min(0, right)), slice(max(0, -right), size + min(0, -right))
    result[to, to2] = image[source, source2]
    return result


def test_translation_moves_by_up_to_an_eighth_and_keeps_the_pixels():
    images, reach = pictures(200), range(-2, 3)  # 16 / 8 = 2
    moves = set()
    for result, image in zip(augmented(images, "translation"), images, strict=True):
        found = [(d, r) for d in reach for r in reach if np.array_equal(shifted(image, d, r), result)]
        assert len(found) == 1
        moves.add(found[0])
    assert {d for d, _ in moves} == {r for _, r in moves} == set(reach)
    assert len(moves) > 20  # rows and columns move independently


def test_cutout_greys_one_square():
    images = pictures(200)
    sides = []
    for result, image in zip(augmented(images, "cutout"), images, strict=True):
        hole = result[..., 0] == 0
        assert np.array_equal(result[~hole], image[~hole])
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        sides += [len(rows), len(columns)]
    assert max(sides) <= 16 * HOLE
    assert max(sides) >= 16 * HOLE - 1
    assert np.mean(sides) > 5


@pytest.mark.parametrize("kinds", [(kind,) for kind in KINDS] + [KINDS])
def test_gradients_flow_through_augmentation_to_the_pixels_seen(kinds):
    images = ops.convert_to_tensor(pictures(8))

    def total(x):
        return ops.sum(augment(x, kinds, keras.random.SeedGenerator(3))), None

    value, _, pull = engine.traced(total, [], images)
    gradient = np.asarray(pull(ops.ones_like(value))[1][0])
    assert set(np.unique(gradient)) <= {0, 1}  # each pixel is seen once or not at all
    assert float(value) == pytest.approx((gradient * np.asarray(images)).sum(), rel=1e-5)
    assert gradient.mean() > 0.4


def pair():
    """Two networks with weights 0 and statistics at their start, and another whose variables are all 1."""
    networks = []
    for value in (0.0, 1.0):
        x = keras.Input((2,))
        networks.append(keras.Model(x, keras.layers.BatchNormalization()(keras.layers.Dense(2)(x))))
        networks[-1].set_weights([np.full(w.shape, value) for w in networks[-1].get_weights()])
    return networks


def test_the_average_has_a_closed_form():
    average, network = pair()
    for step in range(100, 110):  # late enough for the full decay
        ema.update(average, network, 0.9, step)
    for weights in average.get_weights():  # batch-norm statistics among them
        assert np.allclose(weights, 1 - 0.9**10, atol=1e-6)
    assert len(average.get_weights()) == 6


def test_a_young_average_is_young():
    average, network = pair()
    ema.update(average, network, 0.999, 0)
    assert np.allclose(average.get_weights()[0], 0.9)  # a decay of 1 / 10
    average, network = pair()
    ema.update(average, network, 0.0, 0)
    assert np.allclose(average.get_weights()[0], 1)
