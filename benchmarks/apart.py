"""Call a function in a new process -> its result.

A process can choose its engine only once, and the engine keeps its memory and threads until the process ends.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def apart(function, *words, **environment):
    """A function of a benchmark, and arguments that can be written as JSON -> its result in a new process.

    `environment`: environment variables of the new process. If the function fails, this raises RuntimeError with the
    last line of its stderr.
    """
    module = sys.modules[function.__module__].__spec__.name  # __name__ may be __main__
    command = [sys.executable, "-m", "benchmarks.apart", module, function.__name__, json.dumps(words)]
    settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env=settings)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, asked = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(asked))))
