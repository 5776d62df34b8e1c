"""train.py reader: the real program, on drawn faces whose looks a table tells."""

import csv
import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import OFTEN, as_suits, assert_goes_on_exactly, log_of

import train as program
from animefaces import images, looks
from drawing.reading import open_reader
from models import reader as networks
from training import reader

SIZES = ["--size", "32", "--batch-size", "8"]


@pytest.fixture
def labelled(tmp_path):
    """A folder of 40 plain faces, red ones with black hair and blue ones with blond hair, and the table of that."""
    folder = tmp_path / "faces"
    with open(tmp_path / "looks.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "hair", "glasses"])
        for number in range(40):
            pixels = np.full((32, 32, 3), (200, 40, 40) if number % 2 else (40, 40, 200), np.uint8)
            pixels[number % 16, :] = 0  # all are different
            images.save(folder / f"{number}.png", pixels)
            table.writerow([f"{number}.png", "k" if number % 2 else "y", "?"])
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(networks, "build_reader", functools.partial(networks.build_reader, widths=(8, 16)))


@pytest.fixture
def train(labelled, cache):
    def run(*flags):
        words = ["reader", "--data", labelled, "--labels", "looks.csv", "--cache", cache, *SIZES, *flags]
        words = [str(word) for word in words]
        with as_suits(words):
            return program.main(words)

    return run


def test_a_run_is_whole_and_goes_on(train, capsys):
    run = Path("results/run")
    assert train("--run", run, "--steps", "3", "--log-every", "2", *OFTEN) == 0
    assert {path.name for path in run.iterdir()} == {
        "options.json", "log.jsonl", "events", "samples", "curves.png", "progress.gif", "state", "lock", "reader.keras",
    }  # fmt: skip
    told = capsys.readouterr().out
    assert "labels     of 36 pictures, and of 4 test pictures" in told
    assert "agreement  hair" in told
    assert [entry["step"] for entry in log_of(run)] == [2, 3]
    assert 0 <= log_of(run)[-1]["kappa"] <= 1
    assert_goes_on_exactly(train, run, 3)


def test_it_learns_what_the_table_says(train, labelled):
    assert train("--run", "run", "--steps", "30") == 0
    network = open_reader(Path("run"))
    read = network.read(np.stack([images.read(labelled / f"{number}.png") for number in (9, 19, 8, 18)]))
    assert [looks.words(one)["hair"] for one in read] == ["black", "black", "blond", "blond"]
    assert np.allclose(read[:, looks.PLACES["hair"]].sum(axis=1), 1, atol=1e-4)
    # Training can begin with a reader.
    assert train("--run", "more", "--steps", "1", "--init-from", "run") == 0
    again = open_reader(Path("more")).read(np.stack([images.read(labelled / "9.png")]))
    assert looks.words(again[0])["hair"] == "black"
    shutil.rmtree("run")  # a run needs only itself
    assert train("--run", "more", "--steps", "2", "--init-from", "run") == 0


def test_mirror_images_are_turned_the_other_way(monkeypatch, labelled, cache):
    Path("looks.csv").write_text("file,turn\n" + "".join(f"{number}.png,L\n" for number in range(40)))
    monkeypatch.setattr(reader, "roughened", lambda face, rng: face)
    tasks = []
    monkeypatch.setattr(program.Training, "go_on", lambda self: tasks.append(self.task))
    words = ["reader", "--data", labelled, "--labels", "looks.csv", "--cache", cache, *SIZES, "--run", "run"]
    assert program.main([str(word) for word in words]) == 0
    (task,) = tasks
    indices = task.order.indices(0)
    _, shown, rows = task.batch(0)
    kept = [np.array_equal(one, images.to_network(task.faces[[i]])[0]) for one, i in zip(shown, indices, strict=True)]
    assert {True, False} == {looks.words(one)["turn"] == "left" for one in rows}
    assert all(same or looks.words(one)["turn"] == "right" for same, one in zip(kept, rows, strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_roughened_faces_are_faces(channels):
    rng = np.random.default_rng(0)
    face = rng.integers(0, 256, (32, 32, channels), dtype=np.uint8)
    for _ in range(20):
        made = reader.roughened(face, rng)
        assert (made.shape, made.dtype) == (face.shape, face.dtype)


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["--labels", "gone.csv"], "gone.csv: No such file or directory: check the path", 1),
        (["--init-from", "looks.csv"], "looks.csv", 1),
    ],
)
def test_bad_input(train, refused, labelled, cache, flags, words, code):
    assert words in refused(lambda argv: train(*argv), flags, code)


def test_labels_are_needed(labelled, cache, refused):
    line = refused(program.main, ["reader", "--data", labelled, "--cache", cache, *SIZES], 2)
    assert "a reader learns from labels: name a table with --labels" in line
