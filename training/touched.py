"""Make the set that the reader of drawings learns from: drawn faces with labels by eye, and copies with other looks.

    python -m training.touched --faces anime_faces_a.zip --labels anime_a.csv --output data/touched
    python train.py reader --data data/touched --labels data/touched/looks.csv --size 64

The faces are those of training/faces.csv, of the shipped generator, and real ones. Onto the copies, drawing/touches.py
has drawn hair and skin of other colours, mouths, glasses, beards and age, at random: real faces hardly ever have them.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import images, latents, looks, runs
from animefaces.commands import run_script
from animefaces.dataset import open_faces
from animefaces.files import written_whole
from animefaces.options import at_least, option
from animefaces.problems import Misuse
from animefaces.progress import Bar
from drawing.finishing import Finish, Finisher
from drawing.opening import open_generator
from training.faces import labelled

SIZE = 64


@dataclass(frozen=True)
class Options:
    """From what, and where to."""

    faces: tuple[Path, ...] = option((), "further drawn faces: folders and zips")
    labels: Path | None = option(None, "a table (CSV) of their looks, with a column file")
    copies: int = option(4, "copies of each face with other looks", at_least(0))
    output: Path = option(Path("data/touched"), "folder of the pictures and of looks.csv")
    cache: Path = option(Path("data/cache"), "folder for the decoded pictures")


def wanted(row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A row of looks -> one with some other looks, at random."""
    words: dict[str, str] = {}
    if rng.random() < 0.7:
        words["hair"] = str(rng.choice(looks.HAIR[:-1], p=[0.16] * looks.NATURAL + [0.05] * 4))
    if rng.random() < 0.45:
        words["skin"] = str(rng.choice(["tan", "dark"]))
    if rng.random() < 0.6:
        words |= {"mouth": str(rng.choice(["closed", "open"])), "smile": str(rng.choice(["no", "yes"]))}
    if rng.random() < 0.3:
        words["glasses"] = looks.YES
    if rng.random() < 0.25:
        words["beard"] = looks.YES
    if rng.random() < 0.4:
        words["age"] = str(rng.choice(["adult", "old"]))
    return looks.row(words, row)


def line(name: str, row: np.ndarray) -> dict[str, str]:
    """A row of looks -> a line of a table, in letters."""
    said = looks.words(row)
    return {"file": name} | {look.name: look.letters[look.words.index(said[look.name])] if look.name in said else "?"
                             for look in looks.LOOKS}  # fmt: skip


def sources(options: Options) -> list[tuple[list[str], np.ndarray, np.ndarray]]:
    """-> [(names, faces uint8 (N, 64, 64, 3), rows of looks)]."""
    generator = open_generator(runs.PRETRAINED)
    seeds, rows = labelled()
    drawn = generator.drawn(latents.from_seeds(seeds, generator.latent))
    found = [([f"drawn_{seed:06d}" for seed in seeds], drawn, rows)]
    if bool(options.labels) != bool(options.faces):
        raise Misuse("--labels says the looks of --faces: give both, or leave out both")
    if options.labels:
        faces = open_faces(options.faces, SIZE, 3, options.cache)
        names = [Path(name).stem for name in faces.names()]
        rows = looks.read_table(options.labels, faces.names())
        known = np.flatnonzero(~np.isnan(rows).all(axis=1))
        found.append(([f"real_{names[i]}" for i in known], faces[known], rows[known]))
    return found


def work(options: Options, given: set[str]) -> None:
    """Write the pictures and the table."""
    rng, finisher, lines = np.random.default_rng(0), Finisher(), []
    for names, faces, rows in sources(options):
        for copy in Bar(range(1 + options.copies), desc="drawing looks", unit="copy"):
            for start in range(0, len(faces), 480):
                part = slice(start, start + 480)
                made, has = faces[part], rows[part]
                if copy:
                    has = np.stack([wanted(row, rng) for row in rows[part]])
                    made = finisher.finished(made, Finish(has, rows[part], np.zeros(len(made), bool)))
                for name, face, row in zip(names[part], made, has, strict=True):
                    images.save(options.output / f"{copy}_{name}.png", face)
                    lines.append(line(f"{copy}_{name}.png", row))
    with (
        written_whole(options.output / "looks.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, ["file", *looks.BY_NAME])
        writer.writeheader()
        writer.writerows(lines)
    print(f"{options.output}/: {len(lines):,} faces and looks.csv")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
