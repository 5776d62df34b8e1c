"""Figures of preprocess.py: how fast it is, what memory it takes. benchmarks/detectors.py: how much it finds.

python -m benchmarks.preprocess speed --pictures pictures.zip
python -m benchmarks.preprocess memory
"""

import dataclasses
import io
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import preprocess
from animefaces.commands import run_script
from animefaces.options import option
from demo import cartoons
from gathering import crops, detectors, pictures


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    figure: str = option("speed", "what to measure", choices=("speed", "memory"), positional=True)
    pictures: Path = option(Path("data/raw/pictures.zip"), "zip of whole pictures")
    detector: str = option("anime", "the detector, as in preprocess.py")
    count: int = option(200, "number of pictures for speed")


def speed(options: Options, typed: set[str]) -> None:
    """Print pictures per second of a plain loop, of 1 worker and of 2; and which part of the loop is detection."""
    given = preprocess.Options(detector=options.detector)
    loaded = list(itertools.islice(pictures.found([options.pictures]), options.count))
    look: Any = detectors.open_detector(options.detector)
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
        results = crops.in_parallel(iter(loaded[: 8 * workers] + loaded), warm)
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
