"""The modules of the page's engine draw what those of drawing/ draw: the same colours, lines and rules, written twice.

tests/test_page.py compares the whole way of one photo. Here is what that photo does not show.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from animefaces import images, latents, looks, runs
from drawing import heads, light, touches
from drawing.enlarging import grey_like
from drawing.finishing import Finisher
from drawing.opening import open_generator
from drawing.photos import Person
from models.regions import SKIN_OF_PHOTOS

NODE = shutil.which("node")
HERE = Path(__file__).parent
ASTRONAUT = HERE.parent / "docs" / "images" / "astronaut.jpg"
SEEDS = 3, 14, 15
PLACES = "leftEye", "rightEye", "nose", "mouth", "chin", "leftJaw", "rightJaw"  # as the page calls them
PEOPLE = (Person(((60.0, 80.0), (100.0, 90.0)), 1.0, (75.0, 125.0)), Person(((200.5, 60.0), (230.0, 55.0)), 1.0, None))

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js")


@pytest.fixture(scope="module")
def drawn():
    """Some faces of the shipped weights, uint8 (64, 64, 3), with their parts and places."""
    faces = open_generator(runs.PRETRAINED).draw(latents.from_seeds(SEEDS, 100))
    return list(zip(faces, *Finisher().parts(faces), strict=True))


def told(value):
    """A picture or anything else -> as page_engine.mjs reads it."""
    if isinstance(value, touches.Places):
        return dict(zip(PLACES, value, strict=True))
    if isinstance(value, Person):
        return {"eyes": value.eyes, "mouth": value.mouth}
    if not isinstance(value, np.ndarray) or value.ndim < 2:
        return [float(n) for n in value] if isinstance(value, (np.ndarray, tuple)) else value
    kind = "bytes" if value.dtype == np.uint8 else "floats"
    data = base64.b64encode(np.ascontiguousarray(value, value.dtype if kind == "bytes" else "<f4").tobytes()).decode()
    return {"width": value.shape[1], "height": value.shape[0], "channels": value.shape[2], kind: data}


def assert_alike(*calls):
    """Calls (module, its function, words, what drawing/ makes of them): hardly a value is off by more than 2 of 255."""
    asked = [{"module": f"./{module}.js", "call": call, "words": [told(word) for word in words]}
             for module, call, words, _ in calls]  # fmt: skip
    done = subprocess.run([NODE, HERE / "page_engine.mjs"], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for answer, (module, call, words, wanted) in zip(json.loads(done.stdout), calls, strict=True):
        made = np.frombuffer(base64.b64decode(answer), np.uint8)
        assert made.size == wanted.size, call
        off = np.abs(made.astype(int) - wanted.ravel())
        assert np.mean(off > 2) < 0.01, (module, call, [word for word in words if np.size(word) < 9], np.mean(off > 2))
        if wanted.size == words[0].size:  # and something is drawn
            assert np.mean(np.abs(words[0].astype(int) - wanted)) > 0.05, call


def test_the_words_and_their_colours():
    code = ("import { HAIR_COLOURS as hair, SKIN_COLOURS as skin } from './web/engine/touches.js';"
            "import { OF_PHOTOS as photos, OF_FACES as faces } from './web/looks.js';"
            "console.log(JSON.stringify({ hair, skin, asked: [photos, faces] }))")  # fmt: skip
    done = subprocess.run([NODE, "--input-type=module", "-e", code], cwd=HERE.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = json.loads(done.stdout)
    for name, ours in (("hair", touches.HAIR_COLOURS), ("skin", touches.SKIN_COLOURS)):
        assert page[name] == {word: list(colour) for word, colour in ours.items()}
    for asked in page["asked"]:
        assert all(set(words) - {"more"} <= set(looks.BY_NAME[name].words) for name, words in asked.items())


def test_every_colour_of_hair_and_skin(drawn):
    calls = []
    for name, colours in (("hair", touches.HAIR_COLOURS), ("skin", touches.SKIN_COLOURS)):
        for number, colour in enumerate(colours.values()):
            face, parts, places = drawn[number % len(drawn)]
            both = (colour, None) if name == "hair" else (None, colour)
            calls.append(("touches", "coloured", (face, parts, places, *both),
                          touches.coloured(face, parts, places, *both)))  # fmt: skip
    assert_alike(*calls)


def test_mouths_beards_age_and_glasses(drawn):
    calls = []
    for face in drawn:
        pixels, _, places = face
        for open_, smile in ((True, False), (True, True), (False, True), (False, False)):
            made = touches.mouthed(*face, open_, smile)
            calls.append(("touches", "mouthed", (*face, open_, smile), made))
        beard = touches.of_beard(touches.HAIR_COLOURS["red"])
        calls += [
            ("touches", "bearded", (*face, beard), touches.bearded(*face, beard)),
            ("touches", "aged", (*face, 0.75, True), touches.aged(*face, 0.75, everywhere=True)),
            ("touches", "aged", (*face, 0.3, False), touches.aged(*face, 0.3, everywhere=False)),
            ("touches", "withGlasses", (pixels, places), touches.with_glasses(pixels, places)),
        ]
    assert_alike(*calls)


def test_a_grey_face_stays_grey(drawn):
    calls = []
    for pixels, parts, places in drawn:
        grey = pixels.mean(axis=-1, keepdims=True).astype(np.uint8).repeat(3, axis=-1)
        made = touches.coloured(grey, parts, places, touches.HAIR_COLOURS["blond"])
        calls.append(("touches", "asGrey", (grey, made), touches.as_grey(grey, made)))
        assert touches.as_grey(pixels, made) is made and touches.as_grey(grey, grey) is grey
        calls.append(("colour", "greyLike", (grey, made), grey_like(grey, made)))
        assert np.ptp(grey_like(grey, made), axis=-1).max() == 0 and grey_like(pixels, made) is made
    assert_alike(*calls)


def test_the_light_of_photos():
    """Very dark, hazy, bright, grey and tinted crops."""
    photo = images.read(ASTRONAUT)
    crop = cv2.resize(photo, (96, 96), interpolation=cv2.INTER_AREA).astype(np.float32)
    changed = {"dark": crop * 0.15, "hazy": 120 + crop * 0.4, "bright": 100 + crop, "tinted": crop * (1.0, 0.7, 0.4),
               "grey": np.repeat(crop.mean(axis=2, keepdims=True), 3, axis=2)}  # fmt: skip
    calls = []
    for name, pixels in changed.items():
        small = np.clip(pixels, 0, 255).astype(np.uint8)
        if name in ("dark", "hazy", "bright"):
            calls.append(("light", "levelled", (small, small), light.levelled(small, small, True)))
        else:
            calls.append(("light", "coloured", (small, np.array(SKIN_OF_PHOTOS)), light.coloured(small, True)))
    assert_alike(*calls)


def test_stickers_and_heads_in_a_photo(drawn):
    photo = cv2.resize(images.read(ASTRONAUT), (300, 200), interpolation=cv2.INTER_AREA)
    calls = []
    for pixels, parts, places in drawn:
        large = cv2.resize(pixels, (256, 256), interpolation=cv2.INTER_CUBIC)
        head = heads.cut_out(large, parts, places)
        calls.append(("heads", "sticker", (large, parts, places), heads.sticker(head)))
        for person in PEOPLE:
            words = (photo, person, large, parts, places, photo)
            calls.append(("heads", "putBack", words, heads.put_back(photo, person, head)))
    assert_alike(*calls)
