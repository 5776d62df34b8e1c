"""What sees flaws in the faces of a generator in training. Trainings with --flaws are in test_anchor.py."""

import keras
import numpy as np
import pytest

from animefaces import colour, latents, runs
from drawing import flaws as drawn
from drawing.opening import open_generator
from models import build, saved
from models.engine import gradients, ops
from models.flaws import Flaws, _uneven, to_lab
from training import flaws as learning


@pytest.fixture(scope="module")
def seer():
    return Flaws(saved.load(build.PARTS), 1.0)


@pytest.fixture(scope="module")
def drawings():
    generator = open_generator(runs.PRETRAINED)
    return generator.draw(latents.from_seeds(range(48), generator.latent))


def as_seen(pixels):
    return pixels.astype(np.float32) / 127.5 - 1


def smeared(pixels):
    """The same faces, with two colours in place of the eye on the left."""
    made = pixels.copy()
    made[:, 30:42, 14:28] = made[:, 30:42, 14:28].mean((1, 2), keepdims=True)
    made[:, 33:38, 16:22] = (200, 30, 30)
    return made


def test_the_colours_are_those_of_the_other_rooms(drawings):
    assert np.abs(np.asarray(to_lab(as_seen(drawings))) - colour.to_lab(drawings)).max() < 1


def test_the_number_is_what_is_measured_where_faces_are_chosen(seer, drawings):
    ours, theirs = np.asarray(seer.numbers(as_seen(drawings))), drawn.measured(drawings)
    places = [np.argsort(np.argsort(numbers)) for numbers in (ours, theirs)]
    assert np.corrcoef(*places)[0, 1] > 0.9
    assert np.median(np.abs(ours - theirs)) < 0.1


def test_only_what_got_worse_counts(seer, drawings):
    whole, worse = as_seen(drawings), as_seen(smeared(drawings))
    assert float(seer.more(whole, whole)) == 0
    assert float(seer.more(worse, whole)) > 0.3
    assert float(seer.more(whole, worse)) < 0.1 * float(seer.more(worse, whole))


def test_faces_with_fewer_flaws_are_where_the_gradient_says(seer, drawings):
    before = as_seen(drawings[:8])
    images = keras.Variable(as_seen(smeared(drawings[:8])))
    first = float(seer.more(images.value, before))
    for _ in range(10):
        _, _, (slope,) = gradients(lambda: (seer.more(images.value, before), {}), [images], lambda loss: loss)
        slope = np.asarray(slope)
        assert np.isfinite(slope).all()
        images.assign(images - 0.04 * np.sign(slope))
    assert float(seer.more(images.value, before)) < 0.5 * first


def test_extreme_faces_have_finite_gradients(seer):
    images = keras.Variable(np.stack([np.full((64, 64, 3), value, np.float32) for value in (-1, 0, 1)]))
    _, _, (slope,) = gradients(lambda: (ops.sum(seer.numbers(images.value)), {}), [images], lambda loss: loss)
    assert np.isfinite(np.asarray(slope)).all()


def test_a_mouth_that_turns_with_the_face_is_even():
    tilted = np.radians(20)
    along, across = np.array([np.cos(tilted), np.sin(tilted)]), np.array([-np.sin(tilted), np.cos(tilted)])
    eyes, mouth = np.array([0.5, 0.45]), np.array([0.5, 0.45]) + 0.25 * across
    places = np.zeros((1, 7, 2), np.float32)
    places[0, 0], places[0, 1], places[0, 3] = eyes - 0.15 * along, eyes + 0.15 * along, mouth
    y, x = np.indices((64, 64)) / 63
    u, v = ((x - mouth[0]) * axis[0] + (y - mouth[1]) * axis[1] for axis in (along, across))

    def face(middle):  # a dark oval, beside the axis by that much
        dark = ((u - middle) / 0.06) ** 2 + (v / 0.03) ** 2 < 1
        return np.where(dark[..., None], 30, 80).repeat(3, -1)[None].astype(np.float32)

    even, beside = (float(_uneven(face(middle), places)[0]) for middle in (0.0, 0.05))
    assert even < 0.2 * beside
    upright = places.copy()
    upright[0, :2, 1] = eyes[1]
    assert even < 0.4 * float(_uneven(face(0.0), upright)[0])


def test_faces_of_another_size_are_looked_at_too(seer, drawings):
    large = as_seen(drawings[:8].repeat(2, 1).repeat(2, 2))
    assert np.abs(np.asarray(seer.numbers(large) - seer.numbers(as_seen(drawings[:8])))).max() < 0.5


def test_the_shipped_network_sees_what_judges_saw():
    seeds, flawed = learning.labelled()
    assert len(set(seeds)) == len(seeds) == 1920 and set(flawed) == {0, 0.5, 1}
    generator = open_generator(runs.PRETRAINED)
    faces = generator.draw(latents.from_seeds(seeds[:96], generator.latent))
    seen = drawn.flaws(faces)
    assert learning.ordered(seen, flawed[:96]) > 0.9
    assert learning.ordered(-seen, flawed[:96]) < 0.1


def test_what_is_seen_is_the_mean_of_a_face_and_its_mirror_image():
    trunk, seeds = learning.trunk(), np.arange(3)
    assert trunk.output_shape == (None, 8 * 8 * 192)
    rows, generator = learning.seen(trunk, seeds), open_generator(runs.PRETRAINED)
    faces = as_seen(generator.draw(latents.from_seeds(seeds, generator.latent)))
    both = [np.asarray(trunk(some, training=False)) for some in (faces, faces[:, :, ::-1])]
    assert np.allclose(rows, np.mean(both, axis=0), atol=1e-4)


def test_the_regression_finds_the_direction_with_fewer_faces_than_numbers():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 5))
    rows = 3 + hidden @ rng.normal(size=(5, 300)) * rng.uniform(0.1, 10, 300)  # in other units
    flawed = (hidden[:, 0] > 0).astype(float)
    kernel, bias = learning.fit(rows[:150], flawed[:150])
    assert learning.ordered(rows[150:] @ kernel + bias, flawed[150:]) > 0.8
    assert (rows[:150] @ kernel + bias).mean() == pytest.approx(flawed[:150].mean())


def test_how_often_the_flawed_face_has_the_larger_number():
    flawed = np.array([1, 1, 0.5, 0, 0])
    assert learning.ordered(np.array([3, 1, 99, 2, 0]), flawed) == 0.75
    assert learning.ordered(np.zeros(5), flawed) == 0.5
