"""Programs in forked processes. All libraries are loaded before, so each starts at once; a crash ends only itself."""

import contextlib
import importlib
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from animefaces import signals
from tests.corpus.case import Done, Wrong

PATIENCE = 120  # seconds that a program may take
CHANGES = ("open", "os.rename", "os.remove", "os.truncate")  # audit events of Python: what is done to a file
PROGRESS = re.compile(r"^\w[^\n]* passed(, about [^\n]*)?\n", re.MULTILINE)  # the line that comes each minute
LOADED = ("train", "generate", "encode", "evaluate", "export", "explore", "preprocess", "training.gan", "tensorflow",
          "training.check", "models.build", "animefaces.plots", "animefaces.samples", "matplotlib.pyplot", "onnx",
          "onnxruntime", "cv2", "drawing.judge", "drawing.onnx", "drawing.photos", "gathering.crops")  # fmt: skip


def load() -> None:
    """Import what the programs need. Nothing is computed: TensorFlow would start threads, which a fork loses."""
    for name in LOADED:
        importlib.import_module(name)


def fork(work: Callable[[], int], out: Path, err: Path) -> int:
    """Call `work` in a forked process, whose exit code it gives, and whose streams are files -> its number."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid == 0:
        _become(work, out, err)
    return pid


def _become(work: Callable[[], int], out: Path, err: Path) -> NoReturn:
    code = 1
    try:
        signals.die_with_parent()
        os.setsid()
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        code = work()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


class Program:
    """A program that runs in the background, in the current folder. `before()` is called in its process first."""

    def __init__(self, program: str, *words: Any, before: Callable[[], object] = bool):
        self.words = [str(word) for word in words]
        self.name = f"{program}.py"
        self._said = Path(tempfile.mkdtemp(prefix="said-"))

        def work():
            sys.argv = [self.name]
            before()
            return importlib.import_module(program).main(self.words)

        self.pid = fork(work, self._said / "out", self._said / "err")
        self.code: int | None = None

    def over(self) -> bool:
        """Whether it has ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                self._send(signal.SIGKILL)  # what it has started
        return self.code is not None

    def send(self, number: int) -> None:
        """Send a signal to it, and to what it has started, unless it has ended."""
        if not self.over():
            self._send(number)

    def _send(self, number):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def until(self, there: Callable[[], object], seconds: float = PATIENCE) -> bool:
        """Wait until something is true, until it ends, or so many seconds -> whether that is true."""
        start = time.monotonic()
        while not there():
            if self.over() or time.monotonic() - start > seconds:
                return False
            time.sleep(0.005)
        return True

    def ended(self, seconds: float = PATIENCE) -> Done:
        """Wait for its end -> what it did. Raises Wrong if it does not end."""
        if not self.until(self.over, seconds) and not self.over():
            self._send(signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -signal.SIGKILL
            raise Wrong(f"{self.name} {' '.join(self.words)} was still running after {seconds:.0f} seconds")
        out, err = ((self._said / name).read_text("utf-8", "surrogateescape") for name in ("out", "err"))
        return Done((self.name, *self.words), self.code or 0, out, PROGRESS.sub("", err))


def at_change(number: int, act: Callable[[str, tuple], object]) -> Callable[[], None]:
    """A number, from 1 -> a function for `before`: at that change of a file below the current folder, `act` is called.

    It gets the audit event and its arguments, just before the change is made.
    """
    return each_change(lambda count, event, args: act(event, args) if count == number else None)


def each_change(act: Callable[[int, str, tuple], object]) -> Callable[[], None]:
    """As `at_change`, for each change: `act` gets its number first."""

    def begin():
        here, count = os.getcwd() + os.sep, 0

        def hook(event, args):
            nonlocal count
            if event in CHANGES and isinstance(args[0], str | Path) and os.path.abspath(args[0]).startswith(here):
                count += 1
                act(count, event, args)

        sys.addaudithook(hook)

    return begin
