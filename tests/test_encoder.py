"""The learned encoder: what it compares photos and drawings by, and its training."""

import keras
import numpy as np
import pytest
from keras import ops

from animefaces import images
from benchmarks import resemblance as measure
from demo import cartoons
from models import encoder, engine, layouts

LATENT = 6


def drawn(count, size=64):
    return images.to_network(np.stack([cartoons.draw(seed, size) for seed in range(count)]))


def test_lab_of_known_colours():
    colours = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 0, 1], [0.5, 0.5, 0.5]], np.float32)
    known = [[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.2], [32.3, 79.19, -107.86], [53.39, 0, 0]]
    assert np.allclose(np.asarray(layouts.to_lab(colours * 2 - 1)), known, atol=0.1)
    assert np.allclose(np.asarray(layouts.to_lab(np.zeros((2, 1), np.float32))), [53.39, 0, 0], atol=0.1)


def test_layouts_are_those_that_the_benchmark_measures():
    faces = drawn(8)
    colours, structures = measure.layouts(images.to_pixels(faces))
    rows = np.asarray(layouts.layout(faces))
    assert rows.shape == (8, layouts.LAYOUT_SIZE)
    assert np.allclose(rows[:, : layouts.COLOUR_SIZE], colours, atol=0.3)
    assert np.allclose(rows[:, layouts.COLOUR_SIZE :], structures, atol=5e-3)


@pytest.mark.parametrize("size", [16, 28, 64])
def test_layouts_of_any_size(size):
    rows = np.asarray(layouts.layout(drawn(2, size)))
    assert rows.shape == (2, layouts.LAYOUT_SIZE)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("value", [-1, 0, 1])
def test_flat_pictures_are_finite_and_so_are_their_gradients(value):
    flat = np.full((1, 16, 16, 3), value, np.float32)
    variable = keras.Variable(flat)
    from models.engine import gradients

    def total():
        return ops.sum(layouts.layout(variable.value)) + ops.sum(layouts.traits(variable.value)), None

    loss, _, (slope,) = gradients(total, [variable])
    assert np.isfinite(np.asarray(loss)) and np.isfinite(np.asarray(slope)).all()


def planted(eyes, hair):
    """A drawing of skin, with black in that share of the eyes' place, and hair down to that share of the jaw."""
    face = np.ones((1, 64, 64, 3), np.float32) * np.array([1.0, 0.7, 0.5], np.float32)
    face[:, :20] = [-0.5, -0.8, 0.9]  # blue hair on top
    face[:, 29 : 29 + round(11 * eyes), 14:50] = -1
    for side in (slice(2, 14), slice(50, 62)):
        face[:, 46 : 46 + round(16 * hair), side] = [-0.5, -0.8, 0.9]
    return np.asarray(layouts.traits(face))[0]


def test_planted_traits_are_read():
    for share in (0.0, 0.5, 1.0):
        assert planted(share, 0)[0] == pytest.approx(share, abs=0.08)
        assert planted(0, share)[1] == pytest.approx(share, abs=0.08)
    assert planted(0, 1)[0] == pytest.approx(planted(0, 0)[0], abs=0.02)
    blue, grey = (np.full((1, 64, 64, 3), colour, np.float32) for colour in ([-0.2, -0.2, 0.8], [0.2, 0.2, 0.2]))
    assert np.asarray(layouts.traits(blue))[0, 2] > 50
    assert np.asarray(layouts.traits(grey))[0, 2] < 1


def test_skin_is_read_where_each_side_has_it():
    face = np.zeros((1, 64, 64, 3), np.float32)
    face[:, 40:47, 26:38] = 1  # white cheeks of a drawing
    assert np.allclose(np.asarray(layouts.skin(face, layouts.CHEEKS)), [[100, 0, 0]], atol=0.1)
    face = np.zeros((1, 64, 64, 3), np.float32)
    face[:, 26:38, 14:50] = -1  # black skin between eyes and mouth of a photo
    assert np.allclose(np.asarray(layouts.skin(face, layouts.SKIN_OF_PHOTOS)), 0, atol=0.1)


def test_a_sketch_learns_what_a_linear_generator_draws():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, LATENT)).astype(np.float32)
    rows = np.tanh(z @ rng.standard_normal((LATENT, 12)).astype(np.float32) / 2)
    keras.utils.set_random_seed(0)
    sketch = encoder.fit_sketch(z[:1500], rows[:1500], epochs=4)
    off = np.asarray(sketch(z[1500:])) - rows[1500:]
    assert np.square(off).mean() < 0.1 * rows.var()


@pytest.fixture
def training():
    keras.utils.set_random_seed(0)
    z = keras.Input((LATENT,))
    sketch = keras.Model(
        z, keras.layers.Dense(566, kernel_initializer=keras.initializers.RandomNormal(stddev=LATENT**-0.5))(z)
    )
    rows = encoder.measured(layouts.of_photos, drawn(16, 16))
    moments = np.stack([rows.mean(0), rows.std(0) + 1e-6])
    network = encoder.build_encoder(16, 3, LATENT, widths=(8, 16))
    return encoder.Encoding(network, sketch, engine.Adam(3e-3), moments=moments, seed=3)


def fed(steps, wanted=0.0):
    photos = np.stack([drawn(16, 16)] * steps)
    return np.arange(steps, dtype=np.int32), photos, np.full((steps, 16, 3), wanted, np.float32)


def test_training_finds_the_photos_and_fills_the_prior(training):
    _, photos, wanted = fed(1)
    figures = [training.steps(np.int32([step]), photos, wanted) for step in range(125)]  # compiled for one step
    first, last = ({name: np.mean([one[name] for one in part]) for name in figures[0]}
                   for part in (figures[:5], figures[-10:]))  # fmt: skip
    assert last["colour"] < first["colour"] - 0.1
    assert last["right"] > first["right"]
    assert last["prior"] < 0.5
    assert -10 <= last["spread"] <= 0
    assert training.encoder.output_shape == (None, 2 * LATENT)


def test_the_sketch_is_not_trained(eager, training):
    before = [np.array(w) for w in training.sketch.get_weights()]
    training.steps(*fed(2))
    assert all(np.array_equal(a, b) for a, b in zip(before, training.sketch.get_weights(), strict=True))


def test_unknown_labels_ask_for_nothing(eager, training):
    figures = training.steps(*fed(2, np.nan))
    assert all(np.isfinite(values).all() for values in figures.values())
    assert (figures["traits"] == 0).all()


def test_a_step_is_a_function_of_seed_and_step(training):
    state = training.state.arrays()
    once = training.steps(*fed(3))
    training.state.restore(state)
    again = training.steps(*fed(3))
    assert all(np.array_equal(once[name], again[name]) for name in once)
    with pytest.raises(ValueError, match="other networks"):
        training.state.restore({})


def test_codes_of_the_prior_are_at_no_distance(training):
    z = np.random.default_rng(0).standard_normal((4000, LATENT)).astype(np.float32)
    assert float(training._from_prior(z)) < 0.005
    assert float(training._from_prior(z + 1)) == pytest.approx(1, rel=0.3)
    assert float(training._from_prior(0 * z)) == pytest.approx(1, rel=0.05)
