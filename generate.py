"""Draw new faces with a trained generator.

    python generate.py                                    # a grid of 64 faces: the newest run, else the shipped weights
    python generate.py --count 48 --output faces.png
    python generate.py --run results/00001-soft --seeds 0-7,12 --truncation 0.7
    python generate.py --count 1000 --output faces/       # a folder: one file per face
    python generate.py --seeds 3,14,15 --output walk.gif  # a film from face to face
    python generate.py --latents latents.npz              # from saved z instead of seeds
    python generate.py --edit hair-dark=+2,turn=-1        # moved along directions that explore.py attributes found

A seed is the same face in any company, for one run.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.options import at_least, option, within
from animefaces.problems import Misuse

MAX_FACES = 10_000_000
MAX_GRID = 10_000  # faces
FRAMES = 24  # of a film, from one face to the next
AT_ONCE = 480  # faces drawn between two writes


@dataclass(frozen=True)
class Options:
    """What to draw, and where to."""

    run: Path | None = option(None, "run folder or .keras file (default: the newest run, else the shipped weights)")
    count: int = option(64, "number of faces, with the seeds from --seed on", within(1, MAX_FACES))
    seed: int = option(0, "first seed", at_least(0))
    seeds: str | None = option(None, "these seeds instead: 0-7,12")
    latents: Path | None = option(None, "an .npz with z (N, latent), instead of seeds")
    truncation: float = option(1.0, "below 1: closer to the mean face, less varied and less often spoilt", within(0, 2))
    edit: str | None = option(None, "how to change them, in spreads of an attribute: hair-dark=+2,turn=-1")
    output: str = option(
        "faces.png", "FILE.png: one grid; FILE.gif, .webp or .mp4: a film; DIR/: one PNG file per face"
    )


def output_kind(text):
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


def load_network(path):
    """A .keras file -> its network. Imports Keras, which takes seconds, only here."""
    from models import saved

    return saved.load(path)


def generate(options, given):
    """Draw the faces that the options ask for."""
    from animefaces import directions, latents, runs

    output, kind = output_kind(options.output)
    if sum(bool(given & source) for source in ({"count", "seed"}, {"seeds"}, {"latents"})) > 1:
        raise Misuse("--count with --seed, --seeds and --latents exclude each other: give one of them")
    seeds = (
        latents.parse_seeds(options.seeds)
        if options.seeds is not None
        else range(options.seed, options.seed + options.count)
    )
    if kind == "grid" and len(seeds) > MAX_GRID:
        raise Misuse(f"{len(seeds):,} faces are too many for one picture: --output faces/ writes one file per face")
    edits = directions.parse(options.edit) if options.edit else {}
    generator, path = runs.open_generator(options.run, load_network)
    dimensions = generator.input_shape[1]
    shift = directions.shift(edits, directions.load(directions.beside(path), dimensions)) if edits else 0
    if options.latents:
        z = latents.read(options.latents, dimensions)
        faces = Faces(generator, z, [f"latent_{i:06d}" for i in range(len(z))], options.truncation, shift)
    else:
        faces = Faces(generator, seeds, [f"seed_{seed:06d}" for seed in seeds], options.truncation, shift)
    notes = {"run": path.parent.name if path.name == "generator.keras" else path.name, "truncation": options.truncation}
    notes |= {"edit": options.edit} if edits else {}
    {"grid": write_grid, "film": write_film, "folder": write_folder}[kind](faces, output, notes)


class Faces:
    """Faces drawn as they are asked for, so that thousands need no more memory than a few."""

    def __init__(self, generator, source, names, truncation, shift=0):
        """`source`: seeds, or z float32 (N, latent); `shift` is added to each z after the truncation."""
        self.generator, self.source, self.names = generator, source, names
        self.truncation, self.shift = truncation, shift

    def __len__(self):
        return len(self.names)

    def z(self, start, stop):
        """The latents of faces start to stop."""
        import numpy as np

        from animefaces import latents

        part = self.source[start:stop]
        z = part if isinstance(part, np.ndarray) else latents.from_seeds(part, self.generator.input_shape[1])
        return latents.truncate(z, self.truncation) + self.shift

    def draw(self, z):
        """z -> uint8 (N, H, W, C)."""
        from animefaces.images import to_pixels
        from models import saved

        return to_pixels(saved.draw(self.generator, z))

    def batches(self):
        """(names, pixels) of AT_ONCE faces at a time, with a bar."""
        from tqdm import tqdm

        with tqdm(total=len(self), desc="drawing", unit="face", disable=None) as bar:
            for start in range(0, len(self), AT_ONCE):
                names = self.names[start : start + AT_ONCE]
                yield names, self.draw(self.z(start, start + AT_ONCE))
                bar.update(len(names))


def write_grid(faces, path, notes):
    """All faces in one PNG."""
    import numpy as np

    from animefaces import images

    pixels = np.concatenate([pixels for _, pixels in faces.batches()])
    images.save(path, images.grid(pixels), faces=" ".join(faces.names), **notes)
    print(f"{path}: {len(faces)} faces")


def write_folder(faces, folder, notes):
    """One PNG per face."""
    from animefaces import images

    for names, pixels in faces.batches():
        for name, face in zip(names, pixels, strict=True):
            images.save(folder / f"{name}.png", face, face=name, **notes)
    print(f"{folder}/: {len(faces)} faces")


def write_film(faces, path, notes):
    """A film that walks from face to face and back to the first, without an end."""
    from animefaces import images, latents

    if len(faces) > 100:
        raise Misuse(f"a film of {len(faces)} faces is too long: give up to 100, --seeds 0-7 for example")
    pixels = faces.draw(latents.loop(faces.z(0, len(faces)), FRAMES))
    images.save_film(path, pixels, seconds=0.04)
    print(f"{path}: a film through {len(faces)} faces")


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, generate, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
