"""A training of several machines with JAX, watched by a parent process.

When JAX loses another machine, it ends the process at once, and prints many lines of its own. So the training runs in a
child process. The parent passes signals on to it, hides these lines, and says in one line what has happened.
"""

import os
import re
import signal
import sys

from animefaces import signals
from animefaces.problems import Problem

FAULT = re.compile(rb"[EFW]\d{4} \d\d:")  # how a line of a fault of JAX's own begins; the lines after it belong to it
OURS = (b"error: ", b"warning: ")


def in_child() -> None:
    """Fork the program. The function returns in the child; in the parent, it exits as the child does.

    In the parent it raises ConnectionError if JAX ended the child, and Problem if a signal did. Where there is no fork
    (Windows), it does nothing.
    """
    if not hasattr(os, "fork"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # a Ctrl-C reaches the parent only, which passes it on
        signals.die_with_parent()
        os.dup2(write, 2)
        os.close(read)
        os.close(write)
        return
    os.close(write)
    with signals.caught(signals.STOPS, lambda number: os.kill(child, number)):
        _print_all_but_faults(read)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGABRT:
        raise ConnectionError("JAX has ended the training")
    if code == -signal.SIGSEGV:  # what JAX does then
        raise Problem("JAX could not start: another program may use the port of JAX_COORDINATOR_ADDRESS, give another")
    if code < 0:
        raise Problem(f"the training was ended by {signal.Signals(-code).name}, and the memory may be full: start the "
                      "same command again; it continues from the last saved state")  # fmt: skip
    sys.exit(code)


def _print_all_but_faults(source: int) -> None:
    """Print the lines of a file descriptor on stderr, until it is closed."""
    hidden = False
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            hidden = not line.startswith(OURS) and (hidden or bool(FAULT.match(line)))
            if not hidden:
                sys.stderr.write(line.decode(errors="replace"))  # not to its buffer: nobody may read it any more
                sys.stderr.flush()
