"""explore.py from end to end, on tiny networks of each architecture; and what generate.py makes of it."""

import importlib
import json
import os
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from conftest import PROJECT, SIZES
from PIL import Image

import explore
import generate
from animefaces import directions, images, latents, metrics, runs, sheets
from demo import cartoons
from drawing.opening import open_generator
from drawing.viewing import as_judged
from exploring.neighbours import closest

ADDED = Path("results/drawn/arithmetic.png")  # without --output
FLAGS = {
    "strided": [],
    "pooled": ["--recipe", "pooled", "--generator-widths", "8,8,8", "--discriminator-widths", "8"],
    "residual": ["--recipe", "large", "--generator-widths", "8,8", "--discriminator-widths", "8,8", "--patches",
                 "--coarse-chroma", "--coarse-luma"],
    "grey": ["--channels", "1", "--generator-widths", "8,8", "--discriminator-widths", "8,8"],
}  # fmt: skip


@pytest.fixture(scope="module", params=FLAGS)
def run(request, tmp_path_factory, trained, faces, cache):
    """A finished run of each architecture."""
    import train as program

    if request.param == "strided":
        return Path(shutil.copytree(trained, tmp_path_factory.mktemp("strided") / "run"))
    folder = tmp_path_factory.mktemp("results") / request.param
    words = ["--data", faces, "--cache", cache, *SIZES, *FLAGS[request.param], "--steps", "2", "--run", folder]
    assert program.main([str(word) for word in words]) == 0
    return folder


@pytest.fixture
def look(copied, faces, cache):
    """explore.main on a copy of the finished run, unless --run says otherwise -> exit code."""

    def call(what, *flags):
        data = ["--cache", cache] if what in ("features", "neighbours") else []
        words = [what, *([] if "--run" in flags else ["--run", copied]), *data, *flags]
        return explore.main([str(word) for word in words])

    return call


def shown(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "words",
    [
        "walk --count 3 --frames 4",
        "arithmetic --these 0,1 --minus 2 --plus 3,4",
        "attributes --samples 48 --count 1",
        "features --samples 16 --maps 2",
        "forget --samples 16 --count 3",
        "neighbours --count 3 --samples 16",
    ],
)
def test_each_command_on_each_architecture(words, run, faces, cache, capsys):
    what, *flags = words.split()
    data = ["--data", faces, "--cache", cache] if what in ("features", "neighbours") else []
    assert explore.main([str(w) for w in (what, *flags, "--run", run, *data)]) == 0
    output = "results/drawn/" + ("walk.gif" if what == "walk" else f"{what}.png")
    assert f"{output}: " in capsys.readouterr().out
    assert shown(output).std() > 0


def test_the_same_command_gives_the_same_picture(look):
    for what in ("features", "forget"):
        first, second = (look(what, "--samples", "16", "--output", f"{n}.png") for n in (1, 2))
        assert first == second == 0
        assert np.array_equal(shown("1.png"), shown("2.png"))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_films(look, suffix):
    keras.utils.set_random_seed(0)  # patches of bright colours, for the codecs to keep
    z = keras.Input((8,))
    patches = keras.layers.Dense(48, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=1))(z)
    pictures = keras.layers.UpSampling2D(4)(keras.layers.Reshape((4, 4, 3))(patches))
    keras.Model(z, pictures).save("vivid.keras")
    words = ["--run", "vivid.keras", "--seeds", "0,1,2"]
    assert look("walk", *words, "--frames", "5", "--output", f"walk{suffix}") == 0
    if suffix == ".mp4":
        frames = read_mp4(f"walk{suffix}")
    else:
        with Image.open(f"walk{suffix}") as film:
            assert film.info["loop"] == 0
            frames = []
            for i in range(film.n_frames):
                film.seek(i)
                frames.append(np.asarray(film.convert("RGB")))
    assert len(frames) == 15 and frames[0].shape == (64, 64, 3)
    assert generate.main([*words[:2], "--seeds", "0", "--output", "face.png"]) == 0
    face = shown("face.png")
    assert np.abs(face.astype(int) - frames[0]).mean() < 12  # the first frame is the first seed's face


def read_mp4(path):
    reader, frames = cv2.VideoCapture(str(path)), []
    while True:
        more, frame = reader.read()
        if not more:
            return frames
        frames.append(frame[..., ::-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_shows_what_was_written(channels):
    """Odd sides and either number of channels; the codec loses a little."""
    x = np.linspace(0, 200, 31)
    written = [np.broadcast_to((x + t)[None, :, None], (33, 31, channels)).astype(np.uint8) for t in range(0, 50, 5)]
    images.save_film("film.mp4", written, seconds=0.04)
    read = read_mp4("film.mp4")
    assert len(read) == len(written) and read[0].shape == (34, 32, 3)
    for one, other in zip(written, read, strict=True):
        assert np.abs(one.astype(int) - other[:33, :31]).mean() < 6
    assert np.mean(read[-1]) - np.mean(read[0]) == pytest.approx(45, abs=5)


def test_a_walk_is_evenly_fast(look, capsys):
    """All depends steeply on one number of z, which changes its sign: with equal steps of z the picture jumps."""
    z = keras.Input((2,))
    steep = keras.layers.Dense(192, activation="tanh")
    network = keras.Model(z, keras.layers.Reshape((8, 8, 3))(steep(z)))
    steep.set_weights([np.repeat([[3.0], [0.0]], 192, axis=1), np.zeros(192)])
    network.save("steep.keras")
    np.savez("ends.npz", z=[[2.6, 1.5], [-2.6, 1.5]])
    assert look("walk", "--run", "steep.keras", "--latents", "ends.npz", "--frames", "40", "--output", "a.webp") == 0
    after, before = (int(part.split()[-1]) for part in capsys.readouterr().out.split(" %")[:2])
    assert before > 80 and after < 40


def test_walks_side_by_side(look, capsys):
    assert look("walk", "--count", "8", "--walks", "4", "--frames", "3", "--output", "walks.webp") == 0
    assert shown("walks.webp").shape == (128, 128, 3)
    assert capsys.readouterr().out.count("visible speed") == 4


def test_a_walk_between_encoded_faces(look, refused):
    np.savez("latents.npz", z=latents.from_seeds([3, 9], 8))
    assert look("walk", "--latents", "latents.npz", "--frames", "6", "--output", "a.webp") == 0
    assert look("walk", "--seeds", "3,9", "--frames", "6", "--output", "b.webp") == 0
    assert np.array_equal(shown("a.webp"), shown("b.webp"))
    assert "give each walk two or more" in refused(lambda argv: look(*argv), ["walk", "--seeds", "3"], 2)


def test_the_middle_of_nine_is_the_result(look, copied):
    assert look("arithmetic", "--these", "0,1", "--minus", "2", "--plus", "3") == 0
    z = latents.from_seeds([0, 1, 2, 3], 8)
    np.savez("sum.npz", z=(z[0] + z[1]) / 2 - z[2:3] + z[3:])
    assert generate.main(["--run", str(copied), "--latents", "sum.npz", "--output", "sum.png"]) == 0
    sheet, face = shown(ADDED), sheets.enlarge(shown("sum.png")[None])[0]
    places = [(y, x) for y in range(0, sheet.shape[0] - 63, 68) for x in range(100)]
    places += [(y, x) for y in range(0, sheet.shape[0] - 63, 68) for x in range(100, sheet.shape[1] - 63)]
    assert any(np.array_equal(sheet[y : y + 64, x : x + 64], face) for y, x in places)


def test_a_numbered_grid_to_choose_from(look, copied, capsys):
    assert look("arithmetic", "--seeds", "5,7-9") == 0
    with Image.open(ADDED) as image:
        assert image.text["seeds"] == "5 7 8 9"
    words = capsys.readouterr().out.splitlines()[-1].partition("for example: python explore.py ")[2]
    assert words == f"arithmetic --run {copied} --these 5 --minus 7 --plus 8"
    assert explore.main(words.split()) == 0  # it can be pasted
    np.savez("many.npz", z=latents.from_seeds(range(12), 8))
    assert look("arithmetic", "--latents", "many.npz") == 0
    assert "--latents many.npz --these 0,1,2 --minus 3,4,5 --plus 6,7,8\n" in capsys.readouterr().out


def test_edits_do_what_they_are_called(look, copied, capsys):
    """Directions of a run are kept with it; generate.py moves seeds and encoded faces along them alike."""
    names, rows = ["dark", "turn"], np.eye(8, dtype=np.float32)[:2]
    directions.save(copied / directions.FILE, names, rows, [3, 3])
    moved = latents.from_seeds([5], 8) + 2 * rows[0] - rows[1]
    np.savez("moved.npz", z=moved)
    np.savez("five.npz", z=latents.from_seeds([5], 8))
    edit, drawn = ["--edit", "dark=+2,turn=-1"], []
    for flags in (["--latents", "moved.npz"], ["--seeds", "5", *edit], ["--latents", "five.npz", *edit]):
        assert generate.main(["--run", str(copied), *flags, "--output", "a.png"]) == 0
        drawn.append(shown("a.png"))
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])


def test_edits_that_are_unknown(copied, refused):
    words = ["--run", copied, "--edit", "dark=1"]
    assert "find the directions of this generator with python explore.py attributes" in refused(generate.main, words, 1)
    directions.save(copied / directions.FILE, ["turn"], np.zeros((1, 8)), [3])
    assert "knows no dark: this generator has turn" in refused(generate.main, words, 2)
    assert "cannot be read" in refused(generate.main, ["--run", copied, "--edit", "dark"], 2)


def test_the_shipped_weights_have_directions():
    path = directions.beside(PROJECT / "models" / "pretrained" / "generator.keras")
    known = directions.load(path, 100)
    assert {"hair-dark", "background-bright", "tilt", "turn", "singular-1", "principal-1"} <= set(known)
    assert path.stat().st_size < 16_000


def test_the_shipped_weights_stay_as_they_are(copied, monkeypatch, capsys):
    """Without a run of one's own, new directions go beside the sheet; with --run, beside the generator.

    Either way, the command that is printed uses them.
    """
    monkeypatch.setattr("animefaces.runs.PRETRAINED", copied)
    words = ["attributes", "--samples", "48", "--count", "1"]
    assert explore.main(words) == 0
    file = Path("results/drawn/attributes-directions.npz")
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "attributes-directions.npz", "attributes-matrix.png", "attributes.png"
    ]  # fmt: skip
    assert not (copied / directions.FILE).exists()
    use = capsys.readouterr().out.splitlines()[-1].partition("to be used with python generate.py ")[2]
    assert use.startswith(f"--directions {file} --edit ")
    assert generate.main([*use.split(), "--count", "1"]) == 0
    assert explore.main([*words, "--run", str(copied)]) == 0
    assert (copied / directions.FILE).exists()
    use = capsys.readouterr().out.splitlines()[-1].partition("to be used with python generate.py ")[2]
    assert use.startswith(f"--run {copied} --edit ")
    assert generate.main([*use.split(), "--count", "1"]) == 0
    assert Path("results/drawn/attributes-2-matrix.png").exists()


def test_every_module_in_exploring_is_a_view(capsys):
    views = sorted(path.stem for path in (PROJECT / "exploring").glob("*.py") if path.stem != "__init__")
    assert sorted(command.name for command in explore.commands()) == views
    for view in views:
        with pytest.raises(SystemExit):
            explore.main([view, "--help"])
        assert explore.summary(importlib.import_module(f"exploring.{view}")) in capsys.readouterr().out


def test_copies_are_the_nearest(faces, cache):
    """A training face, taken for a drawn one, finds itself first."""
    from animefaces.dataset import open_faces

    known = open_faces([faces], 16, 3, cache)
    drawn = known[[4, 7]]
    near = closest(known, drawn, metrics.thumbnails(drawn), metrics.thumbnails)
    assert near[:, 0].tolist() == [4, 7]


def test_thumbnails_are_means():
    faces = cartoons.draw_many(2, 64)
    expected = faces.reshape(2, 16, 4, 16, 4, 3).mean(axis=(2, 4)).reshape(2, -1)
    assert np.allclose(metrics.thumbnails(faces), expected, atol=1e-3)
    assert metrics.thumbnails(np.full((1, 28, 28, 1), 7, np.uint8)).shape == (1, 256)


def test_focus_is_where_the_gradient_is():
    gradients = np.zeros((1, 20, 30, 3))
    gradients[0, 4:8, 10:20] = 1
    ((left, top, right, bottom),) = sheets.focus(gradients, share=0.98)
    assert (left, top, right, bottom) == (10, 4, 19, 7)
    assert sheets.focus(np.zeros((1, 4, 4, 3))).tolist() == [[3, 3, 3, 3]]
    assert sheets.boxed(np.zeros((1, 4, 4, 3), np.uint8), [(3, 3, 3, 3)]).any()


def test_a_run_from_before_discriminators_were_kept(look, copied, refused):
    (copied / "discriminator.keras").unlink()
    line = refused(lambda argv: look(*argv), ["features"], 1)
    assert line.endswith("train the run for one more step, or name a run that has it with --run")


def test_a_discriminator_is_shown_what_it_was_trained_on(copied):
    file = copied / "options.json"
    record, generator = json.loads(file.read_text(encoding="utf-8")), open_generator(copied)
    lines = np.where(np.arange(16) % 2, 200, 40).astype(np.uint8)[None, None, :, None].repeat(16, 1).repeat(3, -1)
    assert np.array_equal(as_judged(generator)(lines), images.to_network(lines))
    record["options"]["coarse_luma"] = True
    file.write_text(json.dumps(record), encoding="utf-8")
    seen = as_judged(generator)(lines)
    assert seen.shape == lines.shape and seen.std() < 0.5 * images.to_network(lines).std()
    assert seen.mean() == pytest.approx(images.to_network(lines).mean(), abs=0.1)


def test_a_discriminator_of_other_pictures(look, copied, refused):
    shutil.copy(runs.PRETRAINED / runs.DISCRIMINATOR, copied)
    line = refused(lambda argv: look(*argv), ["features"], 1)
    assert "does not judge pictures of its generator" in line


@pytest.mark.parametrize("kept", [5, [5], []])
def test_training_faces_that_are_no_paths(look, copied, refused, kept):
    record = json.loads((copied / "options.json").read_text())
    record["options"]["data"] = kept
    (copied / "options.json").write_text(json.dumps(record))
    assert "the training faces are not named in its options.json" in refused(lambda argv: look(*argv), ["features"], 1)


def test_training_faces_that_are_gone(look, copied, faces, refused):
    text = (copied / "options.json").read_text().replace(str(faces), "gone.zip")
    (copied / "options.json").write_text(text)
    assert "the training faces are not at gone.zip" in refused(lambda argv: look(*argv), ["features"], 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("walk --box 1,2,3,4", "--box is for"),
        ("forget --these 3", "--these is for"),
        ("attributes --data faces.zip", " features and "),
        ("walk --output walk.png", "name a FILE.gif, FILE.webp or FILE.mp4"),
        ("forget --output a.gif", "name a FILE.png"),
        ("walk --seeds 1-3 --count 3", "exclude each other"),
        ("walk --count 3 --walks 2", "give each walk two or more"),
        ("arithmetic --minus 3", "need --these"),
        ("arithmetic --these x", "--these x cannot be read"),
        ("features --layer none", "--layer: not a whole number"),
        ("features --layer 9", "--layer 9 will not do: give a number from 1 to 2 (1: 8x8, 8 maps; 2: 4x4, 16 maps)"),
        ("forget --layer 99", "--layer 99 will not do: give a number from 1 to "),
        ("forget --layer 0", "it must be at least 1"),
        ("arithmetic --these 0-1000000", "--these with 1,000,001 faces is too much: give up to 400"),
        ("arithmetic --output file/a.png", "file is a file"),
        ("attributes --output " + "x" * 250 + ".png", "File name too long"),  # with -matrix in it
        ("forget --box 1,2,3", "--box 1,2,3 cannot be read"),
        ("forget --box 0,0,16,16", "draw them around the object"),
        ("forget --object ears", "invalid choice"),
        ("dance", "there is no view dance: choose from walk, arithmetic"),
    ],
)
def test_misuse(look, refused, words, says):
    Path("file").touch()
    assert says in refused(lambda argv: look(*argv), words.split(), 2)
    assert not Path("results").exists()
    assert not [name for name in os.listdir() if Path(name).suffix in (".png", ".gif", ".webp")]


def test_a_layer_is_named_by_its_place(look, copied, capsys):
    """Keras counts the names of its layers on in each program, so they say nothing to people."""
    assert look("features", "--samples", "16", "--maps", "1") == 0
    assert "layer      2 of 2, 4x4, 16 maps; 10 training faces" in capsys.readouterr().out
    assert look("features", "--samples", "16", "--maps", "1", "--layer", "1", "--output", "first.png") == 0
    assert "layer      1 of 2, 8x8, 8 maps" in capsys.readouterr().out
    assert not np.array_equal(shown("first.png"), shown("results/drawn/features.png"))
    assert look("forget", "--samples", "16", "--layer", "1") == 0
    said = capsys.readouterr().out
    assert "layer      1 of " in said and "re_lu" not in said
