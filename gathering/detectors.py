"""A picture -> where the faces in it are, and a square cut out of it. No other module knows the detectors.

A detector is one function: pixels, uint8 (H, W, 3) -> a list of Detections, or of plain pairs (box, score). Its name
is a key of DETECTORS, a run of `train.py detector`, or "module:function" for a detector of the user's own.
"""

import importlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from animefaces import boxes, images, runs
from animefaces.problems import Misuse, Problem

CASCADE = Path(__file__).with_name("lbpcascade_animeface.xml")

LONGEST = 1600  # pixels: a longer picture is searched at this size; its faces are cut from the picture as it is
SMALLEST = 24  # pixels of the searched picture, the window of the cascades: they find no smaller face

# Public models train on faces from getchu.com, and a crop is framed as those are. There, the middles of the eyes are
# 0.525 below the top, and the face takes 1 / 1.9 of the side (python -m benchmarks.detectors framing).
EYES_IN_CROP = 0.525  # of the crop's side, from its top
EYES_IN_FACE = 0.456  # of the face's height, from its top, in the same faces
FACE_OF_BOX = 0.885, 0.552  # the face's size in parts of a tight box's; where the box's middle is in the face's height
LEVEL = math.radians(6)  # eyes that are less askew stay so: a detector is not more exact

Eyes = tuple[tuple[float, float], tuple[float, float]]  # (x, y) of the middle of each, first that on the left


class Detection(NamedTuple):
    """A face that was found: `box` is its x, y, width, height in pixels, from brow to chin and without the hair."""

    box: tuple[int, int, int, int]
    score: float  # the detector's own measure; a larger one is surer
    eyes: Eyes | None = None  # in pixels, if the detector tells; on the left when the head is upright


class Square(NamedTuple):
    """A square part of a picture, in pixels."""

    left: float
    top: float
    side: float
    turn: float = 0.0  # clockwise around its middle, in radians


Detector = Callable[[np.ndarray], Sequence[tuple]]


def open_detector(name: str, cascade: Path | None = None) -> Detector | None:
    """A detector's name -> its function; None for the name "none", when each picture as a whole is a face.

    `cascade`: the file of the lbpcascade, if it is not the one that comes with the project. Raises Misuse for an
    unknown name, and Problem for a detector that cannot be opened.
    """
    if name == "none":
        return None
    if name in DETECTORS:
        return DETECTORS[name](cascade)
    if name == "imgutils":
        raise Misuse("--detector imgutils has gone, because dghs-imgutils needs a numpy before 2 and this project a "
                     "newer one: use another detector, or your own as MODULE:FUNCTION")  # fmt: skip
    if name.endswith(".keras") or Path(name).is_dir():
        return network_detector(Path(name, runs.DETECTOR) if Path(name).is_dir() else Path(name))
    module, colon, function = name.partition(":")
    if not colon:
        raise Misuse(f"there is no detector {name!r}: use {', '.join([*DETECTORS, 'none'])}, a run of train.py "
                     "detector, or MODULE:FUNCTION")  # fmt: skip
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


def _anime(_):
    """This project's own network for drawings (models/detector.py)."""
    return network_detector(runs.PRETRAINED / runs.DETECTOR)


def network_detector(file: Path) -> Detector:
    """A .keras file of `train.py detector` -> its detector. Raises Problem if it is none."""
    import cv2

    from drawing.opening import opened

    if not file.is_file():
        raise Problem(f"{file} does not exist: name a run of train.py detector with --detector")
    cv2.setNumThreads(1)  # the worker processes use the cores already
    network = opened(file, "detector", threads=1)
    outputs = network.output_shape[-1] or 0
    if network.input_shape[1:] != (None, None, 3) or len(network.output_shape) != 4 or outputs < 9 or not outputs % 2:
        raise Problem(f"{file} does not find faces in pictures: name a run of train.py detector with --detector")

    def find(pixels):
        found = boxes.search(network, pixels).surer(boxes.SURE)
        return [_detection(*face) for face in zip(*(values.tolist() for values in found), strict=True)]

    return find


def _detection(box, score, points):
    """A tight box, from ear to ear and from the fringe to the chin, and its points -> a Detection."""
    x, y, width, height = box
    size, middle = FACE_OF_BOX
    side = size * (width + height) / 2
    place = x + width / 2 - side / 2, y + height / 2 - middle * side
    eyes = tuple((round(x, 1), round(y, 1)) for x, y in points[:2])
    return Detection((round(place[0]), round(place[1]), round(side), round(side)), score, eyes)


def _lbpcascade(cascade):
    """nagadomi's cascade for drawings. Its box reaches from the fringe to below the chin."""
    # `python -m benchmarks.detectors` compares settings. Looking at mirrored and turned pictures as well takes four
    # times as long, and at the same precision it finds no more faces.
    return cascade_detector(cascade or CASCADE, face=(0.5, 0.475, 0.66, 0.66), scale=1.08, votes=5)


def _haar(_):
    """The cascade for photos of people that is a part of OpenCV."""
    import cv2

    folder = cv2.data.haarcascades  # type: ignore[attr-defined]
    file = Path(folder, "haarcascade_frontalface_default.xml")
    return cascade_detector(file, face=(0.5, 0.54, 0.78, 0.78), scale=1.05, votes=6)


DETECTORS = {"anime": _anime, "lbpcascade": _lbpcascade, "haar": _haar}


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


def frame(
    box: tuple[float, float, float, float], margin: float, eyes: Eyes | None = None, upright: bool = True
) -> Square:
    """A face's box, and its eyes if they are known -> the square to cut. It may reach beyond the picture.

    `margin`: the room on each side of the face, as a part of the face's size. The eyes are at EYES_IN_CROP of the
    side, whatever the margin is. With `upright`, eyes that are clearly askew become level.
    """
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    if eyes is None:
        return Square(x + width / 2 - side / 2, y + EYES_IN_FACE * height - EYES_IN_CROP * side, side)
    (x0, y0), (x1, y1) = eyes
    turn = math.atan2(y1 - y0, x1 - x0)
    turn = turn if upright and abs(turn) > LEVEL else 0.0
    down = (0.5 - EYES_IN_CROP) * side  # from the eyes to the middle of the square
    middle = (x0 + x1) / 2 - math.sin(turn) * down, (y0 + y1) / 2 + math.cos(turn) * down
    return Square(middle[0] - side / 2, middle[1] - side / 2, side, turn)


def outside(shape: tuple[int, ...], square: Square) -> float:
    """The shape (H, W, ...) of a picture and a square -> the part of the square that lies outside it, [0, 1]."""
    import cv2

    left, top, side, turn = square
    if turn:
        corners = cv2.boxPoints(((left + side / 2, top + side / 2), (side, side), math.degrees(turn)))
        picture = np.array([(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])], np.float32)
        return 1 - cv2.intersectConvexConvex(corners, picture)[0] / side**2
    width = min(left + side, shape[1]) - max(left, 0)
    height = min(top + side, shape[0]) - max(top, 0)
    return 1 - max(width, 0) * max(height, 0) / side**2


def cut_square(pixels: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Pixels, uint8 (H, W, 3), and a square that touches them -> what is in the square, uint8 (size, size, 3).

    Outside the picture, the square shows the mirrored picture: hair goes on as hair, and a background as background.
    A border of one colour would be the first thing that a network learns to draw.
    """
    left, top, side, turn = square
    if turn:
        return _cut_turned(pixels, square, size)
    x0, y0, x1, y1 = math.floor(left), math.floor(top), math.ceil(left + side), math.ceil(top + side)
    height, width = pixels.shape[:2]
    inside = pixels[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    beyond = (max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0)
    whole = images.to_image(np.pad(inside, beyond, "symmetric"))
    box = left - x0, top - y0, left - x0 + side, top - y0 + side
    return np.asarray(whole.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3))


def _cut_turned(pixels, square, size):
    """The same for a square that is turned: cut around it, twice as fine, then turned and made small."""
    import cv2

    left, top, side, turn = square
    fine = 2 * size
    reach = side * (abs(math.cos(turn)) + abs(math.sin(turn)))  # of the upright square around it
    around = Square(left + (side - reach) / 2, top + (side - reach) / 2, reach)
    wide = math.ceil(fine * reach / side)
    seen = cut_square(pixels, around, wide)
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), math.degrees(turn), fine / side * reach / wide)
    matrix[:, 2] += (fine - wide) / 2
    turned = cv2.warpAffine(seen, matrix, (fine, fine), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(Image.fromarray(turned).resize((size, size), Image.Resampling.LANCZOS))
