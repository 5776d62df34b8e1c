"""Photos of a person: turned, dark, grey, small, several on one; each must give the same face."""

import functools
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from tests.corpus import made, profiles
from tests.corpus.case import PROJECT, Case, must, refused, run, warned

SAME = 22.0  # levels of 255: how far the means of a face's quarters may be from those of the upright photo's
CORRECT = 40.0  # the same, where the light was changed too


@functools.cache
def astronaut() -> Image.Image:
    """The photo of the documentation: one person, in the upper middle."""
    return Image.open(PROJECT / "docs/images/astronaut.jpg").convert("RGB")


def _jpeg(picture, **settings):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, **settings)
    return file.getvalue()


def _turned(degrees):
    return lambda: _jpeg(astronaut().rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC))


def _tagged(number, back):
    exif = Image.Exif()
    exif[274] = number
    return lambda: _jpeg(astronaut().transpose(back), exif=exif.tobytes())


def _changed(change):
    return lambda: _jpeg(change(astronaut()))


def _light(factor):
    return lambda photo: ImageEnhance.Brightness(photo).enhance(factor)


def _p3():
    return _jpeg(Image.fromarray(profiles.to_p3(np.asarray(astronaut()))), icc_profile=profiles.p3(), subsampling=0)


def _on_canvas(photo, side=1600):
    sheet = Image.new("RGB", (side, side), (120, 130, 120))
    sheet.paste(photo, ((side - photo.width) // 2, (side - photo.height) // 2))
    return sheet


def _side_by_side(photo):
    sheet = Image.new("RGB", (2 * photo.width, photo.height))
    sheet.paste(photo, (0, 0))
    sheet.paste(ImageOps.mirror(photo), (photo.width, 0))
    return sheet


def _scene(_):
    noise = np.random.default_rng(0).integers(60, 200, (12, 16, 3), np.uint8)
    return Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)


# what, bytes of photo.jpg, faces that must be found (None: one, or it is refused by its name), and how far the nearest
# one may be from the upright one.
how = Image.Transpose
PHOTOS = [
    ("upright", lambda: _jpeg(astronaut()), 1, SAME),
    ("on its left side, without a tag", _turned(90), 1, SAME),
    ("upside down, without a tag", _turned(180), 1, SAME),
    ("on its right side, without a tag", _turned(270), 1, SAME),
    ("leaning by 20 degrees", _turned(20), 1, SAME),
    ("on its side, with its tag", _tagged(6, how.ROTATE_90), 1, SAME),
    ("upside down, with its tag", _tagged(3, how.ROTATE_180), 1, SAME),
    ("on its other side, with its tag", _tagged(8, how.ROTATE_270), 1, SAME),
    ("in the colours of a phone (P3)", _p3, 1, 6.0),
    ("grey", _changed(lambda photo: photo.convert("L")), 1, 80.0),
    ("underexposed", _changed(_light(0.25)), 1, CORRECT),
    ("very dark", _changed(_light(0.1)), 1, 60.0),
    ("overexposed", _changed(_light(1.6)), None, 60.0),
    ("small", _changed(lambda photo: photo.resize((128, 128))), 1, CORRECT),
    ("large", _changed(lambda photo: photo.resize((3000, 3000))), 1, SAME),
    ("on a wide empty sheet", _changed(_on_canvas), 1, SAME),
    ("beside its mirror image", _changed(_side_by_side), 2, SAME),
    ("cut through at the face's edge", _changed(lambda photo: photo.crop((170, 0, 420, 300))), 1, 60.0),
    ("without a person", _changed(_scene), 0, 0),
    ("one colour", _changed(lambda photo: Image.new("RGB", (400, 400), "grey")), 0, 0),
    ("1x900 pixels", _changed(lambda photo: Image.new("RGB", (1, 900))), 0, 0),
    ("1x1 pixel", _changed(lambda photo: Image.new("RGB", (1, 1))), 0, 0),
]  # fmt: skip


def cases(short: bool = False) -> list[Case]:
    """Each photo with the photo detector; and several ways to name photos."""
    found = [Case("photos", what, functools.partial(_tried, make, count, near), what in ("upright", "one colour"))
             for what, make, count, near in PHOTOS]  # fmt: skip
    for what, tried in (("a folder of photos", _folder), ("a pattern that the shell left as it is", _pattern),
                        ("a folder and a photo in it", _twice), ("a zip of photos", _zip),
                        ("one good photo of ten", _one_of_ten), ("no good photo of three", _none_of_three),
                        ("two photos of one name", _same_names), ("no photo, with --variants", _variants)):  # fmt: skip
        found.append(Case("photos", what, tried))
    return found


def _encode(*photos, out="out/", detect=True):
    more = [] if detect else ["--no-detect"]
    return run("encode", *photos, *more, "--refine", "0", *made.PROBED, "--run", made.probe(), "--output", out)


def _faces(folder="out"):
    with np.load(Path(folder, "latents.npz"), allow_pickle=False) as file:
        return (file["z"].reshape(-1, 2, 2, 3) + 1) * 127.5


@functools.cache
def _upright():
    """The quarters of the upright face."""
    here, folder = os.getcwd(), made.kept() / "upright"
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    try:
        Path("photo.jpg").write_bytes(_jpeg(astronaut()))
        done = _encode("photo.jpg")
        must(done.code == 0, "the upright photo gives no face", done)
        return _faces()[0]
    finally:
        os.chdir(here)


def _tried(make, count, near):
    right = _upright()
    Path("photo.jpg").write_bytes(make())
    done = _encode("photo.jpg")
    if count == 0 or (count is None and done.code):
        return refused(done, "photo.jpg", "no face|too small|thin", code=1)
    warned(done)
    faces = _faces()
    must(len(faces) == (count or 1), f"{len(faces)} faces are found instead of {count}", done)
    off = min(np.abs(face - right).max() for face in faces)
    must(off <= near, f"it is another face, or turned: wrong by {off:.0f} of 255\n{faces[0].round().tolist()}\n"
                      f"instead of\n{right.round().tolist()}", done)  # fmt: skip
    return "used"


def _three(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(3):
        Path(folder, f"{number}.jpg").write_bytes(_jpeg(astronaut().crop((number, 0, 500, 500))))


def _count(done, count):
    warned(done)
    must(len(_faces()) == count, f"{len(_faces())} faces are found instead of {count}", done)
    return "used"


def _folder():
    _three("set/sub")
    return _count(_encode("set"), 3)


def _pattern():
    _three(".")
    return _count(_encode("*.jpg"), 3)


def _twice():
    _three("set")
    done = _encode("set", "set/0.jpg")
    warned(done)
    must(len(_faces()) in (3, 4), f"{len(_faces())} faces are found", done)
    return "used"


def _zip():
    import zipfile

    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.writestr("a.jpg", _jpeg(astronaut()))
    done = _encode("set.zip")
    return refused(done, "set.zip") if done.code else _count(done, 1)


def _one_of_ten():
    folder = Path("set")
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.jpg").write_bytes(b"broken")
    (folder / "good.jpg").write_bytes(_jpeg(astronaut()))
    done = _encode(*sorted(folder.iterdir()))
    warned(done, "9 of 10")
    return _count(done, 1)


def _none_of_three():
    for name in ("a.jpg", "b.jpg"):
        Path(name).write_bytes(b"broken")
    done = _encode("a.jpg", "b.jpg", "nowhere.jpg")
    for name in ("a.jpg", "b.jpg", "nowhere.jpg"):
        must(name in done.err, f"{name} is not named", done)
    return refused(done, "3 photos|none", code=1)


def _same_names():
    for folder in ("x", "y"):
        Path(folder).mkdir()
        Path(folder, "a.jpg").write_bytes(_jpeg(astronaut()))
    done = _encode("x/a.jpg", "y/a.jpg")
    must(len(list(Path("out").glob("*.png"))) == 2, "one face took the other's place", done)
    return _count(done, 2)


def _variants():
    Path("photo.jpg").write_bytes(_jpeg(_scene(None)))
    done = run("encode", "photo.jpg", "--variants", "3", *made.PROBED, "--run", made.probe(), "--output", "card.png")
    must(not Path("card.png").exists(), "a card is written", done)
    return refused(done, "photo.jpg", code=1)
