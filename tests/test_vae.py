"""The dense VAE: its parts, its loss in closed form, and that it learns."""

import keras
import numpy as np
import pytest
from keras import ops

from animefaces import images
from demo import cartoons
from models import engine, saved, vae
from models.batches import in_batches
from models.ema import copy_in_float32
from models.losses import divergence, logistic

LATENT = 5


def build(size=16, channels=3, seed=0, rate=1e-3):
    keras.utils.set_random_seed(0)
    networks = vae.build_encoder(size, channels, LATENT), vae.build_decoder(LATENT)
    return vae.VAE(*networks, engine.Adam(rate), seed=seed)


def batches(count, size=16, channels=3, batch=8):
    """(K, B, H, W, C) of drawn faces."""
    faces = np.stack([cartoons.draw(i, size) for i in range(count * batch)])
    faces = faces if channels == 3 else faces[..., :1]
    return images.to_network(faces).reshape(count, batch, size, size, channels)


def divergence_of(mean, log_variance):
    mean, log_variance = (ops.convert_to_tensor(np.array(v, np.float32)) for v in (mean, log_variance))
    return float(divergence(mean, log_variance))


def test_divergence_in_closed_form():
    assert divergence_of([[0, 0]], [[0, 0]]) == 0
    assert divergence_of([[3, -4]], [[0, 0]]) == pytest.approx(25 / 2)
    assert divergence_of([[0]], [[np.log(4)]]) == pytest.approx((4 - 1 - np.log(4)) / 2)
    assert divergence_of([[1], [0]], [[0], [0]]) == pytest.approx(0.25)  # a sum over z, a mean over images


def test_divergence_is_the_integral():
    x = np.linspace(-12, 12, 100_001)
    mean, variance = 0.7, 0.3
    q = np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    ratio = -((x - mean) ** 2) / (2 * variance) - np.log(variance) / 2 + x**2 / 2
    assert divergence_of([[mean]], [[np.log(variance)]]) == pytest.approx(np.trapezoid(q * ratio, x), rel=1e-5)


def test_divergence_is_never_negative():
    for tiny in (1e-7, -1e-7, 1e-4, -1e-4):
        assert divergence_of([[0]], [[tiny]]) >= 0


@pytest.mark.parametrize(("size", "channels"), [(64, 3), (28, 1), (16, 3), (48, 1), (128, 3)])
def test_shapes_and_parameters(size, channels):
    encoder, decoder = vae.build_encoder(size, channels, 100), vae.build_decoder(100)
    assert encoder.input_shape == (None, size, size, channels)
    assert encoder.output_shape == (None, 200)
    assert decoder.output_shape == (None, 28, 28, 1)
    count = [sum(int(np.prod(v.shape)) for v in n.trainable_variables) for n in (encoder, decoder)]
    assert count == [784 * 256 + 256 + 2 * (256 * 100 + 100), 100 * 256 + 256 + 256 * 784 + 784]
    # Grey is no matter of training.
    assert len(encoder.non_trainable_variables) == (channels == 3)


@pytest.mark.parametrize("size", [28, 64])
def test_pixels_are_grey_between_0_and_1(size):
    encoder = vae.build_encoder(size, 3, LATENT)
    pixels = keras.Model(encoder.input, encoder.get_layer("pixels").output)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255]], np.uint8)
    batch = images.to_network(np.tile(colours[:, None, None], (1, size, size, 1)))
    expected = np.tile(np.array([0.299, 0.587, 0.114, 0, 1])[:, None], 784)
    assert np.allclose(pixels.predict_on_batch(batch), expected, atol=1e-5)
    wild = pixels.predict_on_batch(batch * 1.5)
    assert wild.min() == 0 and wild.max() == 1


def test_pixels_are_the_picture_made_small():
    encoder = vae.build_encoder(64, 3, LATENT)
    pixels = keras.Model(encoder.input, encoder.get_layer("pixels").output)
    rows, columns = np.mgrid[:64, :64] / 63
    image = np.stack([rows, columns, rows * columns], axis=-1).astype(np.float32)
    grey = (image @ np.array([0.299, 0.587, 0.114])).reshape(64, 64)
    small = pixels.predict_on_batch(2 * image[None] - 1).reshape(28, 28)
    at = (np.arange(28) + 0.5) / 28 * 64 - 0.5
    assert np.allclose(small, [[np.interp(c, range(64), grey[round(r)]) for c in at] for r in at], atol=0.02)


def test_the_decoders_image_is_the_probability_of_white():
    decoder = vae.build_decoder(LATENT)
    both = keras.Model(decoder.input, [decoder.get_layer("logits").output, decoder.output])
    logits, image = both.predict_on_batch(np.random.default_rng(0).standard_normal((3, LATENT)) * 30)
    assert np.allclose(image.reshape(3, 784), 2 / (1 + np.exp(-logits)) - 1, atol=1e-5)


def test_the_loss_is_its_parts_in_closed_form():
    """With all weights 0 each pixel has logit 0, ln 2 nats whatever it is, and the posterior is the prior."""
    model = build()
    for network in (model.encoder, model.decoder):
        for variable in network.trainable_variables:
            variable.assign(np.zeros(variable.shape))
    figures = model.steps(np.zeros(1, np.int32), batches(1))
    assert figures["reconstruction"] == pytest.approx(784 * np.log(2), rel=1e-5)
    assert figures["divergence"] == 0
    assert figures["loss"] == pytest.approx(figures["reconstruction"] + figures["divergence"])


@pytest.mark.parametrize("scale", [1, 1e3])
def test_finite_for_all_black_all_white_and_large_weights(scale):
    model = build(channels=1)
    for network in (model.encoder, model.decoder):
        network.set_weights([w * scale for w in network.get_weights()])
    for value in (-1, 1, 3, -100):
        figures = model.steps(np.arange(2, dtype=np.int32), np.full((2, 2, 16, 16, 1), value, np.float32))
        assert all(np.isfinite(values).all() for values in figures.values())
        assert all(np.isfinite(a).all() for a in model.state.arrays().values())


def test_huge_logits_are_finite():
    targets = np.array([[0.0, 1.0, 0.5]], np.float32)
    assert float(logistic(np.full((1, 3), 1e6, np.float32), targets)) == pytest.approx(0.5e6)


def test_log_variances_are_bounded():
    encoder = vae.build_encoder(16, 1, LATENT)
    encoder.set_weights([w * 1e4 for w in encoder.get_weights()])
    posterior = encoder.predict_on_batch(batches(1, channels=1)[0])
    assert np.abs(posterior[:, LATENT:]).max() == pytest.approx(vae.LIMIT)
    assert np.abs(posterior[:, :LATENT]).max() > vae.LIMIT


def test_it_learns():
    model = build(rate=2e-3)
    figures = model.steps(np.arange(150, dtype=np.int32), np.repeat(batches(1, batch=32), 150, axis=0))
    assert figures["loss"][-10:].mean() < 0.85 * figures["loss"][:5].mean()
    encoded = in_batches(model.encoder, batches(1, batch=32)[0])[:, :LATENT]
    pixels = keras.Model(model.encoder.input, model.encoder.get_layer("pixels").output)
    wanted = pixels.predict_on_batch(batches(1, batch=32)[0])
    reconstructed = in_batches(model.decoder, encoded).reshape(32, 784) / 2 + 0.5
    error = np.abs(reconstructed[:, None] - wanted[None]).mean(-1)
    nearer = (error < np.diag(error)[:, None]).sum(1)  # pictures nearer than the own one: 15.5 by chance
    assert nearer.mean() < 4


def test_chance_is_a_function_of_seed_and_step():
    real, figures = batches(1), {}
    for seed in (0, 1):
        model = build(seed=seed, rate=1e-9)  # so that only chance tells the steps apart
        for step in (1, 2, 3, 2):
            figure = model.steps(np.array([step], np.int32), real)["reconstruction"].item()
            assert figures.setdefault((seed, step), figure) == pytest.approx(figure, rel=1e-6)
    assert len({round(figure, 3) for figure in figures.values()}) == 6


def test_resumed_equals_uninterrupted():
    real = batches(4)

    def trained(model, steps):
        for step in steps:
            model.steps(np.array([step], np.int32), real[step : step + 1])
        return model.state.arrays()

    one, second = trained(build(), range(4)), build()
    second.state.restore(trained(build(), range(2)))
    two = trained(second, range(2, 4))
    assert one.keys() == two.keys()
    assert [name for name in one if not np.array_equal(one[name], two[name])] == []


def test_restore_refuses_another_vae():
    other = vae.VAE(vae.build_encoder(16, 3, 7), vae.build_decoder(7), engine.Adam())
    with pytest.raises(ValueError, match="other networks"):
        build().state.restore(other.state.arrays())


def test_learning_rate_is_scaled():
    model = build(rate=1e-3)
    model.state.scale_learning_rates(0.5)
    assert float(model.optimizer.learning_rate) == pytest.approx(5e-4)


def test_saved_and_opened_again():
    encoder, decoder = copy_in_float32(build(size=64).encoder), build().decoder
    real, z = batches(1, size=64)[0], np.random.default_rng(0).standard_normal((8, LATENT), np.float32)
    for network, given in ((encoder, real), (decoder, z)):
        for half in (False, True):
            saved.save(network, "network.keras", half)
            again = in_batches(saved.load("network.keras"), given)
            np.testing.assert_allclose(again, in_batches(network, given), atol=5e-3 if half else 1e-6)


def test_gradients_reach_all_that_is_trained():
    model = build()
    loss, _, grads = engine.gradients(lambda: model._loss(ops.convert_to_tensor(batches(1)[0])), model._trained)
    assert len(grads) == 10
    assert all(np.abs(np.asarray(g)).max() > 0 for g in grads)
    assert np.isfinite(float(loss))
