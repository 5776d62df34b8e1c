"""What can be said of the benchmarks without the hours they take."""

import importlib
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import PROJECT
from PIL import Image

from animefaces import images, looks
from benchmarks import contestants, field, likeness, photo_looks, quality, scales, train_speed
from benchmarks.apart import apart
from benchmarks.contestants import flow
from demo import cartoons
from models import build
from models.engine import keras
from training import check

SCRIPTS = sorted(path.stem for path in (PROJECT / "benchmarks").glob("*.py") if "def main" in path.read_text("utf-8"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_says_how_to_call_it(name, monkeypatch, capsys):
    program = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out


def test_the_table_has_the_best_recipe_first():
    def row(distance):
        return {"kernel_distance": distance / 1000, "kernel_error": 0.001, "frechet_distance": 20, "precision": 0.8,
                "recall": 0.1, "eye_mismatch": 0.0712, "images": 64_000, "seconds": 1200.4}  # fmt: skip

    _, _, *lines = quality.table({"light": [row(300), row(90)], "modern --seed 1": [row(200), row(40)]})
    assert [line.split(" | ")[0] for line in lines] == ["| `modern --seed 1`", "| `light`"]
    assert "| 64,000 | 1,200 | 200.0 +- 1.0 | 40.0 +- 1.0 | 20.0 | 0.80 | 0.10 | 7.1 % |" in lines[0]


def test_each_recipe_has_a_row_of_samples(tmp_path):
    for shade, name in ((0, "light"), (200, "modern --seed 1")):
        for i in range(quality.SAMPLES):
            face = np.full((8, 8, 3), shade + i, np.uint8)
            images.save(quality.folder_of(tmp_path, name) / "faces" / f"{i:02d}.png", face)
    quality.draw(tmp_path, ["modern --seed 1", "light"])
    with Image.open(tmp_path / "samples.png") as drawn:
        assert drawn.size == (8 * quality.SAMPLES, 16)
        assert drawn.getpixel((12, 4)) == (201, 201, 201)
        assert drawn.getpixel((4, 12)) == (0, 0, 0)


def test_another_process_answers():
    assert apart(os.getenv, "ENGINE", ENGINE="jax") == "jax"
    with pytest.raises(RuntimeError, match="TypeError"):
        apart(os.getenv, [])


SMALL = {"size": 16, "batch_size": 4, "latent": 8, "generator_widths": (8, 8), "discriminator_widths": (8, 8)}


@pytest.mark.parametrize("name", train_speed.CONTESTANTS)
def test_each_contestant_trains(name):
    if name == "torch loop":
        pytest.importorskip("torch", reason="not among the requirements")
    assert train_speed.CONTESTANTS[name]("tutorial", {**SMALL, "precision": "float32"}, 0.1) > 0


@pytest.mark.parametrize("recipe", ["tutorial", "paper", "quick", "modern", "large", "fastgan"])
@pytest.mark.parametrize("changes", [{"precision": "float32", "mirrored": True},
                                     {"precision": "bfloat16", "chroma_subsampling": True}])  # fmt: skip
def test_the_torch_loop_trains_the_same_networks(recipe, changes):
    plain_torch = pytest.importorskip("benchmarks.plain_torch", reason="torch is not among the requirements",
                                      exc_type=ImportError)  # fmt: skip
    options = train_speed.options_of(recipe, {**SMALL, **changes})
    assert plain_torch.parameters(options) == sum(
        np.prod(v.shape) for network in build.build_networks(options) for v in network.trainable_variables
    )
    step = plain_torch.loop(options, train_speed.noise(options))
    losses = np.array([step() for _ in range(20)])
    assert np.isfinite(losses).all()
    assert len(np.unique(losses)) > 20  # both learn


@pytest.mark.parametrize(("recipe", "names"), [
    ("light", {"ours", "keras loop", "torch loop"}),
    ("pooled", {"ours", "keras loop"}),  # whose dropout and dense layers the torch loop has not
    ("quick", {"ours", "torch loop"}),  # whose loss the keras loop has not
])  # fmt: skip
def test_only_those_who_know_the_recipe_take_part(recipe, names):
    options = train_speed.options_of(recipe, {})
    assert {name for name in train_speed.CONTESTANTS if train_speed.able(name, options)} == names


def test_a_change_takes_away_what_it_says():
    face = np.random.default_rng(0).integers(60, 196, (16, 16, 3), np.uint8)
    grey, red, blue = np.moveaxis(cv2.cvtColor(face, cv2.COLOR_RGB2YCrCb).astype(int), -1, 0)

    def planes(name):
        return np.moveaxis(cv2.cvtColor(scales.CHANGES[name](face), cv2.COLOR_RGB2YCrCb).astype(int), -1, 0)

    rough, less_red, less_blue = planes("colour at half the resolution")
    assert np.abs(rough - grey).mean() < 3  # but for colours that no pixel can have
    assert less_red.std() < red.std() / 1.5
    assert less_blue.std() < blue.std() / 1.5
    half, quarter = (planes(f"all at {share}")[0].std() for share in ("half the resolution", "a quarter"))
    assert quarter < half < grey.std() / 1.5


def test_a_jpeg_file_leaves_most_of_its_traces_at_once():
    noise = np.random.default_rng(0).integers(60, 196, (64, 64, 3), np.uint8)
    face = cv2.GaussianBlur(noise, (5, 5), 0)
    once = scales.as_jpeg(face)
    again = scales.as_jpeg(once)
    first, second = (np.abs(a.astype(int) - b).mean() for a, b in ((once, face), (again, once)))
    assert 0 < 3 * second < first < 10
    mild = face // 8 * 2 + np.uint8([150, 90, 40])  # colour keeps its place: red is not blue
    assert np.abs(scales.as_jpeg(mild).astype(int).mean((0, 1)) - mild.mean((0, 1))).max() < 2


def rows_of(*said):
    return np.stack([looks.row({look.name: look.words[0] for look in looks.LOOKS} | words) for words in said])


def test_what_is_seen_is_the_mean_of_ten_looks():
    photos = rows_of({"hair": "none"}, {"hair": "red", "sex": "m"}, {"hair": "grey", "sex": "f"})
    drawings = rows_of({"hair": "blue"}, {"hair": "red", "sex": "m"}, {"hair": "grey", "sex": "f"})
    figures = likeness.agreement(photos, drawings)
    assert figures["hair"] == {"faces": 2, "agree": 1.0, "chance": 0.5, "kappa": 1.0}  # who is bald does not count
    assert figures["sex"]["kappa"] == 1.0
    assert figures["seen"] == pytest.approx(0.2)  # of the other eight, chance alone agrees
    assert likeness.kept(photos, drawings, "sex", "m") == (1, 1.0)
    assert likeness.kept(photos, drawings, "hair", "none") == (1, 0.0)


def test_the_letters_of_attributes_and_ages(tmp_path):
    (tmp_path / "photos.csv").write_text("file,age,male\n1.jpg,29,1\n2.jpg,30,0\n3.jpg,51,1\n")
    ages = photo_looks.of_ages(tmp_path / "photos.csv")
    assert [ages[f"photos/{n}.jpg"]["age"] for n in (1, 2, 3)] == ["y", "a", "o"]
    assert [ages[f"photos/{n}.jpg"]["sex"] for n in (1, 2, 3)] == ["m", "f", "m"]
    columns = ["Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Bald", "Bangs", "Male", "Eyeglasses", "Mustache",
               "Goatee", "No_Beard", "Mouth_Slightly_Open", "Smiling", "Wearing_Hat"]  # fmt: skip
    values = {"a.jpg": {"Black_Hair", "No_Beard"}, "b.jpg": {"Black_Hair", "Gray_Hair", "Male"}}
    text = ",".join(["file", *columns]) + "\n"
    text += "".join(f"{n}," + ",".join(str(int(c in has)) for c in columns) + "\n" for n, has in values.items())
    with zipfile.ZipFile(tmp_path / "celeba.zip", "w") as archive:
        archive.writestr("attributes.csv", text)
    with zipfile.ZipFile(tmp_path / "celeba.zip") as archive:
        known = photo_looks.of_attributes("celeba", archive)
    assert (known["celeba/a.jpg"]["hair"], known["celeba/a.jpg"]["beard"], known["celeba/a.jpg"]["sex"]) == (
        "k",
        "n",
        "f",
    )
    assert "hair" not in known["celeba/b.jpg"]  # two colours are none
    assert (known["celeba/b.jpg"]["age"], known["celeba/b.jpg"]["beard"]) == ("o", "y")


@pytest.fixture
def tiny_field(eager, monkeypatch):
    """Words of a command line for small contestants, on a thousand drawn faces of 16x16."""
    pytest.importorskip("tensorflow", reason="compiling takes JAX too long here")
    monkeypatch.setattr(flow, "STEPS", 2)
    small = {"batch_size": 4, "generator_widths": (8, 8), "discriminator_widths": (8, 8), "latent": 8}
    own = {"flow": {"latent": 16 * 16 * 3}, "r3gan": {}}
    for name, (module, settings) in contestants.OTHERS.items():
        monkeypatch.setitem(contestants.OTHERS, name, (module, replace(settings, **small | own[name])))
    np.save("faces.npy", np.tile(np.stack([cartoons.draw(seed, 16) for seed in range(20)]), (50, 1, 1, 1)))
    shape = keras.Input((None, None, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(shape))
    keras.Model(shape, features).save("features.keras")
    return ["--data", "faces.npy", "--features", "features.keras", "--minutes", "1", "--size", "16",
            "--precision", "float32", "--output", "out"]  # fmt: skip


def test_a_field_trains_each_contestant_once(tiny_field, refused, monkeypatch, capsys):
    trained = []

    def until(self, seconds, bar):
        before = self.task.player.average.get_weights()
        for _ in range(2):  # of two steps, as on a GPU
            figures = self.task.player.steps(*self._inputs(self.step))
            assert all(np.isfinite(values).all() and len(values) == 2 for values in figures.values())
            self.step += self.at_once
        after = self.task.player.average.get_weights()
        moved = any(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True))
        self.seconds = seconds
        trained.append((type(self.task).__module__.split(".")[-1], seconds, moved))

    monkeypatch.setattr(field.Training, "until", until)
    monkeypatch.setattr(check, "steps_per_call", lambda settings: 2)
    tiny_field += ["--batch-size", "2"]
    assert field.main([*tiny_field, "--count", "8", "--contestants", "r3gan"]) == 0
    record = json.loads(Path("out/field.json").read_text("utf-8"))
    unfinished = {**record["rows"][0], "contestant": "flow", "minutes": 0.5}
    Path("out/field.json").write_text(json.dumps(record | {"rows": [*record["rows"], unfinished]}), "utf-8")
    capsys.readouterr()
    assert field.main([*tiny_field, "--count", "8", "--contestants", "r3gan", "flow"]) == 0
    assert trained == [("gan", 60, True), ("flow", 60, True)]
    rows = json.loads(Path("out/field.json").read_text("utf-8"))["rows"]
    done = [(row["contestant"], row["minutes"], row["images"]) for row in rows]
    assert done == [("r3gan", 1, 8), ("flow", 1, 8)]
    assert rows[:1] == record["rows"]
    table = capsys.readouterr().out.splitlines()
    assert len([line for line in table if line.startswith(("| `r3gan` | 0 |", "| `flow` | 0 |"))]) == 2
    with Image.open("out/flow-0.png") as sheet, Image.open("out/field.png") as chart:
        assert sheet.size == (64, 32)
        assert chart.width == 900
    assert "another comparison (count)" in refused(field.main, [*tiny_field, "--count", "9"], 1)


@pytest.mark.parametrize("name", ["fastgan", "r3gan"])
def test_small_contestants_get_as_many_steps_in_a_call_as_modern(name):
    assert check.steps_per_call(contestants.settings(name)) == check.steps_per_call(contestants.settings("modern"))


def test_each_contestant_of_a_field_has_a_process_of_its_own(tiny_field, refused, monkeypatch):
    started = []

    def run(words, check):
        started.append(words)
        return SimpleNamespace(returncode=int(len(started) == 3))

    monkeypatch.setattr(field.subprocess, "run", run)
    words = [*tiny_field, "--contestants", "flow", "modern", "--seeds", "1,2"]
    assert "flow did not finish" in refused(field.main, words, 1)
    own = [["--contestants", name, "--seeds", seed] for name, seed in (("flow", "1"), ("modern", "1"), ("flow", "2"))]
    assert started == [[sys.executable, "-m", "benchmarks.field", *words, *more] for more in own]
