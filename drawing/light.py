"""Crops of photos in poor light, or without colours -> as a usual photo shows them. Usual photos stay as they are.

The encoder knows the usual photos that it was trained on. It takes grey for blue, and a dark crop breaks its face. The
limits below are of 3,000 such photos, and `python -m benchmarks.light` measures what they do
(docs/research/encode.md). They are wide, because skin must never become lighter or darker than it is.
"""

import numpy as np

from animefaces.colour import from_lab, to_lab
from models.regions import SKIN_OF_PHOTOS

EDGE = 0.005  # of the pixels are brighter than what is called the brightest here; as many are darker than the darkest

# Lightness in Lab: (from here on it changes, from here on it changes fully, where it is then brought to). Of a hundred
# photos, one at most is beyond the first, and ten are beyond the last.
BRIGHTEST = (57, 50, 73)
DARKEST = (45, 53, 17)
# A dark face may be one with dark skin, if something else on the photo is as light as this. Then only a face that is
# darker than that of any usual photo is changed: it is against the light.
LIGHT_PHOTO = 65
AGAINST_THE_LIGHT = (44, 36, 60)
MOST = 64  # times brighter at most: more would show nothing but noise
GLARE = (84, 90, 75)  # of the median of the crop

# A crop is without colours if a and b of Lab follow from its lightness with a smaller error than this: grey, sepia.
COLOURLESS = 2.0
# The mean a and b of the photos that have colours, at the lightness 0, 10 and so on to 100.
NATURAL = np.array([[1.9, 0.6], [6.4, 5.0], [9.8, 10.3], [12.8, 14.5], [14.9, 17.2], [16.0, 19.2], [15.6, 20.0],
                    [14.4, 19.1], [10.8, 16.0], [3.9, 9.6], [-0.7, 2.6]], np.float32)  # fmt: skip

# The light of the skin between eyes and mouth: log2 of red / green and of blue / green, mean and covariance. The
# distance from the mean is in standard deviations; the three numbers are as above.
SKIN_MEAN = np.array([0.99, -0.55])
SKIN_SPREAD = np.array([[0.110, -0.051], [-0.051, 0.114]])
CAST = (3.3, 4.3, 1.5)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue light


def levelled(crop: np.ndarray, photo: np.ndarray, framed: bool) -> np.ndarray:
    """A crop and its photo, uint8 (H, W, 3) each -> the crop; if it is very dark, hazy or bright, with usual lightness.

    `framed`: whether it is sure to be a face on a photo, for a drawing may be bright. Light adds up, and so does haze:
    in the numbers that are proportional to light, each change is one straight line.
    """
    lab = to_lab(crop)
    darkest, brightest = _extremes(lab)
    step = max(1, max(photo.shape[:2]) // 256)
    light_photo = _extremes(to_lab(photo[::step, ::step]))[1] > LIGHT_PHOTO
    black = _brought(darkest, DARKEST)
    white = _brought(brightest, AGAINST_THE_LIGHT if light_photo else BRIGHTEST)
    if (black, white) != (darkest, brightest):
        low, high, black, white = (_light(value) for value in (darkest, brightest, black, max(white, black + 20)))
        gain = min((white - black) / max(high - low, 1e-6), MOST)
        lab = _of_light((_to_light(lab) - low) * gain + black)
        crop = from_lab(lab)
    middle = np.median(lab[..., 0])
    if framed and (dimmed := _brought(middle, GLARE)) != middle:
        return from_lab(_of_light(_to_light(lab) * _light(dimmed) / _light(middle)))
    return crop


def _extremes(lab):
    return np.quantile(lab[..., 0], [EDGE, 1 - EDGE])


def coloured(crop: np.ndarray, framed: bool, skin: tuple[float, ...] = SKIN_OF_PHOTOS) -> np.ndarray:
    """A crop, uint8 (H, W, 3) -> the same; with usual colours if it has none, or if its skin is in coloured light.

    `framed`: whether skin is sure to be at its place, in the box `skin` (top, bottom, left, right, shares of the side).
    In a drawing there may be blue hair.
    """
    lab = to_lab(crop)
    if _colourless(lab):
        steps = np.linspace(0, 100, len(NATURAL))
        tint = [np.interp(lab[..., 0], steps, column) for column in NATURAL.T]
        return from_lab(np.stack([lab[..., 0], *tint], axis=-1).astype(np.float32))
    return _balanced(crop, lab, skin) if framed else crop


def _balanced(crop, lab, box):
    rgb = _to_light(lab)
    top, bottom, left, right = (round(part * len(rgb)) for part in box)
    red, green, blue = skin = np.maximum(rgb[top:bottom, left:right].mean(axis=(0, 1)), 1e-3)
    away = np.log2([red / green, blue / green]) - SKIN_MEAN
    distance = np.sqrt(away @ np.linalg.inv(SKIN_SPREAD) @ away)
    if (goal := _brought(distance, CAST)) == distance:
        return crop
    of_red, of_blue = np.exp2((goal / distance - 1) * away)
    gains = np.array([of_red, 1, of_blue])
    gains *= (skin @ LUMINANCE) / (skin * gains @ LUMINANCE)  # skin stays as light as it is
    return from_lab(_of_light(rgb * gains))


def _colourless(lab):
    """Lab (H, W, 3) -> whether one curve gives a and b from the lightness."""
    lightness, colours = lab[..., 0].ravel() / 100, lab[..., 1:].reshape(-1, 2)
    terms = lightness[:, None] ** np.arange(4)
    error = colours - terms @ np.linalg.lstsq(terms, colours, rcond=None)[0]
    return np.sqrt(np.square(error).sum(axis=1).mean()) < COLOURLESS


def _brought(value, limits):
    """A value and (where it begins to change, where it changes fully, where to) -> the value that it becomes."""
    start, full, goal = limits
    return value + np.clip((value - start) / (full - start), 0, 1) * (goal - value)


def _to_light(lab):
    """Lab -> RGB that is proportional to light, in [0, 1]."""
    import cv2

    return cv2.cvtColor(lab, cv2.COLOR_LAB2LRGB)


def _of_light(linear):
    import cv2

    return cv2.cvtColor(np.clip(linear, 0, 1).astype(np.float32), cv2.COLOR_LRGB2LAB)


def _light(lightness):
    """The lightness of a grey, [0, 100] -> its light, [0, 1]."""
    return float(_to_light(np.array([[[lightness, 0, 0]]], np.float32))[0, 0, 1])
