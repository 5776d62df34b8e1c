"""generate.py: which run, which faces, and in what form."""

import errno
import json
import os
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

import generate
from animefaces import images, latents, looks, resuming, runs
from drawing import flaws as seen_flaws
from drawing.flaws import best_of, flaws, kinds
from drawing.opening import open_generator

FACES = Path("results/drawn/faces.png")  # without --output


@pytest.fixture
def draw(trained):
    """generate.main with the finished run, unless --run says otherwise -> exit code."""

    def run(*flags):
        return generate.main([*([] if "--run" in flags else ["--run", str(trained)]), *map(str, flags)])

    return run


def cells(path, size=16):
    """A grid's faces, row by row."""
    sheet = images.read(path)
    rows, columns = sheet.shape[0] // size, sheet.shape[1] // size
    return sheet.reshape(rows, size, columns, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3)


def test_the_newest_run_is_the_default(trained, capsys):
    for number, name in enumerate(["00000-old", "00001-new", "00002-older"]):
        shutil.copytree(trained, Path("results") / name)
        os.utime(f"results/{name}/generator.keras", (0, [1, 3, 2][number] * 10**9))
    (Path("results") / "00003-nothing-yet").mkdir()
    assert generate.main(["--count", "2"]) == 0
    with Image.open(FACES) as image:
        assert image.text["run"] == "00001-new"
    assert f"{FACES}: 2 faces, 64x64 pixels each\n" in capsys.readouterr().out


def test_a_grid_of_48(draw):
    assert draw("--count", "48") == 0
    assert images.read(FACES).shape == (6 * 16, 8 * 16, 3)


def test_the_grid_of_samples_is_seeds_0_to_47(draw, trained):
    assert draw("--seeds", "0-47") == 0
    assert np.array_equal(images.read(FACES), images.read(trained / "samples" / "step_000020.png"))


def test_a_seed_is_the_same_face_alone_in_a_grid_and_in_a_folder(draw):
    small = ["--scale", "1"]
    assert draw("--seed", "7", "--count", "1", *small, "--output", "alone.png") == 0
    assert draw("--seeds", "30-90,7", "--output", "grid.png") == 0
    assert draw("--seed", "5", "--count", "60", *small, "--output", "many/") == 0
    alone = images.read("alone.png")
    assert np.array_equal(cells("grid.png")[61], alone)
    assert np.array_equal(images.read("many/seed_000007.png"), alone)
    for seed in (30, 42, 63):
        assert np.array_equal(cells("grid.png")[seed - 30], images.read(f"many/seed_{seed:06d}.png"))
    assert len(os.listdir("many")) == 60
    assert not np.array_equal(images.read("many/seed_000008.png"), alone)


def test_a_seed_that_is_typed_twice_is_one_file(draw, capsys):
    assert draw("--seeds", "4,2,4,2-3", "--output", "some/") == 0
    assert sorted(os.listdir("some")) == ["seed_000002.png", "seed_000003.png", "seed_000004.png"]
    assert "some/: 3 faces" in capsys.readouterr().out
    assert draw("--seeds", "4,4", "--scale", "1", "--output", "pair.png") == 0
    assert np.array_equal(*cells("pair.png"))


def test_more_faces_than_are_drawn_at_once(draw, monkeypatch):
    monkeypatch.setattr("drawing.generator.AT_ONCE", 48)
    assert draw("--count", "100", "--scale", "1", "--output", "many/") == 0
    monkeypatch.setattr("drawing.generator.AT_ONCE", 480)
    assert draw("--count", "100", "--output", "grid.png") == 0
    assert np.array_equal(cells("grid.png")[99], images.read("many/seed_000099.png"))


def test_latents_instead_of_seeds(draw):
    np.savez("latents.npz", z=latents.from_seeds([3, 4], 8))
    assert draw("--latents", "latents.npz", "--output", "latents.png") == 0
    assert draw("--seeds", "3,4", "--output", "seeds.png") == 0
    assert np.array_equal(images.read("latents.png"), images.read("seeds.png"))
    assert draw("--latents", "latents.npz", "--output", "many/") == 0
    assert sorted(os.listdir("many")) == ["latent_000000.png", "latent_000001.png"]


def test_truncation_draws_nearer_to_the_mean(draw):
    for amount in ("1", "0.5", "0"):
        assert draw("--seeds", "0-7", "--truncation", amount, "--scale", "1", "--output", f"{amount}.png") == 0
    spread = [cells(f"{amount}.png").astype(float).std(0).mean() for amount in ("0", "0.5", "1")]
    assert spread[0] == 0 < spread[1] < spread[2]


def test_what_is_written_into_a_picture(draw, trained):
    assert draw("--seeds", "3,14", "--truncation", "0.7") == 0
    with Image.open(FACES) as image:
        assert image.text == {"faces": "seed_000003 seed_000014", "run": trained.name, "truncation": "0.7"}
    assert draw("--seeds", "3", "--output", "many/", "--run", trained / "generator.keras") == 0
    with Image.open("many/seed_000003.png") as image:
        assert image.text == {"face": "seed_000003", "run": trained.name, "truncation": "1.0"}


def test_a_film_from_face_to_face(draw, monkeypatch):
    monkeypatch.setattr(generate, "FRAMES", 4)
    assert draw("--seeds", "3,14,15", "--output", "walk.gif") == 0
    assert draw("--seeds", "14", "--output", "face.png") == 0
    with Image.open("walk.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (12, (64, 64), 0)
        film.seek(4)
        frame = np.asarray(film.convert("RGB")).astype(int)
    assert np.abs(frame - images.read("face.png")).max() < 8  # but for the palette


def test_grey_faces(tmp_path):
    z = keras.Input((4,))
    pixels = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="tanh")(z))
    keras.Model(z, pixels).save("grey.keras")
    assert generate.main(["--run", "grey.keras", "--count", "4", "--output", "grid.png"]) == 0
    assert generate.main(["--run", "grey.keras", "--count", "4", "--output", "film.gif"]) == 0
    with Image.open("grid.png") as image:
        assert (image.mode, image.size, image.text["run"]) == ("L", (64, 64), "grey.keras")


def test_one_of_each_few_faces_is_kept(draw, monkeypatch):
    assert draw("--seed", "5", "--count", "60", "--output", "all.png") == 0
    brightness = cells("all.png").mean(axis=(1, 2, 3)).reshape(20, 3)
    monkeypatch.setattr("drawing.flaws.flaws", lambda faces: faces.mean(axis=(1, 2, 3)))
    monkeypatch.setattr("drawing.reading.Reader.read", lambda _, faces: np.ones((len(faces), looks.SIZE)))
    assert draw("--seed", "5", "--count", "20", "--best-of", "3", "--scale", "1", "--output", "dark.png") == 0
    seeds = 5 + 3 * np.arange(20) + brightness.argmin(axis=1)
    with Image.open("dark.png") as image:
        assert image.text["faces"].split() == [f"seed_{seed:06d}" for seed in seeds]
    assert np.array_equal(cells("dark.png")[:20], cells("all.png")[seeds - 5])
    assert draw("--seed", "5", "--count", "2", "--best-of", "3", "--scale", "1", "--output", "few/") == 0
    assert sorted(os.listdir("few")) == [f"seed_{seed:06d}.png" for seed in seeds[:2]]


def test_the_choice_keeps_the_shares_of_kinds():
    words = ["m" if i % 5 == 0 else "f" for i in range(40)]
    rows = np.stack([looks.row({"sex": word, "glasses": "no", "turn": "front"}) for word in words])
    flawed = np.arange(40.0)[::-1] + 100 * (np.array(words) == "m")  # every man has more flaws than any woman
    kept = best_of(flawed, kinds(rows), 4)
    assert kept.tolist() == [4, 9, 14, 15, 19, 24, 29, 34, 35, 39]  # the last of each four women, and of each four men
    alike = best_of(flawed, kinds(np.ones_like(rows)), 4)
    assert len(alike) == 10 and "m" not in {words[place] for place in alike}
    assert best_of(flawed[:4], kinds(rows[:4]), 4).tolist() == [3]  # one man and three women: the best of all
    assert best_of(flawed[:0], kinds(rows[:0]), 4).size == 0


def test_the_faces_that_are_chosen_from_are_those_that_are_drawn(draw, monkeypatch):
    seen = []
    monkeypatch.setattr("drawing.flaws.flaws", lambda faces: seen.append(faces) or faces.mean(axis=(1, 2, 3)))
    flags = ["--truncation", "0.4", "--scale", "1"]
    assert draw("--count", "4", "--best-of", "3", *flags, "--output", "best.png") == 0
    assert draw("--count", "12", *flags, "--output", "all.png") == 0
    assert np.array_equal(np.concatenate(seen), cells("all.png")[:12])


def test_what_is_seen_of_flaws():
    shipped = open_generator(runs.PRETRAINED)
    faces = shipped.draw(latents.from_seeds(range(24), shipped.latent))
    smeared = faces.copy()
    for face, own in zip(smeared, faces, strict=True):
        face[24:48, :32] = cv2.GaussianBlur(own, (0, 0), 4)[24:48, :32]  # the eye on the left
    coloured = faces.copy()
    coloured[:, 24:48, :32] = coloured[:, 24:48, :32, ::-1]
    crooked = faces.copy()
    crooked[:, 48:58, 28:34] = crooked[:, 48:58, 20:26] // 2  # beside the mouth
    before = flaws(faces)
    assert before.shape == (24,)
    assert (flaws(smeared) > before).mean() > 0.9
    assert (flaws(coloured) > before).mean() > 0.7
    assert (flaws(crooked) > before).mean() > 0.9
    assert np.corrcoef(flaws(faces[:, :, ::-1]), before)[0, 1] > 0.9
    assert flaws(faces[:0]).shape == (0,)


def test_best_of_is_for_faces_in_colour(refused, tmp_path):
    z = keras.Input((4,))
    keras.Model(z, keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="tanh")(z))).save("grey.keras")
    words = refused(generate.main, ["--run", "grey.keras", "--count", "4", "--best-of", "2"], 2)
    assert "grey.keras draws in grey, and flaws are looked for in colour: leave out --best-of" in words


def test_a_damaged_network_of_flaws_is_named(refused, tmp_path, monkeypatch):
    (tmp_path / "flaws.keras").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    monkeypatch.setattr(seen_flaws, "FILE", tmp_path / "flaws.keras")
    monkeypatch.setattr(seen_flaws, "_network", seen_flaws._network.__wrapped__)  # which may have opened it before
    words = refused(generate.main, ["--run", runs.PRETRAINED, "--count", "1", "--best-of", "2"], 1)
    assert "flaws.keras cannot be opened" in words and words.endswith("get it again from the project")


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("0-3,12", [0, 1, 2, 3, 12]), (" 5 , 2-2", [5, 2]), ("1,1", [1, 1])]
)
def test_seeds(text, seeds):
    assert latents.parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--output -", "--output - will not do"),
        ("--output faces.jpg", "name a FILE.png, FILE.gif, FILE.webp, FILE.mp4 or a folder ending in /"),
        ("--output=", "--output will not do"),
        ("--output /dev/full", "--output /dev/full will not do"),
        ("--output /dev/full/", "--output /dev/full is a file: name a folder"),
        ("--directions a.npz", "--directions does nothing without --edit"),
        ("--output faces", "name a FILE.png"),
        ("--output -o.png", "expected one argument"),
        ("--seeds 0-7 --count 3", "exclude each other"),
        ("--seeds 0-7 --seed 3", "exclude each other"),
        ("--latents a.npz --count 3", "exclude each other"),
        ("--best-of 4 --seeds 0-7", "--best-of, --seeds and --latents exclude each other"),
        ("--best-of 4 --latents a.npz", "exclude each other"),
        ("--best-of 0", "--best-of 0 will not do: it must be from 1 to 100"),
        ("--best-of 100 --count 1000000 --output many/", "--best-of 100 of 1,000,000 faces is too much"),
        ("--best-of 4 --count 101 --output film.gif", "a film of 101 faces is too long"),
        ("--seeds=", "--seeds cannot be read"),
        ("--seeds 7-0", "--seeds 7-0 cannot be read: write the lower number of a range first, 0-7"),
        ("--seeds 1,,2", "cannot be read"),
        ("--seeds -1", "cannot be read"),
        ("--seeds 0-99999999999", "--seeds 0-99999999999 are too many: give up to 10,000,000"),
        ("--count 100 --upscaler nope", "--upscaler draws larger faces, and these are not enlarged: add --scale 4"),
        ("--count 0", "--count 0 will not do"),
        ("--count -3", "--count -3 will not do"),
        ("--count 1000000000000", "will not do"),
        ("--count 20000", "20,000 faces are too many for one picture"),
        ("--seed -1", "--seed -1 will not do"),
        ("--truncation 3", "from 0 to 2"),
        ("--count 101 --output film.gif", "a film of 101 faces is too long"),
    ],
)
def test_misuse(flags, words, draw, refused):
    assert words in refused(lambda argv: draw(*argv), flags.split(" "), 2)
    assert os.listdir() == []


def test_no_run_at_all(refused, monkeypatch):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", Path("none"))
    assert refused(generate.main, [], 1).startswith("there is no run yet: train one with python train.py")


def test_without_runs_the_shipped_weights_are_used(trained, monkeypatch):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", trained)
    assert generate.main(["--count", "1"]) == 0


def test_a_demo_is_nobodys_default(trained, capsys):
    """`make demo` trains on cartoons: its run is taken only by name, also when it is the newest."""
    run, demo = (Path(shutil.copytree(trained, Path("results") / name)) for name in ("00000-tutorial", "demo"))
    record = json.loads((demo / "options.json").read_text())
    record["options"]["recipe"] = "demo"
    (demo / "options.json").write_text(json.dumps(record))
    os.utime(demo / "generator.keras", (2e9, 2e9))
    assert generate.main(["--count", "1"]) == 0
    line = f"network    {run}/generator.keras, the newest run (name another one with --run)\n"
    assert line in capsys.readouterr().out
    assert generate.main(["--count", "1", "--run", str(demo)]) == 0
    assert f"network    {demo}/generator.keras\n" in capsys.readouterr().out
    shutil.rmtree(run)
    assert generate.main(["--count", "1"]) == 0
    assert "models/pretrained/generator.keras, the shipped weights" in capsys.readouterr().out


def test_the_best_generator_is_named_by_its_run(copied):
    shutil.copy(copied / "generator.keras", copied / "best.keras")
    assert generate.main(["--count", "1", "--run", str(copied)]) == 0
    with Image.open(FACES) as image:
        assert image.text["run"] == copied.name


def test_a_run_with_nothing_but_its_best_generator(trained):
    Path("results").mkdir()  # empty: no run of one's own
    Path("best").mkdir()
    shutil.copy(trained / "generator.keras", "best/best.keras")
    assert generate.main(["--count", "1", "--run", "best"]) == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [(MemoryError(), "not enough memory"), (PermissionError(13, "Permission denied", "a.keras"), "a.keras: Perm")],
)
def test_a_fault_of_the_computer_is_no_untrusted_file(draw, refused, monkeypatch, fault, words):
    def load(path):
        raise fault

    monkeypatch.setattr("models.contents.read", load)
    assert refused(lambda argv: draw(*argv), ["--count", "1"], 1).startswith(words)


def test_runs_that_are_none(refused):
    Path("empty").mkdir()
    assert "does not exist" in refused(generate.main, ["--run", "gone"], 1)
    assert "holds no generator.keras" in refused(generate.main, ["--run", "empty"], 1)


def test_latents_that_are_none(draw, refused):
    np.savez("other.npz", y=np.zeros((2, 8)))
    np.savez("long.npz", z=np.zeros((2, 9)))
    np.savez("flat.npz", z=np.zeros(8))
    np.savez("empty.npz", z=np.zeros((0, 8)))
    np.savez("nan.npz", z=np.full((1, 8), np.nan))
    np.savez("large.npz", z=np.full((1, 8), 1e300))
    np.savez("words.npz", z=np.array([["a"] * 8]))
    np.savez("digits.npz", z=np.array([["1"] * 8]))
    np.savez("complex.npz", z=np.zeros((2, 8), complex))
    np.savez("objects.npz", z=np.array([[{}] * 8]))
    np.save("plain.npz", np.zeros((2, 8)))
    os.rename("plain.npz.npy", "plain.npz")
    Path("text.npz").write_text("hello")
    Path("nothing.npz").write_text("")
    np.savez_compressed("damaged.npz", z=latents.from_seeds(range(50), 8))
    whole = Path("damaged.npz").read_bytes()
    Path("damaged.npz").write_bytes(whole[:200] + b"?" * 200 + whole[400:])
    np.savez("marks.npz", z=np.array([["a"] * 8]), generator=np.array({}), run=np.zeros(3))
    for path in Path().glob("*.npz"):
        assert str(path) in refused(lambda argv: draw(*argv), ["--latents", path], 1)
    assert "No such file" in refused(lambda argv: draw(*argv), ["--latents", "gone.npz"], 1)
    assert "text.npz is neither a run folder nor a .keras file" in refused(generate.main, ["--run", "text.npz"], 1)


def test_outputs_that_cannot_be_written(draw, refused, monkeypatch):
    """They are refused before a network is opened."""
    monkeypatch.setattr("drawing.opening.open_generator", None)
    Path("file").write_text("in the way")
    for output in ("file/faces.png", "file/faces.gif", "file/many/"):
        line = refused(lambda argv: draw(*argv), ["--seeds", "0-1", "--output", output], 2)
        assert line.startswith(f"--output {output.rstrip('/')} cannot be written, because ")
        assert line.endswith("file is a file: name another one")
    for output in ("x" * 300 + ".png", "x" * 300 + "/"):
        assert "File name too long" in refused(lambda argv: draw(*argv), ["--output", output], 2)
    assert Path("file").read_text() == "in the way"
    assert os.listdir() == ["file"]


def test_a_picture_is_only_replaced_by_its_name(draw, capsys):
    """The default name goes on: faces.png, faces-2.png. A name that the user typed is written anew."""
    for seed in ("1", "2", "3"):
        assert draw("--seeds", seed) == 0
    said = capsys.readouterr().out
    names = ["faces.png", "faces-2.png", "faces-3.png"]
    assert sorted(os.listdir("results/drawn")) == sorted(names)
    for seed, name in enumerate(names, 1):
        assert f"results/drawn/{name}: 1 face, 64x64 pixels each\n" in said
        assert draw("--seeds", str(seed), "--output", "mine.png") == 0
        assert np.array_equal(images.read("mine.png"), images.read(f"results/drawn/{name}"))


def test_the_folder_of_pictures_is_no_run(draw, trained):
    assert draw("--count", "1") == 0
    assert runs.newest() is None
    assert resuming.create("light").name == "00000-light"
    shutil.copytree(trained, Path("results/00001-tutorial"))
    assert runs.newest() == Path("results/00001-tutorial")


def test_faces_that_are_written_stay_if_a_later_one_fails(draw, monkeypatch, capsys):
    written = images.save

    def save(path, *words, **notes):
        if path.name == "seed_000002.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written(path, *words, **notes)

    monkeypatch.setattr(images, "save", save)
    assert draw("--count", "5", "--output", "many/") == 1
    said = capsys.readouterr()
    assert "many/: 2 of 5 faces\n" in said.out
    assert "many/seed_000002.png: No space left on device" in said.err
    assert sorted(os.listdir("many")) == ["seed_000000.png", "seed_000001.png"]


def test_networks_that_draw_nothing(refused):
    x = keras.Input((8, 8, 3))
    keras.Model(x, keras.layers.Flatten()(x)).save("other.keras")
    assert "does not turn z into pictures" in refused(generate.main, ["--run", "other.keras"], 1)


def test_a_generator_that_draws_no_numbers_is_refused(copied, refused):
    import keras

    network = keras.saving.load_model(copied / "generator.keras", compile=False)
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    network.save("broken.keras")
    line = refused(generate.main, ["--run", "broken.keras", "--count", 2], 1)
    assert line == "broken.keras draws numbers that are not finite: name another one with --run"
