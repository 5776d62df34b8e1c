"""Faces added and subtracted, as in the DCGAN paper: smiling woman - woman + man = smiling man.

Without --these it draws a numbered grid to choose faces from.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.options import option
from animefaces.problems import Misuse
from drawing.choosing import (
    MOST,
    Chosen,
    alone,
    count_option,
    latents_option,
    run_option,
    scale_for,
    scale_option,
    seed_option,
    seeds_option,
    upscaler_option,
)
from drawing.viewing import save_sheet, sheet_option, sheet_path

SIGNS = {"these": 1, "minus": -1, "plus": 1}
REACH = 0.43  # of the noise around the result. The paper adds U(-0.25, 0.25) to z of spread 0.58; here it is 1


@dataclass(frozen=True)
class Options:
    """Which faces to add."""

    run: Path | None = run_option()
    count: int = count_option(64)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    these: str | None = option(None, "numbers of faces; the sum starts with the mean of their z", group="the sum")
    minus: str | None = option(None, "numbers of faces; the mean of their z is subtracted", group="the sum")
    plus: str | None = option(None, "numbers of faces; the mean of their z is added", group="the sum")
    scale: int | None = scale_option()
    upscaler: Path | None = upscaler_option()
    output: str = sheet_option("arithmetic.png")


def show(options: Options, given: set[str]) -> None:
    """Write the sheet of the sum, or the grid to choose from."""
    alone(given, ("count",), ("seeds",), ("latents",))
    if (options.minus or options.plus) and not options.these:
        raise Misuse("--minus and --plus need --these to start from: give numbers of the numbered grid")
    output = sheet_path(options.output, given)
    import numpy as np

    from animefaces import latents, sheets
    from drawing.enlarging import Enlarger
    from drawing.opening import open_generator, told

    generator = open_generator(options.run, options.latents)
    chosen = Chosen(options, generator.latent)
    seeds, z = chosen.places, chosen.z()
    told(generator)

    def enlarger(faces):
        return Enlarger(scale_for(generator.shape[0], options.scale, faces), options.upscaler)

    if not options.these:
        sheet = sheets.numbered(enlarger(len(z))(generator.drawn(z)), seeds)
        save_sheet(output, sheet, generator, seeds=" ".join(map(str, seeds)))
        print(f"look at the grid, and choose among its numbers, for example: {example(options, seeds)}")
        return
    lines: list[Any] = []
    result: Any = 0
    for name, sign in SIGNS.items():
        if text := getattr(options, name):
            numbers = latents.parse_seeds(text, f"--{name}")
            if len(numbers) > MOST:
                raise Misuse(f"--{name} with {len(numbers):,} faces is too much: give up to {MOST:,}")
            rows = pick(seeds, z, numbers) if options.latents else latents.from_seeds(numbers, generator.latent)
            result = result + sign * rows.mean(axis=0)
            drawn = generator.drawn(np.concatenate([rows, rows.mean(axis=0, keepdims=True)]))
            lines.append((f"{'+-'[sign < 0]} {text}", [*drawn[:-1], None, drawn[-1]]))
    nine = generator.drawn(latents.around(result, 9, REACH, options.seed)).reshape(3, 3, *generator.shape)
    lines += [("=" if i == 1 else "", list(row)) for i, row in enumerate(nine)]
    enlarge = enlarger(sum(len(pictures) for _, pictures in lines))
    lines = [(text, [p if p is None else enlarge(p[None])[0] for p in pictures]) for text, pictures in lines]
    save_sheet(output, sheets.rows(lines), generator, these=options.these, minus=options.minus, plus=options.plus)


def example(options: Options, numbers: Any) -> str:
    """The numbers of a grid -> the command that adds its first faces up."""
    words = ["python", "explore.py", "arithmetic"]
    words += [part for flag in ("run", "latents") for path in [getattr(options, flag)] if path
              for part in (f"--{flag}", str(path))]  # fmt: skip
    third = max(1, min(3, len(numbers) // 3))
    for place, name in enumerate(SIGNS):
        if part := numbers[place * third : (place + 1) * third]:
            words += [f"--{name}", ",".join(map(str, part))]
    return shlex.join(words)


def pick(places: Any, z: Any, chosen: list[int]) -> Any:
    """The rows of --latents that were chosen by their place."""
    if max(chosen) >= len(places):
        raise Misuse(f"--latents has the faces 0 to {len(places) - 1}: there is no {max(chosen)}")
    return z[chosen]
