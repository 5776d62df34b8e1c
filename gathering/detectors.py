"""Where faces are in drawings and photos, and how they are cut out. Knows the detectors; nobody else does.

A detector is one function: pixels, uint8 (H, W, 3) -> a list of Detection. It is named by DETECTORS, or as
"module:function" where it is the user's own.
"""

import hashlib
import importlib
import math
import urllib.error
import urllib.request
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

LONGEST = 1600  # pixels of a picture's longer side while faces are looked for; they are cut from the whole picture
SMALLEST = 24  # pixels, the cascades' own window: what is smaller than this while looked for is not found

# A crop as in the getchu.com set that public models train on, measured on its faces:
# in the mean face the eyes are at 31 of 64 rows, and the anime cascade's box is 0.80 of the side.
EYES_IN_CROP = 0.49  # of the crop's side, from its top
EYES_IN_FACE = 0.39  # of the face's height, from its top; in the same faces


class Detection(NamedTuple):
    """A face: `box` is x, y, width, height in pixels, from brow to chin and without the hair."""

    box: tuple[int, int, int, int]
    score: float  # the detector's own measure: larger is surer


def open_detector(name, cascade=None):
    """A detector's name -> the function, or None for "none": then whole pictures are the faces.

    `cascade` is the file of the lbpcascade, where it is not in its place in data/. Raises Misuse for
    an unknown name and Problem for a detector that cannot be had.
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
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as fault:
        raise Problem(f"the detector {name} cannot be imported ({fault}): check its name and PYTHONPATH") from fault


def _lbpcascade(cascade):
    """nagadomi's cascade for drawings. Its box reaches from the fringe to below the chin."""
    # benchmarks/preprocess.py shows what each of these gives. More views (mirrored, turned by 15 degrees)
    # cost four times as much and find no more at the same precision.
    return cascade_detector(cascade_file(cascade), face=(0.5, 0.475, 0.66, 0.66), scale=1.08, votes=5)


def _haar(_):
    """The cascade for photos of people that OpenCV brings along."""
    import cv2

    file = Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")
    return cascade_detector(file, face=(0.5, 0.54, 0.78, 0.78), scale=1.05, votes=6)


DETECTORS = {"lbpcascade": _lbpcascade, "haar": _haar}


def cascade_file(path=None):
    """The lbpcascade's file: `path`, else the one in data/, else fetched from its maker into data/, once.

    Raises Problem when there is none and it cannot be fetched. Only the file with the pinned checksum is
    taken from the network; a `path` of one's own may be any cascade.
    """
    if path is not None:
        return Path(path)
    if not CASCADE.exists():
        with written_whole(CASCADE) as temporary:
            temporary.write_bytes(_fetched(CASCADE_URL, CASCADE_SHA256))
    return CASCADE


def _fetched(url, sha256):
    remedy = f"fetch {url} by other means and name it with --cascade FILE, or choose another --detector"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            content = answer.read(10 << 20)
    except (OSError, urllib.error.URLError) as fault:
        raise Problem(f"the cascade cannot be fetched ({getattr(fault, 'reason', fault)}): {remedy}") from fault
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem(f"what {url} gives is not the cascade that was tested: {remedy}")
    return content


def cascade_detector(file, face, scale, votes):
    """A cascade file -> its detector.

    `face` is where the face is in the cascade's box: centre x, centre y, width, height, in parts of it.
    `votes` is how many overlapping windows must agree; how many do is the score.
    """
    import cv2

    if not Path(file).is_file():
        raise Problem(f"the cascade {file} does not exist: check --cascade")
    cv2.setNumThreads(1)  # the workers are what runs in parallel
    try:
        classifier = cv2.CascadeClassifier(str(file))
    except (cv2.error, SystemError):  # either, as the file is no XML or no cascade
        classifier = None
    if classifier is None or classifier.empty():
        raise Problem(f"{file} is no cascade that OpenCV can read: check --cascade")
    x, y, width, height = face

    def find(pixels):
        shrink = min(1, LONGEST / max(pixels.shape[:2]))
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if shrink < 1:
            grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        boxes, counts = classifier.detectMultiScale2(cv2.equalizeHist(grey), scale, votes, minSize=(SMALLEST, SMALLEST))
        found = []
        for (left, top, w, h), count in zip(boxes, counts, strict=True):
            box = left + (x - width / 2) * w, top + (y - height / 2) * h, width * w, height * h
            found.append(Detection(tuple(round(float(value) / shrink) for value in box), float(count)))
        return found

    return find


def frame(box, margin):
    """A face's box -> the square to cut: (left, top, side), float pixels; it may reach beyond the picture.

    `margin` is the room on each side of the face, in faces. Wherever the margin puts the borders, the
    eyes are at EYES_IN_CROP of the side.
    """
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    return x + width / 2 - side / 2, y + EYES_IN_FACE * height - EYES_IN_CROP * side, side


def outside(shape, square):
    """The part of the square (left, top, side) that lies beyond a picture of shape (H, W, ...): [0, 1]."""
    left, top, side = square
    width = min(left + side, shape[1]) - max(left, 0)
    height = min(top + side, shape[0]) - max(top, 0)
    return 1 - max(width, 0) * max(height, 0) / side**2


def cut_square(pixels, square, size):
    """Pixels, uint8 (H, W, 3), and a square (left, top, side) that touches them -> uint8 (size, size, 3).

    What lies beyond the picture mirrors what is inside: hair goes on as hair and a background as
    itself, where a plain border would be the first thing that a network learns to draw.
    """
    left, top, side = square
    x0, y0, x1, y1 = math.floor(left), math.floor(top), math.ceil(left + side), math.ceil(top + side)
    height, width = pixels.shape[:2]
    inside = pixels[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    beyond = (max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0)
    whole = images.to_image(np.pad(inside, beyond, "symmetric"))
    box = left - x0, top - y0, left - x0 + side, top - y0 + side
    return np.asarray(whole.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3))
