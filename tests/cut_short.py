"""train.py, not compiled and cut short: python cut_short.py HOW WHERE TIMES flags of train.py ...

interrupt log.jsonl 2   Ctrl-C when the file has grown for the second time
kill step_*.npz 3       kill -9 in the middle of the third replacement of such a file
"""

import fnmatch
import os
import signal
import sys
from pathlib import Path

from conftest import not_compiled

import train
from animefaces import logs

how, pattern, times, *flags = sys.argv[1:]
seen = 0


def is_it(path):
    """Whether this is the write meant."""
    global seen
    seen += fnmatch.fnmatch(Path(path).name, pattern)
    return seen == int(times) and fnmatch.fnmatch(Path(path).name, pattern)


def replace(source, target, original=os.replace):
    if is_it(target):
        os.truncate(source, os.path.getsize(source) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    original(source, target)


def add(log, entry, original=logs.Log.add):
    original(log, entry)
    if is_it("log.jsonl"):
        os.kill(os.getpid(), signal.SIGINT)


if how == "kill":
    os.replace = replace
else:
    logs.Log.add = add
with not_compiled():
    sys.exit(train.main(flags))
