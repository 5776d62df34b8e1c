"""Pictures in and out, and the pixel contract: uint8 RGB [0, 255] on disk, float32 NHWC [-1, 1] in every network."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from animefaces.decoding import File, decoded, opened
from animefaces.files import written_whole
from animefaces.formats import SUFFIXES as SUFFIXES
from animefaces.problems import Problem
from animefaces.profiles import to_srgb


def to_network(pixels: Any) -> np.ndarray:
    """uint8 [0, 255] -> float32 [-1, 1], same shape."""
    return np.asarray(pixels, np.float32) / np.float32(127.5) - np.float32(1)


def to_pixels(images: Any) -> np.ndarray:
    """float [-1, 1] -> uint8 [0, 255], same shape. Inverts `to_network` on all 256 values."""
    # + 128, not + 127.5: the cast cuts off what is behind the point, so the half makes it round.
    return np.clip(np.asarray(images, np.float32) * 127.5 + 128, 0, 255).astype(np.uint8)


def read(file: File, size: int | None = None, channels: int = 3) -> np.ndarray:
    """A picture file, a path or an open one, of any format and mode -> uint8 (H, W, channels).

    The picture is turned upright as its EXIF tag says, and its colours are converted to sRGB as its ICC profile says.
    Transparent parts become white. An animation gives its first frame. With `size`, the centred square of the picture
    is resized to (size, size, channels). A JPEG of more than MAX_PIXELS is read at a half, a quarter or an eighth of
    its sides. Raises OSError or ValueError if the file is no picture, is damaged or has too many pixels.
    """
    with decoded(file, size) as image:
        profile = image.info.get("icc_profile")
        image = _upright(image)
        if image.mode != "CMYK":
            image = flatten(image)
        return to_array(flatten(to_srgb(image, profile)), size, channels)


def _upright(image):
    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # a damaged EXIF tag raises anything: the pixels are whole
        return image


def to_array(image: Image.Image, size: int | None = None, channels: int = 3) -> np.ndarray:
    """A Pillow image -> uint8 (H, W, channels); with `size`, its centred square as (size, size, channels)."""
    if size and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    image = image.convert("L" if channels == 1 else "RGB")
    return np.asarray(image).reshape(image.height, image.width, channels)


def dimensions(file: File) -> tuple[int, int]:
    """A picture file -> (width, height) in pixels, as its header says. The EXIF tag is not used. Raises like `read`."""
    with opened(file) as image:
        return image.size


def flatten(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode -> one of mode L or RGB. Transparent parts become white.

    16 bits become 8. Floating-point numbers go from -1 to 1, or from 0 to 1, 255 or 65535: the smallest and the largest
    one say which.
    """
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, np.float32))
        low, high = values.min(initial=0), values.max(initial=0)
        if image.mode == "F" and high <= 1:
            return Image.fromarray(to_pixels(values if low <= -0.5 else 2 * values - 1))
        scale = 1 / 257 if image.mode.startswith("I;16") or high > 255 else 1
        return Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def to_image(pixels: np.ndarray) -> Image.Image:
    """uint8 (H, W) or (H, W, 1, 3 or 4) -> a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def save(path: str | Path, pixels: np.ndarray, **notes: Any) -> None:
    """uint8 (H, W, 1, 3 or 4) -> a PNG file, written whole. `notes` are stored in it as text chunks.

    A file name that is not UTF-8 may be in a note: its surrogates are written as `\\udce9`.
    """
    info = PngImagePlugin.PngInfo()
    for key, value in notes.items():
        info.add_text(key, str(value).encode("utf-8", "backslashreplace").decode("utf-8"))
    with written_whole(path) as temporary:
        to_image(pixels).save(temporary, "PNG", pnginfo=info)


def save_photo(path: str | Path, pixels: np.ndarray, quality: int) -> None:
    """uint8 (H, W, 3) -> a file, written whole: a JPEG of that quality, or a PNG if its name ends so."""
    png = Path(path).suffix.lower() == ".png"
    with written_whole(path) as temporary:
        to_image(np.ascontiguousarray(pixels)).save(
            temporary, "PNG" if png else "JPEG", **({} if png else {"quality": quality, "subsampling": 0})
        )


def save_film(path: str | Path, frames: Iterable[np.ndarray], seconds: float) -> None:
    """Frames, uint8 (H, W, 1 or 3), each shown for `seconds` -> a film, written whole.

    The ending of `path` says what it is: .webp, .mp4, or a GIF for any other. A GIF and a WebP begin again at the end.
    """
    frames = list(frames)
    if not frames:
        raise Problem("a film needs at least one frame")
    suffix = Path(path).suffix.lower()
    with written_whole(path) as temporary:
        if suffix == ".mp4":
            _save_mp4(temporary, frames, seconds)
            return
        pictures = [to_image(f).convert("RGB") for f in frames]
        # GIF counts in hundredths of a second, and players show frames of less than 2 of them slowly.
        settings: dict[str, Any] = {"save_all": True, "loop": 0, "duration": max(20, round(seconds * 1000))}
        if suffix == ".webp":
            pictures[0].save(temporary, "WEBP", append_images=pictures[1:], quality=80, method=4, **settings)
        else:
            pictures = [picture.quantize(256, dither=Image.Dither.NONE) for picture in pictures]
            pictures[0].save(temporary, "GIF", append_images=pictures[1:], **settings)


def _save_mp4(path, frames, seconds):
    """Frames -> an mp4 in VP9, which browsers play; if this OpenCV lacks it, in MPEG-4 part 2, which players know."""
    import cv2

    height, width = (side + side % 2 for side in frames[0].shape[:2])  # the codecs need even sides
    for codec in ("vp09", "mp4v"):
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 1 / seconds, (width, height))
        if writer.isOpened():
            break
    else:
        raise Problem("this OpenCV cannot write mp4: name a .webp or a .gif instead")
    for frame in frames:
        grown = np.pad(frame, ((0, height - frame.shape[0]), (0, width - frame.shape[1]), (0, 0)), mode="edge")
        writer.write(np.ascontiguousarray(np.repeat(grown, 3 // frame.shape[2], axis=2)[..., ::-1]))
    writer.release()


def grid(pixels: np.ndarray, columns: int | None = None) -> np.ndarray:
    """uint8 (N, H, W, C) -> uint8 (rows * H, columns * W, C), row by row; empty places are white.

    Without `columns`, the grid is as wide as high or a little wider: 48 pictures make 8 columns and 6 rows.
    """
    n, height, width, channels = pixels.shape
    columns = columns or best_columns(n)
    rows = -(-n // columns)
    sheet = np.full((rows * columns, height, width, channels), 255, np.uint8)
    sheet[:n] = pixels
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, channels)


def best_columns(n: int) -> int:
    """A number of pictures -> the columns of a grid without empty places that is at most twice as wide as high.

    If there is none, the columns of the grid that is nearest to a square.
    """
    square = int(np.ceil(np.sqrt(n)))
    full = [c for c in range(square, int(np.sqrt(2 * n)) + 1) if n % c == 0]
    return full[0] if full else square
