"""How well the upscaler enlarges faces, beside interpolation and, if there is one, its teacher.

    python -m benchmarks.enlarging --real anime_128.zip --size 128 --teacher teacher.onnx --features network.keras

One half of the real pictures is made small and enlarged again, and compared with the other half. Faces of the shipped
generator are enlarged, too, and compared with that half. All are measured at --size.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from animefaces import latents, metrics, runs
from animefaces.commands import run_script
from animefaces.dataset import open_faces
from animefaces.options import option
from models.upscaler import SCALE

SMALL = 64  # side of the faces that are enlarged


@dataclass(frozen=True)
class Options:
    """What to enlarge, with what, and what to compare it with."""

    real: tuple[Path, ...] = option((Path("data/faces"),), "large pictures that no upscaler was trained on")
    size: int = option(128, "side at which faces are compared", choices=(128, 256))
    count: int = option(400, "pictures of each kind")
    upscaler: Path | None = option(None, "run of train.py upscaler, or .keras file (default: the shipped one)")
    teacher: Path | None = option(None, "a network that enlarges four times, .onnx")
    features: str = option("discriminator", "network to compare in, as for evaluate.py")
    cache: Path = option(Path("data/cache"), "folder for decoded pictures")


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Pictures, uint8 (N, H, W, 3) -> (N, side, side, 3)."""
    way = cv2.INTER_AREA if side < pixels.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(one, (side, side), interpolation=way) for one in pixels])


def off(large: np.ndarray, small: np.ndarray) -> tuple[float, float]:
    """Enlarged faces and the faces -> mean difference when made small again, of each pixel and of squares of 8x8."""
    again = resized(large, SMALL).astype(int) - small
    squares = again.reshape(len(again), SMALL // 8, 8, SMALL // 8, 8, 3).mean(axis=(2, 4))
    return float(np.abs(again).mean()), float(np.abs(squares).mean())


def work(options: Options, given: set[str]) -> None:
    """Print the table."""
    from drawing.enlarging import Enlarger
    from drawing.features import extract, open_features
    from drawing.opening import open_generator
    from training.upscaler import enlarged

    network = open_features(options.features)
    faces = open_faces(options.real, options.size, 3, options.cache)
    chosen = np.linspace(0, len(faces) - 1, min(len(faces) // 2 * 2, 2 * options.count)).astype(int)
    real, shown = faces[chosen[::2]], resized(faces[chosen[1::2]], SMALL)
    generator = open_generator(runs.PRETRAINED)
    drawn = generator.draw(latents.from_seeds(range(5_000, 5_000 + len(real)), generator.latent))
    known = extract(network, real, np.arange(len(real)), "real faces")
    ways: dict[str, Any] = {"interpolation": lambda pixels: resized(pixels, SCALE * SMALL),
                            "ours": Enlarger(SCALE, options.upscaler)}  # fmt: skip
    if options.teacher:
        ways["teacher"] = lambda pixels: enlarged(options.teacher, pixels)
    print("| | kernel distance x1000, real | drawn | made small again, of 255 | squares of 8x8 | ms a face |")
    print("|---|---|---|---|---|---|")
    for name, way in ways.items():
        way(drawn[:1])
        start = time.perf_counter()
        large = way(drawn)
        milliseconds = 1000 * (time.perf_counter() - start) / len(drawn)
        distances = []
        for some in (way(shown), large):
            rows = extract(network, resized(some, options.size), np.arange(len(some)), name)
            distances.append("{:.1f} +- {:.1f}".format(*(1000 * x for x in metrics.kernel_distance(rows, known))))
        pixel, square = off(large, drawn)
        print(f"| {name} | {' | '.join(distances)} | {pixel:.1f} | {square:.1f} | {milliseconds:.0f} |", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
