"""Measure what training and drawing cost besides arithmetic: memory, waiting for pictures, start-up.

    python -m benchmarks.footprint                     # sets of 64, 20,000 and 1,000,000 synthetic faces
    python -m benchmarks.footprint --counts 64 20000   # without the largest set, whose cache is 12 GB
    python -m benchmarks.footprint --counts --against a9c8a93   # drawing alone, beside an older revision

With the smallest set, almost all memory belongs to TensorFlow and the program. What a larger set needs more than that
is the memory for its pictures.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from animefaces import logs

PROJECT = Path(__file__).resolve().parent.parent


def write_faces(path, count, size=64):
    """Write an npz file with `count` pictures of one colour each, which is small. It is written picture by picture."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("faces.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        for i in range(count):
            member.write(bytes([i % 251]) * (size * size * 3))


def timed(*command, root=PROJECT):
    """Run a command in a copy of the project -> (seconds, largest resident memory in MB)."""
    watcher = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watcher, sys.executable, *map(str, command)],
        cwd=root, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return time.perf_counter() - start, int(done.stdout) / 1024


def main():
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="*", type=int, default=[64, 20_000, 1_000_000])
    parser.add_argument("--against", help="a revision of git, to compare the commands that draw")
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="footprint-"))
    try:
        if arguments.counts:
            memory(folder, arguments)
            start_up(folder)
        drawing(folder, arguments.against)
    finally:
        shutil.rmtree(folder)


def memory(folder, arguments):
    """Print a table: memory and share of time spent waiting for pictures, for each size of the set."""
    print("| faces | decoding / s | memory while decoding / MB | memory while training / MB | waiting for pictures |")
    print("|---|---|---|---|---|")
    for count in arguments.counts:
        faces, run = folder / f"{count}.npz", folder / f"run-{count}"
        write_faces(faces, count)
        train = ["train.py", "--data", faces, "--cache", folder / "cache", "--recipe", "light", "--run", run]
        first, decoding = timed(*train, "--steps", 1)
        _, training = timed(*train, "--steps", arguments.steps)
        waits = [entry["waiting"] for entry in logs.read(run) if "waiting" in entry]
        waiting = statistics.mean(waits[1:])  # the first entry includes the compilation
        print(f"| {count:,} | {first:.0f} | {decoding:.0f} | {training:.0f} | {waiting:.3%} |", flush=True)


def start_up(folder):
    """Print a table: the time of whole commands in seconds, the median of three runs."""
    run = next(folder.glob("run-*"))
    faces = folder / (run.name.removeprefix("run-") + ".npz")
    train = ["train.py", "--data", faces, "--cache", folder / "cache", "--recipe", "light", "--steps", 1, "--run"]
    commands = {
        "train.py --help": lambda i: ["train.py", "--help"],
        "generate.py --help": lambda i: ["generate.py", "--help"],
        "train.py --steps 1, its pictures decoded before": lambda i: [*train, folder / f"new-{i}"],
    }
    print("\n| command | seconds | memory / MB |\n|---|---|---|")
    for name, command in commands.items():
        runs = [timed(*command(i)) for i in range(3)]
        print(f"| {name} | {statistics.median(r[0] for r in runs):.2f} | {max(r[1] for r in runs):.0f} |", flush=True)


def drawing(folder, revision):
    """Print a table: whole commands that draw with the shipped weights, as they are and as they were in a revision."""
    before = folder / "before"
    if revision:
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", before, revision], cwd=PROJECT, check=True)
    try:
        trees = {"now": PROJECT} | ({revision: before} if revision else {})
        shipped = ["--run", "models/pretrained", "--output"]
        commands = {
            "generate.py --count 1": ["generate.py", "--count", 1, *shipped, folder / "1.png"],
            "encode.py photo.jpg": ["encode.py", "docs/images/astronaut.jpg", *shipped, folder / "card.png"],
            "generate.py --count 1000 --scale 1 --output faces/":
                ["generate.py", "--count", 1000, "--scale", 1, *shipped, f"{folder}/small/"],
            "generate.py --count 100 --output faces/": ["generate.py", "--count", 100, *shipped, f"{folder}/large/"],
        }  # fmt: skip
        print("\n| command | " + " | ".join(f"seconds {name} | MB {name}" for name in trees) + " |")
        print("|---" * (1 + 2 * len(trees)) + "|")
        for name, command in commands.items():
            runs = {tree: [] for tree in trees}
            for _ in range(3):  # side by side: what else the machine does disturbs all alike
                for tree, root in trees.items():
                    runs[tree].append(timed(*command, root=root))
            cells = [
                f"{statistics.median(r[0] for r in rows):.2f} | {max(r[1] for r in rows):.0f}" for rows in runs.values()
            ]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    finally:
        if revision:
            subprocess.run(["git", "worktree", "remove", "--force", before], cwd=PROJECT, check=True)


if __name__ == "__main__":
    main()
