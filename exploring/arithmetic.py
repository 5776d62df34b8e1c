"""Faces added and subtracted, as in the DCGAN paper: smiling woman - woman + man = smiling man.

Without --these it draws a numbered grid to choose faces from.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.options import option
from animefaces.problems import Misuse
from drawing.choosing import Chosen, alone, count_option, latents_option, run_option, seed_option, seeds_option
from drawing.viewing import check_png, save_sheet, sheet_option

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
    these: str | None = option(None, "seeds of faces; the sum starts with the mean of their z", group="the sum")
    minus: str | None = option(None, "seeds of faces; the mean of their z is subtracted", group="the sum")
    plus: str | None = option(None, "seeds of faces; the mean of their z is added", group="the sum")
    output: Path = sheet_option("arithmetic.png")


def show(options: Options, given: set[str]) -> None:
    """Write the sheet of the sum, or the grid to choose from."""
    alone(given, ("count",), ("seeds",), ("latents",))
    check_png(options.output)
    import numpy as np

    from animefaces import latents, sheets
    from drawing.opening import open_generator, told

    generator = open_generator(options.run)
    chosen = Chosen(options, generator.latent)
    seeds, z = chosen.places, chosen.z()
    told(generator, options.run)
    if not (options.these or options.minus or options.plus):
        sheet = sheets.numbered(generator.drawn(z), seeds)
        save_sheet(options.output, sheet, generator, seeds=" ".join(map(str, seeds)))
        print("choose among these numbers: --these 1,2,3 --minus 4,5,6 --plus 7,8,9")
        return
    if not options.these:
        raise Misuse("--minus and --plus need --these to start from: give seeds from the numbered grid")
    lines: list[Any] = []
    result: Any = 0
    for name, sign in SIGNS.items():
        if text := getattr(options, name):
            numbers = latents.parse_seeds(text, f"--{name}")
            rows = pick(seeds, z, numbers) if options.latents else latents.from_seeds(numbers, generator.latent)
            result = result + sign * rows.mean(axis=0)
            drawn = generator.drawn(np.concatenate([rows, rows.mean(axis=0, keepdims=True)]))
            lines.append((f"{'+-'[sign < 0]} {text}", [*drawn[:-1], None, drawn[-1]]))
    nine = generator.drawn(latents.around(result, 9, REACH, options.seed)).reshape(3, 3, *generator.shape)
    lines += [("=" if i == 1 else "", list(row)) for i, row in enumerate(nine)]
    save_sheet(
        options.output, sheets.rows(lines), generator, these=options.these, minus=options.minus, plus=options.plus
    )


def pick(places: Any, z: Any, chosen: list[int]) -> Any:
    """The rows of --latents that were chosen by their place."""
    if max(chosen) >= len(places):
        raise Misuse(f"--latents has faces 0 to {len(places) - 1}: there is no {max(chosen)}")
    return z[chosen]
