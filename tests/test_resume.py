"""Training that is stopped, killed or fails goes on, and ends exactly as if nothing had happened."""

import errno
import json
import os
import re
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import OFTEN, PROJECT, SIZES, TINY, assert_same_training, log_of, not_compiled, python, state_of

from animefaces import logs, npz, states
from models import contents, engine

# All that draws by chance or remembers: dropout, augmentation, label ranges, flips, both optimizers, the average.
ALL_AT_ONCE = [
    *SIZES, "--recipe", "pooled", "--generator-widths", "16,8", "--discriminator-widths", "8",
    "--augment", "translation", "mirror", "cutout", "--real-label", "0.7,1.2", "--fake-label", "0,0.3",
    "--flip-every", "2", "--warm-up", "2", "--steps", "6", "--sample-every", "3", "--log-every", "2",
]  # fmt: skip

# Moments to be killed at: which file's which replacement, and whether just before (its temporary file half written) or
# just after it.
MOMENTS = {
    "before the record": ("options.json", 1, "before"),
    "before the first state": ("step_000000000.npz", 1, "before"),
    "after the generator, before the state": ("generator.keras", 3, "after"),
    "in the middle of a state": ("step_000000003.npz", 1, "before"),
    "after a state, before an old one goes": ("step_000000005.npz", 1, "after"),
    "in the middle of a sample": ("step_000003.png", 1, "before"),
}


@pytest.fixture(scope="module")
def kill_states(tmp_path_factory, faces, cache):
    """An uninterrupted run, and what a kill -9 at each of MOMENTS leaves: a copy of the folder made just then."""
    import train as program

    folder = tmp_path_factory.mktemp("killed")
    run, seen, replace = folder / "whole", {}, os.replace

    def copying_replace(source, target):
        source, target = Path(source), Path(target)
        seen[target.name] = seen.get(target.name, 0) + 1
        moments = {(file, nth, when): moment for moment, (file, nth, when) in MOMENTS.items()}
        for when in ("before", "after"):
            moment = moments.get((target.name, seen[target.name], when))
            if when == "after":
                replace(source, target)
            if moment:
                copy = shutil.copytree(run, folder / moment)
                if when == "before":
                    left = copy / source.relative_to(run)
                    os.truncate(left, left.stat().st_size // 2)

    with pytest.MonkeyPatch.context() as patch, not_compiled():
        patch.setattr(os, "replace", copying_replace)
        flags = ["--data", str(faces), "--cache", str(cache), *ALL_AT_ONCE, *OFTEN, "--run", str(run)]
        assert program.main(flags) == 0
    return folder


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment(kill_states, moment, eager, train, tmp_path):
    run = Path(shutil.copytree(kill_states / moment, tmp_path / "run"))
    if (run / "log.jsonl").exists():
        with open(run / "log.jsonl", "a", encoding="utf-8") as file:
            file.write('{"step": 6, "epo')  # a line cut in two
    assert train("--run", run, tiny=[*ALL_AT_ONCE, *OFTEN]) == 0
    assert_same_training(run, kill_states / "whole")
    assert list(run.rglob(".*")) == []  # nothing half written is left
    assert len(os.listdir(run / "state")) == 2


def test_the_log_is_whole(kill_states):
    assert [entry["step"] for entry in log_of(kill_states / "whole")] == [2, 4, 6]


def test_a_real_kill_in_the_middle_of_a_save(kill_states, eager, faces, cache, train, tmp_path):
    flags = ["--data", faces, "--cache", cache, *ALL_AT_ONCE, *OFTEN, "--run", "run"]
    done = python(PROJECT / "tests" / "cut_short.py", "kill", "step_*.npz", "6", *flags, cwd=tmp_path)
    assert done.returncode == -9, done.stderr
    assert sorted(path.name for path in Path("run/state").glob("step*")) == ["step_000000003.npz", "step_000000004.npz"]
    assert train("--run", "run", tiny=[*ALL_AT_ONCE, *OFTEN]) == 0
    assert_same_training(Path("run"), kill_states / "whole")


def test_ctrl_c_saves_and_says_how_to_go_on(kill_states, eager, faces, cache, train, tmp_path, capsys):
    flags = ["--data", faces, "--cache", cache, *ALL_AT_ONCE, "--run", "run"]
    done = python(PROJECT / "tests" / "cut_short.py", "interrupt", "log.jsonl", "1", *flags, cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]  # on a slow computer, lines about the progress come before
    assert last == "error: stopped at step 2: python train.py --run run continues"
    assert Path("run/curves.png").exists()
    assert train("--run", "run", tiny=ALL_AT_ONCE) == 0
    assert "run, from step 2" in capsys.readouterr().out
    assert_same_training(Path("run"), kill_states / "whole")


def test_compiled_steps_go_on_exactly_too(train):
    assert train("--run", "whole", tiny=ALL_AT_ONCE) == 0
    for steps in (4, 6):
        assert train("--run", "run", "--steps", steps, tiny=ALL_AT_ONCE, compiled=True) == 0
    assert_same_training(Path("run"), Path("whole"))


TUTORIAL = [*TINY, "--recipe", "tutorial", "--sample-every", "8"]  # what `trained` was trained with, for 20 steps


def test_a_longer_goal_is_the_longer_training(trained, train):
    for steps in (7, 20):  # between two log entries, so that the second has to remember
        assert train("--run", "run", "--steps", steps, tiny=TUTORIAL) == 0
    assert_same_training(Path("run"), trained)


@pytest.mark.parametrize("asked", [2, engine.UNROLLED + 1])
def test_several_steps_per_call_are_the_same_training(asked, trained, train):
    assert train("--run", "run", "--steps", "20", "--steps-per-call", asked, tiny=TUTORIAL) == 0
    one, two = state_of(Path("run")), state_of(trained)
    assert [name for name in one if not np.array_equal(one[name], two[name])] == []
    seen = before = 0.0  # the speed counts every step of a call
    for entry in log_of(Path("run")):
        seen, before = seen + entry["images_per_second"] * (entry["seconds"] - before), entry["seconds"]
    assert seen == pytest.approx(20 * 4, rel=0.1)


def test_what_goes_on_with_several_steps_per_call_logs_the_same_steps(eager, train):
    flags = ["--steps-per-call", 4, "--log-every", 3, "--sample-every", 100, "--save-minutes", "0"]
    assert train("--run", "whole", "--steps", 8, *flags, tiny=TUTORIAL) == 0
    for steps in (5, 8):  # the fifth is in the middle of a call, and no entry is due
        assert train("--run", "run", "--steps", steps, *flags, tiny=TUTORIAL) == 0
    assert_same_training(Path("whole"), Path("run"))


def test_several_steps_in_a_graph_add_up_in_the_order_of_one(train):
    for asked in (1, engine.UNROLLED):
        flags = ["--recipe", "quick", "--steps", 8, "--steps-per-call", asked]
        assert train("--run", f"by {asked}", *flags) == 0
    assert_same_training(Path("by 1"), Path(f"by {engine.UNROLLED}"))


@pytest.mark.parametrize(("recipe", "more"), [
    ("large", []), ("quick", ["--warm-up", 2, "--mirrored"]), ("soft", []),
    ("fastgan", []),
])  # fmt: skip
def test_other_recipes_go_on_exactly_too(recipe, more, eager, train, tmp_path):
    flags = ["--recipe", recipe, *more, "--steps", 3, "--augment", "cutout", *OFTEN]
    assert train("--run", "whole", *flags) == 0
    shutil.copytree("whole", "run")
    Path("run/state/step_000000003.npz").unlink()  # goes on from step 2
    assert train("--run", "run", *flags) == 0
    assert_same_training(Path("run"), Path("whole"))


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_a_damaged_state_falls_back_to_the_one_before(trained, copied, damage, train, capsys):
    newest = copied / "state" / "step_000000020.npz"
    data = bytearray(newest.read_bytes())
    if damage == "flipped":  # inside an array: the record of the state still reads well
        data[len(data) // 2] ^= 255
    newest.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "flipped": data, "text": b"hello"}[damage])
    assert train("--run", copied, "--steps", 21) == 0
    assert capsys.readouterr().err == f"warning: {copied}/state/{newest.name} is damaged: continuing from step 0\n"
    assert [entry["step"] for entry in log_of(copied)] == [10, 20]
    assert log_of(copied)[1]["d_loss"] == log_of(trained)[1]["d_loss"]


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        (rb"(\), )\}", rb"\1 "),  # the head of an array, which numpy reads before its checksum
        (rb"(PK\x01\x02....).", rb"\1 "),  # flags in the list of arrays: packed in a way that nobody knows
        (rb"(PK\x01\x02....).", b"\\1\1"),  # and encrypted
    ],
)
def test_whatever_is_damaged_in_a_state_the_one_before_is_read(whole, damaged):
    for step in (1, 2):
        states.save(Path("run"), {"a": np.full(3, step)}, {"step": step, "seconds": 0})
    file = Path("run/state/step_000000002.npz")
    file.write_bytes(re.sub(whole, damaged, file.read_bytes(), flags=re.DOTALL))
    arrays, record, names = states.load(Path("run"))
    assert (arrays["a"].tolist(), record["step"], names) == ([1, 1, 1], 1, [file.name])


def test_a_damaged_later_state_does_not_stay(copied, train, capsys):
    (copied / "state" / "step_000000099.npz").write_bytes(b"damaged")
    assert train("--run", copied, "--steps", 21) == 0
    assert "step_000000099.npz is damaged: continuing from step 20" in capsys.readouterr().err
    assert sorted(os.listdir(copied / "state")) == ["step_000000020.npz", "step_000000021.npz"]


def test_what_the_disk_does_not_give_is_not_damaged(tmp_path):
    states.save(tmp_path, {}, {"step": 1, "seconds": 0})
    (tmp_path / "state" / "step_000000002.npz").mkdir()  # stands for what may not be read now
    with pytest.raises(OSError, match=r"step_000000002\.npz"):
        states.load(tmp_path)
    assert npz.OF_DAMAGE == contents.OF_DAMAGE  # neither package may import the other


def test_no_state_that_reads_is_a_clear_error(copied, refused, train):
    for path in (copied / "state").iterdir():
        path.write_bytes(b"damaged")
    line = refused(lambda argv: train(*argv), ["--run", copied, "--steps", 30], 1)
    assert line.startswith(f"no state of {copied} can be read (step_000000020.npz, step_000000000.npz)")


def test_a_state_of_other_networks_is_a_clear_error(copied, refused, train):
    arrays, record, _ = states.load(copied)
    arrays["generator/dense/kernel"] = arrays["generator/dense/kernel"][:1]
    states.save(copied, arrays, record)
    line = refused(lambda argv: train(*argv), ["--run", copied, "--steps", 30], 1)
    assert line.startswith(f"{copied} does not fit these options (it holds other networks)")


def at_step_0(run):
    """A copy of `trained`, as it was before its first step."""
    (run / "state" / "step_000000020.npz").unlink()
    return {path: path.read_bytes() for path in (run / "state").iterdir()}


@pytest.mark.parametrize("file", ["step_*.npz", "generator.keras", "log.jsonl"])
def test_a_full_disk_is_one_line_and_loses_nothing(trained, copied, file, train, refused, monkeypatch):
    before = at_step_0(copied)
    with monkeypatch.context() as patch:
        if file == "log.jsonl":
            patch.setattr(logs.Log, "add", full)
        else:
            patch.setattr(os, "fsync", lambda number: full() if Path(file).suffix in name_of(number) else None)
        line = refused(lambda argv: train(*argv), ["--run", copied], 1)
    assert "No space left on device" in line
    assert {path: path.read_bytes() for path in (copied / "state").iterdir()} == before
    assert train("--run", copied) == 0
    assert_same_training(copied, trained)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def name_of(number):
    return os.readlink(f"/proc/self/fd/{number}")


def test_a_file_that_may_not_grow_is_one_line_and_loses_nothing(trained, copied, train, refused):
    before = at_step_0(copied)
    (size,) = map(len, before.values())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1000, limits[1]))  # a real short write
    try:
        line = refused(lambda argv: train(*argv), ["--run", copied], 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in line
    assert {path: path.read_bytes() for path in (copied / "state").iterdir()} == before
    assert train("--run", copied) == 0
    assert_same_training(copied, trained)


def test_what_a_killed_write_left_is_cleared_away(copied, train):
    left = [copied / ".options.json.tmp.json", copied / "state" / ".x.tmp.npz", copied / "samples" / ".x.tmp.png"]
    for path in left:
        path.write_bytes(b"half")
    assert train("--run", copied, "--steps", "21") == 0
    assert not any(path.exists() for path in left)
    assert json.loads((copied / "options.json").read_text())["options"]["steps"] == 21


def test_a_state_of_a_newer_version_is_refused(copied, refused, train):
    arrays, record, _ = states.load(copied)
    file = max((copied / "state").iterdir())
    np.savez(file, record=np.array(json.dumps({**record, "format": states.FORMAT + 1})), **arrays)
    line = refused(lambda argv: train(*argv), ["--run", copied, "--steps", 30], 1)
    assert line == f"{file} was written by a newer version of this project: go on with that version"


def test_a_digit_that_changed_in_the_record_is_a_clear_error(copied, refused, train):
    before = {path: path.read_bytes() for path in (copied / "state").iterdir()}
    text = (copied / "options.json").read_text(encoding="utf-8")
    (copied / "options.json").write_text(text.replace('"beta1": 0.5', '"beta1": 0.4'), encoding="utf-8")
    line = refused(lambda argv: train(*argv, tiny=[]), ["--run", copied, "--steps", 30], 1)
    assert line.startswith(f"{copied}/options.json is damaged, since the saved state has another --beta1: restore it")
    assert {path: path.read_bytes() for path in (copied / "state").iterdir()} == before


def test_a_state_of_a_step_below_0_is_damaged(copied, train, capsys):
    for path in (copied / "state").glob("step_*.npz"):
        with np.load(path) as file:
            arrays = dict(file)
        record = json.loads(str(arrays["record"]))
        arrays["record"] = np.array(json.dumps({**record, "step": -1}))
        np.savez(path, **arrays)
    assert train("--run", copied, "--steps", "22", tiny=TUTORIAL) == 1
    assert "can be read (step_" in capsys.readouterr().err
