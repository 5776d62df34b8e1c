"""The upscaler: larger faces in files, grids and cards, the same as the small ones but for their lines."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import encode
import generate
from animefaces import images, latents, runs
from demo import cartoons
from drawing.enlarging import Enlarger
from drawing.opening import open_generator
from models.upscaler import build_upscaler
from training import upscaler


@pytest.fixture(scope="module")
def enlarger():
    return Enlarger()


@pytest.fixture(scope="module")
def drawn():
    generator = open_generator(runs.PRETRAINED)
    return generator.draw(latents.from_seeds(range(3), generator.latent))


def reduced(large, size):
    return np.stack(
        [images.to_array(images.to_image(face).resize((size, size), Image.Resampling.BOX)) for face in large]
    )


def test_made_small_again_it_is_the_same_face(enlarger, drawn):
    for scale in (2, 4):
        large = enlarger.enlarged(drawn, scale)
        assert large.shape == (3, 64 * scale, 64 * scale, 3)
        off = reduced(large, 64).astype(int) - drawn
        assert np.abs(off).mean() < 6
        assert np.abs(off.mean(axis=(1, 2))).max() < 1  # no tint
    assert enlarger.enlarged(drawn, 1) is drawn


def test_lines_are_sharper_than_an_enlargement(enlarger, drawn):
    large = enlarger.enlarged(drawn, 4)
    plain = np.stack([np.asarray(images.to_image(face).resize((256, 256), Image.Resampling.BICUBIC)) for face in drawn])

    def steps(pixels):
        return np.quantile(np.abs(np.diff(pixels.astype(int), axis=2)), 0.99)

    assert steps(large) > 1.3 * steps(plain)


def test_a_face_is_the_same_in_any_company(enlarger, drawn):
    together = enlarger.enlarged(drawn, 4)
    assert np.array_equal(enlarger.enlarged(drawn[1:2], 4)[0], together[1])


def test_grey_faces_stay_grey(enlarger):
    grey = np.full((1, 28, 28, 1), 128, np.uint8)
    assert enlarger.enlarged(grey, 4).shape == (1, 112, 112, 1)


def test_a_new_upscaler_adds_no_details():
    slope = np.linspace(-1, 1, 8, dtype=np.float32)[None, None, :, None] * np.ones((1, 8, 1, 3), np.float32)
    large = np.asarray(build_upscaler(8, 1)(slope))
    assert large.shape == (1, 32, 32, 3)
    assert np.allclose(large.reshape(1, 8, 4, 8, 4, 3).mean((2, 4))[:, :, 1:-1], slope[:, :, 1:-1], atol=1e-5)


def test_it_learns_what_the_teacher_draws(monkeypatch):
    small = cartoons.draw_many(6, 32)
    large = small.repeat(4, 1).repeat(4, 2)
    monkeypatch.setattr(upscaler, "BATCH", 4)
    network = upscaler.fit(small, large, 12)
    before, after = (np.asarray(n(images.to_network(small))) for n in (build_upscaler(), network))
    target = images.to_network(large)
    assert np.abs(after - target).mean() < np.abs(before - target).mean()


def test_the_programs_draw_larger_faces(trained):
    assert generate.main(["--run", str(trained), "--count", "2", "--scale", "4", "--output", "faces/"]) == 0
    assert images.read("faces/seed_000000.png").shape == (64, 64, 3)
    assert generate.main(["--run", str(trained), "--count", "4", "--scale", "2", "--output", "grid.png"]) == 0
    assert images.read("grid.png").shape == (64, 64, 3)
    images.save("a.png", cartoons.draw(0, 48))
    words = ["a.png", "--no-detect", "--run", str(runs.PRETRAINED)]
    assert encode.main([*words, "--scale", "2", "--output", "out/"]) == 0
    assert images.read("out/a.png").shape == (128, 128, 3)


@pytest.mark.parametrize(
    ("program", "flags", "words"),
    [
        (generate, "--scale 2 --output film.gif", "--scale is for pictures, not for films"),
        (generate, "--scale 3", "invalid choice"),
        (encode, "a.png --scale 4", "--scale is for files of single faces: add --output faces/"),
    ],
)
def test_misuse(program, flags, words, refused):
    assert words in refused(program.main, flags.split(), 2)


def test_the_teacher_must_be_there(refused):
    assert "gone.onnx does not exist" in refused(upscaler.main, ["--teacher", Path("gone.onnx")], 1)
