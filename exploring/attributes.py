"""Edit directions: what they change, and how far they may go."""

import numpy as np

from animefaces import directions, plots, sheets
from animefaces.attributes import measure
from animefaces.images import to_network
from animefaces.problems import Problem
from models import inside

SAMPLES = 2000  # faces measured
FOUND = 5  # directions of each unsupervised kind
STRENGTHS = (-3, -2, -1, 0, 1, 2, 3)


def attributes(networks):
    """Directions that change one attribute each, and what they change besides; kept beside the generator."""

    def measured(z, label):
        parts = [measure(pixels) for pixels in networks.batches(np.asarray(z, np.float32), label)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    _, shown = networks.chosen()
    z = networks.fresh(networks.options.samples or SAMPLES, 1_000_000)
    values = measured(z, "measuring")
    names, values = list(values), np.stack(list(values.values()), axis=1)
    rows, explained = directions.of_attributes(z, values)
    checked, spread = networks.fresh(48, 2_000_000), np.maximum(values.std(axis=0), 1e-9)
    stacked = np.concatenate([checked + sign * row for row in rows for sign in (1, -1)])
    matrix = directions.effects(measured(stacked, "checking"), names, len(checked), spread)
    works = directions.that_work(matrix)
    print_matrix(names, matrix, explained, works)
    others = found(networks, z[:512])
    kept = [name for name, good in zip(names, works, strict=True) if good]
    rows = np.concatenate([rows[works], *others.values()])
    every = kept + [f"{kind}-{i + 1}" for kind, some in others.items() for i in range(len(some))]
    limits = reach(networks, rows)
    directions.save(directions.beside(networks.path), every, rows, limits)
    strips = [
        networks.draw((shown[:, None] + np.outer(STRENGTHS, row)).reshape(-1, networks.dimensions)) for row in rows
    ]
    words = [f"{name}\nto {limit:g}" for name, limit in zip(every, limits, strict=True)]
    lines = [(word, with_gaps(strip, len(STRENGTHS))) for word, strip in zip(words, strips, strict=True)]
    heads = [f"{s:+d}" if s else "0" for s in STRENGTHS]
    networks.report(sheets.rows(lines, ([*heads, ""] * len(shown))[:-1]))
    output = networks.output
    plots.matrix(output.with_name(f"{output.stem}-matrix.png"), names, matrix)
    print(f'{directions.beside(networks.path)}: {len(every)} directions, for generate.py --edit "{every[0]}=+2"')


def with_gaps(strip, count):
    """Pictures -> a list of them with None after each `count`, but for the last."""
    parts = [[*strip[i : i + count], None] for i in range(0, len(strip), count)]
    return [picture for part in parts for picture in part][:-1]


def print_matrix(names, matrix, explained, works):
    """The matrix in words: one line per direction."""
    print("one step along a direction changes, in spreads of the attribute, over 48 fresh faces:\n")
    print(f"{'direction':<20}{'itself':>8}{'most of the others':>28}{'linear part':>14}")
    for i, name in enumerate(names):
        others = abs(matrix[i]).copy()
        others[i] = 0
        most = f"{names[others.argmax()]} {matrix[i, others.argmax()]:+.2f}" if len(names) > 1 else ""
        note = "" if works[i] else "   left out: it does not do what it says, or not that alone"
        print(f"{name:<20}{matrix[i, i]:>8.2f}{most:>28}{explained[i]:>13.0%}{note}")
    print()


def found(networks, z):
    """Directions found without looking: of the first linear map, and of a layer in the middle."""
    generator, kinds = networks.generator, {}
    kernel = inside.first_kernel(generator)
    if kernel is not None:
        kinds["singular"] = directions.singular(kernel, min(FOUND, *kernel.shape))
    cuts = inside.cuts(generator)
    if cuts:
        layer = next((n for n in cuts if generator.get_layer(n).output.shape[1] >= 8), cuts[-1])
        seen = inside.apply(inside.pooled(generator, layer), z)
        kinds["principal"] = directions.principal(z, seen, min(FOUND, *seen.shape, networks.dimensions))
    return kinds


def reach(networks, rows):
    """Directions (K, D) -> the strength (K,) up to which faces still look right, 3 if there is no discriminator.

    Right: D's median logit, both ways, is no lower than that of one unchanged face in six.
    """
    limits = np.full(len(rows), 3.0)
    try:
        judge = networks.discriminator()
    except Problem:
        return limits
    z, tried = networks.fresh(12, 3_000_000), (2, 3)
    usual = inside.apply(judge, to_network(networks.draw(networks.fresh(96, 4_000_000), "judging")))
    moved = np.concatenate([z + sign * strength * row for row in rows for strength in tried for sign in (1, -1)])
    logits = inside.apply(judge, to_network(networks.draw(moved.astype(np.float32), "judging")))
    medians = np.median(logits.reshape(len(rows), len(tried), 2, len(z)), axis=3).min(axis=2)
    for i, good in enumerate(medians >= np.percentile(usual, 16)):
        limits[i] = next((s for s, right in zip((3, 2), good[::-1], strict=True) if right), 1)
    return limits
