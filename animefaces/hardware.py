"""Find out what this computer can train on: its CPU, its GPUs, and the other machines that take part in a training."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from animefaces.problems import Problem

# What starts several processes for JAX, and how each finds out: a variable that only these processes have, its place,
# and the number of processes. The first row is for any machines, and for Kubeflow; then Slurm's srun and Open MPI.
PROCESSES = (("JAX_COORDINATOR_ADDRESS", "JAX_PROCESS_ID", "JAX_NUM_PROCESSES"),
             ("SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_NTASKS"),
             ("OMPI_MCA_orte_hnp_uri", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"))  # fmt: skip
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


def threads() -> int:
    """CPU threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    """The environment -> (place of this process from 0, number of processes that train together), (0, 1) for one.

    TensorFlow reads TF_CONFIG, JAX the variables of PROCESSES. The process with place 0 writes the files of the run.
    Raises Problem if the variables do not say which processes train.
    """
    text = os.environ.get("TF_CONFIG")
    if os.environ.get("KERAS_BACKEND") == "jax":
        if text:
            raise Problem("TF_CONFIG is for TensorFlow: unset it, or unset KERAS_BACKEND (docs/how-to/scale.md)")
        return _of_jax()
    if not text:
        if os.environ.get("JAX_NUM_PROCESSES"):
            raise Problem("JAX_NUM_PROCESSES is for JAX: set KERAS_BACKEND=jax, or unset it (docs/how-to/scale.md)")
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


def _of_jax():
    for needed, place, count in PROCESSES:
        if all(os.environ.get(name) for name in (needed, place, count)):
            break
    else:
        missing = [name for name in PROCESSES[0] if not os.environ.get(name)]
        if 0 < len(missing) < len(PROCESSES[0]):
            raise Problem(f"{' and '.join(missing)} is not set: docs/how-to/scale.md shows an example; to train on "
                          f"this machine alone, unset {', '.join(PROCESSES[0])}")  # fmt: skip
        return 0, 1
    try:
        found = int(os.environ[place]), int(os.environ[count])
    except ValueError:
        found = 0, 0
    if not 0 <= found[0] < found[1]:
        raise Problem(f"{place}={os.environ[place]} and {count}={os.environ[count]} make no sense: the places of "
                      f"{count} processes are 0, 1 and so on")  # fmt: skip
    return found
