"""A picture -> where the faces in it are, and a square cut out of it. No other module knows the detectors.

A detector is one function: pixels, uint8 (H, W, 3) -> a list of Detections, or of plain pairs (box, score). Its name
is a key of DETECTORS, or "module:function" for a detector of the user's own.
"""

import hashlib
import importlib
import math
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from animefaces import images
from animefaces.files import written_whole
from animefaces.problems import Misuse, Problem

CASCADE = Path(__file__).resolve().parent.parent / "data" / "lbpcascade_animeface.xml"
CASCADE_URL = "https://raw.githubusercontent.com/nagadomi/lbpcascade_animeface/master/lbpcascade_animeface.xml"
CASCADE_SHA256 = "9376d30ac38db6bda2a68b88b3b76bbd7e6aa33af47f7f5c76bc88ca75f1ce30"

LONGEST = 1600  # pixels: a longer picture is searched at this size; its faces are cut from the picture as it is
SMALLEST = 24  # pixels of the searched picture, the window of the cascades: they find no smaller face

# Public models train on faces from getchu.com, and a crop is framed as those are. In the mean of those faces the eyes
# are at row 31 of 64, and the anime cascade's box has 0.80 of the side.
EYES_IN_CROP = 0.49  # of the crop's side, from its top
EYES_IN_FACE = 0.39  # of the face's height, from its top, in the same faces


class Detection(NamedTuple):
    """A face that was found: `box` is its x, y, width, height in pixels, from brow to chin and without the hair."""

    box: tuple[int, int, int, int]
    score: float  # the detector's own measure; a larger one is surer


Square = tuple[float, float, float]  # left, top, side in pixels of a picture
Detector = Callable[[np.ndarray], Sequence[tuple[tuple[float, float, float, float], float]]]


def open_detector(name: str, cascade: Path | None = None) -> Detector | None:
    """A detector's name -> its function; None for the name "none", when each picture as a whole is a face.

    `cascade`: the file of the lbpcascade, if it is not the one in data/. Raises Misuse for an unknown name, and
    Problem for a detector that cannot be opened.
    """
    if name == "none":
        return None
    if name in DETECTORS:
        return DETECTORS[name](cascade)
    if name == "imgutils":
        raise Misuse("--detector imgutils has gone, because dghs-imgutils needs a numpy before 2 and this project a "
                     "newer one: use another detector, or your own as MODULE:FUNCTION")  # fmt: skip
    module, colon, function = name.partition(":")
    if not colon:
        raise Misuse(f"there is no detector {name!r}: use {', '.join([*DETECTORS, 'none'])} or MODULE:FUNCTION")
    return _own_detector(name, module, function)


def _own_detector(name, module, function):
    """The name of a detector of the user's own, and its two parts -> its function."""
    try:
        find = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as fault:
        missing = fault.name or str(fault)
        if module == missing or module.startswith(missing + "."):
            where = f"write {missing}.py beside preprocess.py, or name its folder in PYTHONPATH"
            raise Problem(f"--detector {name}: there is no module {missing}: {where}") from fault
        raise Problem(
            f"--detector {name} needs the module {missing}, which is not installed: install it, or cut the faces in "
            "another environment and give the crops with --detector none"
        ) from fault
    except (Exception, SystemExit) as fault:  # the module is the user's own and may do anything
        told = f"{type(fault).__name__}: {fault}"
        raise Problem(f"--detector {name} cannot be imported ({told}): correct the module {module}") from fault
    if not callable(find):
        raise Problem(f"--detector {name}: the module {module} has no function {function}: check its name")
    return find


def _lbpcascade(cascade):
    """nagadomi's cascade for drawings. Its box reaches from the fringe to below the chin."""
    # benchmarks/preprocess.py shows what each of these numbers does. Looking at mirrored and turned pictures as well
    # takes four times as long, and at the same precision it finds no more faces.
    return cascade_detector(cascade_file(cascade), face=(0.5, 0.475, 0.66, 0.66), scale=1.08, votes=5)


def _haar(_):
    """The cascade for photos of people that is a part of OpenCV."""
    import cv2

    folder = cv2.data.haarcascades  # type: ignore[attr-defined]
    file = Path(folder, "haarcascade_frontalface_default.xml")
    return cascade_detector(file, face=(0.5, 0.54, 0.78, 0.78), scale=1.05, votes=6)


DETECTORS = {"lbpcascade": _lbpcascade, "haar": _haar}


def cascade_file(path: Path | None = None) -> Path:
    """The path that the user gave, or None -> the lbpcascade's file: that path, else the one in data/.

    If it is not in data/ yet, it is downloaded from its maker once. A download must have the checksum CASCADE_SHA256;
    a path may lead to any cascade. Raises Problem if it cannot be downloaded.
    """
    if path is not None:
        return Path(path)
    if not CASCADE.exists():
        with written_whole(CASCADE) as temporary:
            temporary.write_bytes(_fetched(CASCADE_URL, CASCADE_SHA256))
    return CASCADE


def _fetched(url, sha256):
    remedy = f"download {url} yourself and name the file with --cascade, or choose another --detector"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            content = answer.read(10 << 20)
    except (OSError, urllib.error.URLError) as fault:
        raise Problem(f"the cascade cannot be fetched ({getattr(fault, 'reason', fault)}): {remedy}") from fault
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem(f"{url} is not the cascade that was tested, its checksum is another: {remedy}")
    return content


def cascade_detector(file: Path, face: tuple[float, float, float, float], scale: float, votes: int) -> Detector:
    """A cascade's file -> its detector. Raises Problem if the file is no cascade.

    `face`: where the face is in the cascade's box, as its centre x, centre y, width and height in parts of the box.
    `scale`: the ratio of two window sizes that follow each other. `votes`: this many overlapping windows must agree;
    the number of those that do is the score.
    """
    import cv2

    if not Path(file).is_file():
        raise Problem(f"the cascade {file} does not exist: check --cascade")
    cv2.setNumThreads(1)  # the worker processes use the cores already
    classifier = _classifier(Path(file).read_text(encoding="utf-8", errors="replace"))
    if classifier is None:
        raise Problem(f"{file} is no cascade that OpenCV can read: check --cascade")
    x, y, across, down = face

    def find(pixels):
        shrink = min(1, LONGEST / max(pixels.shape[:2]))
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if shrink < 1:
            height, width = (max(1, round(side * shrink)) for side in grey.shape)  # it may be thinner than a pixel
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        boxes, counts = classifier.detectMultiScale2(cv2.equalizeHist(grey), scale, votes, minSize=(SMALLEST, SMALLEST))
        found = []
        for (left, top, w, h), count in zip(boxes, counts, strict=True):
            box = left + (x - across / 2) * w, top + (y - down / 2) * h, across * w, down * h
            found.append(Detection(tuple(round(float(value) / shrink) for value in box), float(count)))
        return found

    return find


def _classifier(text):
    """The text of a cascade's file -> OpenCV's classifier; None if it is no cascade."""
    import cv2

    # OpenCV would open the file itself, but not with every name: it crashes on names that are not UTF-8.
    try:
        stored = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        classifier = cv2.CascadeClassifier()
        return classifier if classifier.read(stored.getFirstTopLevelNode()) and not classifier.empty() else None
    except (cv2.error, SystemError):  # the first if it is something else than XML, the second if it is no cascade
        return None


def frame(box: tuple[float, float, float, float], margin: float) -> Square:
    """A face's box -> the square to cut: (left, top, side) in pixels. It may reach beyond the picture.

    `margin`: the room on each side of the face, as a part of the face's size. The eyes are at EYES_IN_CROP of the
    side, whatever the margin is.
    """
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    return x + width / 2 - side / 2, y + EYES_IN_FACE * height - EYES_IN_CROP * side, side


def outside(shape: tuple[int, ...], square: Square) -> float:
    """The shape (H, W, ...) of a picture and a square -> the part of the square that lies outside it, [0, 1]."""
    left, top, side = square
    width = min(left + side, shape[1]) - max(left, 0)
    height = min(top + side, shape[0]) - max(top, 0)
    return 1 - max(width, 0) * max(height, 0) / side**2


def cut_square(pixels: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Pixels, uint8 (H, W, 3), and a square that touches them -> what is in the square, uint8 (size, size, 3).

    Outside the picture, the square shows the mirrored picture: hair goes on as hair, and a background as background.
    A border of one colour would be the first thing that a network learns to draw.
    """
    left, top, side = square
    x0, y0, x1, y1 = math.floor(left), math.floor(top), math.ceil(left + side), math.ceil(top + side)
    height, width = pixels.shape[:2]
    inside = pixels[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    beyond = (max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0)
    whole = images.to_image(np.pad(inside, beyond, "symmetric"))
    box = left - x0, top - y0, left - x0 + side, top - y0 + side
    return np.asarray(whole.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3))
