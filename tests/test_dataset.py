"""Data sets: every kind of source, hostile ones too; the cache; the order of the pictures."""

import errno
import os
import shutil
import tracemalloc
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from animefaces import arrays, dataset, images, sources
from animefaces.batches import Order, is_test_photo
from animefaces.dataset import open_faces
from animefaces.problems import Problem
from demo import cartoons


def read(*paths, size=16, channels=3):
    return open_faces(paths, size, channels, "cache")


def pixels_of(faces):
    return faces[np.arange(len(faces))]


@pytest.fixture
def folder(faces, tmp_path):
    """A folder of faces to be changed."""
    return shutil.copytree(faces, tmp_path / "folder")


@pytest.fixture
def drawn():
    """What the folder `faces` holds."""
    return cartoons.draw_many(10, 16)


def zipped(path, members, **settings):
    with zipfile.ZipFile(path, "w", **settings) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def png(seed=0, size=16):
    images.save("one.png", cartoons.draw(seed, size))
    with open("one.png", "rb") as file:
        data = file.read()
    os.remove("one.png")
    return data


def test_a_folder_is_searched_through_in_order(folder, drawn):
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "05.png").rename(folder / "a" / "b" / "face.PNG")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_text("not a picture")
    faces = read(folder)
    assert faces.shape == (10, 16, 16, 3)
    assert np.array_equal(pixels_of(faces), drawn[[0, 1, 2, 3, 4, 6, 7, 8, 9, 5]])
    assert (faces.resized, faces.skipped) == (0, [("notes.txt", "text")])


def test_a_loop_of_links_ends(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)
    assert len(read(folder)) == 10


def test_indices_in_any_order(faces, drawn):
    assert np.array_equal(read(faces)[[7, 0, 7]], drawn[[7, 0, 7]])


def test_a_zip(drawn, tmp_path):
    path = zipped(tmp_path / "faces.zip", {f"x/{seed}.png": png(seed) for seed in range(3)} | {"x/readme.txt": b"hi"})
    assert np.array_equal(pixels_of(read(path)), drawn[:3])


def test_members_of_a_zip_lead_nowhere(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = zipped(inner / "evil.zip", {name: png() for name in ("../../evil.png", "/evil.png", "C:\\evil.png")})
    assert len(read(path)) == 3
    assert [file for file in tmp_path.rglob("*evil*") if file != path] == []


def test_a_member_that_unpacks_to_too_much_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_FILE", 2 << 20)
    members = {"bomb.png": bytes(3 << 20), "good.png": png()}
    faces = read(zipped(tmp_path / "a.zip", members, compression=zipfile.ZIP_DEFLATED))
    assert len(faces) == 1
    assert faces.skipped == [("bomb.png", "too large for a picture (3 MiB)")]


def test_a_member_that_lies_of_its_size_does_not_unpack(tmp_path):
    size = 64 << 20
    path = zipped(tmp_path / "a.zip", {"bomb.png": bytes(size), "good.png": png()}, compression=zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        faces = read(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert [name for name, _ in faces.skipped] == ["bomb.png"]


def test_an_encrypted_and_a_damaged_member_are_skipped(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.png": png(0), "b.png": png(1), "c.png": png(2)})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # "encrypted", of the first entry in the directory
    data[6] |= 1
    data[data.index(b"IDAT", data.index(b"b.png")) + 20] ^= 255
    path.write_bytes(bytes(data))
    faces = read(path)
    assert len(faces) == 1
    assert [name for name, _ in faces.skipped] == ["a.png", "b.png"]
    assert "password" in faces.skipped[0][1]


def test_a_damaged_member_is_skipped_however_it_is_packed(tmp_path):
    for number in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w", number) as archive:
            archive.writestr("a.png", png(0))
            archive.writestr("b.png", png(1))
        data = bytearray((tmp_path / f"{number}.zip").read_bytes())
        start = data.index(b"b.png") + 5
        data[start + 20 : start + 60] = bytes(40)
        (tmp_path / f"{number}.zip").write_bytes(bytes(data))
        faces = read(tmp_path / f"{number}.zip")
        assert [name for name, _ in faces.skipped] == ["b.png"]


def test_a_member_that_asks_for_more_memory_than_there_is_is_skipped(tmp_path, monkeypatch):
    """A damaged LZMA member can ask for gigabytes. Not for this test: a computer may have them."""
    path = zipped(tmp_path / "a.zip", {"a.png": png(0), "b.png": png(1), "b.part": png(2)})
    unpack = zipfile.ZipExtFile.read

    def read_or_not(self, size=-1):
        if self.name.startswith("b."):
            raise MemoryError
        return unpack(self, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", read_or_not)
    faces = read(path)
    assert len(faces) == 1
    assert faces.skipped == [(name, "unpacking it needs more memory than there is") for name in ("b.part", "b.png")]


@pytest.mark.parametrize("kept", [0, 50, -30])
def test_a_damaged_zip_or_npz_is_a_problem(tmp_path, kept):
    zipped(tmp_path / "a.zip", {"a.png": png()})
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 16, 16, 3), np.uint8))
    for path in (tmp_path / "a.zip", tmp_path / "a.npz"):
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(Problem, match="damaged"):
            read(path)


def test_an_npz_like_keras_writes_them(tmp_path):
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (n, 28, 28), np.uint8) for n in (5, 2))
    labels = np.arange(7, dtype=np.uint8)
    np.savez_compressed(tmp_path / "mnist.npz", x_test=test, x_train=train, y_test=labels[:2], y_train=labels[:5])
    faces = read(tmp_path / "mnist.npz", size=28, channels=1)
    assert np.array_equal(pixels_of(faces)[..., 0], np.concatenate([test, train]))


def test_an_npz_of_another_size_and_mode(tmp_path):
    np.savez(tmp_path / "a.npz", clear=np.zeros((2, 20, 30, 4), np.uint8))
    faces = read(tmp_path / "a.npz", size=8)
    assert pixels_of(faces).min() == 255  # transparent, so white
    assert faces.resized == 2


def test_an_npz_is_streamed(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((4000, 32, 32, 3), np.uint8))
    tracemalloc.start()
    try:
        assert len(read(tmp_path / "a.npz", size=32)) == 4000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20  # of 12 MiB
    finally:
        tracemalloc.stop()


def noise(*shape, low=0, high=256):
    return np.random.default_rng(3).integers(low, high, shape, np.uint8)


NOT_CLEAR = {
    "objects": (np.array([{"a": 1}], object), "no numbers, but object"),
    "y": (np.arange(10, dtype=np.uint8), "an array of 10: pictures are N x height x width x channels"),
    "scalar": (np.uint8(4), "an array of one number"),
    "table": (noise(100, 40), "an array of 100 x 40"),
    "points": (noise(100, 5, 2), "an array of 100 x 5 x 2"),
    "boxes": (noise(100, 4, 4), "an array of 100 x 4 x 4"),
    "film": (noise(2, 3, 16, 16, 3), "an array of 2 x 3 x 16 x 16 x 3"),
    "pairs": (noise(5, 16, 16, 2), "an array of 5 x 16 x 16 x 2"),
    "empty": (noise(0, 16, 16, 3), "0 x 16 x 16 x 3: empty"),
    "ambiguous": (noise(3, 16, 16), "3 x 16 x 16: one picture or 3?"),
    "bool": (noise(5, 16, 16, high=2).astype(bool), "true and false, as masks are"),
    "classes": (noise(5, 16, 16, high=21), "numbers from 0 to 20, as labels and masks have"),
    "binary": (noise(5, 16, 16, 1, high=2).astype(np.float32), "numbers from 0 to 1, as labels and masks have"),
    "face_masks": (noise(5, 16, 16), "labels or masks, as its name says"),
    "wide": (noise(5, 16, 16) * np.float32(10), "numbers from 0 to 2550: convert them to 0 to 255"),
    "normal": (np.arange(1280.0).reshape(5, 16, 16) / 100 - 6, "numbers from -6 to 6.79: convert them to 0 to 255"),
    "nan": (np.full((5, 16, 16), np.nan), "some of its numbers are not finite"),
    "negative": (noise(5, 16, 16).astype(int) - 300, "numbers from -300 to -45: convert them to 0 to 255"),
}


@pytest.mark.parametrize("name", NOT_CLEAR)
def test_an_array_that_is_not_clearly_pictures_is_refused_by_name(name):
    array, why = NOT_CLEAR[name]
    np.savez("alone.npz", **{name: array})
    with pytest.raises(Problem, match=f"no pictures in alone.npz .passed over 1 file: {name}.npy"):
        read("alone.npz")
    np.savez("a.npz", **{name: array, "x": noise(6, 16, 16, 3)})
    faces = read("a.npz")
    assert np.array_equal(pixels_of(faces), noise(6, 16, 16, 3))
    assert faces.understood == ["x: 6 x 16 x 16 x 3"]
    ((named, reason),) = faces.skipped
    assert named == f"{name}.npy" and reason.startswith(why)


def test_three_pictures_beside_more_of_their_size():
    np.savez("mnist.npz", x_test=noise(3, 16, 16), x_train=noise(9, 16, 16))
    assert read("mnist.npz").understood == ["x_test: 3 x 16 x 16 x 1", "x_train: 9 x 16 x 16 x 1"]


def test_a_large_array_in_fortrans_order_is_refused(monkeypatch):
    monkeypatch.setattr(arrays, "MAX_WHOLE", 1000)
    np.savez("a.npz", a=np.asfortranarray(noise(6, 16, 16, 3)), b=noise(7, 16, 16, 3))
    faces = read("a.npz")
    assert len(faces) == 7 and faces.skipped[0][1].startswith("too large in Fortran's order: ")


def test_grey_arrays_beside_colour_are_masks():
    np.savez("a.npz", x=noise(6, 16, 16, 3), z=noise(6, 16, 16))
    faces = read("a.npz")
    assert len(faces) == 6 and faces.skipped == [("z.npy", "grey beside as many pictures in colour, as masks are")]
    np.savez("b.npz", x=noise(6, 16, 16, 3), z=noise(7, 16, 16))
    assert len(read("b.npz")) == 13


COLOUR = noise(6, 16, 16, 3)
UNDERSTOOD = {
    "one": (COLOUR[0], COLOUR[:1], "one: 1 x 16 x 16 x 3"),
    "first": (
        np.ascontiguousarray(COLOUR.transpose(0, 3, 1, 2)),
        COLOUR,
        "first: 6 x 16 x 16 x 3, its channels came first",
    ),
    "floats": (COLOUR / np.float32(255), COLOUR, "floats: 6 x 16 x 16 x 3, from float32"),
    "halves": ((COLOUR / 255).astype(np.float16), COLOUR, "halves: 6 x 16 x 16 x 3, from float16"),
    "network": (images.to_network(COLOUR), COLOUR, "network: 6 x 16 x 16 x 3, from float32"),
    "large": (COLOUR.astype(">f8"), COLOUR, "large: 6 x 16 x 16 x 3, from >f8"),
    "whole": (COLOUR.astype(np.int64), COLOUR, "whole: 6 x 16 x 16 x 3, from int64"),
    "deep": (COLOUR * np.uint16(257), COLOUR, "deep: 6 x 16 x 16 x 3, from uint16"),
    "fortran": (np.asfortranarray(COLOUR), COLOUR, "fortran: 6 x 16 x 16 x 3"),
    "black": (COLOUR * 0, COLOUR * 0, "black: 6 x 16 x 16 x 3"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_an_array_that_is_clear_is_converted(name):
    array, pixels, words = UNDERSTOOD[name]
    np.savez_compressed("a.npz", **{name: array})
    np.save(f"{name}.npy", array)
    for path in ("a.npz", f"{name}.npy"):
        faces = read(path)
        assert np.abs(pixels_of(faces).astype(int) - pixels).max() <= (name == "halves")
        assert (faces.understood, faces.remarks()) == ([words], [words])
        assert faces.names() == [f"{name}.npy[{i}]" for i in range(len(pixels))]


def test_a_damaged_npy_is_a_problem():
    np.save("a.npy", noise(6, 16, 16, 3))
    with open("a.npy", "rb") as file:
        data = file.read()
    for kept, words in ((-30, "damaged"), (20, "something else"), (0, "something else")):
        with open("a.npy", "wb") as file:
            file.write(data[:kept])
        with pytest.raises(Problem, match=words):
            read("a.npy")


def test_an_npz_that_is_a_zip_of_something_else_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="holds something else than arrays: write it"):
        read(zipped(tmp_path / "a.npz", {"a.png": png()}))


def test_an_npz_that_holds_less_than_it_says_is_a_problem(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 16, 16, 3), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        data = archive.read("x.npy")
    with pytest.raises(Problem, match="damaged"):
        read(zipped(tmp_path / "b.npz", {"x.npy": data[:2000]}))


def test_an_npz_with_a_flipped_bit_is_a_problem(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((9, 16, 16, 3), np.uint8))
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Problem, match="damaged"):
        read(path)


def test_several_sources_one_after_the_other(faces, drawn, tmp_path):
    np.savez(tmp_path / "a.npz", x=255 - drawn)
    images.save("single.png", drawn[3])
    together = read(tmp_path / "a.npz", faces, "single.png")
    assert np.array_equal(pixels_of(together), np.concatenate([255 - drawn, drawn, drawn[3:4]]))
    assert np.array_equal(together[[19, 20, 0, 10]], [drawn[9], drawn[3], 255 - drawn[0], drawn[0]])


def test_other_sizes_are_resized_and_counted(folder):
    images.save(folder / "large.png", cartoons.draw(1, 64))
    images.save(folder / "wide.png", np.zeros((16, 32, 3), np.uint8))
    faces = read(folder)
    assert (len(faces), faces.resized) == (12, 2)


def test_unreadable_pictures_are_skipped_and_named(folder):
    (folder / "03.png").write_bytes(b"")
    (folder / "04.png").write_bytes((folder / "04.png").read_bytes()[:200])
    (folder / "05.png").unlink()
    (folder / "05.png").symlink_to(folder / "gone.png")
    faces = read(folder)
    assert len(faces) == 7
    assert [name for name, _ in faces.skipped] == ["03.png", "04.png", "05.png"]
    assert all(why for _, why in faces.skipped)


def test_a_bomb_of_a_picture_is_skipped(folder):
    data = bytearray((folder / "03.png").read_bytes())
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    data[29:33] = zipfile.crc32(data[12:29]).to_bytes(4, "big")
    (folder / "03.png").write_bytes(bytes(data))
    assert [name for name, _ in read(folder).skipped] == ["03.png"]


def test_no_pictures_at_all_are_a_problem(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hi")
    (tmp_path / "page.zip").write_text("<html>")
    (tmp_path / "small.JXL").write_bytes(b"\xff\x0a\xfa")
    zipped(tmp_path / "none.zip", {})
    zipped(tmp_path / "bad.zip", {"a.png": b"hi"})
    give = ": give pictures, or folders, zips or arrays of pictures$"
    for name, words in {
        "empty": f"no pictures in .*empty{give}", "none.zip": rf"none.zip \(a zip, no pictures in it\){give}",
        "bad.zip": rf"no pictures in .*bad.zip \(passed over 1 file: a.png \(text\)\){give}",
        "text.txt": rf"no pictures in .*text.txt \(text\){give}", "page.zip": rf"page.zip \(an HTML page\){give}",
        "small.JXL": r"no pictures in .*small.JXL \(JPEG XL\): save it as PNG$",
        "gone": "does not exist", "gone.zip": "does not exist",
        "gone.npz": "does not exist", "gone.png": "does not exist",
    }.items():  # fmt: skip
        with pytest.raises(Problem, match=words):
            read(tmp_path / name)


def test_thousands_of_paths_are_one_source(folder, drawn):
    files = sorted(folder.iterdir())
    faces = read(*files, folder, *files[:2], "folder/*.png")
    assert np.array_equal(pixels_of(faces), np.concatenate([drawn, drawn, drawn[:2], drawn]))
    assert faces.names() == [f.name for f in [*files, *files, *files[:2], *files]]
    assert len(list(folder.parent.glob("cache/*.npy"))) == 3
    (folder / "03.png").write_bytes(b"<html>")
    assert read(*sorted(folder.iterdir())).skipped == [("03.png", "an HTML page")]


def test_a_name_that_is_not_utf8(folder):
    name = os.fsdecode(b"caf\xe9 9.png")
    (folder / "00.png").rename(folder / name)
    for _ in range(2):  # from the cache, too
        assert read(folder).names()[-1] == name
        assert read(folder / name).names() == [name]
    zipped(folder / os.fsdecode(b"\xe9.zip"), {"a.png": png()})
    assert len(read(folder)) == 11
    assert is_test_photo([name]).tolist() == [True]
    assert is_test_photo([os.fsdecode(b"caf\xe9.png")]).shape == (1,)


def test_one_photo_of_an_array_in_ten_is_a_test_photo():
    np.savez("photos_2019.npz", np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8))
    assert np.flatnonzero(is_test_photo(read("photos_2019.npz").names())).tolist() == [9, 19]


def test_a_cache_that_cannot_be_written_is_named(faces, monkeypatch):
    with open("file", "w"):
        pass
    with pytest.raises(Problem, match=r"--cache file/cache cannot be written, because .*file is a file"):
        open_faces([faces], 16, 3, "file/cache")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(Problem, match=r"--cache new cannot be written \(No space left on device\): free some space"):
        open_faces([faces], 16, 3, "new")


def test_a_cache_of_an_older_reading_is_made_again(faces, monkeypatch):
    read(faces)
    monkeypatch.setattr(dataset, "READING", dataset.READING + 1)
    monkeypatch.setattr(images, "read", lambda *_: np.zeros((16, 16, 3), np.uint8))
    assert not pixels_of(read(faces)).any()


def test_small_and_monotonous_sets_are_doubted(drawn):
    def doubt(pixels, **how):
        np.savez("a.npz", x=pixels)
        return dataset.doubts(read("a.npz"), **how)

    assert doubt(drawn[:1]) == "a set of 1 picture is too small, it is learned by heart: give 100 or many more"
    assert doubt(drawn).startswith("a set of 10 pictures is too small")
    few = "a set of 2 pictures shows a style, but gives more faces flaws: give 3 or more"
    assert doubt(drawn[:2], anchored=True) == few
    assert doubt(drawn[:3], anchored=True) is None
    advice = "differ: give others too, and let preprocess.py leave out the copies"
    for count, compared in ((2, 2), (12, 12), (1000, 256)):
        equal = np.zeros((count, 16, 16, 3), np.uint8)
        assert doubt(equal) == f"nearly all pictures are alike, only 1 of {compared} {advice}"
    shaken = np.resize(drawn, (300, 16, 16, 3)) // 2 + noise(300, 16, 16, 3, high=8)
    assert doubt(shaken) == f"nearly all pictures are alike, only 10 of 256 {advice}"
    assert doubt(cartoons.draw_many(100, 16)) is None


def test_pictures_that_are_nearly_all_grey():
    grey, colours = noise(40, 16, 16, 1, high=256).repeat(3, axis=-1), noise(40, 16, 16, 3, high=256)
    for pixels, expected in ((grey, True), (np.concatenate([grey, colours[:2]]), True),
                             (np.concatenate([grey, colours[:3]]), False), (grey ^ 1, True),
                             (grey * np.uint8([1, 1, 0]), False)):  # fmt: skip
        np.savez("a.npz", x=pixels)
        assert dataset.are_grey(read("a.npz")) is expected


def test_the_cache_is_used_again_when_nothing_changed(folder, monkeypatch):
    first = pixels_of(read(folder))
    monkeypatch.setattr(images, "read", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(pixels_of(read(folder)), first)


def test_the_cache_remembers_what_was_skipped(folder):
    (folder / "03.png").write_bytes(b"")
    first, again = read(folder), read(folder)
    assert (again.skipped, again.resized, again.fingerprint) == (first.skipped, first.resized, first.fingerprint)


def test_each_picture_has_its_name(folder, faces, tmp_path):
    (folder / "03.png").write_bytes(b"")
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 16, 16, 3), np.uint8))
    archive = zipped(tmp_path / "a.zip", {"sub/b\nc.png": (faces / "00.png").read_bytes()})
    names = [f"{i:02d}.png" for i in range(10) if i != 3] + ["x.npy[0]", "x.npy[1]", "sub/b\nc.png"]
    for _ in range(2):  # from the cache, too
        assert open_faces([folder, tmp_path / "a.npz", archive], 16, 3, tmp_path / "cache").names() == names
    next((tmp_path / "cache").glob("*.names")).unlink()
    assert open_faces([folder, tmp_path / "a.npz", archive], 16, 3, tmp_path / "cache").names() == names


def test_the_cache_follows_changes(folder, drawn):
    before = read(folder).fingerprint
    images.save(folder / "00.png", 255 - drawn[0])
    changed = read(folder)
    assert np.array_equal(changed[[0]], 255 - drawn[:1])
    assert changed.fingerprint != before
    (folder / "00.png").unlink()
    assert len(read(folder)) == 9


@pytest.mark.parametrize("damage", [b"", b"short"])
def test_a_damaged_cache_is_made_again(folder, drawn, damage):
    for kind in ("*.npy", "*.json"):
        read(folder)
        (file,) = (folder.parent / "cache").glob(kind)
        file.write_bytes(damage)
        assert np.array_equal(pixels_of(read(folder)), drawn)


def test_the_cache_is_a_plain_npy_file(faces, drawn, tmp_path):
    read(faces)
    (file,) = (tmp_path / "cache").glob("*.npy")
    assert np.array_equal(np.load(file), drawn)


def test_each_size_has_its_own_cache(faces):
    assert read(faces, size=16).shape == (10, 16, 16, 3)
    assert read(faces, size=8, channels=1).shape == (10, 8, 8, 1)
    assert read(faces, size=16).shape == (10, 16, 16, 3)


def test_the_fingerprint_is_of_the_pictures_not_of_their_place(folder, faces, tmp_path):
    other = read(zipped(tmp_path / "a.zip", {file.name: file.read_bytes() for file in faces.iterdir()}))
    assert read(folder).fingerprint == read(faces).fingerprint == other.fingerprint
    images.save(folder / "00.png", np.zeros((16, 16, 3), np.uint8))
    assert read(folder).fingerprint != other.fingerprint


def test_memory_does_not_grow_with_the_set(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((4000, 32, 32, 3), np.uint8))
    faces = read(tmp_path / "a.npz", size=32)
    tracemalloc.start()
    try:
        for start in range(0, 4000, 40):
            faces[np.arange(start, start + 40)]
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (10, 5), (3, 7), (1, 2), (10, 10)])
def test_every_picture_once_per_epoch(count, batch):
    order = Order(count, batch, seed=3)
    seen = np.concatenate([order.indices(step) for step in range(2 * count)])
    for epoch in range(len(seen) // count):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert set(Counter(seen).values()) == {2 * batch}


def test_the_order_is_a_function_of_seed_and_step():
    one, two = Order(50, 8, seed=1), Order(50, 8, seed=1)
    forwards = [one.indices(step).tolist() for step in range(20)]
    backwards = [two.indices(step).tolist() for step in reversed(range(20))]
    assert forwards == backwards[::-1]
    assert forwards[0] != Order(50, 8, seed=2).indices(0).tolist()
    assert sorted(forwards[0]) != forwards[0]


def test_epochs_differ_and_are_counted():
    order = Order(6, 3, seed=0)
    assert [order.epoch(step) for step in range(6)] == [0, 0, 1, 1, 2, 2]
    epochs = [np.concatenate([order.indices(2 * e), order.indices(2 * e + 1)]).tolist() for e in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert [Order(3, 7, 0).epoch(step) for step in range(3)] == [0, 2, 4]


def test_a_picture_that_pillow_warns_of_is_read_without_a_word(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    assert len(read(folder)) == 10
