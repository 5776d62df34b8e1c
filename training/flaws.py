"""See which faces are drawn well, as judges do: models/pretrained/flaws.keras.

    python -m training.flaws --output models/pretrained/flaws.keras      # some two minutes on two cores

1. training/flaws.csv has the seeds of 1,920 faces of the shipped generator, and the marks of two judges: 0 for a face
   that is drawn well, 1 for one with a small flaw, 2 for a broken one.
2. The shipped discriminator saw many faces, and its maps of 16x16 tell them apart. What the network sees is the mean of
   each 2x2 places of a map, in the face and in its mirror image.
3. A linear map of it is fitted to the marks by ridge regression.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import images, latents, runs
from animefaces.commands import run_script
from animefaces.files import written_whole
from animefaces.options import option
from animefaces.progress import Bar
from drawing.features import discriminator_maps
from drawing.opening import open_generator

LABELS = Path(__file__).with_name("flaws.csv")
PLACES = 2  # the side of the squares of places in a map that become one
RIDGE = 3.0  # for each number that is seen
PARTS = 10  # of the faces: what is learned from nine of them is tried on the tenth
BATCH = 48


@dataclass(frozen=True)
class Options:
    """Where to."""

    output: Path = option(Path("results/flaws.keras"), "file of the network")


def labelled() -> tuple[np.ndarray, np.ndarray]:
    """-> the seeds of training/flaws.csv (N,), and the share of judges who saw a flaw in each (N,)."""
    with open(LABELS, encoding="utf-8", newline="") as file:
        rows = np.array(list(csv.reader(file))[1:], int)
    return rows[:, 0], (rows[:, 1:] > 0).mean(axis=1)


def trunk() -> Any:
    """The network from a face to what is seen of it: images (B, 64, 64, 3) in [-1, 1] -> (B, D), D = 12,288."""
    from models.engine import keras

    maps = discriminator_maps()
    x = keras.layers.AveragePooling2D(PLACES, name="places")(maps.output)
    return keras.Model(maps.input, keras.layers.Flatten(name="seen")(x))


def seen(network: Any, seeds: np.ndarray) -> np.ndarray:
    """The trunk and seeds (N,) -> what it sees in the faces and in their mirror images, on average, (N, D)."""
    from models.batches import in_batches

    generator, found = open_generator(runs.PRETRAINED), []
    for start in Bar(range(0, len(seeds), BATCH), desc="drawing", unit="batch"):
        faces = generator.draw(latents.from_seeds(seeds[start : start + BATCH], generator.latent))
        shown = images.to_network(faces)
        found.append((in_batches(network, shown) + in_batches(network, shown[:, :, ::-1])) / 2)
    return np.concatenate(found).astype(np.float64)


def fit(rows: np.ndarray, flawed: np.ndarray) -> tuple[np.ndarray, float]:
    """What is seen (N, D), and the shares (N,) -> kernel (D,) and bias of the ridge regression."""
    mean, spread, middle = rows.mean(axis=0), rows.std(axis=0) + 1e-6, flawed.mean()
    inputs = (rows - mean) / spread
    # There are fewer faces than numbers, so the smaller one of the two systems of equations is solved.
    inner = inputs @ inputs.T + RIDGE * inputs.shape[1] * np.eye(len(inputs))
    kernel = inputs.T @ np.linalg.solve(inner, flawed - middle) / spread
    return kernel, middle - mean @ kernel


def ordered(numbers: np.ndarray, flawed: np.ndarray) -> float:
    """Numbers (N,) and shares (N,) -> of a flawed and a whole face, how often the flawed one has the larger number.

    Faces on which the judges differ count on neither side.
    """
    worse, better = numbers[flawed == 1, None], numbers[None, flawed == 0]
    return float((worse > better).mean() + (worse == better).mean() / 2)


def work(options: Options, given: set[str]) -> None:
    """Fit the network, say how good it is, and write it."""
    from models import saved
    from models.engine import keras

    seeds, flawed = labelled()
    network = trunk()
    rows = seen(network, seeds)
    part = np.arange(len(seeds)) * PARTS // len(seeds)
    right = []
    for left_out in range(PARTS):
        kernel, bias = fit(rows[part != left_out], flawed[part != left_out])
        right.append(ordered(rows[part == left_out] @ kernel + bias, flawed[part == left_out]))
    kernel, bias = fit(rows, flawed)
    last = keras.layers.Dense(1, name="flawed")
    whole = keras.Model(network.input, last(network.output), name="flaws")
    last.set_weights([kernel[:, None].astype(np.float32), np.array([bias], np.float32)])
    with written_whole(options.output) as temporary:
        saved.save(whole, temporary, half=True)
    print(f"{options.output}: learned from {len(seeds):,} faces. Of a flawed and a whole face that are new to it, it "
          f"finds the flawed one in {np.mean(right):.0%} of the pairs.")  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
