"""What one try is, and what is true of every run of a program, whatever its input is."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534  # a user who may read only what everybody may read


class Wrong(Exception):
    """A program did something else than it should. The text says what."""


@dataclass(frozen=True)
class Case:
    """An input and a program. `tried()` works in an empty folder of its own.

    It returns what the program did with the input: "used", or "refused" with a clear line. It raises Wrong if the
    program should have done something else. `kind` is the row of the table, `short` says whether the short version
    has it too.
    """

    kind: str
    name: str
    tried: Callable[[], str]
    short: bool = False


@dataclass(frozen=True)
class Done:
    """A finished run of a program."""

    words: tuple[str, ...]  # its command line
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The line that begins with "error: ", without that; "" if there is none."""
        return next((line[7:] for line in self.err.splitlines() if line.startswith("error: ")), "")

    @property
    def said(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    def __str__(self) -> str:
        return f"{' '.join(self.words)}\n  exit {self.code}\n  out: {self.out[-1500:]}\n  err: {self.err[-1500:]}"


def must(truth: Any, text: str, done: Done | None = None) -> None:
    """Raise Wrong with the text, and with what was run, unless it is true."""
    if not truth:
        raise Wrong(f"{text}\n{done}" if done else text)


# What no user can make use of.
RIDDLES = {
    r"Traceback \(most recent": "a traceback",
    r"<[^<>\n]* at 0x[0-9a-f]+>": "the address of an object",
    r"BytesIO": "a word of the code",
    r"\.tmp\b[^\s]*:": "the name of a temporary file",
}
HARMLESS = re.compile(r"^(warning: |error: |\s|$|[^\n]*(WARNING: All log|port\.cc|cudart_stub|cpu_feature_guard|"
                      r"To enable the following|cuda_|computation_placer|rebuild TensorFlow))")  # fmt: skip


def look_at(done: Done) -> Done:
    """A finished run -> itself. Raises Wrong for what no run may do, whatever its input is."""
    must(done.code in (0, 1, 2), f"the exit code is {done.code}", done)
    for pattern, words in RIDDLES.items():
        found = re.search(pattern, done.said)
        must(not found, f"it prints {words}: {found and found[0]!r}", done)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    must(len(errors) == (done.code != 0), f"exit code {done.code} with {len(errors)} error lines", done)
    odd = [line for line in done.err.splitlines() if not HARMLESS.match(line)]
    must(not odd, f"a line on stderr is neither a warning nor an error: {odd[:1]}", done)
    must(":" in done.error or not errors or done.error == "stopped", "the error line does not say what to do", done)
    return done


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Within this context, root is a user who may read only what everybody may read; other users stay who they are."""
    if os.getuid() != 0:
        yield
        return
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise Wrong in what is done within this context when it takes longer."""

    def ring(number: int, frame: Any) -> None:
        raise Wrong(f"it was still running after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_apart(
    program: str,
    *words: Any,
    nobody: bool = False,
    without: tuple[str, ...] = (),
    seconds: int = 120,
    **environment: str,
) -> Done:
    """The same as `run` in a process of its own, whose environment lacks `without` and has `environment` too.

    With `nobody`, root starts it as a user who may read only what everybody may read.
    """
    argv = [str(word) for word in words]
    variables = {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **environment}
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if nobody and os.getuid() == 0 else {}
    if user and "HOME" not in environment:
        variables["HOME"] = os.getcwd()
    try:
        done = subprocess.run(
            [sys.executable, "-B", PROJECT / f"{program}.py", *argv], capture_output=True, timeout=seconds,
            env={name: value for name, value in variables.items() if name not in without}, stdin=subprocess.DEVNULL,
            **user,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Wrong(f"{program}.py {' '.join(argv)} was still running after {seconds} seconds") from None
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return look_at(Done((f"{program}.py", *argv), done.returncode, out, err))


def run(program: str, *words: Any) -> Done:
    """The name of a program and its words -> what it did. It runs in this process, through its `main`."""
    module = __import__(program)
    argv = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = module.main(argv)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        except BaseException:
            if sys.exc_info()[0] is KeyboardInterrupt:
                raise
            code = 99
            err.write(traceback.format_exc())
    return look_at(Done((f"{program}.py", *argv), code, out.getvalue(), err.getvalue()))


def refused(done: Done, *named: str, code: int | None = None) -> str:
    """What it did -> "refused". Raises Wrong unless it gave up with a line that has the words in `named`."""
    must(done.code != 0, "it goes on as if nothing were wrong", done)
    must(code in (None, done.code), f"the exit code should be {code}", done)
    _has(done.error, named, done)
    return "refused"


def warned(done: Done, *named: str) -> str:
    """What it did -> "used". Raises Wrong unless it went on and said the words in `named`, in one line."""
    must(done.code == 0, "it gives up", done)
    if named:
        lines = [line for line in done.said.splitlines() if named[0].lower() in line.lower()]
        must(lines, f"no line has {named[0]!r}", done)
        _has(" ".join(lines), named, done)
    return "used"


def _has(text: str, named: Sequence[str], done: Done) -> None:
    for word in named:
        if not any(choice.lower() in text.lower() for choice in word.split("|")):
            raise Wrong(f"the line does not have {word!r}\n{done}")
