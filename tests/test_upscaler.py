"""train.py upscaler: the real program, on drawn faces; and its parts."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import OFTEN, as_suits, assert_goes_on_exactly, log_of
from onnx import TensorProto, helper
from PIL import Image

import train as program
from animefaces import images
from animefaces.problems import Problem
from demo import cartoons
from drawing.enlarging import open_upscaler
from models import upscaler as networks
from training import upscaler

SIZES = ["--size", "128", "--batch-size", "4", "--discriminator-widths", "8,8"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(networks, "build_upscaler", functools.partial(networks.build_upscaler, 8, 1))


@pytest.fixture
def large(tmp_path):
    """A folder of 12 large faces."""
    for seed in range(12):
        images.save(tmp_path / "large" / f"{seed}.png", cartoons.draw(seed, 128))
    return tmp_path / "large"


@pytest.fixture
def train(large, cache):
    def run(*flags):
        words = [str(word) for word in ("upscaler", "--data", large, "--cache", cache, *SIZES, *flags)]
        with as_suits(words):
            return program.main(words)

    return run


def test_a_run_is_whole_and_goes_on(train):
    run = Path("results/run")
    assert train("--run", run, "--steps", "3", "--log-every", "3", *OFTEN) == 0
    assert {path.name for path in run.iterdir()} == {
        "options.json", "log.jsonl", "events", "samples", "curves.png", "progress.gif", "state", "lock",
        "upscaler.keras",
    }  # fmt: skip
    (entry,) = log_of(run)
    assert 0 < entry["difference"] < 100 and 0 <= entry["right"] <= 1  # a discriminator judges the last steps
    with Image.open(run / "samples" / "step_000003.png") as sample:
        assert sample.size == (6 * 128, 4 * 128)
    assert open_upscaler(run).output_shape == (None, None, None, 3)
    assert_goes_on_exactly(train, run, 3)


def test_it_comes_nearer_to_the_large_faces(train, large, monkeypatch):
    monkeypatch.setattr(networks, "JUDGED_FROM", 2)  # without a discriminator
    assert train("--run", "run", "--steps", "150", "--learning-rate", "0.01", "--average", "0.9") == 0
    faces = np.stack([images.read(file) for file in sorted(large.iterdir())])
    small = np.stack([upscaler.reduced(face, Image.Resampling.BOX) for face in faces])
    before, after = (np.asarray(network(images.to_network(small))) for network in
                     (networks.build_upscaler(), open_upscaler(Path("run"))))  # fmt: skip
    wanted = images.to_network(faces)
    assert np.abs(after - wanted).mean() < 0.95 * np.abs(before - wanted).mean()
    # Training can begin with an upscaler.
    assert train("--run", "more", "--steps", "1", "--learning-rate", "1e-6", "--init-from", "run") == 0
    again = np.asarray(open_upscaler(Path("more"))(images.to_network(small)))
    assert np.abs(again - after).mean() < np.abs(before - after).mean() / 2


def test_half_of_a_batch_is_what_the_teacher_draws(train, monkeypatch, capsys):
    monkeypatch.setattr(upscaler, "FACES", 3)
    monkeypatch.setattr(upscaler, "enlarged", lambda teacher, faces: faces.repeat(4, 1).repeat(4, 2))
    Path("teacher.onnx").write_bytes(b"a network")
    tasks = []
    monkeypatch.setattr(program.Training, "go_on", lambda self: tasks.append(self.task))
    assert train("--run", "run", "--teacher", "teacher.onnx") == 0
    assert "teacher    teacher.onnx, of 3 drawn faces" in capsys.readouterr().out
    _, small, large = tasks[0].batch(0)
    assert small.shape == (4, 32, 32, 3) and large.shape == (4, 128, 128, 3)
    exact = [np.array_equal(one.repeat(4, 0).repeat(4, 1), other) for one, other in zip(small, large, strict=True)]
    assert exact == [True, True, False, False]


def test_the_colours_over_large_squares_stay():
    shown = images.to_network(cartoons.draw(0, 64))[None]
    tinted = np.asarray(networks.coloured(shown.repeat(4, 1).repeat(4, 2) + 0.5, shown))
    off = tinted.reshape(64, 4, 64, 4, 3).mean((1, 3)) - shown[0]
    assert np.abs(off).max() < 1e-5


def test_small_pictures_are_made_as_small_pictures_are():
    rng, face = np.random.default_rng(0), cartoons.draw(0, 128)
    plain = upscaler.reduced(face, Image.Resampling.BOX).astype(int)
    made = [upscaler.made_small(face, rng) for _ in range(20)]
    assert all(one.shape == (32, 32, 3) and one.dtype == np.uint8 for one in made)
    off = [np.abs(one - plain).mean() for one in made]
    assert max(off) < 16 and np.std(off) > 0.3


def onnx_network(*nodes):
    """The bytes of an ONNX network from x (1, 3, 8, 8) to y, of nodes (kind, inputs, output, attributes)."""
    made = [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in nodes]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, s, s]) for n, s in (("x", 8), ("y", 32))]
    graph = helper.make_graph(made, "network", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def test_what_a_teacher_draws():
    faces = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    copies = ("Concat", ["x"] * 16, "c", {"axis": 1})
    Path("teacher.onnx").write_bytes(onnx_network(copies, ("DepthToSpace", ["c"], "y", {"blocksize": 4})))
    assert np.array_equal(upscaler.enlarged(Path("teacher.onnx"), faces), faces.repeat(4, 1).repeat(4, 2))
    for odd in ([("Co\u0394", ["x"], "y", {})], [("Relu", ["x"], "y", {})], [("Concat", ["x", "z"], "y", {"axis": 1})],
                [("SequenceConstruct", ["x"], "y", {})], [("ReduceMean", ["x"], "y", {"keepdims": 0})],
                [("ReduceMean", ["x"], "y", {"axes": [2, 3]})]):  # fmt: skip
        Path("odd.onnx").write_bytes(onnx_network(*odd))
        with pytest.raises(Problem, match=r"odd.onnx is no ONNX network that enlarges RGB pictures 4 times"):
            upscaler.enlarged(Path("odd.onnx"), faces)


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["--channels", "1"], "an upscaler is for colour", 2),
        (["--size", "64"], "give a --size of 128 or more", 2),
        (["--teacher", "gone.onnx"], "gone.onnx does not exist", 1),
        (["--teacher", "large/0.png"], "large/0.png is no ONNX network that enlarges RGB pictures 4 times", 1),
        (["--init-from", "gone"], "gone does not exist", 1),
    ],
)
def test_bad_input(train, refused, monkeypatch, flags, words, code):
    monkeypatch.setattr(upscaler, "FACES", 1)
    assert words in refused(lambda argv: train(*argv), flags, code)


def test_the_discriminator_judges_places():
    network = networks.build_discriminator((8, 8, 8))
    assert network.output_shape == (None, None, None, 1)
    assert network(keras.ops.zeros((2, 32, 32, 3))).shape == (2, 8, 8, 1)
