"""Signals at several moments: nothing is lost, one line is said, and the same command goes on."""

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.corpus import made
from tests.corpus.case import PROJECT, Case, Done, Wrong, look_at, must, run, warned

WAIT = 180  # seconds: how long a moment is waited for


def cases(short: bool = False) -> list[Case]:
    """Each signal at each moment."""
    found = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for moment in ("as it starts", "as its run folder appears", "while it trains", "again while it stops"):
            found.append(
                Case("signals", f"{number.name} {moment}, train.py", functools.partial(_train, number, moment))
            )
        found.append(Case("signals", f"{number.name}, train.py in its trial of number formats", functools.partial(
            _trial, number)))  # fmt: skip
        found.append(Case("signals", f"{number.name}, preprocess.py", functools.partial(_preprocess, number)))
        found.append(Case("signals", f"{number.name}, generate.py into a folder", functools.partial(_generate, number)))
    found.append(Case("signals", "SIGKILL while it trains, train.py", _killed))
    found.append(Case("signals", "SIGKILL, preprocess.py", functools.partial(_preprocess, signal.SIGKILL)))
    return found


class Started:
    """A program that runs in the background, in a group of its own as under a terminal."""

    def __init__(self, program: str, *words: object):
        self.words = (f"{program}.py", *map(str, words))
        self.out, self.err = open("out.txt", "wb"), open("err.txt", "wb")  # noqa: SIM115 - closed in `ended`
        self.process = subprocess.Popen(
            [sys.executable, PROJECT / f"{program}.py", *self.words[1:]], stdout=self.out, stderr=self.err,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def until(self, there: Callable[[], object]) -> None:
        """Wait until this is true. Raises Wrong if the program ends before, or it takes too long."""
        start = time.monotonic()
        while not there():
            if self.process.poll() is not None:
                raise Wrong(f"it ended too soon\n{self.ended()}")
            if time.monotonic() - start > WAIT:
                self.process.kill()
                raise Wrong(f"the moment never came\n{self.ended()}")
            time.sleep(0.05)

    def ended(self, seconds: int = 120) -> Done:
        """Wait for its end -> what it did."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Wrong(f"it does not stop within {seconds} seconds") from None
        finally:
            self.out.close()
            self.err.close()
        texts = [Path(name).read_text(errors="surrogateescape") for name in ("out.txt", "err.txt")]
        return Done(self.words, code, *texts)

    def workers(self) -> list[int]:
        """The processes of its group that are still there."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == self.process.pid and fields[0] != "Z":
                found.append(int(place.name))
        return found


def _stopped(started, number, early):
    """It stopped in one line; very early, the signal itself may have ended it."""
    done = started.ended()
    if early and done.code == -number:
        must("Traceback" not in done.said, "a traceback", done)
        return done
    must(done.code == 1, f"the exit code is {done.code}", done)
    look_at(done)
    must("stopped" in done.error, "it does not say that it stopped", done)
    return done


def _steps(run_folder):
    files = sorted(Path(run_folder, "state").glob("step_*.npz"))
    return int(files[-1].stem[5:]) if files else 0


def _words(steps=100_000):
    words = ["--data", made.good("set", 10), "--cache", "cache", "--run", "run", *made.TINY]
    return [*words[:-1], str(steps), "--log-every", "5"]


def _logged():
    return Path("run/log.jsonl").exists() and Path("run/log.jsonl").stat().st_size > 300


def _train(number, moment):
    started = Started("train", *_words())
    if moment == "as it starts":
        time.sleep(1.0)
    else:
        started.until(lambda: Path("run").exists() if "folder" in moment else _logged())
    started.process.send_signal(number)
    if "again" in moment:
        time.sleep(0.05)
        if started.process.poll() is None:
            started.process.send_signal(number)
    early = moment != "while it trains"
    done = _stopped(started, number, early)
    if not early:
        must(_steps("run") > 0, "no step is saved", done)
        before = _steps("run")
        warned(run("train", "--run", "run", "--steps", str(before + 2), "--cache", "cache"))
        must(_steps("run") == before + 2, "it does not go on where it was", done)
    elif Path("run/options.json").exists():
        warned(run("train", "--run", "run", "--steps", str(_steps("run") + 2), "--cache", "cache"))
    left = list(Path("run").rglob(".*.tmp*"))
    must(not left or early, f"half files are left: {left}", done)
    return "used"


def _trial(number):
    """--precision auto tries two formats before a long training, on a CPU that has both."""
    words = _words()
    place = words.index("--precision")
    started = Started("train", *words[:place], *words[place + 2 :])
    started.until(lambda: Path("run").exists())
    time.sleep(3)
    started.process.send_signal(number)
    _stopped(started, number, False)
    return "used"


def _killed():
    started = Started("train", *_words(), "--save-minutes", "0.02")
    started.until(lambda: _steps("run") > 0)
    started.process.kill()
    started.process.wait()
    before = _steps("run")
    warned(run("train", "--run", "run", "--steps", str(before + 2), "--cache", "cache"))
    must(_steps("run") == before + 2, "it does not go on where it was")
    return "used"


def _preprocess(number):
    """The same command goes on: each picture has one line and one crop, and no worker is left."""
    words = ["--input", made.good("set", 400), "--output", "crops", *made.WHOLE]
    started = Started("preprocess", *words)
    record = Path("crops/manifest.jsonl")
    started.until(lambda: record.exists() and record.stat().st_size > 2000)
    started.process.send_signal(number)
    if number != signal.SIGKILL:
        done = _stopped(started, number, number != signal.SIGINT)  # nothing is lost if it just ends
        must("same command" in done.error or done.code < 0, "it does not say how to go on", done)
    else:
        started.ended()
    start = time.monotonic()
    while started.workers() and time.monotonic() - start < 20:
        time.sleep(0.2)
    left = started.workers()
    for process in left:
        os.kill(process, signal.SIGKILL)
    must(not left, f"{len(left)} worker processes are left")
    warned(run("preprocess", *words))
    must(len(record.read_text().splitlines()) == 400, "not each picture has one line")
    crops = [path.name for path in Path("crops").glob("*.png")]
    half = [name for name in crops if name.startswith(".")]
    must(len(crops) - len(half) == 400, f"{len(crops) - len(half)} crops of 400 pictures")
    must(not half, f"half files are left, and the next run does not remove them: {half}")
    return "used"


def _generate(number):
    """Faces that are written are whole."""
    from animefaces import images

    started = Started("generate", "--run", made.trained(), "--count", "20000", "--scale", "1", "--output", "faces/")
    started.until(lambda: len(list(Path("faces").glob("*.png"))) > 50)
    started.process.send_signal(number)
    done = started.ended()
    must(done.code in (1, -number), f"the exit code is {done.code}", done)
    must("Traceback" not in done.said, "a traceback", done)
    for path in list(Path("faces").glob("*.png"))[:300]:
        must(images.read(path).shape == (16, 16, 3), f"{path} is not whole")
    must(not np.any([path.name.startswith(".") for path in Path("faces").iterdir()]) or number != signal.SIGINT,
         "half files are left", done)  # fmt: skip
    return "used"
