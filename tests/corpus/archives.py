"""Zips of every fault, and other archives: each holds ten good pictures, where its fault lets it."""

import functools
import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

from tests.corpus import made, pictures, readers
from tests.corpus.case import Case, as_everybody, must, refused, run, warned

SHORT = (
    "plain",
    "Windows's backslashes",
    "one picture is encrypted",
    "cut in half",
    "an HTML page",
    "a member is a bomb",
)


def zipped(members=None, packing=zipfile.ZIP_DEFLATED, **more):
    """(name, data) of members, by default ten good pictures, then more -> the bytes of a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        members = [(f"{n}.png", data) for n, data in enumerate(made.bytes_of())] if members is None else members
        for name, data in [*members, *more.items()]:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            info.compress_type = packing
            archive.writestr(info, data)
    return file.getvalue()


def _names(change):
    return zipped([(change(n), data) for n, data in enumerate(made.bytes_of())])


def _raw_names(change):
    """A zip whose names are these bytes, all of one length: Python's zipfile would change them."""
    data = _names(lambda n: f"XXXXXXXX{n}.png")
    for number in range(10):
        data = data.replace(b"XXXXXXXX%d.png" % number, change(number))
    return data


def _flags(data, number, bits, method=None):
    """A zip in whose `number`-th member flag bits are set, or the method is changed, in both of its headers."""
    data = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        chosen = archive.infolist() if number is None else [archive.infolist()[number]]
        names, offsets = [i.filename.encode() for i in chosen], [i.header_offset for i in chosen]
    central = [data.index(b"PK\1\2")]
    while (place := data.find(b"PK\1\2", central[-1] + 4)) >= 0:
        central.append(place)
    for place in central:
        length = struct.unpack_from("<H", data, place + 28)[0]
        if bytes(data[place + 46 : place + 46 + length]) in names:
            _patch(data, place + 8, bits, method)
    for place in offsets:
        _patch(data, place + 6, bits, method)
    return bytes(data)


def _patch(data, place, bits, method):
    struct.pack_into("<H", data, place, struct.unpack_from("<H", data, place)[0] | bits)
    if method is not None:
        struct.pack_into("<H", data, place + 2, method)


def _wrong_sum(data):
    """A zip whose first picture has a wrong checksum."""
    data = bytearray(data)
    for mark, place in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        data[data.index(mark) + place] ^= 255
    return bytes(data)


def _zip64():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, data in enumerate(made.bytes_of()):
            with archive.open(f"{number}.png", "w", force_zip64=True) as member:
                member.write(data)
    return file.getvalue()


def _streamed():
    """As a program writes it that cannot go back: the sizes stand behind each member."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(made.bytes_of()):
            archive.writestr(f"{number}.png", data)
    return pipe.data


def _liar():
    """A member that says it has 1,000 bytes and has 64 MB."""
    size = 64 << 20
    data = zipped(**{"bomb.png": b"\x89PNG" + bytes(size - 4)})
    return data.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def _overlapping():
    """Many names for one and the same member."""
    picture = made.encoded("PNG")
    local = zipped([("a.png", picture)], zipfile.ZIP_STORED)
    start, end = local.index(b"PK\1\2"), local.index(b"PK\5\6")
    entry = local[start:end]
    entries = b"".join(entry.replace(b"a.png", b"%05d" % n + b"x.png"[:0]) for n in range(300))
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 300, 300, len(entries), start, 0)
    return local[:start] + entries + tail


def _links():
    info = zipfile.ZipInfo("link.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return zipped([*((f"{n}.png", data) for n, data in enumerate(made.bytes_of())), (info, b"/etc/passwd")])


def _directories():
    return zipped(
        [("sub/", b""), ("sub/deep/", b""), *((f"sub/deep/{n}.png", d) for n, d in enumerate(made.bytes_of()))]
    )


def _tar(mode):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for number, data in enumerate(made.bytes_of()):
            info = tarfile.TarInfo(f"{number}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _with_comment():
    file = io.BytesIO(zipped())
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"x" * 65535
    return file.getvalue()


MAC = {f"__MACOSX/._{n}.png": b"\0\5\x16\7" + bytes(200) for n in range(10)} | {".DS_Store": bytes(100)}
RAR, SEVEN = b"Rar!\x1a\x07\1\0" + bytes(500), b"7z\xbc\xaf\x27\x1c\0\4" + bytes(500)
# what, file name, bytes, pictures that must be used (None: it must be refused as a whole), words that must be said.
ARCHIVES = [
    ("plain", "set.zip", zipped, 10, ()),
    ("stored", "set.zip", lambda: zipped(packing=zipfile.ZIP_STORED), 10, ()),
    ("bzip2", "set.zip", lambda: zipped(packing=zipfile.ZIP_BZIP2), 10, ()),
    ("lzma", "set.zip", lambda: zipped(packing=zipfile.ZIP_LZMA), 10, ()),
    ("zip64", "set.zip", _zip64, 10, ()),
    ("written as a stream", "set.zip", _streamed, 10, ()),
    ("named .ZIP", "SET.ZIP", zipped, 10, ()),
    ("without an ending", "set", zipped, 10, ()),
    ("named .cbz", "set.cbz", zipped, 10, ()),
    ("with a comment of 64 KB", "set.zip", _with_comment, 10, ()),
    ("with a program before it", "set.zip", lambda: b"#!/bin/sh\n" * 50 + zipped(), 10, ()),
    ("with bytes after it", "set.zip", lambda: zipped() + bytes(300), 10, ()),
    ("with folders", "set.zip", _directories, 10, ()),
    ("Windows's backslashes", "set.zip", lambda: _raw_names(lambda n: b"sub\\deep%d.png" % n), 10, ()),
    ("names in cp932", "set.zip", lambda: _raw_names(lambda n: b"\x8f\x89\x89\xb9\x83~\x83N%d.png" % n), 10, ()),
    ("absolute names", "set.zip", lambda: _names(lambda n: f"/etc/evil{n}.png"), 10, ()),
    ("names that lead upwards", "set.zip", lambda: _names(lambda n: f"../../evil{n}.png"), 10, ()),
    ("names with a drive", "set.zip", lambda: _raw_names(lambda n: b"C:\\evil_%d.png" % n), 10, ()),
    ("names of markup", "set.zip", lambda: _names(lambda n: f"<img src=x onerror=alert({n})>.png"), 10, ()),
    ("names with a newline", "set.zip", lambda: _names(lambda n: f"a\nb{n}.png"), 10, ()),
    ("names without an ending", "set.zip", lambda: _names(lambda n: f"picture{n}"), 10, ()),
    ("names with a query", "set.zip", lambda: _names(lambda n: f"{n}.jpg?width=600"), 10, ()),
    ("macOS's resource forks", "set.zip", lambda: zipped(**MAC), 10, ()),
    ("a link in it", "set.zip", _links, 10, ("link.png",)),
    ("text beside the pictures", "set.zip", lambda: zipped(**{"readme.txt": b"hello", "tags.csv": b"a,b\n"}), 10, ()),
    ("one picture is encrypted", "set.zip", lambda: _flags(zipped(), 3, 1), 9, ("3.png", "encrypted|password")),
    ("all pictures are encrypted", "set.zip", lambda: _flags(zipped(), None, 1), None,
     ("set.zip|its zip", "encrypted|password")),
    ("one picture is packed in an unknown way", "set.zip", lambda: _flags(zipped(), 3, 0, 98), 9, ("3.png",)),
    ("one picture has a wrong sum", "set.zip", lambda: _wrong_sum(zipped()), 9, ("0.png",)),
    ("one picture is an HTML page", "set.zip", lambda: zipped(**{"x.png": pictures.HTML}), 10, ("x.png", "HTML")),
    ("one picture is JPEG XL", "set.zip", lambda: zipped(**{"x.jxl": pictures.JPEG_XL}), 10, ("x.jxl", "JPEG XL")),
    ("one picture is empty", "set.zip", lambda: zipped(**{"x.png": b""}), 10, ("x.png", "empty|no bytes|0 bytes")),
    ("one picture is cut", "set.zip", lambda: zipped(**{"x.png": made.encoded("PNG")[:300]}), 10, ("x.png",)),
    ("a member is a bomb", "set.zip", lambda: zipped(**{"bomb.png": bytes(300 << 20)}), 10, ("bomb.png",)),
    ("a member lies about its size", "set.zip", _liar, 10, ("bomb.png",)),
    ("a zip within it", "set.zip", lambda: zipped(**{"inner.zip": zipped()}), 10, ("inner.zip",)),
    ("two members of one name", "set.zip", lambda: zipped(
        [(f"{n % 9}.png", data) for n, data in enumerate(made.bytes_of())]), 10, ()),
    ("300 names for one picture", "set.zip", _overlapping, None, ("set.zip|the zip",)),
    ("cut in half", "set.zip", lambda: zipped()[: len(zipped()) // 2], None, ("set.zip", "damaged|not whole|cut")),
    ("without its last 10 bytes", "set.zip", lambda: zipped()[:-10], None, ("set.zip", "damaged|not whole|cut")),
    ("without its beginning", "set.zip", lambda: zipped()[2000:], "either", ("0.png",)),
    ("only zips in it", "set.zip", lambda: zipped([("inner.zip", zipped())]), None, ("set.zip", "zip")),
    ("without members", "set.zip", lambda: zipped([]), None, ("set.zip", "no pictures|empty")),
    ("without pictures", "set.zip", lambda: zipped([("a.txt", b"hello")]), None, ("set.zip", "no pictures")),
    ("only broken pictures", "set.zip", lambda: zipped([("a.png", b"broken")]), None, ("set.zip|a.png",)),
    ("an empty file", "set.zip", bytes, None, ("set.zip", "empty|no zip|not a zip|damaged")),
    ("an HTML page", "set.zip", lambda: pictures.HTML, None, ("set.zip", "HTML")),
    ("a picture", "set.zip", lambda: made.encoded("PNG"), "either", ()),
    ("zeros", "set.zip", lambda: bytes(5000), None, ("set.zip",)),
    ("one part of several", "set.zip", lambda: b"PK\7\x08" + zipped()[:3000], None, ("set.zip",)),
    ("a tar", "set.zip", lambda: _tar("w"), None, ("set.zip", "tar|archive")),
    ("a tar.gz", "set.zip", lambda: _tar("w:gz"), None, ("set.zip", "tar|gz|archive")),
    ("a rar", "set.zip", lambda: RAR, None, ("set.zip", "rar|archive")),
    ("a 7z", "set.zip", lambda: SEVEN, None, ("set.zip", "7z|archive")),
    ("a tar named so", "set.tar", lambda: _tar("w"), None, ("set.tar", "zip|unpack")),
    ("a tar.gz named so", "set.tar.gz", lambda: _tar("w:gz"), None, ("set.tar.gz", "zip|unpack")),
    ("a rar named so", "set.rar", lambda: RAR, None, ("set.rar", "zip|unpack")),
    ("a 7z named so", "set.7z", lambda: SEVEN, None, ("set.7z", "zip|unpack")),
    ("gzip of one picture", "a.png.gz", lambda: gzip.compress(made.encoded("PNG")), None, ("a.png.gz",)),
    ("a download that is not done", "set.zip.part", lambda: zipped()[:4000], None, ("set.zip.part",)),
]  # fmt: skip


def cases(short: bool = False) -> list[Case]:
    """Each archive, named by the user and inside a folder, with train.py and preprocess.py."""
    found = []
    for what, file, make, used, words in ARCHIVES:
        for program in ("train.py", "preprocess.py"):
            tried = functools.partial(_named, program, file, make, used, words)
            found.append(
                Case("archives", f"{what} ({file}), {program}", tried, what in SHORT and program == "train.py")
            )
        if used is None and file.endswith(".zip"):
            inside = functools.partial(_inside, file, make, words)
            found.append(Case("archives in folders", f"{what}, train.py", inside, what == "an HTML page"))
    found.append(Case("archives in folders", "a good zip, train.py and preprocess.py", _both, True))
    found.append(Case("archives in folders", "a zip that nobody may read, train.py", _closed))
    found.append(Case("archives", "a zip that nobody may read, train.py", _closed_alone))
    found.append(Case("archives", "a folder named a.zip, train.py and preprocess.py", _folder))
    found.append(Case("archives", "encrypted, as evaluate.py's --real", _real))
    return found


def _crops():
    return len(list(Path("crops").glob("*.png")))


def _named(program, file, make, used, words):
    before = set(os.listdir("/etc")) | set(os.listdir("..")) | set(os.listdir("../.."))
    Path(file).write_bytes(make())
    if program == "train.py":
        done, faces = readers.train(Path(file))
        count = len(faces) if faces else 0
    else:
        done = run("preprocess", "--input", file, "--output", "crops", *made.WHOLE)
        count = _crops()
        if used is not None and done.code == 0:  # its report names them
            words = ()
    evil = [name for name in (set(os.listdir("/etc")) | set(os.listdir("..")) | set(os.listdir("../.."))) - before
            if "evil" in name]  # fmt: skip
    must(not evil, f"it wrote outside of its folders: {evil}", done)
    if used is None or (used == "either" and done.code):
        return refused(done, *(words if used is None else (file,)), code=1, anywhere=True)
    warned(done, *words)
    must(used == "either" or count >= used, f"{count} pictures are used instead of {used}", done)
    return "used"


def _inside(file, make, words):
    """Beside ten good pictures in a folder: they are used, and the archive is named."""
    folder = made.good("set", 10)
    (folder / file).write_bytes(make())
    done, faces = readers.train(folder)
    warned(done, file, *(word for word in words[1:] if "no pictures" not in word))
    must(len(faces) == 10, f"{len(faces)} of 10 good pictures are used", done)
    return "used"


def _both():
    folder = made.good("set", 10)
    for place in ("a.zip", "sub/b.zip", "sub/deep/c.zip"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(zipped())
    done, faces = readers.train(folder)
    warned(done)
    crops = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
    warned(crops)
    must(len(faces) == _crops() == 40, f"train.py uses {len(faces)} and preprocess.py {_crops()} of 40", done)
    return "used"


def _closed():
    folder = made.good("set", 10)
    (folder / "a.zip").write_bytes(zipped())
    (folder / "a.zip").chmod(0)
    with as_everybody():
        done, faces = readers.train(folder)
    warned(done, "a.zip", "Permission denied|may not be read|permission")
    must(len(faces) == 10, "the good pictures are not used", done)
    return "used"


def _closed_alone():
    Path("a.zip").write_bytes(zipped())
    Path("a.zip").chmod(0)
    with as_everybody():
        done, _ = readers.train(Path("a.zip"))
    return refused(done, "a.zip", "Permission denied|may not be read|permission", code=1)


def _folder():
    folder = made.good("a.zip", 10)
    done, faces = readers.train(folder)
    warned(done)
    warned(run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE))
    must(len(faces) == _crops() == 10, "not all pictures are used", done)
    return "used"


def _real():
    Path("set.zip").write_bytes(_flags(zipped(), None, 1))
    done = run("evaluate", "--real", "set.zip", "--fake", made.good("fake", 10), "--features", "discriminator")
    return refused(done, "set.zip", "encrypted|password", code=1)
