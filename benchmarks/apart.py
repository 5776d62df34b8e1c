"""Answers from a process of its own: an engine is chosen once in a process, and keeps its memory and its threads."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def apart(function, *words, **environment):
    """A function of one of the benchmarks, and JSON to call it with -> what it returns in a new process.

    `environment`: variables to set there. Raises RuntimeError with the last line that was said if it fails.
    """
    module = sys.modules[function.__module__].__spec__.name  # not __main__
    command = [sys.executable, "-m", "benchmarks.apart", module, function.__name__, json.dumps(words)]
    settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env=settings)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, asked = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(asked))))
