"""train.py --check: what it says of a computer, and what it advises."""

import json
import re
import sys
from dataclasses import replace

import keras
import pytest

import recipes
import train as program
from animefaces import hardware
from drawing import reading
from models import engine
from training import check


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Stand in for nvidia-smi: tool(lines it prints, exit code)."""

    def install(said, code=0):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!{sys.executable}\nprint({said!r})\nraise SystemExit({code})\n")
        path.chmod(0o755)
        monkeypatch.setattr("shutil.which", lambda name: str(path))

    return install


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
@pytest.mark.parametrize(("said", "code", "known"), [
    ("NVIDIA H200, 550.54\nNVIDIA H200, 550.54", 0, ["NVIDIA H200, driver 550.54"] * 2),
    ("NVIDIA-SMI has failed because it could not communicate with the driver", 9, []),
    ("No devices were found", 0, []),
])  # fmt: skip
def test_what_the_driver_knows(tool, said, code, known):
    tool(said, code)
    assert hardware.nvidia() == known


def test_no_driver_no_gpu(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert hardware.nvidia() == []


@pytest.mark.parametrize(("text", "quick"), [
    ("model name : EPYC\nflags : fpu avx2 avx512_bf16\nmodel name : EPYC\nflags : fpu avx2 avx512_bf16\n", True),
    ("model name : EPYC\nflags : fpu avx2\n", False),
])  # fmt: skip
def test_the_cpu(tmp_path, text, quick):
    (tmp_path / "cpuinfo").write_text(text)
    assert hardware.cpu(tmp_path / "cpuinfo") == ("EPYC", quick)
    assert hardware.cpu(tmp_path / "absent")[1] is None


@pytest.mark.parametrize(("system", "name", "known", "word"), [
    ("Windows", "tensorflow", ["one"], "wsl --install"),
    ("Darwin", "jax", [], "Apple"),
    ("Linux", "tensorflow", ["one"], 'does not see it: pip install "tensorflow[and-cuda]"'),
    ("Linux", "jax", ["one"], 'does not see it: pip install "jax[cuda12]"'),
    ("Linux", "tensorflow", [], "install its driver"),
])  # fmt: skip
def test_the_advice_is_for_this_system(system, name, known, word):
    assert word in hardware.advice(system, name, known)


@pytest.mark.parametrize("device", ["CPU", "GPU"])
def test_check_measures_and_leaves_nothing(device, train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check, "SECONDS", 0.5)
    monkeypatch.setattr(check, "TRIED", 0.1)
    monkeypatch.setattr(engine, "device", lambda: device)
    before = sorted(tmp_path.rglob("*"))
    assert train("--check", "--recipe", "tutorial", "--steps", "3600") == 0
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert said["engine"].split()[1] == engine.NAME
    assert ("used without a flag" in said.get("device", "")) == (device == "GPU")
    pace = int(said["speed"].split()[2].replace(",", ""))
    assert pace > 0
    assert "its 3,600 steps of 4 take" in said["speed"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("known", "paces", "chosen"), [
    (True, {"float32": [10, 10, 10], "bfloat16": [13, 13, 13]}, "bfloat16"),
    (True, {"float32": [10, 10, 10], "bfloat16": [10.5, 10.5, 10.5]}, "float32"),  # clocks are not that exact
    (True, {"float32": [10, 10, 10], "bfloat16": [5, 6, 13]}, "bfloat16"),  # something else ran in its first turns
    (True, {"float32": [5, 12, 6], "bfloat16": [13, 13, 13]}, "float32"),
    (False, {}, "float32"),
    (None, {}, "float32"),
])  # fmt: skip
def test_a_cpu_with_bfloat16_tries_it_before_a_long_training(known, paces, chosen, monkeypatch, capsys):
    turns = []

    def measured(options, *_):
        for pace in paces[options.precision]:
            turns.append(options.precision)
            yield pace

    monkeypatch.setattr(hardware, "cpu", lambda: ("EPYC", known))
    monkeypatch.setattr(check, "paces", measured)
    light = recipes.RECIPES["light"]
    assert check.settled(light, None).precision == chosen
    assert turns == list(paces) * (3 if paces else 0)
    assert ("images/s in float32 and bfloat16" in capsys.readouterr().out) == bool(paces)
    turns.clear()
    for options in (replace(light, steps=999), replace(light, minutes=4), replace(light, precision="float16")):
        assert check.settled(options, None).precision != "bfloat16"
    assert not turns  # none of these is worth a trial


@pytest.mark.parametrize(("recipe", "changes", "cores", "known", "whole"), [
    ("modern", {}, 2, True, True),
    ("modern", {}, 2, False, False),
    ("modern", {"precision": "float32"}, 2, True, False),
    ("modern", {"precision": "bfloat16"}, 2, None, True),
    ("modern", {"batch_size": 32}, 2, True, False),
    ("modern", {}, 4, True, False),  # not measured
    ("quick", {}, 2, False, True),
])  # fmt: skip
def test_two_threads_do_two_operations_of_a_small_step_at_a_time(recipe, changes, cores, known, whole, monkeypatch):
    calls = []
    monkeypatch.setattr(engine, "keep_operations_whole", lambda: calls.append(1))
    monkeypatch.setattr(hardware, "threads", lambda: cores)
    monkeypatch.setattr(hardware, "cpu", lambda: ("EPYC", known))
    check.share_threads(replace(recipes.RECIPES[recipe], **changes))
    assert bool(calls) == whole


@pytest.mark.skipif(engine.NAME != "tensorflow", reason="JAX was not measured with more than one step")
@pytest.mark.parametrize(("recipe", "changes", "steps"), [
    ("modern", {}, engine.UNROLLED),
    ("modern", {"steps_per_call": 3}, 3),
    ("modern", {"batch_size": 32}, 1),
    ("modern", {"minutes": 4}, 1),  # too short for seconds of compiling
    ("modern", {"log_every": 10}, 1),  # or the log would have other steps than asked for
    ("quick", {"steps": 999}, 1),
    ("overnight", {}, 1),
])  # fmt: skip
def test_a_cpu_does_several_small_steps_in_a_call(recipe, changes, steps):
    assert check.steps_per_call(replace(recipes.RECIPES[recipe], **changes)) == steps


def test_a_gpu_does_many_steps_in_a_call_and_several_devices_of_a_cpu_one(monkeypatch):
    monkeypatch.setattr(engine, "device_count", lambda: 2)
    assert check.steps_per_call(recipes.RECIPES["modern"]) == 1
    monkeypatch.setattr(engine, "device", lambda: "GPU")
    assert check.steps_per_call(recipes.RECIPES["overnight"]) == 20


def test_both_precisions_are_tried_on_the_training_itself(monkeypatch, capsys):
    monkeypatch.setattr(hardware, "cpu", lambda: ("EPYC", True))
    monkeypatch.setattr(check, "TRIED", 0.1)
    options = replace(recipes.RECIPES["light"], size=16, generator_widths=(8, 8), discriminator_widths=(8, 8))
    try:
        chosen = check.settled(options, program.label_targets).precision
    finally:
        keras.config.set_dtype_policy("float32")
    out = capsys.readouterr().out
    assert out.startswith("precision  trying float32 and bfloat16, about a minute\n")  # before the silence
    said = re.fullmatch(r"precision +(\w+): ([\d,]+) and ([\d,]+) images/s in .*", out.splitlines()[1])
    assert said[1] == chosen
    plain, mixed = (int(pace.replace(",", "")) for pace in said.groups()[1:])
    assert plain > 0
    assert mixed > 0


@pytest.mark.parametrize("named", ["--run", "--init-from"])
def test_check_is_of_the_networks_that_would_train(named, copied, train, monkeypatch, capsys):
    kept = json.loads((copied / "options.json").read_text())
    kept["options"] |= {"recipe": "large", "architecture": "residual", "anchor": 0.1, "init_from": "one"}
    (copied / "options.json").write_text(json.dumps(kept))
    measured = []
    monkeypatch.setattr(check, "check", lambda options, targets: measured.append(options))
    typed = ["--anchor", "0.05"] * (named == "--init-from")  # of the recipe it would be refused
    assert train("--check", named, copied, *typed, tiny=[]) == 0
    [options] = measured
    assert (options.recipe, options.architecture) == ("large", "residual")
    assert options.anchor == (0.05 if typed else 0.1)
    assert options.steps == 20


@pytest.mark.parametrize("named", ["--run", "--init-from"])
def test_the_reader_of_a_run_must_be_whole(named, copied, train, monkeypatch, refused):
    kept = json.loads((copied / "options.json").read_text())
    kept["options"] |= {"architecture": "fastgan", "projected": True}
    (copied / "options.json").write_text(json.dumps(kept))
    monkeypatch.setattr(reading, "OF_DRAWINGS", copied / "gone.keras")
    words = refused(lambda argv: train(*argv, tiny=[]), [named, copied, "--steps", "30"], 1)
    assert "gone.keras is missing or damaged" in words


def test_check_is_for_the_gan_alone(capsys):
    assert program.main(["vae", "--check"]) == 2
    assert "--check is for" in capsys.readouterr().err
