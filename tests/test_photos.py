"""Faces on photos: how they are cut, what a detector says, and the clear word for everything else."""

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animefaces import decoding, images
from animefaces.problems import Problem
from demo import cartoons
from drawing import photos

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
ASTRONAUT = ((204.5, 101), (246, 103))  # the eyes in astronaut.png, read off the picture


def marked(eyes, shape):
    """A grey picture with a white disc at one eye and a black one at the other."""
    pixels, (rows, columns) = np.full((*shape, 3), 128, np.uint8), np.mgrid[: shape[0], : shape[1]] + 0.5
    for (x, y), value in zip(eyes, (255, 0), strict=True):
        pixels[(rows - y) ** 2 + (columns - x) ** 2 < 6**2] = value
    return pixels


def places(crop):
    """Where the white and the black disc are in a crop, as parts of its side: ((x, y), (x, y))."""
    found = []
    for mask in (crop[..., 0] > 192, crop[..., 0] < 64):
        rows, columns = np.nonzero(mask)
        found.append(((columns.mean() + 0.5) / len(crop), (rows.mean() + 0.5) / len(crop)))
    return np.array(found)


STANDARD = np.array([[0.5 - photos.EYE_DISTANCE / 2, photos.EYES_IN_CROP],
                     [0.5 + photos.EYE_DISTANCE / 2, photos.EYES_IN_CROP]])  # fmt: skip


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("distance", [24, 60, 150])
@pytest.mark.parametrize("roll", [-40, 0, 15])
def test_eyes_are_level_and_in_one_place_in_every_crop(size, distance, roll):
    angle = np.radians(roll)
    half = distance / 2 * np.array([np.cos(angle), np.sin(angle)])
    eyes = tuple(map(tuple, (np.array([450, 400]) - half, np.array([450, 400]) + half)))
    crop = photos.cut_upright(marked(eyes, (900, 900)), eyes, size)  # all of the crop is in the picture
    assert crop.shape == (size, size, 3) and crop.dtype == np.uint8
    assert places(crop) == pytest.approx(STANDARD, abs=0.6 / size + 0.004)


def test_a_crop_that_is_framed_already_stays_as_it_is():
    face = cartoons.draw(3, 128)
    again = photos.cut_upright(face, tuple(map(tuple, STANDARD * 128)), 128)
    assert np.abs(again.astype(int) - face).max() <= 1


def test_beyond_the_picture_it_is_mirrored():
    face = cartoons.draw(3, 128)
    eyes = STANDARD * 128 - [20, 0]
    crop = photos.cut_upright(face, tuple(map(tuple, eyes)), 128)
    assert np.abs(crop[:, 20:].astype(int) - face[:, :108]).max() <= 1
    assert np.abs(crop[:, :20].astype(int) - face[:, 19::-1]).max() <= 1


def test_a_large_face_is_made_small_without_flicker():
    """Fine stripes become an even grey, wherever they begin."""
    pixels = np.zeros((2000, 2000, 3), np.uint8)
    pixels[:, ::4] = pixels[:, 1::4] = 255
    crop = photos.cut_upright(pixels, ((700, 800), (1300, 800)), 64)
    assert crop.astype(int).std() < 12
    assert crop.mean() == pytest.approx(127.5, abs=3)


@pytest.mark.parametrize("shape", [(40_000, 60), (60, 40_000)])
def test_very_long_pictures(shape):
    middle = shape[1] / 2, shape[0] / 2
    eyes = ((middle[0] - 10, middle[1]), (middle[0] + 10, middle[1]))
    crop = photos.cut_upright(marked(eyes, shape), eyes, 64)
    assert places(crop) == pytest.approx(STANDARD, abs=0.02)


@pytest.mark.parametrize("eyes", [((5, 5), (5, 5)), ((-30, -30), (-20, -30)), ((900, 900), (910, 900))])
def test_odd_eyes_do_no_harm(eyes):
    assert photos.cut_upright(np.zeros((50, 70, 3), np.uint8), eyes, 32).shape == (32, 32, 3)


def two(pixels):
    return [photos.Person(((80.0, 40.0), (90.0, 40.0)), 1.0), photos.Person(((20.0, 40.0), (30.0, 40.0)), 0.9)]


def test_crops_from_left_to_right():
    pixels = marked(((20, 40), (30, 40)), (100, 120))
    images.save("two.png", pixels)
    (small, large), (second, _) = photos.faces_on(Path("two.png"), 16, 3, two)
    assert (small.shape, large.shape) == ((16, 16, 3), (64, 64, 3))
    assert np.array_equal(large, photos.cut_upright(pixels, ((20, 40), (30, 40)), 64))
    assert np.array_equal(small, images.to_array(images.to_image(large), 16))
    assert np.ptp(second) == 0
    assert photos.faces_on(Path("two.png"), 16, 1, two)[0][0].shape == (16, 16, 1)


def test_without_a_detector_the_picture_is_the_crop():
    images.save("wide.png", cartoons.draw(0, 64).repeat(2, axis=1))
    ((small, large),) = photos.faces_on(Path("wide.png"), 32, 3, None)
    assert np.array_equal(small, images.read("wide.png", 32))
    assert np.array_equal(large, images.read("wide.png", 128))


def test_a_photo_is_turned_upright_first():
    upright = Image.fromarray(marked(((20, 40), (30, 40)), (100, 120)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    upright.rotate(90, expand=True).save("turned.jpg", exif=exif, quality=95)
    shapes = []

    def find(pixels):
        shapes.append(pixels.shape)
        return two(pixels)

    crop = photos.faces_on(Path("turned.jpg"), 16, 3, find)[0][1]
    assert shapes == [(100, 120, 3)]
    assert places(crop) == pytest.approx(STANDARD, abs=0.05)


def refusal(name, find=two):
    with pytest.raises(Problem) as caught:
        photos.faces_on(Path(name), 16, 3, find)
    return str(caught.value)


def test_what_is_no_picture_is_said():
    Path("text.jpg").write_text("hello")
    Path("empty.png").write_bytes(b"")
    Path("phone.HEIC").write_bytes(b"....ftypheic")
    Path("folder.png").mkdir()
    whole = io.BytesIO()
    Image.fromarray(cartoons.draw(0)).save(whole, "PNG")
    Path("cut.png").write_bytes(whole.getvalue()[:-400])
    for name in ("text.jpg", "empty.png", "cut.png"):
        assert refusal(name).startswith(f"{name} is no picture that can be read (damaged, or of an unknown format): ")
        assert refusal(name, None) == refusal(name)
    assert refusal("phone.HEIC") == "phone.HEIC is a HEIC, which cannot be read: save it as JPEG or PNG first"
    assert refusal("gone.jpg") == "gone.jpg does not exist: check the path"
    assert "cannot be read (Is a directory)" in refusal("folder.png")


def test_too_many_pixels_are_said(monkeypatch):
    images.save("large.png", cartoons.draw(0))
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    assert "too many pixels" in refusal("large.png")


def test_nobody_is_said():
    images.save("sea.png", np.full((64, 64, 3), 128, np.uint8))
    assert "shows no face that could be found" in refusal("sea.png", lambda pixels: [])
    assert "--no-detect" in refusal("sea.png", lambda pixels: [])


def test_without_mtcnn(monkeypatch):
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    with pytest.raises(Problem, match=r"pip install -r requirements.txt, or give tight crops with --no-detect"):
        photos.open_photo_detector()


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 3), (64, 64), (300, 2500), (2500, 300)])
def test_places_survive_the_way_to_the_detector(shape, monkeypatch):
    """A stand-in for mtcnn that finds the middle of what is brightest: where it says, there it is in the picture."""

    def stage(images_normalized, **_):
        seen = images_normalized[0, ..., 0]
        row, column = np.argwhere(seen == seen.max()).mean(axis=0)
        return np.array([[0, 0, 0, 9, 9, 0.99, *[column] * 5, *[row] * 5]], float)

    module = types.SimpleNamespace(MTCNN=lambda: types.SimpleNamespace(stages=[stage]))
    monkeypatch.setitem(sys.modules, "mtcnn", module)
    pixels, (y, x) = np.zeros((*shape, 3), np.uint8), (shape[0] // 2, shape[1] // 2)
    around = slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3)
    pixels[around] = 100
    pixels[y, x] = 255
    (person,) = photos.open_photo_detector()(pixels)
    assert person.eyes[0] == pytest.approx((x + 0.5, y + 0.5), abs=2.6)
    assert person.score == 0.99


@pytest.fixture(scope="module")
def find():
    pytest.importorskip("mtcnn", reason="needs mtcnn, of requirements.txt")
    return photos.open_photo_detector()


@pytest.mark.parametrize("kind", ["white", "black", "noise", "dot", "line", "tall"])
def test_nothing_is_found_in_nothing_and_nothing_is_complained_of(kind, find, capfd):
    shape = {"dot": (1, 1), "line": (1, 3000), "tall": (1500, 30)}.get(kind, (90, 120))
    pixels = np.full((*shape, 3), 255 * (kind == "white"), np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    capfd.readouterr()
    assert find(pixels) == []
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("scale", [0.4, 1, 3])
def test_the_astronaut_is_found(find, scale):
    whole = Image.open(DATA / "astronaut.png").convert("RGB")
    pixels = np.asarray(whole.resize((round(512 * scale),) * 2, Image.Resampling.LANCZOS))
    (person,) = find(pixels)
    assert np.array(person.eyes) / scale == pytest.approx(np.array(ASTRONAUT), abs=3)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_people_turned_a_little_and_side_by_side(find):
    whole = Image.open(DATA / "astronaut.png").convert("RGB").crop((100, 0, 350, 250))
    pixels = np.concatenate([np.asarray(whole.rotate(roll, Image.Resampling.BICUBIC)) for roll in (12, -12)], axis=1)
    people = sorted(find(pixels), key=lambda person: person.eyes)
    assert len(people) == 2
    for person, roll in zip(people, (12, -12), strict=True):
        (x0, y0), (x1, y1) = person.eyes
        assert np.degrees(np.arctan2(y1 - y0, x1 - x0)) == pytest.approx(3 - roll, abs=3)  # 3: as she holds her head
