"""What a file is, as its first bytes say. Its name may lie: a browser saves an error page as photo.jpg.

Pillow opens a file as the one format that its first bytes say. Asked to guess, it would run Ghostscript on an EPS.
"""

import re

HEAD = 512  # bytes that are enough to know a file by

# Pillow's name of each format that is read -> (endings of its files, how its files begin).
PICTURES = {
    "JPEG": (".jpg .jpeg .jpe .jfif .mpo", rb"\xff\xd8\xff"),
    "PNG": (".png .apng", rb"\x89PNG\r\n\x1a\n"),
    "WEBP": (".webp", rb"RIFF....WEBP"),
    "AVIF": (".avif", rb"....ftyp(?=.{0,200}?avi[fs])"),
    "HEIF": (".heic .heif .hif", rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)"),  # a phone's photos
    "GIF": (".gif", rb"GIF8[79]a"),
    "BMP": (".bmp", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    "TIFF": (".tif .tiff", rb"II[*+]\0|MM\0[*+]"),
    "ICO": (".ico", rb"\0\0\x01\0[^\0]\0"),
    "JPEG2000": (".jp2 .j2k", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    "PPM": (".ppm .pgm .pbm .pnm", rb"P[1-6]\s(\s|#[^\n]*\n)*\d+\s"),
}
SUFFIXES = frozenset(suffix for suffixes, _ in PICTURES.values() for suffix in suffixes.split())

_UNPACK = "unpack it or make a zip of it"
# What else people have among their pictures: how it begins -> words for it.
_OTHERS = {
    rb"\Z": "an empty file",
    rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |FLV\x01|\0\0\x01[\xb3\xba]": "a video",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "JPEG XL: save it as PNG",
    rb"8BPS": "a Photoshop file: save it as PNG",
    rb"gimp xcf": "a GIMP file: save it as PNG",
    rb"%PDF": "a PDF: save its pages as PNG",
    rb"%!PS|\xc5\xd0\xd3\xc6": "EPS: save it as PNG",
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b": "an HTML page",
    rb"(?=.*<svg\b)(\xef\xbb\xbf)?\s*<": "SVG: save it as PNG",
    rb"version https://git-lfs": "a pointer of Git LFS: run git lfs pull",
    rb"PK(\x03\x04|\x05\x06|\x07\x08)": "a zip with another ending: if it holds pictures, name it .zip",
    rb"Rar!": f"a rar archive: {_UNPACK}",
    rb"7z\xbc\xaf": f"a 7z archive: {_UNPACK}",
    rb".{257}ustar": f"a tar archive: {_UNPACK}",
    rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd": f"packed, as tar.gz files are: {_UNPACK}",
    rb"\x93NUMPY": "an array: name the file itself",
    rb"\xff\xfe|\xfe\xff|[^\0-\x08\x0e-\x1a\x1c-\x1f]+\Z": "text",
}
_FLAGS = re.DOTALL | re.IGNORECASE
_PICTURES = [(name, re.compile(begins, re.DOTALL)) for name, (_, begins) in PICTURES.items()]
_WORDS = [(re.compile(begins, _FLAGS), words) for begins, words in _OTHERS.items()]


class NoPicture(ValueError):
    """A file is no picture that can be read. The text says what it is, and what to do if anything can be done."""


def picture_format(head: bytes) -> str | None:
    """The first HEAD bytes of a file -> the name of its format in PICTURES; None if it is no such picture."""
    return next((name for name, begins in _PICTURES if begins.match(head)), None)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def described(head: bytes) -> str:
    """The first HEAD bytes of a file that is no picture -> what it is: "an HTML page", "JPEG XL: save it as PNG"."""
    return next((words for begins, words in _WORDS if begins.match(head)), "no picture, or one of an unknown format")
