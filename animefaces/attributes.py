"""Measure attributes of drawn faces (hair colour, place of the eyes, tilt, ...) from their pixels, without a network.

Faces are uint8 (N, H, W, C), aligned as in the data set: the hair is at the top, the eyes are at half height. Left and
right are as the viewer sees them.
"""

import itertools

import numpy as np

from animefaces.colour import to_lab

EYES = (0.18, 0.43), (0.57, 0.82)  # columns in which the left and the right eye are sought, as shares of the width
COLOURS = ("black", "grey", "white", "red", "brown", "blond", "green", "blue", "purple", "pink")


def measure(faces: np.ndarray) -> dict[str, np.ndarray]:
    """Faces uint8 (N, H, W, C) -> a dict: name of an attribute -> (N,) float32. A larger value means more of it.

    Grey pictures (C = 1) are taken for a bright figure on a dark ground, such as a digit: they have other attributes
    than faces in colour.
    """
    values = _of_figure(faces) if faces.shape[-1] == 1 else _of_face(faces)
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def _of_face(faces):
    lab = to_lab(faces)
    hair, skin = hair_colour(lab), _median(_part(lab, 0.60, 0.72, 0.38, 0.62))
    corners = [np.median(_part(lab, 0, 0.14, *sides)[..., 0], axis=(1, 2)) for sides in ((0, 0.14), (0.86, 1))]
    iris = _iris(lab, skin)
    (left, left_x, left_y, left_wide), (right, right_x, right_y, right_wide) = _eyes(lab[..., 0], skin[:, 0])
    return {
        # The opposite of red is green, and the opposite of yellow is blue.
        "hair-dark": -hair[:, 0], "hair-red": hair[:, 1], "hair-yellow": hair[:, 2],
        "skin-dark": -skin[:, 0],
        "background-bright": sum(corners) / 2,
        "eyes-red": iris[:, 0], "eyes-yellow": iris[:, 1],
        # All faces of a set are cut by their boxes and resized to one size. Differences in size that remain show in
        # the distance of the eyes.
        "eyes-apart": right_x - left_x,
        "face-right": (left_x + right_x) / 2, "face-low": (left_y + right_y) / 2,
        "tilt": right_y - left_y,  # clockwise
        # Larger when the head turns to the right: then the right eye is farther away, narrower and partly hidden.
        "turn": (left - right) / (left + right) + np.log(left_wide / right_wide),
    }  # fmt: skip


def _eyes(lightness, skin):
    """L of the faces (N, H, W) and of the skin (N,) -> for each of the two eyes (darkness, x, y, breadth), each (N,).

    x, y and breadth are shares of the side.
    """
    height, width = lightness.shape[1:]
    rows, x, y = slice(round(0.38 * height), round(0.62 * height)), _middles(width), _middles(height)
    for sides in EYES:
        columns = slice(*(round(side * width) for side in sides))
        # Lids, lashes and irises: pixels whose L is below that of the skin by 25 or more.
        dark = np.clip((skin[:, None, None] - lightness[:, rows, columns]) / 100 - 0.25, 0, None) + 1e-6
        mass = dark.sum(axis=(1, 2))
        across, down = dark.sum(axis=1) / mass[:, None], dark.sum(axis=2) / mass[:, None]
        centre = across @ x[columns]
        spread = np.einsum("nx,nx->n", across, (x[columns] - centre[:, None]) ** 2)
        yield mass, centre, down @ y[rows], np.sqrt(spread)


def _iris(lab, skin):
    """Lab (N, H, W, 3) and the colour of the skin (N, 3) -> a and b of the irises (N, 2): the colours unlike skin."""
    boxes = [_part(lab, 0.47, 0.60, *sides).reshape(len(lab), -1, 3) for sides in ((0.22, 0.40), (0.60, 0.78))]
    pixels = np.concatenate(boxes, axis=1)
    other = np.linalg.norm(pixels - skin[:, None], axis=2) > 25
    weight = other & (pixels[..., 0] > 15) & (pixels[..., 0] < 85)  # leaves out lashes and highlights
    weight = weight * np.linalg.norm(pixels[..., 1:], axis=2) + 1e-6
    return np.einsum("np,npc->nc", weight, pixels[..., 1:]) / weight.sum(axis=1, keepdims=True)


def _of_figure(pictures):
    """Grey pictures -> moments of the brightness: its amount, its spread in x and in y, and its lean to the right."""
    ink = pictures[..., 0] / 255 + 1e-6
    height, width = ink.shape[1:]
    mass = ink.sum(axis=(1, 2))
    across, down = ink.sum(axis=1) / mass[:, None], ink.sum(axis=2) / mass[:, None]
    x = _middles(width) - (across @ _middles(width))[:, None]
    y = _middles(height) - (down @ _middles(height))[:, None]
    wide, high = np.einsum("nx,nx->n", across, x**2), np.einsum("ny,ny->n", down, y**2)
    lean = -np.einsum("nyx,nx,ny->n", ink, x, y) / mass / (high + 1e-6)
    return {"bold": mass / (height * width), "wide": np.sqrt(wide), "high": np.sqrt(high), "lean": lean}


def hair_colour(lab: np.ndarray) -> np.ndarray:
    """Lab (N, H, W, 3) -> the colour of the hair (N, 3): the median of a band above the forehead."""
    return _median(_part(lab, 0.06, 0.25, 0.30, 0.70))


def colour_names(hair: np.ndarray) -> np.ndarray:
    """Lab colours of hair (N, 3) -> (N,) indices into COLOURS: the names that a person would give to these colours."""
    light, a, b = hair.T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    # Hue in Lab: red about 30 degrees, yellow 90, green 140, blue 270, purple 310, pink 350.
    warm = np.where(light > 62, COLOURS.index("blond"), COLOURS.index("brown"))
    red = np.where((light > 62) | (hue > 340), COLOURS.index("pink"), COLOURS.index("red"))
    edges = [22, 47, 110, 195, 292, 328]
    by_hue = np.select(
        [(hue >= lower) & (hue < upper) for lower, upper in itertools.pairwise(edges)],
        [np.where(chroma > 30, red, warm), warm, *(COLOURS.index(name) for name in ("green", "blue", "purple"))],
        red,
    )
    plain = np.select([light < 33, light < 75], [COLOURS.index("black"), COLOURS.index("grey")], COLOURS.index("white"))
    return np.where((chroma < 9) | (light < 18), plain, by_hue)


def coverage(shares: np.ndarray, others: np.ndarray) -> float:
    """Two rows of shares, each with the sum 1 -> their overlap: 1 if they are equal, 0 if nothing is in both."""
    return float(np.minimum(shares, others).sum())


def _part(pictures, top, bottom, left, right):
    """Pictures (N, H, W, C) and the edges of a box, as shares of height and width -> the pixels in the box."""
    height, width = pictures.shape[1:3]
    return pictures[:, round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def _median(part):
    return np.median(part.reshape(len(part), -1, part.shape[-1]), axis=1)


def _middles(n):
    """The centres of n pixels, as shares of the side (n,)."""
    return (np.arange(n) + 0.5) / n
