"""G and D as an autoencoder, before they are rivals."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from test_gan import B, batch, fresh, tiny_gan

from animefaces import images
from models import engine, warm


@pytest.fixture(scope="module")
def warm_gan():
    """Three steps of warm-up."""
    return tiny_gan(warm_up=3)


def tiny_autoencoder():
    """G draws grey pictures tanh(w * z); D's features are the pixels, and the posterior N(0, I) whatever they are."""
    z, pictures = keras.Input((1,)), keras.Input((4, 4, 3))
    x = layers.Dense(48, use_bias=False, kernel_initializer=keras.initializers.Constant(0.5))(z)
    generator = keras.Model(z, layers.Activation("tanh")(layers.Reshape((4, 4, 3))(x)))
    discriminator = keras.Model(pictures, layers.Dense(1)(layers.Flatten()(pictures)))
    autoencoder = warm.Autoencoder(generator, discriminator, keras.optimizers.SGD(0.1), steps=1)
    autoencoder.posterior.kernel.assign(ops.zeros((48, 2)))
    return autoencoder


def test_the_loss_in_closed_form():
    autoencoder = tiny_autoencoder()
    real, noise = np.full((2, 4, 4, 3), 0.25, np.float32), np.float32([[1], [-2]])
    error = np.mean((np.tanh(0.5 * noise) - 0.25) ** 2)
    kernel = autoencoder.generator.trainable_variables
    loss, figures, (grad,) = engine.gradients(lambda: autoencoder.loss(real, noise), kernel)
    assert float(figures["reconstruction"]) == pytest.approx(error, rel=1e-5)
    assert float(figures["divergence"]) == 0
    assert float(loss) == pytest.approx(48 / 2, rel=1e-3)
    # The slope is that of 48 / 2 * log(error).
    inner = np.tanh(0.5 * noise)
    slope = 48 / 2 * np.sum(2 * (inner - 0.25) * (1 - inner**2) * noise) / (2 * 48) / error
    assert np.asarray(grad) == pytest.approx(np.full((1, 48), slope), rel=1e-3)


def test_codes_far_from_the_prior_cost():
    autoencoder = tiny_autoencoder()
    autoencoder.posterior.bias.assign([2.0, 0.0])  # every mean is 2
    _, figures = autoencoder.loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 1), np.float32))
    assert float(figures["divergence"]) == pytest.approx(2)
    autoencoder.posterior.bias.assign([0.0, 1e9])  # no variance, however large, is infinite
    _, figures = autoencoder.loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 1), np.float32))
    assert np.isfinite(float(figures["divergence"]))


def test_the_warm_up_comes_first_and_ends(warm_gan):
    figures = fresh(warm_gan).steps(*batch(steps=5))
    assert {name: len(values) for name, values in figures.items()} == {
        "reconstruction": 3, "divergence": 3, "d_loss": 2, "g_loss": 2, "real_right": 2, "fake_right": 2, "spread": 2,
    }  # fmt: skip
    assert all(np.isfinite(values).all() for values in figures.values())
    together = warm_gan.state.arrays()
    fresh(warm_gan)
    inputs = batch(steps=5)
    for i in range(5):
        warm_gan.steps(*(x[i : i + 1] for x in inputs))
    apart = warm_gan.state.arrays()
    # To rounding errors: a loop in the graph adds in another order.
    assert [name for name in apart if not np.allclose(together[name], apart[name], atol=1e-5)] == []


def test_a_warm_up_leaves_the_rivalry_alone(warm_gan):
    before = fresh(warm_gan).state.arrays()
    warm_gan.steps(*batch(steps=3))
    after = warm_gan.state.arrays()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert "discriminator/dense/kernel" in before.keys() - moved  # the logit's
    assert {name.split("/")[0] for name in moved} == {
        "generator",
        "discriminator",
        "average",
        "posterior",
        "w_optimizer",
    }
    warm_gan.steps(*batch(steps=1, first=3))
    last = warm_gan.state.arrays()
    for name in after:
        if name.startswith(("posterior", "w_optimizer")):
            assert np.array_equal(after[name], last[name]), name


def test_it_learns_to_redraw():
    gan = tiny_gan(warm_up=150)
    rng = np.random.default_rng(0)
    real = np.repeat(rng.integers(0, 2, (1, B, 1, 1, 3), np.uint8) * 255, 16, axis=2).repeat(16, axis=3)
    inputs = batch(steps=150)
    figures = gan.steps(inputs[0], np.repeat(real, 150, axis=0), *inputs[2:])
    errors, nats = figures["reconstruction"], figures["divergence"]
    assert errors[-20:].mean() < 0.3 * np.var(images.to_network(real))  # less than by the best single picture
    assert nats[-20:].mean() > 0.1  # and by what the codes say of the pictures


def test_it_is_not_for_networks_that_have_begun(trained, train, refused):
    flags = ["--init-from", trained, "--run", "run", "--warm-up", "2", "--steps", "1"]
    assert "leave out --warm-up" in refused(lambda argv: train(*argv), flags, 2)
    assert not Path("run").exists()


def test_a_run_with_a_warm_up_is_a_start_for_another(train):
    assert train("--run", "first", "--warm-up", "2", "--steps", "3", compiled=True) == 0
    assert train("--run", "second", "--init-from", "first", "--steps", "2") == 0
    with np.load(max(Path("second/state").iterdir())) as file:
        assert not any("posterior" in name for name in file.files)
