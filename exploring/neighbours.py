"""Copies, mode collapse, and hair colours that are never drawn: generated faces beside the training faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.problems import Problem
from drawing.choosing import count_option, run_option, samples_option, seed_option
from drawing.viewing import (
    as_judged,
    cache_option,
    choose_layer,
    data_option,
    fresh,
    save_sheet,
    sheet_option,
    sheet_path,
    training_faces,
)

LIKELY = 60  # training faces that are compared by features, for each drawn face


@dataclass(frozen=True)
class Options:
    """How many faces to compare, with which."""

    run: Path | None = run_option()
    data: tuple[Path, ...] | None = data_option()
    cache: Path = cache_option()
    count: int = count_option(12)
    seed: int = seed_option()
    samples: int = samples_option(1000, "faces of each kind that are compared")
    output: str = sheet_option("neighbours.png")


def show(options: Options, given: set[str]) -> None:
    """Write a sheet of drawn faces, each above the training faces that are most like it."""
    output = sheet_path(options.output, given)
    import numpy as np

    from animefaces import metrics, sheets
    from drawing.opening import open_discriminator, open_generator, told
    from models import inside
    from models.batches import in_batches

    generator = open_generator(options.run)
    faces, judge = training_faces(generator, options.data, options.cache), open_discriminator(generator).keras
    told(generator)
    names = inside.feature_layers(judge)
    pooled = inside.pooled(judge, choose_layer(judge, names, None, names[-1] if names else None)[0])
    seen_by = as_judged(generator)

    def features(pixels):
        return in_batches(pooled, seen_by(pixels))

    order = np.random.default_rng(options.seed).permutation(len(faces))
    count, shown = min(options.samples, len(faces)), options.count
    if count < 2:
        raise Problem("a single training face has no neighbours: give more faces with --data")
    drawn = generator.drawn(fresh(generator, max(count, shown), options.seed))
    real = faces[order[:count]]
    rows = [features(pixels) for pixels in (drawn, real)]
    near = closest(faces, drawn[:shown], rows[0][:shown], features)
    pairs = []
    for words, pixels, own in (("drawn", drawn, rows[0]), ("real", real, rows[1])):
        indices, distances = metrics.nearest(own[:count], own[:count], others=True)
        i = int(distances.argmin())
        pairs += [pixels[i], pixels[indices[i]], None]
        print(f"most alike of {count:,} {words:<6} faces: distance {distances[i]:.3g}; median to the nearest "
              f"{np.median(distances):.3g}")  # fmt: skip
    lines = [("drawn", list(drawn[:shown]))]
    lines += [
        (word, [faces[[k]][0] for k in near[:, j]])
        for j, word in enumerate(("nearest", "second", "third")[: near.shape[1]])
    ]
    save_sheet(output, sheets.rows([*lines, ("most alike:\ndrawn, real", pairs[:-1])]), generator)
    if faces.shape[-1] == 3:
        print_hair(faces, order, drawn)


def closest(faces: Any, drawn: Any, rows: Any, features: Any) -> Any:
    """Indices (N, 3) of the training faces that are most like each drawn face (N, H, W, C).

    LIKELY faces are chosen by thumbnails, and of these three by features; `rows` are the features of the drawn faces.
    """
    import numpy as np

    from animefaces import metrics
    from animefaces.progress import Bar
    from drawing.networks import ROWS

    small, distances = metrics.thumbnails(drawn), []
    for i in Bar(range(0, len(faces), 10 * ROWS), desc="searching", unit="batch"):
        part = metrics.thumbnails(faces[np.arange(i, min(i + 10 * ROWS, len(faces)))])
        distances.append(np.linalg.norm(small[:, None] - part[None], axis=2))
    likely = np.argsort(np.concatenate(distances, axis=1), axis=1, kind="stable")[:, :LIKELY]
    near = []
    for row, candidates in zip(rows, likely, strict=True):
        apart = np.linalg.norm(features(faces[candidates]) - row, axis=1)
        near.append(candidates[np.argsort(apart, kind="stable")[:3]])
    return np.stack(near)


def print_hair(faces: Any, order: Any, drawn: Any) -> None:
    """Print the shares of hair colours in training faces and in drawn faces, and how far they overlap."""
    import numpy as np

    from animefaces import attributes as measures
    from animefaces.colour import to_lab

    def shares(pixels):
        names = measures.colour_names(measures.hair_colour(to_lab(pixels)))
        return np.bincount(names, minlength=len(measures.COLOURS)) / len(names)

    half = min(len(order) // 2, len(drawn))
    one, two, ours = shares(faces[order[:half]]), shares(faces[order[half : 2 * half]]), shares(drawn)
    print(f"\n{'hair':<10}{'training':>10}{'drawn':>10}")
    for name, known, new in zip(measures.COLOURS, (one + two) / 2, ours, strict=True):
        print(f"{name:<10}{known:>10.1%}{new:>10.1%}")
    print(f"overlap with {half:,} training faces: drawn {measures.coverage(one, ours):.1%}, "
          f"other training faces {measures.coverage(one, two):.1%}")  # fmt: skip
