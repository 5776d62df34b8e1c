"""Inside networks: every recipe's layers are found; guided backpropagation in closed form."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import recipes
from models import build, inside
from models.batches import in_batches

SMALL = {
    "strided": replace(recipes.RECIPES["light"], size=16, generator_widths=(8, 8), discriminator_widths=(8, 8)),
    "pooled": replace(recipes.RECIPES["pooled"], size=16, generator_widths=(8, 8, 8), discriminator_widths=(8, 8)),
    "residual": replace(recipes.RECIPES["large"], size=16, generator_widths=(8, 8), discriminator_widths=(8, 8)),
    "mnist": replace(recipes.RECIPES["mnist"], generator_widths=(8, 8), discriminator_widths=(8, 8)),
}


@pytest.fixture(params=SMALL)
def networks(request):
    keras.utils.set_random_seed(0)
    return build.build_networks(SMALL[request.param])


def pictures(network, count=3):
    return np.random.default_rng(0).uniform(-1, 1, (count, *network.input_shape[1:])).astype(np.float32)


def test_a_generator_is_cut_and_whole_again(networks):
    generator, _ = networks
    z = pictures(generator)
    whole, names = in_batches(generator, z), inside.cuts(generator)
    assert len(names) >= 3
    for name in (names[0], names[-1], inside.middle(generator, whole.shape[1] // 2)):
        lower, upper = inside.split(generator, name)
        maps = in_batches(lower, z)
        assert maps.ndim == 4
        assert np.allclose(in_batches(upper, maps), whole, atol=1e-5)


def test_a_branch_is_no_cut():
    generator, _ = build.build_networks(SMALL["residual"])
    layers = {layer.name: layer for layer in generator.layers}
    inside_branches = [n for n, layer in layers.items() if type(layer).__name__ == "LeakyReLU"][:-1]
    assert inside_branches and not set(inside_branches) & set(inside.cuts(generator))


def test_the_first_kernel(networks):
    generator, discriminator = networks
    kernel = inside.first_kernel(generator)
    assert kernel.shape[0] == generator.input_shape[1]
    assert inside.first_kernel(discriminator) is None


def test_feature_layers_answer(networks):
    _, discriminator = networks
    x = pictures(discriminator)
    for name in inside.feature_layers(discriminator):
        maps = in_batches(keras.Model(discriminator.inputs[0], discriminator.get_layer(name).output), x)
        answers = in_batches(inside.peaks(discriminator, name), x)
        flat = maps.reshape(3, -1, maps.shape[-1])
        assert np.allclose(answers[:, 0], flat.max(axis=1), atol=1e-5)
        chosen = np.take_along_axis(flat, answers[:, 1, None].astype(int), axis=1)[:, 0]
        assert np.allclose(chosen, answers[:, 0], atol=1e-5)


def test_without_rectifiers_to_guide_gradients_are_plain(networks):
    """Guided or not, the network computes the same; and gradients of its first layer, before any rectifier, agree."""
    _, discriminator = networks
    name = inside.feature_layers(discriminator)[-1]
    x = pictures(discriminator)
    plain = keras.Model(discriminator.inputs[0], discriminator.get_layer(name).output)
    clone = inside.guided(discriminator, name)
    assert np.allclose(in_batches(clone, x), in_batches(plain, x), atol=1e-5)
    maps, places = np.array([0, 1, 2]), np.array([0, 1, 2])
    gradients = inside.gradients_at(clone, x, maps, places)
    assert gradients.shape == x.shape and np.isfinite(gradients).all()


def hand_made(activation, fused=False):
    """One pixel of one channel -> 1x1 convolutions (2, -1), a rectifier, (1, -3), a rectifier; two places wide."""
    x = keras.Input((2, 2, 1))
    y = keras.layers.Conv2D(2, 1, use_bias=False, activation="relu" if fused else None)(x)
    y = y if fused else activation()(y)
    out = activation()(keras.layers.Conv2D(2, 1, use_bias=False)(y))
    network = keras.Model(x, out)
    first, second = [layer for layer in network.layers if "Conv" in type(layer).__name__]
    first.set_weights([np.array([2.0, -1.0]).reshape(1, 1, 1, 2)])
    second.set_weights([np.array([(1.0, -1.0), (-3.0, 2.0)]).reshape(1, 1, 2, 2)])
    return network


@pytest.mark.parametrize("kind", ["relu", "leaky", "fused"])
def test_guided_backpropagation_by_hand(kind):
    """At x = 1 the hidden units are 2 and, rectified, 0; at x = -1, 0 and 1. The rest is the chain rule, guided."""
    activation = {"leaky": lambda: keras.layers.LeakyReLU(0.5)}.get(kind, keras.layers.ReLU)
    network = hand_made(activation, kind == "fused")
    clone = inside.guided(network, network.layers[-1].name)
    images = np.array([1.0, 1.0, -1.0, -1.0], np.float32)[:, None, None, None] * np.ones((1, 2, 2, 1), np.float32)
    places = np.zeros(4, int)
    got = inside.gradients_at(clone, images, np.array([0, 1, 0, 1]), places)
    # Map 0 at x = 1: 1 * 2. Map 1 at x = 1: its input is negative. Map 0 at x = -1: likewise.
    # Map 1 at x = -1: 2 through the second hidden unit, whose slope is -1.
    assert got[:, 0, 0, 0].tolist() == [2, 0, 0, -2]
    assert not got[:, 1].any() and not got[:, 0, 1].any()  # other places saw nothing of it


def test_guiding_stops_negative_gradients():
    """Map = 2 relu(x) - relu(x): plain backpropagation says 1; guided keeps the part that speaks for it, 2."""
    x = keras.Input((2, 2, 1))
    u, v = (keras.layers.ReLU()(keras.layers.Conv2D(1, 1, kernel_initializer="ones")(x)) for _ in range(2))
    y = keras.layers.Add()([keras.layers.Rescaling(2.0)(u), keras.layers.Rescaling(-1.0)(v)])
    network = keras.Model(x, keras.layers.ReLU()(y))
    image, zero = np.ones((1, 2, 2, 1), np.float32), np.zeros(1, int)
    assert inside.gradients_at(network, image, zero, zero)[0, 0, 0, 0] == 1
    clone = inside.guided(network, network.layers[-1].name)
    assert inside.gradients_at(clone, image, zero, zero)[0, 0, 0, 0] == 2


def test_random_weights(networks):
    _, discriminator = networks
    before = discriminator.get_weights()
    one, same, other = (inside.with_random_weights(discriminator, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), same.get_weights(), strict=True))
    kernels = [w for w in one.trainable_variables if len(w.shape) > 1]
    assert all(np.asarray(w).std() > 0 for w in kernels)  # a residual branch too, which begins as zero
    x = pictures(discriminator)
    assert not np.allclose(in_batches(one, x), in_batches(other, x))
    assert all(np.array_equal(a, b) for a, b in zip(before, discriminator.get_weights(), strict=True))
