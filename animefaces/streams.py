"""stdout and stderr, which may be closed, full, or a terminal that is gone."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

from animefaces.problems import Problem


class Unread(Exception):
    """The program that reads our output has ended, as `head` does."""


class _Stream:
    """A stream. After a fault, what is written to it goes nowhere; `told` says whether the fault is raised."""

    def __init__(self, stream: Any, told: bool):
        self._stream, self._told = stream, told

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        return self._tried(self._stream.write, text)

    def flush(self):
        return self._tried(self._stream.flush)

    def _tried(self, function, *arguments):
        try:
            return function(*arguments)
        except OSError as fault:
            _to_nowhere(self._stream)
            if not self._told or fault.errno == errno.EIO:  # EIO: the terminal is gone, and nobody can be told
                return None
            if isinstance(fault, BrokenPipeError):
                raise Unread from None
            raise Problem(f"the output cannot be printed ({fault.strerror}): send it to another place") from fault


def _to_nowhere(stream):
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Within this context no work is lost because something cannot be printed.

    A fault of stderr, or a terminal that is gone, is passed over. Other faults of stdout raise Unread or Problem. Each
    line is printed at once. A character that the terminal does not know is printed as an escape sequence.
    """
    for number in range(3):  # a file that the program opens must not get the number of a closed stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    for stream in before:
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    out, err = (stream or open(os.devnull, "w", encoding="utf-8") for stream in before)  # noqa: SIM115 - to the end
    sys.stdout, sys.stderr = _Stream(out, told=True), _Stream(err, told=False)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
