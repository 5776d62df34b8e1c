"""Drawn faces, tiny runs, and a folder of its own for every test."""

import contextlib
import functools
import gc
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

# Each of several processes has its own core, and so have those it starts. One process alone has one core, too: else its
# first training would settle the threads for all later ones, which then differ from a program's in the last bits.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}

from animefaces import images, plots
from demo import cartoons
from drawing import networks
from models import engine  # readies TensorFlow as in the programs, before a test imports Keras
from tests.corpus.case import signals_as_in_a_terminal

networks.THREADS = 1  # for the same reason; two that wait for each other keep their cores busy
gc.set_threshold(50_000, 20, 50)  # graphs are many objects: as usual, looking for garbage takes a tenth of the time
if sys.version_info < (3, 12):  # later ones remember it; TensorFlow asks for it at each operation
    typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)
signals_as_in_a_terminal()

PROJECT = Path(__file__).resolve().parent.parent
AXE = PROJECT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SIZES = ["--size", "16", "--latent", "8", "--batch-size", "4"]
OFTEN = ["--save-minutes", "0"]  # saves after every step
TINY = [*SIZES, "--generator-widths", "16,8", "--discriminator-widths", "8,16", "--warm-up", "0"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every test works in its own folder: nothing touches the project's data/ and results/."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """What JAX compiles in one test, the processes of other tests find."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder  # common to the workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder / "jax"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """A folder of ten 16x16 faces."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    for seed in range(10):
        images.save(folder / f"{seed:02d}.png", cartoons.draw(seed, 16))
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def train(faces, cache, monkeypatch):
    """train.main on the drawn faces, with tiny networks unless `tiny` is another list of flags.

    A few steps are not compiled, unless they are to be `compiled`. A point stands for the curves: to draw them takes a
    third of the time.
    """
    import train as program

    monkeypatch.setattr(plots, "curves", lambda path, *_: images.save(path, np.zeros((1, 1, 3), np.uint8)))

    def run(*flags, tiny=TINY, compiled=False):
        data = [] if "--data" in flags else ["--data", faces]
        words = [str(word) for word in (*data, "--cache", cache, *tiny, *flags)]
        with contextlib.nullcontext() if compiled else as_suits(words):
            return program.main(words)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory, faces, cache):
    """A finished run of 20 steps. Not to be changed: `copied` gives a copy."""
    import train as program

    run = tmp_path_factory.mktemp("results") / "00000-tutorial"
    flags = ["--recipe", "tutorial", "--steps", "20", "--sample-every", "8", "--run", str(run)]
    with contextlib.redirect_stdout(io.StringIO()):
        assert program.main(["--data", str(faces), "--cache", str(cache), *TINY, *flags]) == 0
    return run


@contextlib.contextmanager
def not_compiled():
    """TensorFlow's steps are not compiled here: for trainings of so few steps that compiling them takes longer."""
    if engine.keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def as_suits(words):
    """The context for a training with these words: up to three steps are not compiled."""
    goal, run = (words[words.index(flag) + 1] if flag in words else "" for flag in ("--steps", "--run"))
    states = [int(file.stem.removeprefix("step_")) for file in Path(run or "none", "state").glob("step_*.npz")]
    few = goal.isdecimal() and int(goal) - max(states, default=0) <= 3
    return not_compiled() if few else contextlib.nullcontext()


@pytest.fixture
def eager():
    """The steps of this test are not compiled."""
    with not_compiled():
        yield


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "copied"))


def copy_without(run, name, *files):
    """A copy of a run in this test's folder, without some of its files."""
    copy = Path(shutil.copytree(run, name))
    for file in files:
        (copy / file).unlink()
    return copy


@pytest.fixture
def refused(capsys):
    """Run something that must fail with `code` and one line on stderr -> that line, without its "error: "."""

    def check(main, argv, code):
        capsys.readouterr()
        assert main([str(word) for word in argv]) == code
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")

    return check


def python(*words, cwd, **environment):
    """Run this Python with the project importable -> the finished process, its output as text."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )  # fmt: skip


@pytest.fixture
def free_ports():
    """A function: how many -> ports that nobody listened at just now."""

    def find(count):
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            return [listener.getsockname()[1] for listener in listeners]

    return find


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of requirements-dev.txt")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


def violations(tab):
    """What axe-core finds that keeps people out, by rule."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:80]}" for one in found if one["impact"] in ("serious", "critical")]


def log_of(run):
    """The entries of a run's log.jsonl."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def state_of(run):
    """The arrays of a run's newest state, by name."""
    newest = max((run / "state").glob("step_*.npz"))
    with np.load(newest) as file:
        return {name: file[name] for name in file.files if name != "record"}


def assert_same_training(run, other):
    """Both runs ended at the same step, with the same weights to the bit, and logged the same figures."""
    assert max(os.listdir(run / "state")) == max(os.listdir(other / "state"))
    one, two = state_of(run), state_of(other)
    assert one.keys() == two.keys()
    assert [name for name in one if not np.array_equal(one[name], two[name])] == []
    timed = {"seconds", "images_per_second", "waiting"}
    assert [{k: v for k, v in e.items() if k not in timed} for e in log_of(run)] == [
        {k: v for k, v in e.items() if k not in timed} for e in log_of(other)
    ]


def assert_goes_on_exactly(train, run, steps):
    """A copy of `run`, saved after each step, without its newest state ends where `run` did, with the same weights."""
    copy = Path(shutil.copytree(run, "copy"))
    max((copy / "state").iterdir()).unlink()
    assert max(os.listdir(copy / "state")) == f"step_{steps - 1:09}.npz"
    assert train("--run", copy, "--steps", steps) == 0
    one, other = state_of(copy), state_of(run)
    assert one.keys() == other.keys()
    assert [key for key in one if not np.array_equal(one[key], other[key])] == []
