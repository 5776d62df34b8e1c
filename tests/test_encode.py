"""encode.py: which faces, from which networks, in what form. The networks are tiny and untrained."""

import errno
import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import copy_without
from PIL import Image

import encode
import generate
from animefaces import images
from demo import cartoons
from drawing import encoding, networks, photos, pictures
from drawing import people as finding
from drawing.people import find_people, unique
from models import saved, vae
from models.batches import in_batches
from models.refine import refined, unlikeness

LATENT = 8
LEARNED = ["--encoder", "learned"]
CARD = Path("results/drawn/anime.png")  # without --output
MOMENTS = {side: np.stack([np.zeros(n), np.ones(n)]).astype(np.float32) for side, n in (("photo", 563), ("drawn", 566))}


def tiny_encoder(size=16, channels=3, latent=LATENT):
    keras.utils.set_random_seed(1)
    x = keras.Input((size, size, channels))
    y = keras.layers.Dense(2 * latent)(keras.layers.Flatten()(x))
    return keras.Model(x, y)


@pytest.fixture(scope="session")
def run(tmp_path_factory, trained):
    """A run folder with a generator and both encoders. Not to be changed."""
    run = Path(shutil.copytree(trained, tmp_path_factory.mktemp("encoded") / "00007-tiny"))
    saved.save(tiny_encoder(), run / "encoder.keras")
    saved.save(vae.build_encoder(16, 3, LATENT), run / "vae.keras")
    np.savez(run / "moments.npz", **MOMENTS)
    return run


@pytest.fixture
def draw(run):
    """encode.main with the tiny run, unless --run says otherwise, on tight crops -> exit code."""

    def call(*flags, detect=False):
        own = [*([] if "--run" in flags else ["--run", run]), *([] if "--refine" in flags else ["--refine", 0])]
        own += [] if "--encoder" in flags else LEARNED
        return encode.main([*map(str, [*flags, *own]), *([] if detect else ["--no-detect"])])

    return call


@pytest.fixture
def crops():
    """Three drawn faces, a.png to c.png, of different sizes."""
    for seed, (name, size) in enumerate({"a": 16, "b": 64, "c": 40}.items()):
        images.save(f"{name}.png", cartoons.draw(seed, size))
    return ["a.png", "b.png", "c.png"]


@pytest.fixture
def people(monkeypatch):
    """A detector that finds two people, the right one first, on pictures wider than high, else nobody."""

    def find(pixels):
        height, width = pixels.shape[:2]
        places = [((0.7, 0.5), (0.8, 0.5)), ((0.2, 0.5), (0.3, 0.5))] if width > height else []
        return [photos.Person(tuple((x * width, y * height) for x, y in eyes), 1.0) for eyes in places]

    monkeypatch.setattr(photos, "open_photo_detector", lambda: find)


def test_a_folder_of_faces_and_their_latents(draw, crops, run, capsys):
    assert draw(*crops, "--output", "faces/") == 0
    assert sorted(os.listdir("faces")) == ["a.png", "b.png", "c.png", "latents.npz"]
    with np.load("faces/latents.npz", allow_pickle=False) as file:
        assert list(file["names"]) == ["a", "b", "c"]
        z = file["z"]
    assert z.shape == (3, LATENT) and z.dtype == np.float32
    assert "faces/: 3 faces and latents.npz" in capsys.readouterr().out
    # They are the means of the encoder, of the pictures as a training set would have them.
    pixels = np.stack([images.read(name, 16) for name in crops])
    wanted = saved.load(run / "encoder.keras").predict_on_batch(images.to_network(pixels))[:, :LATENT]
    assert np.allclose(z, wanted, atol=1e-5)
    # And generate.py draws the same faces from them.
    assert generate.main(["--run", str(run), "--latents", "faces/latents.npz", "--output", "again/"]) == 0
    for number, name in enumerate("abc"):
        again = images.read(f"again/latent_{number:06d}.png")
        assert np.array_equal(again, images.read(f"faces/{name}.png"))
    with Image.open("faces/a.png") as image:
        assert image.text == {"face": "a", "encoder": "learned", "run": "00007-tiny", "refine": "0"}


def test_a_card(draw, crops):
    assert draw("b.png", "--variants", "2") == 0
    assert draw("b.png", "--variants", "2", "--output", "faces/") == 0
    card, gap = images.read(CARD), pictures.GAP
    assert card.shape == (64 + 2 * gap, 4 * 64 + 5 * gap, 3)
    assert (card[:gap] == 255).all() and (card[:, gap + 64 : 2 * gap + 64] == 255).all()
    cells = [card[gap : gap + 64, gap + c * (64 + gap) :][:, :64] for c in range(4)]
    assert np.array_equal(cells[0], images.read("b.png"))
    for cell, name in zip(cells[1:], ["b", "b_v1", "b_v2"], strict=True):
        assert np.array_equal(cell, images.read(f"faces/{name}.png"))
    assert draw(*crops, "--output", "all.png") == 0
    assert images.read("all.png").shape == (3 * 64 + 4 * gap, 2 * 64 + 3 * gap, 3)


def test_variants_are_draws_from_the_posterior(run, crops):
    way = encode.Codes(encode.Options(encoder="learned", run=run), set())
    (face,) = find_people([Path("b.png")], way, None, False, Path("out.png"))
    encoder = saved.load(run / "encoder.keras")
    z = encoding.with_variants(*encoding.posteriors(encoder, face.small[None]), 2000, 0)[0]
    posterior = in_batches(encoder, images.to_network(face.small[None]))[0]
    assert np.allclose(z[0], posterior[:LATENT], atol=1e-6)
    spread = np.exp(posterior[LATENT:] / 2)
    assert np.allclose((z[1:].mean(0) - z[0]) / spread, 0, atol=0.1)
    assert np.allclose(z[1:].std(0) / spread, 1, atol=0.1)


def test_variants_follow_the_seed_and_not_the_company(draw, crops):
    assert draw("a.png", "b.png", "--variants", "2", "--output", "two/") == 0
    assert draw("b.png", "--variants", "1", "--output", "one/") == 0
    assert draw("b.png", "--variants", "1", "--seed", "1", "--output", "other/") == 0
    assert sorted(os.listdir("two")) == [
        "a.png",
        "a_v1.png",
        "a_v2.png",
        "b.png",
        "b_v1.png",
        "b_v2.png",
        "latents.npz",
    ]
    one, two, other = (images.read(f"{folder}/b_v1.png") for folder in ("one", "two", "other"))
    assert np.array_equal(one, two)
    assert np.array_equal(other, images.read("two/b_v2.png"))  # the seeds count on
    with np.load("two/latents.npz") as file:
        assert list(file["names"]) == ["a", "a_v1", "a_v2", "b", "b_v1", "b_v2"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("photos/a.png --output photos/a.png", "--output photos/a.png is one of the photos"),
        ("photos/a.png photos/b.png --output linked/b.png", "--output linked/b.png is one of the photos"),
        ("photos --output photos/", "--output photos is where the photos are"),
        ("photos/a.png --output ./photos/../photos/", "is where the photos are"),
        ("link.png --output photos/", "--output photos is where the photos are"),
        ("photos/sub --into-photo --output photos/sub/", "--output photos/sub is where the photos are"),
    ],
)
def test_a_photo_is_never_replaced(words, what, draw, crops, refused):
    for folder in ("photos", "photos/sub"):
        Path(folder).mkdir()
        for name in ("a.png", "b.png"):
            shutil.copy(name, folder)
    Path("linked").symlink_to("photos")
    Path("link.png").symlink_to("photos/a.png")
    before = {path: path.read_bytes() for path in Path().rglob("*.png")}
    assert what in refused(lambda argv: draw(*argv), words.split(), 2)
    assert {path: path.read_bytes() for path in Path().rglob("*.png")} == before
    assert draw("photos", "--output", "photos/faces/") == 0


def test_equal_names_stay_apart(draw, crops):
    for number, folder in enumerate(["x", "y", "z"]):
        images.save(f"{folder}/{'ME' if number else 'me'}.png", cartoons.draw(number, 16))
    assert draw("x/me.png", "y/ME.png", "z/ME.png", "--output", "faces/") == 0
    assert sorted(os.listdir("faces")) == ["ME-2.png", "ME-3.png", "latents.npz", "me.png"]


def test_a_variant_does_not_get_the_name_of_a_later_photo(draw, crops, monkeypatch):
    monkeypatch.setattr(networks, "ROWS", 1)  # each photo is a part
    Path("c.png").rename("a_v1.png")
    assert draw("a.png", "b.png", "a_v1.png", "--variants", "1", "--output", "faces/") == 0
    with np.load("faces/latents.npz", allow_pickle=False) as file:
        names = list(file["names"])
    assert names == ["a", "a_v1-2", "b", "b_v1", "a_v1", "a_v1_v1"]
    assert sorted(os.listdir("faces")) == sorted([*(f"{name}.png" for name in names), "latents.npz"])


def test_names_are_no_paths(monkeypatch):
    assert unique("a\\b: *", set()) == "a\\b: *"
    monkeypatch.setattr(finding, "FORBIDDEN", finding.ON_WINDOWS)
    names: set[str] = set()
    odd = ("C:x", "a\\b", "..", "a/b", "tab\t", 'a?"*')
    assert [unique(name, names) for name in odd] == ["C_x", "a_b", "..", "a_b-2", "tab_", "a___"]


def test_several_people_from_left_to_right(draw, people, capsys):
    left, right = (cartoons.draw(seed, 120) for seed in (1, 2))
    group = np.full((120, 240, 3), 255, np.uint8)
    group[:, :120], group[:, 120:] = left, right
    images.save("group.png", group)
    assert draw("group.png", "--output", "faces/", detect=True) == 0
    assert "group.png: 2 faces, numbered from left to right" in capsys.readouterr().out
    assert sorted(os.listdir("faces")) == ["group.png", "group_2.png", "latents.npz"]
    assert draw("group.png", detect=True) == 0
    card = images.read(CARD)
    assert card.shape[0] == 2 * 64 + 3 * pictures.GAP
    shown = [card[pictures.GAP + row * (64 + pictures.GAP) :, pictures.GAP :][:64, :64] for row in range(2)]
    for crop, eyes in zip(shown, (((48, 60), (72, 60)), ((168, 60), (192, 60))), strict=True):
        assert np.array_equal(crop, photos.cut_upright(group, eyes, 64))


def test_what_gives_no_face_is_named_and_skipped(draw, people, capsys):
    images.save("wide.png", np.full((100, 200, 3), 128, np.uint8))
    for name in ("sea.png", "sky.png"):
        images.save(name, np.full((150, 150, 3), 128, np.uint8))
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    Path("small.jxl").write_bytes(b"\xff\x0a\xfa")
    Path("page.jpg").write_text("<!DOCTYPE html><html>")
    photos = ["sea.png", "gone.png", "wide.png", "broken.jpg", "sky.png", "small.jxl", "page.jpg"]
    assert draw(*photos, detect=True) == 0
    said = capsys.readouterr()
    for words in ("2 files: sea.png, sky.png (none was found: if it is a tight crop of a face, add --no-detect)\n",
                  "1 file: gone.png (does not exist: check the path)\n", "1 file: broken.jpg (",
                  "1 file: page.jpg (an HTML page)\n",
                  "1 file: small.jxl (JPEG XL: save it as PNG)\n"):  # fmt: skip
        assert f"warning: passed over {words}" in said.err
    assert "skipped 6 of 7 photos\n" in said.out
    assert f"{CARD}: 2 faces\n" in said.out


def test_when_nothing_comes_out(draw, people, refused):
    images.save("sea.png", np.full((150, 150, 3), 128, np.uint8))
    line = refused(lambda argv: draw(*argv, detect=True), ["sea.png"], 1)
    assert line == "sea.png gave no face (none was found): if it is a tight crop of a face, add --no-detect"
    assert encode.main(["sea.png", "gone.png", "--run", str(Path("nowhere"))]) == 1
    assert draw("sea.png", "gone.png", detect=True) == 1
    assert not CARD.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\x0a\xfa", "photo.jpg gave no face (JPEG XL): save it as PNG"),
        (b"<!DOCTYPE html><html>", "photo.jpg gave no face (an HTML page): name photos, or folders and zips of them"),
        (b"", "photo.jpg gave no face (an empty file): name photos, or folders and zips of them"),
        (b"PK\3\4 ", "photo.jpg gave no face (a zip with another ending): if it holds pictures, name it .zip"),
        (None, "photo.jpg does not exist: check the path"),
    ],
)
def test_what_is_no_photo_is_said(content, words, draw, refused):
    if content is not None:
        Path("photo.jpg").write_bytes(content)
    assert refused(lambda argv: draw(*argv), ["photo.jpg"], 1) == words


def test_an_empty_folder_is_said(draw, refused):
    Path("photos").mkdir()
    line = refused(lambda argv: draw(*argv), ["photos"], 1)
    assert line == "there is no photo in photos: name photos, or folders and zips of them"


def faces_in(folder):
    return sorted(path.stem for path in Path(folder).glob("*.png"))


def test_folders_and_zips_of_photos(draw, crops, capsys):
    """As all other programs: with the folders in them, and what is no picture is named."""
    for name, place in zip(crops, ("photos/a.png", "photos/more/b.png", "c.png"), strict=True):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        os.rename(name, place)
    Path("photos/more/notes.doc").write_bytes(b"\0 words")
    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.write("c.png", "inside/c.png")
        archive.writestr("broken.jpg", b"\xff\xd8\xff")
    assert draw("photos", "set.zip", "--output", "faces/") == 0
    assert faces_in("faces") == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert f"{Path('photos/more/notes.doc')} (" in said and f"{Path('set.zip/broken.jpg')} (" in said


def test_a_pattern_that_the_terminal_did_not_expand(draw, crops, refused):
    """So it is on Windows. A file that really has such a name is that file."""
    assert draw("*.png", "--output", "faces/") == 0
    assert faces_in("faces") == ["a", "b", "c"]
    os.rename("b.png", "[b]*.png")
    assert draw("[b]*.png", "--output", "odd/") == 0
    assert faces_in("odd") == ["[b]*"]
    assert refused(lambda argv: draw(*argv), ["*.jpg"], 1) == "*.jpg does not exist: check the path"


def test_a_name_that_is_not_utf_8(draw, crops, people, capsys):
    name = os.fsdecode(b"caf\xe9\n.png")
    os.rename("b.png", name)
    assert draw(name, "a.png", "--output", "faces/") == 0
    assert faces_in("faces") == ["a", os.fsdecode(b"caf\xe9\n")]
    os.rename("a.png", os.fsdecode(b"\xff.png"))
    assert draw(os.fsdecode(b"\xff.png"), detect=True) == 1
    assert "\\udcff.png gave no face" in capsys.readouterr().err


def test_a_turned_photo_is_told(draw, people, capsys):
    images.save("group.png", np.rot90(np.full((100, 200, 3), 128, np.uint8)))
    assert draw("group.png", "--output", "faces/", detect=True) == 0
    assert "group.png: turned a quarter to the left, so that the faces are upright" in capsys.readouterr().out


def test_the_newest_run_with_such_an_encoder_is_the_default(run, crops):
    for number, name in enumerate(["00000-old", "00001-new", "00002-without"]):
        copy = shutil.copytree(run, Path("results") / name)
        os.utime(copy / "encoder.keras", (0, (number + 1) * 10**9))
    os.unlink("results/00002-without/encoder.keras")
    assert encode.main(["a.png", "--no-detect", *LEARNED]) == 0
    with Image.open(CARD) as image:
        assert image.text["run"] == "00001-new"
    assert encode.main(["a.png", "--no-detect", "--encoder", "vae", "--run", "results/00002-without"]) == 0


@pytest.mark.parametrize("named", ["generator.keras", "encoder.keras"])
def test_a_file_of_a_run_stands_for_it(draw, crops, run, named):
    assert draw("a.png", "--output", "folder/") == 0
    assert draw("a.png", "--output", "file/", "--run", run / named) == 0
    assert np.array_equal(images.read("folder/a.png"), images.read("file/a.png"))


def test_without_runs_the_shipped_weights_are_used(run, crops, monkeypatch):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", run)
    assert encode.main(["a.png", "--no-detect", *LEARNED]) == 0


def test_no_such_encoder(run, crops, refused, monkeypatch):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", Path("none"))
    line = refused(encode.main, ["a.png", *LEARNED], 1)
    assert line == "there is no learned encoder yet: train one with python train.py encoder, or name a run with --run"
    bare = copy_without(run, "bare", "vae.keras", "encoder.keras")
    assert "train one with python train.py vae" in refused(encode.main, ["a.png", "--run", bare, "--encoder", "vae"], 1)
    assert "bare holds no encoder.keras" in refused(encode.main, ["a.png", "--run", bare, *LEARNED], 1)
    assert "gone does not exist" in refused(encode.main, ["a.png", "--run", "gone", *LEARNED], 1)
    half = copy_without(run, "half", "generator.keras")
    assert "half holds no generator.keras" in refused(encode.main, ["a.png", "--run", half, *LEARNED], 1)


def test_an_encoder_of_another_generator(run, crops, refused):
    other = copy_without(run, "other", "encoder.keras")
    for network in (tiny_encoder(latent=9), saved.load(run / "generator.keras")):
        saved.save(network, other / "encoder.keras")
        assert "is no encoder for" in refused(encode.main, ["a.png", "--run", other, *LEARNED], 1)
    (other / "encoder.keras").write_bytes(b"nothing")
    assert "cannot be opened as a trusted encoder" in refused(encode.main, ["a.png", "--run", other, *LEARNED], 1)


def test_numbers_that_are_not_finite(run, crops, refused):
    broken, network = copy_without(run, "broken", "encoder.keras"), tiny_encoder()
    network.set_weights([np.full(w.shape, np.nan) for w in network.get_weights()])
    saved.save(network, broken / "encoder.keras")
    assert "not finite" in refused(encode.main, ["a.png", "--no-detect", "--run", broken, *LEARNED], 1)


def test_the_vae(draw, crops, run):
    assert draw("b.png", "--encoder", "vae", "--output", "faces/") == 0
    network = saved.load(run / "vae.keras")
    mean = in_batches(network, images.to_network(images.read("b.png", 16)[None]))[:, :LATENT]
    with np.load("faces/latents.npz") as file:
        assert np.allclose(file["z"], mean, atol=1e-6)


def test_grey_networks():
    z = keras.Input((4,))
    Path("grey").mkdir()
    pixels = keras.layers.Reshape((28, 28, 1))(keras.layers.Dense(784, activation="tanh")(z))
    saved.save(keras.Model(z, pixels), "grey/generator.keras")
    saved.save(vae.build_encoder(28, 1, 4), "grey/vae.keras")
    images.save("digit.png", cartoons.draw(0, 28))
    flags = ["digit.png", "--run", "grey", "--encoder", "vae", "--no-detect"]
    assert encode.main(flags) == 0
    assert images.read(CARD).shape == (112 + 2 * pictures.GAP, 224 + 3 * pictures.GAP, 3)
    assert encode.main([*flags, "--output", "faces/"]) == 0
    with Image.open("faces/digit.png") as image:
        assert (image.mode, image.size) == ("L", (112, 112))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("", "there is no photo: name one or more"),
        ("a.png --output -", "--output - will not do"),
        ("a.png --output anime.jpg", "name a FILE.png or a folder ending in /"),
        ("a.png --variants 21", "from 0 to 20"),
        ("a.png --refine -1", "--refine -1 will not do"),
        ("a.png --encoder other", "invalid choice"),
        ("a.png --encoder vae --refine 5", "--refine is for the learned encoder"),
        ("a.png --nodetect", "unrecognized"),
        ("a.png --into-photo --sticker", "--into-photo and --sticker exclude each other"),
        ("a.png --paint", "--paint is for photos with drawn heads: add --into-photo"),
        ("a.png --into-photo --variants 1", "--into-photo shows one face of each person: leave out --variants"),
        ("a.png --sticker --scale 2", "--sticker has a size of its own: leave out --scale"),
        ("a.png --into-photo --output a.gif", "name a FILE.png, FILE.jpg, FILE.jpeg or a folder ending in /"),
    ],
)
def test_misuse(flags, words, refused):
    assert words in refused(encode.main, flags.split(), 2)
    assert os.listdir() == []


def test_a_name_that_looks_like_a_flag(refused):
    assert "unrecognized arguments: -a.png" in refused(encode.main, ["-a.png"], 2)
    Path("-a.png").touch()
    line = refused(encode.main, ["-a.png"], 2)
    assert line.startswith("-a.png looks like a flag: for the file of this name write ./-a.png")


def test_too_many_faces_for_a_card(draw, crops, monkeypatch, refused):
    monkeypatch.setattr(encode, "MAX_ROWS", 2)
    assert "3 faces are too many for one picture" in refused(lambda argv: draw(*argv), crops, 1)


def test_latents_say_which_generator_they_are_for(draw, crops, run):
    """generate.py takes the encoder's generator, though another run is newer."""
    assert draw(*crops, "--output", "faces/") == 0
    with np.load("faces/latents.npz") as file:
        assert str(file["run"]) == "00007-tiny"
    shutil.copytree(run, "results/00000-elsewhere")
    newer = Path(shutil.copytree(run, "results/00001-newer"))
    other = saved.load(run / "generator.keras")
    other.set_weights([weight + 1 for weight in other.get_weights()])
    saved.save(other, newer / "generator.keras")
    assert generate.main(["--latents", "faces/latents.npz", "--output", "again/"]) == 0
    assert np.array_equal(images.read("again/latent_000001.png"), images.read("faces/b.png"))


def test_faces_that_are_written_stay_if_a_later_one_fails(draw, crops, monkeypatch, capsys):
    written = images.save

    def save(path, *words, **notes):
        if path.name == "c.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written(path, *words, **notes)

    monkeypatch.setattr(images, "save", save)
    assert draw(*crops, "--variants", "1", "--output", "faces/") == 1
    said = capsys.readouterr()
    assert "faces/: 2 of 3 faces and latents.npz\n" in said.out
    assert "faces/c.png: No space left on device" in said.err
    with np.load("faces/latents.npz") as file:
        assert list(file["names"]) == ["a", "a_v1", "b", "b_v1"] and file["z"].shape == (4, LATENT)


def test_faces_are_written_before_the_next_ones_are_refined(draw, crops, monkeypatch, capsys):
    """A stop in the middle of many photos loses what is not done, and no more."""
    monkeypatch.setattr("drawing.networks.ROWS", 2)

    def stopped(generator, moments, crops, mean, steps):
        yield mean[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(encoding, "refined", stopped)
    assert draw(*crops, "--refine", "1", "--output", "faces/") == 1
    assert sorted(os.listdir("faces")) == ["a.png", "b.png", "latents.npz"]
    said = capsys.readouterr()
    assert "faces/: 2 of 3 faces and latents.npz\n" in said.out
    assert "error: stopped" in said.err


def test_refinement_comes_in_parts(monkeypatch):
    """The last part is filled up for the network, and cut to its faces again."""
    monkeypatch.setattr("models.refine.ROWS", 2)
    variable = SimpleNamespace(value=None)

    def reset(images, means):
        variable.value = means
        return variable

    def step(number):
        variable.value = variable.value + 1

    monkeypatch.setattr("models.refine._descent", lambda *_: (reset, step))
    start = np.arange(3 * LATENT, dtype=np.float32).reshape(3, LATENT)
    parts = list(refined(None, MOMENTS, np.zeros((3, 16, 16, 3), np.float32), start, 4))
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(np.concatenate(parts), start + 4)


def test_names_that_are_no_utf8_survive(draw, capsys):
    name = os.fsdecode(b"caf\xe9")
    images.save(f"{name}.png", cartoons.draw(0, 16))
    images.save("after.png", cartoons.draw(1, 16))
    assert draw(f"{name}.png", "after.png", "--output", "faces/") == 0
    assert sorted(os.listdir("faces")) == sorted([f"{name}.png", "after.png", "latents.npz"])
    with np.load("faces/latents.npz") as file:
        assert list(file["names"]) == [name, "after"]
    with Image.open(f"faces/{name}.png") as picture:
        assert picture.text["face"] == "caf\\udce9"
    assert draw(f"{name}.png") == 0
    with Image.open(CARD) as picture:
        assert picture.text["faces"] == "caf\\udce9"


@pytest.mark.parametrize("letter", ["x", "\u9854", os.fsdecode(b"\xe9")])
def test_long_names_are_shortened_and_stay_apart(draw, letter):
    """Names of up to 255 bytes, which leave no room for an ending; some file systems take only 143."""
    long = letter * (240 // len(os.fsencode(letter)))
    for folder in ("x", "y"):
        images.save(f"{folder}/{long}.png", cartoons.draw(0, 16))
    assert draw(f"x/{long}.png", f"y/{long}.png", "--variants", "1", "--output", "faces/") == 0
    short = long[: 120 // len(os.fsencode(letter))]
    names = {f"{short}{ending}.png" for ending in ("", "-2", "_v1", "-2_v1")}
    found = set(os.listdir("faces")) - {"latents.npz"}
    assert len(found) == 4 and {f"{short}.png", f"{short}-2.png"} <= found
    assert all(len(os.fsencode(name)) <= 143 for name in found), names


def test_two_ways_to_write_an_accent_are_one_name():
    names = set()
    assert [unique(name, names) for name in ("caf\u00e9", "cafe\u0301", "CAF\u00c9")] == [
        "caf\u00e9",
        "cafe\u0301-2",
        "CAF\u00c9-3",
    ]


def test_outputs_that_cannot_be_written(refused, monkeypatch):
    """They are refused before a network is opened."""
    monkeypatch.setattr("drawing.opening.open_encoder", None)
    Path("file").touch()
    for output in ("file/anime.png", "file/", "x" * 300 + ".png"):
        line = refused(encode.main, ["a.png", "--output", output], 2)
        assert line.startswith(f"--output {output.rstrip('/')}")


def test_an_older_card_stays(draw, crops, capsys):
    assert draw("a.png") == 0
    assert draw("b.png") == 0
    assert "results/drawn/anime.png: 1 face\n" in (said := capsys.readouterr().out)
    assert "results/drawn/anime-2.png: 1 face\n" in said
    assert sorted(os.listdir("results/drawn")) == ["anime-2.png", "anime.png"]


def refine(*words):
    """All parts of what `refined` gives."""
    return np.concatenate(list(refined(*words)))


def test_refined_faces_are_nearer(draw, crops, run):
    encoder, generator = saved.load(run / "encoder.keras"), saved.load(run / "generator.keras")
    seen = images.to_network(np.stack([images.read(name, 16) for name in crops]))
    first = in_batches(encoder, seen)[:, :LATENT]
    told = []
    z = refine(generator, MOMENTS, seen, first, 25, told.append)
    assert sum(told) == 25 and z.shape == first.shape
    before, after = (np.asarray(unlikeness(in_batches(generator, x), seen, MOMENTS)) for x in (first, z))
    assert (after < before).all()
    # Each on its own: alone it goes the same way.
    alone = refine(generator, MOMENTS, seen[1:2], first[1:2], 25)
    assert np.allclose(alone, z[1:2], atol=1e-3)
    assert np.array_equal(refine(generator, MOMENTS, seen, first, 0), first)
    assert draw("a.png", "--refine", "3", "--output", "refined/") == 0
    assert draw("a.png", "--output", "plain/") == 0
    assert not np.array_equal(*(np.load(f"{folder}/latents.npz")["z"] for folder in ("refined", "plain")))


def test_refinement_stays_finite_on_black_and_white(run):
    generator = saved.load(run / "generator.keras")
    flat = np.stack([np.full((16, 16, 3), value, np.float32) for value in (-1, 1)])
    assert np.isfinite(refine(generator, MOMENTS, flat, np.zeros((2, LATENT), np.float32), 5)).all()
