"""The pixel contract. On disk uint8 RGB [0, 255]; in every network float32 NHWC [-1, 1]."""

import contextlib
import threading
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from animefaces.files import written_whole
from animefaces.problems import Problem

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # by content; Pillow would run Ghostscript on an EPS named .png
MAX_PIXELS = 100_000_000  # a larger picture is refused before it is decoded


def to_network(pixels):
    """uint8 [0, 255] -> float32 [-1, 1], same shape."""
    return np.asarray(pixels, np.float32) / np.float32(127.5) - np.float32(1)


def to_pixels(images):
    """float [-1, 1] -> uint8 [0, 255], same shape. Inverts `to_network` on all 256 values."""
    # + 128, not + 127.5: the cast truncates, so the half is what rounds.
    return np.clip(np.asarray(images, np.float32) * 127.5 + 128, 0, 255).astype(np.uint8)


def read(file, size=None, channels=3):
    """A picture file (path or binary file object), any format and mode -> uint8 (H, W, channels).

    Turned upright by its EXIF tag; transparent parts become white; an animation gives its first
    frame. With `size` the picture is cropped to a centred square and resized to (size, size, channels).
    Raises OSError or ValueError when it is no picture, is damaged or has over MAX_PIXELS.
    """
    with _opened(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are too many")
        if size and image.format == "JPEG":
            image.draft(None, (2 * size, 2 * size))  # decodes a large JPEG at a fraction of its size
        image = flatten(ImageOps.exif_transpose(image))
    return to_array(image, size, channels)


def to_array(image, size=None, channels=3):
    """A Pillow image -> uint8 (H, W, channels); with `size`, its centred square as (size, size, channels)."""
    if size and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    image = image.convert("L" if channels == 1 else "RGB")
    return np.asarray(image).reshape(image.height, image.width, channels)


def dimensions(file):
    """A picture file -> (width, height) in pixels as stored, from its header alone. Raises like `read`."""
    with _opened(file) as image:
        return image.size


@contextlib.contextmanager
def _opened(file):
    """A picture file -> its Pillow image, for a while. Whatever is wrong with it is an OSError or a ValueError."""
    with _QUIET:
        try:
            with Image.open(file, formats=FORMATS) as image:
                yield image
        except UnidentifiedImageError as fault:  # its text names our file object, which says nothing to anybody
            raise OSError("no picture, or one of an unknown format") from fault
        except (OSError, ValueError, MemoryError):
            raise
        except Exception as fault:  # SyntaxError, struct.error, TypeError and more, says a fuzzer
            raise OSError(" ".join(str(fault).split()) or type(fault).__name__) from fault


class _Quiet:
    """Pillow warns of odd metadata; the pixels are what counts. Warnings are off while any thread is inside.

    `warnings.catch_warnings` alone is for one thread: of two that overlap, the second to leave would keep them off.
    """

    def __init__(self):
        self._lock, self._inside, self._off = threading.Lock(), 0, None

    def __enter__(self):
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._off = warnings.catch_warnings(action="ignore")
                self._off.__enter__()

    def __exit__(self, *fault):
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._off.__exit__(*fault)


_QUIET = _Quiet()


def flatten(image):
    """A Pillow image of any mode -> one in mode L or RGB, transparency on white, 16 bits scaled to 8."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        deep = image.mode.startswith("I;16") or values.max(initial=0) > 255
        return Image.fromarray(np.clip(values / (257 if deep else 1) + 0.5, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def to_image(pixels):
    """uint8 (H, W) or (H, W, 1, 3 or 4) -> a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def save(path, pixels, **notes):
    """uint8 (H, W, 1 or 3) -> PNG, written whole, with `notes` as text chunks in it."""
    info = PngImagePlugin.PngInfo()
    for key, value in notes.items():
        info.add_text(key, str(value))
    with written_whole(path) as temporary:
        to_image(pixels).save(temporary, "PNG", pnginfo=info)


def save_film(path, frames, seconds):
    """Frames, each uint8 (H, W, 1 or 3), shown for `seconds` each -> a film, written whole; GIF and WebP loop.

    The ending of `path` says which: .webp, .mp4, anything else is a GIF.
    """
    frames = list(frames)
    if not frames:
        raise Problem("a film needs at least one frame")
    suffix = Path(path).suffix.lower()
    with written_whole(path) as temporary:
        if suffix == ".mp4":
            return _save_mp4(temporary, frames, seconds)
        pictures = [to_image(f).convert("RGB") for f in frames]
        # GIF counts hundredths of a second; players take anything under 2 of them as "slow".
        settings = {"save_all": True, "loop": 0, "duration": max(20, round(seconds * 1000))}
        if suffix == ".webp":
            pictures[0].save(temporary, "WEBP", append_images=pictures[1:], quality=80, method=4, **settings)
        else:
            pictures = [picture.quantize(256, dither=Image.Dither.NONE) for picture in pictures]
            pictures[0].save(temporary, "GIF", append_images=pictures[1:], **settings)
    return None


def _save_mp4(path, frames, seconds):
    """VP9, which browsers play; where OpenCV's build lacks it, MPEG-4 part 2, which players do."""
    import cv2

    height, width = (side + side % 2 for side in frames[0].shape[:2])  # the codecs want even sides
    for codec in ("vp09", "mp4v"):
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 1 / seconds, (width, height))
        if writer.isOpened():
            break
    else:
        raise Problem("this OpenCV writes no mp4: name a .webp or a .gif instead")
    for frame in frames:
        grown = np.pad(frame, ((0, height - frame.shape[0]), (0, width - frame.shape[1]), (0, 0)), mode="edge")
        writer.write(np.ascontiguousarray(np.repeat(grown, 3 // frame.shape[2], axis=2)[..., ::-1]))
    writer.release()


def grid(pixels, columns=None):
    """uint8 (N, H, W, C) -> uint8 (rows * H, columns * W, C), row by row; empty places are white.

    Without `columns`, as wide as high or a little wider: 48 pictures make 8 columns and 6 rows.
    """
    n, height, width, channels = pixels.shape
    columns = columns or best_columns(n)
    rows = -(-n // columns)
    sheet = np.full((rows * columns, height, width, channels), 255, np.uint8)
    sheet[:n] = pixels
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, channels)


def best_columns(n):
    """Columns of a full grid of n pictures, at most twice as wide as high, else of the squarest one."""
    square = int(np.ceil(np.sqrt(n)))
    full = [c for c in range(square, int(np.sqrt(2 * n)) + 1) if n % c == 0]
    return full[0] if full else square
