"""Heads of drawn faces: cut out of their pictures, made whole, put back into the photo, or made a sticker.

A drawn face fills its picture, and the picture often cuts hair off. So a head is drawn beyond the edges: its outline
bulges there, with the hair stretched to it, and hair that hangs out below ends in locks.
"""

import itertools
from typing import NamedTuple

import numpy as np

from animefaces.colour import from_lab, to_lab
from drawing.photos import Person
from drawing.touches import HAIR, OTHER, Places, skin_of

MARGIN = 0.25  # of the side: room around the picture for what is drawn beyond it
STRETCHED = 0.35  # of the side: so far from an edge hair is stretched outwards
TOP, SIDES = (0.17, 0.16), (0.10, 0.12)  # of a bulge: height as a share of its width, and at most of the side
LOCK = 0.09  # of the side: width of a lock
NARROW = 0.1  # of the side: hair that hangs out below and is narrower ends without locks
ROUND = 0.3  # of the side: radius of the upper corners of a picture that is all hair
LINE = 5  # pixels: twice the width of the line around what is drawn beyond the picture, and one
NOTCH = 21  # pixels: light on hair above the eyes that is narrower is hair
EDGE = 0.06  # of the side: what touches an edge for less than this does not bulge

CHIN, BELOW_MOUTH = 1.9, 0.85  # from the middle between the eyes, and from the mouth, to the chin, in eye distances
MOUTH = 1.2  # from the eyes to the mouth, in eye distances, at most in a face that looks into the camera
WIDE = 4.6  # side of a drawn picture on the photo, in eye distances: a little larger than life, to cover the head
TINT, GLOW, SHADE = 0.2, 0.4, 0.6  # how much of the photo's tint, brightness and direction of light a head takes on
FINEST = 3_000_000  # pixels that are painted at most; a larger photo is painted smaller

STICKER, RIM = 512, 15  # side of a sticker and width of its white rim, in pixels


class Head(NamedTuple):
    """A head that was cut out."""

    pixels: np.ndarray  # float32 (T, T, 3), in [0, 255]
    cover: np.ndarray  # float32 (T, T): how much of each pixel belongs to the head
    chin: tuple[float, float]  # x and y, in pixels
    side: int  # of the picture it was cut from, in pixels; T is larger by a margin on all sides
    skin: np.ndarray | None  # L, a, b of its skin, if it shows any


def cut_out(face: np.ndarray, parts: np.ndarray, places: Places) -> Head:
    """A large face, uint8 (S, S, 3), its parts, of any size (P, P, 4), and its places -> its head."""
    import cv2

    side = len(face)
    shares = cv2.resize(parts.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    cover, hair = _covered(face, shares, places)
    bulges = _Bulges(cover)
    pixels, whole = bulges.stretched(face.astype(np.float32)), bulges.stretched(cover)
    inside = bulges.inside()
    whole = cv2.GaussianBlur(np.maximum(whole, bulges.beyond()) * (inside & bulges.above()), (0, 0), 0.7)
    lines = whole * (inside & ~cv2.erode(inside.astype(np.uint8), np.ones((LINE, LINE), np.uint8)).astype(bool))
    for lock in _locks(cover, hair, places):
        points = lock + bulges.margin
        cv2.fillPoly(whole, [_fixed(points)], (1.0,), cv2.LINE_AA, 4)
        cv2.polylines(lines, [_fixed(points[[0, 2, 1]])], False, (1.0,), 1, cv2.LINE_AA, 4)
    sure = hair > 0.8
    dark = 0.8 * np.percentile(face[sure], 6, axis=0) if sure.any() else np.zeros(3)
    lines = cv2.GaussianBlur(lines, (0, 0), 0.6)
    pixels = pixels + lines[..., None] * (dark.astype(np.float32) - pixels)
    x, y = (side * share + bulges.margin for share in places.chin)
    cover = np.maximum(whole, lines * (whole > 0.02))
    return Head(pixels.clip(0, 255), cover, (x, y), side, skin_of(to_lab(face), shares))


def _covered(face, shares, places):
    """A face and its parts -> (how much of each pixel is head, how much is hair)."""
    import cv2

    side, lab = len(face), to_lab(face)
    hair, skin = shares[..., HAIR].copy(), 1 - shares[..., HAIR] - shares[..., OTHER]  # eyes are skin here
    if (sure := hair > 0.9).any():  # the ends of the hair, over the clothes, are taken for something else
        off = np.linalg.norm((lab - np.median(lab[sure], axis=0)) * (0.5, 1, 1), axis=-1)
        hair += shares[..., OTHER] * np.clip((14 - off) / 5, 0, 1)
    # Skin below the line of the jaw is a neck, and the photo has its own.
    y, x = np.mgrid[0:side, 0:side] / side
    (left, one), (right, other), (_, chin) = places.left_jaw, places.right_jaw, places.chin
    away = np.abs(x - (left + right) / 2) / max((right - left) / 2, 0.1)
    jaw = chin + 0.015 - (chin - (one + other) / 2) * np.clip(away, 0, 2) ** 1.6
    head = np.clip(hair + skin * np.clip((jaw - y) * side / 4 + 0.5, 0, 1), 0, 1)
    paper = (lab[..., 0] > 94) & (np.hypot(lab[..., 1], lab[..., 2]) < 7) & (hair < 0.7) & (skin < 0.5)
    head = _along_lines((head * ~_around(paper)).astype(np.float32), lab[..., 0] / 100)
    head = np.clip((head - 0.3) / 0.4, 0, 1)
    above = y < (places.left_eye[1] + places.right_eye[1]) / 2  # light on the hair may be as white as paper
    head = np.where(above, cv2.morphologyEx(head, cv2.MORPH_CLOSE, np.ones((NOTCH, NOTCH), np.uint8)), head)
    # One piece, without holes.
    count, pieces, sizes, _ = cv2.connectedComponentsWithStats((head > 0.5).astype(np.uint8))
    if count > 1:
        largest = 1 + sizes[1:, cv2.CC_STAT_AREA].argmax()
        kept = cv2.dilate((pieces == largest).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        head = np.where(kept, head, ~_around(~kept))
    return head.astype(np.float32), hair


def _around(mask):
    """Booleans (S, S) -> those that hang together with the border."""
    import cv2

    _, pieces = cv2.connectedComponents(np.pad(mask.astype(np.uint8), 1, constant_values=1), connectivity=4)
    return (pieces == pieces[0, 0])[1:-1, 1:-1]


def _along_lines(cover, grey, radius=3, smooth=1e-3):
    """A cover and the picture in grey -> the cover with its edge along the lines (guided filter, He et al. 2010)."""
    import cv2

    def mean(x):
        return cv2.blur(x, (2 * radius + 1, 2 * radius + 1))

    slope = (mean(grey * cover) - mean(grey) * mean(cover)) / (mean(grey * grey) - mean(grey) ** 2 + smooth)
    rest = mean(cover) - slope * mean(grey)
    return mean(slope) * grey + mean(rest)


class _Bulges:
    """How far the outline of a head lies beyond the edges of its picture: at the top, at the left and at the right."""

    def __init__(self, cover):
        self.side, self.margin = len(cover), round(MARGIN * len(cover))
        edges = ((cover[:3].max(axis=0), TOP), (cover[:, :3].max(axis=1), SIDES), (cover[:, -3:].max(axis=1), SIDES))
        self.top, self.left, self.right = (self._bulge(edge > 0.5, *shape) for edge, shape in edges)

    def _bulge(self, edge, share, most):
        first, last = max(_runs(edge), key=lambda run: run[1] - run[0], default=(0, 0))
        if last - first < EDGE * self.side:
            return np.zeros(self.side, np.float32)
        width = last - first - 1
        along = np.clip((np.arange(self.side) - first) / width, 0, 1)
        return (min(share * width, most * self.side) * 4 * along * (1 - along)).astype(np.float32)

    def _spread(self):
        """-> x and y of each pixel of the whole head in the picture, and the three bulges there."""
        total = self.side + 2 * self.margin
        y, x = np.mgrid[0:total, 0:total].astype(np.float32) - self.margin
        place = np.arange(total) - self.margin
        top, left, right = (np.interp(place, np.arange(self.side), bulge, left=0, right=0).astype(np.float32)
                            for bulge in (self.top, self.left, self.right))  # fmt: skip
        return x, y, top[None], left[:, None], right[:, None]

    def stretched(self, image):
        """An image of the picture -> the same with a margin, into which it is stretched."""
        import cv2

        x, y, top, left, right = self._spread()
        last = self.side - 1
        y = self._pulled(y, top)
        x = last - self._pulled(last - self._pulled(x, left), right)
        border = cv2.BORDER_REFLECT_101 if image.ndim == 3 else cv2.BORDER_CONSTANT
        return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=border)

    def _pulled(self, place, bulge):
        """Places beyond the edge at 0, up to `bulge`, become places inside; from STRETCHED on they stay."""
        reach = STRETCHED * self.side
        return np.where(place < reach, place + bulge * (reach - place) ** 2 / (reach + bulge) ** 2, place)

    def inside(self):
        """-> booleans: where the head may be, above its lower edge. Upper corners are round."""
        x, y, top, left, right = self._spread()
        last, reach = self.side - 1, ROUND * self.side
        high = np.clip((reach - y) / (reach + top), 0, None)
        wide = np.clip(np.maximum((reach - x) / (reach + left), (x - last + reach) / (reach + right)), 0, None)
        return (high**2 + wide**2 <= 1) & (x >= -left - 0.5) & (x <= last + 0.5 + right)

    def above(self):
        """-> booleans: what is above the lower edge of the picture."""
        return self._spread()[1] <= self.side - 1

    def beyond(self):
        """-> booleans: the bulge at the top, which has no gaps, and what is around it."""
        _, y, top, _, _ = self._spread()
        return (top > 0) & (y < 0)


def _locks(cover, hair, places):
    """-> triangles (3, 2), in pixels of the picture: two corners at its lower edge, and the tip below it."""
    side, rng = len(cover), np.random.default_rng(0)
    for first, last in _runs((cover[-3:].max(axis=0) > 0.5) & (hair[-3:].max(axis=0) > 0.5)):
        neck = places.right_jaw[0] - places.left_jaw[0] > (last - first) / side
        if last - first < NARROW * side or (neck and abs((first + last) / 2 / side - places.chin[0]) < 0.08):
            continue
        cuts = np.linspace(first, last, 1 + max(1, round((last - first) / (LOCK * side))))
        for left, right in itertools.pairwise(cuts):
            tip = (left + right) / 2 + rng.normal(0, 0.12) * (right - left)
            yield np.array(
                [(left, side - 3), (right, side - 3), (tip, side + (0.5 + 0.6 * rng.random()) * LOCK * side)]
            )


def _runs(mask):
    """Booleans (S,) -> (first, after the last) of each run of true ones."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return list(zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True))


def _fixed(points):
    """Points (N, 2), in pixels -> as OpenCV draws them with four bits after the point."""
    return np.round(np.asarray(points) * 16).astype(np.int32)


def put_back(photo: np.ndarray, person: Person, head: Head, onto: np.ndarray | None = None) -> np.ndarray:
    """A photo, uint8 (H, W, 3), a person on it, and the head drawn of them -> the photo with that head on theirs.

    It is turned as the person's head is, and takes on some of its light and tint. `onto`: the picture that gets the
    head instead of the photo, of the same size: the photo with other heads, or painted.
    """
    import cv2

    left, right = np.array(person.eyes, np.float64)
    across = right - left
    apart = max(float(np.hypot(*across)), 1.0)
    x_axis = across / apart
    y_axis, middle = np.array([-x_axis[1], x_axis[0]]), (left + right) / 2
    chin = middle + CHIN * apart * y_axis
    if person.mouth:  # seen from the side, eyes are nearer to each other, and the mouth says how large the face is
        down = float((np.array(person.mouth) - middle) @ y_axis)
        apart = float(np.clip(down / MOUTH, apart, 2 * apart))
        chin = np.array(person.mouth) + BELOW_MOUTH * apart * y_axis
    zoom = WIDE * apart / head.side
    turn = np.column_stack([x_axis, y_axis]) * zoom
    corner, size = chin - turn @ np.array(head.chin), len(head.cover)
    corners = corner + np.array([(0, 0), (0, size), (size, 0), (size, size)]) @ turn.T
    first = np.clip(np.floor(corners.min(axis=0)), 0, photo.shape[1::-1]).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, photo.shape[1::-1]).astype(int)
    result = (photo if onto is None else onto).copy()
    if (last <= first).any():
        return result
    area = slice(first[1], last[1]), slice(first[0], last[0])
    matrix, shape = np.column_stack([turn, corner - first]), tuple(int(n) for n in last - first)

    def warped(image):
        if zoom < 0.8:
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / zoom)
        return cv2.warpAffine(image, matrix, shape, flags=cv2.INTER_LINEAR if zoom < 1 else cv2.INTER_CUBIC)

    cover = warped(head.cover).clip(0, 1)[..., None]
    light, slope = _light(photo, middle, apart, x_axis, y_axis)
    pixels = _lit(head, light) * head.cover[..., None]
    drawn = warped(pixels) / np.maximum(cover, 1e-3)
    y, x = np.mgrid[area].astype(np.float32)
    shade = 1 + SHADE * slope * ((x - middle[0]) * x_axis[0] + (y - middle[1]) * x_axis[1]) / (1.5 * apart)
    drawn = drawn * np.clip(shade, 0.7, 1.2)[..., None]
    mixed = result[area] + cover * (drawn.clip(0, 255) - result[area])
    result[area] = (mixed + 0.5).clip(0, 255).astype(np.uint8)
    return result


def _light(photo, middle, apart, x_axis, y_axis, count=32):
    """-> (L, a, b of the person's face, how much brighter it becomes from left to right, as a share)."""
    import cv2

    u, v = np.meshgrid(np.linspace(-0.75, 0.75, count), np.linspace(-0.25, 1.35, count))
    points = middle + apart * (u[..., None] * x_axis + v[..., None] * y_axis)
    x, y = (points[..., i].astype(np.float32) for i in (0, 1))
    lab = to_lab(cv2.remap(photo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    soft = cv2.GaussianBlur(lab[..., 0], (0, 0), 2)
    slope = np.polyfit(u.ravel() / 1.5, soft.ravel(), 1)[0] / max(float(soft.mean()), 10)
    return np.median(lab.reshape(-1, 3), axis=0), float(np.clip(slope, -0.6, 0.6))


def _lit(head, light):
    """A head, and L, a, b of the face on the photo -> its pixels in that light."""
    if head.skin is None:
        return head.pixels
    lab = to_lab(head.pixels)
    lab[..., 0] *= np.clip(light[0] / max(head.skin[0], 1), 0.6, 1.05) ** GLOW
    lab[..., 1:] += TINT * np.clip(light[1:] - head.skin[1:], -15, 15) * lab[..., :1] / 100
    return from_lab(lab).astype(np.float32)


def painted(photo: np.ndarray) -> np.ndarray:
    """A photo, uint8 (H, W, 3) -> the same as if it were painted, by OpenCV's filters that keep edges."""
    import cv2

    height, width = photo.shape[:2]
    shrink = min(1, (FINEST / (height * width)) ** 0.5)
    small = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else photo
    small = cv2.stylization(small, sigma_s=45, sigma_r=0.35)
    small = cv2.edgePreservingFilter(small, flags=cv2.RECURS_FILTER, sigma_s=30, sigma_r=0.3)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) if shrink < 1 else small


def sticker(head: Head) -> np.ndarray:
    """A head -> uint8 (STICKER, STICKER, 4), RGBA: the head alone on transparency, with a white rim."""
    import cv2

    rows, columns = (np.flatnonzero(head.cover.max(axis=axis) > 0.1) for axis in (1, 0))
    if not len(rows):
        return np.zeros((STICKER, STICKER, 4), np.uint8)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cover, pixels = head.cover[box], (head.pixels * head.cover[..., None])[box]
    zoom = (STICKER - 2 * RIM - 4) / max(cover.shape)
    size = tuple(max(1, round(zoom * n)) for n in cover.shape[::-1])
    top, left = (STICKER - size[1]) // 2, (STICKER - size[0]) // 2
    area = slice(top, top + size[1]), slice(left, left + size[0])
    inner, colour = np.zeros((STICKER, STICKER), np.float32), np.zeros((STICKER, STICKER, 3), np.float32)
    inner[area] = cv2.resize(cover, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    colour[area] = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    ring = cv2.dilate(
        (inner > 0.5).astype(np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    )
    ring = np.maximum(cv2.GaussianBlur(ring, (0, 0), 1), inner)
    whole = np.dstack([colour + 255 * (1 - inner[..., None]), 255 * ring])
    return (whole + 0.5).clip(0, 255).astype(np.uint8)
