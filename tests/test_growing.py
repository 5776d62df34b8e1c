"""Networks for larger pictures: more layers, which may begin as those of networks for smaller pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SIZES

import recipes
from animefaces import latents
from drawing.opening import open_generator
from models import build, fastgan, saved
from training.gan import initialise, take_first_layers, take_layers

MODERN, LARGE = (recipes.RECIPES[name] for name in ("modern", "large"))
NARROW = ["--generator-widths", "16,8", "--discriminator-widths", "8,16"]


def test_for_each_doubling_there_is_one_more_layer():
    assert MODERN.widths_for(128) == {"generator_widths": (256, 128, 64, 32, 32),
                                      "discriminator_widths": (32, 32, 64, 128, 256)}  # fmt: skip
    assert LARGE.widths_for(256)["generator_widths"] == (256, 256, 192, 96, 48, 48, 48)
    assert MODERN.widths_for(64) == MODERN.widths_for(96) == MODERN.widths_for(32) == {}
    assert recipes.RECIPES["upscaler"].widths_for(512) == {}


@pytest.mark.parametrize("name", ["modern", "fastgan", "large", "pooled", "mnist"])
def test_the_networks_of_larger_pictures_fit(name):
    recipe = recipes.RECIPES[name]
    size, narrow = 2 * recipe.size, {}
    for option, widths in recipe.widths_for(size).items():
        narrow[option] = (8,) * len(widths)
    generator, discriminator = build.build_networks(replace(recipe, size=size, **narrow))
    assert generator.output_shape[1:3] == discriminator.input_shape[1:3] == (size, size)


def test_residual_networks_do_at_first_what_the_smaller_ones_did():
    small = replace(LARGE, size=16, latent=8, generator_widths=(16, 8), discriminator_widths=(8, 16))
    large = replace(small, size=32, **small.widths_for(32))
    (generator, discriminator), (large_generator, large_discriminator) = map(build.build_networks, (small, large))
    for network, larger in ((generator, large_generator), (discriminator, large_discriminator)):
        network.set_weights(
            [w + 0.05 * np.random.default_rng(0).standard_normal(w.shape) for w in network.get_weights()]
        )
        take_layers(larger, network, grows_at_end=network is generator)
    z = latents.from_seeds(range(4), 8)
    drawn, wide = np.asarray(generator(z)), np.asarray(large_generator(z))
    again = wide.reshape(4, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(again - drawn).mean() < 0.3 * np.abs(drawn - drawn.mean()).mean()
    flat = np.ones((1, 16, 16, 3), np.float32) * 0.3  # without edges both see the same
    logits = discriminator(flat), large_discriminator(flat.repeat(2, 1).repeat(2, 2))
    assert np.allclose(*map(np.asarray, logits), atol=1e-4)


def test_layers_of_other_sizes_do_not_fit():
    small = replace(LARGE, size=16, latent=8, generator_widths=(16, 8), discriminator_widths=(8, 16))
    for widths in ((16, 8, 4), (16,), (8, 8)):
        size = 8 << (len(widths) - 1)
        other = replace(small, size=size, generator_widths=widths, discriminator_widths=widths)
        (generator, _), (another, _) = map(build.build_networks, (small, other))
        before = another.get_weights()
        with pytest.raises(ValueError, match="other sizes"):
            take_layers(another, generator, grows_at_end=True)
        assert all(map(np.array_equal, before, another.get_weights()))


@pytest.mark.parametrize("name", ["light", "large"])
def test_a_discriminator_that_saw_no_mirror_images_judges_as_before_and_can_learn_from_them(name):
    old = replace(recipes.RECIPES[name], size=16, latent=8, generator_widths=(8, 8), discriminator_widths=(8, 8))
    (_, source), (_, network) = (build.build_networks(replace(old, mirrored=seen)) for seen in (False, True))
    (_, patches) = build.build_networks(replace(LARGE, size=16, discriminator_widths=(8,), patches=True, mirrored=True))
    take_layers(network, source, grows_at_end=False)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    assert np.allclose(network(images), source(images), atol=1e-5)
    if name == "large":  # as adapt begins
        take_first_layers(patches, source)
        assert np.array_equal(patches.trainable_weights[0], network.trainable_weights[0])
    with pytest.raises(ValueError, match="other sizes"):
        take_layers(source, network, grows_at_end=False)


def test_a_run_without_mirror_images_goes_on_with_them(eager, train):
    assert train("--recipe", "light", "--run", "old", "--steps", "2") == 0
    assert train("--init-from", "old", "--mirrored", "--run", "new", "--steps", "1", "--learning-rate", "1e-9",
                 tiny=[]) == 0  # fmt: skip
    one, other = (saved.load(f"{run}/discriminator.keras").trainable_weights[0] for run in ("old", "new"))
    assert np.allclose(other[:, :, :3], one, atol=1e-6) and np.abs(other[:, :, 3:]).max() < 1e-6


def test_a_run_of_fastgan_goes_on_with_a_reader(eager, train):
    assert train("--recipe", "fastgan", "--no-projected", "--precision", "float32", "--run", "old", "--steps", "1") == 0
    old = saved.load("old/discriminator.keras")
    gan = build.build_gan(replace(recipes.RECIPES["fastgan"], size=16, latent=8, generator_widths=(16, 8),
                                  discriminator_widths=(8, 16)))  # fmt: skip
    initialise(gan, Path("old"))
    new = gan.discriminator
    assert (fastgan.reads(old), fastgan.reads(new)) == (False, True)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    judged = [np.asarray(fastgan.without_reader(network)(images, training=True)) for network in (old, new)]
    assert np.allclose(*judged, atol=1e-4)
    z = latents.from_seeds(range(4), 8)
    drawn = [network(z, training=True) for network in (saved.load("old/generator.keras"), gan.generator)]
    assert np.allclose(*map(np.asarray, drawn), atol=1e-4)


def test_a_training_begins_with_networks_for_smaller_pictures(eager, train, refused):
    assert train("--recipe", "tutorial", "--mirrored", "--run", "small", "--steps", "2") == 0
    assert train("--init-from", "small", "--size", "32", "--run", "large", "--steps", "1", "--learning-rate", "1e-9",
                 tiny=[]) == 0  # fmt: skip
    assert open_generator(Path("large")).shape == (32, 32, 3)
    one, other = (saved.load(Path(run) / "generator.keras").get_weights() for run in ("small", "large"))
    assert np.allclose(one[0], other[0], atol=1e-6) and np.allclose(one[-1], other[-1], atol=1e-6)
    assert train("--recipe", "fastgan", "--no-projected", "--run", "excited", "--steps", "1") == 0
    line = refused(lambda argv: train(*argv, tiny=[]), ["--init-from", "excited", "--size", "32", "--run", "new"], 2)
    assert "excited draws 16 pixels, and networks of --architecture fastgan cannot grow: give --size 16" in line
    # A plain file does not say its options: those that are typed must fit.
    words = ["--init-from", "small/generator.keras", "--recipe", "tutorial", *SIZES, *NARROW, "--warm-up", "0"]
    line = refused(lambda argv: train(*argv, tiny=[]), [*words, "--generator-widths", "4,4,4", "--steps", "1"], 1)
    assert "does not fit these options" in line
