"""Drawn heads: cut out, put back into photos, and as stickers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import encode
from animefaces import images, latents, runs
from demo import cartoons
from drawing import heads, photos, pictures
from drawing.enlarging import Enlarger
from drawing.opening import open_generator

LOOKS = ["--run", str(runs.PRETRAINED)]


@pytest.fixture(scope="module")
def drawn():
    generator = open_generator(runs.PRETRAINED)
    return generator.draw(latents.from_seeds([3, 8], generator.latent))


@pytest.fixture(scope="module")
def cut():
    return pictures.Cutter(Enlarger(4))


@pytest.fixture(scope="module")
def head(cut, drawn):
    return cut(drawn)[0]


@pytest.fixture
def person(monkeypatch):
    """A detector that finds somebody in the middle of a photo that is higher than wide."""

    def find(pixels):
        height, width = pixels.shape[:2]
        if width > height:
            return []
        left, right = (0.44 * width, 0.4 * height), (0.56 * width, 0.4 * height)
        return [photos.Person((left, right), 1.0, (0.5 * width, 0.4 * height + 0.13 * width))]

    monkeypatch.setattr(photos, "open_photo_detector", lambda: find)


@pytest.fixture
def photo():
    """A photo of noise, as a file."""
    pixels = np.random.default_rng(0).integers(90, 110, (300, 200, 3), np.uint8)
    images.save("photo.png", pixels)
    return pixels


def test_a_head_is_one_piece_beyond_the_edges_of_its_picture(head):
    total, margin = len(head.cover), round(heads.MARGIN * head.side)
    assert head.pixels.shape == (total, total, 3) and total == head.side + 2 * margin
    assert head.cover.min() >= 0 and head.cover.max() > 0.99
    assert 0.15 < (head.cover > 0.5).mean() < 0.6
    middle = head.cover[margin + 100 : margin + 160, margin + 100 : margin + 160]
    assert middle.min() > 0.95  # eyes and nose
    assert head.cover[0].max() == head.cover[:, 0].max() == head.cover[:, -1].max() == 0
    x, y = head.chin
    assert margin < x < margin + head.side and margin + head.side / 2 < y < total


def test_hair_that_touches_the_upper_edge_goes_on_beyond_it():
    face = np.full((256, 256, 3), (60, 30, 20), np.uint8)  # all hair
    parts = np.zeros((64, 64, 4), np.float32)
    parts[..., heads.HAIR] = 1
    places = heads.Places.of([0.35, 0.55, 0.65, 0.55, 0.5, 0.7, 0.5, 0.8, 0.5, 0.9, 0.3, 0.75, 0.7, 0.75])
    head = heads.cut_out(face, parts, places)
    margin = round(heads.MARGIN * 256)
    column = head.cover[:, len(head.cover) // 2]
    assert column[margin - 20] > 0.9 and column[:5].max() == 0
    assert head.cover[margin + 2, margin + 2] == 0  # corners are round
    assert head.cover[margin + 256 + 5].max() > 0.5  # locks below


def test_a_face_that_shows_no_hair_and_no_skin():
    face, parts = np.full((256, 256, 3), 255, np.uint8), np.zeros((64, 64, 4), np.float32)
    parts[..., heads.OTHER] = 1
    head = heads.cut_out(face, parts, heads.Places.of([0.5] * 14))
    assert head.skin is None and head.cover.max() < 0.5
    photo = np.full((50, 50, 3), 9, np.uint8)
    person = photos.Person(((20.0, 20.0), (30.0, 20.0)), 1.0)
    assert np.array_equal(heads.put_back(photo, person, head), photo)
    assert not heads.sticker(head).any()


def test_the_head_covers_the_person_and_nothing_else(head):
    photo = np.full((400, 400, 3), 120, np.uint8)
    person = photos.Person(((180.0, 200.0), (220.0, 200.0)), 1.0, (200.0, 242.0))
    made = heads.put_back(photo, person, head)
    changed = (made != photo).any(axis=2)
    assert made.shape == photo.shape and np.array_equal(photo, np.full_like(photo, 120))
    assert changed[170:260, 170:230].mean() > 0.97
    assert not changed[:, :60].any() and not changed[:, 340:].any() and not changed[330:].any()


def test_it_is_turned_and_sized_as_the_person_is(head):
    photo, middle = np.full((600, 600, 3), 120, np.uint8), np.array([300.0, 300.0])

    def outline(angle, apart):
        across = np.array([np.cos(angle), np.sin(angle)]) * apart / 2
        person = photos.Person((tuple(middle - across), tuple(middle + across)), 1.0)
        y, x = np.nonzero((heads.put_back(photo, person, head) != photo).any(axis=2))
        return len(y), np.array([x.mean(), y.mean()]) - middle

    (area, centre), (turned_area, turned), (large, _) = outline(0, 40), outline(np.pi / 6, 40), outline(0, 60)
    assert turned_area == pytest.approx(area, rel=0.03)
    assert large == pytest.approx(area * 2.25, rel=0.03)
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    assert np.allclose(np.array([[cosine, -sine], [sine, cosine]]) @ centre, turned, atol=1.5)


def test_a_dark_photo_makes_a_darker_head(head):
    person = photos.Person(((180.0, 200.0), (220.0, 200.0)), 1.0)
    light, dark = (heads.put_back(np.full((400, 400, 3), grey, np.uint8), person, head)[200:240, 190:210].mean()
                   for grey in (220, 40))  # fmt: skip
    assert dark < 0.9 * light


@pytest.mark.parametrize("eyes", [((-90.0, 20.0), (-50.0, 20.0)), ((5.0, 3.0), (25.0, 3.0)), ((5.0, 5.0), (5.0, 5.0))])
def test_people_at_the_edge_of_the_photo_and_beyond(head, eyes):
    photo = np.full((60, 40, 3), 120, np.uint8)
    assert heads.put_back(photo, photos.Person(eyes, 1.0), head).shape == photo.shape


def test_a_sticker(head):
    made = heads.sticker(head)
    assert made.shape == (512, 512, 4) and made.dtype == np.uint8
    shown = made[..., 3] > 128
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) > 495
    assert made[0, 0, 3] == 0
    for line in (made[256], made[:, 256]):  # the rim is white
        first = np.flatnonzero(line[:, 3] > 250)[2]
        assert (line[first, :3] > 250).all()


def test_painted_photos_keep_their_size(monkeypatch):
    monkeypatch.setattr(heads, "FINEST", 5000)
    photo = cartoons.draw(0, 120)[:, :101]
    made = heads.painted(photo)
    assert made.shape == photo.shape and made.dtype == np.uint8
    assert 1 < np.abs(made.astype(int) - photo).mean() < 60


def test_into_the_photo(photo, person, capsys):
    words = [*LOOKS, "--into-photo"]
    assert encode.main(["photo.png", *words, "--output", "out.png"]) == 0
    assert "out.png: 1 face" in capsys.readouterr().out
    made = images.read("out.png")
    changed = (made != photo).any(axis=2)
    assert made.shape == photo.shape and 0.05 < changed.mean() < 0.6
    assert not changed[-40:].any()  # all else is the photo's, to the bit
    images.save("copy/photo.png", photo)
    assert encode.main(["photo.png", "copy", *words, "--paint", "--output", "out/"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["photo-2.jpg", "photo.jpg"]
    with Image.open("out/photo.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (200, 300))


def test_a_turned_photo_keeps_its_turn(photo, person):
    images.save("turned.png", np.rot90(photo))
    assert encode.main(["turned.png", *LOOKS, "--into-photo", "--output", "out.png"]) == 0
    made, upright = images.read("out.png"), np.rot90(photo)
    assert made.shape == upright.shape
    assert not (made != upright).any(axis=2)[:, -40:].any()


def test_stickers_of_one_and_of_several(photo, person, refused):
    assert encode.main(["photo.png", *LOOKS, "--sticker", "--output", "one.png"]) == 0
    assert encode.main(["photo.png", *LOOKS, "--sticker", "--variants", "1", "--output", "some/"]) == 0
    for file in ("one.png", "some/photo.png", "some/photo_v1.png"):
        with Image.open(file) as image:
            assert (image.mode, image.size) == ("RGBA", (512, 512))
    images.save("copy/photo.png", photo)
    line = refused(encode.main, ["photo.png", "copy", *LOOKS, "--sticker", "--output", "one.png"], 1)
    assert "2 faces do not fit into one.png: name a folder with --output faces/" in line
