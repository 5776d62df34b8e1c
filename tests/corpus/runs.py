"""Run folders that were damaged, moved, or made by somebody else."""

import functools
import json
import os
import shutil
from pathlib import Path

import numpy as np

from tests.corpus import made
from tests.corpus.case import Case, as_everybody, must, refused, run, warned


def _without(name):
    return lambda folder: (folder / name).unlink()


def _replaced(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def _options(**changed):
    def change(folder):
        record = json.loads((folder / "options.json").read_text())
        for name, value in changed.items():
            if value is None:
                record["options"].pop(name)
            else:
                record["options"][name] = value
        (folder / "options.json").write_text(json.dumps(record))

    return change


def _states(change, which=slice(None)):
    def damage(folder):
        for path in sorted((folder / "state").glob("step_*.npz"))[which]:
            change(path)

    return damage


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _no_file(path):
    path.write_bytes(b"")


def _other_shapes(path):
    with np.load(path) as file:
        loaded = {name: file[name] for name in file.files}
    np.savez(path, **{name: (a if name == "record" else np.zeros((3, 3), np.float32)) for name, a in loaded.items()})


def _not_finite(path):
    with np.load(path) as file:
        loaded = {name: file[name] for name in file.files}
    for name, array in loaded.items():
        if name != "record" and array.dtype.kind == "f":
            loaded[name] = array * np.nan
    np.savez(path, **loaded)


def _record(**changed):
    def change(path):
        with np.load(path) as file:
            loaded = {name: file[name] for name in file.files}
        record = {**json.loads(str(loaded["record"])), **changed}
        np.savez(path, **{**loaded, "record": np.array(json.dumps(record))})

    return change


def _tail(data):
    def change(folder):
        with open(folder / "log.jsonl", "ab") as file:
            file.write(data)

    return change


def _folder_instead(name):
    def change(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def _gone(name):
    return lambda folder: shutil.rmtree(folder / name)


def _nothing(folder):
    pass


OK = True
# what, what happens to the run, then for train.py --run and generate.py --run: OK, or the words of the refusal.
RUNS = [
    ("whole", _nothing, OK, OK),
    ("without options.json", _without("options.json"), ("options.json",), OK),
    ("options.json is empty", _replaced("options.json", b""), ("options.json",), None),
    ("options.json is no JSON", _replaced("options.json", b"{oops"), ("options.json",), None),
    ("options.json is a list", _replaced("options.json", b"[]"), ("options.json",), None),
    ("options.json is not UTF-8", _replaced("options.json", b"\xff\xfe{}"), ("options.json",), None),
    ("options.json is nested deeply", _replaced("options.json", b"[" * 90000), ("options.json",), None),
    ("options.json has no options", _replaced("options.json", b'{"data": "x"}'), ("options.json",), None),
    ("options.json has an unknown option", _options(colour="blue"), None, OK),
    ("options.json lacks an option", _options(beta1=None), OK, OK),
    ("options.json has a text for a number", _options(latent="many"), ("options.json|latent",), None),
    ("options.json has a negative number", _options(batch_size=-4), ("options.json|batch",), None),
    ("options.json has a giant number", _options(latent=10**12), ("options.json|latent|memory|fit",), None),
    ("options.json has a list for a number", _options(size=[16]), ("options.json|size",), None),
    ("options.json has an unknown network", _options(network="none"), ("options.json|network",), None),
    ("options.json has an unknown architecture", _options(architecture="x"), ("options.json|architecture",), None),
    ("options.json has hostile data", _options(data=["../../../etc/passwd"]), None, OK),
    ("the newest state is cut", _states(_cut, slice(-1, None)), OK, OK),
    ("the newest state is empty", _states(_no_file, slice(-1, None)), OK, OK),
    ("all states are cut", _states(_cut), ("state",), OK),
    ("all states are empty", _states(_no_file), ("state",), OK),
    ("no states", _gone("state"), None, OK),
    ("states of other networks", _states(_other_shapes), ("run", "fit|state"), OK),
    ("states that are not finite", _states(_not_finite), None, OK),
    ("states of a newer version", _states(_record(format=99)), ("newer",), OK),
    ("states of step -1", _states(_record(step=-1)), None, OK),
    ("states whose step is a text", _states(_record(step="x")), ("state",), OK),
    ("log.jsonl is cut in a line", _tail(b'{"step": 1, "d_lo'), OK, OK),
    ("log.jsonl has a line that is no JSON", _tail(b"oops\n"), OK, OK),
    ("log.jsonl has bytes that are no text", _tail(b"\xff\xfe\0\n"), OK, OK),
    ("log.jsonl has a line that is a list", _tail(b"[1]\n"), OK, OK),
    ("log.jsonl is empty", _replaced("log.jsonl", b""), OK, OK),
    ("without log.jsonl", _without("log.jsonl"), OK, OK),
    ("log.jsonl is a folder", _folder_instead("log.jsonl"), ("log.jsonl",), OK),
    ("without generator.keras", _without("generator.keras"), OK, ("generator.keras",)),
    ("generator.keras is cut", lambda folder: _cut(folder / "generator.keras"), OK, ("generator.keras",)),
    ("generator.keras is a folder", _folder_instead("generator.keras"), None, ("generator.keras",)),
    ("best.keras is damaged", _replaced("best.keras", b"oops"), OK, ("best.keras",)),
    ("without samples", _gone("samples"), OK, OK),
    ("with files that a kill left", _replaced(".x.tmp.npz", b"half"), OK, OK),
]
SHORT = ("options.json is no JSON", "the newest state is cut")


def cases(short: bool = False) -> list[Case]:
    """Each damage with train.py and generate.py; and what happens to a whole run."""
    found = []
    for what, change, trains, draws in RUNS:
        for program, wanted in (("train.py", trains), ("generate.py", draws)):
            found.append(Case("run folders", f"{what}, {program} --run", functools.partial(
                _tried, program, change, wanted), what in SHORT and program == "train.py"))  # fmt: skip
    for what, tried in (("moved to another place", _moved), ("its pictures moved", _data_moved),
                        ("its pictures changed", _data_changed), ("in use by another process", _locked),
                        ("closed to writing, generate.py", _read_only), ("closed to writing, train.py", _no_writing),
                        ("the folder above runs", _above), ("a file", _a_file), ("goes on with other options", _other),
                        ("is finished already", _finished), ("its pictures moved, explore.py neighbours", _explored),
                        ("results/ has files of others", _strange_results)):  # fmt: skip
        found.append(Case("run folders", what, tried, what in ("moved to another place", "its pictures moved")))
    return found


def _train(*words):
    return run("train", "--run", "run", "--steps", "4", "--cache", "cache", *words)


def _tried(program, change, wanted):
    copy = made.copied("run")
    change(copy)
    before = {path: path.stat().st_mtime_ns for path in copy.glob("state/*.npz")}
    done = _train() if program == "train.py" else run("generate", "--run", copy, "--count", "2", "--output", "a.png")
    if wanted is OK:
        return warned(done)
    if wanted is None and done.code == 0:
        return "used"
    must(program == "generate.py" or all(path.exists() for path in before), "states are gone", done)
    return refused(done, *(wanted or ()))


def _moved():
    made.copied("elsewhere/run with spaces")
    warned(run("train", "--run", "elsewhere/run with spaces", "--steps", "4", "--cache", "cache"))
    return warned(run("generate", "--run", "elsewhere/run with spaces", "--count", "2"))


def _with_own_data():
    data = made.good("pics", 10)
    warned(run("train", "--data", data, "--cache", "cache", "--run", "run", *made.TINY))


def _data_moved():
    _with_own_data()
    os.rename("pics", "elsewhere")
    refused(_train(), "--data", "pics", code=1)
    return warned(_train("--data", "elsewhere"))


def _data_changed():
    _with_own_data()
    Path("pics/good_00.png").unlink()
    return refused(_train(), "run", code=1)


def _locked():
    import filelock

    made.copied("run")
    with filelock.FileLock("run/lock"):
        return refused(_train(), "run", "another process|other process", code=1)


def _closed():
    """A run folder in which nothing can be written."""
    copy = made.copied("run")
    for place, _, files in os.walk(copy):
        os.chmod(place, 0o555)
        for file in files:
            os.chmod(Path(place, file), 0o444)
    return copy


def _read_only():
    copy = _closed()
    with as_everybody():
        return warned(run("generate", "--run", copy, "--count", "2"))


def _no_writing():
    _closed()
    with as_everybody():
        return refused(_train(), "run", "permission|read-only", code=None)


def _above():
    made.copied("results/00000-run")
    refused(run("generate", "--run", "results", "--count", "2"), "results")
    return refused(run("train", "--run", "results", "--steps", "4", "--cache", "cache"), "results")


def _a_file():
    Path("run").write_text("mine")
    refused(run("generate", "--run", "run", "--count", "2"), "run")
    result = refused(_train(), "run")
    must(Path("run").read_text() == "mine", "the file is lost")
    return result


def _other():
    made.copied("run")
    return refused(_train("--latent", "99"), "--latent", "run", code=2)


def _finished():
    made.copied("run")
    return warned(run("train", "--run", "run", "--cache", "cache"), "finished")


def _explored():
    _with_own_data()
    os.rename("pics", "elsewhere")
    return refused(run("explore", "neighbours", "--run", "run", "--cache", "cache"), "pics", "--data", code=1)


def _strange_results():
    made.copied("results/00000-run")
    Path("results/notes.txt").write_text("hello")
    Path("results/00009-file").write_text("hello")
    Path("results/99999999999999999999-run").mkdir()
    Path("results/link").symlink_to("nowhere")
    Path("results/00003-empty").mkdir()
    warned(run("generate", "--count", "2"), "00000-run")
    return warned(run("train", "--data", made.good("set", 10), "--cache", "cache", *made.TINY))
