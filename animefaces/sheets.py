"""Pictures -> sheets: pictures with words. Pictures are uint8 (N, H, W, 1 or 3); a sheet is uint8 (H, W, 3)."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 4  # pixels between two pictures
LINE = 15  # height of a line of words, in pixels
COLUMNS = 8  # pictures in a row of a numbered sheet
OUTLINE = (255, 0, 90)  # colour of a box


def enlarge(pixels: np.ndarray, least: int = 64) -> np.ndarray:
    """(N, H, W, C) -> (N, k * H, k * W, 3), in colour. k is the smallest whole number with k * H >= `least`."""
    factor = max(1, -(-least // pixels.shape[1]))
    colour = np.repeat(pixels, 3 // pixels.shape[-1], axis=-1)
    if factor == 1:
        return colour
    size = (pixels.shape[2] * factor, pixels.shape[1] * factor)
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BICUBIC)) for p in colour])


def rows(lines: Sequence[tuple[str, Sequence[np.ndarray | None]]], heads: Sequence[str] = ()) -> np.ndarray:
    """[(words, pictures)] -> a sheet with one row for each item: its words at the left, then its pictures.

    `heads` are the words above the columns. None instead of a picture leaves a gap, half as wide as a picture.
    """
    lines = [(words, [None if p is None else enlarge(p[None])[0] for p in pictures]) for words, pictures in lines]
    height, wide = next(p for _, pictures in lines for p in pictures if p is not None).shape[:2]
    font = ImageFont.load_default(12)
    left = max([int(font.getlength(part)) + 10 for words, _ in lines for part in words.split("\n") if part], default=0)
    top = LINE + GAP if heads else 0
    steps = [[wide // 2 if p is None else wide + GAP for p in pictures] for _, pictures in lines]
    sheet = Image.new("RGB", (left + max(map(sum, steps)), top + len(lines) * (height + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, head in enumerate(heads):
        x = left + sum(steps[0][:i]) + (0 if len(head) > 6 else wide / 2)
        draw.text((x, 1), head, "black", font, anchor="lt" if len(head) > 6 else "mt")
    for i, (words, pictures) in enumerate(lines):
        y = top + i * (height + GAP)
        draw.text((4, y + height / 2), words, "black", font, anchor="lm")
        for x, picture in zip(np.cumsum([left, *steps[i]]), pictures, strict=False):
            if picture is not None:
                sheet.paste(Image.fromarray(picture), (int(x), y))
    return np.asarray(sheet)


def numbered(pictures: np.ndarray, numbers: Sequence[int], columns: int = COLUMNS) -> np.ndarray:
    """Pictures (N, H, W, C) and N numbers -> a sheet with the number of each picture below it, `columns` in a row."""
    pictures = enlarge(pictures)
    count, height, wide, _ = pictures.shape
    font, high = ImageFont.load_default(12), height + LINE
    sheet = Image.new("RGB", (min(columns, count) * (wide + GAP), -(-count // columns) * high), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (picture, number) in enumerate(zip(pictures, numbers, strict=True)):
        x, y = i % columns * (wide + GAP), i // columns * high
        sheet.paste(Image.fromarray(picture), (x, y))
        draw.text((x + wide / 2, y + height + 1), str(number), "black", font, anchor="mt")
    return np.asarray(sheet)


def boxed(pictures: np.ndarray, boxes: Iterable[Sequence[int]]) -> np.ndarray:
    """Pictures (N, H, W, C) and N boxes -> the pictures, enlarged, each with the outline of its box.

    A box is (left, top, right, bottom) in pixels of the picture before it is enlarged.
    """
    drawn = enlarge(pictures)
    factor = drawn.shape[1] // pictures.shape[1]
    result = []
    for picture, box in zip(drawn, boxes, strict=True):
        image = Image.fromarray(picture)
        ImageDraw.Draw(image).rectangle([int(side) * factor for side in box], outline=OUTLINE, width=1)
        result.append(np.asarray(image))
    return np.stack(result)


def from_gradients(gradients: np.ndarray) -> np.ndarray:
    """Gradients (N, H, W, C), of any magnitude -> pictures uint8 (N, H, W, C).

    A gradient of 0 is grey; the largest gradient of each picture is black or white.
    """
    largest = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
    return np.clip(gradients / np.maximum(largest, 1e-12) * 127 + 128, 0, 255).astype(np.uint8)


def focus(gradients: np.ndarray, share: float = 0.8) -> np.ndarray:
    """Gradients (N, H, W, C) -> boxes (N, 4): left, top, right, bottom.

    On each axis, `share` of the gradients' energy lies between the two sides of the box, and half of the rest lies on
    either side of it.
    """
    energy = (np.asarray(gradients, np.float64) ** 2).sum(axis=-1)
    boxes = []
    for axis in (1, 2):  # the sum over the rows leaves the x axis, the sum over the columns leaves the y axis
        along = energy.sum(axis=axis).cumsum(axis=1)
        along /= np.maximum(along[:, -1:], 1e-300)
        low, high = ((along < level).sum(axis=1) for level in ((1 - share) / 2, (1 + share) / 2))
        last = along.shape[1] - 1  # keeps the box inside the picture if all gradients are 0
        boxes.append((np.minimum(low, last), np.minimum(high, last)))
    (left, right), (top, bottom) = boxes
    return np.stack([left, top, right, bottom], axis=1)
