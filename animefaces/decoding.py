"""Picture files -> Pillow images, with a limit on the memory that a hostile file can take.

A file that is whole in its pixels is read, whatever else it lacks: see `_without_end` and `_without_notes`.
"""

import contextlib
import io
import random
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from animefaces import formats
from animefaces.formats import HEAD, NoPicture

MAX_PIXELS = 100_000_000  # a picture is decoded to no more; a JPEG of more is opened at a half, a quarter or an eighth
MAX_OPENED = 256_000_000  # pixels that the header of a file may claim: a phone's JPEG has up to 200 million
TOO_MANY = "too many pixels: make the picture smaller"
CUT_SHORT = "the file is cut short: copy or download it again"

Image.MAX_IMAGE_PIXELS = MAX_OPENED // 2  # Pillow refuses twice as many
# What is packed in a PNG beside its pixels, texts and a colour profile, unpacks to no more than this many bytes.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf")  # the chunks of a PNG that the picture needs

File = str | Path | BinaryIO


@contextlib.contextmanager
def decoded(file: File, size: int | None = None) -> Iterator[Image.Image]:
    """A picture file, a path or an open one -> its Pillow image with its pixels, to be used with `with`.

    A JPEG may come at a fraction of its size: with `size`, if it has more than twice as many pixels on each side;
    always, if it has more than MAX_PIXELS. Raises OSError or ValueError if there are no pixels to be had.
    """
    with opened(file) as image:
        _shrink(image, size)
        try:
            image.load()
        except ValueError as fault:
            if image.format != "HEIF":
                raise
            if "end of file" in str(fault):
                raise ValueError(CUT_SHORT) from fault
            raise OSError(str(fault)) from fault
        except OSError as fault:
            if "truncated" not in str(fault):
                raise
            if image.format not in ("JPEG", "MPO"):
                raise ValueError(CUT_SHORT) from fault
            image = _without_end(_content(file), size)
        yield image


@contextlib.contextmanager
def opened(file: File) -> Iterator[Image.Image]:
    """A picture file -> its Pillow image, to be used with `with`. Every fault of it is an OSError or a ValueError.

    A file of another format than those in formats.PICTURES is a NoPicture: Pillow is not asked what it is.
    """
    head = _content(file, HEAD)
    name = formats.picture_format(head)
    if not name:
        raise NoPicture(formats.described(head))
    with _QUIET:
        try:
            with _image(file, name) as image:
                yield image
        except UnidentifiedImageError as fault:  # its text names our file object, which says nothing to anybody
            raise NoPicture(f"{name} of a kind that cannot be read, or damaged: save it as PNG") from fault
        except Image.DecompressionBombError as fault:
            raise ValueError(TOO_MANY) from fault
        except (ValueError, MemoryError, ImportError):
            raise
        except Exception as fault:  # on damaged files a fuzzer met SyntaxError, struct.error, TypeError and more
            if isinstance(fault, OSError) and fault.errno is not None:
                raise  # of the disk
            raise OSError(f"damaged ({' '.join(str(fault).split()) or type(fault).__name__})") from fault


def _image(file, name):
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    try:
        return Image.open(file, formats=[name])
    except (UnidentifiedImageError, ValueError):  # a ValueError: a text unpacks to more than Pillow's limit
        if name != "PNG":
            raise
        return Image.open(io.BytesIO(_without_notes(_content(file))), formats=[name])


def _content(file, size=-1):
    if isinstance(file, str | Path):
        with open(file, "rb") as content:
            return content.read(size)
    file.seek(0)
    content = file.read(size)
    file.seek(0)
    return content


def _shrink(image, size):
    """Make a JPEG open at a fraction of its size. Raises ValueError if the image is too large all the same."""
    if image.format in ("JPEG", "MPO"):
        sides = width, height = image.size
        for divisor in (2, 4, 8):
            if width * height > MAX_PIXELS * (divisor / 2) ** 2:
                sides = width // divisor, height // divisor
        image.draft(None, tuple(min(side, 2 * size) for side in sides) if size else sides)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(TOO_MANY)


def _without_end(data, size):
    """The bytes of a JPEG that lacks its end -> its image. Raises ValueError if pixels are missing.

    Bytes at random are put at its end, again and again. If the image is always the same, its pixels were whole. (A
    decoder makes missing pixels grey, and does not tell.) In a JPEG with restart markers, the decoder may wait for one
    of the eight before it reads on: so each of them is put there as well.
    """
    if not _has_all_scans(data):
        raise ValueError(CUT_SHORT)
    data = data.rstrip(b"\xff")
    noises = [random.Random(seed).randbytes(256).replace(b"\xff", b"\x7f") for seed in range(4)]
    if b"\xff\xdd\0\4" in data:
        noises += [noises[0] + bytes([0xFF, 0xD0 + marker]) + noises[0] for marker in range(8)]
    first = None
    for noise in noises:
        try:
            with Image.open(io.BytesIO(data + noise + b"\xff\xd9"), formats=["JPEG"]) as image:
                _shrink(image, size)
                image.load()
        except OSError as fault:
            raise ValueError(CUT_SHORT) from fault
        first = first or image
        if image.tobytes() != first.tobytes():
            raise ValueError(CUT_SHORT)
    return first


def _has_all_scans(data):
    """The bytes of a JPEG -> whether there is a scan for the last bit of every coefficient of every component.

    A progressive JPEG has about ten scans, each finer than the one before.
    """
    place, missing = 2, set()
    while (start := data.find(b"\xff", place)) >= 0 and len(data) > start + 10:
        kind, length = data[start + 1], int.from_bytes(data[start + 2 : start + 4])
        place = start + 2
        if kind in (0x00, 0xFF) or 0xD0 <= kind <= 0xD9:  # within a scan
            continue
        place += length
        if kind in (0xC0, 0xC1, 0xC2):  # the header of the frame, with three bytes for each component
            missing = {(c, k) for c in data[start + 10 : start + 10 + 3 * data[start + 9] : 3] for k in range(64)}
        if kind == 0xDA:  # the header of a scan, with two bytes for each component
            *components, first, last, bits = data[start + 5 : place]
            if not bits & 15:
                missing -= {(c, k) for c in components[::2] for k in range(first, last + 1)}
    return not missing


def _without_notes(data):
    """The bytes of a PNG -> the same without texts, colour profile and all else that is no pixel and no EXIF."""
    kept, place = [data[:8]], 8
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        if name in _PIXELS:
            kept.append(data[place : place + 12 + length])
        place += 12 + length
    return b"".join(kept)


class _Quiet:
    """Turns off warnings while any thread is inside: Pillow warns of odd metadata, and only the pixels count here.

    `warnings.catch_warnings` alone is for one thread. If two threads overlapped, the second one would leave the
    warnings off for good.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0
        self._off: Any = None

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
