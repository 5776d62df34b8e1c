"""Crops and detectors: gathering.detectors, cleaning and crops."""

import io
import os
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import preprocess
from animefaces import images, runs
from animefaces.problems import Misuse, Problem
from demo import cartoons
from gathering import cleaning, crops, detectors

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
OPTIONS = types.SimpleNamespace(
    size=64,
    margin=0.45,
    upright=True,
    smallest_face=32,
    max_outside=0.2,
    min_contrast=8,
    min_sharpness=0.2,
    min_colour=0,
    max_company=0.06,
)


def encoded(pixels, format="PNG", **settings):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **settings)
    return file.getvalue()


def scene(seed=0, size=320, place=(90, 70), picture=(420, 520)):
    """A drawn head of `size` pixels on a pale ground -> pixels, and where its crop should be."""
    pixels = np.full((*picture, 3), 235, np.uint8)
    left, top = place
    pixels[top : top + size, left : left + size] = cartoons.draw(seed, size)
    return pixels, (left, top, size)


def box_of(square, margin=0.45):
    """The face's box for which `detectors.frame` gives this square."""
    left, top, side = square
    face = side / (1 + 2 * margin)
    return left + (side - face) / 2, top + detectors.EYES_IN_CROP * side - detectors.EYES_IN_FACE * face, face, face


@pytest.mark.parametrize("margin", [0, 0.2, 0.45, 1.5])
@pytest.mark.parametrize("box", [(100, 80, 60, 60), (10, 200, 40, 55), (300, 20, 90, 70)])
def test_eyes_are_at_one_height_in_every_square(box, margin):
    left, top, side, turn = detectors.frame(box, margin)
    assert turn == 0
    eyes = box[1] + detectors.EYES_IN_FACE * box[3]
    assert (eyes - top) / side == pytest.approx(detectors.EYES_IN_CROP)
    assert left + side / 2 == pytest.approx(box[0] + box[2] / 2)
    assert side == pytest.approx(max(box[2:]) * (1 + 2 * margin))


def test_cut_is_never_squeezed_and_hits_the_place():
    pixels = np.zeros((300, 500, 3), np.uint8)
    rows, columns = np.mgrid[:300, :500]
    pixels[(rows - 150) ** 2 + (columns - 250) ** 2 < 40**2] = 255
    # The disc in the middle, half as large.
    crop = detectors.cut_square(pixels, detectors.Square(190, 90, 120), 60)[..., 0] > 127
    rows, columns = np.nonzero(crop)
    assert [np.ptp(rows), np.ptp(columns)] == pytest.approx([39, 39], abs=1)
    assert [rows.mean(), columns.mean()] == pytest.approx([29.75, 29.75], abs=0.1)  # pixels count from their middle


def test_beyond_the_border_is_mirrored_and_measured():
    pixels, _ = scene()
    square = detectors.Square(-20, 0, 200)
    assert detectors.outside(pixels.shape, square) == pytest.approx(0.1)
    crop = detectors.cut_square(pixels, square, 200)
    np.testing.assert_array_equal(crop[:, :20], crop[:, 39:19:-1])
    assert detectors.outside(pixels.shape, detectors.Square(10, 10, 100)) == 0
    assert detectors.outside(pixels.shape, detectors.Square(1000, 10, 100)) == 1


def test_cut_of_the_whole_is_the_picture():
    face = cartoons.draw(3)
    np.testing.assert_array_equal(detectors.cut_square(face, detectors.Square(0, 0, 64), 64), face)


@pytest.mark.parametrize("size", [8, 64, 136, 512])
def test_sizes(size):
    options = types.SimpleNamespace(**{**vars(OPTIONS), "size": size})
    pixels, square = scene()
    (crop,) = crops.crops_of(encoded(pixels), options, lambda _: [detectors.Detection(box_of(square), 1.0)])
    assert crop.verdict == "kept"
    assert images.read(io.BytesIO(crop.png)).shape == (size, size, 3)


def test_equal_pixels_have_equal_names():
    pixels, square = scene()
    find = lambda _: [detectors.Detection(box_of(square), 1.0)]  # noqa: E731
    (one,), (two,) = (crops.crops_of(encoded(pixels, f), OPTIONS, find) for f in ("PNG", "BMP"))
    (other,) = crops.crops_of(encoded(scene(seed=1)[0]), OPTIONS, find)
    assert one.name == two.name != other.name


def verdict(pixels, box, **changes):
    options = types.SimpleNamespace(**{**vars(OPTIONS), **changes})
    (crop,) = crops.crops_of(encoded(pixels), options, lambda _: [detectors.Detection(box, 1.0)])
    return crop.verdict


def test_each_rule_and_its_flag():
    pixels, square = scene()
    box = box_of(square)
    assert verdict(pixels, box) == "kept"
    assert verdict(pixels, box, smallest_face=400) == "small"
    corner = (-60, -60, 160, 160)
    assert verdict(pixels, corner) == "cut-off"
    assert verdict(pixels, corner, max_outside=0.9) != "cut-off"
    assert verdict(np.full_like(pixels, 200), box) == "flat"
    soft = np.asarray(Image.fromarray(pixels).resize((26, 21)).resize((520, 420), Image.Resampling.BICUBIC))
    assert verdict(soft, box) == "blurred"
    assert verdict(soft, box, min_sharpness=0) == "kept"
    grey = pixels.mean(axis=2, keepdims=True).round().astype(np.uint8).repeat(3, axis=2)
    sepia = (grey * [1.0, 0.85, 0.6]).astype(np.uint8)
    for one_hue in (grey, sepia):
        assert verdict(one_hue, box, min_colour=3) == "grey"
        assert verdict(one_hue, box) == "kept"
    assert crops.crops_of(encoded(pixels), OPTIONS, lambda _: [])[0].verdict == "no-face"
    assert crops.crops_of(b"no picture", OPTIONS, None)[0].verdict == "unreadable"


def test_two_faces_in_one_crop():
    pixels, square = scene()
    x, y, width, height = box_of(square)

    def verdicts(*others, **changes):
        options = types.SimpleNamespace(**{**vars(OPTIONS), **changes})
        boxes = [(x, y, width, height), *others]
        return [crop.verdict for crop in crops.crops_of(encoded(pixels), options, lambda _: [(b, 1.0) for b in boxes])]

    beside = (x + int(1.05 * width), y, int(0.6 * width), int(0.6 * height))
    assert verdicts(beside)[0] == "two-faces"
    assert verdicts(beside, max_company=1)[0] == "kept"
    assert verdicts((x + 4 * width, y, width, height))[0] == "kept"  # far away
    assert verdicts((x + 5, y + 5, width, height))[0] == "kept"  # the same face, found twice
    assert verdicts((x + int(1.3 * width), y, width, height))[0] == "kept"  # hardly any of it is in the crop


def test_no_drawn_face_is_thrown_away():
    options = types.SimpleNamespace(**{**vars(OPTIONS), "min_colour": preprocess.Options.min_colour})
    for seed in range(60):
        (crop,) = crops.crops_of(encoded(cartoons.draw(seed)), options, None)
        assert crop.verdict == "kept", seed


def hashed(pixels):
    return cleaning.perceptual_hash(cleaning.measured(pixels))


def distance(a, b):
    return int(np.bitwise_count(a ^ b).sum())


@pytest.mark.parametrize("how", ["jpeg", "webp", "smaller", "larger", "brighter"])
def test_a_copy_is_near_and_another_drawing_is_far(how):
    near, far = [], []
    for seed in range(30):
        face = cartoons.draw(seed)
        if how in ("jpeg", "webp"):
            copy = images.read(io.BytesIO(encoded(face, how.upper(), quality=50)))
        elif how == "brighter":
            copy = np.clip(face * 1.06 + 5, 0, 255).astype(np.uint8)
        else:
            size = (48, 48) if how == "smaller" else (200, 200)
            copy = np.asarray(Image.fromarray(face).resize(size, Image.Resampling.LANCZOS))
        near.append(distance(hashed(face), hashed(copy)))
        far.append(distance(hashed(face), hashed(cartoons.draw(seed + 1000))))
    assert max(near) <= 16 < min(far)


def test_a_mirrored_face_is_another():
    face = cartoons.draw(4)
    assert distance(hashed(face), hashed(face[:, ::-1])) > 16


def test_seen_finds_the_nearest_of_many():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, (3000, 4), np.uint64)
    seen = cleaning.Seen()
    for number, bits in enumerate(hashes):
        seen.add(f"{number}.png", bits)
    flipped = hashes[2500].copy()
    flipped[0] ^= np.uint64(0b111)
    flipped[3] ^= np.uint64(1 << 63)
    assert seen.nearest(flipped, 16) == ("2500.png", 4)
    assert seen.nearest(flipped, 3) is None
    assert cleaning.Seen().nearest(flipped, 16) is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "EXIF", "GIF"])
def test_every_kind_of_picture_gives_the_same_face(mode):
    pixels, square = scene()
    upright = Image.fromarray(pixels)
    file = io.BytesIO()
    if mode == "CMYK":
        upright.convert("CMYK").save(file, "TIFF")
    elif mode == "I;16":
        Image.fromarray(np.asarray(upright.convert("L"), np.uint16) * 257).save(file, "PNG")
    elif mode == "EXIF":
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        upright.rotate(90, expand=True).save(file, "JPEG", exif=exif, quality=95)
    elif mode == "GIF":
        upright.save(file, "GIF", save_all=True, append_images=[Image.new("RGB", upright.size)])
    else:
        upright.convert(mode).save(file, "PNG")
    shapes = []

    def find(found):
        shapes.append(found.shape)
        return [detectors.Detection(box_of(square), 1.0)]

    (crop,) = crops.crops_of(file.getvalue(), OPTIONS, find)
    assert shapes == [pixels.shape]
    assert crop.verdict == "kept"
    grey = images.read(io.BytesIO(crop.png)).mean(axis=2)
    assert np.corrcoef(grey.ravel(), cartoons.draw(0).mean(axis=2).ravel())[0, 1] > 0.75


def test_a_bomb_is_refused_unopened():
    bomb = bytearray(encoded(cartoons.draw(0)))
    bomb[16:24] = struct.pack(">II", 12_000, 12_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    (crop,) = crops.crops_of(bytes(bomb), OPTIONS, None)
    assert crop.verdict == "unreadable" and "pixels" in crop.detail


def test_a_very_long_picture_is_cut():
    pixels = np.full((40, 40_000, 3), 240, np.uint8)
    pixels[:, 20_000:20_040] = cartoons.draw(0, 40)
    assert verdict(pixels, box_of((20_000, 0, 40)), smallest_face=8) == "kept"


def test_detectors_by_name():
    assert detectors.open_detector("none") is None
    assert detectors.open_detector("test_crops:box_of") is not None
    with pytest.raises(Misuse, match="there is no detector"):
        detectors.open_detector("retina")
    with pytest.raises(Misuse, match=r"imgutils has gone.*MODULE:FUNCTION"):
        detectors.open_detector("imgutils")


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "mine:find", r"the module mine has no function find: check its name"),
        ("find = 3", "mine:find", r"has no function find"),
        ("find = print", "absent:find", r"there is no module absent: write absent\.py beside preprocess\.py"),
        ("find = print", "absent.deep:find", r"there is no module absent: "),
        ("import absent_torch", "mine:find", r"needs the module absent_torch, which is not installed: install it"),
        ("import no_such.part", "mine:find", r"needs the module no_such, .*--detector none"),
        ("def find(:", "mine:find", r"cannot be imported \(SyntaxError: .*correct the module mine"),
        ("1 / 0", "mine:find", r"cannot be imported \(ZeroDivisionError: division by zero\)"),
        ("raise SystemExit", "mine:find", r"cannot be imported \(SystemExit"),
        ("from json import nothing", "mine:find", r"cannot be imported \(ImportError"),
        ("find = print", ":find", r"cannot be imported"),
        ("find = print", ".mine:find", r"cannot be imported"),
    ],
)
def test_a_detector_that_cannot_be_opened(tmp_path, monkeypatch, text, name, words):
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    with pytest.raises(Problem, match=words) as caught:
        detectors.open_detector(name)
    assert f"--detector {name}" in str(caught.value) and "requirements.txt" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (8, 1700), (1, 60_000), (60_000, 1), (1, 1), (1601, 2)])
def test_no_face_in_a_thin_picture(shape):
    assert detectors.open_detector("haar")(np.full((*shape, 3), 128, np.uint8)) == []


def test_a_cascade_whose_name_is_not_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"casc\xe9.xml")
    path.write_bytes(Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml").read_bytes())
    assert detectors.open_detector("lbpcascade", path)(np.full((99, 99, 3), 128, np.uint8)) == []
    path.write_bytes(bytes(range(256)) * 9)
    with pytest.raises(Problem, match="no cascade"):
        detectors.open_detector("lbpcascade", path)


def test_no_cascade(tmp_path):
    with pytest.raises(Problem, match="does not exist"):
        detectors.open_detector("lbpcascade", tmp_path / "absent.xml")
    (tmp_path / "odd.xml").write_text("<opencv_storage>")
    with pytest.raises(Problem, match="no cascade"):
        detectors.open_detector("lbpcascade", tmp_path / "odd.xml")


def turned_scene(seed, angle):
    """`scene` at 0.7 of its size, turned clockwise by so many degrees around the middle of its head -> pixels."""
    matrix = cv2.getRotationMatrix2D((250, 230), -angle, 0.7)
    return cv2.warpAffine(scene(seed)[0], matrix, (520, 420), borderValue=(235,) * 3)


@pytest.mark.parametrize("angle", [0, 25, -45])
def test_our_network_finds_drawn_faces_and_how_they_are_turned(angle):
    find = detectors.open_detector("anime")
    for seed in range(4):
        (face,) = find(turned_scene(seed, angle))
        square = detectors.frame(face.box, 0.45, face.eyes)
        assert abs(np.degrees(square.turn) - angle) < 15 and face.score > 0.4
        middle = np.array([square.left, square.top]) + square.side / 2
        assert np.hypot(*(middle - (250, 230))) < 30 and 150 < square.side < 300
        assert detectors.frame(face.box, 0.45, face.eyes, upright=False).turn == 0


def test_it_finds_nothing_in_nothing():
    find = detectors.open_detector("anime")
    assert find(np.full((300, 200, 3), 200, np.uint8)) == []
    assert [find(np.zeros((*shape, 3), np.uint8)) for shape in ((1, 900), (3000, 2), (1, 1))] == [[], [], []]


def test_eyes_are_level_and_at_one_height_in_the_crop():
    pixels = np.full((400, 500, 3), 90, np.uint8)
    eyes = (180.0, 150.0), (260.0, 190.0)
    for x, y in eyes:
        cv2.circle(pixels, (int(x), int(y)), 9, (255, 255, 255), -1)
    square = detectors.frame((140, 80, 160, 160), 0.45, eyes)
    crop = detectors.cut_square(pixels, square, 128)[..., 0] > 160
    left, right = (np.argwhere(half).mean(axis=0) + 0.5 for half in (crop[:, :64], crop[:, 64:]))
    assert [left[0], right[0]] == pytest.approx([128 * detectors.EYES_IN_CROP] * 2, abs=0.7)
    assert left[1] + 64 + right[1] == pytest.approx(128, abs=1)
    assert 64 + right[1] - left[1] == pytest.approx(128 * np.hypot(80, 40) / square.side, abs=1)
    (kept,) = crops.crops_of(encoded(pixels), types.SimpleNamespace(**{**vars(OPTIONS), "min_contrast": 0}),
                             lambda _: [detectors.Detection((140, 80, 160, 160), 1.0, eyes)])  # fmt: skip
    assert kept.eyes == eyes


def test_eyes_that_are_nearly_level_are_left():
    assert detectors.frame((0, 0, 50, 50), 0.45, ((10, 20), (40, 22))).turn == 0
    assert detectors.frame((0, 0, 50, 50), 0.45, ((10, 20), (40, 30))).turn == pytest.approx(np.arctan2(10, 30))


def test_what_lies_outside_a_turned_square():
    inside = detectors.Square(100, 100, 50, 0.5)
    assert detectors.outside((300, 300), inside) == pytest.approx(0, abs=1e-5)
    assert detectors.outside((300, 300), detectors.Square(-25, 100, 50, np.pi / 4)) == pytest.approx(0.5, abs=1e-5)
    assert detectors.outside((300, 300), detectors.Square(-500, 100, 50, 0.5)) == 1


def test_a_network_file_that_finds_no_faces(tmp_path):
    for name, words in (("gone.keras", "does not exist"), (str(runs.PRETRAINED / "parts.keras"), "does not find faces"),
                        (str(tmp_path), "detector.keras does not exist")):  # fmt: skip
        with pytest.raises(Problem, match=words):
            detectors.open_detector(name)
    (tmp_path / "bad.keras").write_bytes(b"no zip")
    with pytest.raises(Problem, match="cannot be opened as a trusted detector"):
        detectors.open_detector(str(tmp_path / "bad.keras"))
    assert detectors.open_detector(str(runs.PRETRAINED))(scene(0)[0])


def test_haar_finds_nothing_in_nothing():
    assert detectors.open_detector("haar")(np.full((200, 300, 3), 128, np.uint8)) == []


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_haar_finds_the_astronaut(monkeypatch):
    pixels = images.read(DATA / "astronaut.png")
    found = detectors.open_detector("haar")(pixels)
    x, y, width, height = found[0].box
    assert abs(x + width / 2 - 224) < 20 and abs(y + height / 2 - 125) < 25
    monkeypatch.setattr(detectors, "LONGEST", 256)  # looked for in a smaller one, given in pixels of the whole
    np.testing.assert_allclose(detectors.open_detector("haar")(pixels)[0].box, found[0].box, rtol=0.1)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_the_cascade_frames_faces_like_the_public_set():
    find = detectors.open_detector("lbpcascade")
    with zipfile.ZipFile(DATA / "anime_faces_a.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][:60]
        pixels = [images.read(io.BytesIO(archive.read(name))) for name in names]
    squares = []
    for face in pixels:
        found = find(np.asarray(Image.fromarray(face).resize((256, 256), Image.Resampling.BICUBIC)))
        squares += [detectors.frame(face.box, 0.45) for face in found]
    assert len(squares) > 20
    np.testing.assert_allclose(np.median(squares, axis=0), (0, 0, 256, 0), atol=12)
