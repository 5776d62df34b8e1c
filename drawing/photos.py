"""Photos of people -> their faces, turned upright and framed like the photos that the encoder was trained on.

A photo detector is one function: pixels, uint8 (H, W, 3) -> a list of Person. It finds upright faces only.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from animefaces import images
from drawing import light
from drawing.cascade import Cascade
from models.regions import SKIN_OF_PHOTOS

# A crop as in the photos that the encoder is trained on (docs/research/encode.md): `python -m benchmarks.photos frame`
# measures the mean place of the eyes in 300 of them.
EYES_IN_CROP = 0.285  # of the crop's side, from its top; in the middle of its width
EYE_DISTANCE = 0.38  # of the crop's side


class Frame(NamedTuple):
    """Where the eyes are in a crop. They are level, and the middle between them is in the middle of its width."""

    eyes: float  # of the crop's side, from its top
    distance: float  # of the eyes, as a share of the crop's side

    def moved(self, box: tuple[float, float, float, float], into: "Frame") -> tuple[float, ...]:
        """A box in this frame (top, bottom, left, right, shares of the side) -> the same part of a face in another."""
        zoom, middles = into.distance / self.distance, (self.eyes, self.eyes, 0.5, 0.5)
        new = (into.eyes, into.eyes, 0.5, 0.5)
        return tuple(there + zoom * (edge - here) for edge, here, there in zip(box, middles, new, strict=True))

    def within(self, other: "Frame") -> tuple[float, ...]:
        """Another frame -> the box (top, bottom, left, right, shares of the side) of its crop in a crop of this one."""
        return other.moved((0.0, 1.0, 0.0, 1.0), self)


TIGHT = Frame(EYES_IN_CROP, EYE_DISTANCE)
LOOSE = Frame(0.46, 0.25)  # for a reader of looks: with hair and chin

LARGER = 4  # the crop that is shown is this many times as large as the network's pictures
PIXELS = 960 * 720  # in a picture of so many pixels faces are looked for; they are cut from the whole picture
NARROW = 1000  # a picture that is more than so many times as long as wide shows nobody, and would need much memory
MIN_SIDE = 64  # pixels; mtcnn complains of a smaller picture
SURE = 0.9  # a face is what mtcnn gives at least this confidence, in [0, 1]
BORDER, WIDEST = 0.3, 108  # of the shorter side, and at most in pixels: added, so that a face that fills all is found
CERTAIN = 0.99  # with such a face the photo is upright; `python -m benchmarks.photos turns` measures this
TURNS = ("", "a quarter to the left", "upside down", "a quarter to the right")
BLUR = 0.06  # of the crop's side: how much is blurred what lies beyond the photo


class Person(NamedTuple):
    """A face. `eyes`: (x, y) of both pupils in pixels; the pupil that is further left in the picture comes first."""

    eyes: tuple[tuple[float, float], tuple[float, float]]
    score: float  # how sure the detector is, in [0, 1]
    mouth: tuple[float, float] | None = None  # its middle, if the detector tells


class Photo(NamedTuple):
    """What was found on a photo."""

    faces: list[tuple[np.ndarray, np.ndarray]]  # from left to right, two crops of each: see `faces_on`
    people: list[Person]  # who they are of, in the pixels of the turned photo
    turns: int  # quarters to the left by which the photo was turned, so that the faces are upright


def faces_on(
    file: str | Path | BinaryIO, size: int, channels: int, find: Callable | None, frame: Frame = TIGHT
) -> Photo:
    """A photo's file -> for each of its faces two crops, upright and framed alike.

    The first crop, uint8 (size, size, channels), is for a network; drawing/light.py has mended its light. The second
    one is LARGER times as large, in colour and as the photo shows it, and is for people. `find`: a photo detector, or
    None if the picture's centre square is a face in the frame TIGHT. Raises OSError, ValueError or MemoryError as
    images.read does.
    """
    pixels, turns = images.read(file), 0
    if find is None:
        people = [Person(_eyes_of_square(pixels), 1.0)]
    else:
        people, turns = upright(pixels, find)
        if turns:
            pixels = np.ascontiguousarray(np.rot90(pixels, turns))
        people = sorted(people, key=lambda person: person.eyes)
    faces, framed = [], find is not None
    for pair in (person.eyes for person in people):
        whole = find is None and frame == TIGHT  # the picture is the crop, to the last pixel
        cut = images.to_image(pixels if whole else cut_upright(pixels, pair, LARGER * size, frame))
        seen = images.to_image(cut_upright(pixels, pair, LARGER * size, frame, smooth=False)) if frame == LOOSE else cut
        small = light.levelled(images.to_array(seen, size), pixels, framed)
        if channels == 3:
            small = light.coloured(small, framed, TIGHT.moved(SKIN_OF_PHOTOS, frame))
        faces.append((images.to_array(images.to_image(small), size, channels), images.to_array(cut, LARGER * size)))
    return Photo(faces, people, turns)


def _eyes_of_square(pixels):
    """The eyes of a face that the centre square of a picture frames as TIGHT."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    x, y = width / 2, (height - side) / 2 + TIGHT.eyes * side
    return (x - TIGHT.distance * side / 2, y), (x + TIGHT.distance * side / 2, y)


def upright(pixels: np.ndarray, find: Callable) -> tuple[list[Person], int]:
    """Pixels, uint8 (H, W, 3), and a detector -> (people, how many quarters to the left the photo is turned for them).

    A photo with a face that is certain is not turned, so that it takes no more time. Else the detector is less sure of
    a wrong turn, where it sees no face or takes something else for one.
    """
    people = find(pixels)
    if _doubt(people) <= 1 - CERTAIN:
        return people, 0
    others = {turns: find(np.ascontiguousarray(np.rot90(pixels, turns))) for turns in (1, 2, 3)}
    best = min(others, key=lambda turns: _doubt(others[turns]))
    # A third of the doubt, because most photos are upright.
    return (others[best], best) if _doubt(others[best]) < _doubt(people) / 3 else (people, 0)


def _doubt(people):
    return 1 - max((person.score for person in people), default=0)


def cut_upright(pixels: np.ndarray, eyes: tuple, size: int, frame: Frame = TIGHT, smooth: bool = True) -> np.ndarray:
    """Pixels, uint8 (H, W, 3), and the eyes of a face -> its crop, uint8 (size, size, 3), with the eyes level.

    What lies beyond the picture is its border, drawn out; if it is to be `smooth`, blurred, too. (Mirrored, it would
    show a second face.)
    """
    import cv2

    left, right = np.array(eyes, np.float64)
    across = right - left
    side = max(np.hypot(*across), 1) / frame.distance  # of the crop, in the photo's pixels
    x_axis = across / max(np.hypot(*across), 1e-6)
    y_axis = np.array([-x_axis[1], x_axis[0]])
    centre = (left + right) / 2 + (0.5 - frame.eyes) * side * y_axis
    # Only the part that is needed, and not at many times the resolution: else a thin line would come and go.
    reach = 0.75 * side + 4
    first = np.clip(np.floor(centre - reach), 0, np.array(pixels.shape[1::-1]) - 1).astype(int)
    last = np.ceil(centre + reach).astype(int)
    part = pixels[first[1] : max(last[1], first[1] + 1), first[0] : max(last[0], first[0] + 1)]
    shrink = min(1, 2 * size / side)
    width, height = (max(1, round(n * shrink)) for n in (part.shape[1], part.shape[0]))
    scale = np.array([width / part.shape[1], height / part.shape[0]])
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    # From the middle of the crop's pixel (u, v) to the place in `part`.
    turn = np.stack([x_axis, y_axis], axis=1) * side / size
    offset = centre - first + turn @ np.full(2, 0.5 - size / 2)
    matrix = np.column_stack([scale[:, None] * turn, scale * offset - 0.5])
    crop = cv2.warpAffine(part, matrix, (size, size), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    if not smooth:
        return crop
    full = np.full(part.shape[:2], 255, np.uint8)
    inside = cv2.warpAffine(full, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.where(inside[..., None] > 127, crop, cv2.GaussianBlur(crop, (0, 0), BLUR * size))


def open_photo_detector() -> Callable[[np.ndarray], list[Person]]:
    """MTCNN as a detector of photos. Raises Problem where it cannot be had."""
    cascade = Cascade()

    def find(pixels):
        if max(pixels.shape[:2]) > NARROW * min(pixels.shape[:2]):
            return []
        small, shrink, border = _prepared(pixels)
        people = []
        for _, _, _, _, score, *points in cascade(small, SURE).tolist():
            if not _mouth_below_eyes(np.reshape(points, (2, 5))):
                continue
            places = [((x + 0.5 - border) / shrink, (y + 0.5 - border) / shrink)
                      for x, y in zip(points[:5], points[5:], strict=True)]  # fmt: skip
            mouth = tuple(float(n) for n in np.mean(places[3:], axis=0))
            people.append(Person(tuple(sorted(places[:2])), score, mouth))
        return people

    return find


def _mouth_below_eyes(points):
    """Rather below than beside or above them: else it is no face, or one to be found in another turn of the photo."""
    x, y = points[:, 3:].mean(axis=1) - points[:, :2].mean(axis=1)
    return y >= abs(x)


def _prepared(pixels):
    """Pixels of any size -> (pixels to look at, by how much they are smaller, the border that they have)."""
    import cv2

    # By the area, not by the longer side: else the people on a panorama would be too small to be found.
    shrink = min(1, math.sqrt(PIXELS / (pixels.shape[0] * pixels.shape[1])))
    width, height = (max(1, round(n * shrink)) for n in (pixels.shape[1], pixels.shape[0]))
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA) if shrink < 1 else pixels
    shorter = min(small.shape[:2])
    border = max(min(math.ceil(BORDER * shorter), WIDEST), (MIN_SIDE - shorter + 1) // 2)
    # In its mean colour: at a border that is drawn out, fewer faces are found; at a mirror, some that nobody has.
    seen = np.empty((small.shape[0] + 2 * border, small.shape[1] + 2 * border, 3), np.uint8)
    seen[:] = small.mean(axis=(0, 1)).round()
    seen[border : border + small.shape[0], border : border + small.shape[1]] = small
    return seen, shrink, border
