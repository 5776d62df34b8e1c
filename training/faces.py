"""Write the looks of faces of the shipped generator that were labelled by eye: models/pretrained/looks.npz.

    python -m training.faces --output models/pretrained/looks.npz

training/faces.csv has the seeds and their labels, one letter for each look (animefaces/looks.py). The faces without a
flaw are kept. Sex, hair and turn of these were labelled once more, in mirror images: training/faces_again.csv (left is
left of the face as it was drawn). The looks are a mixture of the labels and of what the reader of drawings sees. Flaws
that are seen only at 256 pixels are in training/faces_large.csv. For other generators, drawing/known.py has the reader
look at the faces.

The file also has the seeds of 2,000 well drawn faces, for the page: among the first 12,000, those with fewer flaws than
others of their kind, as models/pretrained/flaws.keras sees them.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import latents, looks, runs
from animefaces.commands import run_script
from animefaces.options import option
from drawing import known
from drawing.opening import open_generator
from drawing.reading import OF_DRAWINGS, open_reader

EYE = 0.6  # weight of the label by eye; the rest is the reader's
LOOKED_AT = 12_000  # faces, of which some are well drawn: some seven minutes on two cores
LABELS = Path(__file__).with_name("faces.csv")
AGAIN = Path(__file__).with_name("faces_again.csv")
LARGE = Path(__file__).with_name("faces_large.csv")


@dataclass(frozen=True)
class Options:
    """Where to."""

    output: Path = option(Path("results/looks.npz"), "file of the looks")


def labelled() -> tuple[np.ndarray, np.ndarray]:
    """-> the seeds of training/faces.csv (N,), and the rows of their looks (N, SIZE), nan where no label is known.

    Where two labels differ, both have half of the probability.
    """
    with open(LABELS, encoding="utf-8", newline="") as file:
        seeds = [line["seed"] for line in csv.DictReader(file)]
    tables = [looks.read_table(path, seeds, key="seed") for path in (LABELS, AGAIN)]
    known = ~np.isnan(tables)
    rows = np.where(known, tables, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.array(seeds, np.int64), np.where(known.any(axis=0), rows, np.nan).astype(np.float32)


def work(options: Options, given: set[str]) -> None:
    """Keep the clean faces, and write their looks."""
    seeds, rows = labelled()
    wanted = {name: looks.BY_NAME[name].words.index(word) for name, word in known.UNWANTED.items()}
    clean = ~np.isnan(rows).any(axis=1)
    for name, word in wanted.items():
        clean &= rows[:, looks.PLACES[name].start + word] == 0
    generator, reader = open_generator(runs.PRETRAINED), open_reader(OF_DRAWINGS)
    drawn = generator.drawn(latents.from_seeds(seeds[clean], generator.latent))
    # What eye and reader agree on is what anybody sees.
    mixed = EYE * rows[clean] + (1 - EYE) * reader.read(drawn)
    large, flaw = looks.read_table(LARGE, list(map(str, seeds[clean])), key="seed"), looks.PLACES["flaw"]
    mixed[:, flaw] = np.where(np.isnan(large[:, flaw]), mixed[:, flaw], large[:, flaw])
    read, _, flawed = known.looked_at(generator, reader, LOOKED_AT)
    faces = known.Faces(seeds[clean], mixed, known.shape_of(drawn), known.well_drawn(read, flawed))
    known.write_faces(options.output, faces, generator.mark)
    spotless = int((mixed[:, flaw][:, 1] < 0.5).sum())
    print(f"{options.output}: {clean.sum()} of {len(seeds):,} faces, {spotless} of them without a flaw at 256 pixels")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
