"""The one rule by which train.py and preprocess.py find pictures: animefaces.sources."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from animefaces import images, sources
from animefaces.dataset import open_faces
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
    return [entry.name for entry in sources.found(path)]


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
    assert len(list(pictures.found([plain, plain / "a", "set/../set"]))) == 7
    assert len(open_faces([plain, plain], 16, 3, "cache")) == 14  # who names a set twice wants it twice


def test_what_cannot_be_read_is_named_by_both(plain, monkeypatch):
    (plain / "d").mkdir()
    (plain / "damaged.zip").write_bytes(b"PK no zip")
    os.symlink("nowhere.png", plain / "dangling.png")
    os.mkfifo(plain / "pipe.png")
    (plain / "text.png").write_text("no picture")
    listed = os.listdir

    def closed(folder):
        if str(folder).endswith("/d"):
            raise PermissionError(13, "Permission denied", folder)
        return listed(folder)

    monkeypatch.setattr(os, "listdir", closed)
    skipped = open_faces([plain], 16, 3, "cache").skipped
    assert skipped == [
        ("damaged.zip", "is damaged (File is not a zip file)"), ("dangling.png", "No such file or directory"),
        ("pipe.png", "is no file"), ("text.png", "no picture, or one of an unknown format"),
        ("d", "Permission denied"),
    ]  # fmt: skip
    faults = {Path(p.source).name: p.fault for p in pictures.found([plain]) if p.fault}
    assert faults == {name: why for name, why in skipped if name != "text.png"}  # read, and not decoded yet
    with pytest.raises(Problem, match=r"no pictures in .*1 could not be read"):
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
    for read, entries in sources.readers(sources.found(plain)):
        for entry in entries:
            assert sources.reopen(entry.source) == read(entry)
    for gone in ("set/gone.png", "set/Old.ZIP/gone.png", "gone.zip/a.png"):
        with pytest.raises(FileNotFoundError, match="is gone"):
            sources.reopen(gone)


def test_a_folder_of_a_pictures_name_is_a_folder(plain):
    picture("set/z.png/1.png")
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.mkdir("z.png")
        archive.write("set/z.png/1.png", "z.png/1.png")
    assert names(plain)[-1] == "z.png/1.png" and names("a.zip") == ["z.png/1.png"]
