"""Hair, skin and background, on faces whose colours are planted."""

import numpy as np
import pytest

from animefaces.colour import to_lab
from benchmarks import regions

HAIR, SKIN, WALL = (40, 60, 160), (230, 190, 165), (120, 200, 120)


def face(hair=HAIR, skin=SKIN, wall=WALL, ellipses=regions.DRAWN):
    """A head of hair with a face in it, before a wall, 64x64, a little noisy."""
    v, u = (np.mgrid[:64, :64] + 0.5) / 64
    inner, outer = (((u - x) / a) ** 2 + ((v - y) / b) ** 2 for x, y, a, b in ellipses)
    pixels = np.where((inner < 1)[..., None], skin, np.where((outer < 0.95)[..., None], hair, wall))
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def lab(*colours):
    return to_lab(np.array([colours], np.uint8))[0]


@pytest.mark.parametrize("ellipses", [regions.DRAWN, regions.PHOTO])
@pytest.mark.parametrize("skin", [SKIN, (90, 60, 45)], ids=["light", "dark"])
def test_planted_colours_are_found(ellipses, skin):
    masks, colours = regions.find(face(skin=skin, ellipses=ellipses)[None], ellipses)
    np.testing.assert_allclose(colours[0], lab(HAIR, skin, WALL), atol=3)
    assert masks.shape == (1, 32, 32, 3)
    assert masks.sum(axis=-1).max() == 1
    assert masks[0, 2, 16].tolist() == [True, False, False]
    assert masks[0, 22, 16].tolist() == [False, True, False]
    assert masks[0, 0, 0].tolist() == [False, False, True]


def test_a_bald_head_has_no_hair():
    masks, colours = regions.find(face(hair=SKIN)[None], regions.DRAWN)
    assert np.isfinite(colours[0, :, 0]).tolist() == [False, True, False]
    assert not masks[..., 0].any()


def test_hair_before_its_like_has_no_background():
    _, colours = regions.find(face(wall=HAIR)[None], regions.DRAWN)
    np.testing.assert_allclose(colours[0, :2], lab(HAIR, SKIN), atol=3)
    assert np.isnan(colours[0, 2]).all()


def test_a_blank_picture_has_neither():
    _, colours = regions.find(np.full((1, 64, 64, 3), 200, np.uint8), regions.PHOTO)
    assert np.isnan(colours[0, [0, 2]]).all()


def test_a_face_has_the_same_regions_in_any_company():
    faces = np.stack([face(), face(hair=(200, 40, 40)), face(wall=(10, 10, 10))])
    _, together = regions.find(faces, regions.DRAWN)
    np.testing.assert_allclose(together[1], regions.find(faces[1:2], regions.DRAWN)[1][0], rtol=1e-4)
