"""Touches on drawn faces: another colour of hair and skin, another mouth, a beard, glasses, lines of age.

The faces that a generator was trained on lack some looks: among 480 of them nobody is old, has dark skin or a beard
(docs/research/looks.md). These looks are drawn onto its faces, as a person who draws would: the colours are changed
where hair and skin are, with their light and shadow kept, and lines are drawn at the eyes, the nose and the mouth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from animefaces.colour import from_lab, to_lab
from models.regions import PARTS

SKIN, HAIR, OTHER, EYES = range(len(PARTS))
NEAR = 0.06  # of the side: so near to skin, what has its colour is skin
FINE = 4  # lines are drawn at this many times the size of the picture, so that they are soft

# Colours (L, a, b) of hair and skin that anybody calls by these words.
HAIR_COLOURS = {"black": (24, 1, -3), "brown": (42, 14, 20), "blond": (78, 6, 38), "red": (48, 38, 30),
                "grey": (72, 0, -2), "blue": (50, -4, -30), "green": (55, -30, 22), "pink": (72, 30, 0),
                "violet": (45, 24, -26)}  # fmt: skip
SKIN_COLOURS = {"light": (91, 6, 16), "tan": (74, 13, 25), "dark": (50, 15, 23)}

# Of the open mouth, its line, and the line of a closed one.
MOUTH, TONGUE, TEETH, LIPS, CLOSED = (np.array(colour, np.float32) for colour in (
    (46, 42, 24), (66, 40, 22), (96, 2, 2), (30, 23, 15), (34, 12, 12)))  # fmt: skip
FRAMES = np.array((18, 2, -4), np.float32)  # of glasses
BEARD = np.array((30, 5, 8), np.float32)  # without a colour of the hair
GREY = 5.0  # mean chroma: a face with less has no colours. 1,000 faces of the shipped weights have 5.1 or more

Colour = Sequence[float]  # L, a, b


class Places(NamedTuple):
    """Where things are in a drawn face: (x, y) of each, as a part of the picture's side."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    mouth: tuple[float, float]
    chin: tuple[float, float]
    left_jaw: tuple[float, float]  # at the height of the mouth
    right_jaw: tuple[float, float]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Places":
        """14 numbers, x and y of each in turn -> Places."""
        return cls(*((float(x), float(y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)))


def coloured(
    pixels: np.ndarray, parts: np.ndarray, places: Places, hair: Colour | None = None, skin: Colour | None = None
) -> np.ndarray:
    """A drawn face uint8 (S, S, 3) and its parts (S, S, 4) -> the face with hair and skin of these colours.

    None leaves a colour as it is, and so does a face that shows no hair or no skin. Light and shadow stay.
    """
    if hair is None and skin is None:
        return pixels
    lab = to_lab(pixels)
    new_hair, ends = _hair(lab, parts, hair)
    side = len(pixels)
    x, y = _grid(side)
    lips = ((x - places.mouth[0]) / 0.11) ** 2 + ((y - places.mouth[1]) / 0.08) ** 2 < 1
    no_lips = 1 - _reduced(lips, side)  # a mouth may have the colour of the hair, and is then taken for hair
    new_skin, lids = _skin(lab, parts, skin)
    more, ears = _besides(lab, parts, places)
    # Where hair and skin meet, a pixel is a mixture of both, so it becomes a mixture of both new colours.
    of_hair, of_skin = (parts[..., HAIR] + ends - ears) * no_lips, parts[..., SKIN] + more + ears
    both = (of_hair + of_skin)[..., None] + 1e-6
    new = (of_hair[..., None] * new_hair + of_skin[..., None] * new_skin) / both
    mixed = lab + np.clip(1.25 * both - 0.1, 0, 1) * (new - lab)
    return from_lab(mixed + lids)


def _hair(lab, parts, colour):
    """Lab and parts -> (Lab as if all of it were hair of that colour, how much of each pixel is an end of the hair)."""
    sure = parts[..., HAIR] > 0.8
    if colour is None or sure.mean() < 0.02:
        return lab, np.zeros(lab.shape[:2], np.float32)
    own, target, new = np.median(lab[sure], axis=0), np.asarray(colour, np.float32), np.empty_like(lab)
    # Bent by a power: black and white stay what they are.
    power = np.log(np.clip(target[0], 5, 95) / 100) / np.log(np.clip(own[0], 8, 94) / 100)
    new[..., 0] = 100 * (np.clip(lab[..., 0], 0, 100) / 100) ** np.clip(power, 0.35, 3.2)
    chroma, usual = np.hypot(lab[..., 1], lab[..., 2]), max(float(np.hypot(own[1], own[2])), 6.0)
    strength = np.clip(0.6 + 0.4 * chroma / usual, 0.4, 1.3) * np.clip((100 - new[..., 0]) / 25, 0, 1)
    new[..., 1:] = target[1:] * strength[..., None]
    # The ends of the hair, over the clothes, are taken for something else: those of the hair's own colour are hair.
    return new, parts[..., OTHER] * np.clip((14 - _off(lab, own)) / 5, 0, 1) * (1 - _white(lab))


def _skin(lab, parts, colour):
    """Lab and parts -> (Lab as if all of it were skin of that colour, what is to be added to the lids of the eyes)."""
    own = skin_of(lab, parts)
    if colour is None or own is None:
        return lab, 0.0
    target, new = np.asarray(colour, np.float32), np.empty_like(lab)
    ratio = float(np.clip(target[0] / own[0], 0.3, 1.3))
    new[..., 0] = np.where(lab[..., 0] < own[0], lab[..., 0] * ratio, target[0] + lab[..., 0] - own[0])
    new[..., 1:] = target[1:] + 0.8 * (lab[..., 1:] - own[1:])
    # Around the eyes, what has the hue of the skin is skin, however dark; white and iris are not.
    darker = np.concatenate([lab[..., :1] * ratio, lab[..., 1:] * min(1.0, ratio + 0.3)], axis=-1)
    lids = parts[..., EYES] * _hue(lab, own) * np.clip((lab[..., 0] - 35) / 20, 0, 1)
    return new, lids[..., None] * (darker - lab)


def _hue(lab, own, wide=14):
    """How much each pixel has the hue of a colour, however dark it is; up to `wide` of a and b away from the hue."""
    length = max(float(np.hypot(own[1], own[2])), 4.0)
    along = (lab[..., 1] * own[1] + lab[..., 2] * own[2]) / length
    across = np.abs(lab[..., 1] * own[2] - lab[..., 2] * own[1]) / length
    return np.clip((along - 0.25 * length) / (0.25 * length), 0, 1) * np.clip((wide - across) / 6, 0, 1)


def _besides(lab, parts, places):
    """-> how much of each pixel is skin that was taken for something else (neck, edges), and for hair (ears).

    It has the skin's own colour, and is near other skin.
    """
    import cv2

    own, hair = skin_of(lab, parts), parts[..., HAIR] > 0.8
    if own is None:
        return 0.0, 0.0
    side = len(lab)
    x, y = _grid(side)
    neck = (y > places.chin[1] - 0.03) & (x > places.left_jaw[0]) & (x < places.right_jaw[0])
    reach = 2 * round(side * NEAR) + 1
    near = cv2.dilate((parts[..., SKIN] > 0.5).astype(np.float32), np.ones((reach, reach)))
    off = _off(lab, own)
    like = np.clip((14 - off) / 5, 0, 1) * (1 - _white(lab))
    of_hair = _off(lab, np.median(lab[hair], axis=0)) if hair.any() else np.full_like(off, 100)
    beside = (x < places.left_jaw[0] + 0.05) | (x > places.right_jaw[0] - 0.05)
    beside &= (y > places.left_eye[1] - 0.06) & (y < places.mouth[1] + 0.04)
    ear = _reduced(beside, side) * _hue(lab, own, 22) * np.clip((lab[..., 0] - 45) / 10, 0, 1)
    ear *= np.clip((of_hair - 16) / 6, 0, 1)
    elsewhere = np.maximum(like * np.maximum(near, _reduced(neck, side)), ear * (1 - _white(lab)))
    edge = like * near * np.clip((of_hair - off - 4) / 8, 0, 1)
    return parts[..., OTHER] * elsewhere, parts[..., HAIR] * np.maximum(ear, edge)


def _off(lab, colour):
    """How far each pixel is from a colour. Light and shadow count little."""
    return np.sqrt(((lab[..., 0] - colour[0]) / 2.5) ** 2 + np.sum((lab[..., 1:] - colour[1:]) ** 2, axis=-1))


def _white(lab):
    """How much each pixel is white: of paper, eyes or teeth."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return np.clip((lab[..., 0] - 88) / 6, 0, 1) * np.clip((8 - chroma) / 4, 0, 1)


def skin_of(lab: np.ndarray, parts: np.ndarray) -> np.ndarray | None:
    """Lab (S, S, 3) of a drawn face -> the median colour of its cheeks, or None if there is no skin."""
    side = len(lab)
    cheeks = parts[..., SKIN] > 0.8
    cheeks[: side // 2] = cheeks[7 * side // 8 :] = False
    return np.median(lab[cheeks], axis=0) if cheeks.mean() > 0.005 else None


def mouthed(pixels: np.ndarray, parts: np.ndarray, places: Places, open: bool, smile: bool) -> np.ndarray:
    """A drawn face -> the face with another mouth: open or closed, smiling or not. A face without skin stays."""
    side = len(pixels)
    x, y = _grid(side)
    mx, my = places.mouth
    own = skin_of(to_lab(pixels), parts)
    if own is None:
        return pixels
    lab = _without_mouth(to_lab(pixels), parts, places, own)
    shade = np.array([own[0] / 92, 1, 1], np.float32)  # in a dark face, lines are darker
    along = np.linspace(-1, 1, 21)
    if not open:
        half, bend, width = (0.066, 0.028, 0.75) if smile else (0.052, 0.0, 0.5)
        line = [(mx + half * u, my + bend * (0.55 - u * u)) for u in along]
        return _mixed(lab, CLOSED * shade, _drawn(side, [(line, width)], blur=0.4) * 0.9)
    half, deep, arch = (0.07, 0.06, -0.012) if smile else (0.042, 0.05, 0.012)
    top = my - 0.012
    upper = [(mx + half * u, top - arch * (1 - u * u)) for u in along]
    lower = [(mx + half * u, top + deep * (1 - abs(u) ** 2.4)) for u in along[::-1]]
    inside = _filled(side, [*upper, *lower])
    tongue = ((x - mx) / (0.7 * half)) ** 2 + ((y - top - deep) / (0.5 * deep)) ** 2 < 1
    lab = lab + inside[..., None] * (MOUTH - lab)
    lab = lab + (0.75 * _reduced(tongue, side) * inside)[..., None] * (TONGUE - lab)
    if smile:
        teeth = (np.abs(y - top - 0.008) < 0.012) & (np.abs(x - mx) < 0.8 * half)
        lab = lab + (0.8 * _reduced(teeth, side) * inside)[..., None] * (TEETH - lab)
    return _mixed(lab, LIPS * shade, _drawn(side, [(upper, 0.8), (lower, 0.45)], blur=0.5) * 0.8)


def _without_mouth(lab, parts, places, own):
    """Lab of a face and the colour of its skin -> the same, with the skin around the mouth instead of the mouth."""
    import cv2

    side = len(lab)
    x, y = _grid(side)
    mx, my = places.mouth
    near = ((x - mx) / 0.15) ** 2 + ((y - my - 0.005) / 0.072) ** 2 < 1
    near &= y > (places.nose[1] + my) / 2 - 0.01
    off = np.abs(lab - own).max(axis=-1)
    lips = _reduced(((x - mx) / 0.09) ** 2 + ((y - my) / 0.045) ** 2 < 1, side) > 0.5
    odd = (off > 3) & (_reduced(near, side) > 0.3)
    odd &= (parts[..., SKIN] > 0.4) | (lips & (parts[..., HAIR] < 0.5))  # lips may be taken for anything
    # Only what begins at the lips: the line of the jaw stays.
    _, spots = cv2.connectedComponents(odd.astype(np.uint8))
    odd &= np.isin(spots, np.unique(spots[lips & odd]))
    odd = cv2.dilate(odd.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    skin = ((parts[..., SKIN] > 0.5) & (off < 12) & ~odd).astype(np.float32)
    wide = 3 * side / 64
    share = cv2.GaussianBlur(skin, (0, 0), wide)[..., None]
    around = cv2.GaussianBlur(lab * skin[..., None], (0, 0), wide) / np.maximum(share, 1e-4)
    around = np.where(share > 0.01, around, own).astype(np.float32)
    alpha = cv2.GaussianBlur(odd.astype(np.float32), (0, 0), 0.4 * side / 64)[..., None]
    return lab + np.where(odd[..., None], 1, alpha * (parts[..., SKIN : SKIN + 1] > 0.5)) * (around - lab)


def bearded(pixels: np.ndarray, parts: np.ndarray, places: Places, colour: Colour, strength: float = 0.8) -> np.ndarray:
    """A drawn face -> the face with a beard and a moustache of that colour, in strokes along the growth."""
    import cv2

    side = len(pixels)
    x, y = _grid(side)
    mouth, chin = places.mouth, max(places.chin[1], places.mouth[1] + 0.12)
    half = max((places.right_jaw[0] - places.left_jaw[0]) / 2, 0.18)
    axis = (places.left_jaw[0] + places.right_jaw[0] + 2 * mouth[0]) / 4
    across = (x - axis) / half
    top = mouth[1] + 0.018 - np.abs(across) ** 2.2 * 0.11
    jaw = (
        np.clip((y - top) / 0.035, 0, 1)
        * np.clip((chin + 0.05 - y) / 0.03, 0, 1)
        * np.clip((1.12 - np.abs(across)) / 0.1, 0, 1)
    )
    lips = ((x - mouth[0]) / 0.082) ** 2 + ((y - mouth[1] - 0.006) / 0.042) ** 2
    jaw *= np.clip((lips - 1) * 2, 0, 1)
    aside = np.abs(x - mouth[0])
    lip = np.clip(1.6 - np.abs(y - mouth[1] + 0.041 - (aside / 0.094) ** 2 * 0.025) / 0.016, 0, 1)
    lip *= np.clip((0.103 - aside) / 0.025, 0, 1) * np.clip(aside / 0.02, 0.35, 1)
    noise = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    noise = cv2.blur(cv2.GaussianBlur(noise, (0, 0), 1.1), (1, 9))
    alpha = np.maximum(jaw, lip) * np.clip(0.82 + 0.16 * noise / noise.std(), 0, 1)
    alpha = _reduced(alpha, side) * np.clip(1.3 * parts[..., SKIN] - 0.15, 0, 1) * strength
    return _mixed(to_lab(pixels), np.asarray(colour, np.float32), alpha)


def of_beard(hair: Colour | None) -> np.ndarray:
    """The colour of the hair, or None -> that of the beard: a little darker and warmer."""
    own = BEARD if hair is None else np.asarray(hair, np.float32)
    return own * (0.8, 1, 1) + (2, 2, 3)


def aged(
    pixels: np.ndarray, parts: np.ndarray, places: Places, strength: float = 0.55, everywhere: bool = True
) -> np.ndarray:
    """A drawn face -> the face with the lines of age: from the nose to the mouth, under and beside the eyes.

    Not `everywhere`: only those from the nose to the mouth.
    """
    mx, my = places.mouth
    lines: list[tuple[list[tuple[float, float]], float]] = []
    for side, (ex, ey) in ((-1, places.left_eye), (1, places.right_eye)):
        fold = [(mx + side * 0.066, my - 0.086), (mx + side * 0.103, my - 0.039), (mx + side * 0.122, my + 0.016)]
        lines.append((fold, 0.9))
        if not everywhere:
            continue
        lines.append(([(ex - 0.063, ey + 0.113), (ex, ey + 0.134), (ex + 0.063, ey + 0.119)], 0.7))
        lines.append(([(ex + side * 0.133, ey - 0.016), (ex + side * 0.164, ey - 0.031)], 0.6))
        lines.append(([(ex + side * 0.133, ey + 0.013), (ex + side * 0.169, ey + 0.022)], 0.6))
    alpha = _drawn(len(pixels), lines) * np.clip(1.3 * parts[..., SKIN] - 0.1, 0, 1) * strength
    lab = to_lab(pixels)
    return _mixed(lab, lab * (0.62, 1, 1) + (0, 4, 0), alpha)


def with_glasses(pixels: np.ndarray, places: Places, strength: float = 0.85) -> np.ndarray:
    """A drawn face -> the face with glasses: two round frames, a bridge between them, and the temples."""
    (lx, ly), (rx, ry) = places.left_eye, places.right_eye
    lines: list[tuple[list[tuple[float, float]], float]] = []
    turns = np.linspace(0, 2 * np.pi, 40)
    gap = (rx - lx) / 2
    wide, high = min(0.148, gap - 0.028), 0.112
    for ex, ey in ((lx, ly + 0.02), (rx, ry + 0.02)):
        # Between an ellipse and a rectangle, lower in the middle of the upper side.
        ring = [(ex + wide * np.sign(c) * abs(c) ** 0.75, ey + high * np.sign(s) * abs(s) ** 0.75)
                for c, s in zip(np.cos(turns), np.sin(turns), strict=True)]  # fmt: skip
        lines.append((ring, 1.0))
    middle = (ly + ry) / 2
    lines.append(([(lx + wide, ly + 0.0), ((lx + rx) / 2, middle - 0.02), (rx - wide, ry + 0.0)], 1.0))
    lines.append(([(lx - wide, ly), (lx - wide - 0.05, ly - 0.012)], 1.0))
    lines.append(([(rx + wide, ry), (rx + wide + 0.05, ry - 0.012)], 1.0))
    lab = to_lab(pixels)
    return _mixed(lab, FRAMES, _drawn(len(pixels), lines, blur=0.5) * strength)


def as_grey(pixels: np.ndarray, made: np.ndarray) -> np.ndarray:
    """A drawn face, and the same with touches, uint8 (S, S, 3) -> the second one, in grey if the first one is.

    So a face in the style of printed comics keeps it, whatever colour of hair it should have. A face without touches is
    given back as it is.
    """
    if made is pixels or np.linalg.norm(to_lab(pixels)[..., 1:], axis=-1).mean() >= GREY:
        return made
    return from_lab(to_lab(made) * np.array((1, 0, 0), np.float32))


def _grid(side):
    """The side of a picture -> x and y of each point of a finer grid, as parts of the side."""
    fine = (np.arange(side * FINE, dtype=np.float32) + 0.5) / (side * FINE)
    return np.meshgrid(fine, fine)


def _reduced(alpha, side):
    import cv2

    return cv2.resize(np.asarray(alpha, np.float32), (side, side), interpolation=cv2.INTER_AREA)


def _drawn(side, lines, blur=0.8):
    """Lines, each a list of points (parts of the side) and a width in pixels of a 64-pixel face -> (side, side)."""
    import cv2

    canvas = np.zeros((side * FINE, side * FINE), np.float32)
    for points, width in lines:
        scaled = np.round(np.array(points) * side * FINE * 16).astype(np.int32)
        cv2.polylines(canvas, [scaled], False, 1.0, max(1, round(width * FINE * side / 64)), cv2.LINE_AA, 4)
    return _reduced(cv2.GaussianBlur(canvas, (0, 0), blur * side / 64 + 1e-3), side)


def _mixed(lab, new, alpha):
    """Lab and another Lab, mixed by alpha (S, S) -> pixels."""
    return from_lab(lab + np.clip(alpha, 0, 1)[..., None] * (new - lab))


def _filled(side, points):
    """The points of a shape, shares of the side -> how much of each pixel is in it, (side, side)."""
    import cv2

    canvas = np.zeros((side * FINE, side * FINE), np.float32)
    cv2.fillPoly(canvas, [np.round(np.array(points) * side * FINE * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    return _reduced(canvas, side)
