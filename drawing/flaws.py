"""Flaws of drawn faces, as far as a program sees them: which faces of a generator are better drawn than others."""

import cv2
import numpy as np

from animefaces.colour import to_lab
from drawing import eyes
from drawing.finishing import Finisher
from drawing.touches import EYES
from models.regions import MOUTH_REACH, UNEVEN, UNLIKE


def flaws(faces: np.ndarray) -> np.ndarray:
    """Faces of one generator, uint8 (N, H, W, 3) -> how flawed they are, float64 (N,), in no unit: the least is best.

    It is a product. Its factors say how unclear the eyes are, how unlike each other they are, and how uneven the mouth
    is. It is for faces of one generator: those of people have more kinds of eyes and mouths than any generator draws,
    and nothing is wrong with them (docs/research/measures.md).
    """
    finisher, found = Finisher(), [np.empty(0)]
    for start in range(0, len(faces), eyes.ROWS):
        pixels = faces[start : start + eyes.ROWS]
        parts, places = finisher.parts(pixels)
        mirrored, _ = finisher.parts(pixels[:, :, ::-1])
        left, right = eyes.looks_in(pixels, parts, places)
        unlike = 1 + np.linalg.norm(left - right, axis=1)
        unclear = _unclear((parts + mirrored[:, :, ::-1])[..., EYES] / 2)
        found.append(unclear * unlike**UNLIKE * _uneven(pixels, places) ** UNEVEN)
    return np.concatenate(found)


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
