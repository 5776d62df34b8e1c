"""Endless scenes to train a detector on: real pictures with known faces, and drawn faces pasted onto anything.

A scene is a function of (seed, number).
"""

import math
from typing import Any

import numpy as np

from animefaces import images
from training.stock import POINTS, Stock

SIDE = 256  # of a scene, in pixels
MOST = 16  # faces of a scene; further ones may be found or not
ROW = 1 + 4 + 2 * POINTS  # numbers of a face: see models.detector.Detecting
SMALLEST = 7  # pixels: smaller faces may be found or not
SIZES = (9.0, 220.0)  # pixels of a face's box, each doubling as often as the others
SCALES = (130, 1100)  # pixels of the longer side of a labelled picture in a scene

# A pasted face gets a box like those of the labelled pictures: from below the fringe to the chin, from ear to ear.
EYES_IN_BOX, WIDTH_OF_EYES = 0.42, 1.5  # where its eyes are, from the top, and its width, in distances of the eyes
HEAD = 128  # side of a face that is taken from a labelled picture, in pixels

Boxes = np.ndarray  # float32 (N, ROW)
# Pixels of a square, the box of the face in it, its points if they are known, and where the head is, if that is known.
Head = tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]


def box_of(places: np.ndarray) -> np.ndarray:
    """Points of upright faces (..., POINTS, 2) -> their boxes (..., 4): left, top, right, bottom, in the same unit."""
    left, right, mouth, chin = np.moveaxis(places, -2, 0)
    eyes = (left + right) / 2
    width = WIDTH_OF_EYES * np.linalg.norm(right - left, axis=-1)
    height = (chin - eyes)[..., 1] / (1 - EYES_IN_BOX)
    middle = (eyes[..., 0] + mouth[..., 0]) / 2
    return np.stack([middle - width / 2, chin[..., 1] - height, middle + width / 2, chin[..., 1]], axis=-1)


def matrix_for(place: Any, target: Any, scale: float, angle: float) -> np.ndarray:
    """The similarity (2, 3) that turns by `angle` (radians, clockwise), scales, and moves `place` to `target`."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([turn, (np.asarray(target) - turn @ np.asarray(place))[:, None]], axis=1)


def turned_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) left, top, right, bottom, and a similarity -> the boxes of the same faces after it.

    A face is nearly an ellipse that touches the four sides of its box. So is the turned one.
    """
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (matrix[:, :2] ** 2).T)
    return np.concatenate([middle - reach, middle + reach], axis=1)


def rows_of(boxes: np.ndarray, points: np.ndarray | None = None) -> Boxes:
    """Boxes (N, 4), points (N, POINTS, 2) or None -> rows of faces."""
    unknown = np.full((len(boxes), 2 * POINTS), np.nan)
    known = unknown if points is None else points.reshape(len(boxes), -1)
    return np.concatenate([np.ones((len(boxes), 1)), boxes, known], axis=1).astype(np.float32)


def within(rows: Boxes, left: float, top: float, right: float, bottom: float) -> Boxes:
    """Faces -> what is to be seen of them in a part of the scene.

    A face of which little is to be seen, or that is tiny, may be found or not. One that cannot be seen is none.
    """
    low, high = np.array([left, top], np.float32), np.array([right, bottom], np.float32)
    whole = (rows[:, 3:5] - rows[:, 1:3]).prod(axis=1)
    rows = rows.copy()
    rows[:, 1:3], rows[:, 3:5] = np.maximum(rows[:, 1:3], low), np.minimum(rows[:, 3:5], high)
    sizes = rows[:, 3:5] - rows[:, 1:3]
    seen = np.where((sizes > 0).all(axis=1), sizes.prod(axis=1) / np.maximum(whole, 1e-6), 0)
    rows[(seen < 0.6) | (sizes.max(axis=1) < SMALLEST), 0] = -1
    return rows[seen > 0.1]


def size_of(rng: np.random.Generator) -> float:
    """A size for a face, in pixels."""
    return math.exp(rng.uniform(*np.log(SIZES)))


def roll(rng: np.random.Generator) -> float:
    """How far a head is tilted, in radians."""
    kind = rng.random()
    if kind < 0.65:
        return math.radians(rng.normal(0, 6))
    return math.radians(rng.uniform(-40, 40) if kind < 0.92 else rng.uniform(-180, 180))


class Maker:
    """Scenes of a stock."""

    def __init__(self, stock: Stock, seed: int):
        import cv2

        cv2.setNumThreads(1)  # the processes use the cores already
        self.stock, self.seed = stock, seed

    def scenes(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of scenes -> pixels uint8 (N, SIDE, SIDE, 3), faces float32 (N, MOST, ROW)."""
        made = [self.scene(np.random.default_rng((self.seed, number, 2))) for number in range(start, stop)]
        faces = np.zeros((len(made), MOST, ROW), np.float32)
        for i, (_, rows) in enumerate(made):
            # The most certain ones come first, and the largest of them.
            order = np.lexsort((-(rows[:, 3] - rows[:, 1]), -rows[:, 0]))[:MOST]
            faces[i, : len(order)] = rows[order]
        return np.stack([pixels for pixels, _ in made]), faces

    def scene(self, rng: np.random.Generator) -> tuple[np.ndarray, Boxes]:
        """Random numbers -> a scene and its faces."""
        kind = rng.random()
        if kind < 0.7:
            pixels, rows = self.real(rng)
            count = rng.integers(1, 3) if rng.random() < 0.25 else 0
        elif kind < 0.88:
            pixels, rows = self.background(rng)
            count = rng.integers(1, 5)
        else:
            pixels, rows = self.photographed(rng)
            count = rng.integers(1, 3) if rng.random() < 0.3 else 0
        for _ in range(count):
            if rng.random() < 0.2:
                self.paste_other(pixels, rows, rng)
            rows = self.paste(pixels, rows, rng)
        pixels = covered(pixels, rows, rng)
        return worn(pixels, rng), within(rows, 0, 0, SIDE, SIDE)

    def real(self, rng: np.random.Generator) -> tuple[np.ndarray, Boxes]:
        """One labelled picture, or four of them side by side."""
        if rng.random() < 0.7:
            return self.view(rng, SIDE, SIDE)
        scene = np.empty((SIDE, SIDE, 3), np.uint8)
        x, y = rng.integers(SIDE // 4, SIDE * 3 // 4, 2)
        found = []
        for left, right in ((0, x), (x, SIDE)):
            for top, bottom in ((0, y), (y, SIDE)):
                scene[top:bottom, left:right], rows = self.view(rng, right - left, bottom - top)
                rows[:, [1, 3, *range(5, ROW, 2)]] += left
                rows[:, [2, 4, *range(6, ROW, 2)]] += top
                found.append(within(rows, left, top, right, bottom))
        return scene, np.concatenate(found)

    def view(self, rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, Boxes]:
        """A part of a labelled picture, nearly always with a face, and its faces."""
        pixels, boxes = self.stock.picture(int(rng.integers(len(self.stock.shapes))))
        x, y, w, h = boxes[rng.integers(len(boxes))]
        if rng.random() < 0.25:  # the whole picture, as it is in use
            scale = min(width / pixels.shape[1], height / pixels.shape[0]) * math.exp(rng.normal(0, 0.1))
            place, target = np.array(pixels.shape[1::-1]) / 2, np.array([width, height]) / 2
        else:
            scale = np.clip(size_of(rng) / max(w, h), *np.divide(SCALES, max(pixels.shape)))
            scale = min(scale, 1.2 * min(width, height) / max(w, h))
            place, target = np.array([x + w / 2, y + h / 2]), rng.uniform(0.1, 0.9, 2) * (width, height)
            if rng.random() < 0.75:  # the picture reaches the edges of the scene, if it is large enough
                first = np.array([width, height]) - scale * (np.array(pixels.shape[1::-1]) - place)
                target = np.clip(target, *np.sort([first, scale * place], axis=0))
        matrix = matrix_for(place, target, scale, 0 if rng.random() < 0.4 else roll(rng))
        scene = warped(pixels, matrix, scale, width, height, rng)
        sides = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        return scene, within(rows_of(turned_boxes(sides, matrix)), 0, 0, width, height)

    def background(self, rng: np.random.Generator) -> tuple[np.ndarray, Boxes]:
        """A part of a labelled picture without its faces: a face that would be in it is covered."""
        pixels, boxes = self.stock.picture(int(rng.integers(len(self.stock.shapes))))
        height, width = pixels.shape[:2]
        for _ in range(12):
            side = rng.uniform(0.2, 0.9) * min(height, width)
            left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
            ends = np.minimum(boxes[:, :2] + boxes[:, 2:], (left + side, top + side))
            common = np.maximum(ends - np.maximum(boxes[:, :2], (left, top)), 0).prod(axis=1).sum()
            if common == 0:
                break
        else:  # faces are everywhere
            return self.photographed(rng)
        scale = SIDE / side
        matrix = matrix_for((left, top), (0, 0), scale, 0)
        return warped(pixels, matrix, scale, SIDE, SIDE, rng), np.empty((0, ROW), np.float32)

    def photographed(self, rng: np.random.Generator) -> tuple[np.ndarray, Boxes]:
        """One photo, or several side by side."""
        import cv2

        across = int(rng.choice([1, 1, 2, 3, 4]))
        side = -(-SIDE // across)
        chosen = [self.stock.photos[i] for i in rng.integers(0, len(self.stock.photos), across**2)]
        tiles = [cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA) for photo in chosen]
        scene = images.grid(np.stack(tiles), columns=across)[:SIDE, :SIDE].copy()
        if rng.random() < 0.5:
            scale, angle = math.exp(rng.uniform(-0.2, 0.7)), rng.normal(0, 0.2)
            matrix = matrix_for(rng.uniform(0.3, 0.7, 2) * SIDE, (SIDE / 2, SIDE / 2), scale, angle)
            scene = warped(scene, matrix, scale, SIDE, SIDE, rng)
        return scene, np.empty((0, ROW), np.float32)

    def paste(self, scene: np.ndarray, rows: Boxes, rng: np.random.Generator) -> Boxes:
        """Paste a face onto a scene, which changes; -> the faces that are to be seen then."""
        taken = self.labelled_head(rng) if rng.random() < 0.35 else None
        head, box, places, cutout = taken or self.drawn_head(rng)
        scale = size_of(rng) / max(box[2:] - box[:2])
        matrix = matrix_for((box[:2] + box[2:]) / 2, rng.uniform(0.02, 0.98, 2) * SIDE, scale, roll(rng))
        points = None if places is None else (places @ matrix[:, :2].T + matrix[:, 2])[None]
        new = rows_of(turned_boxes(box[None], matrix), points)
        middle = (new[0, 1:3] + new[0, 3:5]) / 2
        if len(rows) and (shared(new[0], rows) > 0.3).any():
            return rows
        if (middle < 0).any() or (middle > SIDE).any():
            return rows
        blend(scene, tinted(head, rng), outline(len(head), cutout, rng), matrix, scale)
        if len(rows):  # what the new head covers
            hidden = shared(rows, new)
            rows = rows[hidden < 0.75].copy()
            rows[hidden[hidden < 0.75] > 0.25, 0] = -1
        return np.concatenate([rows, new])

    def drawn_head(self, rng: np.random.Generator) -> Head:
        """A drawn face, its box, its points, and sometimes where the head is."""
        number = rng.integers(len(self.stock.faces))
        face = self.stock.faces[number]
        places = self.stock.places[number].astype(np.float64) * len(face)
        return face, box_of(places), places, self.stock.cutouts[number] if rng.random() < 0.5 else None

    def labelled_head(self, rng: np.random.Generator) -> Head | None:
        """A face of a labelled picture, with what is around it. None if it is tiny, or if another face is near it."""
        import cv2

        pixels, boxes = self.stock.picture(int(rng.integers(len(self.stock.shapes))))
        chosen = rng.integers(len(boxes))
        place, size = boxes[chosen, :2] + boxes[chosen, 2:] / 2, boxes[chosen, 2:].max()
        reach = rng.uniform(0.75, 1.1) * size
        others = np.delete(boxes, chosen, axis=0)
        near = (others[:, :2] < place + reach) & (others[:, :2] + others[:, 2:] > place - reach)
        if size < 20 or near.all(axis=1).any():
            return None
        scale = HEAD / (2 * reach)
        matrix = matrix_for(place, (HEAD / 2, HEAD / 2), scale, 0)
        small, matrix = reduced(pixels, matrix, scale)
        head = cv2.warpAffine(small, matrix, (HEAD, HEAD), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        half = boxes[chosen, 2:] * scale / 2
        return head, np.concatenate([HEAD / 2 - half, HEAD / 2 + half]), None, None

    def paste_other(self, scene: np.ndarray, rows: Boxes, rng: np.random.Generator) -> None:
        """Paste what is no drawn face, in the same ways: the edges of a pasted thing must say nothing."""
        photo = self.stock.photos[rng.integers(len(self.stock.photos))]
        side = photo.shape[0]
        scale = size_of(rng) / (0.6 * side)
        target = rng.uniform(0.02, 0.98, 2) * SIDE
        half = 0.75 * scale * side
        box = np.array([[1, *(target - half), *(target + half)]])
        if len(rows) and (shared(box[0], rows) > 0.01).any() | (shared(rows, box) > 0.01).any():
            return
        matrix = matrix_for((side / 2, side / 2), target, scale, roll(rng))
        cutout = self.stock.cutouts[rng.integers(len(self.stock.cutouts))] if rng.random() < 0.5 else None
        blend(scene, tinted(photo, rng), outline(side, cutout, rng), matrix, scale)


def shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rows of faces, one of the two a single one -> which part of each box of `a` is within `b`."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    ends = np.minimum(a[:, 3:5], b[:, 3:5]) - np.maximum(a[:, 1:3], b[:, 1:3])
    return np.maximum(ends, 0).prod(axis=1) / np.maximum((a[:, 3:5] - a[:, 1:3]).prod(axis=1), 1e-6)


def warped(
    pixels: np.ndarray, matrix: np.ndarray, scale: float, width: int, height: int, rng: np.random.Generator
) -> np.ndarray:
    """Pixels after a similarity, uint8 (height, width, 3). Beyond them is one colour, or their edge."""
    import cv2

    pixels, matrix = reduced(pixels, matrix, scale)
    way = cv2.BORDER_REPLICATE if rng.random() < 0.2 else cv2.BORDER_CONSTANT
    colour = [0.0] * 3 if rng.random() < 0.5 else rng.uniform(0, 255, 3).tolist()
    made = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=way, borderValue=colour)
    return made.reshape(height, width, 3)


def reduced(pixels: np.ndarray, matrix: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and a similarity that makes them much smaller -> smaller ones and what is left to do, without aliasing."""
    import cv2

    if scale > 0.6:
        return np.ascontiguousarray(pixels), matrix
    size = [max(1, round(side * scale * 1.2)) for side in pixels.shape[1::-1]]
    back = np.array([pixels.shape[1] / size[0], pixels.shape[0] / size[1]])
    turn = matrix[:, :2] * back
    # A pixel's middle is half a pixel from its edge, before and after.
    move = matrix[:, 2] + matrix[:, :2] @ (back / 2 - 0.5)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.concatenate([turn, move[:, None]], axis=1)


def outline(side: int, cutout: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Where a pasted square is to be seen, float32 (side, side): as the cutout says, an oval, or all of it."""
    import cv2

    across = np.abs(np.linspace(-1, 1, side, dtype=np.float32))
    power, reach = (4.0, 1.0) if cutout is not None else (rng.uniform(2, 6), rng.uniform(0.85, 1.0))
    if cutout is None and rng.random() < 0.4:
        return np.ones((side, side), np.float32)
    away = (across[None] ** power + across[:, None] ** power) ** (1 / power)
    shown = np.clip((reach - away) / 0.08, 0, 1)
    if cutout is not None:
        shown = shown * (cv2.resize(np.ascontiguousarray(cutout), (side, side)).astype(np.float32) / 255)
    return shown


def blend(scene: np.ndarray, pixels: np.ndarray, shown: np.ndarray, matrix: np.ndarray, scale: float) -> None:
    """Draw pixels onto a scene, which changes, where `shown` says so, after a similarity."""
    import cv2

    both = np.concatenate([pixels.astype(np.float32), shown[..., None]], axis=2)
    both, matrix = reduced(both, matrix, scale)
    moved = cv2.warpAffine(both, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    share = moved[..., 3:]
    # What lies beyond the square is 0, and so is its share; inside, the share of the colours is that of the square.
    scene[:] = np.clip(scene * (1 - share) + moved[..., :3] * share + 0.5, 0, 255).astype(np.uint8)


def tinted(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pixels, sometimes in another light: float32."""
    made: np.ndarray = pixels.astype(np.float32)
    if rng.random() < 0.4:
        made = made * rng.uniform(0.5, 1.1) * rng.uniform(0.8, 1.2, 3)
    return np.clip(made, 0, 255)


def covered(pixels: np.ndarray, rows: Boxes, rng: np.random.Generator) -> np.ndarray:
    """A scene -> sometimes with a thing before a part of a face: a bar, a spot, or writing."""
    import cv2

    if not len(rows) or rng.random() > 0.2:
        return pixels
    _, left, top, right, bottom = rows[rng.integers(len(rows)), :5]
    width, height = right - left, bottom - top
    colour = rng.uniform(0, 255, 3).tolist()
    x, y = rng.uniform(left, right), rng.uniform(top, bottom)
    size = rng.uniform(0.15, 0.4) * max(width, height)
    kind = rng.integers(3)
    if kind == 0:
        dx, dy = rng.normal(0, 1, 2) * 2 * max(width, height)
        cv2.line(pixels, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), colour, max(1, int(size / 2)))
    elif kind == 1:
        axes = (max(1, int(size / 2)), max(1, int(size * rng.uniform(0.3, 0.9))))
        cv2.ellipse(pixels, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    else:
        text = "".join(rng.choice(list("ABCDEFGHKLMNORSTUXYZ0123456789"), 8))
        cv2.putText(pixels, text, (int(x - width), int(y)), cv2.FONT_HERSHEY_SIMPLEX, max(0.2, size / 40), colour,
                    max(1, int(size / 20)), cv2.LINE_AA)  # fmt: skip
    return pixels


def worn(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scene -> as it may have been stored: in grey, blurred, small, noisy, darker, as a JPEG."""
    import cv2

    chance = rng.random(7)
    made = pixels
    if chance[0] < 0.12:
        made = np.repeat(cv2.cvtColor(made, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if chance[1] < 0.15:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.4, 1.8))
    if chance[2] < 0.15:
        small = int(SIDE * rng.uniform(0.4, 0.9))
        made = cv2.resize(made, (small, small), interpolation=cv2.INTER_AREA)
        made = cv2.resize(made, (SIDE, SIDE), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
    if chance[3] < 0.35:  # one table for all pixels is fast
        values = 255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.3))
        values = (values - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 12)
        made = cv2.LUT(np.ascontiguousarray(made), np.clip(values, 0, 255).astype(np.uint8))
    if chance[4] < 0.2:
        hsv = cv2.cvtColor(np.ascontiguousarray(made), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + rng.integers(-20, 21)) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.3, 1.4), 0, 255)
        made = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    if chance[5] < 0.12:
        noise = rng.normal(0, rng.uniform(2, 14), made.shape)
        made = np.clip(made + noise, 0, 255).astype(np.uint8)
    if chance[6] < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 96))]
        coded = cv2.imencode(".jpg", np.ascontiguousarray(made), quality)[1]
        made = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(made)
