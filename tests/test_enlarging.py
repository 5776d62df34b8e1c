"""The upscaler: larger faces in files, grids and cards, the same as the small ones but for their lines."""

import numpy as np
import pytest
from PIL import Image

import encode
import generate
from animefaces import images, latents, runs
from demo import cartoons
from drawing.choosing import FEW, scale_for
from drawing.enlarging import Enlarger
from drawing.opening import open_generator
from models import saved
from models.upscaler import build_upscaler


@pytest.fixture(scope="module")
def enlarger():
    return Enlarger(4)


@pytest.fixture(scope="module")
def drawn():
    generator = open_generator(runs.PRETRAINED)
    return generator.draw(latents.from_seeds(range(3), generator.latent))


def reduced(large, size):
    return np.stack(
        [images.to_array(images.to_image(face).resize((size, size), Image.Resampling.BOX)) for face in large]
    )


def test_made_small_again_it_is_the_same_face(drawn):
    for scale in (2, 4):
        large = Enlarger(scale)(drawn)
        assert large.shape == (3, 64 * scale, 64 * scale, 3)
        off = reduced(large, 64).astype(int) - drawn
        assert np.abs(off).mean() < 8
        assert np.abs(off.reshape(3, 8, 8, 8, 8, 3).mean(axis=(2, 4))).mean() < 1  # no tint, and no other shade
    assert Enlarger(1)(drawn) is drawn


def test_faces_are_large_by_default_unless_they_are_many():
    assert [scale_for(size, None) for size in (28, 64, 96, 128, 256)] == [4, 4, 2, 2, 1]
    assert scale_for(64, None, FEW) == 4 and scale_for(64, None, FEW + 1) == 1
    assert scale_for(128, 4) == 4 and scale_for(64, 1) == 1


def test_lines_are_sharper_than_an_enlargement(enlarger, drawn):
    large = enlarger(drawn)
    plain = np.stack([np.asarray(images.to_image(face).resize((256, 256), Image.Resampling.BICUBIC)) for face in drawn])

    def steps(pixels):
        return np.quantile(np.abs(np.diff(pixels.astype(int), axis=2)), 0.99)

    assert steps(large) > 1.3 * steps(plain)


def test_a_face_is_the_same_in_any_company(enlarger, drawn):
    together = enlarger(drawn)
    assert np.array_equal(enlarger(drawn[1:2])[0], together[1])


def test_grey_faces_stay_grey(enlarger, drawn):
    grey = drawn.mean(axis=-1, keepdims=True).astype(np.uint8)
    large = enlarger(grey)
    assert large.shape == (len(grey), *(4 * side for side in drawn.shape[1:3]), 1) and np.ptp(large) > 100
    assert np.array_equal(enlarger(grey.repeat(3, axis=-1)), large.repeat(3, axis=-1))
    assert np.ptp(enlarger(drawn), axis=-1).max() > 20


def test_a_new_upscaler_adds_no_details():
    slope = np.linspace(-1, 1, 8, dtype=np.float32)[None, None, :, None] * np.ones((1, 8, 1, 3), np.float32)
    large = np.asarray(build_upscaler(8, 1)(slope))
    assert large.shape == (1, 32, 32, 3)
    assert np.allclose(large.reshape(1, 8, 4, 8, 4, 3).mean((2, 4))[:, :, 1:-1], slope[:, :, 1:-1], atol=0.01)


def test_the_programs_draw_larger_faces(trained):
    assert generate.main(["--run", str(trained), "--count", "2", "--scale", "4", "--output", "faces/"]) == 0
    assert images.read("faces/seed_000000.png").shape == (64, 64, 3)
    assert generate.main(["--run", str(trained), "--count", "4", "--scale", "2", "--output", "grid.png"]) == 0
    assert images.read("grid.png").shape == (64, 64, 3)
    images.save("a.png", cartoons.draw(0, 48))
    words = ["a.png", "--no-detect", "--run", str(runs.PRETRAINED)]
    assert encode.main([*words, "--scale", "2", "--output", "out/"]) == 0
    assert images.read("out/a.png").shape == (128, 128, 3)
    # Without the option they are up to 256 pixels wide.
    assert encode.main([*words, "--output", "wide/"]) == 0
    assert images.read("wide/a.png").shape == (256, 256, 3)
    assert generate.main(["--run", str(trained), "--count", "2", "--output", "walk.gif"]) == 0
    with Image.open("walk.gif") as film:
        assert film.size == (64, 64)


def test_ones_own_upscaler(trained, refused):
    saved.save(build_upscaler(8, 1), "own.keras")
    words = ["--run", str(trained), "--count", "1", "--upscaler"]
    assert generate.main([*words, "own.keras", "--output", "own.png"]) == 0
    assert generate.main(["--run", str(trained), "--count", "1", "--output", "usual.png"]) == 0
    own, usual = images.read("own.png"), images.read("usual.png")
    assert own.shape == usual.shape and not np.array_equal(own, usual)
    assert "gone.keras does not exist: train an upscaler" in refused(generate.main, [*words, "gone.keras"], 1)
    line = refused(generate.main, [*words, trained / "generator.keras"], 1)
    assert "does not enlarge pictures 4 times: train an upscaler with python train.py upscaler" in line


@pytest.mark.parametrize(
    ("program", "flags", "words"),
    [
        (generate, "--scale 3", "invalid choice"),
        (encode, "a.png --scale 4", "--scale is for files of single faces: add --output faces/"),
    ],
)
def test_misuse(program, flags, words, refused):
    assert words in refused(program.main, flags.split(), 2)
