"""Every command in the README works, in the order in which it stands there."""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from booru import Booru, running
from conftest import not_compiled

import encode
import explore
import export
import generate
import page
import preprocess
import train
from animefaces import images
from demo import cartoons
from drawing import export as exporting
from drawing.page import RUNTIME
from training import encoder

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = {
    f"{script.__name__}.py": script.main for script in (preprocess, train, generate, encode, explore, export, page)
}
SCRIPTS["demo.cartoons"] = cartoons.main
CODES = {"vae", "encoder"}  # commands of train.py
# The real programs and flags, on networks and counts that take a moment.
SMALL = {
    "train.py": ["--size", "16", "--generator-widths", "8,8", "--discriminator-widths", "8,8", "--batch-size", "4"],
    "generate.py": ["--scale", "1"],
    "encode.py": [],
    "explore.py": [],
    "export.py": [],
    "page.py": ["--build"],
    # A detector that knows where these pictures have their face: the real one's file is not part of the project.
    "preprocess.py": ["--detector", "detectors:middle", "--workers", "1", "--size", "16"],
    "demo.cartoons": ["--count", "6"],
}


def commands():
    """The lines of the README's sh blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def write_pictures(folder):
    for i, face in enumerate(cartoons.draw_many(6, 16)):
        images.save(folder / "more_faces" / f"{i}.png", face)
    for i in range(4):
        images.save(folder / "pictures" / f"{i}.png", scene(i))
    for name in ("faces.zip", "second_set.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file in (folder / "more_faces").iterdir():
                archive.write(file, file.name)
    shutil.copy(PROJECT / "docs" / "images" / "astronaut.jpg", folder / "photo.jpg")
    shutil.copy(folder / "faces.zip", folder / "photos.zip")
    (folder / "photos.csv").write_text("file,age,male\n0.png,30,0\n1.png,50,1\n")
    np.savez(folder / "mnist.npz", x_train=np.zeros((6, 28, 28), np.uint8), y_train=np.arange(6))


def scene(seed):
    """A picture with a drawn face in its middle."""
    pixels = np.full((128, 128, 3), 230, np.uint8)
    pixels[32:96, 32:96] = cartoons.draw(seed)
    return pixels


def posted(folder, seeds):
    """Names and bytes of pictures, as a picture site has them."""
    for seed in seeds:
        images.save(folder / f"{seed}.png", scene(seed))
    return {f"{seed}.png": (folder / f"{seed}.png").read_bytes() for seed in seeds}


def run(line):
    """Run one `python SCRIPT ...` line in this process, made small."""
    _, *words = shlex.split(line)
    words = words[1:] if words[0] == "-m" else words
    script, *arguments = words
    small = SMALL[script]
    if script == "train.py":
        steps = ["--steps", "2"] if "--steps" not in arguments else ["--steps", "3"]
        resumed = "--run" in arguments and Path(arguments[arguments.index("--run") + 1]).exists()
        started = "--init-from" in arguments or CODES & set(arguments[:1])
        small = steps if resumed else [*steps, "--batch-size", "4"] if started else [*small, *steps]
        if CODES & set(arguments[:1]):
            small += ["--size", "16", "--init-from", "results/soft"]
    if script == "generate.py" and "1000" in arguments:
        small = [*small, "--count", "30"]  # a thousand take long
    if {"--sex", "--best-of"} & set(arguments):
        small = ["--scale", "1", "--count", "2"]  # each is chosen from many
    if script == "explore.py":
        scale, frames = ["--scale", "1"], ["--frames", "4"]
        small = {"walk": [*scale, *frames], "arithmetic": scale}.get(arguments[0], ["--samples", "32"])
    if script == "explore.py" and not {"--run", "--latents"} & set(
        arguments
    ):  # of the runs there are, one that draws at once
        small = [*small, "--run", "results/soft"]
    with not_compiled() if script == "train.py" and not CODES & set(arguments[:1]) else contextlib.nullcontext():
        return SCRIPTS[script]([*arguments, *small])


def test_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path)
    (tmp_path / "models").symlink_to(PROJECT / "models")  # the shipped weights are named by their path
    python = [line for line in commands() if re.match(r"python \w+\.py", line)]
    assert len(python) >= 19
    monkeypatch.setattr(encoder, "DRAWINGS", 48)
    monkeypatch.setattr(exporting, "CHECKED", 8)
    whole = exporting.parts_of  # what goes with a generator, tests/test_export.py writes
    monkeypatch.setattr(exporting, "parts_of", lambda *words, **more: {"generator": whole(*words, **more)["generator"]})
    with running(Booru(posted(tmp_path / "site", range(10, 14))), tmp_path, monkeypatch):
        for line in python:
            if RUNTIME.exists() or "page.py" not in line:  # npm brings it
                assert run(line) == 0, line
    assert len(list((tmp_path / "data" / "faces").glob("*.png"))) == 8
    drawn = tmp_path / "results" / "drawn"
    assert len(list((drawn / "many").glob("*.png"))) == 30
    assert all(
        (drawn / name).exists() for name in ("walk.gif", "walk.webp", "faces.png", "anime.png", "me/latents.npz")
    )
    assert not {path.suffix for path in tmp_path.iterdir()} & {".png", ".gif", ".webp"}


def test_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("models", "docs"):
        (tmp_path / folder).symlink_to(PROJECT / folder)
    listed = subprocess.run(
        ["make", "--dry-run", "--file", PROJECT / "Makefile", "--directory", PROJECT, "demo", "VENV=nowhere"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in listed.stdout.splitlines() if re.match(r"nowhere/bin/python (-m demo|\w+\.py)", line)]
    assert len(lines) == 5
    for line in lines:
        assert run(line) == 0, line
    assert (tmp_path / "results" / "demo" / "faces.png").exists()
    assert (tmp_path / "results" / "demo" / "anime.png").exists()
    assert (tmp_path / "results" / "demo" / "astronaut.png").exists()


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("make")])
def test_make_targets(line):
    done = subprocess.run([*shlex.split(line), "--dry-run"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_set_up_by_hand(tmp_path):
    assert "python3 -m venv .venv" in commands()
    assert ".venv/bin/pip install -r requirements.txt" in commands()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    # All is installed here already, so nothing is fetched: this reads the file and checks the versions.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "-r", PROJECT / "requirements.txt"]
    subprocess.run(pip, check=True, capture_output=True)


def test_only_these_commands_stand_there():
    known = re.compile(
        r"(python (preprocess|train|generate|encode|explore|export|page)\.py|make |python3 -m venv|\.venv/bin/pip)"
    )
    assert [line for line in commands() if not known.match(line)] == []
