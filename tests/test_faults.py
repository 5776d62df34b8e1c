"""The campaign of faults: what it does to programs, what it counts, and a short part of it."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import python

pytest.importorskip("resource", reason="the campaign needs an operating system like Linux")

from animefaces import states
from benchmarks.faults import __main__ as faults
from benchmarks.faults import forked, hostile, mutations, tries
from tests.corpus.case import Wrong

# In a process without threads, as the campaign itself is: what is done to programs and to files.
SCRIPT = """
import json, os, shutil, signal, sys, time
from pathlib import Path
from types import SimpleNamespace
from animefaces.files import write_text
from benchmarks.faults import worker
from benchmarks.faults.forked import Program, at_change, each_change
from benchmarks.faults.tries import Try

def main(words):
    for name in "abc":
        write_text(Path("work", name), name)
    return 0

sys.modules["program"] = sys.modules["__main__"]

def killed(number):
    shutil.rmtree("work", ignore_errors=True)
    Program("program", before=at_change(number, lambda *_: os.kill(os.getpid(), signal.SIGKILL))).ended()
    return sorted(path.name[0] for path in Path("work").glob("*"))

def does(what):
    def tried(ground, t):
        return what[t.seed]()
    return tried

names = [killed(number) for number in (1, 2, 5, 99)]
acts = [int, lambda: os.kill(os.getpid(), signal.SIGSEGV), lambda: time.sleep(60), lambda: open("../elsewhere", "w"),
        lambda: os.system("true"), lambda: bytes(4 << 30) and None, int]
worker.SECONDS = 2
done = [Try("hostile", seed) for seed in range(len(acts))]
ground = SimpleNamespace(folder=Path("ground").absolute(), trained=None, probe=None)
ground.folder.mkdir()
worker.together(does(acts), ground, done)
print(json.dumps([names, [t.why.splitlines()[:1] for t in done]]))
"""


def test_a_program_is_killed_at_its_nth_change_and_a_crash_or_a_lie_is_found(tmp_path):
    done = python("-c", SCRIPT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names, whys = json.loads(done.stdout)
    assert names == [[], ["."], ["a"], ["a", "b", "c"]]
    good, crashed, hung, wrote, started, large, last = (why[0] if why else "" for why in whys)
    assert good == last == ""
    assert crashed == "it ended with -11"
    assert hung == "it was still running after 2 seconds"
    assert "elsewhere" in wrote
    assert "os.system" in started
    assert "MemoryError" in large or "ended with" in large


@pytest.mark.parametrize("subject", ["_trains", "_draws", "_latents", "_array", "archive"])
def test_a_short_part_of_the_hostile_files(subject, trained, monkeypatch):
    ground = SimpleNamespace(trained=trained)
    for seed in range(3):
        t = tries.Try("hostile", seed)
        Path(str(seed)).mkdir()
        monkeypatch.chdir(str(seed))
        getattr(hostile, subject)(ground, t if subject == "archive" else t.rng)
        monkeypatch.chdir("..")


def test_what_is_lost_or_changed_is_counted(trained, copied):
    before = tries.whole_files(copied)
    sizes = {path.name: size for path, size in before.items()}
    assert len(before) == len([path for path in copied.rglob("*") if path.is_file()])
    assert tries.bytes_lost(before, copied) == 0
    assert tries.same_weights(copied, trained)
    assert tries.same_log(copied, trained)
    (copied / "state" / "step_000000000.npz").unlink()  # a newer one is whole
    assert tries.bytes_lost(before, copied) == 0
    lost = 0
    for path in (copied / "generator.keras", copied / "samples" / "step_000008.png", copied / "options.json"):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        lost += sizes[path.name]
        assert tries.bytes_lost(before, copied) == lost
    shutil.copy(trained / "generator.keras", copied)
    arrays, record, _ = states.load(copied)
    name = next(name for name, array in arrays.items() if array.size > 1)
    arrays[name].flat[-1] = np.nextafter(arrays[name].flat[-1], 9)  # the last bit
    states.save(copied, arrays, record)
    assert not tries.same_weights(copied, trained)


def test_each_change_changes_something_and_a_seed_gives_the_same_again():
    data = bytes(range(256)) * 4
    for seed in range(200):
        once, again = (mutations.mutated(data, np.random.default_rng(seed)) for _ in range(2))
        assert once == again
    assert sum(mutations.mutated(data, np.random.default_rng(seed)) != data for seed in range(200)) > 190
    for change in set(mutations.CHANGES):
        assert any(bytes(change(bytearray(data), np.random.default_rng(seed))) != data for seed in range(5)), change


def test_the_campaign_counts_and_its_exit_code_says_whether_all_was_well(monkeypatch, capsys, tmp_path):
    def wrong(ground, t):
        t.identical, t.lost = t.seed != 7, 3
        if t.seed == 8:
            raise Wrong("Traceback (most recent call last)")

    def impossible(ground, t):
        raise tries.NotTried("there is no disk")

    def interrupted(ground, t):
        raise KeyboardInterrupt

    kinds = {"kill": wrong, "disk": impossible, "term": lambda ground, t: None, "clock": interrupted}
    monkeypatch.setattr(faults, "KINDS", kinds)
    monkeypatch.setattr(forked, "load", bool)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    words = ["--seed", "7", "--tries", "2", "--output", str(tmp_path)]
    assert faults.main([*words, "--kinds", "kill", "disk"]) == 1
    page = (tmp_path / "faults.md").read_text()
    assert "| kill | 2 | 1 | 1 of 2 | 1 | 6 |" in page
    assert "not tried: disk, because there is no disk" in page
    assert "WRONG kill 7: 3 bytes are lost; the weights are others" in capsys.readouterr().out
    assert faults.main([*words, "--kinds", "term"]) == 0
    assert faults.main([*words, "--kinds", "term", "clock"]) == 0
    assert "| term | 1 | 1 | - | 0 | 0 |" in capsys.readouterr().out
    assert "stopped before the time was over" in (tmp_path / "faults.md").read_text()
    assert faults.main([*words, "--repeat", "kill", "8"]) == 1
    assert "| kill | 1 | 0 |" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        faults.main(["--help"])
    assert left.value.code == 0
    assert "python -m benchmarks.faults --repeat" in capsys.readouterr().out
