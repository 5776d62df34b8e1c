"""Draw new faces with a trained generator.

    python generate.py                                    # a grid of 64 faces, by default of the newest run
    python generate.py --count 48 --output faces.png
    python generate.py --run results/00001-soft --seeds 0-7,12 --truncation 0.7
    python generate.py --count 1000 --output faces/       # a folder: one file per face
    python generate.py --seeds 3,14,15 --output walk.gif  # a film from face to face
    python generate.py --latents latents.npz              # from saved z instead of seeds
    python generate.py --edit hair-dark=+2,turn=-1        # changed along directions that explore.py attributes found

A face is drawn from a latent vector z, and a seed is a number that determines a random z. With one run, a seed
is always the same face, whatever other faces are drawn with it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.commands import run_script
from animefaces.options import option, within
from animefaces.problems import Misuse
from drawing.choosing import (
    Chosen,
    alone,
    count_option,
    latents_option,
    run_option,
    seed_option,
    seeds_option,
)

MAX_FACES = 10_000_000
MAX_GRID = 10_000  # faces of one picture
MAX_FILM = 100  # faces of one film
FRAMES = 24  # of a film, from one face to the next


@dataclass(frozen=True)
class Options:
    """What to draw, and where to."""

    run: Path | None = run_option()
    count: int = count_option(64, MAX_FACES)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    truncation: float = option(1.0, "multiplies z: below 1 the faces are nearer to the mean face, less varied and less "
                               "often spoilt", within(0, 2), group="how they look")  # fmt: skip
    edit: str | None = option(None, "attributes to change, and by how much, for example hair-dark=+2,turn=-1; one "
                              "unit is one standard deviation of the attribute", group="how they look")  # fmt: skip
    output: str = option("faces.png", "FILE.png: one grid; FILE.gif, .webp or .mp4: a film; FOLDER/: one PNG file per "
                         "face", group="where they go")  # fmt: skip


def output_kind(text: str) -> tuple[Path, str]:
    """--output -> (path, "grid", "film" or "folder"). Raises Misuse for anything else."""
    path = Path(text)
    if text.endswith(("/", "\\")) or path.is_dir():
        return path, "folder"
    kind = {".png": "grid", ".gif": "film", ".webp": "film", ".mp4": "film"}.get(path.suffix.lower())
    if kind is None or text.startswith("-"):
        raise Misuse(
            f"--output {text} will not do: name a FILE.png, a film (.gif, .webp, .mp4) or a folder ending in /"
        )
    return path, kind


def generate(options: Options, given: set[str]) -> None:
    """Draw the faces that the options ask for."""
    output, kind = output_kind(options.output)
    alone(given, ("count", "seed"), ("seeds",), ("latents",))
    if kind == "grid" and not options.latents and options.seeds is None and options.count > MAX_GRID:
        raise too_many(options.count)
    from drawing.opening import open_generator, told

    generator = open_generator(options.run)
    drawing = Drawing(generator, Chosen(options, generator.latent, MAX_FACES), options.truncation, options.edit)
    if kind == "grid" and len(drawing) > MAX_GRID:
        raise too_many(len(drawing))
    told(generator, options.run)
    notes = {"run": generator.name, "truncation": options.truncation}
    notes |= {"edit": options.edit} if options.edit else {}
    {"grid": write_grid, "film": write_film, "folder": write_folder}[kind](drawing, output, notes)


def too_many(count: int) -> Misuse:
    """The error for a grid of too many faces."""
    return Misuse(f"{count:,} faces are too many for one picture: write one file per face with --output faces/")


class Drawing:
    """The chosen faces of a generator, drawn as they are needed: thousands need no more memory than a few."""

    def __init__(self, generator: Any, chosen: Chosen, truncation: float, edit: str | None):
        """`truncation` multiplies z; then what `edit` asks for is added to it."""
        self.generator, self.chosen, self.truncation = generator, chosen, truncation
        self.shift = generator.shift(edit)

    def __len__(self) -> int:
        return len(self.chosen)

    def z(self, start: int = 0, stop: int | None = None) -> Any:
        """The latents of the faces from `start` to `stop`, float32 (n, latent)."""
        from animefaces import latents

        return latents.truncate(self.chosen.z(start, stop), self.truncation) + self.shift

    def batches(self) -> Iterator[tuple[list[str], Any]]:
        """(names, pixels uint8 (n, H, W, C)) of some hundred faces at a time, with a progress bar."""
        from tqdm import tqdm

        from drawing.generator import AT_ONCE

        with tqdm(total=len(self), desc="drawing", unit="face", disable=None) as bar:
            for start in range(0, len(self), AT_ONCE):
                names = self.chosen.names(start, start + AT_ONCE)
                yield names, self.generator.draw(self.z(start, start + AT_ONCE))
                bar.update(len(names))


def write_grid(drawing: Drawing, path: Path, notes: dict) -> None:
    """All faces in one PNG file."""
    import numpy as np

    from animefaces import images

    pixels = np.concatenate([pixels for _, pixels in drawing.batches()])
    images.save(path, images.grid(pixels), faces=" ".join(drawing.chosen.names()), **notes)
    print(f"{path}: {len(drawing)} faces")


def write_folder(drawing: Drawing, folder: Path, notes: dict) -> None:
    """One PNG file per face."""
    from animefaces import images

    for names, pixels in drawing.batches():
        for name, face in zip(names, pixels, strict=True):
            images.save(folder / f"{name}.png", face, face=name, **notes)
    print(f"{folder}/: {len(drawing)} faces")


def write_film(drawing: Drawing, path: Path, notes: dict) -> None:
    """A film that goes from face to face and back to the first one, without an end."""
    from animefaces import images, latents

    if len(drawing) > MAX_FILM:
        raise Misuse(f"a film of {len(drawing)} faces is too long: give up to {MAX_FILM}, --seeds 0-7 for example")
    pixels = drawing.generator.draw(latents.loop(drawing.z(), FRAMES))
    images.save_film(path, pixels, seconds=0.04)
    print(f"{path}: a film through {len(drawing)} faces")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, generate, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
