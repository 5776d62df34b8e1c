"""What this computer can train on, and what to install where it could do better: in words. And who trains along."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from animefaces.problems import Problem

PACKAGES = {"tensorflow": 'pip install "tensorflow[and-cuda]"', "jax": 'pip install "jax[cuda12]"'}


def nvidia() -> list[str]:
    """The NVIDIA GPUs that the driver knows -> ["name, driver 550.54"]; none without a driver that answers."""
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
    """(name of the CPU, whether it multiplies bfloat16 in hardware, None where that cannot be told)."""
    try:
        rows = [line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return platform.processor() or platform.machine(), None
    facts = {key.strip(): value.strip() for key, _, value in reversed(rows)}
    flags = facts.get("flags", facts.get("Features", "")).split()
    return facts.get("model name") or platform.machine(), bool({"amx_bf16", "avx512_bf16", "bf16"} & set(flags))


def advice(system: str, engine: str, known: list[str]) -> str:
    """What to do where the engine sees no GPU -> one line.

    `system`: as platform.system() says; `engine`: tensorflow or jax; `known`: as `nvidia` lists them.
    """
    if system == "Darwin":
        return "Apple's GPUs are not used: neither engine has a current plug-in for them"
    if system == "Windows":
        return (f"neither engine has had GPUs on plain Windows for years: run `wsl --install`, and there "
                f"this project and {PACKAGES[engine]}")  # fmt: skip
    if known:
        return f"the driver knows one but {engine} does not see it: {PACKAGES[engine]}, then --check again"
    return f"no NVIDIA driver answers: for a GPU, install its driver till nvidia-smi lists it, then {PACKAGES[engine]}"


def machines() -> tuple[int, int]:
    """(this machine's place from 0, how many there are) by TF_CONFIG, which tf.distribute reads; (0, 1) without it.

    The one in place 0 writes. Raises Problem if TF_CONFIG says nothing of the sort.
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
            f"TF_CONFIG makes no sense ({type(fault).__name__}: {fault}): docs/how-to/scale.md shows one that does; "
            "to train on this machine alone, unset it"
        ) from fault
