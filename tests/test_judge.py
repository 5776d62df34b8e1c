"""Verdicts in training: on faces kept from it, within their share of the time, and the best generator is kept."""

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import log_of

import recipes
from animefaces import batches, images, latents, runs, states
from animefaces.problems import Misuse, Problem
from demo import cartoons
from drawing import features, finishing, judge
from models import saved
from models.batches import ROWS, in_batches
from training import gan


@pytest.fixture
def network():
    """A file of a network whose features are the mean colour of each quarter."""
    pictures = keras.Input((None, None, 3))
    corners = keras.layers.Resizing(2, 2, interpolation="area")(pictures)
    saved.save(keras.Model(pictures, keras.layers.Reshape((12,))(corners)), Path("network.keras"))
    return "network.keras"


@pytest.mark.parametrize(("count", "held"), [(999, 0), (1000, 50), (3456, 172), (50_000, 1000)])
def test_what_is_held_out_is_spread_evenly_and_not_trained_on(count, held):
    numbers = np.arange(count)
    training, apart = batches.split(numbers)
    assert (len(training), len(apart)) == (count - held, held)
    assert sorted([*training[:], *apart[:]]) == list(range(count))
    if held:
        gaps = np.diff(apart[:])
        assert gaps.max() - gaps.min() <= 1
        assert apart[:][-1] == count - 1


def test_a_training_keeps_these_faces_to_itself():
    small = {"size": 16, "latent": 8, "batch_size": 4, "generator_widths": (8, 8), "discriminator_widths": (8, 8)}
    pictures = np.arange(1000, dtype=np.uint16)[:, None, None, None].astype(np.uint8) + np.zeros((16, 16, 3), np.uint8)
    task = gan.Task(dataclasses.replace(recipes.BASE, warm_up=0, average=0.25, **small), pictures, None, None)
    held, trained = set(task.judge._validation._indices), set(task.faces._indices)
    assert len(held) == 50 and task.order.count == len(trained) == 950
    assert not held & trained
    assert task.player.average_decay == 0.25


def test_the_verdict_is_lower_for_faces_of_the_same_kind(network):
    faces = cartoons.draw_many(200, 16)
    bench = judge.Judge(network, faces[:100])
    figures, seconds = bench.verdict(lambda: faces[100:])
    alike, error = figures["kernel_distance"], figures["kernel_error"]
    darker = bench.verdict(lambda: faces[100:] // 2)[0]["kernel_distance"]
    assert abs(alike) < 4 * error
    assert darker > alike + 10 * error
    assert seconds > 0


def test_what_ships_to_judge_by_minds_noise_and_a_collapse():
    generator = saved.load(runs.PRETRAINED / runs.GENERATOR)

    def drawn(first, spread=1.0):
        z = latents.from_seeds(range(first, first + 2 * ROWS), generator.input_shape[-1])  # two full batches
        return images.to_pixels(in_batches(generator, spread * z))

    bench = judge.Judge(features.DISCRIMINATOR, drawn(0))
    others = drawn(100)
    alike, _ = bench.verdict(lambda: others)
    assert abs(alike["kernel_distance"]) < 2 * alike["kernel_error"]
    assert 0 < alike["eye_mismatch"] < 0.12
    assert min(alike["precision"], alike["recall"]) > 0.6
    # A few faces again and again, with a little noise, so that none is another one to the bit.
    few = np.resize(others[:10], others.shape) + np.random.default_rng(0).integers(-2, 3, others.shape)
    figures, _ = bench.verdict(lambda: np.clip(few, 0, 255).astype(np.uint8))
    assert figures["recall"] < 0.2 * alike["recall"]
    # Each face gets the right half of the one before: nothing but chance decides whether its two eyes match.
    halves = np.concatenate([others[:, :, :32], np.roll(others, 1, axis=0)[:, :, 32:]], axis=2)
    assert 0.4 < bench.verdict(lambda: halves)[0]["eye_mismatch"] < 0.6
    noise = np.random.default_rng(0).normal(0, 12, others.shape)
    for worse in np.clip(others + noise, 0, 255).astype(np.uint8), drawn(100, spread=0.5):
        figures, _ = bench.verdict(lambda worse=worse: worse)
        assert figures["kernel_distance"] > 4 * figures["kernel_error"]


def test_verdicts_take_no_more_than_their_share(network, monkeypatch):
    bench = judge.Judge(network, np.zeros((5, 8, 8, 3), np.uint8))
    assert not bench.due(judge.FIRST / judge.SHARE - 1, 0)
    assert bench.due(judge.FIRST / judge.SHARE, 0)
    clock = [100.0]

    def takes(seconds, work):
        def done(*args):
            clock[0] += seconds
            return work(*args)

        return done

    monkeypatch.setattr(judge.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(judge.features, "open_features", takes(50, features.open_features))  # once, so it is no price
    new = takes(4, lambda: np.zeros((5, 8, 8, 3), np.uint8))
    assert bench.verdict(new)[1] == 4
    assert not bench.due(7 / judge.SHARE - 1, spent=3)
    assert bench.due(7 / judge.SHARE, spent=3)
    assert bench.verdict(new)[1] == 4


def test_a_network_that_does_not_fit_is_refused_at_once(network):
    faces = cartoons.draw_many(4, 16)
    with pytest.raises(Misuse, match="--features nope will not do"):
        judge.Judge("nope", faces)
    with pytest.raises(FileNotFoundError):
        judge.Judge("gone.keras", faces)
    with pytest.raises(Problem, match="takes pictures of 96 x 96 x 3, not 16 x 16 x 3: give --features another"):
        judge.Judge(str(runs.PRETRAINED / "photo_reader.keras"), faces)
    assert judge.Judge(network, faces).verdict(lambda: faces)[0]["precision"] == 1


@pytest.mark.parametrize("name", ["discriminator.keras", "parts.keras"])
def test_a_shipped_network_that_is_damaged_is_named_at_once(name, tmp_path, monkeypatch):
    shutil.copytree(runs.PRETRAINED, tmp_path / "shipped")
    (tmp_path / "shipped" / name).write_bytes(b"version https://git-lfs.github.com/spec/v1")
    monkeypatch.setattr(runs, "PRETRAINED", tmp_path / "shipped")
    monkeypatch.setattr(finishing, "FILE", tmp_path / "shipped" / "parts.keras")
    monkeypatch.setattr(finishing, "_network", finishing._network.__wrapped__)  # which may have opened it before
    with pytest.raises(Problem, match=f"{name} cannot be opened as a trusted"):
        judge.Judge(features.DISCRIMINATOR, cartoons.draw_many(4, 16))


def test_nothing_is_judged_by_nothing(network):
    assert not judge.Judge(network, np.zeros((0, 8, 8, 3), np.uint8)).due(1e9, 0)


def test_the_best_generator_is_kept_and_used(train, network, monkeypatch):
    np.savez("many.npz", images=np.resize(cartoons.draw_many(50, 16), (1000, 16, 16, 3)))
    monkeypatch.setattr(judge, "COUNT", 20)
    monkeypatch.setattr(judge.Judge, "due", lambda self, seconds, spent: True)
    verdicts = iter([0.5, 0.2, 0.3, 0.9])
    monkeypatch.setattr(judge.metrics, "kernel_distance", lambda known, new: (next(verdicts), 0.01))
    monkeypatch.setattr(judge.eyes, "mismatch", lambda *told: (0.1, 0.01))
    run = Path("run")
    flags = ["--data", "many.npz", "--run", run, "--features", network, "--sample-every", "10"]
    assert train(*flags, "--log-every", "10", "--steps", "20") == 0
    best = (run / runs.BEST).read_bytes()
    assert train("--data", "many.npz", "--run", run, "--steps", "40") == 0  # and goes on knowing the best
    assert (run / runs.BEST).read_bytes() == best
    assert [entry["kernel_distance"] for entry in log_of(run)] == [0.5, 0.2, 0.3, 0.9]
    assert runs.find_generator(run) == run / runs.BEST
    state = np.load(sorted((run / "state").iterdir())[-1])
    assert json.loads(str(state["record"]))["best"] == 0.2


@pytest.mark.parametrize(("verdicts", "best"), [
    # What a night of `overnight` measured; in the last one many faces have eyes of two colours.
    ([(0.254, 0.106), (0.227, 0.083), (0.237, 0.132)], 1),
    ([(0.237, 0.132), (0.227, 0.083), (0.254, 0.090)], 2),  # all as good as far as the errors can tell
    ([(0.237, 0.050), (0.100, 0.200), (0.110, 0.230)], 1),  # far nearer, whatever the eyes; then the eyes
    ([(0.237, 0.050), (0.230, 0.055), (0.225, 0.060), (0.220, 0.069)], 2),  # a little worse each time adds up
    ([(0.237, None), (0.230, None), (0.300, None)], 1),  # grey
])  # fmt: skip
def test_among_generators_as_near_those_are_kept_whose_eyes_match(verdicts, best, monkeypatch):
    kept = []
    monkeypatch.setattr("training.gan.saved.save", lambda network, path: (kept.append(network), path.touch()))
    task = object.__new__(gan.Task)
    task.options, task.run, task.player = recipes.RECIPES["demo"], Path("run"), SimpleNamespace()
    task.run.mkdir()
    progress = states.Progress()
    for number, (distance, eyes) in enumerate(verdicts):
        figures = {"kernel_distance": distance, "kernel_error": 0.022}
        if eyes is not None:
            figures |= {"eye_mismatch": eyes, "eye_error": 0.007}
        task.judge = SimpleNamespace(due=lambda *_: True, verdict=lambda draw, told=figures: (told, 1.0))
        task.player.average = number
        task.measure(progress)
        progress = states.Progress.of(json.loads(json.dumps(dataclasses.asdict(progress))))  # as in a saved state
    assert kept[-1] == best


@pytest.mark.parametrize("last", [0.2, 0.515])  # closer, and no further as far as an error of 0.01 can tell
def test_the_last_generator_is_judged_too(last, train, network, monkeypatch):
    np.savez("many.npz", images=np.resize(cartoons.draw_many(50, 16), (1000, 16, 16, 3)))
    monkeypatch.setattr(judge, "COUNT", 20)
    monkeypatch.setattr(judge.Judge, "due", lambda self, seconds, spent: spent == 0)
    verdicts = iter([0.5, last])
    monkeypatch.setattr(judge.metrics, "kernel_distance", lambda known, new: (next(verdicts), 0.01))
    monkeypatch.setattr(judge.eyes, "mismatch", lambda *told: (0.1, 0.01))
    assert train("--data", "many.npz", "--run", "run", "--features", network, "--log-every", "10", "--steps", "15") == 0
    assert list(verdicts) == []
    best, newest = (saved.load(Path("run", name)).get_weights() for name in (runs.BEST, runs.GENERATOR))
    assert all(np.array_equal(a, b) for a, b in zip(best, newest, strict=True))
    verdict = log_of(Path("run"))[-1]  # the last one is in the log and so in curves.png, too
    assert (verdict["step"], verdict["kernel_distance"], verdict["kernel_error"]) == (15, last, 0.01)
    assert "kernel_distance" not in json.loads(str(state_record(Path("run"))))["window"]


def state_record(run):
    with np.load(max((run / "state").glob("step_*.npz"))) as file:
        return file["record"]


def test_a_run_is_judged_in_its_own_features(train, network, refused):
    assert train("--run", "run", "--steps", "1", "--features", network) == 0
    import train as program

    assert "--features" in refused(program.main, ["--run", "run", "--features", "inception"], 2)
