"""Looks that are drawn onto a face. The face is a simple one, whose parts are known."""

import numpy as np
import pytest

from animefaces.colour import to_lab
from drawing import touches
from drawing.touches import EYES, HAIR, OTHER, SKIN

SIDE = 64
PLACES = touches.Places((0.33, 0.53), (0.67, 0.53), (0.5, 0.68), (0.5, 0.78), (0.5, 0.92), (0.26, 0.78), (0.74, 0.78))
Y, X = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE


@pytest.fixture(scope="module")
def face():
    """(pixels, parts): skin below blue hair, on white, with dark eyes and a mouth."""
    parts = np.zeros((SIDE, SIDE, 4), np.float32)
    part = np.full((SIDE, SIDE), OTHER)
    part[(X - 0.5) ** 2 + (Y - 0.5) ** 2 < 0.22] = HAIR
    part[((X - 0.5) / 0.26) ** 2 + ((Y - 0.62) / 0.32) ** 2 < 1] = SKIN
    for x, y in (PLACES.left_eye, PLACES.right_eye):
        part[(abs(x - X) < 0.06) & (abs(y - Y) < 0.05)] = EYES
    np.put_along_axis(parts, part[..., None], 1, axis=-1)
    colours = np.array([(250, 222, 200), (70, 110, 200), (255, 255, 255), (30, 30, 60)], np.uint8)
    pixels = colours[part]
    pixels[(abs(X - 0.5) < 0.05) & (abs(Y - 0.78) < 0.01)] = (150, 115, 105)
    return pixels, parts


def changed(before, after):
    return (np.abs(before.astype(int) - after) > 2).any(axis=-1)


def test_hair_and_skin_take_the_colours_and_the_rest_stays(face):
    pixels, parts = face
    brown, dark = touches.HAIR_COLOURS["brown"], touches.SKIN_COLOURS["dark"]
    made = touches.coloured(pixels, parts, PLACES, brown, dark)
    lab = to_lab(made)
    assert np.allclose(np.median(lab[parts[..., HAIR] == 1], axis=0), brown, atol=4)
    assert np.allclose(np.median(lab[parts[..., SKIN] == 1], axis=0), dark, atol=4)
    assert not changed(pixels, made)[parts[..., EYES] == 1].any()
    assert not changed(pixels, made)[(parts[..., OTHER] == 1) & (Y < 0.5)].any()
    assert np.array_equal(touches.coloured(pixels, parts, PLACES), pixels)
    only_hair = touches.coloured(pixels, parts, PLACES, hair=brown)
    assert not changed(pixels, only_hair)[(parts[..., SKIN] == 1) & (Y > 0.5)].any()


def test_a_neck_that_was_not_found_has_the_colour_of_the_face(face):
    pixels, parts = face
    pixels, parts = pixels.copy(), parts.copy()
    neck = (Y > 0.95) & (abs(X - 0.5) < 0.1)
    pixels[neck], parts[neck] = (250, 222, 200), np.eye(4, dtype=np.float32)[OTHER]
    made = to_lab(touches.coloured(pixels, parts, PLACES, skin=touches.SKIN_COLOURS["dark"]))
    assert np.median(made[neck][:, 0]) < 60


@pytest.mark.parametrize("open", [True, False])
@pytest.mark.parametrize("smile", [True, False])
def test_a_mouth_is_drawn_where_the_mouth_is(face, open, smile):
    pixels, parts = face
    made = touches.mouthed(pixels, parts, PLACES, open, smile)
    where = changed(pixels, made)
    assert where.any()
    assert not where[(abs(X - 0.5) > 0.17) | (abs(Y - 0.78) > 0.1)].any()
    red = (to_lab(made)[..., 1] > 25).sum() - (to_lab(pixels)[..., 1] > 25).sum()
    assert (red > 10) == open


def test_a_smile_is_wider(face):
    widths = [np.ptp(np.nonzero(to_lab(touches.mouthed(*face, PLACES, True, smile))[..., 1] > 20)[1])
              for smile in (False, True)]  # fmt: skip
    assert widths[1] > widths[0]


def test_a_face_without_skin_stays(face):
    pixels, parts = face
    nothing = np.zeros_like(parts)
    nothing[..., OTHER] = 1
    assert np.array_equal(touches.mouthed(pixels, nothing, PLACES, True, True), pixels)
    made = touches.coloured(pixels, nothing, PLACES, touches.HAIR_COLOURS["red"], touches.SKIN_COLOURS["dark"])
    assert not changed(pixels, made).any()


def test_a_beard_grows_on_the_lower_half_of_the_skin(face):
    pixels, parts = face
    made = touches.bearded(pixels, parts, PLACES, touches.of_beard((20, 0, 0)))
    where = changed(pixels, made)
    assert where[(Y > 0.86) & (parts[..., SKIN] == 1)].mean() > 0.7
    assert not where[(Y < 0.62) | (parts[..., SKIN] == 0)].any()


def test_glasses_have_two_frames(face):
    pixels, _ = face
    where = changed(pixels, touches.with_glasses(pixels, PLACES))
    assert not where[(Y < 0.38) | (Y > 0.72)].any()
    for x, _ in (PLACES.left_eye, PLACES.right_eye):
        column = where[:, int(x * SIDE)]
        assert column[:35].any() and column[35:].any()


def test_lines_of_age(face):
    pixels, parts = face
    some, all_lines = (changed(pixels, touches.aged(pixels, parts, PLACES, 0.8, every)) for every in (False, True))
    assert 0 < some.sum() < all_lines.sum()
    assert not some[Y < 0.65].any()
    assert not all_lines[parts[..., SKIN] == 0].any()


@pytest.mark.parametrize("size", [32, 128])
def test_other_sizes(face, size):
    import cv2

    pixels, parts = (cv2.resize(one, (size, size), interpolation=cv2.INTER_NEAREST) for one in face)
    for made in (
        touches.coloured(pixels, parts, PLACES, touches.HAIR_COLOURS["grey"]),
        touches.mouthed(pixels, parts, PLACES, True, True),
        touches.bearded(pixels, parts, PLACES, (20, 0, 0)),
        touches.aged(pixels, parts, PLACES),
        touches.with_glasses(pixels, PLACES),
    ):
        assert made.shape == (size, size, 3)
        assert changed(pixels, made).any()
