"""The sample grids of a run: files in samples/, and a film of them at the end."""

import contextlib
import math
from pathlib import Path

import numpy as np

from animefaces import images

WIDE = 1024  # most pixels of the width of a film and of a picture in the TensorBoard events
FRAMES = 60  # most frames of a film, whatever the training's length


def write(run: Path, pixels: np.ndarray, step: int) -> None:
    """A grid, uint8 (H, W, C) -> samples/step_NNNNNN.png in the run folder."""
    images.save(run / "samples" / f"step_{step:06d}.png", pixels, run=run.name, step=step)


def shrinking(width: int) -> int:
    """The width of a grid -> by which whole number its sides are divided for a film and for events."""
    return math.ceil(width / WIDE)


def small(pixels: np.ndarray) -> np.ndarray:
    """A grid, uint8 (H, W, C) -> the same, at most WIDE pixels wide."""
    image = images.to_image(pixels).reduce(shrinking(pixels.shape[1]))
    return np.asarray(image).reshape(image.height, image.width, pixels.shape[2])


def film(run: Path) -> None:
    """Make progress.gif of the samples of a run. A sample that cannot be read is left out."""
    grids = sorted((run / "samples").glob("step_*.png"), key=lambda path: (len(path.name), path.name))
    frames = []
    for path in grids[:: math.ceil(len(grids) / FRAMES) or 1]:
        with contextlib.suppress(OSError, ValueError):
            frames.append(small(images.read(path)))
    if frames:
        images.save_film(run / "progress.gif", frames, seconds=0.3)
