"""Faces on photos: how they are turned and cut, and what a detector says."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from animefaces import images
from animefaces.problems import Problem
from benchmarks.light import through
from demo import cartoons
from drawing import light, photos

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


def test_beyond_the_picture_its_border_goes_on_without_a_second_face():
    face = cartoons.draw(3, 128)
    crop = photos.cut_upright(face, tuple(map(tuple, STANDARD * 128 - [40, 0])), 128).astype(int)
    assert np.abs(crop[:, 40:] - face[:, :88]).max() <= 1
    beyond = crop[:, :40]
    # Each row keeps the mean colour of the border beside it, and nothing in it is as sharp as a mirrored eye would be.
    border = np.repeat(face[:, :1].astype(np.float32), 40, axis=1)
    assert np.abs(beyond - border).mean() < 12
    assert np.abs(np.diff(beyond, axis=1)).max() <= 6
    mirrored = face[:, 39::-1].astype(int)
    assert np.abs(np.diff(mirrored, axis=1)).max() > 60


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
    found = photos.faces_on(Path("two.png"), 16, 3, two)
    (small, large), (_, second) = found.faces
    assert found.turns == 0
    assert (small.shape, large.shape) == ((16, 16, 3), (64, 64, 3))
    assert np.array_equal(large, photos.cut_upright(pixels, ((20, 40), (30, 40)), 64))
    assert np.array_equal(small, light.coloured(images.to_array(images.to_image(large), 16), framed=True))
    assert np.ptp(second) == 0
    ((grey, _), _) = photos.faces_on(Path("two.png"), 16, 1, two).faces
    assert np.array_equal(grey, images.to_array(images.to_image(large), 16, 1))


def test_without_a_detector_the_picture_is_the_crop():
    images.save("wide.png", cartoons.draw(0, 64).repeat(2, axis=1))
    ((small, large),) = photos.faces_on(Path("wide.png"), 32, 3, None).faces
    assert np.array_equal(small, images.read("wide.png", 32))
    assert np.array_equal(large, images.read("wide.png", 128))


def test_the_light_is_mended_for_the_network_and_not_for_people():
    """Dark, grey photos, with and without a detector."""
    pixels = cartoons.draw(0, 128).mean(axis=2, keepdims=True).repeat(3, axis=2) / 8
    images.save("dark.png", pixels.astype(np.uint8))
    for find in (None, lambda pixels: [photos.Person(((44.0, 60.0), (84.0, 60.0)), 1.0)]):
        ((small, large),) = photos.faces_on(Path("dark.png"), 32, 3, find).faces
        assert large.max() < 40 and np.ptp(large, axis=2).max() == 0
        assert small.max() > 150 and (small[..., 0].mean() - small[..., 2].mean()) > 10
        ((grey, _),) = photos.faces_on(Path("dark.png"), 32, 1, find).faces
        assert grey.shape == (32, 32, 1) and grey.max() > 150


SRGB = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])  # XYZ of R, G and B
WIDER = {
    "Display P3": np.array([[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]]),
    "Adobe RGB": np.array([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]]),
}


@pytest.mark.parametrize("name", WIDER)
def test_a_photo_of_a_wider_colour_space_gives_the_same_crop(name):
    """As phones and cameras save it; only the curve of Adobe RGB is not its own here, but that of sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for channel, xyz in zip("rgb", WIDER[name], strict=True):
        entry = profile.index(f"{channel}XYZ".encode())
        (offset,) = struct.unpack(">I", profile[entry + 4 : entry + 8])
        profile[offset + 8 : offset + 20] = struct.pack(">3i", *(xyz * 65536).astype(int))
    face = cartoons.draw(4, 64)
    saved = through(lambda linear: linear @ SRGB @ np.linalg.inv(WIDER[name]))(face)
    images.save("plain.png", face)
    Image.fromarray(saved).save("wider.png", icc_profile=bytes(profile))
    plain, wider = (photos.faces_on(Path(f"{n}.png"), 32, 3, None).faces[0] for n in ("plain", "wider"))
    for crop, other in zip(plain, wider, strict=True):
        assert np.abs(crop.astype(int) - other).mean() < 1
    assert np.abs(saved.astype(int) - face).mean() > 2  # what it would be without its profile


def test_a_photo_is_turned_upright_first():
    upright = Image.fromarray(marked(((20, 40), (30, 40)), (100, 120)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    upright.rotate(90, expand=True).save("turned.jpg", exif=exif, quality=95)
    shapes = []

    def find(pixels):
        shapes.append(pixels.shape)
        return two(pixels)

    crop = photos.faces_on(Path("turned.jpg"), 16, 3, find).faces[0][1]
    assert shapes == [(100, 120, 3)]
    assert places(crop) == pytest.approx(STANDARD, abs=0.05)


def seen_when_upright(score, other=0.0):
    """A detector of the white and the black disc of `marked`: sure of `score` if they are level, else of `other`."""

    def find(pixels):
        centres = [
            np.argwhere(mask)[:, ::-1].mean(axis=0) + 0.5 for mask in (pixels[..., 0] > 192, pixels[..., 0] < 64)
        ]
        (x0, y0), (x1, y1) = centres
        upright = x1 - x0 > abs(y1 - y0)
        calls.append(upright)
        if upright:
            return [photos.Person(((x0, y0), (x1, y1)), score)]
        return [photos.Person(((10.0, 10.0), (20.0, 10.0)), other)] if other else []

    calls = find.calls = []
    return find


@pytest.mark.parametrize("shown", [0, 1, 2, 3])
@pytest.mark.parametrize(("score", "other"), [(0.999, 0.0), (0.97, 0.0), (0.98, 0.93), (0.999, 0.988)])
def test_a_photo_in_any_turn_is_turned_upright(shown, score, other):
    find = seen_when_upright(score, other)
    images.save("photo.png", np.rot90(marked(((50, 60), (88, 60)), (140, 160)), shown))
    found = photos.faces_on(Path("photo.png"), 16, 3, find)
    assert photos.TURNS[found.turns] == ["", "a quarter to the right", "upside down", "a quarter to the left"][shown]
    ((_, crop),) = found.faces
    assert places(crop) == pytest.approx(STANDARD, abs=0.03)
    assert len(find.calls) == (1 if shown == 0 and score > photos.CERTAIN else 4)  # the usual photo takes no more time


def test_a_photo_is_not_turned_for_a_doubtful_gain():
    find = seen_when_upright(0.985, 0.987)
    assert photos.upright(marked(((50, 60), (88, 60)), (140, 160)), find)[1] == 0


def test_nobody_in_any_turn():
    images.save("sea.png", np.full((64, 64, 3), 128, np.uint8))
    assert photos.faces_on(Path("sea.png"), 16, 3, lambda pixels: []) == photos.Photo([], [], 0)


def test_without_mtcnn(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Problem, match=r"pip install -r requirements.txt, or give tight crops with --no-detect"):
        photos.open_photo_detector()


def finding(monkeypatch, cascade):
    """The detector, with another function in place of the networks."""
    monkeypatch.setattr(photos, "Cascade", lambda: cascade)
    return photos.open_photo_detector()


@pytest.mark.parametrize(("mouth", "is_face"), [((0, 30), True), ((20, 25), True), ((30, 5), False), ((0, -30), False)])
def test_the_mouth_of_a_face_is_below_its_eyes(mouth, is_face, monkeypatch):
    x, y = (np.array([0, 20, 10, 3, 17]), np.array([0, 0, 0, 0, 0]))
    x[3:], y[3:] = x[3:] + mouth[0], y[3:] + mouth[1]
    row = [0, 0, 9, 9, 0.99, *(40 + x), *(40 + y)]
    find = finding(monkeypatch, lambda pixels, sure: np.array([row], float))
    assert len(find(np.zeros((100, 100, 3), np.uint8))) == is_face


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 3), (64, 64), (300, 2500), (2500, 300)])
def test_places_survive_the_way_to_the_detector(shape, monkeypatch):
    """A stand-in for the networks finds the middle of what is brightest: where it says, there it is in the picture."""

    def cascade(pixels, sure):
        seen = pixels[..., 0]
        row, column = np.argwhere(seen == seen.max()).mean(axis=0)
        return np.array([[0, 0, 9, 9, 0.99, *[column] * 5, *[row] * 5]], float)

    find = finding(monkeypatch, cascade)
    pixels, (y, x) = np.zeros((*shape, 3), np.uint8), (shape[0] // 2, shape[1] // 2)
    around = slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3)
    pixels[around] = 100
    pixels[y, x] = 255
    (person,) = find(pixels)
    assert person.eyes[0] == pytest.approx((x + 0.5, y + 0.5), abs=2.6)
    assert person.score == 0.99


@pytest.mark.parametrize("shape", [(200_000, 1), (2, 2_001)])
def test_a_thread_is_not_looked_at(shape, monkeypatch):
    find = finding(monkeypatch, lambda pixels, sure: pytest.fail("it would need much memory"))
    assert find(np.zeros((*shape, 3), np.uint8)) == []


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
def test_the_astronaut_lying_on_her_side_or_upside_down(find):
    pixels = np.asarray(Image.open(DATA / "astronaut.png").convert("RGB"))
    for shown in range(4):
        (person,), turns = photos.upright(np.ascontiguousarray(np.rot90(pixels, shown)), find)
        assert (shown + turns) % 4 == 0
        assert np.array(person.eyes) == pytest.approx(np.array(ASTRONAUT), abs=3)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_people_turned_a_little_and_side_by_side(find):
    whole = Image.open(DATA / "astronaut.png").convert("RGB").crop((100, 0, 350, 250))
    pixels = np.concatenate([np.asarray(whole.rotate(roll, Image.Resampling.BICUBIC)) for roll in (12, -12)], axis=1)
    people = sorted(find(pixels), key=lambda person: person.eyes)
    assert len(people) == 2
    for person, roll in zip(people, (12, -12), strict=True):
        (x0, y0), (x1, y1) = person.eyes
        assert np.degrees(np.arctan2(y1 - y0, x1 - x0)) == pytest.approx(3 - roll, abs=3)  # 3: as she holds her head
