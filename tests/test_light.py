"""Poor light: mended. Usual light: left alone."""

import numpy as np
import pytest

from animefaces import images
from animefaces.colour import to_lab
from benchmarks.light import LIGHTS
from demo import cartoons
from drawing import light


def face(skin=(206, 160, 136), hair=(60, 42, 34), ground=(180, 190, 200), shirt=(225, 228, 230)):
    """A crop like those of photos, uint8 (64, 64, 3): hair, skin, dark eyes, lips, a blue and white shirt."""
    rows, columns = np.mgrid[:64, :64]
    pixels = np.full((64, 64, 3), ground, np.uint8)
    pixels[((columns - 32) / 29) ** 2 + ((rows - 30) / 34) ** 2 < 1] = hair
    inside = ((columns - 32) / 24) ** 2 + ((rows - 34) / 32) ** 2 < 1
    shade = 1 - 0.25 * columns / 64
    pixels[inside] = (np.array(skin) * shade[..., None])[inside].astype(np.uint8)
    pixels[48:52, 24:40] = np.array(skin) * [0.9, 0.5, 0.55]
    pixels[58:] = (50, 70, 120)
    pixels[58:, 28:36] = shirt
    for x in (20, 44):
        pixels[16:20, x - 3 : x + 3] = 8
    return pixels


def mended(pixels):
    return light.coloured(light.levelled(pixels, pixels, framed=True), framed=True)


def skin_of(pixels):
    return to_lab(pixels)[26:38, 20:44].mean(axis=(0, 1))


SKINS = [(206, 160, 136), (240, 205, 185), (141, 85, 54), (70, 45, 35), (225, 172, 120)]


@pytest.mark.parametrize("skin", SKINS)
@pytest.mark.parametrize("ground", [(180, 190, 200), (30, 30, 30), (250, 250, 250), (40, 110, 60)])
def test_a_photo_in_usual_light_is_not_changed_at_all(skin, ground):
    assert np.array_equal(mended(face(skin, ground=ground)), face(skin, ground=ground))


def test_dark_skin_is_not_taken_for_poor_light():
    """A crop without anything lighter than the gleam of the skin: the rest of the photo tells."""
    crop = face((70, 45, 35), ground=(30, 30, 30), shirt=(20, 20, 20))
    crop[8:14, 26:34] = (125, 115, 110)
    street = np.full((300, 400, 3), 210, np.uint8)
    assert np.array_equal(light.levelled(crop, street, framed=True), crop)
    assert skin_of(light.levelled(crop, crop, framed=True))[0] > skin_of(crop)[0] + 6  # nothing on the photo is light


def test_a_face_against_the_light():
    crop = LIGHTS["5 stops too dark"](face())
    street = np.full((300, 400, 3), 210, np.uint8)
    assert skin_of(light.levelled(crop, street, framed=True))[0] == pytest.approx(42, abs=6)


def test_a_drawing_is_not_changed_at_all():
    for seed in range(20):
        for size in (32, 64):
            drawing = cartoons.draw(seed, size)
            assert np.array_equal(light.coloured(light.levelled(drawing, drawing, framed=False), framed=False), drawing)


@pytest.mark.parametrize("name", ["2 stops too dark", "5 stops too dark", "haze"])
@pytest.mark.parametrize("skin", SKINS)
def test_lightness_comes_back(name, skin):
    poor = LIGHTS[name](face(skin))
    before, after, right = (to_lab(pixels)[..., 0] for pixels in (poor, mended(poor), face(skin)))
    assert np.abs(after - right).mean() < 0.8 * np.abs(before - right).mean()
    assert np.abs(after - right).mean() < 21
    # Whose skin is darker, has darker skin afterwards too.
    assert skin_of(mended(LIGHTS[name](face((141, 85, 54)))))[0] < skin_of(mended(LIGHTS[name](face())))[0] - 10


def test_an_overexposed_face_becomes_as_light_as_a_light_one():
    poor = LIGHTS["1.5 stops too bright"](face((240, 205, 185)))
    assert skin_of(poor)[0] > 95
    assert skin_of(mended(poor))[0] == pytest.approx(75, abs=6)


@pytest.mark.parametrize("name", ["grey", "grey, toned blue", "3 stops too dark and grey"])
@pytest.mark.parametrize("skin", SKINS)
def test_a_photo_without_colours_gets_those_of_skin_and_hair(name, skin):
    poor = LIGHTS[name](face(skin))
    _, red, yellow = skin_of(mended(poor))
    assert red == pytest.approx(12, abs=6) and yellow == pytest.approx(15, abs=10)
    hair = to_lab(mended(poor))[0:2, 28:36].mean(axis=(0, 1))
    assert hair[2] > 2  # brown, not blue
    # Only colours are added: lightness is what it would be without them.
    assert np.abs(to_lab(light.coloured(poor, framed=True))[..., 0] - to_lab(poor)[..., 0]).max() < 1.5


def test_a_sepia_photo_is_one_without_colours():
    sepia = images.to_array(images.to_image(face()), None, 1) * np.array([1, 0.85, 0.6])
    assert skin_of(mended(sepia.astype(np.uint8)))[1] == pytest.approx(15, abs=3)


@pytest.mark.parametrize("name", ["blue light", "orange light", "green light"])
def test_coloured_light_is_weakened_and_skin_stays_as_light(name):
    poor = LIGHTS[name](face())
    before, after, right = skin_of(poor), skin_of(mended(poor)), skin_of(face())
    assert np.hypot(*(after - right)[1:]) < 0.75 * np.hypot(*(before - right)[1:])
    assert after[0] == pytest.approx(before[0], abs=3)


@pytest.mark.parametrize("value", [0, 1, 40, 128, 255])
def test_nothing_but_one_colour(value):
    for crop in (np.full((16, 16, 3), value, np.uint8), np.full((1, 1, 3), value, np.uint8)):
        result = mended(crop)
        assert result.shape == crop.shape and result.dtype == np.uint8
