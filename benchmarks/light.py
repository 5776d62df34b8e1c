"""Measure what drawing/light.py does to photos in poor light, and to photos in usual light.

    python -m benchmarks.light --photos photos.zip --sheet light.png

photos.zip holds photos of faces, aligned and cropped tightly.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import images
from animefaces.commands import run_script
from animefaces.metrics import squared_distances
from animefaces.options import option
from benchmarks.photos import read_some
from drawing import encoding, light, opening

SHOWN = 24  # photos in each row of the sheet


@dataclass(frozen=True)
class Options:
    """What to measure on."""

    photos: Path = option(Path("data/raw/photos.zip"), "zip of aligned photos")
    count: int = option(300, "photos")
    run: Path | None = option(None, "run folder with an encoder (default: as encode.py)")
    sheet: Path | None = option(None, "FILE.png: photos and drawings, each before and after")


def through(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of light, in [0, 1], (..., 3) -> the function of pixels, uint8."""

    def changed(pixels):
        values = pixels / 255
        linear = change(np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)).clip(0, 1)
        values = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
        return (values * 255 + 0.5).astype(np.uint8)

    return changed


def grey(linear):
    return np.repeat(linear @ light.LUMINANCE[:, None], 3, axis=-1)


LIGHTS = {
    "as it is": lambda pixels: pixels,
    "grey": through(grey),
    "grey, toned blue": through(lambda x: grey(x) * [0.7, 1, 1.5]),
    "2 stops too dark": through(lambda x: x / 4),
    "5 stops too dark": through(lambda x: x / 32),
    "3 stops too dark and grey": through(lambda x: grey(x) / 8),
    "1.5 stops too bright": through(lambda x: x * 2.8),
    "haze": through(lambda x: 0.45 + 0.5 * x),
    "blue light": through(lambda x: x * [0.35, 0.7, 1.4]),
    "orange light": through(lambda x: x * [1.4, 0.75, 0.25]),
    "green light": through(lambda x: x * [0.6, 1.2, 0.6]),
}


def mended(pixels):
    return light.coloured(light.levelled(pixels, pixels, framed=True), framed=True)


def measure(options, _):
    """Print a row for each light, and how much usual photos change."""
    encoder, generator = opening.open_encoder("learned", options.run)
    size = encoder.input_shape[1]
    crops = [images.to_array(images.to_image(photo), size) for photo in read_some(options.photos, options.count, 2)]

    def codes(pictures):
        return encoding.posteriors(encoder, np.stack(pictures))[0]

    own = codes(crops)
    change = np.array([np.abs(mended(crop).astype(int) - crop).mean() for crop in crops])
    print(
        f"{(change > 0).mean():.3f} of {len(crops)} photos change; the mean change of all is {change.mean():.2f} of 255"
    )
    print("| light | z moves by: before | after | own photo has the nearest z: before | after |")
    print("|---|---|---|---|---|")
    rows = []
    for name, lit in LIGHTS.items():
        poor = [lit(crop) for crop in crops]
        sides = poor, [mended(crop) for crop in poor]
        far = [squared_distances(codes(side), own) for side in sides]
        moved = [f"{np.sqrt(np.diag(squares).clip(0)).mean():.1f}" for squares in far]
        right = [f"{(squares.argmin(axis=1) == np.arange(len(own))).mean():.2f}" for squares in far]
        print(f"| {name} | {' | '.join(moved + right)} |", flush=True)
        for side in sides:
            rows += [*side[:SHOWN], *generator.draw(codes(side[:SHOWN]))]
    if options.sheet:
        images.save(options.sheet, images.grid(np.stack(rows), min(SHOWN, len(crops))))


def main(argv=None):
    return run_script(Options, measure, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
