"""Find out what this computer can train on: its CPU, its GPUs, and the other machines that take part in a training."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from animefaces.problems import Problem

PACKAGES = {"tensorflow": 'pip install "tensorflow[and-cuda]"', "jax": 'pip install "jax[cuda12]"'}


def nvidia() -> list[str]:
    """The NVIDIA GPUs that the driver reports: ["name, driver 550.54"]. The list is empty if no driver answers."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    try:
        asked = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(",") for line in done.stdout.splitlines() if line.count(",") == 1]
    return [f"{name.strip()}, driver {driver.strip()}" for name, driver in rows]


def cpu(path: Path = Path("/proc/cpuinfo")) -> tuple[str, bool | None]:
    """/proc/cpuinfo -> (name of the CPU, whether it multiplies bfloat16 in hardware, or None if this is unknown)."""
    try:
        rows = [line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return platform.processor() or platform.machine(), None
    facts = {key.strip(): value.strip() for key, _, value in reversed(rows)}
    flags = facts.get("flags", facts.get("Features", "")).split()
    return facts.get("model name") or platform.machine(), bool({"amx_bf16", "avx512_bf16", "bf16"} & set(flags))


def advice(system: str, engine: str, known: list[str]) -> str:
    """What the user can do if the engine finds no GPU, in one line.

    `system`: the result of platform.system(); `engine`: tensorflow or jax; `known`: the result of `nvidia`.
    """
    if system == "Darwin":
        return "Apple's GPUs are not used: neither TensorFlow nor JAX has a current plug-in for them"
    if system == "Windows":
        return (f"current versions of TensorFlow and JAX do not use GPUs on Windows itself: run `wsl --install`, then "
                f"install this project and {PACKAGES[engine]} in WSL")  # fmt: skip
    if known:
        return f"the driver reports a GPU, but {engine} does not see it: {PACKAGES[engine]}, then run --check again"
    return (f"no NVIDIA driver answers: if there is a GPU, install its driver, check that nvidia-smi lists it, "
            f"then {PACKAGES[engine]}")  # fmt: skip


def machines() -> tuple[int, int]:
    """TF_CONFIG, which tf.distribute reads -> (index of this machine, number of machines). Without it: (0, 1).

    The machine with index 0 writes the files of the run. Raises Problem if TF_CONFIG does not say which machines train.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 0, 1
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        places = [(kind, i) for kind in ("chief", "worker") for i in range(len(cluster.get(kind, ())))]
        if set(cluster) - {"chief", "worker"}:
            raise ValueError("it has other tasks than chief and worker")
        return places.index((task["type"], int(task["index"]))), len(places)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise Problem(
            f"TF_CONFIG makes no sense ({type(fault).__name__}: {fault}): docs/how-to/scale.md shows an example; "
            "to train on this machine alone, unset it"
        ) from fault
