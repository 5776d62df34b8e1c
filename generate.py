"""Draw new faces with a trained generator.

    python generate.py                                    # a grid of 64 faces, by default of the newest run
    python generate.py --count 48 --output faces.png      # named by you: an older faces.png is replaced
    python generate.py --run results/00001-soft --seeds 0-7,12 --truncation 0.7
    python generate.py --count 1000 --output faces/       # a folder: one file per face
    python generate.py --seeds 3,14,15 --output walk.gif  # a film from face to face
    python generate.py --latents latents.npz              # from saved z instead of seeds
    python generate.py --edit hair-dark=+2,turn=-1        # changed along directions that explore.py attributes found
    python generate.py --sex m --hair red --glasses yes   # faces that look as you ask
    python generate.py --count 16 --best-of 4             # of four times as many, those that are drawn best

A face is drawn from a latent vector z, and a seed is a number that determines a random z. With one run, a seed
is always the same face, whatever other faces are drawn with it.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.commands import run_script
from animefaces.options import option, within
from animefaces.problems import Misuse
from animefaces.words import counted
from drawing.choosing import (
    FACES,
    FEW,
    Chosen,
    alone,
    asked_looks,
    count_option,
    latents_option,
    look_option,
    run_option,
    scale_for,
    scale_option,
    seed_option,
    seeds_option,
    upscaler_option,
)
from drawing.outputs import FILMS, FOLDER, chosen_output, kept, output_option

MAX_FACES = 10_000_000
MAX_GRID = 10_000  # faces of one picture
MAX_FILM = 100  # faces of one film
MAX_TRIES = 100  # faces of which one is kept
FRAMES = 24  # of a film, from one face to the next
KINDS = {".png": "grid", **FILMS, FOLDER: "folder"}


@dataclass(frozen=True)
class Options:
    """What to draw, and where to."""

    run: Path | None = run_option()
    count: int = count_option(64, MAX_FACES)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    best_of: int = option(1, "draw N times as many faces, and keep those that are drawn best", within(1, MAX_TRIES),
                          group=FACES)  # fmt: skip
    truncation: float = option(1.0, "multiplies z: below 1 the faces are nearer to the mean face and less varied",
                               within(0, 2), group="how they look")  # fmt: skip
    edit: str | None = option(None, "attributes to change, and by how much, for example hair-dark=+2,turn=-1; one "
                              "unit is one standard deviation of the attribute", group="how they look")  # fmt: skip
    directions: Path | None = option(None, "file of the directions for --edit, as explore.py attributes writes it "
                                     "(default: the file beside the generator)", group="how they look")  # fmt: skip
    hair: str | None = look_option("hair")
    length: str | None = look_option("length")
    fringe: str | None = look_option("fringe")
    sex: str | None = look_option("sex")
    glasses: str | None = look_option("glasses")
    beard: str | None = look_option("beard")
    mouth: str | None = look_option("mouth")
    smile: str | None = look_option("smile")
    turn: str | None = look_option("turn")
    skin: str | None = look_option("skin")
    age: str | None = look_option("age")
    scale: int | None = scale_option()
    upscaler: Path | None = upscaler_option()
    output: str = output_option("faces.png", "FILE.png: one grid; FILE.gif, .webp or .mp4: a film; FOLDER/: one PNG "
                                "file per face", "where they go")  # fmt: skip


def generate(options: Options, given: set[str]) -> None:
    """Draw the faces that the options ask for."""
    output, kind = chosen_output(options.output, given, KINDS)
    alone(given, ("count", "seed"), ("seeds",), ("latents",))
    alone(given, ("best_of",), ("seeds",), ("latents",))
    if options.count * options.best_of > MAX_FACES:
        raise Misuse(f"--best-of {options.best_of} of {options.count:,} faces is too much: {MAX_FACES:,} can be drawn")
    if options.directions and not options.edit:
        raise Misuse("--directions does nothing without --edit: add --edit NAME=+2, or leave it out")
    if kind == "grid" and not options.latents and options.seeds is None and options.count > MAX_GRID:
        raise too_many(options.count)
    asked = asked_looks(options)
    if asked and kind == "film":
        raise Misuse(
            f"--{next(iter(asked))} is for pictures, not for films: name a FILE.png or a FOLDER/ with --output"
        )
    from drawing import enlarging
    from drawing.opening import open_generator, told

    generator = open_generator(options.run, options.latents, options.directions)
    shift = generator.shift(options.edit, options.directions)
    drawing = Drawing(generator, Chosen(options, generator.latent, MAX_FACES), options.truncation, shift)
    faces = len(drawing)
    if kind == "grid" and faces > MAX_GRID:
        raise too_many(faces)
    if kind == "film" and faces > MAX_FILM:
        raise Misuse(f"a film of {faces:,} faces is too long: give up to {MAX_FILM}, --seeds 0-7 for example")
    scale = scale_for(generator.shape[0], options.scale, faces if kind == "grid" else 1)
    drawing.enlarge = enlarging.Enlarger(scale, options.upscaler)
    told(generator)
    if kind == "folder" and options.seeds is not None:
        drawing.chosen.places = list(dict.fromkeys(drawing.chosen.places))  # a seed that is typed twice is one file
    if options.best_of > 1:
        drawing.chosen.places = range(options.seed, options.seed + faces * options.best_of)
    if asked:
        looking(drawing, asked, given)
    elif options.latents and kind != "film":
        again(drawing, options.latents)
    if options.best_of > 1:
        best_of(drawing, options.best_of)
    notes = {"run": generator.name, "truncation": options.truncation}
    notes |= {"edit": options.edit} if options.edit else {}
    notes |= asked
    {"grid": write_grid, "film": write_film, "folder": write_folder}[kind](drawing, output, notes)


def too_many(count: int) -> Misuse:
    """The error for a grid of too many faces."""
    return Misuse(f"{count:,} faces are too many for one picture: write one file per face with --output faces/")


class Drawing:
    """The chosen faces of a generator, drawn as they are needed: thousands need no more memory than a few."""

    def __init__(self, generator: Any, chosen: Chosen, truncation: float, shift: Any):
        """`truncation` multiplies z; then `shift` is added to it."""
        self.generator, self.chosen, self.truncation, self.shift = generator, chosen, truncation, shift
        # (faces, the place of the first one) -> the same faces, and what else is to be drawn onto them
        self.finish: Callable[[Any, int], Any] = lambda pixels, start: pixels
        self.enlarge: Callable[[Any], Any] = lambda pixels: pixels  # faces -> the same faces, larger

    def __len__(self) -> int:
        return len(self.chosen)

    def z(self, start: int = 0, stop: int | None = None) -> Any:
        """The latents of the faces from `start` to `stop`, float32 (n, latent)."""
        from animefaces import latents

        return latents.truncate(self.chosen.z(start, stop), self.truncation) + self.shift

    def of_seeds(self, seeds: Sequence[int]) -> Any:
        """The faces of any seeds, before anything is drawn onto them, uint8 (n, H, W, C)."""
        from animefaces import latents

        z = latents.from_seeds(seeds, self.generator.latent)
        return self.generator.draw(latents.truncate(z, self.truncation) + self.shift)

    def batches(self) -> Iterator[tuple[list[str], Any]]:
        """(names, pixels uint8 (n, H, W, C)) of some hundred faces at a time, with a progress bar."""
        from animefaces.progress import Bar
        from drawing.generator import AT_ONCE

        with Bar(total=len(self), desc="drawing", unit="face") as bar:
            for start in range(0, len(self), AT_ONCE):
                names = self.chosen.names(start, start + AT_ONCE)
                pixels = self.finish(self.generator.draw(self.z(start, start + AT_ONCE)), start)
                for place in range(0, len(names), FEW):  # to enlarge them takes longer than to draw them
                    part = slice(place, place + FEW)
                    yield names[part], self.enlarge(pixels[part])
                    bar.update(len(names[part]))


def looking(drawing: Drawing, asked: dict[str, str], given: set[str]) -> None:
    """Let faces look as the user asked: choose as many seeds that do, and draw onto them what fits any face."""
    from drawing import portraits

    searched = portraits.searched(asked)
    if searched and given & {"seeds", "latents"}:
        flag = "seeds" if "seeds" in given else "latents"
        raise Misuse(f"--{next(iter(searched))} chooses among the seeds from --seed on: leave it out, or --{flag}")
    if drawing.generator.shape[-1] != 3:
        raise Misuse(f"{drawing.generator.name} draws in grey, and looks are drawn in colour: leave out "
                     f"--{next(iter(asked))}")  # fmt: skip
    artist = portraits.Artist(asked)
    drawing.finish = artist.finish
    if searched:
        drawing.chosen.places = artist.find(drawing, searched, drawing.chosen.places[0], len(drawing))


def best_of(drawing: Drawing, tries: int) -> None:
    """Of the chosen seeds keep one in `tries`: the faces with the fewest flaws among those of their kind."""
    import numpy as np

    from animefaces.progress import Bar
    from drawing import flaws
    from drawing.networks import ROWS
    from drawing.reading import OF_DRAWINGS, open_reader

    if drawing.generator.shape[-1] != 3:
        raise Misuse(f"{drawing.generator.name} draws in grey, and flaws are looked for in colour: leave out --best-of")
    seeds, reader, flawed, kinds = drawing.chosen.places, open_reader(OF_DRAWINGS), [], []
    with Bar(total=len(seeds), desc="choosing", unit="face") as bar:
        for start in range(0, len(seeds), ROWS):
            drawn = drawing.of_seeds(seeds[start : start + ROWS])
            flawed.append(flaws.flaws(drawn))
            kinds.append(flaws.kinds(reader.read(drawn)))
            bar.update(len(drawn))
    kept = flaws.best_of(np.concatenate(flawed), np.concatenate(kinds), tries)
    drawing.chosen.places = [seeds[place] for place in kept]


def again(drawing: Drawing, path: Path) -> None:
    """Draw onto the faces of a file of latents what encode.py drew onto them, if it did."""
    from drawing.finishing import Finish, Finisher

    finish = Finish.read(path, len(drawing))
    if finish and drawing.generator.shape[-1] == 3:
        finisher = Finisher()
        drawing.finish = lambda pixels, start: finisher.finished(pixels, finish.part(start, start + len(pixels)))


def write_grid(drawing: Drawing, path: Path, notes: dict) -> None:
    """All faces in one PNG file."""
    import numpy as np

    from animefaces import images

    pixels = np.concatenate([pixels for _, pixels in drawing.batches()])
    images.save(path, images.grid(pixels), faces=" ".join(drawing.chosen.names()), **notes)
    print(f"{path}: {counted(len(drawing), 'face')}, {pixels.shape[2]}x{pixels.shape[1]} pixels each")


def write_folder(drawing: Drawing, folder: Path, notes: dict) -> None:
    """One PNG file per face."""
    from animefaces import images

    done = 0
    try:
        for names, pixels in drawing.batches():
            for name, face in zip(names, pixels, strict=True):
                images.save(folder / f"{name}.png", face, face=name, **notes)
                done += 1
    finally:
        print(f"{folder}/: {kept(done, len(drawing))}")


def write_film(drawing: Drawing, path: Path, notes: dict) -> None:
    """A film that goes from face to face and back to the first one, without an end."""
    from animefaces import images, latents
    from animefaces.progress import Bar

    frames = drawing.generator.draw(latents.loop(drawing.z(), FRAMES))
    larger = (drawing.enlarge(frame[None])[0] for frame in Bar(frames, desc="enlarging", unit="frame"))
    images.save_film(path, larger, seconds=0.04)
    print(f"{path}: a film through {counted(len(drawing), 'face')}")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, generate, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
