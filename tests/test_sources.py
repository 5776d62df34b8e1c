"""The one rule by which train.py and preprocess.py find pictures: animefaces.sources."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animefaces import images, sources
from animefaces.dataset import open_faces
from animefaces.formats import NoPicture
from animefaces.problems import Problem
from gathering import pictures


def picture(path, value=0):
    """Save a 16x16 picture, another one for each value."""
    y, x = np.mgrid[:16, :16]
    red, green, blue = (value * 37 + y * 3) % 256, (x * 5 + value) % 256, (x + y + value * 11) % 256
    images.save(path, np.stack([red, green, blue], axis=-1).astype(np.uint8))
    return Path(path)


def zipped(path, *files, folder="."):
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, Path(file).relative_to(folder))
    return Path(path)


def names(path):
    return [entry.name for entry in sources.found(path) if not isinstance(entry.fault, NoPicture)]


def passed(path):
    """What is passed over there, by both programs -> why, by name."""
    skipped = dict(open_faces([path], 16, 3, "cache").skipped)
    faults = {entry.name: sources.reason(entry.fault) for entry in sources.found(path) if entry.fault}
    assert faults.items() <= skipped.items()
    prefix = os.path.abspath(path) + "/"
    others = []
    unread = {
        picture.source.removeprefix(prefix) for picture in pictures.found([path], skipped=others) if not picture.data
    }
    assert faults.keys() <= unread | dict(others).keys() <= skipped.keys()
    return skipped


def read_by_both(path, size=16):
    """What each program reads there -> the names within `path`, which are the same for both."""
    faces = open_faces([path], size, 3, "cache")
    sifted = [picture.source for picture in pictures.found([path]) if picture.data]
    prefix = os.path.abspath(path) + "/"
    assert [source.removeprefix(prefix) for source in sifted] == faces.names()
    return faces.names()


@pytest.fixture
def plain():
    """A folder of pictures, some in folders, all of one time."""
    files = ["b.png", "B.PNG", "a/x.png", "a/deep/y.png", "c/1.png", "c.png", "a.png"]
    for value, name in enumerate(files):
        picture(Path("set", name), value)
    Path("set/notes.txt").write_text("no picture")
    picture("set/.hidden.png", 99)
    return Path("set")


def test_a_plain_folder_and_a_plain_zip_stay_what_they_were(plain):
    """These values are older than sources.py: a run compares its data's fingerprint when it goes on."""
    archive = zipped("set.zip", *sorted(plain.rglob("*.*"), reverse=True), folder=plain)
    for path, fingerprint in [
        (plain, "727790ac1fec1abef0d62dabd05f57223b6c90b7aa711b507a90794486677dd6"),
        (archive, "ce76cf2250ea9663e210dce9ae68011d011db8159b0c9922026f0cd17b6c4bc2"),
        (plain / "b.png", "2ffc9270eaa7e0c0e8ab7674587d9bc839d48c3e447887dfbcae67c50441fd41"),
    ]:
        assert open_faces([path], 16, 3, "cache").fingerprint == fingerprint


def test_the_order_of_a_folder_and_of_a_zip(plain):
    files = ["B.PNG", "a.png", "b.png", "c.png", "a/x.png", "a/deep/y.png", "c/1.png"]
    assert read_by_both(plain) == files
    assert read_by_both(zipped("set.zip", *plain.rglob("*.*"), folder=plain)) == sorted(files)


def test_zips_in_folders_are_read_by_both(plain):
    zipped(plain / "a/b.zip", plain / "b.png", plain / "a/x.png", folder=plain)
    assert read_by_both(plain)[4:8] == ["a/b.zip/a/x.png", "a/b.zip/b.png", "a/x.png", "a/deep/y.png"]


def test_hidden_files_and_folders_are_passed_over_unless_they_are_named(plain):
    picture(".thumbnails/set/.small/1.png")
    picture(".thumbnails/set/2.png")
    (plain / ".small").symlink_to(Path(".thumbnails/set/.small").resolve())
    assert len(read_by_both(plain)) == 7
    assert read_by_both(".thumbnails") == ["set/2.png"]
    assert names(zipped("a.zip", *Path(".thumbnails").rglob("*.png"))) == []


def test_a_link_to_a_folder_is_followed_once_and_last(plain):
    picture("elsewhere/1.png")
    picture("elsewhere/2.png")
    os.symlink("../elsewhere", plain / "A")
    os.symlink("../elsewhere", plain / "again")
    os.symlink("..", plain / "a/above")
    os.symlink("c", plain / "b")  # a second way to a folder that is searched anyway: its own name counts
    found = read_by_both(plain)
    assert found[:7] == ["B.PNG", "a.png", "b.png", "c.png", "a/x.png", "a/deep/y.png", "c/1.png"]
    assert found[7:9] == ["A/1.png", "A/2.png"] and not any(name.startswith("again") for name in found)


def test_two_paths_to_one_folder(plain):
    assert len([p for p in pictures.found([plain, plain / "a", "set/../set"]) if p.data]) == 7
    assert len(open_faces([plain, plain], 16, 3, "cache")) == 14  # who names a set twice wants it twice


def test_what_cannot_be_read_is_named_by_both(plain, monkeypatch):
    (plain / "d").mkdir()
    (plain / "damaged.zip").write_bytes(b"PK no zip")
    os.symlink("nowhere.png", plain / "dangling.png")
    os.mkfifo(plain / "pipe.png")
    os.mkfifo(plain / "pipe")
    (plain / "text.png").write_text("no picture")
    listed = os.listdir

    def closed(folder):
        if str(folder).endswith("/d"):
            raise PermissionError(13, "Permission denied", folder)
        return listed(folder)

    monkeypatch.setattr(os, "listdir", closed)
    assert passed(plain) == {
        "damaged.zip": "text", "dangling.png": "No such file or directory", "pipe.png": "a folder, pipe or device",
        "pipe": "a folder, pipe or device", "text.png": "text", "notes.txt": "text", "d": "Permission denied",
    }  # fmt: skip
    with pytest.raises(Problem, match=r"no pictures in set/d \(passed over 1 file: d \(Permission denied\)\): give"):
        open_faces([plain / "d"], 16, 3, "cache")


def test_a_zip_that_changes_while_it_is_read(plain):
    archive = zipped("set.zip", plain / "b.png")
    entries = list(sources.found(archive))
    archive.unlink()
    with pytest.raises(Problem, match="changed while it was read: run the same command again"):
        next(sources.readers(entries))


def test_each_picture_can_be_opened_again(plain):
    zipped(plain / "Old.ZIP", plain / "b.png", plain / "a/x.png")
    (plain / "folder.zip").mkdir()
    zipped(plain / "folder.zip/a.zip", plain / "b.png")
    (plain / "Old.ZIP").rename(plain / "download")  # as a browser saves it
    for read, entries in sources.readers(sources.found(plain)):
        for entry in entries:
            if entry.fault is None:
                assert sources.reopen(entry.source) == read(entry)
    for gone in ("set/gone.png", "set/download/gone.png", "gone.zip/a.png"):
        with pytest.raises(FileNotFoundError, match="is gone"):
            sources.reopen(gone)


def test_a_folder_of_a_pictures_name_is_a_folder(plain):
    picture("set/z.png/1.png")
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.mkdir("z.png")
        archive.write("set/z.png/1.png", "z.png/1.png")
    assert names(plain)[-1] == "z.png/1.png" and names("a.zip") == ["z.png/1.png"]


STRANGE = [
    "a.jfif",
    "b.jpe",
    "c.JPG?width=600",
    "d.jpg:large",
    "e",
    "f.tmp",
    "g.mpo",
    "h.avif",
    "i.apng",
    "j.ico",
    "k.zip",
]


def strange(folder):
    """Save good pictures under odd names and in less usual formats -> the names."""
    formats = {"g.mpo": "MPO", "h.avif": "AVIF", "i.apng": "PNG", "j.ico": "ICO"}
    Path(folder).mkdir()
    for value, name in enumerate(STRANGE):
        image = Image.new("RGB", (16, 16), (value, 100, 200))
        image.save(Path(folder, name), formats.get(name, "JPEG"))
    return STRANGE


def test_pictures_are_known_by_content_not_by_name():
    files = strange("odd")
    assert read_by_both("odd") == files
    assert read_by_both(zipped("odd.zip", *Path("odd").iterdir(), folder="odd")) == files
    for name in files:
        assert len(open_faces([Path("odd", name)], 16, 3, "cache")) == 1


def test_a_zip_is_known_by_content_too(plain):
    archive = zipped("download", *plain.rglob("*.png"), folder=plain)
    for name in ("comic.cbz", "faces.zip?dl=1", "download"):
        archive = archive.rename(name)
        assert len(names(name)) == 6
    archive.rename(plain / "z.backup")
    assert passed(plain)["z.backup"] == "a zip with another ending: if it holds pictures, name it .zip"


def others(folder):
    """Save what is no picture beside a picture -> why it is none, by name."""
    picture(Path(folder, "1.png"))
    inner = zipped("inner.zip", Path(folder, "1.png"))
    files = {
        "page.jpg": (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        "small.jxl": (b"\xff\x0a\xfa", "JPEG XL: save it as PNG"), "film.mp4": (b"\0\0\0\x18ftypisom", "a video"),
        "notes.txt": (b"hi", "text"), "labels.csv": (b"1.png,smile", "text"), "empty.png": (b"", "an empty file"),
        "empty": (b"", "an empty file"), "a\nb.txt": (b"hi", "text"),
        "page.zip": (b"<html>", "an HTML page"),
        "old.rar": (b"Rar!\x1a\7", "a rar archive: unpack it or make a zip of it"),
        "x.npy": (b"\x93NUMPY\1\0", "an array: name the file itself"),
    }  # fmt: skip
    for name, (data, _) in files.items():
        Path(folder, name).write_bytes(data)
    return {name: why for name, (_, why) in files.items()}, inner


def test_what_is_no_picture_is_passed_over_and_named():
    why, inner = others("mixed")
    assert passed("mixed") == why
    outer = zipped("outer.zip", *Path("mixed").iterdir(), inner, folder=".")
    inside = passed(outer)
    assert inside.pop("inner.zip") == "a zip in a zip: unpack the outer one"
    del why["page.zip"]
    del inside["mixed/page.zip"]
    assert inside == {f"mixed/{name}": reason for name, reason in why.items()}
    outer.rename("mixed/outer.zip")
    assert passed("mixed")["outer.zip/inner.zip"] == "a zip in a zip: unpack the outer one"


def test_what_is_passed_over_takes_one_line_for_each_reason():
    skipped = [(f"{i}.txt", "text") for i in range(1000, 2205)] + [
        ("p.jpg", "an HTML page"),
        ("q\n.jpg", "an HTML page"),
    ]
    skipped += [(os.fsdecode(b"caf\xe9.png"), "damaged (of a certain kind)"), ("b.png", "damaged (of another kind)")]
    lines = sources.passed_over([*skipped, ("i.jxl", "JPEG XL: save it as PNG")])
    assert lines == [
        "passed over 1,205 files: 1000.txt, 1001.txt, 1002.txt and 1,202 more (text)",
        "passed over 2 files: p.jpg, q\\n.jpg (an HTML page)",
        "passed over 2 files: caf\\udce9.png, b.png (damaged)",
        "passed over 1 file: i.jxl (JPEG XL: save it as PNG)",
    ]
    lines = sources.passed_over((f"{i}", f"reason {i}") for i in range(20))
    assert len(lines) == 9 and lines[-1] == "passed over 12 files for 12 other reasons"


def test_notes_on_pictures_and_files_of_the_system_are_not_listed(plain):
    expected = [entry.name for entry in sources.found(plain)]
    for name in (
        "b.png.json", "b.txt", "a/x.png.JSON", "a/x.xmp", "manifest.jsonl", "report.html", "settings.json",
        "Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX/._b.png", "@eaDir/b.png",
    ):  # fmt: skip
        Path(plain, name).parent.mkdir(exist_ok=True)
        Path(plain, name).write_text("a note")
    assert [entry.name for entry in sources.found(plain)] == expected
    archive = zipped("a.zip", *(path for path in plain.rglob("*") if path.is_file()), folder=plain)
    assert sorted(entry.name for entry in sources.found(archive)) == sorted(expected)
    assert [sources.reason(entry.fault) for entry in sources.found(plain / "b.txt")] == ["text"]  # it is named


def test_pictures_are_not_opened_to_be_found(plain, monkeypatch):
    monkeypatch.setattr(sources, "open_regular", lambda file: pytest.fail(f"opened {file}"))
    (plain / "notes.txt").unlink()
    assert len(names(plain)) == 7


def test_a_pattern_that_the_terminal_did_not_resolve(plain):
    assert names("set/*.png") == names("se?/[a-c].png") == ["a.png", "b.png", "c.png"]
    assert open_faces(["set/*.png"], 16, 3, "cache").names() == ["a.png", "b.png", "c.png"]
    with pytest.raises(Problem, match=r"set/\*.bmp does not exist: check the path"):
        names("set/*.bmp")
    picture("set/[a-c].png")
    assert names("set/[a-c].png") == ["[a-c].png"]  # a name that exists means itself


def test_names_of_a_zip_from_windows(plain):
    with zipfile.ZipFile("a.zip", "w") as archive:
        for name in ("faces\\", "faces\\1.png", "faces\\.hidden.png", "faces\\Thumbs.db", "C:\\2.png"):
            archive.writestr(name, (plain / "b.png").read_bytes())
    assert sources.reason(next(sources.found(zipped("empty.zip"))).fault) == "a zip, no pictures in it"
    assert names("a.zip") == ["C:\\2.png", "faces\\1.png"]


def test_members_that_cannot_be_opened_are_named(plain):
    data = bytearray(zipped("a.zip", plain / "b.png", plain / "notes.txt", plain / "c.png").read_bytes())
    for start in (i for i in range(len(data)) if data[i : i + 4] in (b"PK\1\2",) and b"c.png" not in data[i : i + 60]):
        data[start + 8] |= 1  # "encrypted"
    Path("a.zip").write_bytes(data)
    assert dict(open_faces(["a.zip"], 16, 3, "cache").skipped) == dict.fromkeys(
        ("set/b.png", "set/notes.txt"), "its zip has a password: unpack it yourself"
    )
