"""What a run takes of the disk: it is said, there is less of it with --keep, and a full disk loses nothing."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import TINY

from animefaces import images, samples, states
from training import announce

FULL = SimpleNamespace(free=1000)


@pytest.mark.parametrize(("count", "words"), [(4e5, "0.4 MB"), (1.49e8, "149 MB"), (1.9e9, "1.9 GB")])
def test_words_for_bytes(count, words):
    assert announce.megabytes(count) == words


def test_the_estimate_is_near_what_a_run_takes(trained, train, monkeypatch):
    said = []
    monkeypatch.setattr(announce, "megabytes", lambda count: said.append(count) or "some MB")
    assert train("--run", "run", "--recipe", "tutorial", "--steps", "20", "--sample-every", "8") == 0
    states_and_networks = sum(path.stat().st_size for path in trained.rglob("*.[nk][pe]*"))
    assert states_and_networks < said[0] < 3 * states_and_networks


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_states_are_kept_as_asked(keep):
    for step in range(5):
        states.save(Path("run"), {"a": np.zeros(2)}, {"step": step}, keep)
    assert sorted(os.listdir("run/state")) == [f"step_{step:09d}.npz" for step in range(5)][-keep:]


def test_an_old_state_goes_only_when_the_new_one_is_whole(monkeypatch):
    states.save(Path("run"), {}, {"step": 1}, keep=1)
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        states.save(Path("run"), {}, {"step": 2}, keep=1)
    assert os.listdir("run/state") == ["step_000000001.npz"]


def test_no_room_for_one_state_is_said_before_the_training(train, refused, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: FULL)
    line = refused(lambda argv: train(*argv), ["--run", "run", "--recipe", "light", "--steps", "5"], 1)
    assert line.startswith("the disk of run has 0.0 MB free, and one saved state takes 0.2 MB: free some space")
    assert not Path("run/state").exists()


def test_a_disk_that_fills_up_is_said_and_the_training_goes_on(train, monkeypatch, capsys):
    free = iter([10**12, 1000, 1000])  # at the start, and before the saves of the steps 1 and 2
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=next(free)))
    assert train("--run", "run", "--recipe", "light", "--steps", "3", "--save-minutes", "0") == 0
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in warnings] == [f"warning: step {step} is not saved" for step in (1, 2)]
    assert sorted(os.listdir("run/state")) == ["step_000000000.npz", "step_000000003.npz"]


def test_a_run_that_may_fill_the_disk_is_warned_of(train, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * 10**6))
    assert train("--run", "run", "--recipe", "light", "--steps", "1", "--sample-every", "1") == 0
    assert "warning" not in capsys.readouterr().err
    monkeypatch.setattr(announce, "GRID", 10**5)
    monkeypatch.setattr(announce, "PNG", 0.01)
    assert train("--run", "run", "--steps", "2", tiny=[*TINY, "--recipe", "light"]) == 0
    assert capsys.readouterr().err.startswith("warning: the disk of run has 5.0 MB free, and the run may need ")


def test_the_film_of_large_grids_is_small_and_a_damaged_sample_is_left_out():
    for step in range(3):
        samples.write(Path("run"), np.full((300, 2500, 3), 40 * step, np.uint8), step)
    Path("run/samples/step_000001.png").write_bytes(b"damaged")
    samples.film(Path("run"))
    from PIL import Image

    with Image.open("run/progress.gif") as film:
        assert film.n_frames == 2
        assert film.size[0] <= samples.WIDE
    assert samples.small(np.zeros((9, 9, 1), np.uint8)).shape == (9, 9, 1)
    assert images.read("run/samples/step_000002.png").shape == (300, 2500, 3)
