"""Flaws of drawn faces, as far as a program sees them: which faces of a generator are better drawn than others."""

import functools

import cv2
import numpy as np

from animefaces import images, looks, runs
from animefaces.colour import to_lab
from drawing import eyes
from drawing.finishing import Finisher
from drawing.opening import opened
from drawing.touches import EYES
from models.regions import MOUTH_REACH, UNEVEN, UNLIKE

FILE = runs.PRETRAINED / "flaws.keras"
MEASURED = 0.4  # how much the logarithm of what is measured counts beside what the network sees
KINDS = ("sex", "glasses", "turn")  # looks whose shares a choice keeps: more flaws are seen in the rarer ones
LEAST = 1e-6  # an even face of one colour has no logarithm


@functools.cache
def _network():
    return opened(FILE, "network of flaws", "get it again from the project")


def flaws(faces: np.ndarray) -> np.ndarray:
    """Faces of one generator, uint8 (N, H, W, 3) -> how flawed they are, float64 (N,), in no unit: the least is best.

    It is the sum of what a network sees that learned from labels by eye (training/flaws.py), and of what is measured
    at eyes and mouth. It is for faces of one generator: those of people have more kinds of eyes and mouths than any
    generator draws, and nothing is wrong with them (docs/research/measures.md).
    """
    found = [np.empty(0)]
    for start in range(0, len(faces), eyes.ROWS):
        pixels = faces[start : start + eyes.ROWS]
        found.append(seen(pixels) + MEASURED * measured(pixels))
    return np.concatenate(found)


def kinds(rows: np.ndarray) -> np.ndarray:
    """Rows of looks, float32 (N, SIZE) -> the kind of each face, a number for its words of KINDS, int64 (N,)."""
    words = [rows[:, looks.PLACES[name]].argmax(axis=1) for name in KINDS]
    return np.ravel_multi_index(words, [len(looks.BY_NAME[name].words) for name in KINDS])


def best_of(flawed: np.ndarray, kind: np.ndarray, tries: int) -> np.ndarray:
    """How flawed faces are, float (N,), and of which kind, int64 (N,) -> places, int64 (N / tries,).

    Of each `tries` faces of a kind the least flawed one is kept. Faces that are left over are compared with each other,
    whatever their kind. The places are ascending, and N is a multiple of `tries`. Without kinds, men, glasses and
    turned heads would become rare (docs/research/measures.md).
    """
    sizes = np.bincount(kind)
    ordered = np.argsort(kind, kind="stable")
    within = np.arange(len(kind)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # a face's place among those of its kind
    over = within >= np.repeat(sizes // tries * tries, sizes)
    groups = np.concatenate([ordered[~over], np.sort(ordered[over])]).reshape(-1, tries)
    return np.sort(groups[np.arange(len(groups)), flawed[groups].argmin(axis=1)])


def measured(pixels: np.ndarray) -> np.ndarray:
    """Faces, as for `flaws` -> the logarithm of a product, float64 (N,).

    Its factors say how unclear the eyes are, how unlike each other they are, and how uneven the mouth is.
    """
    finisher = Finisher()
    parts, places = finisher.parts(pixels)
    mirrored, _ = finisher.parts(pixels[:, :, ::-1])
    left, right = eyes.looks_in(pixels, parts, places)
    unlike = 1 + np.linalg.norm(left - right, axis=1)
    unclear = _unclear((parts + mirrored[:, :, ::-1])[..., EYES] / 2)
    return np.log(unclear * unlike**UNLIKE * _uneven(pixels, places) ** UNEVEN + LEAST)


def seen(pixels: np.ndarray) -> np.ndarray:
    """Faces, as for `flaws` -> about which share of judges would see a flaw in each, float64 (N,): near 0 to 1."""
    if not len(pixels):
        return np.empty(0)
    side = _network().input_shape[1]
    small = images.to_network(np.stack([images.to_array(images.to_image(face), side) for face in pixels]))
    return (_network()(small) + _network()(small[:, :, ::-1]))[:, 0].astype(np.float64) / 2


def _unclear(eye):
    """The probability that a pixel is of an eye, (N, H, W) -> how much it is in doubt, as a share of the eyes, (N,)."""
    return (eye * (1 - eye)).sum((1, 2)) / (eye.sum((1, 2)) + 1e-3)


def _uneven(pixels, places):
    """Faces and their places -> how much each mouth differs from its mirror image, in CIE L*a*b*, (N,).

    The axis is in the middle between the eyes.
    """
    y, x = np.indices(pixels.shape[1:3]) / (pixels.shape[1] - 1)
    found = []
    for lab, place in zip(to_lab(pixels).astype(np.float32), places, strict=True):
        axis = (place.left_eye[0] + place.right_eye[0]) / 2 * (len(lab) - 1)
        turned = cv2.warpAffine(lab, np.array([[-1, 0, 2 * axis], [0, 1, 0]]), lab.shape[1::-1],
                                borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        near = (abs(x - place.mouth[0]) < MOUTH_REACH[0]) & (abs(y - place.mouth[1]) < MOUTH_REACH[1])
        found.append(np.linalg.norm(turned - lab, axis=-1)[near].sum() / (near.sum() + 1e-3))
    return np.array(found)
