"""Directions in z that change one attribute each, for generate.py --edit; and what else each direction changes."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.files import check_output
from animefaces.problems import Problem
from animefaces.words import counted
from drawing.choosing import (
    Chosen,
    alone,
    count_option,
    latents_option,
    run_option,
    samples_option,
    seed_option,
    seeds_option,
)
from drawing.outputs import files
from drawing.viewing import as_judged, fresh, save_sheet, sheet_option, sheet_path

FOUND = 5  # directions of each unsupervised kind
MATRIX, DIRECTIONS = "-matrix.png", "-directions.npz"  # what follows the sheet's name in the names of further files
STRENGTHS = (-3, -2, -1, 0, 1, 2, 3)


@dataclass(frozen=True)
class Options:
    """Which faces to measure and to show."""

    run: Path | None = run_option()
    count: int = count_option(2)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    samples: int = samples_option(2000, "faces that are measured")
    output: str = sheet_option("attributes.png")


def show(options: Options, given: set[str]) -> None:
    """Find the directions, check them on other faces, and write them, a sheet and a matrix."""
    alone(given, ("count",), ("seeds",), ("latents",))
    output = sheet_path(options.output, given, MATRIX, DIRECTIONS)
    import numpy as np

    from animefaces import directions, plots, sheets
    from animefaces.attributes import measure
    from drawing.opening import open_generator, told

    generator = open_generator(options.run, options.latents)
    shown = Chosen(options, generator.latent).z()
    told(generator)
    file = directions_file(generator, options.run, files(output, [DIRECTIONS])[1])
    check_output(file, "--run")

    def measured(z, label):
        parts = [measure(pixels) for pixels in generator.batches(np.asarray(z, np.float32), label)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    z = fresh(generator, options.samples, 1_000_000 + options.seed)
    values = measured(z, "measuring")
    names, table = list(values), np.stack(list(values.values()), axis=1)
    rows, explained = directions.of_attributes(z, table)
    checked, spread = fresh(generator, 48, 2_000_000 + options.seed), np.maximum(table.std(axis=0), 1e-9)
    stacked = np.concatenate([checked + sign * row for row in rows for sign in (1, -1)])
    matrix = directions.effects(measured(stacked, "checking"), names, len(checked), spread)
    works = directions.that_work(matrix)
    print_matrix(names, matrix, explained, works)
    others = found(generator, z[:512])
    kept = [name for name, good in zip(names, works, strict=True) if good]
    rows = np.concatenate([rows[works], *others.values()])
    every = kept + [f"{kind}-{i + 1}" for kind, some in others.items() for i in range(len(some))]
    limits = reach(generator, rows, options.seed)
    directions.save(file, every, rows, limits, generator.mark)
    strips = [
        generator.drawn((shown[:, None] + np.outer(STRENGTHS, row)).reshape(-1, generator.latent)) for row in rows
    ]
    words = [f"{name}\nto {limit:g}" for name, limit in zip(every, limits, strict=True)]
    lines = [(word, with_gaps(strip, len(STRENGTHS))) for word, strip in zip(words, strips, strict=True)]
    heads = [f"{s:+d}" if s else "0" for s in STRENGTHS]
    save_sheet(output, sheets.rows(lines, ([*heads, ""] * len(shown))[:-1]), generator)
    chart = files(output, [MATRIX])[1]
    plots.matrix(chart, names, matrix)
    print(f"{chart}: what each direction changes besides")
    run = ["--run", str(options.run)] if options.run else []
    own = [] if file == directions.beside(generator.file) else ["--directions", str(file)]
    use = shlex.join(["python", "generate.py", *run, *own, "--edit", f"{every[0]}=+2"]) if every else ""
    print(f"{file}: {counted(len(every), 'direction')}{', to be used with ' * bool(use)}{use}")


def directions_file(generator: Any, run: Path | None, own: Path) -> Path:
    """--run, and a file beside the sheet -> where the directions go: beside the generator, where they are found.

    The shipped weights stay as they are unless --run names them: then the directions go to `own`.
    """
    from animefaces import directions, runs

    if run is None and generator.file.parent == runs.PRETRAINED:
        return own
    return directions.beside(generator.file)


def with_gaps(strip: Any, count: int) -> list[Any]:
    """Pictures -> a list of them with None after each `count`, but for the last."""
    parts = [[*strip[i : i + count], None] for i in range(0, len(strip), count)]
    return [picture for part in parts for picture in part][:-1]


def print_matrix(names: list[str], matrix: Any, explained: Any, works: Any) -> None:
    """The matrix in words: one line per direction."""
    print("what one step along a direction changes, in standard deviations of the attribute, mean over 48 new faces:\n")
    print(f"{'direction':<20}{'itself':>8}{'most of the others':>28}{'linear part':>14}")
    for i, name in enumerate(names):
        others = abs(matrix[i]).copy()
        others[i] = 0
        most = f"{names[others.argmax()]} {matrix[i, others.argmax()]:+.2f}" if len(names) > 1 else ""
        note = "" if works[i] else "   left out: it changes its attribute too little, or others too much"
        print(f"{name:<20}{matrix[i, i]:>8.2f}{most:>28}{explained[i]:>13.0%}{note}")
    print()


def found(generator: Any, z: Any) -> dict[str, Any]:
    """Directions that need no attribute: of the first linear map, and of a layer in the middle."""
    from animefaces import directions
    from models import inside
    from models.batches import in_batches

    network, kinds = generator.network.keras, {}
    kernel = inside.first_kernel(network)
    if kernel is not None:
        kinds["singular"] = directions.singular(kernel, min(FOUND, *kernel.shape))
    cuts = inside.cuts(network)
    if cuts:
        layer = next((n for n in cuts if network.get_layer(n).output.shape[1] >= 8), cuts[-1])
        seen = in_batches(inside.pooled(network, layer), z)
        kinds["principal"] = directions.principal(z, seen, min(FOUND, *seen.shape, generator.latent))
    return kinds


def reach(generator: Any, rows: Any, seed: int) -> Any:
    """Directions (K, D) -> the strength (K,) up to which faces still look right; 3 if there is no discriminator.

    A strength is right if the median of the discriminator's logits, in both directions, is at least the logit that a
    sixth of unchanged faces do not reach.
    """
    import numpy as np

    from drawing.opening import open_discriminator

    limits = np.full(len(rows), 3.0)
    try:
        judge = open_discriminator(generator)
    except Problem:
        return limits
    seen_by = as_judged(generator)

    def verdicts(z):  # a discriminator of patches gives several for each face
        return judge(seen_by(generator.drawn(z, "judging"))).mean(axis=1)

    z, tried = fresh(generator, 12, 3_000_000 + seed), (2, 3)
    usual = verdicts(fresh(generator, 96, 4_000_000 + seed))
    moved = np.concatenate([z + sign * strength * row for row in rows for strength in tried for sign in (1, -1)])
    logits = verdicts(moved.astype(np.float32)).reshape(len(rows), len(tried), 2, len(z))
    medians = np.median(logits, axis=3).min(axis=2)
    for i, good in enumerate(medians >= np.percentile(usual, 16)):
        limits[i] = next((s for s, right in zip((3, 2), good[::-1], strict=True) if right), 1)
    return limits
