"""Detectors for the tests of preprocess.py: they must be importable by its worker processes."""

import os
import time

from gathering.detectors import EYES_IN_CROP, EYES_IN_FACE, Detection


def middle(pixels):
    """One face, in the middle: its crop is half of the picture."""
    height, width = pixels.shape[:2]
    side = min(height, width) / 2
    face = side / 1.9  # with the default margin of 0.45
    top = (height - side) / 2 + EYES_IN_CROP * side - EYES_IN_FACE * face
    return [Detection((round((width - face) / 2), round(top), round(face), round(face)), 7.0)]


def fragile(pixels):
    """Dies of a picture 40 pixels wide, hangs at one of 41, fails at one of 42; else `middle`, as plain pairs."""
    width = pixels.shape[1]
    if width == 40:
        os.abort()
    if width == 41:
        time.sleep(60)
    if width == 42:
        raise RuntimeError("no such eye")
    return [(detection.box, detection.score) for detection in middle(pixels)]


class Mute(Exception):
    """Neither says what it is, nor can it be sent to another process."""

    def __init__(self, one, two):
        super().__init__()

    def __str__(self):
        raise ValueError("no words")


def wild(pixels):
    """Goes wrong in another way for each width of a picture from 40 to 46; else `middle`."""
    width = pixels.shape[1]
    raised = {40: SystemExit("enough"), 41: Mute(1, 2), 42: KeyboardInterrupt(), 43: MemoryError()}
    if width in raised:
        raise raised[width]
    box = middle(pixels)[0].box
    returned = {44: None, 45: [((float("nan"),) * 4, 1.0)], 46: [(box, "sure")]}
    return returned.get(width, [(box, 7.0)])
