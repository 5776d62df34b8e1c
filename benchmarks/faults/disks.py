"""Disks: one that is full, one that cannot be written to, and one that has changed what is on it."""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.forked import Program, at_change
from benchmarks.faults.ground import Ground
from benchmarks.faults.mutations import mutated
from benchmarks.faults.stops import RUN, to_the_end, words_of
from benchmarks.faults.tries import NotTried, Try, bytes_lost, half_files, is_whole, same_weights, whole_files
from tests.corpus.case import as_everybody, look_at, must

ROOM = 1 << 25  # bytes of a small disk
DRAWING = ("--run", RUN, "--count", "2", "--output", "faces.png")  # the words of generate.py
SAID = 10_000  # bytes that a program may print at least: into a file, too
KEPT: list = []  # what would be undone when it is forgotten


def _mount(*words):
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        raise NotTried(f"this user may not mount a disk ({done.stderr.strip()})")


@contextlib.contextmanager
def small_disk() -> Iterator[None]:
    """The run folder is a disk of its own within this context. Raises NotTried if this user may not mount one."""
    RUN.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(RUN))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", RUN], check=True)


def disk(ground: Ground, t: Try) -> None:
    """The disk is full from a random change of a file on; or no file may become longer than some size."""
    training = ground.training(t.rng)
    words = words_of(t, training)
    number, left = int(t.rng.integers(1, training.changes + 1)), int(t.rng.integers(150_000))
    with contextlib.ExitStack() as stack:
        limited = t.rng.random() < 0.3
        if not limited:
            try:
                stack.enter_context(small_disk())
            except NotTried:
                limited = True

        def fill(*_):
            if limited:
                resource.setrlimit(resource.RLIMIT_FSIZE, (left + SAID, resource.RLIM_INFINITY))
            else:
                _fill(left)

        shutil.copytree(training.half, RUN, dirs_exist_ok=True)
        before = whole_files(RUN)
        done = look_at(Program("train", *words, before=at_change(number, fill)).ended())
        must(done.code == 0 or any(word in done.error for word in ("space", "too large")), "it does not say why", done)
        Path(RUN, "filler").unlink(missing_ok=True)
        must(not half_files(RUN), f"half files are left: {half_files(RUN)}", done)
        t.lost = bytes_lost(before, RUN)
        to_the_end(t, words, training)


def _fill(left):
    """In a program: fill the disk of the run folder but for some bytes."""
    with contextlib.suppress(OSError), open(RUN / "filler", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    size = os.path.getsize(RUN / "filler")
    os.truncate(RUN / "filler", max(0, size - left))


def readonly(ground: Ground, t: Try) -> None:
    """The run folder cannot be written to: from the start, or from a random change of a file on."""
    try:
        with as_everybody():
            pass
    except OSError as fault:
        raise NotTried(f"{fault}, and root may write everywhere") from fault
    training = ground.training(t.rng)
    words = words_of(t, training)
    shutil.copytree(training.half, RUN)
    before = whole_files(RUN)
    number = int(t.rng.choice([0, t.rng.integers(1, training.changes + 1)]))
    if number == 0:
        _closed()
        drawn = look_at(
            Program("generate", "--run", RUN, "--count", "2", "--output", "faces.png", before=_rights).ended()
        )
        must(drawn.code == 0, "faces cannot be drawn from a folder that cannot be written to", drawn)
    closing = at_change(number, lambda *_: _closed())
    try:
        done = look_at(Program("train", *words, before=lambda: (_rights(), closing())).ended())
    finally:
        _opened()
    must(done.code == 0 or any(word in done.error for word in ("ermission", "read-only")), "it does not say why", done)
    must(number or done.code == 1, "it goes on in a folder that cannot be written to", done)
    t.lost = bytes_lost(before, RUN)
    to_the_end(t, words, training)


def _rights():
    """In a program: permissions count, for root too, until it ends."""
    KEPT.append(as_everybody())
    KEPT[0].__enter__()


def _closed():
    for place, _, names in os.walk(RUN, topdown=False):
        for name in names:
            os.chmod(Path(place, name), 0o444)
        os.chmod(place, 0o555)


def _opened():
    for place, _, names in os.walk(RUN):
        os.chmod(place, 0o755)
        for name in names:
            os.chmod(Path(place, name), 0o644)


def flipped(ground: Ground, t: Try) -> None:
    """One or two files of a run folder are cut, or have other bytes. It goes on from an older state, or says a line."""
    training = ground.training(t.rng)
    shutil.copytree(training.half, RUN)
    before, paths = whole_files(RUN), sorted(path for path in RUN.rglob("*") if path.is_file() and path.name != "lock")
    for path in t.rng.permutation(paths)[: t.rng.integers(1, 3)]:
        path.write_bytes(mutated(path.read_bytes(), t.rng))
        before.pop(path, None)
    drawn = look_at(Program("generate", *DRAWING).ended())
    must(drawn.code == 0 or not is_whole(RUN / "generator.keras"), "a whole generator cannot be drawn with", drawn)
    words = words_of(t, training)
    done = look_at(Program("train", *words).ended())
    t.lost = bytes_lost(before, RUN)
    able = (RUN / "options.json") in before and any(path.parent.name == "state" for path in before)
    must(done.code == 0 or not able, "it does not go on, though a state and the record are whole", done)
    if done.code == 0:
        t.identical = same_weights(RUN, training.run)
