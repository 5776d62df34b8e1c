"""A seed -> the drawn face of an anime cartoon: data for `make demo`, the tests and the benchmarks.

    python -m demo.cartoons --output data/cartoons --count 2000 --size 64

The same seed always gives the same face. Pictures that are in the folder already stay as they are.
"""

import colorsys
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from PIL import Image, ImageChops, ImageDraw

from animefaces import images
from animefaces.commands import run_script
from animefaces.options import at_least, option, within
from animefaces.problems import Problem

# In a picture x goes to the right and y goes down, both from -1 to 1, before the head is moved and tilted. All lengths
# below are in these units: at 64 pixels, one pixel is 0.03. Colours are float RGB (3,), [0, 255].

FINER = 4  # faces are drawn this many times larger and then made smaller, because Pillow's polygons have hard edges

# Hue, saturation, value, all [0, 1]. The colour of a face's hair is near one of these, and so on for the others.
HAIRS = [
    (0.68, 0.25, 0.24), (0.06, 0.50, 0.33), (0.06, 0.50, 0.50), (0.08, 0.46, 0.68), (0.12, 0.44, 0.96),
    (0.07, 0.62, 0.92), (0.00, 0.68, 0.82), (0.94, 0.36, 0.97), (0.77, 0.40, 0.70), (0.67, 0.45, 0.56),
    (0.60, 0.48, 0.86), (0.55, 0.28, 0.95), (0.47, 0.44, 0.72), (0.36, 0.38, 0.70), (0.63, 0.08, 0.88),
]  # fmt: skip
IRISES = [
    (0.05, 0.65, 0.62), (0.11, 0.75, 0.85), (0.00, 0.72, 0.85), (0.90, 0.55, 0.90), (0.76, 0.55, 0.85),
    (0.60, 0.68, 0.90), (0.54, 0.62, 0.90), (0.40, 0.62, 0.72),
]  # fmt: skip
PALES = [(0.60, 0.06, 0.95), (0.95, 0.10, 0.96), (0.12, 0.10, 0.96), (0.40, 0.07, 0.94), (0.75, 0.10, 0.94)]
CLOTHES = [(0.63, 0.45, 0.36), (0.10, 0.05, 0.92), (0.98, 0.60, 0.62), (0.58, 0.40, 0.66), (0.40, 0.40, 0.45)]
SKINS = np.array([(118, 74, 54), (172, 116, 84), (228, 178, 140), (251, 217, 190), (255, 236, 222)], float)
WHITE, NIGHT, ROSE = np.array([(255, 255, 255), (38, 24, 44), (240, 96, 104)], float)

ANGLES = np.linspace(0, 2 * np.pi, 33)
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)  # clockwise from the right
LOWER, UPPER = RING[:17], RING[:15:-1]  # from right to left, below and above
STEPS = np.linspace(-1, 1, 17)
# Catmull-Rom: weights of four corners for six points between the middle two.
POWERS = (np.arange(6)[:, None] / 6) ** np.arange(4)
CURVE = POWERS @ [(0, 1, 0, 0), (-0.5, 0, 0.5, 0), (1, -2.5, 2, -0.5), (-0.5, 1.5, -1.5, 0.5)]


@dataclass(frozen=True)
class Look:
    """Those facts about one face that several parts of it depend on."""

    hair: np.ndarray
    skin: np.ndarray
    iris: np.ndarray
    cloth: np.ndarray
    width: float  # of half the face, at the eyes
    chin: float  # its y
    crown: np.ndarray  # (x, y): half axes of the hair over the head
    turn: float  # how far the face looks to the right, [-1, 1]
    glad: float  # mood, [0, 1]


class Pen:
    """A picture that is being drawn, and where the head is in it."""

    def __init__(self, image: Image.Image, tilt: float, zoom: float, shift: np.ndarray):
        """`tilt`: of the head, in radians. `zoom`: its size, usually 1. `shift` (2,): the place of its middle."""
        self.image, self.draw = image, ImageDraw.Draw(image)
        half = image.width / 2
        self.unit = half * zoom
        self.turned = self.unit * np.array([(np.cos(tilt), np.sin(tilt)), (-np.sin(tilt), np.cos(tilt))])
        self.origin = half * (1 + shift)

    def place(self, points: ArrayLike) -> list[float]:
        """Points of a face (N, 2) -> their pixel coordinates in one flat list, as Pillow takes them."""
        return (np.asarray(points) @ self.turned + self.origin).ravel().tolist()

    def fill(self, points: ArrayLike, colour: np.ndarray) -> None:
        """Paint the closed shape through the points (N, 2)."""
        self.draw.polygon(self.place(points), fill=ink(colour))

    def line(self, points: ArrayLike, colour: np.ndarray, width: float = 0.024) -> None:
        """Draw a line through the points (N, 2)."""
        self.draw.line(self.place(points), fill=ink(colour), width=max(1, round(width * self.unit)))

    def mask(self, shapes: Iterable[ArrayLike]) -> Image.Image:
        """Closed shapes, each of points (N, 2) -> an image of mode L: 255 inside of any shape, else 0."""
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for points in shapes:
            draw.polygon(self.place(points), fill=255)
        return mask

    def wash(self, mask: Image.Image, top: np.ndarray, bottom: np.ndarray | None = None) -> None:
        """Paint where `mask` is 255: in one colour, or in a blend from `top` to `bottom` of the picture."""
        box = mask.getbbox()
        if box:  # to paste only this part takes half the time
            paint = ink(top) if bottom is None else ramp(self.image.width, top, bottom).crop(box)
            self.image.paste(paint, box, mask.crop(box))


def ink(colour: np.ndarray) -> tuple[int, ...]:
    """A colour -> whole numbers, as Pillow takes them."""
    return tuple(colour.astype(int).tolist())


def ramp(size: int, top: np.ndarray, bottom: np.ndarray) -> Image.Image:
    """Two colours -> a square image that begins with one at its top and ends with the other."""
    column = Image.new("RGB", (1, 2), ink(top))
    column.putpixel((0, 1), ink(bottom))
    return column.resize((1, size), Image.Resampling.BILINEAR).resize((size, size), Image.Resampling.NEAREST)


def mix(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Two colours -> their mixture, in which `share`, [0, 1], is of the second one."""
    return a + (b - a) * share


def tone(rng: Generator, table: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """A table of (hue, saturation, value) -> a colour near a random one of them."""
    hue, saturation, value = table[int(rng.integers(len(table)))] + rng.uniform(-1, 1, 3) * (0.025, 0.06, 0.05)
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, abs(saturation), min(value, 0.99)))


def shaded(colour: np.ndarray) -> np.ndarray:
    """A colour -> the same in shadow: darker and nearer to violet, as in painted animation."""
    return mix(colour * 0.76, np.array((96, 48, 120)), 0.1)


def pairs(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """x (N,) and y (N,) -> points (N, 2)."""
    return np.array((x, y)).T


def oval(x: float, y: float, width: float, height: float, arc: np.ndarray = RING) -> np.ndarray:
    """Centre and half axes of an ellipse -> points on it (N, 2). `arc` is the part of a circle that it has."""
    return arc * (width, height) + (x, y)


def smooth(corners: Sequence | np.ndarray) -> np.ndarray:
    """Corners (N, 2) of a closed shape -> a round outline through them (6N, 2)."""
    near = np.arange(len(corners))[:, None] + np.arange(-1, 3)
    return (CURVE @ np.asarray(corners)[near % len(corners)]).reshape(-1, 2)


def mirrored(right: ArrayLike) -> np.ndarray:
    """The right half of an outline (N, 2), from top to bottom -> the closed outline (2N, 2)."""
    return np.concatenate([np.asarray(right), np.array(right)[::-1] * (-1, 1)])


def locks(notches: np.ndarray, tips: np.ndarray) -> np.ndarray:
    """The notches (N + 1, 2) beside locks of hair and the tips (N, 2) of the locks -> the edge of the hair (12N, 2)."""
    s = np.linspace(0, 1, 6)[:, None]
    # A lock is nearly as wide as its root until shortly before its tip. Else it would look like the tooth of a saw.
    left, right = (root + (tips - root) * (0.1, 0.62) for root in (notches[:-1], notches[1:]))
    edges = ((notches[:-1], left, tips), (tips, right, notches[1:]))
    curves = [(1 - s) ** 2 * a[:, None] + 2 * s * (1 - s) * b[:, None] + s**2 * c[:, None] for a, b, c in edges]
    return np.concatenate(curves, axis=1).reshape(-1, 2)


def new_look(rng: Generator) -> Look:
    """A random Look."""
    shade = 4 * rng.beta(2.8, 1.1)
    width = rng.uniform(0.53, 0.61)
    return Look(
        hair=tone(rng, HAIRS),
        skin=mix(SKINS[int(shade)], SKINS[min(int(shade) + 1, 4)], shade % 1),
        iris=tone(rng, IRISES),
        cloth=tone(rng, CLOTHES),
        width=width,
        chin=rng.uniform(0.69, 0.78),
        crown=np.array((width + rng.uniform(0.12, 0.2), rng.uniform(0.86, 0.98))),
        turn=float(np.clip(rng.normal(0, 0.5), -1, 1)),
        glad=rng.random(),
    )


def new_pen(rng: Generator, size: int) -> Pen:
    """A Pen on a picture of `size` pixels a side, with a random pale background and place of the head."""
    image = ramp(size, tone(rng, PALES), mix(tone(rng, PALES), WHITE, rng.random()))
    tilt = np.radians(np.clip(rng.normal(0, 4), -9, 9))
    return Pen(image, tilt, rng.uniform(0.93, 1.1), rng.normal(0, 0.035, 2))


def back_hair(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw the hair behind the head: short or long, smooth or spiky, sometimes with two tails."""
    if rng.random() < 0.2:
        tails(pen, look, rng)
    length = min(1.3, rng.uniform(0.3, 1.9))  # hair that is longer than 1.3 ends outside the picture
    n = int(rng.integers(5, 9))
    x = np.linspace(-1, 1, 2 * n + 1) * (look.crown[0] + rng.uniform(-0.08, 0.14) * (length > 0.5))
    notches = pairs(x[::2], length - rng.uniform(0.05, 0.2, n + 1))
    tips = pairs(x[1::2] * 1.06, length + rng.uniform(0, 0.1, n))
    outline = np.concatenate([UPPER * look.crown, locks(notches, tips)])
    # Tufts stand out of the crown. Most heads have nearly none; some have spikes all around.
    angles = np.linspace(0.3, -np.pi - 0.3, 19)
    reach = np.full(19, 0.93)
    reach[1::2] = 0.97 + 0.4 * rng.beta(0.5, 1.3) * rng.uniform(0.5, 1.1, 9)
    angles[1::2] += rng.uniform(-0.25, 0.25) + rng.uniform(-0.1, 0.1, 9)
    tufts = pairs(np.cos(angles), np.sin(angles)) * look.crown * reach[:, None]
    pen.line(outline, look.hair * 0.4, 0.05)
    pen.line(tufts, look.hair * 0.4, 0.05)
    pen.wash(pen.mask([outline, tufts]), look.hair, shaded(look.hair) * 0.8)


def tails(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw a tail of hair on each side of the head."""
    x, root = look.crown[0] - 0.04, rng.uniform(-0.6, -0.2)
    drop, swing = rng.uniform(0.5, 1.1), rng.uniform(0.2, 0.36)
    corners = [(x - 0.06, root), (x + swing * 0.7, root - 0.12), (x + swing * 1.3, root + 0.4),
               (x + swing, drop), (x + swing * 0.6, drop * 0.6), (x, root + 0.3)]  # fmt: skip
    for side in (-1, 1):
        tail = smooth(corners) * (side, 1)
        pen.line(tail, look.hair * 0.4, 0.05)
        pen.wash(pen.mask([tail]), look.hair, shaded(look.hair))
        pen.fill(oval(side * (x + 0.02), root, 0.07, 0.11), look.cloth)


def body(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw the neck, the shoulders and a collar in the colour of the clothes, white or dark."""
    neck, slope = rng.uniform(0.14, 0.18), rng.uniform(0.05, 0.16)
    pen.fill(mirrored([(neck, 0.5), (neck, 0.86), (neck + 0.1, 0.95), (0.3, 1.5)]), shaded(look.skin))
    pen.fill(mirrored([(0.02, 1.12), (neck + 0.05, 0.87), (0.7, 0.9 + slope), (1.2, 1.1), (1.2, 1.6)]), look.cloth)
    collar = (look.cloth, mix(look.cloth, WHITE, 0.85), mix(look.cloth, NIGHT, 0.4))[rng.integers(3)]
    for side in (-1, 1):
        flap = np.array([(neck, 0.83), (neck + 0.2, 0.93), (0.24, 1.16), (0.02, 1.08)]) * (side, 1)
        pen.fill(flap, collar)
        pen.line(flap, look.cloth * 0.55)


def face(pen: Pen, look: Look) -> Image.Image:
    """Draw the ears and the face without its features -> the mask of the face."""
    w, slide, line = look.width, 0.09 * look.turn, look.skin * (0.62, 0.48, 0.5)
    jaw = [(w, 0.1), (w * 0.93, 0.34), (w * 0.62, 0.58), (0.09, look.chin)]
    outline = mirrored([(0.3, -0.75), (w * 0.98, -0.3), *jaw])
    outline[:, 0] += slide * np.clip(outline[:, 1] + 0.2, 0, 1)  # the chin moves to where the nose points
    outline = smooth(outline)
    for side in (-1, 1):
        pen.fill(oval(side * (w + 0.02) - slide * 0.4, 0.2, 0.09, 0.15), line)
        pen.fill(oval(side * (w + 0.01) - slide * 0.4, 0.2, 0.08, 0.13), mix(look.skin, ROSE, 0.15))
    pen.fill(outline, look.skin)
    pen.line(outline, line)
    return pen.mask([outline])


def features(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw the blush, the nose and the mouth, which is a line, open or wavy."""
    x, line = 0.14 * look.turn, look.skin * (0.6, 0.4, 0.4)
    flush = rng.uniform(-0.2, 0.45)
    for side, size in ((-1, 1), (1, 1), (-1, 0.65), (1, 0.65)):
        blush = mix(look.skin, ROSE, max(0, flush) * (1.5 - size))
        pen.fill(oval(side * 0.36 + x, 0.39, 0.13 * size, 0.06 * size), blush)
    pen.line([(x * 1.2, 0.34), (x * 1.2 + 0.03 * np.sign(x), 0.385)], line, 0.03)
    y, wide, kind = look.chin - rng.uniform(0.17, 0.21), rng.uniform(0.07, 0.13), rng.random()
    if kind < 0.5:
        bend = (look.glad - 0.15) * 0.08
        pen.line(pairs(x + wide * STEPS, y + bend * (0.5 - STEPS**2)), line, 0.03)
    elif kind < 0.9:
        deep = rng.uniform(0.05, 0.13)
        pen.fill(smooth([(x - wide, y - 0.02), (x, y), (x + wide, y - 0.02), (x, y + deep)]), line * 0.8)
        pen.fill(oval(x, y + deep * 0.65, wide * 0.45, deep * 0.3), mix(look.skin, ROSE, 0.75))
    else:
        pen.line(pairs(x + wide * STEPS, y - 0.02 + 0.035 * np.abs(np.sin(STEPS * np.pi))), line, 0.03)


def eyes(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw both eyes and brows. They have one shape, colour and gaze. A few smile with closed eyes, or wink."""
    shape = rng.uniform((0.155, 0.13, 0.1, -0.03, 0.64), (0.19, 0.21, 0.13, 0.04, 0.76))
    gap, gaze, mood = rng.uniform(0.28, 0.33), rng.normal(0, 0.012), rng.random()
    high, bend = rng.uniform(-0.32, -0.26), (0.3 - look.glad) * 0.06
    for side in (-1, 1):
        # The eye on the side that the head turns to is farther away, so it is narrower.
        wide = side * shape[0] * (1 - 0.16 * max(0, side * look.turn))
        frame, place = np.array((wide, 1)), np.array((side * gap + 0.12 * look.turn, 0.16))
        if mood < 0.07 or (mood < 0.09 and side > 0):
            pen.line(pairs(STEPS, 0.1 * STEPS**2) * frame + place, mix(look.hair * 0.2, NIGHT, 0.6), 0.05)
        else:
            open_eye(pen, look, place, frame, shape[1:], gaze)
        brow = pairs(0.8 * STEPS, high - bend * STEPS + 0.04 * STEPS**2)
        pen.line(brow * frame + place, look.hair * 0.5, 0.03)


def open_eye(pen: Pen, look: Look, place: np.ndarray, frame: np.ndarray, shape: np.ndarray, gaze: float) -> None:
    """Draw one eye, in which x goes from -1, the inner corner, to 1, the outer one; y is as in the face.

    `place` (2,): where its middle is in the face. `frame` (2,): the length of both units in the face. `shape`: height
    above and below the middle, slant, and half the width of the iris. `gaze`: how far it looks to the right.
    """
    above, below, slant, broad = shape
    lid = -above * (1 - np.abs(STEPS) ** 2.6) - slant * STEPS
    rim = below * (1 - np.abs(STEPS) ** 3) - slant * STEPS
    dark, across = mix(look.hair * 0.2, NIGHT, 0.6), np.append(STEPS, STEPS[::-1])

    def disc(width, height, y, colour, arc=RING):
        points = oval(gaze / frame[0], y, width, height, arc)
        points[:, 1] = np.clip(points[:, 1], np.interp(points[:, 0], STEPS, lid), np.interp(points[:, 0], STEPS, rim))
        pen.fill(points * frame + place, colour)

    pen.fill(pairs(across, np.append(lid, rim[::-1])) * frame + place, mix(WHITE, look.skin, 0.1))
    y, tall = (below - above) / 2, (above + below) / 2 + 0.01
    disc(broad, tall, y, mix(look.iris * 0.4, NIGHT, 0.3))
    disc(broad * 0.86, tall * 0.9, y, look.iris * 0.8)
    disc(broad * 0.8, tall * 0.86, y + 0.02, mix(look.iris, WHITE, 0.35), LOWER)
    disc(broad * 0.34, tall * 0.42, y, mix(look.iris * 0.2, NIGHT, 0.5))
    thick = 0.03 + 0.015 * STEPS
    pen.fill(pairs(across * 1.08, np.append(lid - thick, lid[::-1] + 0.015)) * frame + place, dark)
    pen.fill(pairs([0.6, 1.3, 0.95], [lid[13] - 0.04, lid[-1] - 0.06, lid[-1] + 0.02]) * frame + place, dark)
    pen.line(pairs(STEPS, rim)[5:] * frame + place, mix(look.skin * 0.5, dark, 0.4), 0.022)
    # Highlights are on the same side of both eyes, because the light comes from one place.
    x, y = place[0] + gaze, place[1] + y
    pen.fill(oval(x - 0.045, y - tall * 0.35, 0.045, 0.055), WHITE)
    pen.fill(oval(x + 0.05, y + tall * 0.45, 0.025, 0.03), WHITE)


def fringe(look: Look, rng: Generator) -> tuple[list[np.ndarray], float]:
    """-> (the edges of the hair before the face, each (N, 2): the fringe and two side locks; the x where it parts)."""
    n, part = int(rng.integers(4, 9)), 0.25 * look.turn + rng.uniform(-0.25, 0.25)
    edge = look.crown[0] - 0.02
    x = np.linspace(-1, 1, 2 * n + 1) * edge
    x[1:-1] += rng.uniform(-0.35, 0.35, 2 * n - 1) * edge / n
    level, lift, depth = rng.uniform(-0.14, 0.0), rng.uniform(-0.05, 0.32), rng.uniform(0.06, 0.36)
    drop = level + 0.25 * x**2 - lift * np.exp(-(((x - part) / 0.22) ** 2))
    sweep = rng.uniform(-0.12, 0.12) + rng.uniform(0, 0.1) * np.sign(x[1::2] - part)
    tips = pairs(x[1::2] + sweep, drop[1::2] + rng.uniform(-0.07, 0.06, n))
    edges = [locks(pairs(x[::2], drop[::2] - depth * rng.uniform(0.6, 1.2, n + 1)), tips)]
    length = rng.uniform(0.15, 0.5) + rng.uniform(0, 0.6) * (rng.random() < 0.5)
    thick = rng.uniform(0.1, 0.22)
    for side in (-1, 1):
        tip = (side * (edge - rng.uniform(0.02, 0.12)), length + rng.uniform(-0.08, 0.08))
        roots = np.array([(side * (edge - thick), -0.5), (side * look.crown[0], -0.2)])
        edges.append(locks(roots, np.array([tip])))
    return edges, part


def front_hair(pen: Pen, look: Look, rng: Generator, edges: list[np.ndarray], part: float, mask: Image.Image) -> None:
    """Draw the hair before the face, with its strands and its band of light, and sometimes a ribbon on it.

    `edges` and `part`: as `fringe` gives them. `mask`: all of this hair.
    """
    dark, arc = look.hair * 0.42, STEPS**2
    for points in edges:
        pen.line(points, dark, 0.055)
    pen.wash(mask, mix(look.hair, WHITE, 0.12), look.hair * 0.92)
    high = rng.uniform(-0.62, -0.48) + 0.28 * arc
    ragged = rng.uniform(0.2, 1, 17) * rng.uniform(0.05, 0.11) * (1 - arc)
    bands = [(high - ragged, high + ragged, mix(look.hair, WHITE, rng.uniform(0.3, 0.6)))]
    if rng.random() < 0.12:
        bands.append((0.5 * arc - 0.7, 0.5 * arc - 0.58, look.cloth))
    s, root = np.linspace(0.45, 1, 6)[:, None], np.array((part, -look.crown[1]))
    for notch in edges[0][12:-1:12]:  # a lock has 12 points, the first is a notch
        strand = (1 - s) ** 2 * root + 2 * s * (1 - s) * (notch[0], -0.75) + s**2 * notch
        pen.line(strand, mix(look.hair, dark, 0.5), 0.02)
    for top, bottom, colour in bands:
        band = pairs(np.append(STEPS, STEPS[::-1]), np.append(top, bottom[::-1])) * (look.crown[0], 1)
        pen.wash(ImageChops.darker(mask, pen.mask([band])), colour)


def glasses(pen: Pen, look: Look, rng: Generator) -> None:
    """Draw glasses."""
    colour = tone(rng, CLOTHES) * 0.7
    wide, high, x = rng.uniform(0.2, 0.23), rng.uniform(0.15, 0.2), 0.12 * look.turn
    for side in (-1, 1):
        pen.line(oval(x + side * 0.3, 0.18, wide, high), colour, 0.034)
        pen.line([(x + side * (0.3 + wide), 0.16), (side * look.width, 0.1)], colour, 0.034)
    pen.line([(x - 0.3 + wide, 0.17), (x, 0.14), (x + 0.3 - wide, 0.17)], colour, 0.034)


def draw(seed: int, size: int = 64) -> np.ndarray:
    """A seed -> its face, always the same one, uint8 (size, size, 3)."""
    rng = np.random.default_rng(seed)
    look, pen = new_look(rng), new_pen(rng, FINER * size)
    back_hair(pen, look, rng)
    body(pen, look, rng)
    skin = face(pen, look)
    features(pen, look, rng)
    edges, part = fringe(look, rng)
    over = [np.concatenate([UPPER * look.crown, edges[0]]), *edges[1:]]
    shadow = ImageChops.darker(skin, pen.mask([np.add(points, (0.02, 0.05)) for points in over]))
    pen.wash(shadow, look.skin * (0.86, 0.74, 0.74))
    eyes(pen, look, rng)
    front_hair(pen, look, rng, edges, part, pen.mask(over))
    if rng.random() < 0.12:
        glasses(pen, look, rng)
    return np.asarray(pen.image.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=2))


def draw_many(count: int, size: int = 64, first: int = 0) -> np.ndarray:
    """The number of faces and the first one's seed -> faces of consecutive seeds, uint8 (count, size, size, 3)."""
    return np.stack([draw(seed, size) for seed in range(first, first + count)])


@dataclass(frozen=True)
class Options:
    """What to draw and where to put it."""

    output: Path = option(Path("data/cartoons"), "folder of the pictures 00000.png, 00001.png and so on")
    count: int = option(2000, "number of faces", at_least(1))
    size: int = option(64, "width and height of a picture, in pixels", within(8, 1024))


def work(options: Options, given: set[str]) -> None:
    """Draw those pictures that are not in the folder yet."""
    from animefaces.progress import Bar

    for seed in Bar(range(options.count), desc="drawing", unit="face"):
        path = options.output / f"{seed:05}.png"
        if not path.exists():
            images.save(path, draw(seed, options.size))
        elif images.dimensions(path) != (options.size, options.size):
            raise Problem(f"{path} has another size than --size {options.size}: choose another --output")


def main(argv: list[str] | None = None) -> int:
    """The words of the command line, None for those of this process -> the exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
