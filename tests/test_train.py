"""The real program: every recipe, what a run leaves, what is refused, what happens when it goes wrong."""

import contextlib
import io
import json
import math
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SIZES, TINY, log_of, state_of
from PIL import Image

import recipes
import train as program
from animefaces import images, logs, progress, resuming, runs, signals, states
from demo import cartoons
from models import build
from models import gan as players
from models.state import State

# Recipes whose networks are too large for a test keep their kind and number of layers, but not their widths.
SMALL = {
    "light": TINY,
    "demo": TINY,
    "quick": TINY,
    "modern": TINY,
    "large": TINY,
    "overnight": TINY,
    "pooled": [*SIZES, "--generator-widths", "16,8", "--discriminator-widths", "8"],
    "fastgan": TINY,
    "evening": TINY,
    "noisy": TINY,
    "tutorial": TINY,
    "soft": TINY,
    "paper": TINY,
    "mnist": ["--latent", "8", "--batch-size", "4", "--generator-widths", "16,8", "--discriminator-widths", "8,16"],
}
GANS = {name: recipe for name, recipe in recipes.RECIPES.items()
        if recipe.network == "gan" and not recipe.init_from}  # fmt: skip


def tried(train, *flags, **settings):
    """A training in a new run folder -> that folder."""
    assert train("--run", "run", *flags, **settings) == 0
    return Path("run")


def options_of(run):
    return json.loads((run / "options.json").read_text(encoding="utf-8"))


def digits():
    rng = np.random.default_rng(0)
    np.savez("mnist.npz", x_train=rng.integers(0, 256, (10, 28, 28), np.uint8), y_train=np.arange(10, dtype=np.uint8))
    return ["--data", "mnist.npz"]


@pytest.mark.parametrize(("device", "recipe", "told"), [("GPU", "modern", True), ("CPU", "modern", False),
                                                        ("GPU", "fastgan", True),
                                                        ("GPU", "large", False)])  # fmt: skip
def test_a_gpu_is_told_of_the_recipe_made_for_it(device, recipe, told, train, monkeypatch, capsys):
    monkeypatch.setattr("models.engine.device", lambda: device)
    monkeypatch.setattr(program.Training, "go_on", lambda self: None)
    more = ["--no-projected"] if recipe == "fastgan" else []  # quicker
    tried(train, "--recipe", recipe, *more)
    assert ("--recipe large is made" in capsys.readouterr().out) == told


@pytest.mark.parametrize("name", GANS)
def test_every_recipe_takes_a_real_step(name, train):
    data = digits() if name == "mnist" else []
    run = tried(train, *data, "--recipe", name, "--steps", "1", tiny=SMALL[name], compiled=True)
    before, after = (np.load(path) for path in sorted((run / "state").iterdir()))
    moved = [key for key in after.files if key != "record" and not np.array_equal(before[key], after[key])]
    assert {key.split("/")[0] for key in moved} >= {"generator", "discriminator", "average"}
    assert all(np.isfinite(after[key]).all() for key in moved)
    kept = options_of(run)["options"]
    assert kept["recipe"] == name
    assert kept["real_label"] == list(recipes.RECIPES[name].real_label)


def test_every_recipe_is_tested():
    assert SMALL.keys() == GANS.keys()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_reduced_precision_trains(precision, train):
    import keras

    try:
        run = tried(train, "--precision", precision, "--steps", "2", compiled=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {value.dtype.name for value in state_of(run).values()} <= {"float32", "int32", "int64", "uint32"}


def test_what_a_run_leaves(trained):
    assert {path.name for path in trained.iterdir()} == {
        "options.json", "log.jsonl", "events", "samples", "curves.png", "progress.gif",
        "generator.keras", "discriminator.keras", "state", "lock",
    }  # fmt: skip
    steps = [path.name for path in sorted((trained / "samples").iterdir())]
    assert steps == ["step_000000.png", "step_000008.png", "step_000016.png", "step_000020.png"]
    with Image.open(trained / "samples" / "step_000016.png") as image:
        assert image.size == (8 * 16, 6 * 16)
        assert image.text["step"] == "16"
    with Image.open(trained / "progress.gif") as film:
        assert film.size == (8 * 16, 6 * 16)
        assert film.n_frames == 4
    assert images.read(trained / "curves.png").std() > 5


def test_the_record_of_a_run(trained):
    record = options_of(trained)
    assert record["options"]["steps"] == 20
    assert record["options"]["recipe"] == "tutorial"
    assert record["pictures"] == 10
    assert re.fullmatch(r"[0-9a-f]{64}", record["data"])
    assert {"tensorflow", "keras", "numpy"} <= set(record["versions"])


def test_the_log_of_a_run(trained):
    log = log_of(trained)
    assert [entry["step"] for entry in log] == [10, 20]
    assert [entry["epoch"] for entry in log] == [4, 8]  # 40 of 10 pictures, 80 of 10
    for entry in log:
        assert all(math.isfinite(value) for value in entry.values())
        assert 0 < entry["d_loss"] < 5
        assert 0 <= entry["real_right"] <= 1
        assert 0 <= entry["waiting"] < 1


def test_tensorboard_reads_the_events(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "events"))
    events.Reload()
    assert {"d_loss", "g_loss", "images_per_second"} <= set(events.Tags()["scalars"])
    logged = log_of(trained)
    assert [event.step for event in events.Scalars("d_loss")] == [entry["step"] for entry in logged] == [10, 20]
    losses = [entry["d_loss"] for entry in logged]
    assert [event.value for event in events.Scalars("d_loss")] == pytest.approx(losses, rel=1e-6)
    shown = events.Images("samples")
    assert [event.step for event in shown] == [0, 8, 16, 20]
    with Image.open(io.BytesIO(shown[-1].encoded_image_string)) as sample:
        assert np.array_equal(np.asarray(sample), images.read(trained / "samples" / "step_000020.png"))


def test_what_is_said_at_the_start(train, faces, capsys):
    images.save("extra/large.png", cartoons.draw(3, 40))
    for name in "abcdefg":
        Path(f"extra/{name}.png").write_text("not a picture")
    run = tried(train, "--recipe", "light", "--steps", "1", "--data", str(faces), "extra")
    said = capsys.readouterr().out
    assert f"run        {run}\n" in said
    assert f"data       11 pictures from {faces}, extra\n" in said
    assert "1 of them centre-cropped and resized to 16x16" in said
    assert "           passed over 7 files: a.png, b.png, c.png and 4 more (text)\n" in said
    assert "           warning: a set of 11 pictures is too small, " in said
    assert "1 step of 4 at 16x16 (0.4 epochs)" in said
    assert "generator_widths=16,8" in said
    assert "generator 4,528 parameters, discriminator 2,720 parameters" in said
    assert "python generate.py --best-of 4 --run run" in said


def test_options_that_do_not_suit_the_pictures_are_said(train, capsys):
    images.save("few/large.png", cartoons.draw(3, 40))
    images.save("few/small.png", cartoons.draw(4, 12))
    np.savez("few.npz", faces=cartoons.draw_many(2, 8))
    tried(train, "--recipe", "light", "--steps", "1", "--data", "few", "few.npz", "--batch-size", "5")
    said = capsys.readouterr().out
    assert "4 of them centre-cropped and resized to 16x16" in said
    assert "3 of them are smaller than that, so they are blurred: give larger pictures or a smaller --size" in said
    assert "a step takes 5, so it takes the same pictures several times: " in said
    tried(train, "--steps", "2", "--data", "few", "few.npz", tiny=[])  # the pictures come from the cache
    assert "3 of them are smaller" in capsys.readouterr().out


def test_grey_pictures_give_grey_faces(train, refuse, capsys):
    for seed in range(10):
        face = cartoons.draw(seed, 16).mean(axis=-1, keepdims=True).astype(np.uint8)
        images.save(f"comics/{seed}.png", face.repeat(3, axis=-1))
    flags = ["--recipe", "tutorial", "--steps", "2"]
    assert train("--data", "comics", "--run", "grey", *flags) == 0
    said = " the pictures are grey, and so are the faces (faces in colours: --no-grey)\n"
    assert said in capsys.readouterr().out
    assert options_of(Path("grey"))["settled"]["grey"] is True
    assert not np.ptp(images.read("grey/samples/step_000002.png"), axis=-1).any()
    assert train("--data", "comics", "--run", "grey", "--steps", "4", tiny=[]) == 0
    assert not np.ptp(images.read("grey/samples/step_000004.png"), axis=-1).any()
    assert train("--data", "comics", "--run", "colours", "--no-grey", *flags) == 0
    assert np.ptp(images.read("colours/samples/step_000002.png"), axis=-1).any()
    assert "--grey is for grey pictures, and those of --data have colours: leave it out" in refuse(2, "--grey", *flags)
    # From one kind to the other.
    assert train("--run", "after", "--init-from", "grey", "--steps", "1", tiny=[]) == 0
    assert np.ptp(images.read("after/samples/step_000000.png"), axis=-1).any()
    assert train("--run", "again", "--init-from", "after", "--data", "comics", "--steps", "1", tiny=[]) == 0
    assert not np.ptp(images.read("again/samples/step_000000.png"), axis=-1).any()


def test_runs_are_numbered(train, capsys):
    Path("results/00006-old").mkdir(parents=True)
    assert train("--recipe", "soft", "--steps", "1") == 0
    assert Path("results/00007-soft/generator.keras").exists()


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are always Unicode there")
def test_a_run_may_have_any_name(train):
    run = os.fsdecode(b"caf\xe9 & co")
    assert train("--run", run, "--steps", "1") == 0
    assert {"events", "curves.png", "generator.keras"} <= set(os.listdir(run))
    assert len(os.listdir(Path(run, "events"))) == 1


def test_a_finished_run_says_so_even_without_its_pictures(copied, train, capsys):
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file() and path.name != "lock"}
    assert train("--run", copied, "--data", "gone") == 0
    said = capsys.readouterr().out
    assert f"{copied} is finished: 20 steps" in said
    assert "raise --steps or --minutes" in said
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_a_kill_after_the_last_save_left_out_is_drawn(copied):
    drawn = {name: (copied / name).read_bytes() for name in ("curves.png", "progress.gif")}
    for name in drawn:
        (copied / name).unlink()
    assert program.main(["--run", str(copied)]) == 0
    assert {name: (copied / name).read_bytes() for name in drawn} == drawn


def test_minutes_stop_it(train, capsys):
    run = tried(train, "--minutes", "0.0001")
    assert 0 < states.load(run)[1]["step"] < 50
    assert "done: " in capsys.readouterr().out
    assert train("--run", run) == 0
    assert "is finished" in capsys.readouterr().out


def test_going_on_from_a_run_with_other_pictures(trained, train):
    images.save("second/1.png", cartoons.draw(50, 16))
    flags = ["--init-from", trained, "--data", "second", "--steps", "1", "--run", "run"]
    assert train(*flags, tiny=[]) == 0  # sizes and labels are those of the first run
    kept = options_of(Path("run"))["options"]
    assert (kept["recipe"], kept["size"], kept["real_label"]) == ("tutorial", 16, [0.9, 0.9])
    assert kept["init_from"] == str(trained)
    theirs = state_of(trained)
    with np.load("run/state/step_000000000.npz") as ours:
        for name in theirs:
            fresh = name.split("/")[0].endswith("optimizer")
            assert np.array_equal(ours[name], theirs[name]) != fresh or name.endswith("/learning_rate"), name
    assert train(*flags, tiny=[]) == 0  # the same command again


def test_going_on_keeps_the_penalty_that_was_reached(train):
    flags = ["--loss", "relativistic", "--no-discriminator-norm", "--steps", "1"]
    assert train("--run", "first", *flags, "--penalty", "2,0.5") == 0
    assert train("--run", "second", "--init-from", "first", "--steps", "1", tiny=[]) == 0
    assert options_of(Path("second"))["options"]["penalty"] == [0.5, 0.5]
    assert train("--run", "third", "--init-from", "first", "--steps", "1", "--penalty", "1", tiny=[]) == 0
    assert options_of(Path("third"))["options"]["penalty"] == [1, 1]


def test_going_on_from_a_file(trained, train):
    run = tried(train, "--init-from", trained / "generator.keras", "--steps", "1", tiny=[*TINY, "--recipe", "tutorial"])
    theirs = state_of(trained)
    with np.load(run / "state" / "step_000000000.npz") as ours:
        for name in theirs:
            part, _, weight = name.partition("/")
            if part in ("generator", "average"):
                assert np.array_equal(ours[name], theirs[f"average/{weight}"])


def test_a_folder_of_that_name_is_not_the_shipped_weights(trained, train):
    shutil.copytree(trained, "pretrained")
    assert train("--init-from", "pretrained", "--run", "run", "--steps", "1") == 0
    one, other = (options_of(run)["options"]["recipe"] for run in (Path("run"), trained))
    assert one == other != "adapt"


def test_a_recipe_beside_init_from_is_meant(trained, train, refused):
    flags = ["--init-from", trained, "--steps", "1"]
    other = [*flags, "--recipe", "soft", "--run", "other"]
    assert "does not fit these options" in refused(lambda argv: train(*argv), other, 1)
    assert train(*flags, "--recipe", "noisy", "--run", "run") == 0  # the same layers, other labels
    assert options_of(Path("run"))["options"]["real_label"] == [0.9, 1.0]


@pytest.fixture
def refuse(train, refused):
    """A training that must fail with one line -> that line."""

    def check(code, *flags, tiny=TINY):
        return refused(lambda argv: train(*argv, tiny=tiny), flags, code)

    return check


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--size 18", "2 generator widths need a size that is a multiple of 4, not 18: change --size or the widths"),
        ("--generator-widths 8,8,8,8,8", "need a size that is a multiple of 32"),
        ("--batch-size 1", "at least 2"),
        ("--size 4", "from 8 to 512"),
        ("--learning-rate 0", "greater than 0"),
        ("--augment blur", "invalid choice"),
        ("--real-label 1.2,0.7", "--real-label 1.2,0.7 will not do: it must be the lower end first"),
        ("--fake-label 0.3,0", "the lower end first"),
        ("--recipe grand", "invalid choice: 'grand'"),
        ("--minutes -1", "greater than 0"),
        ("--precision float64", "invalid choice"),
        ("vae2", "unrecognized arguments: vae2"),
    ],
)
def test_options_that_make_no_sense_leave_nothing_behind(flags, words, refuse):
    assert words in refuse(2, *flags.split())
    assert not list(Path("results").glob("*"))


def test_a_run_that_cannot_begin_leaves_nothing_behind(trained, train, refuse):
    wrong = str(trained / "discriminator.keras")
    for run in ([], ["--run", "run"]):
        assert "discriminator.keras" in refuse(1, "--init-from", wrong, "--steps", "1", *run)
        assert not list(Path("results").glob("*")) and not Path("run").exists()
    assert "--features nope will not do" in refuse(2, "--features", "nope", "--run", "run")
    assert not Path("run").exists()
    assert train("--init-from", trained / "generator.keras", "--steps", "1", "--run", "run") == 0


def test_the_shipped_weights_stay_as_they_are(refuse):
    before = sorted(path.name for path in runs.PRETRAINED.iterdir())
    assert "holds the shipped weights, which stay as they are" in refuse(2, "--run", runs.PRETRAINED)
    assert sorted(path.name for path in runs.PRETRAINED.iterdir()) == before


def test_before_any_faces_are_gathered_it_says_how(train, refused):
    words = "there are no faces in data/faces yet: gather some with python preprocess.py, or name your pictures with"
    for _ in range(2):
        assert refused(program.main, [], 1) == f"{words} --data"
        Path("data/faces").mkdir(parents=True, exist_ok=True)
        Path("data/faces/.gitkeep").touch()


def test_no_pictures_leave_nothing_behind(refuse):
    Path("empty").mkdir()
    for data in ("empty", "gone"):
        assert data in refuse(1, "--data", data)
        assert data in refuse(1, "--data", data, "--run", "run")
    assert not list(Path("results").glob("*"))
    assert not Path("run").exists()


def test_other_settings_for_a_run_are_refused(copied, refuse, refused):
    words = refused(program.main, ["vae", "--run", copied], 2)
    assert words == f"{copied} is a run of train.py gan: give --run a new name"
    assert "was started with another --recipe" in refuse(2, "--run", copied, "--recipe", "soft", "--steps", "30")
    assert "another --seed, --size" in refuse(2, "--run", copied, "--size", "32", "--seed", "5", tiny=[])
    assert len(list(copied.glob("state/*"))) == 2


def test_settings_that_may_change(copied, train):
    assert train("--run", copied, "--steps", "21", "--sample-every", "7", "--save-minutes", "1", tiny=[]) == 0
    kept = options_of(copied)["options"]
    assert (kept["steps"], kept["sample_every"], kept["recipe"]) == (21, 7, "tutorial")
    assert (copied / "samples" / "step_000021.png").exists()


def test_other_pictures_are_refused(copied, refuse):
    images.save("second/1.png", cartoons.draw(50, 16))
    assert "the pictures are not those" in refuse(1, "--run", copied, "--data", "second", "--steps", "30")


def test_pictures_that_are_gone_are_named_by_their_flag(copied, refuse):
    line = refuse(1, "--run", copied, "--data", "pics", "--steps", "30")
    assert line == "--data pics does not exist: check the path"


def test_folders_that_are_no_run(refuse, trained):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("precious")
    Path("file").write_text("precious")
    assert "is not a run folder" in refuse(1, "--run", "mine")
    assert "is not a run folder" in refuse(1, "--run", "file")
    assert "file" in refuse(1, "--run", "file/run")
    assert Path("mine/thesis.txt").read_text() == Path("file").read_text() == "precious"
    assert os.listdir("mine") == ["thesis.txt"]
    assert "does not exist" in refuse(1, "--init-from", "gone", "--steps", "5")
    assert "is not a run folder" in refuse(1, "--init-from", "mine", "--steps", "5")
    assert "neither a run folder nor a .keras file" in refuse(1, "--init-from", "file", "--steps", "5")
    Path("young").mkdir()
    shutil.copy(trained / "options.json", "young")
    assert "has not saved yet" in refuse(1, "--init-from", "young", "--steps", "5")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"options": 7}', '{"options": {}, "data": ""}'])
def test_a_damaged_record(copied, refuse, text):
    (copied / "options.json").write_text(text)
    line = refuse(1, "--run", copied, "--steps", "30")
    assert "is damaged" in line or "options in options.json cannot be read" in line


def test_a_command_to_copy_has_the_run_in_quotes(train, capsys):
    assert train("--run", "my run", "--steps", "1") == 0
    assert "python generate.py --best-of 4 --run 'my run'\n" in capsys.readouterr().out


def test_two_trainings_in_one_folder(copied, refuse):
    with resuming.locked(copied):
        assert "is being trained by another process" in refuse(1, "--run", copied, "--steps", "30")


def test_a_run_that_others_start_from_is_left_alone(copied, train):
    half = copied / "state" / ".half.tmp.npz"  # its own training is about to rename this
    half.write_bytes(b"half")
    assert train("--init-from", copied, "--run", "run", "--steps", "1") == 0
    assert half.exists()


def failing(monkeypatch, bad):
    """Make the loss nan in those steps (counted from 1, repeated ones too) -> the list of the steps done."""
    done, original = [], players.GAN.__init__

    def init(self, *args, **settings):
        original(self, *args, **settings)
        real_steps = self.steps

        def counting(*inputs):
            done.append(int(inputs[0][0]))
            figures = real_steps(*inputs)
            return {**figures, "d_loss": figures["d_loss"] * np.nan} if len(done) in bad else figures

        self.steps = counting

    monkeypatch.setattr(players.GAN, "__init__", init)
    return done


def test_what_was_taken_back_is_logged_once(train, monkeypatch):
    failing(monkeypatch, {5})
    run = tried(train, "--steps", "8", "--log-every", "2")
    assert [entry["step"] for entry in log_of(run)] == [2, 4, 6, 8]


def test_a_state_is_saved_every_few_minutes(train, monkeypatch):
    monkeypatch.setattr(signals, "stopwatch", lambda: contextlib.nullcontext(lambda: 30.0))  # each step takes so long
    run = tried(train, "--steps", "5", "--save-minutes", "1", "--keep", "9")
    assert sorted(int(path.stem[5:]) for path in (run / "state").iterdir()) == [0, 2, 4, 5]


def test_a_loss_that_is_no_number_goes_back_once(train, monkeypatch, capsys):
    done = failing(monkeypatch, {5})
    run = tried(train, "--steps", "8", "--learning-rate", "1e-3")
    assert done == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7]
    assert capsys.readouterr().err == (
        "warning: the loss or a weight at step 4 is not finite: back to step 0 with half the learning rates\n"
    )
    state = state_of(run)
    rates = [value for name, value in state.items() if "optimizer" in name and value.shape == () and value < 1]
    assert rates == pytest.approx([5e-4, 5e-4 * recipes.RECIPES["modern"].discriminator_rate])
    assert states.load(run)[1]["rollbacks"] == 0  # it is past the trouble


def test_three_times_are_survived(train, monkeypatch, capsys):
    done = failing(monkeypatch, {3, 6, 9})
    run = tried(train, "--recipe", "light", "--steps", "4")
    assert done == [0, 1, 2] * 3 + [0, 1, 2, 3]
    assert capsys.readouterr().err.count("half the learning rates") == 3
    rates = [v for name, v in state_of(run).items() if "optimizer" in name and v.shape == () and v < 1]
    assert rates == pytest.approx([recipes.BASE.learning_rate / 8] * 2)


def test_the_fourth_time_it_gives_up(train, monkeypatch, capsys):
    failing(monkeypatch, {3, 6, 9, 12})
    assert train("--run", "run", "--steps", "8") == 1
    *warnings, last = capsys.readouterr().err.splitlines()
    assert [line.startswith("warning: ") for line in warnings] == [True] * 3
    assert last.startswith("error: the loss or a weight was not finite 4 times near step 2: start a new run")
    assert all(np.isfinite(value).all() for value in state_of(Path("run")).values())


def test_a_weight_that_is_no_number_goes_back_too(train, monkeypatch, capsys):
    arrays, damages = State.arrays, []

    def damaged(self, step=0):
        kept = arrays(self, step)
        if step == 3 and not damages:  # the last save, once: the loss has not shown it
            damages.append(step)
            return {**kept, "generator/dense/kernel": kept["generator/dense/kernel"] * np.nan}
        return kept

    monkeypatch.setattr(State, "arrays", damaged)
    run = tried(train, "--steps", "3")
    assert "at step 3 is not finite: back to step 0" in capsys.readouterr().err
    assert all(np.isfinite(value).all() for value in state_of(run).values())
    assert states.load(run)[1]["step"] == 3


def test_an_absurd_learning_rate_is_told_of(train, capsys):
    code = train("--run", "run", "--steps", "30", "--learning-rate", "1e30", "--discriminator-widths", "8,16")
    said = capsys.readouterr().err
    assert "is not finite: back to step 0" in said
    assert code == 1
    assert "lower --learning-rate" in said.splitlines()[-1]


def entries(count=60, **figures):
    healthy = {"spread": 0.9, "real_right": 0.8, "fake_right": 0.85, "g_loss": 1.5, "d_loss": 0.5}
    return [{"step": 10 * i, **healthy, **figures} for i in range(count)]


def test_a_healthy_game_is_not_diagnosed():
    assert logs.diagnose(entries()) is None
    assert logs.diagnose([]) is None


DOMINATED = {"real_right": 1.0, "fake_right": 0.995}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"spread": 0.02}, "mode collapse"),
        (DOMINATED, "the discriminator is always right"),
    ],
)
def test_collapses_are_told_in_words(figures, words):
    assert words in logs.diagnose(entries(**figures))
    assert words in logs.diagnose(entries() + entries(50, **figures))
    assert logs.diagnose(entries(49, **figures)) is None  # too early to say
    assert logs.diagnose(entries(**figures) + entries(50)) is None  # it has recovered


def test_half_the_variety_of_before_is_a_collapse_and_little_from_the_start_is_not():
    assert logs.diagnose(entries(spread=0.3)) is None
    assert "mode collapse" in logs.diagnose(entries(100, spread=0.8) + entries(50, spread=0.3))
    assert logs.diagnose(entries(100, spread=0.5) + entries(50, spread=0.3)) is None


def test_only_a_discriminator_right_on_both_dominates():
    assert logs.diagnose(entries(**{**DOMINATED, "real_right": 0.9})) is None
    assert logs.diagnose(entries(**{**DOMINATED, "fake_right": 0.9})) is None


def test_a_collapse_is_told_once_while_training(train, monkeypatch, capsys):
    monkeypatch.setattr(logs, "diagnose", lambda entries: "it collapsed" if len(entries) > 1 else None)
    tried(train, "--steps", "40", "--log-every", "10")
    assert capsys.readouterr().err == "warning: step 20: it collapsed\n"


def test_the_bar_says_what_takes_long_and_not_longer_than_it_takes(train, monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0)
    assert train("--run", "run", "--steps", "2", "--log-every", "2") == 0
    before, *after = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training")]
    assert before.startswith("training: 50%, 0")  # the time passed, and no words before it
    assert "step 2" in after[-1]


def test_too_little_memory_is_one_line(refuse, monkeypatch):
    from tensorflow.errors import ResourceExhaustedError

    def large(*args, **settings):
        raise ResourceExhaustedError(None, None, "OOM when allocating tensor\nwith shape[1000000,1000000]")

    monkeypatch.setattr(build, "GAN", large)
    assert refuse(1, "--run", "run") == "not enough memory: try a smaller --batch-size or --size"
