"""Several devices and several machines do what one does."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, TINY, log_of, not_compiled, python
from test_anchor import anchored, anchored_batch
from test_gan import ALL, batch, scaling_gan, tiny_gan

import train as program
from animefaces import hardware
from animefaces.problems import Problem
from models import engine, saved
from models.batches import in_batches

CLUSTER = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Four steps, on one device and on two -> (the GAN of one, its figures, what two said, their folder)."""
    folder = tmp_path_factory.mktemp("devices")
    done = python(PROJECT / "tests" / "on_devices.py", folder, cwd=folder)
    assert done.returncode == 0, done.stderr
    gan = tiny_gan(average=0.9, augmentation=ALL, warm_up=2, chroma=True)
    inputs = [x[:1] for x in batch(steps=4)]
    with not_compiled():
        figures = {name: values.tolist() for name, values in gan.steps(*batch(steps=4)).items()}
        figures["scaled"] = scaling_gan().steps(*inputs)["d_loss"].tolist()
        held = anchored()
        figures["moved"] = [held.steps(*anchored_batch(step))["moved"].item() for step in range(2)]
    return gan, figures, json.loads(done.stdout.splitlines()[-1]), folder


def test_two_devices_take_the_steps_of_one(both):
    _, figures, two, _ = both
    assert two.keys() == figures.keys()
    for name, values in figures.items():
        assert len(values) == (1 if name == "scaled" else 2)
        assert two[name] == pytest.approx(values, abs=1e-5), name


def test_two_devices_end_where_one_does(both):
    gan, _, _, folder = both
    ours = gan.state.arrays()
    with np.load(folder / "end.npz") as theirs:
        assert set(theirs.files) == set(ours)
        # Adam divides by the root of a tiny mean square: rounding errors of a gradient near 0 become whole steps.
        assert [name for name in ours if np.abs(theirs[name] - ours[name]).mean() > 1e-4] == []


def test_what_two_devices_trained_draws_on_one(both):
    gan, _, _, folder = both
    z = np.random.default_rng(0).standard_normal((5, 8), np.float32)
    faces = np.load(folder / "faces.npy")
    assert np.allclose(faces, in_batches(gan.average, z), atol=1e-3)
    network = saved.load(folder / "average.keras")
    assert np.allclose(faces, in_batches(network, z), atol=1e-5)
    assert not any(getattr(layer, "synchronized", False) for layer in network.layers)


def test_trainings_on_two_devices_of_jax():
    # Every batch is divided, and a training that was stopped ends, to the bit, where an uninterrupted one does.
    convolution = "test_engine.py::test_convolution_by_the_engine_is_that_of_keras"
    tests = ("test_resume.py::test_a_longer_goal_is_the_longer_training",
             "test_train_codes.py::test_a_run_is_whole_and_goes_on[vae]",
             *(f"{convolution}[{case}]" for case in ("4-2-4-same-Conv2D", "4-2-4-same-Conv2DTranspose",
                                                     "3-2-7-same-Conv2D", "4-2-4-valid-Conv2D")))  # fmt: skip
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    words = ("-m", "pytest", "-p", "no:cacheprovider", *(f"tests/{test}" for test in tests))
    done = python(*words, cwd=PROJECT, KERAS_BACKEND="jax", XLA_FLAGS=flags)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "6 passed" in done.stdout


def with_tensorflow(place, ports):
    """The environment of one of several machines."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": place}})}


def with_slurm(place, ports):
    """The environment of one of several processes of srun, with JAX and two devices each."""
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    return {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "JAX_COORDINATOR_PORT": str(ports[0]), "SLURM_JOB_ID": "1",
            "SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_NUM_NODES": "1", "SLURM_NTASKS": str(len(ports)),
            "SLURM_PROCID": str(place), "SLURM_LOCALID": str(place)}  # fmt: skip


class Machine:
    """One of several processes that stand for machines: train.py in the environment that says so."""

    def __init__(self, environment, place, ports, *flags):
        self.told = Path(f"machine-{place}.txt")
        with open(self.told, "w") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(PROJECT / "train.py"), *map(str, flags)], stdout=file, stderr=file,
                env={**os.environ, **environment(place, ports)},
            )  # fmt: skip

    def ended(self, code):
        """Its last line, once it has ended with this code."""
        assert self.process.wait(timeout=240) == code, self.told.read_text()
        return self.told.read_text().splitlines()[-1]


@pytest.fixture
def machines(faces, cache, free_ports):
    """Start train.py on two machines -> both."""
    started = []

    def start(*flags, environment=with_tensorflow):
        new = [] if Path("two").exists() else [*TINY, "--log-every", "4"]
        ports, common = free_ports(2), ["--data", faces, "--cache", cache, *new]
        started[:] = [Machine(environment, place, ports, *common, *flags) for place in (0, 1)]
        return started

    yield start
    for machine in started:
        machine.process.kill()


def logged(run):
    """The losses and the spread of each log entry of a run; none before there is a log."""
    entries = log_of(run) if (run / "log.jsonl").exists() else []
    return np.array([[entry["d_loss"], entry["g_loss"], entry["spread"]] for entry in entries])


def until(happened, machine):
    """Wait until `happened()`, as long as the machine lives."""
    deadline = time.monotonic() + 200
    while not happened() and time.monotonic() < deadline:
        assert machine.process.poll() is None, machine.told.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("environment", [with_tensorflow, with_slurm])
def test_two_machines_train_what_one_does_until_one_of_them_is_told_to_stop(environment, machines, train):
    # Both engines go on from the same state. They draw other random numbers, so no picture is changed at random.
    assert train("--run", "one", "--steps", "1", "--log-every", "4", "--augment", "none") == 0
    shutil.copytree("one", "two")
    first, second = machines("--run", "two", "--steps", "100000", environment=environment)
    until(lambda: len(logged(Path("two"))) > 2, first)
    second.process.send_signal(signal.SIGTERM)
    for machine in (first, second):
        assert "train.py --run two continues" in machine.ended(1)
    said = second.told.read_text()
    assert "machines   2 of 2" in said
    assert "oneDNN" not in said and "cuInit" not in said  # what TensorFlow says when it is loaded, with JAX in vain
    assert train("--run", "one", "--steps", "12", "--log-every", "4") == 0
    assert logged(Path("two"))[:3] == pytest.approx(logged(Path("one")), abs=1e-4)
    assert sorted(p.name for p in Path("two").iterdir()) == sorted(p.name for p in Path("one").iterdir())


# With JAX it is the first one: the others notice at once. That another one is lost they notice after half a minute.
@pytest.mark.parametrize(("environment", "lost"), [(with_tensorflow, 1), (with_slurm, 0)])
def test_a_lost_machine_is_told_of_and_what_was_saved_goes_on(environment, lost, machines):
    # With JAX it is the training of above, so that nothing is compiled again.
    recipe = ["--recipe", "tutorial"] if environment is with_tensorflow else []
    flags = "--run", "run", "--steps", "100000", "--save-minutes", "0", "--augment", "none"
    both = machines(*recipe, *flags, environment=environment)
    until(lambda: len(list(Path("run/state").glob("step_*.npz"))) > 1, both[0])
    both[lost].process.kill()
    assert "another machine is gone" in both[1 - lost].ended(1)
    step = newest_step(Path("run"))
    assert program.main(["--run", "run", "--steps", str(step + 2)]) == 0
    assert newest_step(Path("run")) == step + 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize(
    ("end", "code", "line"),
    [
        ("sys.exit(2)", 2, "error: mine"),
        ("os.abort()", 1, "error: another machine is gone"),
        ("os.kill(os.getpid(), 9)", 1, "error: the training was ended by SIGKILL"),
        ("os.kill(os.getpid(), 11)", 1, "error: JAX could not start"),
    ],
)
def test_what_a_child_ends_with_is_said_in_one_line(end, code, line):
    said = "E1126 22:23:36.466982 1 service.cc:1] it is gone\n1\nThe tasks have crashed\n"
    child = f"sys.stderr.write({'error: mine' + chr(10) if code == 2 else said!r}); sys.stderr.flush(); {end}"
    script = ("import os, sys\nfrom animefaces import problems, supervised\nfrom training.machines import gone\n"
              f"try:\n    with gone():\n        supervised.in_child()\n    {child}\n"
              "except problems.Problem as fault:\n    sys.exit(f'error: {fault}')\n")  # fmt: skip
    done = python("-c", script, cwd=PROJECT)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(line)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_trains_on_though_nobody_reads_what_it_says():
    script = ("import os, sys, time\nfrom animefaces import streams, supervised\n"
              "with streams.lasting():\n    supervised.in_child()\n    time.sleep(1)\n"
              "    for _ in range(9):\n        os.write(2, b'warning: mine\\n')\n    sys.exit(7)\n")  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, cwd=PROJECT) as process:
        process.stderr.close()
        assert process.wait(30) == 7


def newest_step(run):
    """The step of a run's newest state."""
    return int(max((run / "state").glob("step_*.npz")).stem.removeprefix("step_"))


def test_what_tf_config_says(monkeypatch):
    assert hardware.machines() == (0, 1)
    monkeypatch.setenv("TF_CONFIG", json.dumps(CLUSTER))
    assert hardware.machines() == (1, 2)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1"]},
                                                "task": {"type": "worker", "index": 0}}))  # fmt: skip
    assert hardware.machines() == (1, 2)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, (0, 1)),
        ({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "1", "JAX_NUM_PROCESSES": "3"}, (1, 3)),
        ({"SLURM_STEP_NODELIST": "n[1-2]", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, (1, 2)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}, (0, 1)),  # the script itself, outside of srun
        ({"JAX_PROCESS_ID": "1", "JAX_NUM_PROCESSES": "3"}, "JAX_COORDINATOR_ADDRESS is not set"),
        ({"TF_CONFIG": json.dumps(CLUSTER)}, "TF_CONFIG is for TensorFlow"),
        ({"KERAS_BACKEND": "tensorflow", "JAX_NUM_PROCESSES": "3"}, "JAX_NUM_PROCESSES is for JAX"),
        ({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "3", "JAX_NUM_PROCESSES": "3"}, "JAX_PROCESS_ID=3"),
        ({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "x", "JAX_NUM_PROCESSES": "3"}, "JAX_PROCESS_ID=x"),
    ],
)
def test_what_the_variables_of_jax_say(variables, expected, monkeypatch):
    for name, value in {"KERAS_BACKEND": "jax", **variables}.items():
        monkeypatch.setenv(name, value)
    if isinstance(expected, str):
        with pytest.raises(Problem, match=expected):
            hardware.machines()
    else:
        assert hardware.machines() == expected


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_a_tf_config_without_sense(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(Problem, match="TF_CONFIG makes no sense"):
        hardware.machines()


def test_what_several_machines_need(monkeypatch, refused, faces):
    monkeypatch.setenv("TF_CONFIG", json.dumps(CLUSTER))
    assert "need" in refused(program.main, ["--data", faces], 2)
    assert "train on one machine" in refused(program.main, ["vae", "--data", faces, "--run", "run"], 2)
    assert not Path("run").exists() and not Path("results").exists()


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Run a shell script in which a few programs are stand-ins that say what they were told -> its output."""

    def run(script, **environment):
        programs = {"scontrol": 'printf "node1\\nnode2\\n"', "srun": 'SLURM_PROCID=1 exec "$@"',
                    "python": 'printf "%s" "$TF_CONFIG"'}  # fmt: skip
        for name, body in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True,
                              env={**os.environ, "PATH": path, **environment}, check=True)  # fmt: skip
        return done.stdout

    return run


@pytest.mark.parametrize("kind", ["sh", "yaml"])
def test_the_scripts_in_the_docs_say_who_is_who(kind, pretend, monkeypatch):
    text = (PROJECT / "docs" / "how-to" / "scale.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) if "TF_CONFIG" in block]
    for block, place in zip(blocks, (0, 1) if kind == "sh" else (1,), strict=True):
        script = block.split("- |\n")[1].split("resources:")[0] if kind == "yaml" else block
        monkeypatch.setenv("TF_CONFIG", pretend(script, SLURM_JOB_NODELIST="node[1-2]", JOB_COMPLETION_INDEX="1"))
        assert hardware.machines() == (place, 2)


def test_a_batch_that_cannot_be_shared(monkeypatch, refused, faces, cache):
    monkeypatch.setattr(engine, "device_count", lambda: 3)
    said = refused(program.main, ["--data", faces, "--cache", cache, *TINY, "--run", "run", "--steps", "5"], 2)
    assert said == "--batch-size 4 cannot be shared among 3 devices: give a multiple of 3"
    assert not Path("run").exists()
