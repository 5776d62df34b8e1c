"""What a drawn face looks like, in numbers: plain image mathematics on aligned faces, no network.

Faces are uint8 (N, H, W, C) as the data set frames them: hair above, the eyes at half height. Left and right
are the viewer's.
"""

import itertools

import numpy as np

from animefaces.colour import to_lab

EYES = (0.18, 0.43), (0.57, 0.82)  # from left to right, where the left and the right one are looked for
COLOURS = ("black", "grey", "white", "red", "brown", "blond", "green", "blue", "purple", "pink")


def measure(faces: np.ndarray) -> dict[str, np.ndarray]:
    """Faces -> a dict of names to (N,) float32; larger means more of what the name says.

    Grey pictures have other attributes than faces in colour: those of a bright figure on a dark ground.
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
        "hair-dark": -hair[:, 0], "hair-red": hair[:, 1], "hair-yellow": hair[:, 2],  # the other way: green, blue
        "skin-dark": -skin[:, 0],
        "background-bright": sum(corners) / 2,
        "eyes-red": iris[:, 0], "eyes-yellow": iris[:, 1],
        # Faces in a set are cut to one size by their boxes; what is left of it shows in how far apart the eyes are.
        "eyes-apart": right_x - left_x,
        "face-right": (left_x + right_x) / 2, "face-low": (left_y + right_y) / 2,
        "tilt": right_y - left_y,  # clockwise
        # The eye on the side that a head turns to, here the right, is farther away: narrower, and partly hidden.
        "turn": (left - right) / (left + right) + np.log(left_wide / right_wide),
    }  # fmt: skip


def _eyes(lightness, skin):
    """L (N, H, W) and the skin's (N,) -> for either eye (darkness, x, y, breadth), each (N,), as shares of the side."""
    height, width = lightness.shape[1:]
    rows, x, y = slice(round(0.38 * height), round(0.62 * height)), _middles(width), _middles(height)
    for sides in EYES:
        columns = slice(*(round(side * width) for side in sides))
        # A quarter darker than skin: lids, lashes and irises.
        dark = np.clip((skin[:, None, None] - lightness[:, rows, columns]) / 100 - 0.25, 0, None) + 1e-6
        mass = dark.sum(axis=(1, 2))
        across, down = dark.sum(axis=1) / mass[:, None], dark.sum(axis=2) / mass[:, None]
        centre = across @ x[columns]
        spread = np.einsum("nx,nx->n", across, (x[columns] - centre[:, None]) ** 2)
        yield mass, centre, down @ y[rows], np.sqrt(spread)


def _iris(lab, skin):
    """(N, H, W, 3) Lab and the skin's colour (N, 3) -> a and b of the irises (N, 2): the colour that is not skin."""
    boxes = [_part(lab, 0.47, 0.60, *sides).reshape(len(lab), -1, 3) for sides in ((0.22, 0.40), (0.60, 0.78))]
    pixels = np.concatenate(boxes, axis=1)
    other = np.linalg.norm(pixels - skin[:, None], axis=2) > 25
    weight = other & (pixels[..., 0] > 15) & (pixels[..., 0] < 85)  # neither lashes nor highlights
    weight = weight * np.linalg.norm(pixels[..., 1:], axis=2) + 1e-6
    return np.einsum("np,npc->nc", weight, pixels[..., 1:]) / weight.sum(axis=1, keepdims=True)


def _of_figure(pictures):
    """Moments of the brightness: how much of it, how wide and high it spreads, and how far it leans to the right."""
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
    """Lab (N, H, W, 3) -> (N, 3): the median of the band over the forehead."""
    return _median(_part(lab, 0.06, 0.25, 0.30, 0.70))


def colour_names(hair: np.ndarray) -> np.ndarray:
    """Lab (N, 3) -> (N,) indices into COLOURS, as a person would sort hair into a few drawers."""
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
    """Two rows of shares that each add up to 1 -> their overlap: 1 if they are the same, 0 if they share nothing."""
    return float(np.minimum(shares, others).sum())


def _part(pictures, top, bottom, left, right):
    """The box of (N, H, W, C) that shares of its height and width name."""
    height, width = pictures.shape[1:3]
    return pictures[:, round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def _median(part):
    return np.median(part.reshape(len(part), -1, part.shape[-1]), axis=1)


def _middles(n):
    """The middles of n pixels, as shares of the side."""
    return (np.arange(n) + 0.5) / n
