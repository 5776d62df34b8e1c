"""Measured attributes against drawn faces whose looks are known."""

import numpy as np
import pytest

from animefaces import attributes
from animefaces.colour import to_lab
from demo import cartoons


@pytest.fixture(scope="module")
def drawn():
    """(faces, their looks)."""
    looks, original = [], cartoons.new_look

    def remember(rng):
        looks.append(original(rng))
        return looks[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cartoons, "new_look", remember)
        faces = cartoons.draw_many(150, 64)
    return faces, looks


def luminance(colour):
    return colour @ (0.3, 0.6, 0.1)


@pytest.mark.parametrize(
    ("name", "truth", "least"),
    [
        ("hair-dark", lambda look: -luminance(look.hair), 0.95),
        ("hair-red", lambda look: look.hair[0] - look.hair[1], 0.8),
        ("hair-yellow", lambda look: look.hair[0] / 2 + look.hair[1] / 2 - look.hair[2], 0.9),
        ("skin-dark", lambda look: -luminance(look.skin), 0.9),
        ("eyes-red", lambda look: look.iris[0] - look.iris[1], 0.6),
        ("eyes-yellow", lambda look: look.iris[0] + look.iris[1] - 2 * look.iris[2], 0.6),
        ("turn", lambda look: look.turn, 0.45),
        ("face-right", lambda look: look.turn, 0.6),  # in these drawings, a face that turns also moves
    ],
)
def test_known_looks(drawn, name, truth, least):
    faces, looks = drawn
    values = attributes.measure(faces)[name]
    assert np.corrcoef(values, [truth(look) for look in looks])[0, 1] > least


def test_a_mirror_turns_left_into_right(drawn):
    faces, _ = drawn
    values, mirrored = attributes.measure(faces), attributes.measure(faces[:, :, ::-1])
    for name in ("tilt", "turn"):
        assert np.allclose(mirrored[name], -values[name], atol=1e-4), name
    assert np.allclose(mirrored["face-right"], 1 - values["face-right"], atol=1e-4)
    for name in ("hair-dark", "hair-red", "skin-dark", "background-bright", "eyes-red", "eyes-apart", "face-low"):
        assert np.allclose(mirrored[name], values[name], rtol=1e-3, atol=1e-3), name


def test_position():
    """Moved faces are found moved, in part: eyes are looked for at fixed places."""
    faces = cartoons.draw_many(40, 64)
    values, moved = attributes.measure(faces), attributes.measure(np.roll(faces, (2, 3), axis=(1, 2)))
    assert 0.3 < np.median(moved["face-right"] - values["face-right"]) / (3 / 64) < 1.2
    assert 0.3 < np.median(moved["face-low"] - values["face-low"]) / (2 / 64) < 1.2


def test_background():
    faces = cartoons.draw_many(4, 64)
    faces[:, :9, :9] = faces[:, :9, -9:] = 255
    assert attributes.measure(faces)["background-bright"] == pytest.approx(100, abs=0.1)
    faces[:, :9, :9] = 0
    assert attributes.measure(faces)["background-bright"] == pytest.approx(50, abs=0.1)


def test_lab_of_known_colours():
    """CIE Lab of sRGB's primaries, from its definition."""
    lab = to_lab(np.array([(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)[:, None, None])
    expected = [(100, 0, 0), (0, 0, 0), (53.2, 80.1, 67.2), (32.3, 79.2, -107.9)]
    assert np.allclose(lab[:, 0, 0], expected, atol=0.6)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((20, 20, 24), "black"), ((128, 128, 130), "grey"), ((235, 235, 238), "white"), ((190, 30, 40), "red"),
        ((110, 70, 45), "brown"), ((245, 215, 120), "blond"), ((60, 150, 80), "green"), ((60, 110, 220), "blue"),
        ((120, 60, 160), "purple"), ((250, 150, 190), "pink"),
    ],
)  # fmt: skip
def test_colours_have_their_names(colour, name):
    lab = to_lab(np.array(colour, np.uint8)[None, None, None])
    assert attributes.COLOURS[attributes.colour_names(lab[:, 0, 0])[0]] == name


def test_coverage():
    assert attributes.coverage(np.array([0.5, 0.5, 0]), np.array([0.5, 0.5, 0])) == 1
    assert attributes.coverage(np.array([0.5, 0.5, 0]), np.array([0, 0.25, 0.75])) == 0.25


def test_figures_on_a_dark_ground():
    """A bar of 4 x 12 pixels: its moments in closed form, upright and leaning."""
    pictures = np.zeros((2, 28, 28, 1), np.uint8)
    pictures[0, 8:20, 12:16] = 255
    for y in range(8, 20):
        pictures[1, y, 18 - (y - 8) // 2 : 22 - (y - 8) // 2] = 255
    values = attributes.measure(pictures)
    assert values["bold"] == pytest.approx([48 / 784] * 2, abs=1e-3)
    assert values["wide"][0] == pytest.approx(np.sqrt((16 - 1) / 12) / 28, rel=0.02)
    assert values["high"][0] == pytest.approx(np.sqrt((144 - 1) / 12) / 28, rel=0.02)
    assert values["lean"][0] == pytest.approx(0, abs=1e-3)
    assert values["lean"][1] == pytest.approx(0.5, abs=0.03)
