"""Find out where a generator's distance to real faces comes from: shapes, detail, colour, or JPEG compression.

    python -m benchmarks.scales --real faces.zip --fake results/00000-modern --features network.keras

Both sets are changed in the same way and compared again. If the distance becomes smaller, the difference was in what
the change removed. "Colour at half the resolution" leaves brightness unchanged: people hardly see it, and most JPEG
files store colour so. "As JPEG files" gives the generated faces the same traces of compression as real faces have; a
difference that this removes is not visible.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from animefaces import latents
from animefaces.commands import run_script
from animefaces.options import option
from animefaces.problems import Problem


@dataclass(frozen=True)
class Options:
    """What to compare, and in which features."""

    real: tuple[Path, ...] = option((Path("data/faces"),), "the real faces")
    fake: Path | None = option(None, "a run folder or .keras generator (default: the newest run, else shipped weights)")
    count: int = option(1000, "faces of each kind")
    features: str = option("discriminator", "network to compare in, as for evaluate.py")
    cache: Path = option(Path("data/cache"), "folder for decoded pictures")


def shrunk(pixels, divisor):
    """A picture uint8 (H, W, C) and a divisor -> the picture at 1 / divisor of its size, enlarged to its size again."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (width // divisor, height // divisor), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def with_coarse_colour(pixels):
    """A picture uint8 RGB (H, W, 3) -> the picture with the same brightness, and colour at half the resolution."""
    grey, *planes = np.moveaxis(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb), -1, 0)
    return cv2.cvtColor(np.dstack([grey, shrunk(np.dstack(planes), 2)]), cv2.COLOR_YCrCb2RGB)


def as_jpeg(pixels):
    """A picture uint8 RGB (H, W, 3) -> the picture after it was stored as a JPEG file of quality 85."""
    _, file = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


CHANGES = {
    "as they are": lambda pixels: pixels,
    "as JPEG files of quality 85": as_jpeg,
    "colour at half the resolution": with_coarse_colour,
    "all at half the resolution": lambda pixels: shrunk(pixels, 2),
    "all at a quarter": lambda pixels: shrunk(pixels, 4),
}


def scales(options, given):
    """Compare both sets after each change, and print the table."""
    from animefaces import metrics
    from animefaces.dataset import open_faces
    from drawing import features
    from drawing.opening import open_generator

    network = features.open_features(options.features)
    generator = open_generator(options.fake)
    size, channels = generator.shape[1:]
    network.check(size, channels)
    if channels != 3:
        raise Problem(f"{generator.file} draws grey pictures: name a generator of coloured ones")
    real = open_faces(options.real, size, channels, options.cache)
    known = real[np.random.default_rng(0).permutation(len(real))[: options.count]]
    z = latents.from_seeds(range(len(known)), generator.latent)
    drawn = generator.draw(z)
    print(f"{generator.file}, {len(known):,} faces, {network.name}\n")
    print("| both sets | kernel distance x1000 | Fréchet distance | precision | recall |\n|---|---|---|---|---|")
    for name, change in CHANGES.items():
        sets = (np.stack([change(face) for face in faces]) for faces in (known, drawn))
        a, b = (features.extract(network, faces, np.arange(len(faces)), name) for faces in sets)
        found = metrics.compare(a, b)
        distance, error = (1000 * found[key] for key in ("kernel_distance", "kernel_error"))
        cells = (name, f"{distance:.1f} ± {error:.1f}", f"{found['frechet_distance']:.1f}",
                 f"{found['precision']:.2f}", f"{found['recall']:.2f}")  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, scales, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
