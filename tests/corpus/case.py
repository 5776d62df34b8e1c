"""What one try is, and what is true of every run of a program, whatever its input is."""

import contextlib
import ctypes
import io
import os
import re
import signal
import struct
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent


def signals_as_in_a_terminal() -> None:
    """nohup, or a shell that starts this in the background, lets it ignore two signals. Programs would, too."""
    for sign, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        if hasattr(signal, sign) and signal.getsignal(getattr(signal, sign)) is signal.SIG_IGN:
            signal.signal(getattr(signal, sign), usual)


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


def look_at(done: Done, heard: bool = True) -> Done:
    """A finished run -> itself. Raises Wrong for what no run may do, whatever its input is.

    `heard`: whether its streams were open, so that its error line can be asked for.
    """
    must(done.code in (0, 1, 2), f"the exit code is {done.code}", done)
    for pattern, words in RIDDLES.items():
        found = re.search(pattern, done.said)
        must(not found, f"it prints {words}: {found and found[0]!r}", done)
    if not heard:
        return done
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    must(len(errors) == (done.code != 0), f"exit code {done.code} with {len(errors)} error lines", done)
    odd = [line for line in done.err.splitlines() if not HARMLESS.match(line)]
    must(not odd, f"a line on stderr is neither a warning nor an error: {odd[:1]}", done)
    must(":" in done.error or not errors or done.error == "stopped", "the error line does not say what to do", done)
    return done


# Linux's numbers: what root must lose to be stopped by the permissions of a file, as everybody else is.
CAPABILITIES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
VERSION, GET_SECUREBITS, SET_SECUREBITS, DROP_FOR_CHILDREN, NO_SETUID_FIXUP = 0x20080522, 27, 28, 24, 1 << 2


@contextlib.contextmanager
def as_everybody() -> Iterator[None]:
    """Within this context, permissions count for root too; for other users they count anyway."""
    if os.getuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head, data = struct.pack("Ii", VERSION, 0), ctypes.create_string_buffer(24)
    bits = libc.prctl(GET_SECUREBITS, 0, 0, 0, 0)
    before = _checked(libc.capget(head, data)) or data.raw
    effective, *rest = struct.unpack("6I", before)
    _checked(libc.prctl(SET_SECUREBITS, bits | NO_SETUID_FIXUP, 0, 0, 0))  # for os.access
    _checked(libc.capset(head, struct.pack("6I", effective & ~CAPABILITIES, *rest)))
    try:
        yield
    finally:
        _checked(libc.capset(head, before))
        _checked(libc.prctl(SET_SECUREBITS, bits, 0, 0, 0))


def _checked(answer):
    if answer == -1:
        raise OSError(ctypes.get_errno(), "root's rights cannot be changed here")
    return answer


def _lose_rights():
    """In a new process, before its program is started: the same as `as_everybody`, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (1, 2):
        _checked(libc.prctl(DROP_FOR_CHILDREN, number, 0, 0, 0))


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
    program: str, *words: Any, everybody: bool = False, without: tuple[str, ...] = (), seconds: int = 120,
    **environment: str,
) -> Done:  # fmt: skip
    """The same as `run` in a process of its own, whose environment lacks `without` and has `environment` too.

    With `everybody`, permissions count for root too.
    """
    argv = [str(word) for word in words]
    variables = {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **environment}
    rights = {"preexec_fn": _lose_rights} if everybody and os.getuid() == 0 else {}
    try:
        done = subprocess.run(
            [sys.executable, "-B", PROJECT / f"{program}.py", *argv], capture_output=True, timeout=seconds,
            env={name: value for name, value in variables.items() if name not in without}, stdin=subprocess.DEVNULL,
            **rights,
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


def refused(done: Done, *named: str, code: int | None = None, anywhere: bool = False) -> str:
    """What it did -> "refused". Raises Wrong unless it gave up with a line that has the words in `named`.

    Each of them may be several words with "|" between them, of which one is enough. With `anywhere`, they may also
    stand in the lines before.
    """
    must(done.code != 0, "it goes on as if nothing were wrong", done)
    must(code in (None, done.code), f"the exit code should be {code}", done)
    _has(done.said if anywhere else done.error, named, done)
    return "refused"


def warned(done: Done, *named: str) -> str:
    """What it did -> "used". Raises Wrong unless it went on and said the words in `named`, in one line."""
    must(done.code == 0, "it gives up", done)
    if named:
        choices = named[0].lower().split("|")
        lines = [line for line in done.said.splitlines() if any(choice in line.lower() for choice in choices)]
        must(lines, f"no line has {named[0]!r}", done)
        _has(" ".join(lines), named, done)
    return "used"


def _has(text: str, named: Sequence[str], done: Done) -> None:
    for word in named:
        if not any(choice.lower() in text.lower() for choice in word.split("|")):
            raise Wrong(f"the line does not have {word!r}\n{done}")
