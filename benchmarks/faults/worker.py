"""Many tries in one process. It may write to the current folder only, and may start nothing."""

import contextlib
import functools
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.forked import fork
from benchmarks.faults.ground import Ground
from benchmarks.faults.tries import Try
from tests.corpus.case import Wrong, must
from tests.corpus.try_all import workplace

SECONDS = 60  # that one try may take
MEMORY = 3 << 30  # bytes that the process may take more than at its start
# Audit events of Python.
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
RUNS = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class"}
PACKAGES = {"numpy", "joblib"}  # the weights of the package mtcnn are pickles of their arrays


def together(tried: Callable[[Ground, Try], None], ground: Ground, tries: list[Try]) -> None:
    """Do all tries in one forked process. If it ends, or takes too long, that is a fault of one try, and a new
    process does the rest."""
    ground.trained, ground.probe  # noqa: B018 - made before, since later there are threads
    left = list(tries)
    while left:
        reading, writing = os.pipe()
        said = ground.folder / "said"
        pid = fork(functools.partial(_work, tried, ground, left, writing), said, said)
        os.close(writing)
        with open(reading, "rb", buffering=0) as answers:
            while left and (answer := _line(answers)):
                left.pop(0).why = json.loads(answer)
        if left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL) if answer is None else None
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it has started
        if left:
            words = f"it was still running after {SECONDS} seconds" if answer is None else f"it ended with {code}"
            left.pop(0).why = f"{words}\n{said.read_text(errors='replace')[-1500:]}"


def _line(stream):
    """The next line; b"" at the end; None if it does not come in time."""
    line, end = b"", time.monotonic() + SECONDS
    while not line.endswith(b"\n"):
        if not select.select([stream], [], [], max(0, end - time.monotonic()))[0]:
            return None
        part = stream.read(1)
        if not part:
            return b""
        line += part
    return line


def _work(tried, ground, tries, writing):
    """In the forked process: each try in a folder of its own -> its answers, a line of JSON each."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
    forbidden = _forbidden(ground)
    for t in tries:
        with workplace():
            why = ""
            try:
                del forbidden[:]
                tried(ground, t)
                must(not forbidden, f"it does what it may not: {forbidden[:3]}")
            except Wrong as fault:
                why = str(fault)
            os.write(writing, json.dumps(why).encode() + b"\n")
    return 0


def _forbidden(ground):
    """From now on: a list of what is written outside of the current folder, of programs that are started and so on."""
    found: list[str] = []
    # What Python's multiprocessing, its tempfile and TensorFlow write.
    temporary = [f"{tempfile.gettempdir()}/{name}" for name in ("pymp-", "tmp", "__autograph_generated_file")]
    allowed = [str(ground.folder), "/dev/", "/proc/", *temporary]

    def hook(event, args):
        harmless = event == "pickle.find_class" and args[0].split(".")[0] in PACKAGES
        if event in RUNS and not harmless and "preprocess.py" not in sys.argv:
            found.append(f"{event} {args!r}"[:200])
        path = args[0] if args else None
        if not isinstance(path, str | os.PathLike):
            return
        written = event == "open" and (set(args[1] or "") & set("wax+") or (args[2] or 0) & (os.O_WRONLY | os.O_RDWR))
        if written or event in WRITES:
            whole = os.path.abspath(os.fspath(path))
            if whole != tempfile.gettempdir() and not whole.startswith((os.getcwd(), *allowed)):
                found.append(f"{event} {whole}")

    sys.addaudithook(hook)
    return found
