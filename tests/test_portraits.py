"""Faces with the looks that a photo has, or that a user asks for: choosing them, finishing them, and both programs."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import encode
import generate
from animefaces import images, latents, looks, marks, npz, runs
from animefaces.problems import Problem
from demo import cartoons
from drawing import finishing, flaws, known, portraits, reading, touches
from drawing.generator import Generator
from drawing.opening import open_generator
from training import faces as faces_of_shipped

WORDS = [("m", "left"), ("m", "front"), ("f", "left"), ("f", "front")]


def row(**said):
    """A row of looks that is sure of everything; what is not said is the first word of the look."""
    return looks.row({look.name: look.words[0] for look in looks.LOOKS} | said)


@pytest.fixture
def generator(trained):
    return open_generator(trained)


@pytest.fixture
def artist(generator):
    """Portraits whose known faces, of the seeds 0 to 3, are of WORDS."""
    rows = np.stack([row(sex=sex, turn=turn) for sex, turn in WORDS])
    shapes = np.zeros((4, 8, 8), np.float32)
    return portraits.Portraits(generator, known.Faces(np.arange(4), rows, shapes, np.arange(0)))


@pytest.fixture
def few(monkeypatch, tmp_path, trained):
    """A run of its own, with a generator of 16x16 faces, of which few are looked at -> its folder."""
    import shutil

    monkeypatch.setattr(known, "SEEN", 48)
    monkeypatch.setattr(known, "KEPT", 40)
    for seed in range(2):
        images.save(f"{'ab'[seed]}.png", cartoons.draw(seed, 48))
    return Path(shutil.copytree(trained, tmp_path / "results" / "00003-few"))


@pytest.mark.parametrize(("sex", "turn"), [*WORDS, ("m", "right")])
def test_the_face_that_says_the_words_is_chosen(artist, sex, turn):
    best = artist.choose(row(sex=sex, turn=turn))[0]
    assert looks.words(artist.looks[best])["sex"] == sex
    assert looks.words(artist.looks[best])["turn"] == turn
    assert artist.mirrored[best] == (turn == "right") or turn == "front"


def test_among_equals_light_and_dark_decide(generator):
    shapes = np.zeros((2, 8, 8), np.float32)
    shapes[0, :4], shapes[1, 4:] = 1, 1
    artist = portraits.Portraits(generator, known.Faces(np.arange(2), np.stack([row(), row()]), shapes, np.arange(0)))
    for seed in range(2):
        assert artist.seeds[artist.choose(row(), shapes[seed])[0]] == seed


def test_variants_are_other_faces(artist):
    several = artist.several(row(), np.zeros((8, 8)), 4, seed=0)
    assert sorted(artist.seeds[several]) == [0, 1, 2, 3]
    assert several[0] == artist.choose(row())[0]
    assert np.array_equal(several, artist.several(row(), np.zeros((8, 8)), 4, seed=0))


def test_doubt_between_two_words_gives_a_colour_between_theirs():
    doubt = row()
    place = looks.PLACES["hair"]
    doubt[place] = [0.5, 0.5, *[0] * 8]
    black, brown = (np.array(touches.HAIR_COLOURS[word]) for word in ("black", "brown"))
    assert np.allclose(finishing.colour_of(doubt, "hair", touches.HAIR_COLOURS), (black + brown) / 2, atol=0.01)
    assert finishing.colour_of(row(hair="none"), "hair", touches.HAIR_COLOURS) is None
    assert finishing.colour_of(row(skin="light"), "skin", touches.SKIN_COLOURS) is None
    assert finishing.colour_of(looks.row({}), "skin", touches.SKIN_COLOURS) is None


def test_the_shipped_faces_are_of_the_shipped_generator():
    generator = portraits.find_generator(None)
    faces = known.read_faces(generator)
    assert len(faces.seeds) > 500
    assert np.allclose(faces.looks[:, looks.PLACES["sex"]].sum(axis=1), 1, atol=0.02)
    assert {looks.words(one)["sex"] for one in faces.looks} == {"f", "m"}
    drawn = generator.draw(latents.from_seeds(faces.seeds[:4], generator.latent))
    assert np.allclose(known.shape_of(drawn), faces.shapes[:4], atol=0.1)
    assert len(faces.well) == faces_of_shipped.LOOKED_AT / known.WELL
    drawn = [generator.draw(latents.from_seeds(seeds, generator.latent)) for seeds in (faces.well[:48], range(48))]
    well, usual = map(flaws.seen, drawn)
    assert well.mean() < usual.mean() / 2


def test_what_is_asked_can_be_read_in_the_drawing():
    """The shipped networks together: looks that no training face has are drawn so that the reader sees them."""
    artist = portraits.open_portraits(portraits.find_generator(None))
    critic = reading.open_reader(reading.OF_DRAWINGS)
    asked = [{"hair": "blond", "beard": "yes", "mouth": "open"}, {"hair": "black", "sex": "f", "skin": "dark"},
             {"hair": "grey", "sex": "f", "age": "old", "glasses": "yes"}]  # fmt: skip
    wanted = np.stack([row(turn="front", **words) for words in asked])
    _, drawn, _ = artist.draw(wanted, np.array([artist.choose(one)[0] for one in wanted]))
    for words, read in zip(asked, critic.read(drawn), strict=True):
        assert words.items() <= looks.words(read).items()


def test_faces_are_kept_beside_their_generator_only(few, capsys):
    generator = open_generator(few)
    faces = portraits.open_portraits(generator)
    assert "looks      of 48 faces" in capsys.readouterr().out
    assert len(faces.seeds) == 2 * 40
    again = portraits.open_portraits(generator)
    assert "looks" not in capsys.readouterr().out
    assert np.array_equal(again.seeds, faces.seeds)
    assert np.allclose(again.looks, faces.looks, atol=0.01)
    assert len(known.read_faces(generator).well) == 48 / known.WELL
    other = Generator(generator.network, generator.file, marks.Mark("other", "other"))
    assert known.read_faces(other) is None
    arrays = {"looks": np.zeros((1, looks.SIZE), np.uint8), "shapes": np.zeros((1, 8, 8), np.int8)}
    npz.write(few / known.FILE, seeds=np.zeros(1, int), **arrays, **generator.mark.arrays())
    assert known.read_faces(generator) is None  # of an older version
    for seed, well in ((2**63, [0]), (0, [2**63]), (0, [-1]), (0, [[0]]), (0, [0.0]), (0, [0] * 1_000_001)):
        wrong = {"seeds": np.array([seed], np.uint64), "well": np.array(well)}
        npz.write(few / known.FILE, **wrong, **arrays, **generator.mark.arrays())
        assert known.read_faces(generator) is None
    npz.write(few / known.FILE, seeds=np.zeros(1, int), well=np.zeros(0, int), **arrays, **generator.mark.arrays())
    assert known.read_faces(generator) is not None
    (few / known.FILE).write_bytes(b"nothing")
    assert known.read_faces(generator) is None


def test_grey_faces_stay_as_they_are():
    grey = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    finish = finishing.Finish(np.stack([row()] * 2), np.stack([row(mouth="open")] * 2), np.array([False, True]))
    made = finishing.Finisher().finished(grey, finish)
    assert np.array_equal(made[0], grey[0])
    assert np.array_equal(made[1], grey[1, :, ::-1])


def test_faces_in_the_grey_of_comics_get_lighter_hair_and_no_colours():
    faces = open_generator(runs.PRETRAINED).draw(latents.from_seeds([3, 14], 100))
    grey = faces.mean(axis=-1, keepdims=True).astype(np.uint8).repeat(3, axis=-1)
    grey[..., 2] -= np.minimum(grey[..., 2], 2)  # a tint, as drawn faces have it
    wanted = np.stack([row(hair=hair) for hair in ("blond", "black")])
    blond, black = finishing.Finisher().finished(grey, finishing.Finish(wanted, wanted, np.zeros(2, bool)))
    for made in (blond, black):
        assert np.ptp(made, axis=-1).max() <= 1
    assert abs(blond.mean() - grey[0].mean()) > 5 < abs(black.mean() - grey[1].mean())


@pytest.mark.parametrize("name", ["missing.keras", "generator.keras"])
def test_what_is_no_reader_is_said(trained, name):
    with pytest.raises(Problem, match="train a reader with python train"):
        reading.open_reader(trained / name)


def test_encode_tells_what_it_read_and_drew(few, capsys):
    assert encode.main(["a.png", "b.png", "--no-detect", "--run", str(few), "--variants", "1", "--output", "out/"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("a: a ") and " of 11" in line for line in lines)
    assert sorted(os.listdir("out")) == ["a.png", "a_v1.png", "b.png", "b_v1.png", "latents.npz"]
    assert images.read("out/a.png").shape == (64, 64, 3)
    assert not np.array_equal(images.read("out/a.png"), images.read("out/a_v1.png"))
    # The same face without the other photo.
    assert encode.main(["b.png", "--no-detect", "--run", str(few), "--output", "alone/"]) == 0
    assert np.array_equal(images.read("alone/b.png"), images.read("out/b.png"))


def test_the_seed_chooses_the_variants_and_not_the_face(few):
    z = []
    for seed in ("0", "1"):
        flags = ["--variants", "4", "--seed", seed, "--output", f"out{seed}/"]
        assert encode.main(["a.png", "--no-detect", "--run", str(few), *flags]) == 0
        z.append(np.load(f"out{seed}/latents.npz")["z"])
    assert np.array_equal(z[0][0], z[1][0])
    assert not np.array_equal(z[0][1:], z[1][1:])


def test_encode_draws_what_the_user_asks_for(few, capsys):
    flags = ["a.png", "--no-detect", "--run", str(few), "--json", "--output", "out/"]
    assert encode.main([*flags, "--hair", "blue", "--sex", "m", "--smile", "more"]) == 0
    (facts,) = map(json.loads, capsys.readouterr().out.splitlines())  # and nothing else
    assert facts["face"] == "a"
    assert {"hair": "blue", "sex": "m", "smile": "yes", "mouth": "open"}.items() <= facts["photo"].items()
    assert set(facts["missed"]) == {name for name in portraits.COUNTED if facts["photo"][name] != facts["drawn"][name]}


def test_generate_draws_the_faces_of_a_folder_again(few):
    assert encode.main(["a.png", "b.png", "--no-detect", "--run", str(few), "--skin", "dark", "--output", "out/"]) == 0
    assert generate.main(["--latents", "out/latents.npz", "--output", "again/"]) == 0
    for number, name in enumerate("ab"):
        assert np.array_equal(images.read(f"again/latent_{number:06d}.png"), images.read(f"out/{name}.png"))


@pytest.mark.parametrize(
    "damage",
    [
        {"wanted": np.zeros((2, 3))},
        {"mirrored": np.zeros(2)},
        {"has": np.zeros((2, looks.SIZE), int)},
        {"has": np.full((2, looks.SIZE), np.nan)},
    ],
)
def test_what_was_drawn_onto_faces_is_read_without_trust(damage):
    arrays = {"wanted": np.full((2, looks.SIZE), 1e9), "has": np.zeros((2, looks.SIZE)), "mirrored": np.zeros(2, bool)}
    np.savez("latents.npz", **arrays)
    assert finishing.Finish.read(Path("latents.npz"), 2).wanted.max() == 1
    assert finishing.Finish.read(Path("latents.npz"), 3) is None
    np.savez("latents.npz", **{**arrays, **damage})
    assert finishing.Finish.read(Path("latents.npz"), 2) is None


@pytest.mark.parametrize(
    ("program", "flags", "words"),
    [
        (encode, "a.png --refine 4", "--refine is for the learned encoder only: leave it out"),
        (encode, "a.png --encoder vae --hair red", "--hair is for faces that are drawn by their looks"),
        (encode, "a.png --hair none", "invalid choice"),
        (encode, "a.png --smile more --mouth closed", "--smile more opens the mouth"),
        (encode, "a.png --reader missing.keras", "missing.keras does not exist: train a reader"),
        (generate, "--sex m --seeds 0-7", "--sex chooses among the seeds from --seed on: leave it out, or --seeds"),
        (generate, "--hair red --output film.gif", "--hair is for pictures, not for films"),
    ],
)
def test_misuse(program, flags, words, refused, few):
    code = 1 if "missing" in flags else 2
    assert words in refused(program.main, [*flags.split(), "--run", few], code)


def test_generate_looks_for_faces_and_draws_onto_them(capsys):
    flags = ["--run", str(runs.PRETRAINED), "--count", "2", "--output", "men/"]
    assert generate.main([*flags, "--sex", "m", "--hair", "red", "--glasses", "yes"]) == 0
    names = sorted(os.listdir("men"))
    assert len(names) == 2
    with Image.open(f"men/{names[0]}") as image:
        assert (image.text["hair"], image.text["face"]) == ("red", names[0][:-4])
    critic = reading.open_reader(reading.OF_DRAWINGS)
    for read in critic.read(np.stack([images.read(f"men/{name}") for name in names])):
        assert {"sex": "m", "hair": "red", "glasses": "yes"}.items() <= looks.words(read).items()


def test_of_the_faces_that_look_so_the_clearest_is_kept(few, monkeypatch):
    monkeypatch.setattr(reading.Reader, "read", lambda self, pixels: np.stack(
        [row(sex="mf"[int(face.sum()) % 2], flaw="no") for face in pixels]))  # fmt: skip
    monkeypatch.setattr("drawing.flaws.flaws", lambda faces: faces.mean(axis=(1, 2, 3)))
    flags = ["--run", str(few), "--sex", "m", "--scale", "1", "--seed", "3"]
    assert generate.main([*flags, "--count", "12", "--output", "all/"]) == 0
    assert generate.main([*flags, "--count", "4", "--best-of", "3", "--output", "best/"]) == 0
    names = sorted(os.listdir("all"))
    dark = np.array([images.read(f"all/{name}").mean() for name in names]).reshape(4, 3)
    assert sorted(os.listdir("best")) == [names[3 * i + place] for i, place in enumerate(dark.argmin(axis=1))]


@pytest.mark.parametrize(("share", "kept"), [(2, range(0, 12, 2)), (9, (0, 2, 4, 6, 8, 9))])
def test_faces_that_look_so_are_whole_or_the_best_there_are(few, monkeypatch, share, kept):
    """Every second or ninth face is whole; of the others, those of even seeds have fewer flaws."""
    monkeypatch.setattr(portraits, "ROWS", 4)
    monkeypatch.setattr(reading.Reader, "read", lambda self, pixels: np.stack([row(sex="m", flaw="no")] * len(pixels)))
    seen = iter(np.where(np.arange(99) % share == 0, 0.1, np.where(np.arange(99) % 2, 0.9, 0.7)))
    monkeypatch.setattr("drawing.flaws.seen", lambda faces: np.array([next(seen) for _ in faces]))
    flags = ["--run", str(few), "--sex", "m", "--scale", "1", "--count", "6", "--output", "men/"]
    assert generate.main(flags) == 0
    assert sorted(os.listdir("men")) == [f"seed_{seed:06d}.png" for seed in kept]


def test_generate_says_when_too_few_faces_look_so(few, monkeypatch, refused):
    monkeypatch.setattr(portraits, "TRIES", 1)
    monkeypatch.setattr(reading.Reader, "read", lambda self, pixels: np.stack([row(sex="f")] * len(pixels)))
    words = refused(generate.main, ["--sex", "m", "--count", "3", "--run", few], 1)
    assert "only 0 of 48 faces look so: ask for fewer faces with --count" in words
