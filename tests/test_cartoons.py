"""The drawn faces: the same for a seed, different between seeds, and put in a folder by a command."""

import numpy as np
import pytest

from animefaces import images
from demo import cartoons


def run(folder, *flags):
    return cartoons.main(["--output", str(folder), *flags])


@pytest.mark.parametrize("size", [8, 30, 64, 96])
def test_a_face_is_square_and_of_any_size(size):
    face = cartoons.draw(3, size)
    assert face.shape == (size, size, 3)
    assert face.dtype == np.uint8
    assert face.std() > 20


def test_a_seed_is_always_the_same_face():
    assert np.array_equal(cartoons.draw(7), cartoons.draw(7))
    assert np.array_equal(cartoons.draw_many(3, 32, first=5)[2], cartoons.draw(7, 32))


def test_a_face_looks_the_same_in_every_size():
    small, large = cartoons.draw(11, 32), cartoons.draw(11, 128)
    shrunk = large.reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 8


def test_seeds_differ():
    faces = cartoons.draw_many(64, 32)
    assert len({face.tobytes() for face in faces}) == 64


def test_hair_skin_and_background_vary():
    faces = cartoons.draw_many(64).astype(float)
    for part, spread in (
        (faces[:, 8:16, 24:40], 40),  # hair above the fringe
        (faces[:, 43:46, 28:36], 25),  # skin between eyes and mouth
        (faces[:, :4, :4], 8),  # a corner
    ):
        assert part.mean((1, 2)).std(axis=0).mean() > spread


def test_every_seed_can_be_drawn():
    faces = cartoons.draw_many(300, 16, first=1000)
    assert faces.std(axis=(1, 2, 3)).min() > 20


def test_the_command_writes_what_it_was_asked_for(tmp_path):
    folder = tmp_path / "new" / "faces"
    assert run(folder, "--count", "5", "--size", "16") == 0
    assert sorted(p.name for p in folder.iterdir()) == [f"0000{n}.png" for n in range(5)]
    assert np.array_equal(images.read(folder / "00004.png"), cartoons.draw(4, 16))


def test_running_again_only_adds_what_is_missing(tmp_path):
    run(tmp_path, "--count", "3", "--size", "16")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert run(tmp_path, "--count", "3", "--size", "16") == 0
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before
    assert run(tmp_path, "--count", "4", "--size", "16") == 0
    assert len(list(tmp_path.iterdir())) == 4


def test_sizes_are_not_mixed_in_a_folder(tmp_path, capsys):
    run(tmp_path, "--count", "1", "--size", "16")
    assert run(tmp_path, "--count", "2", "--size", "32") == 1
    assert "choose another --output" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("flags", [("--count", "0"), ("--size", "4"), ("--kount", "3")])
def test_wrong_use_exits_2_and_writes_nothing(tmp_path, capsys, flags):
    assert run(tmp_path / "faces", *flags) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "faces").exists()
