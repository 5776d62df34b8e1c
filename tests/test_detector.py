"""train.py detector: the real program with a tiny network, its scenes, and the processes that make them."""

import functools
import io
import re
import time
import zipfile
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import OFTEN, as_suits, assert_goes_on_exactly, log_of, python
from PIL import Image

import train as program
from animefaces import boxes, images, runs
from animefaces.problems import Problem
from demo import cartoons
from drawing.networks import Network
from gathering import detectors
from models import detector as networks
from models import engine
from training import blocks, scenes
from training import detector as training
from training.stock import Stock, packed

SIZES = ["--size", "64", "--batch-size", "2", "--repeat", "2"]
FACE = (72, 77, 56, 60)  # x, y, width, height of the face in the pictures of `labelled`


@pytest.fixture(autouse=True)
def small(monkeypatch):
    tiny = functools.partial(networks.build_detector, (4, 4, 8, 8, 8, 8), (0, 0, 1, 0, 1, 0), 8)
    monkeypatch.setattr(networks, "build_detector", tiny)
    monkeypatch.setattr(training, "BLOCK", 2)
    monkeypatch.setattr(training, "HELD", 3)
    monkeypatch.setattr(training, "SHOWN", 2)
    monkeypatch.setattr(boxes, "SIDES", (192, 960))  # one search: each shape is compiled once more


def labelled(seed):
    """A picture with one drawn face at FACE."""
    pixels = np.full((150, 200, 3), 200 - 20 * (seed % 5), np.uint8)
    pixels[40:140, 50:150] = cartoons.draw(seed, 100)
    return pixels


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with faces, photos and pictures.zip."""
    folder = tmp_path_factory.mktemp("detector")
    for seed in range(6):
        images.save(folder / "faces" / f"{seed}.png", cartoons.draw(seed, 64))
        images.save(
            folder / "photos" / f"{seed}.png", np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
        )
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for seed in range(7):
            file = io.BytesIO()
            Image.fromarray(labelled(seed)).save(file, "PNG")
            archive.writestr(f"{seed}.png", file.getvalue())
        rows = [f"{seed}.png,{','.join(map(str, FACE))}" for seed in range(7)]
        archive.writestr("boxes.csv", "\n".join(["file,x,y,width,height", *rows]))
    return folder


@pytest.fixture
def train(data, cache):
    def run(*flags):
        given = ["--data", data / "faces", "--cache", cache, *SIZES]
        for flag, path in (("--pictures", data / "pictures.zip"), ("--photos", data / "photos")):
            given += [] if flag in flags else [flag, path]
        words = [str(word) for word in ("detector", *given, *flags)]
        with as_suits(words):
            return program.main(words)

    return run


def test_a_run_is_whole_and_goes_on(train, capsys):
    run = Path("results/run")
    assert train("--run", run, "--steps", "3", "--sample-every", "2", *OFTEN) == 0
    assert {path.name for path in run.iterdir()} == {
        "options.json", "log.jsonl", "events", "samples", "curves.png", "progress.gif", "state", "lock",
        "detector.keras",
    }  # fmt: skip
    assert "5 whole ones with 5 faces, and 2 to validate on" in capsys.readouterr().out
    *_, last = log_of(run)
    assert 0 <= last["recall"] <= 1
    network = Network(run / "detector.keras")
    assert network.session and network.output_shape == (None, None, None, networks.OUTPUTS)
    assert detectors.open_detector(str(run))(labelled(0)) is not None
    assert_goes_on_exactly(train, run, 3)


def test_it_learns():
    pixels, faces = scenes.Maker(stock(), 1).scenes(0, 4)
    same = np.array([0, 1, 1, 1, 0, 0, 0], np.float32)  # no change
    inputs = pixels, faces, np.tile(same, (4, 1))
    network = networks.build_detector()
    player = networks.Detecting(network, engine.Adam(0.01), total=60)
    first, *_, last = [player.steps(np.int32([step]), *(one[None] for one in inputs)) for step in range(14)]
    assert last["loss"] < 0.6 * first["loss"]
    assert last["overlap"] > first["overlap"]


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["--channels", "1"], "a detector is for colour", 2),
        (["--pictures", "gone.zip"], "gone.zip does not exist", 1),
        (["--photos", "gone"], "gone does not exist", 1),
        (["--pictures", "bad.zip"], "give a zip of pictures and boxes.csv", 1),
        (["--pictures", "odd.zip"], "give a zip of pictures and boxes.csv", 1),
        (["--init-from", "gone.keras"], "gone.keras", 1),
        (["--init-from", str(runs.PRETRAINED / "vae.keras")], "does not fit these options (its layers are of other", 1),
    ],
)
def test_bad_input(train, data, refused, flags, words, code):
    Path("bad.zip").write_bytes(b"no zip")
    # Packed in a way that nobody knows.
    odd = re.sub(rb"(PK\x01\x02.{6})..", b"\\1\x63\0", (data / "pictures.zip").read_bytes(), flags=re.DOTALL)
    Path("odd.zip").write_bytes(odd)
    assert words in refused(lambda argv: train(*argv), flags, code)


def stock():
    """Two labelled pictures, and faces to paste whose points are those of most drawn cartoons."""
    faces = np.stack([cartoons.draw(seed, 64) for seed in range(4)])
    places = np.tile(np.array([(0.37, 0.5), (0.63, 0.5), (0.5, 0.68), (0.5, 0.75)], np.float32), (4, 1, 1))
    pictures = packed([labelled(0), labelled(1)], [np.array([FACE], np.float32)] * 2)
    return Stock(*pictures, faces, np.full((4, 64, 64), 255, np.uint8), places, faces[:, ::-1])


def test_scenes_are_a_function_of_their_numbers(tmp_path):
    made, again = scenes.Maker(stock(), 1), scenes.Maker(stock(), 1)
    pixels, faces = made.scenes(0, 30)
    for one, other in zip((pixels[10:20], faces[10:20]), again.scenes(10, 20), strict=True):
        np.testing.assert_array_equal(one, other)
    assert pixels.shape == (30, scenes.SIDE, scenes.SIDE, 3) and faces.shape == (30, scenes.MOST, scenes.ROW)
    real = faces[faces[..., 0] > 0]
    assert len(real) > 15 and (real[:, 3:5] > real[:, 1:3]).all()
    known = real[~np.isnan(real[:, 5])]
    eyes, size = known[:, 5:9].reshape(-1, 2, 2).mean(1), (known[:, 3:5] - known[:, 1:3]).max(1)
    middle = (known[:, 1:3] + known[:, 3:5]) / 2
    assert len(known) > 3 and (np.abs(eyes - middle).max(1) < size).all()  # what is cut off moves the middle


def test_a_box_and_its_points_turn_together():
    places = np.array([(0.4, 0.5), (0.6, 0.5), (0.5, 0.65), (0.5, 0.7)])
    box = scenes.box_of(places)
    assert box[3] == pytest.approx(0.7) and (box[0] + box[2]) / 2 == pytest.approx(0.5)
    matrix = scenes.matrix_for((0.5, 0.5), (10, 20), 8, np.pi / 2)
    np.testing.assert_allclose(places[0] @ matrix[:, :2].T + matrix[:, 2], (10, 19.2))
    left, top, right, bottom = scenes.turned_boxes(box[None], matrix)[0]
    np.testing.assert_allclose([right - left, bottom - top], 8 * (box[2:] - box[:2])[::-1])


def test_a_mirrored_face_keeps_its_left_eye_on_the_left():
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    faces = np.array([[[1, 10, 20, 30, 50, 15, 30, 25, 30, 20, 40, 20, 50]]], np.float32)
    _, turned = networks.changed(pixels, faces, np.array([[1, 1, 1, 1, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(np.asarray(turned)[0, 0], [1, 34, 20, 54, 50, 39, 30, 49, 30, 44, 40, 44, 50])


def test_the_loss_is_small_for_the_right_answer():
    faces = np.array([[[1, 16, 24, 72, 88, 30, 50, 58, 50, 44, 70, 44, 88], [0] * 13]], np.float32)
    said = np.full((1, 16, 16, networks.OUTPUTS), -8, np.float32)
    middles = (np.mgrid[:16, :16][::-1].transpose(1, 2, 0) + 0.5) * 8
    sides = np.concatenate([middles - (16, 24), (72, 88) - middles], axis=-1) / 8
    said[0, ..., 1:5] = np.log(np.maximum(sides, 0.1))
    places = faces[0, 0, 5:].reshape(4, 2)
    said[0, ..., 5:] = ((places - middles[:, :, None]) / (56, 64)).reshape(16, 16, 8)
    said[0, 7, 5, 0] = 8
    loss, figures = networks.detection_loss(said, faces)
    assert float(loss) < 0.1 and float(figures["overlap"]) > 0.99 and float(figures["off"]) < 0.01
    said[0, 7, 5, 0] = -8
    assert float(networks.detection_loss(said, faces)[0]) > 5


def test_the_block_in_the_making_is_given_up(tmp_path):
    stock().save(tmp_path / "stock")
    made = blocks.Blocks(tmp_path / "stock", 0, 8)
    pixels, faces = made.block(0)
    wanted = scenes.Maker(stock(), 0).scenes(0, 8)
    np.testing.assert_array_equal(pixels, wanted[0])
    np.testing.assert_array_equal(faces, wanted[1])
    code = (
        "from pathlib import Path\n"
        "from training.blocks import Blocks\n"
        "def work():\n"
        "    Blocks(Path('stock'), 0, 20_000).promise(0)\n"  # a minute or more, if nobody gave it up
        "if __name__ == '__main__': work()\n"
    )
    Path("program.py").write_text(code)
    start = time.monotonic()
    done = python("program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 40


def test_a_process_that_is_ended_is_named(tmp_path):
    stock().save(tmp_path / "stock")
    made = blocks.Blocks(tmp_path / "stock", 0, 8)
    ended = Future()
    ended.set_exception(BrokenProcessPool())
    made._pool = SimpleNamespace(submit=lambda *_: ended)
    with pytest.raises(Problem, match="a process that makes scenes was ended, and the memory may be full"):
        made.block(0)


def test_a_network_of_the_jax_engine_gives_what_its_weights_are_now(tmp_path):
    code = (
        "import numpy as np\n"
        "from models import engine\n"
        "network = engine.keras.Sequential([engine.keras.Input((2,)), engine.layers.Dense(1, use_bias=False)])\n"
        "look = engine.forward(network)\n"
        "for weight in (1.0, 3.0):\n"
        "    network.set_weights([np.full((2, 1), weight)])\n"
        "    print(look(np.ones((1, 2), np.float32)).item())\n"
    )
    pytest.importorskip("jax")
    done = python("-c", code, cwd=tmp_path, KERAS_BACKEND="jax")
    assert done.stdout.split() == ["2.0", "6.0"], done.stderr
