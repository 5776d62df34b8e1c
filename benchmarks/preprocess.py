"""Figures of preprocess.py: how much it finds, how fast it is, what memory it takes.

    python -m benchmarks.preprocess find  --pictures pictures.zip --cascade lbpcascade_animeface.xml
    python -m benchmarks.preprocess speed --pictures pictures.zip --cascade lbpcascade_animeface.xml
    python -m benchmarks.preprocess memory

pictures.zip holds whole pictures and boxes.csv (file,x,y,width,height: the faces in them, in pixels).
"""

import collections
import csv
import dataclasses
import io
import itertools
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import preprocess
from animefaces import images
from animefaces.commands import run_script
from animefaces.options import option
from demo import cartoons
from gathering import crops, detectors, pictures

MATCH = 0.4  # a found box is a labelled one if their intersection over union is at least this
SIZES = [14, 32, 64, 128, 9999]  # of the labelled faces, in pixels
# (face, scale, votes): first those of the cascade's maker, last those of gathering/detectors.py.
WHOLE, FACE = (0.5, 0.5, 1, 1), (0.5, 0.475, 0.66, 0.66)
TRIALS = {
    "its maker's example (1.1, 5), its own box": (WHOLE, 1.1, 5),
    "the same, box moved to the face": (FACE, 1.1, 5),
    "OpenCV's default (1.1, 3)": (FACE, 1.1, 3),
    "(1.05, 5)": (FACE, 1.05, 5),
    "(1.05, 8)": (FACE, 1.05, 8),
    "(1.08, 5): as it is": (FACE, 1.08, 5),
}


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    figure: str = option("find", "what to measure", choices=("find", "speed", "memory"), positional=True)
    pictures: Path = option(Path("data/raw/pictures.zip"), "zip of whole pictures, with boxes.csv")
    cascade: Path | None = option(None, "the lbpcascade's file")
    count: int = option(200, "number of pictures for speed")


Box = tuple[int, ...]  # x, y, width, height in pixels


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Two boxes (x, y, width, height) -> intersection over union, [0, 1]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, width) * max(0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def score(found: Sequence[Any], labelled: Sequence[Box]) -> list[Box]:
    """Detections and labelled boxes of one picture -> the labelled boxes that were found, each once."""
    left, hits = list(labelled), []
    for face in sorted(found, key=lambda face: -face.score):
        best = max(left, key=lambda box: overlap(face.box, box), default=None)
        if best and overlap(face.box, best) >= MATCH:
            left.remove(best)
            hits.append(best)
    return hits


def find(options: Options, typed: set[str]) -> None:
    """Print the precision of each trial and its recall by the size of the faces: a line of Markdown for each trial."""
    with zipfile.ZipFile(options.pictures) as archive:
        boxes = collections.defaultdict(list)
        for row in csv.DictReader(io.TextIOWrapper(archive.open("boxes.csv"))):
            boxes[row["file"]].append(tuple(int(row[key]) for key in ("x", "y", "width", "height")))
        photos = {name: images.read(io.BytesIO(archive.read(name))) for name in boxes}
    bins = list(itertools.pairwise(SIZES))
    count = [sum(low <= max(b[2:]) < high for all in boxes.values() for b in all) for low, high in bins]
    print(
        "| trial | precision | recall |",
        *(f"from {low} px ({n}) |" for (low, _), n in zip(bins, count, strict=True)),
        "s |",
    )
    print("|---" * (4 + len(bins)) + "|")
    for name, (face, scale, votes) in TRIALS.items():
        look = detectors.cascade_detector(detectors.cascade_file(options.cascade), face, scale, votes)
        start, number, hits = time.perf_counter(), 0, []
        for file, pixels in photos.items():
            found = look(pixels)
            number += len(found)
            hits += score(found, boxes[file])
        seconds = time.perf_counter() - start
        recalls = [sum(low <= max(b[2:]) < high for b in hits) / n for (low, high), n in zip(bins, count, strict=True)]
        print(f"| {name} | {len(hits) / max(1, number):.2f} | {len(hits) / sum(count):.3f} |",
              *(f"{r:.3f} |" for r in recalls), f"{seconds:.0f} |", flush=True)  # fmt: skip


def speed(options: Options, typed: set[str]) -> None:
    """Print pictures per second of a plain loop, of 1 worker and of 2; and which part of the loop is detection."""
    given = preprocess.Options(cascade=options.cascade)
    loaded = list(itertools.islice(pictures.found([options.pictures]), options.count))
    look: Any = detectors.open_detector("lbpcascade", options.cascade)
    spent = [0.0]

    def timed(pixels):
        start = time.perf_counter()
        found = look(pixels)
        spent[0] += time.perf_counter() - start
        return found

    start, used = time.perf_counter(), _processor_seconds()
    for picture in loaded:
        crops.crops_of(picture.data or b"", given, timed)
    plain = time.perf_counter() - start
    print(f"plain loop: {len(loaded) / plain:.1f} pictures/s, {spent[0] / plain:.0%} of it detection; "
          f"{1e3 * (_processor_seconds() - used)[0] / len(loaded):.0f} ms processor time of one picture",
          flush=True)  # fmt: skip
    for workers in (1, 2):
        warm = dataclasses.replace(given, workers=workers)
        results = crops.in_parallel(iter(loaded[: 8 * workers] + loaded), warm, options.cascade)
        for _ in range(8 * workers):  # until the processes are up
            next(results)
        start, used = time.perf_counter(), _processor_seconds()
        rate = sum(1 for _ in results) / (time.perf_counter() - start)
        parent, children = _processor_seconds() - used
        print(f"{workers} worker(s): {rate:.1f} pictures/s; processor time of one picture: "
              f"{1e3 * parent / len(loaded):.1f} ms of the parent, {1e3 * children / len(loaded):.0f} of the workers",
              flush=True)  # fmt: skip


def _processor_seconds():
    """Processor time of this process and of its ended children. A busy machine changes the clock's time more."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([u.ru_utime + u.ru_stime for u in usage])


def memory(options: Options, typed: set[str]) -> None:
    """Print the peak memory of the parent process and of its largest worker, for 1,000 and 100,000 small files."""
    face = io.BytesIO()
    Image.fromarray(cartoons.draw(0)).save(face, "PNG")
    for count in (1_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            rng = np.random.default_rng(0)
            for number in range(count):
                # Faint blocks of noise, other ones each time, so that no two are near duplicates.
                noise = rng.integers(0, 256, (16, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
                Image.fromarray(noise).save(Path(folder, f"{number:06}.png"), compress_level=1)
            code = f"from benchmarks.preprocess import measured_run; measured_run({folder!r})"
            said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            print(f"{count} files: {said.splitlines()[-1]}", flush=True)


def measured_run(folder: str) -> None:
    """Run preprocess.py on a folder, in this process, and print the time and memory that it took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as output:
        preprocess.main(["--input", folder, "--detector", "none", "--min-sharpness", "0", "--output", output])
        kept = sum(1 for _ in Path(output).glob("*.png"))
    peak, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{kept} kept, {time.perf_counter() - start:.0f} s, parent {peak:.0f} MiB, a worker {child:.0f} MiB")


def main(argv: list[str] | None = None) -> int:
    """The words of the command line, None for those of this process -> the exit code."""
    return run_script(Options, lambda options, given: globals()[options.figure](options, given), argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
