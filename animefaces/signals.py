"""Signals that stop a program: Ctrl-C, kill, a closed terminal, a batch system at the end of a job's time."""

import _thread
import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# SIGHUP: the terminal was closed, or the connection is lost. SIGUSR1, SIGUSR2 and SIGXCPU: batch systems send them
# before they kill a job. SIGBREAK: Ctrl-Break on Windows.
STOPS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
CLOSED = 2  # the first of the events with which Windows says that the console is closed, or that the user logs off
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux
NOTE = b"\nstopping: the training is saved first; Ctrl-C once more stops at once, without saving\n"


@contextlib.contextmanager
def caught(names: Iterable[str], receive: Callable[[int], Any]) -> Iterator[None]:
    """Within this context, each of these signals calls `receive` with its number.

    A signal that is ignored stays ignored: nohup, and the shell for a program in the background, ask for that. What
    `receive` raises stops the program: a signal that comes within a `__del__`, which loses all exceptions, waits.
    """

    def handle(number, frame):
        if _within_del(frame):
            _thread.start_new_thread(_again, (number,))  # not a threading.Thread, whose locks may be held just now
        else:
            receive(number)

    before = {}
    if threading.current_thread() is threading.main_thread():  # Python lets no other thread do this
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _within_del(frame):
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


def _again(number):
    time.sleep(0.01)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, number)
    else:
        _thread.interrupt_main(number)  # does not wake a thread that waits


@contextlib.contextmanager
def interrupted() -> Iterator[list[int]]:
    """Within this context, each of STOPS raises KeyboardInterrupt, as Ctrl-C does: no half-written file is left.

    It gives a list that is empty until the first signal comes.

    A closed terminal sends SIGHUP twice. Only another Ctrl-C interrupts what is done after the first signal.
    """
    seen: list[int] = []

    def receive(number: int) -> None:
        seen.append(number)
        if len(seen) == 1 or number == signal.SIGINT:
            raise KeyboardInterrupt

    with caught(STOPS, receive):
        yield seen


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Within this context Ctrl-C waits. Threads and processes that begin in it never get it, nor do theirs.

    Python needs a moment to start, in which `leave_to_parent` has no effect yet. Windows has no such masks.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_to_parent() -> None:
    """In a worker process: only its parent heeds STOPS, and ends its workers with SIGTERM."""
    for name in set(STOPS) - {"SIGTERM"}:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def die_with_parent() -> None:
    """In a forked process: it is killed when its parent ends, however that ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Catch each of STOPS -> a list that is empty until the first signal comes.

    So a training can finish its step, and save a complete state, before it stops. The second Ctrl-C stops the program
    at once.
    """
    received: list[int] = []

    def receive(number: int) -> None:
        received.append(number)
        if received.count(signal.SIGINT) > 1:
            raise KeyboardInterrupt
        if len(received) == 1 and os.isatty(2):
            with contextlib.suppress(OSError):  # the terminal is gone
                os.write(2, NOTE)  # not print(): the signal may have come within a print()

    with caught(STOPS, receive), _closed_console(receive):
        yield received


@contextlib.contextmanager
def _closed_console(receive):
    """On Windows, a closed console calls `receive`, and the program has five seconds more, so that it can save."""
    if sys.platform != "win32":
        yield
        return
    ended = threading.Event()

    @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)
    def handler(event):
        if event < CLOSED:  # Ctrl-C and Ctrl-Break, which Python itself makes signals of
            return 0
        receive(signal.SIGTERM)
        ended.wait()  # Windows ends the program when this function returns
        return 1

    ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 1)
    try:
        yield
    finally:
        ended.set()
        ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 0)


@contextlib.contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """A function that returns the seconds since its last call, or since the start.

    While the program is suspended, with Ctrl-Z say, no time passes: the time from the last call to the moment when the
    program goes on is not counted.
    """
    last = time.perf_counter()

    def lap() -> float:
        nonlocal last
        before, last = last, time.perf_counter()
        return last - before

    with caught(["SIGCONT"], lambda number: lap()):
        yield lap
