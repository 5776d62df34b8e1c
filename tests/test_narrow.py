"""Small sets that have a look of their own."""

from pathlib import Path

import numpy as np
import pytest

from animefaces import images
from benchmarks import narrow

SHADES = {"red": (200, 30, 30), "blue": (30, 150, 220), "brown": (90, 60, 30), "white": (240, 240, 240)}


@pytest.fixture
def faces():
    """A folder of faces with hair of four colours, three of each, no two of them equal."""
    for name, shade in SHADES.items():
        for i in range(3):
            face = np.full((64, 64, 3), (230, 200, 180), np.uint8)
            face[:18] = shade
            face[60:, : 4 * i + 4] = 0
            images.save(f"faces/{name}{i}.png", face)
    return ["--data", "faces"]


def chosen(folder):
    return np.stack([images.read(path) for path in sorted(Path(folder).iterdir())])


@pytest.mark.parametrize("look", ["red", "blue"])
def test_faces_with_hair_of_this_colour_are_chosen(look, faces, capsys):
    assert narrow.main([look, *faces, "--output", "out", "--count", "3"]) == 0
    assert "out: 3 pictures of 12" in capsys.readouterr().out
    assert chosen("out")[:, 9, 30].tolist() == [list(SHADES[look])] * 3


def test_grey_faces_have_no_colours_and_more_contrast(faces):
    assert narrow.main(["grey", *faces, "--output", "out", "--count", "5"]) == 0
    made = chosen("out")
    assert made.shape == (5, 64, 64, 3)
    assert (made == made[..., :1]).all()
    assert made.max((1, 2, 3)).min() > 250  # and no hair or skin is lighter than 240


def test_bad_input(faces, refused):
    assert refused(narrow.main, ["red"], 2) == "name the faces to choose from with --data"
    words = refused(narrow.main, ["red", *faces, "--output", "out"], 1)
    assert words == "there are 12 pictures, and 120 are needed: lower --count"
    assert "faces is there already" in refused(narrow.main, ["red", *faces, "--output", "faces"], 1)
