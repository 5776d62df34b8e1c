"""The networks of FastGAN, and the decoders of its discriminator."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

import recipes
from drawing import reading
from models import build, engine, fastgan, inside, saved
from models.dcgan import BESIDE

SIZES = {"size": 16, "latent": 8, "generator_widths": (8, 8, 4), "discriminator_widths": (8, 8)}
SMALL = replace(recipes.RECIPES["fastgan"], batch_size=6, projected=False, **SIZES)


def pictures(count=6, side=16, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, channels)).astype(np.float32)


@pytest.mark.parametrize(("size", "channels", "widths"), [(16, 3, (8, 8, 4)), (32, 1, (8, 4)), (12, 3, (8, 8, 8))])
def test_a_seed_is_a_face_in_range_and_its_file_opens(size, channels, widths, tmp_path):
    generator = fastgan.build_generator(size, channels, 8, widths)
    z = 100 * np.random.default_rng(0).standard_normal((3, 8), np.float32)
    ops.convert_to_numpy(generator(z, training=True))  # moves the statistics
    drawn = ops.convert_to_numpy(generator(z))
    assert drawn.shape == (3, size, size, channels)
    assert -1 <= drawn.min() < drawn.max() <= 1
    assert np.array_equal(generator(z), drawn)
    saved.save(generator, tmp_path / "generator.keras")
    assert np.allclose(saved.load(tmp_path / "generator.keras")(z), drawn, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "widths", "places"), [(64, (4, 4, 4), 2 * 5 * 5), (16, (4, 4), 2), (16, (4, 4, 4), 2)]
)
def test_a_logit_for_each_place_at_two_resolutions(size, widths, places):
    discriminator = fastgan.build_discriminator(size, 3, widths)
    assert ops.convert_to_numpy(discriminator(pictures(2, size))).shape == (2, places)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("size", "channels", "places"), [(64, 3, 2 * 13 * 13), (16, 3, 2), (32, 1, 2 * 5 * 5)])
def test_with_a_reader_it_judges_what_this_one_sees(size, channels, places, mirrored):
    reader = build.shipped_reader()
    discriminator = fastgan.build_discriminator(size, channels, (4, 4), mirrored, reader)
    images = pictures(2, size, channels)
    assert ops.convert_to_numpy(discriminator(images)).shape == (2, places + 2 * 5 * 5)
    added = [layer.name for layer in reader.layers if isinstance(layer, keras.layers.Add)]
    ours = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Add)]
    theirs = keras.Model(reader.input, [reader.get_layer(name).output for name in added[1:3]])
    colours = images if channels == 3 else images.repeat(3, axis=-1)
    seen = theirs(ops.image.resize(colours, (64, 64)) if size != 64 else colours)
    found = keras.Model(discriminator.input, [layer.output for layer in ours[1:3]])(images, training=True)
    for one, other in zip(found, seen, strict=True):
        assert np.allclose(one, other, atol=1e-3)


def test_the_reader_in_a_discriminator_learns_nothing(eager):
    gan = build.build_gan(replace(SMALL, projected=True))
    layers = gan.discriminator.layers
    before = [layer.get_weights() for layer in layers]
    gan.steps(
        np.arange(2, dtype=np.int32),
        np.random.default_rng(0).integers(0, 256, (2, 6, 16, 16, 3), np.uint8),
        np.random.default_rng(1).standard_normal((2, 6, 8), np.float32),
        *np.zeros((2, 2, 6, 1), np.float32),
    )
    for layer, weights in zip(layers, before, strict=True):
        same = [np.array_equal(*pair) for pair in zip(weights, layer.get_weights(), strict=True)]
        assert all(same) if not layer.trainable else not any(same)
    reader = [np.ravel(weight) for weight in build.shipped_reader().get_weights()]
    fixed = [layer for layer in layers if not layer.trainable][2:]  # the first two turn pictures, and choose colours
    assert sum(len(layer.weights) for layer in fixed) == 8 * (1 + 4)  # convolutions, and what is behind each
    for layer in fixed:
        for weight in layer.get_weights():
            assert any(np.array_equal(np.ravel(weight), one) for one in reader)


@pytest.mark.parametrize("content", [None, b"", b"PK junk"])
def test_without_the_shipped_reader_it_is_said(content, monkeypatch, tmp_path, train, refused):
    file = tmp_path / "gone.keras"
    if content is not None:
        file.write_bytes(content)
    assert build.READER == reading.OF_DRAWINGS  # models/ may not import where it is
    monkeypatch.setattr(reading, "OF_DRAWINGS", file)
    words = refused(lambda argv: train(*argv), ["--recipe", "fastgan", "--run", "new"], 1)
    assert "gone.keras is missing or damaged: get the project again, or give --no-projected" in words
    assert not (tmp_path / "new").exists()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 generator widths need a size that is a multiple of 4, not 18"):
        fastgan.build_generator(18, 3, 8, (8, 8, 8))
    with pytest.raises(ValueError, match="3 discriminator widths need a size that is a multiple of 8, not 20"):
        fastgan.build_discriminator(20, 3, (8, 8, 8))
    with pytest.raises(ValueError, match="at least two widths"):
        fastgan.build_discriminator(16, 3, (8,))


def test_excitation_weighs_channels_alone():
    x, others = keras.Input((8, 8, 5)), keras.Input((4, 4, 3))
    network = keras.Model([x, others], fastgan.excited(x, others))
    rng = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign(rng.standard_normal(weight.shape))
    features, small = np.abs(rng.standard_normal((2, 8, 8, 5), np.float32)) + 1, rng.standard_normal((2, 4, 4, 3))
    weights = ops.convert_to_numpy(network([features, small.astype(np.float32)])) / features
    assert np.allclose(weights, weights[:, :1, :1], atol=1e-5)
    assert weights.min() >= 0 and weights.max() <= 1
    assert weights[:, 0, 0].std(axis=0).min() > 0  # they follow from the other features


def test_a_quarter_is_the_one_that_was_chosen():
    images = pictures(4)
    chosen = np.eye(4, dtype=np.float32)
    parts = ops.convert_to_numpy(fastgan.quarter(images, chosen))
    corners = [(slice(0, 8), slice(0, 8)), (slice(0, 8), slice(8, 16)), (slice(8, 16), slice(0, 8)),
               (slice(8, 16), slice(8, 16))]  # fmt: skip
    for image, part, (rows, columns) in zip(images, parts, corners, strict=True):
        assert np.array_equal(part, image[rows, columns])


@pytest.mark.parametrize("mirrored", [False, True])
def test_decoders_compare_what_they_draw_with_the_pictures(mirrored):
    discriminator = fastgan.build_discriminator(16, 3, (8, 8), mirrored)
    decoders = fastgan.Decoders(discriminator)
    assert [shape[1:] for shape in decoders.network.output_shape] == [(16, 16, 3), (8, 8, 3)]
    images = pictures()
    seen = np.concatenate([images, images[:, :, ::-1]], axis=-1) if mirrored else images
    logits, off = decoders.judged(seen, keras.random.SeedGenerator(0))
    judge = inside.split(discriminator, BESIDE)[1] if mirrored else discriminator
    assert np.allclose(logits, judge(seen, training=True), atol=1e-5)
    # With kernels of zero, grey is drawn: what is missing is the mean brightness, of any quarter too.
    for layer in decoders.network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.zeros(layer.kernel.shape)])
    flat = np.full_like(seen, 0.25)
    assert float(decoders.judged(flat, keras.random.SeedGenerator(0))[1]) == pytest.approx(0.25)
    assert float(off) > 0


def test_decoders_draw_small_pictures_of_large_ones():
    decoders = fastgan.Decoders(fastgan.build_discriminator(64, 1, (4, 4, 4)))
    assert [shape[1:] for shape in decoders.network.output_shape] == [(32, 32, 1), (32, 32, 1)]


def test_the_discriminators_loss_trains_the_decoders_and_all_of_the_discriminator(eager):
    gan = build.build_gan(SMALL)
    before = gan.state.arrays()
    rng = np.random.default_rng(0)
    figures = gan.steps(
        np.arange(2, dtype=np.int32),
        rng.integers(0, 256, (2, 6, 16, 16, 3), np.uint8),
        rng.standard_normal((2, 6, 8), np.float32),
        *np.zeros((2, 2, 6, 1), np.float32),
    )
    assert all(np.isfinite(values).all() for values in figures.values())
    assert figures["redrawn"].min() > 0
    after = gan.state.arrays()
    still = [name for name in before if np.array_equal(before[name], after[name])]
    of_networks = [name for name in still if name.split("/")[0] in ("generator", "discriminator", "decoders")]
    assert of_networks == ["discriminator/dense/kernel"]  # it turns pictures round
    assert math.isclose(float(gan.g_optimizer.learning_rate), SMALL.learning_rate, rel_tol=1e-6)


def test_a_warm_up_trains_the_generator_with_the_maps_of_the_discriminator(eager):
    gan = build.build_gan(replace(SMALL, warm_up=1))
    before, rng = gan.state.arrays(), np.random.default_rng(0)
    figures = gan.steps(
        np.zeros(1, np.int32),
        rng.integers(0, 256, (1, 6, 16, 16, 3), np.uint8),
        rng.standard_normal((1, 6, 8), np.float32),
        *np.zeros((2, 1, 6, 1), np.float32),
    )
    assert figures.keys() == {"reconstruction", "divergence"}
    after = gan.state.arrays()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {name for name in after if name.startswith(("generator", "posterior"))} <= moved
    assert "discriminator/conv2d/kernel" in moved
    assert not [name for name in moved if name.startswith("decoders")]


def test_decoders_learn_to_draw_what_the_discriminator_sees():
    """With a face of one colour, the colour has to pass through the maps."""
    keras.utils.set_random_seed(0)
    discriminator = fastgan.build_discriminator(16, 3, (8, 8))
    decoders, chance = fastgan.Decoders(discriminator), keras.random.SeedGenerator(0)
    variables = [*discriminator.trainable_variables, *decoders.network.trainable_variables]
    optimizer = engine.Adam(0.01)
    optimizer.build(variables)

    def step(images):
        def loss():
            logits, off = decoders.judged(images, chance)
            return off + 0 * ops.mean(logits), None

        off, _, grads = engine.gradients(loss, variables)
        engine.apply(optimizer, grads, variables)
        return {"off": off}

    networks = [*discriminator.variables, *decoders.network.variables]
    run = engine.compiled(step, [*networks, *optimizer.variables, chance.state])
    colours = np.random.default_rng(0).uniform(-1, 1, (60, 1, 16, 1, 1, 3)).astype(np.float32)
    off = [run(np.broadcast_to(some, (1, 16, 16, 16, 3)).copy())["off"].item() for some in colours]
    assert np.mean(off[-5:]) < 0.5 * np.mean(off[:5])
