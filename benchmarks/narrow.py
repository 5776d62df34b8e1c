"""Choose from a set of faces a small one that has a look of its own: does a training take it over?

    python -m benchmarks.narrow red --data faces.zip --output data/red                 # the reddest hair
    python -m benchmarks.narrow blue --data faces.zip --output data/blue --count 20
    python -m benchmarks.narrow grey --data faces.zip --output data/grey               # as in a printed comic

`red` and `blue` are the pictures that have the most of this colour where hair is. `grey` takes pictures by chance,
without their colours and with more contrast. Then `python train.py --data data/red`, and `python -m benchmarks.blind`
shows judges what came of it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from animefaces.commands import Command, run_commands
from animefaces.options import at_least, option
from animefaces.problems import Misuse, Problem
from animefaces.words import counted

if TYPE_CHECKING:
    import numpy as np

SIZE = 64
HAIR = slice(0, 18), slice(8, 56)  # the rows and the columns where most faces have hair
HUES = 180  # of OpenCV
# From which of these hues to which, and the least saturation and value (0 to 255).
COLOURS = {"red": ((170, 8), 110, 70), "blue": ((85, 118), 80, 90)}
CUTOFF = 5  # percent of the darkest and of the lightest pixels that become black and white


@dataclass(frozen=True)
class Options:
    """From what, and how many."""

    data: tuple[Path, ...] = option((), "folders or zips of faces")
    output: Path = option(Path("results/narrow"), "a new folder for the pictures")
    count: int = option(120, "number of pictures", at_least(1))


def share(faces: "np.ndarray", look: str) -> "np.ndarray":
    """Faces uint8 (N, SIZE, SIZE, 3) -> which share of the pixels where hair is has this colour, (N,)."""
    import cv2
    import numpy as np

    (first, last), saturation, value = COLOURS[look]
    h, s, v = np.moveaxis(np.stack([cv2.cvtColor(face, cv2.COLOR_RGB2HSV)[HAIR] for face in faces]), -1, 0)
    hue = (h.astype(int) - first) % HUES <= (last - first) % HUES  # they go round in a circle
    return (hue & (s >= saturation) & (v >= value)).mean((1, 2))


def greyed(face: "np.ndarray") -> "np.ndarray":
    """A face uint8 (H, W, 3) -> the same in grey, with more contrast."""
    import numpy as np
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.autocontrast(Image.fromarray(face).convert("L"), cutoff=CUTOFF).convert("RGB"))


def choose(look, options, given):
    """Write the pictures of a look."""
    import numpy as np

    from animefaces import dataset, images

    if not options.data:
        raise Misuse("name the faces to choose from with --data")
    if options.output.exists():
        raise Problem(f"{options.output} is there already: name another folder with --output")
    faces = dataset.open_faces(options.data, SIZE)
    if len(faces) < options.count:
        raise Problem(f"there are {counted(len(faces), 'picture')}, and {options.count:,} are needed: lower --count")
    every = faces[np.arange(len(faces))]
    if look in COLOURS:
        chosen = every[np.argsort(-share(every, look), kind="stable")[: options.count]]
    else:
        chosen = [greyed(face) for face in every[np.random.default_rng(0).permutation(len(every))[: options.count]]]
    for number, face in enumerate(chosen):
        images.save(options.output / f"{number:05d}.png", face)
    print(f"{options.output}: {counted(options.count, 'picture')} of {len(every):,}")


def commands():
    """A command for each look."""
    for look in (*COLOURS, "grey"):
        yield Command(Options, lambda options, given, look=look: choose(look, options, given), __doc__, look)


def main(argv=None):
    """Command line -> exit code."""
    return run_commands(list(commands()), argv)


if __name__ == "__main__":
    sys.exit(main())
