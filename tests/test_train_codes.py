"""train.py vae and encoder: the real program, on drawn faces, for a tiny generator."""

import csv
import functools
from pathlib import Path

import numpy as np
import pytest
from conftest import OFTEN, assert_goes_on_exactly, log_of

import encode
import train as program
from animefaces import images, runs
from drawing.opening import read_moments
from models import encoder as networks
from models import saved
from training import encoder

SIZES = ["--size", "16", "--batch-size", "4"]


@pytest.fixture
def train(faces, cache, trained, monkeypatch):
    """train.main on the drawn faces, with the z of the tiny run."""
    monkeypatch.setattr(encoder, "DRAWINGS", 96)
    monkeypatch.setattr(networks, "build_encoder", functools.partial(networks.build_encoder, widths=(8, 8)))

    def run(network, *flags):
        own = [] if "--init-from" in flags else ["--init-from", trained]
        words = [network, "--data", faces, "--cache", cache, *SIZES, *own, *flags]
        return program.main([str(word) for word in words])

    return run


@pytest.mark.parametrize("network", ["vae", "encoder"])
def test_a_run_is_whole_and_goes_on(network, train, trained, capsys):
    run = Path("results/run")
    assert train(network, "--run", run, "--steps", "3", "--log-every", "2", *OFTEN) == 0
    name = {"vae": "vae.keras", "encoder": "encoder.keras"}[network]
    own = {"encoder": {"sketch.keras", "moments.npz"}, "vae": set()}[network]
    assert {path.name for path in run.iterdir()} == {
        "options.json", "log.jsonl", "events", "samples", "curves.png", "progress.gif", "generator.keras", "state",
        "lock", "discriminator.keras", name,
    } | own  # fmt: skip
    assert saved.load(run / name).output_shape == (None, 16)
    assert np.array_equal(images.read(run / "curves.png").shape[2:], [3])
    assert [entry["step"] for entry in log_of(run)] == [2]
    told = capsys.readouterr().out
    assert "python encode.py photo.jpg" in told
    assert f"generator  of {trained}\n" in told
    assert "generator 0 parameters" not in told
    assert_goes_on_exactly(functools.partial(train, network), run, 3)


@pytest.mark.parametrize("network", ["vae", "encoder"])
def test_what_it_trains_encodes_photos(network, train, faces):
    assert train(network, "--steps", "1") == 0
    kind = {"vae": "vae", "encoder": "learned"}[network]
    flags = [str(faces / "00.png"), "--no-detect", "--encoder", kind, "--output", "out/", "--variants", "2"]
    assert encode.main(flags) == 0  # finds the newest run by itself
    with np.load("out/latents.npz") as file:
        assert file["z"].shape == (3, 8)


def test_the_photos_to_measure_on_are_not_trained_on(train, faces):
    task = []
    original = program.Training.go_on
    program.Training.go_on = lambda self: task.append(self.task)
    try:
        assert train("encoder", "--steps", "1") == 0
    finally:
        program.Training.go_on = original
    assert len(task[0].photos) == 9
    assert len(task[0].test_photos) == 1
    assert np.array_equal(task[0].test_photos[np.arange(1)][0], images.read(faces / "09.png", 16))


def table(rows, name="labels.csv"):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([("file", "age", "male"), *rows])
    return Path(name)


def test_older_people_and_men_get_smaller_eyes_and_men_shorter_hair():
    path = table([("a.png", 20, 0), ("b.png", 60, 0), ("c.png", 20, 1), ("d.png", 60, 1)])
    wanted = encoder.wanted_traits(["x/a.png", "x/b.png", "c.png", "d.png", "unknown.png"], path)
    eyes, hair, colour = wanted[:4].T
    assert eyes[0] > eyes[1] and eyes[0] > eyes[2] > eyes[3]
    assert hair[0] == hair[1] > hair[2] == hair[3]
    assert colour[0] == colour[2] > colour[1] == colour[3]
    assert np.allclose(wanted[:4].mean(0), 0, atol=1e-6) and np.allclose(wanted[:4].std(0), 1, atol=1e-4)
    assert np.isnan(wanted[4]).all()
    assert np.isnan(encoder.wanted_traits(["a.png"], None)).all()


def test_misuse_is_one_line(train, refused, trained, tmp_path):
    def said(code, network, *flags):
        words = [network, "--data", tmp_path, "--run", "run", *SIZES, *flags]
        return refused(program.main, words, code)

    assert "--flip-every is for" in said(2, "vae", "--flip-every", "3")
    assert "--labels is for" in said(2, "gan", "--labels", "x.csv")
    assert "--recipe tutorial is for" in said(2, "vae", "--recipe", "tutorial")
    assert not Path("run").exists()
    images.save(tmp_path / "00.png", np.zeros((16, 16, 3), np.uint8))
    assert "give --size 16" in said(2, "vae", "--size", "32", "--init-from", trained)
    flags = ("--init-from", trained, "--labels")
    assert "no table with columns" in said(
        1, "encoder", *flags, table([], "empty.csv").rename("e.csv").with_name("00.png")
    )
    assert "names none of the photos" in said(1, "encoder", *flags, table([("other.png", 20, 0)]))
    (tmp_path / "00.png").rename(tmp_path / "09.png")
    assert "ends in 9" in said(1, "encoder", "--init-from", trained)


def test_damaged_moments_are_one_line(tmp_path):
    from animefaces.problems import Problem

    (tmp_path / runs.MOMENTS).write_bytes(b"nothing")
    with pytest.raises(Problem, match="cannot be read"):
        read_moments(tmp_path)
