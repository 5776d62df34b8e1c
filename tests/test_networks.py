"""Networks: shapes, ranges, sizes, gradients, and files that open anywhere."""

import json
import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import python
from keras import ops

import recipes
from models import build, dcgan, ema, engine, inside, residual, saved
from models.batches import ROWS, filled, in_batches
from training.gan import take_layers

# Trainable parameters of generator and discriminator. Those of `tutorial` are the PyTorch DCGAN tutorial's own.
PARAMETERS = {
    "light": (1_100_224, 694_656),
    "demo": (370_624, 167_808),
    "pooled": (3_608_000, 4_658_432),
    "noisy": (3_576_704, 2_765_568),
    "tutorial": (3_576_704, 2_765_568),
    "soft": (3_576_704, 730_496),
    "paper": (18_855_040, 17_232_768),
    "mnist": (1_781_504, 539_392),
    "quick": (1_100_224, 693_760),
    "modern": (1_100_224, 696_192),
    "fastgan": (3_262_704, 570_144),
    "evening": (3_671_008, 543_616),
    "large": (3_718_275, 3_309_441),
    "adapt": (3_718_275, 895_297),
    "overnight": (905_091, 700_721),
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def networks_of(recipe, monkeypatch):
    monkeypatch.setattr("models.build.GAN", lambda generator, discriminator, *_, **__: (generator, discriminator))
    return build.build_gan(recipe)


@pytest.mark.parametrize("name", [name for name, recipe in recipes.RECIPES.items() if recipe.network == "gan"])
def test_sizes_of_each_recipe(name, monkeypatch):
    recipe = recipes.RECIPES[name]
    generator, discriminator = networks_of(recipe, monkeypatch)
    sizes = [sum(math.prod(v.shape) for v in n.trainable_variables) for n in (generator, discriminator)]
    assert tuple(sizes) == PARAMETERS[name]
    picture = (None, recipe.size, recipe.size, recipe.channels)
    assert (generator.input_shape, generator.output_shape) == ((None, recipe.latent), picture)
    places = {"adapt": 16 * 16, "fastgan": 4 * 5 * 5, "evening": 2 * 5 * 5}
    assert (discriminator.input_shape, discriminator.output_shape) == (picture, (None, places.get(name, 1)))


def test_the_discriminator_before_it_was_reduced(monkeypatch):
    soft = recipes.RECIPES["soft"]
    _, full = networks_of(replace(soft, discriminator_widths=(128, 256, 512)), monkeypatch)
    convolutions = [layer for layer in full.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(c.filters, c.kernel_size[0]) for c in convolutions] == [(128, 5), (256, 3), (512, 3)]
    _, reduced = networks_of(soft, monkeypatch)
    convolutions = [layer for layer in reduced.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(c.filters, c.kernel_size[0]) for c in convolutions] == [(128, 5), (512, 3)]


@pytest.mark.parametrize(
    ("size", "channels", "widths", "last_stride"),
    [(16, 3, (16, 8), 2), (16, 1, (16, 8, 8), 1), (28, 1, (16, 8), 2), (8, 3, (4,), 2), (32, 3, (8, 8, 8), 2)],
)
def test_a_generator_draws_pictures_in_range(size, channels, widths, last_stride):
    generator = dcgan.build_generator(size, channels, 8, widths, last_stride=last_stride)
    images = ops.convert_to_numpy(generator(100 * noise(3, 8), training=True))
    assert images.shape == (3, size, size, channels)
    assert images.dtype == np.float32
    assert -1 <= images.min() < 0 < images.max() <= 1


def test_colour_is_halved_and_brightness_stays():
    images = keras.Input((16, 16, 3))
    network = keras.Model(images, dcgan.subsample_chroma(images))
    before = np.tanh(noise(4, 16, 16, 3)) / 3
    after = ops.convert_to_numpy(network(before))
    assert np.allclose(after.mean(-1), before.mean(-1), atol=1e-6)

    def old_pixels(x):
        """If x (B, 16, 16) is 8x8 enlarged: twice six old columns, as told by the pair to the right and to the left."""
        return 3 * x[:, :, 3:14:2] - x[:, :, 4:15:2], 3 * x[:, :, 2:13:2] - x[:, :, 1:12:2]

    red, _, blue = np.moveaxis(after, -1, 0)
    for colour in (red - blue, np.moveaxis(red - blue, 1, 2)):
        assert np.allclose(*old_pixels(colour), atol=1e-5)
    assert not np.allclose(*old_pixels(red), atol=0.1)
    assert np.abs(ops.convert_to_numpy(network(10 * before))).max() == 1


@pytest.mark.parametrize("name", ["modern", "pooled", "large"])
def test_a_generator_of_any_architecture_can_halve_colour(name, tmp_path):
    small = {"size": 16, "latent": 8, "generator_widths": (16, 8, 8)[: 2 + (name != "modern")]}
    generator, _ = build.build_networks(replace(recipes.RECIPES[name], chroma_subsampling=True, **small))
    assert generator.layers[-1].name == "subsampled"
    assert len(generator.non_trainable_variables) % 2 == 1  # batch norms have two each; the mean of the channels one
    saved.save(generator, tmp_path / "generator.keras")
    drawn = [ops.convert_to_numpy(g(noise(3, 8))) for g in (generator, saved.load(tmp_path / "generator.keras"))]
    assert np.array_equal(*drawn)


def test_grey_pictures_have_no_colour_to_subsample(monkeypatch):
    grey = recipes.RECIPES["mnist"]
    plain, subsampled = (networks_of(replace(grey, chroma_subsampling=on), monkeypatch)[0] for on in (False, True))
    assert plain.count_params() == subsampled.count_params()


@pytest.mark.parametrize("name", ["modern", "large"])
def test_a_generator_of_any_architecture_can_draw_in_grey(name, tmp_path):
    small = {"size": 16, "latent": 8, "generator_widths": (16, 8, 8)[: 2 + (name != "modern")]}
    colours, grey = (build.build_networks(replace(recipes.RECIPES[name], grey=on, **small))[0] for on in (False, True))
    take_layers(grey, colours, grows_at_end=True)
    saved.save(grey, tmp_path / "generator.keras")
    wanted = ops.convert_to_numpy(colours(noise(3, 8))) @ [0.299, 0.587, 0.114]
    for network in (grey, saved.load(tmp_path / "generator.keras")):
        drawn = ops.convert_to_numpy(network(noise(3, 8)))
        assert np.allclose(drawn[..., 0], wanted, atol=1e-5) and not np.ptp(drawn, axis=-1).any()


def test_a_size_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="need a size that is a multiple of 8, not 20"):
        dcgan.build_generator(20, 3, 8, (16, 8, 8))


DISCRIMINATORS = {
    "strided": lambda: dcgan.build_discriminator(16, 3, (8, 16), (5, 3)),
    "mirrored": lambda: dcgan.build_discriminator(16, 3, (8, 16), mirrored=True),
    "pooled": lambda: dcgan.build_pooled_discriminator(16, 3, (8, 16)),
}


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_gives_any_logit(kind):
    discriminator = DISCRIMINATORS[kind]()
    logits = ops.convert_to_numpy(discriminator(noise(32, 16, 16, 3), training=True))
    assert logits.shape == (32, 1)
    assert logits.min() < 0 < logits.max()  # no sigmoid


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_gradients_are_finite_and_reach_every_weight(kind):
    generator, discriminator = dcgan.build_generator(16, 3, 8, (16, 8)), DISCRIMINATORS[kind]()
    variables = [*generator.trainable_variables, *discriminator.trainable_variables]

    def loss():
        return ops.mean(discriminator(generator(noise(8, 8), training=True), training=True) ** 2), None

    _, _, gradients = engine.gradients(loss, variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.path
        # Of a bias before a batch norm only rounding errors are left.
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("kind", ["strided", "residual", "pooled"])
def test_a_mirrored_discriminator_sees_each_pixel_beside_that_of_the_mirror_image(kind, tmp_path):
    build = {"strided": dcgan.build_discriminator, "residual": residual.build_discriminator,
             "pooled": dcgan.build_pooled_discriminator}[kind]  # fmt: skip
    discriminator, images = build(16, 3, (8, 16), mirrored=True), noise(2, 16, 16, 3)
    beside, judge = inside.split(discriminator, dcgan.BESIDE)
    seen = np.asarray(beside(images))
    assert np.array_equal(seen, np.concatenate([images, np.asarray(images)[:, :, ::-1]], axis=-1))
    logits = np.asarray(discriminator(images))
    assert np.allclose(judge(seen), logits, atol=1e-6)
    # Its file opens, and a copy with random weights turns pictures, too.
    saved.save(ema.copy_in_float32(discriminator), tmp_path / "d.keras")
    opened = saved.load(tmp_path / "d.keras")
    assert np.allclose(opened(images), logits, atol=1e-6)
    assert np.array_equal(inside.split(inside.with_random_weights(opened, 0), dcgan.BESIDE)[0](images), seen)


def test_equal_shapes_start_with_different_weights():
    network = dcgan.build_pooled_discriminator(16, 3, (8, 8))
    kernels = [layer.kernel for layer in network.layers if getattr(layer, "filters", None) == 8]
    assert [k.shape for k in kernels[1:]] == [(3, 3, 8, 8)] * 3
    assert not np.allclose(kernels[1], kernels[2])


def test_weights_start_as_the_paper_says():
    kernel = np.asarray(dcgan.build_generator(16, 3, 100, (64, 32)).trainable_variables[0])
    assert abs(kernel.mean()) < 1e-3
    assert abs(kernel.std() - 0.02) < 1e-3


def test_drawing_is_the_same_in_any_company():
    generator, z = dcgan.build_generator(16, 3, 8, (16, 8)), noise(70, 8)
    together = in_batches(generator, z)
    assert together.shape == (70, 16, 16, 3)
    for part in (slice(0, 1), slice(30, 40), slice(69, 70)):
        assert np.array_equal(in_batches(generator, z[part]), together[part])


def test_no_rows_give_no_rows_of_the_right_shape():
    generator = dcgan.build_generator(16, 3, 8, (16, 8))
    nothing = in_batches(generator, noise(0, 8))
    assert nothing.shape == (0, 16, 16, 3)
    assert nothing.dtype == np.float32
    images = keras.Input((None, None, 3))  # of any size
    anything = keras.Model(images, keras.layers.AveragePooling2D(2)(images))
    assert in_batches(anything, noise(0, 6, 8, 3)).shape == (0, 3, 4, 3)
    assert in_batches(anything, noise(ROWS + 1, 6, 8, 3)).shape == (ROWS + 1, 3, 4, 3)


def test_a_batch_is_filled_with_its_own_rows():
    rows = noise(2, 3)
    assert np.array_equal(filled(rows, 5), rows[[0, 1, 0, 1, 0]])
    assert np.array_equal(filled(rows, 2), rows)


def test_a_saved_generator_opens_where_this_project_is_not(trained, tmp_path):
    code = (
        "import json, sys, keras, numpy as np\n"
        "network = keras.saving.load_model(sys.argv[1])\n"
        "z = np.random.default_rng(0).standard_normal((4, 8), np.float32)\n"
        "assert not {'models', 'animefaces', 'train'} & set(sys.modules)\n"
        "print(json.dumps(network.predict(z, verbose=0).ravel().tolist()))"
    )
    done = python("-c", code, trained / "generator.keras", cwd=tmp_path, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    here = saved.load(trained / "generator.keras").predict(noise(4, 8), verbose=0)
    assert np.allclose(json.loads(done.stdout.splitlines()[-1]), here.ravel(), atol=1e-6)


def test_weights_stored_as_float16_are_half_the_file_and_nearly_the_same(tmp_path):
    generator = dcgan.build_generator(16, 3, 8, (128, 64))
    saved.save(generator, tmp_path / "full.keras")
    saved.save(generator, tmp_path / "half.keras", half=True)
    half = saved.load(tmp_path / "half.keras")
    for stored, exact in zip(half.get_weights(), generator.get_weights(), strict=True):
        assert stored.dtype == np.float32
        assert np.array_equal(stored, exact.astype(np.float16))
    sizes = [(tmp_path / name).stat().st_size for name in ("half.keras", "full.keras")]
    assert sizes[0] < 0.6 * sizes[1]
