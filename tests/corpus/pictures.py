"""Picture files of every format and fault."""

import functools
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from tests.corpus import made, profiles, readers
from tests.corpus.case import Case, Wrong, must, run
from tests.corpus.made import GREY, RIGHT, encoded, image, picture

USED, EITHER, THIN = "used", "either", "thin"
NEAR = 14.0  # levels of 255: how far the mean of a quarter may be from the right one


@dataclass(frozen=True)
class Picture:
    """A file, and what must become of it.

    `expected`: USED; EITHER used with the right pixels or refused by its name; THIN, too small for preprocess.py; or
    else the words that the refusal must have, "|" between choices. `right`: the quarters of its pixels.
    """

    kind: str
    what: str
    file: str
    make: Callable[[], bytes]
    expected: str = USED
    right: Any = None
    near: float = NEAR
    short: bool = False


def catalogue() -> Iterator[Picture]:
    """All pictures; each has its number in its file's name, so that no two are mixed up."""
    number = 0
    for kind, entries in (("formats", _formats()), ("endings", _endings()), ("modes", _modes()), ("notes", _notes()),
                          ("orientation", _orientations()), ("profiles", _profiles()), ("cut", _cut()),
                          ("sizes", _sizes()), ("no pictures", _foreign())):  # fmt: skip
        for what, ending, make, *rest in entries:
            settings = rest[0] if rest else {}
            yield Picture(f"pictures: {kind}", what, f"{number:03d}{ending}", functools.cache(make), **settings)
            number += 1


def _formats():
    def writes(kind, of=None, **settings):
        return lambda: encoded(kind, of, **settings)

    several = {"save_all": True}  # `made.encoded` adds two frames
    yield "PNG", ".png", writes("PNG"), {"short": True}
    yield "JPEG", ".jpg", writes("JPEG", quality=95), {"short": True}
    yield "JPEG, progressive", ".jpg", writes("JPEG", quality=90, progressive=True)
    yield "JPEG with restart markers", ".jpg", writes("JPEG", quality=90, restart_marker_rows=1)
    yield "JPEG of quality 10", ".jpg", writes("JPEG", quality=10), {"near": 30.0}
    yield "JPEG 4:4:4", ".jpeg", writes("JPEG", quality=90, subsampling=0)
    yield "WebP", ".webp", writes("WEBP", quality=90), {"short": True}
    yield "WebP, lossless", ".webp", writes("WEBP", lossless=True)
    yield "WebP, animated", ".webp", writes("WEBP", lossless=True, **several)
    yield "AVIF", ".avif", writes("AVIF", quality=90), {"short": True}
    yield "AVIF, animated", ".avif", writes("AVIF", quality=90, **several)
    yield "HEIC", ".heic", writes("HEIF", quality=90), {"short": True}
    yield "HEIC of several pictures", ".heic", writes("HEIF", quality=90, **several)
    yield "GIF", ".gif", writes("GIF"), {"near": 25.0}
    yield "GIF, animated", ".gif", writes("GIF", **several), {"near": 25.0}
    yield "BMP", ".bmp", writes("BMP")
    yield "BMP, 8 bits", ".bmp", writes("BMP", image(mode="P")), {"near": 40.0}
    yield "BMP, 1 bit", ".bmp", writes("BMP", image(mode="1")), {"right": GREY, "near": 30.0}
    yield "BMP, 32 bits", ".bmp", writes("BMP", image(mode="RGBA"))
    yield "DIB", ".dib", writes("DIB"), {"expected": EITHER}
    yield "MPO of two pictures", ".mpo", writes("MPO", quality=95, **several), {"short": True}
    yield "APNG", ".png", writes("PNG", **several)
    yield "TIFF", ".tif", writes("TIFF")
    for packing in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        yield f"TIFF, {packing}", ".tiff", writes("TIFF", compression=packing)
    yield "TIFF, fax", ".tiff", writes("TIFF", image(mode="1"), compression="group4"), {"right": GREY, "near": 30.0}
    yield "TIFF of three pages", ".tif", writes("TIFF", **several)
    yield "BigTIFF", ".tif", writes("TIFF", big_tiff=True)
    for kind, ending in (("PPM", ".ppm"), ("TGA", ".tga"), ("PCX", ".pcx"), ("ICO", ".ico"), ("ICNS", ".icns"),
                         ("JPEG2000", ".jp2"), ("QOI", ".qoi"), ("SGI", ".sgi"), ("DDS", ".dds"), ("IM", ".im"),
                         ("SPIDER", ".spi"), ("XBM", ".xbm"), ("MSP", ".msp"), ("BLP", ".blp")):  # fmt: skip
        mode = {"SPIDER": "F", "XBM": "1", "MSP": "1", "BLP": "P"}.get(kind, "RGB")
        right, near = (RIGHT, NEAR) if mode == "RGB" else (GREY, 40.0)
        yield kind, ending, writes(kind, image(mode=mode)), {"expected": EITHER, "right": right, "near": near}
    yield (
        "EPS, which would start another program",
        ".eps",
        writes("EPS"),
        {"expected": "EPS|PostScript|unknown format|no picture"},
    )
    yield "PDF", ".pdf", writes("PDF"), {"expected": "PDF|unknown format|no picture"}


def _endings():
    jpeg, png, webp = encoded("JPEG", quality=95), encoded("PNG"), encoded("WEBP", lossless=True)
    avif, mpo = encoded("AVIF", quality=90), encoded("MPO", quality=95, save_all=True)
    heic = encoded("HEIF", quality=90)
    for ending, data in ((".jfif", jpeg), (".jpe", jpeg), (".apng", png), ("", jpeg), (".jpg?width=600", jpeg),
                         (".JPG", jpeg), (".JPeG", jpeg), (".PNG", png), (".png", jpeg), (".jpg", png), (".gif", webp),
                         (".bmp", avif), (".jpg", mpo), (".webp", png), (".tiff", jpeg), (".jpg_large", jpeg),
                         (".png.1", png), (".jpg!d", jpeg), (".image", webp), (".webp&s=1", webp),
                         (".jpg:large", jpeg), (".pjpeg", jpeg), (".HEIC", heic), (".jpg", heic),
                         (".heic", jpeg)):  # fmt: skip
        what = {id(jpeg): "JPEG", id(png): "PNG", id(webp): "WebP", id(avif): "AVIF", id(mpo): "MPO",
                id(heic): "HEIC"}[id(data)]  # fmt: skip
        short = ending in (".jfif", "", ".jpg?width=600")
        yield f"a {what} named {ending or 'without an ending'}", ending, lambda data=data: data, {"short": short}
    yield "a JPEG named .txt", ".txt", lambda: jpeg, {"expected": EITHER}
    yield "a JPEG named .", ".", lambda: jpeg, {"expected": EITHER}


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, depth: int = 8, interlaced: bool = False, extra: bytes = b"", end: bool = True) -> bytes:
    """uint8 or uint16 (H, W, C) -> a PNG, of the forms that Pillow does not write."""
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        for row in pixels[top::down, left::right]:
            rows += b"\0" + row.astype(">u2" if depth == 16 else np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + (chunk(b"IEND", b"") if end else b"")


def _deep(pixels):
    return pixels.astype(np.uint16) * 257


def _transparent():
    """The picture whose right half is transparent; the colour below is black."""
    pixels = np.dstack([picture(), np.full((64, 64), 255, np.uint8)])
    pixels[:, 32:] = 0
    return Image.fromarray(pixels)


WHITE_RIGHT = np.array(RIGHT)
WHITE_RIGHT[:, 1] = 255
TIFF16 = {"right": GREY, "near": NEAR}


def _modes():
    def writes(kind, of, **settings):
        return lambda: encoded(kind, of(), **settings)

    def mode(name):
        return lambda: image(mode=name)

    def grey(change):
        return lambda: Image.fromarray(change(np.asarray(image(mode="L"))))

    yield "PNG, grey", ".png", writes("PNG", mode("L")), {"right": GREY}
    yield "PNG, 1 bit", ".png", writes("PNG", mode("1")), {"right": GREY, "near": 30.0}
    yield "PNG, palette", ".png", writes("PNG", lambda: image().quantize(256))
    yield "PNG, palette of 16", ".png", writes("PNG", lambda: image().quantize(16), bits=4), {"near": 25.0}
    yield "PNG, palette with transparency", ".png", writes("PNG", lambda: _transparent().quantize(64)), {
        "right": WHITE_RIGHT, "near": 30.0, "short": True}  # fmt: skip
    yield "PNG, RGBA", ".png", writes("PNG", _transparent), {"right": WHITE_RIGHT, "short": True}
    grey_half = np.repeat((WHITE_RIGHT @ [0.299, 0.587, 0.114])[..., None], 3, 2)
    yield "PNG, LA", ".png", writes("PNG", lambda: _transparent().convert("LA")), {"right": grey_half, "short": True}
    yield "PNG, one colour transparent", ".png", writes(
        "PNG", lambda: Image.fromarray(np.asarray(_transparent())[..., :3]), transparency=(0, 0, 0)), {
        "right": WHITE_RIGHT, "near": 22.0}  # fmt: skip
    yield "WebP with transparency", ".webp", writes("WEBP", _transparent, lossless=True), {"right": WHITE_RIGHT}
    yield "GIF with transparency", ".gif", writes("GIF", _transparent), {"right": WHITE_RIGHT, "near": 30.0}
    yield "AVIF with transparency", ".avif", writes("AVIF", _transparent, quality=95), {"right": WHITE_RIGHT}
    yield "HEIC with transparency", ".heic", writes("HEIF", _transparent, quality=95), {"right": WHITE_RIGHT}
    yield "TIFF with transparency", ".tif", writes("TIFF", _transparent), {"right": WHITE_RIGHT}
    yield "PNG, 16 bits grey", ".png", writes("PNG", grey(_deep)), {"right": GREY, "short": True}
    yield "PNG, 16 bits colour", ".png", lambda: png(_deep(picture()), 16), {"short": True}
    yield "PNG, 16 bits with transparency", ".png", lambda: png(_deep(np.asarray(_transparent())), 16), {
        "right": WHITE_RIGHT}  # fmt: skip
    yield "PNG, interlaced", ".png", lambda: png(picture(), interlaced=True), {"short": True}
    yield "PNG, interlaced, 16 bits", ".png", lambda: png(_deep(picture()), 16, interlaced=True)
    yield "JPEG, grey", ".jpg", writes("JPEG", mode("L"), quality=95), {"right": GREY}
    yield "JPEG, CMYK", ".jpg", writes("JPEG", mode("CMYK"), quality=95), {"short": True}
    yield "TIFF, CMYK", ".tif", writes("TIFF", mode("CMYK"))
    yield "TIFF, Lab", ".tif", writes("TIFF", lambda: _lab()), {"expected": EITHER, "near": 25.0}
    yield "TIFF, YCbCr", ".tif", writes("TIFF", mode("YCbCr")), {"near": 20.0}
    yield "TIFF, palette", ".tif", writes("TIFF", lambda: image().quantize(256))
    yield "TIFF, 16 bits grey", ".tif", writes("TIFF", grey(_deep)), {"right": GREY}
    yield "TIFF, 32 bits whole numbers to 255", ".tif", writes("TIFF", grey(lambda p: p.astype(np.int32))), {
        "right": GREY}  # fmt: skip
    yield "TIFF, float from 0 to 1", ".tif", writes("TIFF", grey(lambda p: p.astype(np.float32) / 255)), {
        "right": GREY, "short": True}  # fmt: skip
    yield "TIFF, float from 0 to 255", ".tif", writes("TIFF", grey(lambda p: p.astype(np.float32))), {"right": GREY}
    yield "TIFF, float from -1 to 1", ".tif", writes("TIFF", grey(lambda p: p.astype(np.float32) / 127.5 - 1)), {
        "expected": EITHER, "right": GREY}  # fmt: skip
    yield "TIFF, float with values that are no numbers", ".tif", writes(
        "TIFF", grey(lambda p: np.where(p == 255, np.nan, p.astype(np.float32)))), {
        "expected": EITHER, "right": GREY, "near": 25.0}  # fmt: skip
    yield "TIFF, all values infinite", ".tif", writes("TIFF", grey(lambda p: np.full(p.shape, np.inf, np.float32))), {
        "expected": EITHER, "near": 255.0}  # fmt: skip


def _lab():
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return ImageCms.applyTransform(image(), to_lab)


def _notes():
    def text(size, packed=False):
        info = PngImagePlugin.PngInfo()
        info.add_text("prompt", "masterpiece, " * (size // 13), zip=packed)
        return lambda: encoded("PNG", pnginfo=info)

    yield "PNG with a text of 3 MB", ".png", text(3 << 20), {"short": True}
    yield "PNG with a packed text of 3 MB", ".png", text(3 << 20, True), {"short": True}
    yield "PNG with a packed text of 100 MB", ".png", text(100 << 20, True)
    packed = zlib.compress(b"a" * 10**6)
    yield "PNG with many texts, together 70 MB", ".png", lambda: png(
        picture(), extra=b"".join(chunk(b"zTXt", b"k%d\0\0" % i + packed) for i in range(70))
    )  # fmt: skip
    yield "PNG with a colour profile of 4 MB", ".png", lambda: encoded("PNG", icc_profile=profiles.srgb(4 << 20)), {
        "short": True}  # fmt: skip
    yield "PNG with a packed profile that is a bomb", ".png", lambda: png(
        picture(), extra=chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(200 << 20))))  # fmt: skip
    yield "PNG with an unknown chunk", ".png", lambda: png(picture(), extra=chunk(b"abCd", bytes(1000)))
    yield "PNG with a wrong sum in an unused chunk", ".png", lambda: png(
        picture(), extra=chunk(b"tEXt", b"a\0b")[:-1] + b"?"), {"expected": EITHER}  # fmt: skip
    yield "PNG with bytes after its end", ".png", lambda: encoded("PNG") + bytes(5000)
    yield "PNG without its end", ".png", lambda: png(picture(), end=False)
    yield "JPEG with bytes after its end", ".jpg", lambda: encoded("JPEG", quality=95) + b"<html>" * 500
    yield "JPEG with a comment of 60 KB", ".jpg", lambda: encoded("JPEG", quality=95, comment=b"x" * 60000)
    yield "JPEG with a colour profile of 3 MB", ".jpg", lambda: encoded(
        "JPEG", quality=95, icc_profile=profiles.srgb(3 << 20)), {"short": True}  # fmt: skip
    yield "JPEG with an EXIF of 60 KB", ".jpg", lambda: encoded("JPEG", quality=95, exif=_exif(270, "x" * 60000))
    yield "JPEG with an EXIF that is no EXIF", ".jpg", lambda: encoded("JPEG", quality=95, exif=b"Exif\0\0garbage" * 9)
    yield "WebP with a broken EXIF", ".webp", lambda: encoded("WEBP", lossless=True, exif=b"Exif\0\0II*\0\xff\xff\xff")
    yield "PNG with a broken EXIF", ".png", lambda: png(picture(), extra=chunk(b"eXIf", b"II*\0\xff\xff\xff\xff\1"))
    yield "TIFF with tags of a wrong type", ".tif", lambda: encoded("TIFF", tiffinfo={270: "x" * 70000, 315: "\xe9"})


def _exif(tag, value):
    exif = Image.Exif()
    exif[tag] = value
    return exif.tobytes()


def turned(number: int) -> Image.Image:
    """The picture as a camera stores it that writes this orientation, 1 to 8: whoever obeys it sees the picture."""
    how = Image.Transpose
    back = {2: how.FLIP_LEFT_RIGHT, 3: how.ROTATE_180, 4: how.FLIP_TOP_BOTTOM, 5: how.TRANSPOSE, 6: how.ROTATE_90,
            7: how.TRANSVERSE, 8: how.ROTATE_270}  # fmt: skip
    return image().transpose(back[number]) if number in back else image()


def _orientations():
    def writes(kind, number, of=None, **settings):
        return lambda: encoded(kind, turned(of if of is not None else number), exif=_exif(274, number), **settings)

    for number in range(1, 9):
        yield f"JPEG, orientation {number}", ".jpg", writes("JPEG", number, quality=95), {"short": number in (3, 6)}
    for number in (0, 9, 255, 65535):
        yield f"JPEG, orientation {number}, which means nothing", ".jpg", writes("JPEG", number, 1, quality=95)
    yield "PNG, orientation 6", ".png", writes("PNG", 6)
    yield "WebP, orientation 6", ".webp", writes("WEBP", 6, lossless=True)
    yield "TIFF, orientation 6", ".tif", lambda: encoded("TIFF", turned(6), tiffinfo={274: 6})
    yield "AVIF, orientation 6", ".avif", writes("AVIF", 6, quality=95)
    for number in (3, 6, 8):
        yield f"HEIC, orientation {number}", ".heic", writes("HEIF", number, quality=95), {"short": number == 6}


def _profiles():
    def writes(kind, profile, of=None, **settings):
        return lambda: encoded(kind, of() if of else None, icc_profile=profile, **settings)

    yield "JPEG in sRGB, which says so", ".jpg", writes("JPEG", profiles.srgb(), quality=95)
    for kind, ending, settings in (("JPEG", ".jpg", {"quality": 97, "subsampling": 0}), ("PNG", ".png", {}),
                                   ("WEBP", ".webp", {"lossless": True}), ("TIFF", ".tif", {}),
                                   ("AVIF", ".avif", {"quality": 97, "subsampling": "4:4:4"}),
                                   ("HEIF", ".heic", {"quality": 97, "chroma": 444})):  # fmt: skip
        yield f"{kind} in the colours of a phone (P3)", ending, writes(
            kind, profiles.p3(), lambda: Image.fromarray(profiles.to_p3(picture())), **settings), {
            "near": 7.0, "short": kind == "JPEG"}  # fmt: skip
    yield "PNG, RGBA in P3", ".png", writes(
        "PNG", profiles.p3(), lambda: Image.merge("RGBA", [*Image.fromarray(profiles.to_p3(picture())).split(),
                                                         Image.new("L", (64, 64), 255)])), {"near": 7.0}  # fmt: skip
    yield "JPEG, a profile that is none", ".jpg", writes("JPEG", b"no profile at all" * 20, quality=95)
    yield "JPEG, a profile that is cut", ".jpg", writes("JPEG", profiles.p3()[:200], quality=95)
    yield "PNG, an empty profile", ".png", lambda: png(picture(), extra=chunk(b"iCCP", b"icc\0\0"))
    yield "JPEG, grey with a profile for colours", ".jpg", writes("JPEG", profiles.p3(), lambda: image(mode="L")), {
        "right": GREY}  # fmt: skip
    yield "JPEG, CMYK with a profile for RGB", ".jpg", writes("JPEG", profiles.p3(), lambda: image(mode="CMYK")), {
        "near": 25.0}  # fmt: skip
    yield "PNG, 16 bits grey with a profile for colours", ".png", writes(
        "PNG", profiles.p3(), lambda: Image.fromarray(_deep(np.asarray(image(mode="L"))))), {"right": GREY}  # fmt: skip


def _cut():
    def part(data, keep):
        return lambda: data()[:keep] if isinstance(keep, int) else data()[: int(len(data()) * keep)]

    jpeg = functools.cache(lambda: encoded("JPEG", image(200, 200), quality=90))
    progressive = functools.cache(lambda: encoded("JPEG", image(200, 200), quality=90, progressive=True))
    damaged = {"expected": "damaged|broken|cut|truncated|incomplete|not whole"}
    for what, data in (("JPEG", jpeg), ("progressive JPEG", progressive)):
        yield f"{what} without its last 2 bytes", ".jpg", part(data, -2), {"short": True}
        yield f"{what} without its last byte", ".jpg", part(data, -1)
        for lost in (3, 10, 50):
            yield f"{what} without its last {lost} bytes", ".jpg", part(data, -lost), {"expected": EITHER}
        for keep in (0.95, 0.9, 0.75, 0.5, 0.25, 0.1):
            yield (
                f"{what}, the first {keep:.0%}",
                ".jpg",
                part(data, keep),
                {**damaged, "short": (what, keep) == ("JPEG", 0.5)},
            )
        for keep in (600, 200, 20, 3, 2):
            yield f"{what}, the first {keep} bytes", ".jpg", part(data, keep), {"expected": ""}
    for kind, ending, settings in (("PNG", ".png", {}), ("WEBP", ".webp", {}), ("GIF", ".gif", {}), ("BMP", ".bmp", {}),
                                   ("TIFF", ".tif", {"compression": "tiff_lzw"}), ("AVIF", ".avif", {}),
                                   ("HEIF", ".heic", {})):  # fmt: skip
        data = functools.cache(lambda kind=kind, settings=settings: encoded(kind, image(200, 200), **settings))
        for keep in (0.9, 0.5, 0.1):
            # The start of a GIF may well be a picture; half of one is not.
            yield f"{kind}, the first {keep:.0%}", ending, part(data, keep), {"expected": ""}
        yield f"{kind}, the first 8 bytes", ending, part(data, 8), {"expected": ""}
    yield "PNG with a flipped bit in its pixels", ".png", lambda: _flipped(encoded("PNG", image(200, 200))), {
        "expected": ""}  # fmt: skip
    yield "JPEG with a flipped bit in its pixels", ".jpg", lambda: _flipped(jpeg()), {"expected": EITHER, "near": 255.0}
    yield "JPEG whose middle is zeros", ".jpg", lambda: _holed(jpeg()), {"expected": EITHER, "near": 255.0}


def _flipped(data):
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return bytes(changed)


def _holed(data):
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


def _sizes():
    for width, height in ((1, 900), (900, 1), (8, 1700), (1700, 8), (1, 1), (2, 2), (7, 7), (1, 20000)):
        yield f"{width}x{height} pixels", ".png", lambda w=width, h=height: encoded("PNG", image(w, h)), {
            "expected": THIN, "short": (width, height) in ((1, 900), (1, 1))}  # fmt: skip
    yield "8x1700 pixels, JPEG", ".jpg", lambda: encoded("JPEG", image(8, 1700)), {"expected": THIN, "short": True}
    wide = {"right": np.repeat(RIGHT.mean(0, keepdims=True), 2, 0), "expected": EITHER, "near": 255.0}
    yield "16x1700 pixels", ".png", lambda: encoded("PNG", image(16, 1700)), wide
    yield "3000x40 pixels, a banner", ".png", lambda: encoded("PNG", image(3000, 40)), wide
    flat = {"near": 20.0}
    yield "JPEG of 108 megapixels, as phones make them", ".jpg", lambda: encoded("JPEG", image(12000, 9000)), flat
    yield "JPEG of 200 megapixels, as phones make them", ".jpg", lambda: encoded("JPEG", image(16320, 12240)), {
        "expected": EITHER, **flat}  # fmt: skip
    yield "PNG of 108 megapixels", ".png", lambda: encoded("PNG", image(12000, 9000), compress_level=1), {
        "expected": EITHER, **flat}  # fmt: skip
    header = struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0)
    small = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    yield "a PNG that says it has 50,000x50,000 pixels", ".png", lambda: small, {"expected": "pixels", "short": True}
    yield "a GIF that says it has 65,535x65,535 pixels", ".gif", lambda: _resized(
        encoded("GIF"), 6, "<HH", 65535, 65535), {"expected": "pixels"}  # fmt: skip
    yield "a BMP that says it has 60,000x60,000 pixels", ".bmp", lambda: _resized(
        encoded("BMP"), 18, "<ii", 60000, 60000), {"expected": "pixels"}  # fmt: skip
    yield "a JPEG that says it has 65,500x65,500 pixels", ".jpg", lambda: _resized(
        encoded("JPEG"), encoded("JPEG").index(b"\xff\xc0") + 5, ">HH", 65500, 65500), {"expected": ""}  # fmt: skip
    yield "a HEIC that says it has 50,000x50,000 pixels", ".heic", lambda: _resized(
        encoded("HEIF"), encoded("HEIF").index(b"ispe") + 8, ">II", 50000, 50000), {"expected": "pixels"}  # fmt: skip
    yield "a PNG that says it has no pixels", ".png", lambda: _resized(encoded("PNG"), 16, ">II", 0, 0), {
        "expected": ""}  # fmt: skip
    yield "a PNG of 100,000x1 pixels", ".png", lambda: encoded("PNG", image(100000, 1)), {"expected": THIN}
    yield "a WebP of 16,383x1 pixels", ".webp", lambda: encoded("WEBP", image(16383, 1)), {"expected": THIN}


def _resized(data, place, form, *sizes):
    new = struct.pack(form, *sizes)
    return data[:place] + new + data[place + len(new) :]


HTML = b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>\n"
JPEG_XL = b"\xff\x0a" + np.random.default_rng(0).bytes(500)


def _foreign():
    def of(data):
        return lambda: data

    noise = np.random.default_rng(0).bytes(4096)
    yield "an HTML page", ".jpg", of(HTML), {"expected": "HTML", "short": True}
    yield "an HTML page without a doctype", ".png", of(b"\n\n  <html lang=en><body>sorry"), {"expected": "HTML"}
    yield "an HTML page with a mark at its start", ".webp", of(b"\xef\xbb\xbf" + HTML), {"expected": "HTML"}
    yield "HEIC without a picture", ".heic", of(struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic"), {
        "expected": "HEIF"}  # fmt: skip
    yield "an empty file", ".jpg", of(b""), {"expected": "empty|no bytes|0 bytes", "short": True}
    yield "one byte", ".png", of(b"x"), {"expected": ""}
    yield "4 KB of zeros", ".jpg", of(bytes(4096)), {"expected": ""}
    yield "4 KB of noise", ".jpg", of(noise), {"expected": ""}
    yield "text", ".png", of(b"hello\n" * 50), {"expected": ""}
    yield "a message of a site in JSON", ".jpg", of(b'{"error": "not found"}'), {"expected": ""}
    yield "a pointer of Git LFS", ".png", of(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"), {
        "expected": ""}  # fmt: skip
    yield "SVG", ".svg", of(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"), {"expected": ""}
    yield "SVG named .png", ".png", of(b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"), {
        "expected": ""}  # fmt: skip
    yield "PDF named .jpg", ".jpg", lambda: encoded("PDF"), {"expected": ""}
    yield "EPS named .png", ".png", lambda: encoded("EPS"), {"expected": ""}
    yield "a film named .gif", ".gif", of(struct.pack(">I", 24) + b"ftypisom" + bytes(4000)), {"expected": ""}
    yield "Photoshop", ".psd", of(b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 64, 64, 8, 3) + bytes(99)), {
        "expected": ""}  # fmt: skip
    yield "JPEG XL", ".jxl", of(JPEG_XL), {"expected": "JPEG XL", "short": True}
    yield "a camera's raw file", ".cr2", of(b"II*\0\x10\0\0\0CR\2\0" + noise[:500]), {"expected": ""}
    yield "a zip named .jpg", ".jpg", lambda: _zipped(), {"expected": ""}
    yield "a program named .png", ".png", of(b"\x7fELF" + noise[:500]), {"expected": ""}
    yield "a picture as text in base64", ".jpg", of(b"data:image/jpeg;base64,/9j/4AAQSkZJRg=="), {"expected": ""}


def _zipped():
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", encoded("PNG"))
    return file.getvalue()


def write(folder: Path, item: Picture) -> None:
    """Write a picture's file into a folder."""
    (folder / item.file).write_bytes(item.make())


def cases(short: bool = False) -> list[Case]:
    """Each picture with each of the three programs."""
    chosen = [item for item in catalogue() if item.short or not short]
    made_of = []
    for program in readers.READERS:
        together = readers.Together(program, write, chosen)
        for item in chosen:
            tried = functools.partial(_tried, program, item, together)
            made_of.append(Case(item.kind, f"{item.what} ({item.file}), {program}", tried, item.short))
    return made_of


def _tried(program, item, together):
    seen = together[item.file]
    if isinstance(seen, Exception):
        raise Wrong(str(seen)) from seen
    if seen is None:  # nobody looked into it, because of its ending: it must be named all the same
        must(item.expected != USED, "passed over, although it is whole")
        _named(program, item, "")
        return "refused"
    if not isinstance(seen, str):
        must(item.expected in (USED, EITHER, THIN), "is used, although it is no whole picture")
        right = RIGHT if item.right is None else item.right
        if (
            program == "encode.py" and np.ptp(right, axis=-1).max() < 1
        ):  # without colours it gets natural ones, as light as it is
            seen = np.repeat((seen @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
        if item.expected != THIN:
            off = np.abs(seen - right).max()
            must(off <= item.near, f"its pixels are wrong by {off:.0f} of 255:\n{seen.round().tolist()}\n"
                                   f"instead of\n{np.round(right).tolist()}")  # fmt: skip
        return "used"
    must(item.expected != USED, f"is refused, although it is whole: {seen}")
    words = "" if item.expected in (EITHER, THIN) else item.expected
    must(any(word.lower() in seen.lower() for word in words.split("|")), f"the line does not have {words!r}: {seen}")
    if program == "train.py" and item.expected not in (EITHER, THIN):
        _named(program, item, words)
    return "refused"


def _named(program, item, words):
    """Beside ten good pictures, the program must name the file that it leaves out, and say the words."""
    folder = made.good("set", 10)
    write(folder, item)
    if program == "train.py":
        done, faces = readers.train(folder)
        count = len(faces) if faces else 0
    else:
        done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
        count = len(list(Path("crops").glob("[!.]*.png")))
    must(done.code == 0 and count == 10, "the good pictures beside it are not used", done)
    lines = [line for line in done.said.splitlines() if item.file in line]
    must(lines, "passed over without a word", done)
    must(any(w.lower() in " ".join(lines).lower() for w in words.split("|")), f"the line has not {words!r}", done)
