"""Copies, collapse, and what is never drawn."""

import numpy as np
from tqdm import tqdm

from animefaces import attributes as measures
from animefaces import metrics, sheets
from animefaces.images import to_network
from animefaces.problems import Problem
from exploring.networks import AT_ONCE, COUNTS, choose_layer
from models import inside

SAMPLES = 1000  # faces compared


def neighbours(networks):
    """Nearest training faces of generated ones, the most alike among a thousand, and hair colours never drawn."""
    options, faces, judge = networks.options, networks.faces(), networks.discriminator()
    seen = inside.pooled(judge, choose_layer(inside.feature_layers(judge), None, -1))
    order = np.random.default_rng(options.seed).permutation(len(faces))
    count, shown = min(options.samples or SAMPLES, len(faces)), options.count or COUNTS["neighbours"]
    if count < 2:
        raise Problem(f"{len(faces)} training face has no neighbours: give more with --data")
    drawn = networks.draw(networks.fresh(max(count, shown), 0))
    real = faces[order[:count]]
    rows = [inside.apply(seen, to_network(pixels)) for pixels in (drawn, real)]
    near = closest(faces, drawn[:shown], rows[0][:shown], lambda pixels: inside.apply(seen, to_network(pixels)))
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
    networks.report(sheets.rows([*lines, ("most alike:\ndrawn, real", pairs[:-1])]))
    if faces.shape[-1] == 3:
        print_hair(faces, order, drawn)


def closest(faces, drawn, rows, features):
    """The three training faces (N, 3) most like each drawn one: 60 by small pictures, of these three by features."""
    small, distances = metrics.thumbnails(drawn), []
    for i in tqdm(range(0, len(faces), 10 * AT_ONCE), desc="searching", unit="batch", disable=None):
        part = metrics.thumbnails(faces[np.arange(i, min(i + 10 * AT_ONCE, len(faces)))])
        distances.append(np.linalg.norm(small[:, None] - part[None], axis=2))
    likely = np.argsort(np.concatenate(distances, axis=1), axis=1, kind="stable")[:, :60]
    near = []
    for row, candidates in zip(rows, likely, strict=True):
        apart = np.linalg.norm(features(faces[candidates]) - row, axis=1)
        near.append(candidates[np.argsort(apart, kind="stable")[:3]])
    return np.stack(near)


def print_hair(faces, order, drawn):
    """Shares of hair colours in training faces and in drawn ones, and how far they overlap."""

    def shares(pixels):
        names = measures.colour_names(measures.hair_colour(measures.to_lab(pixels)))
        return np.bincount(names, minlength=len(measures.COLOURS)) / len(names)

    half = min(len(order) // 2, len(drawn))
    one, two, ours = shares(faces[order[:half]]), shares(faces[order[half : 2 * half]]), shares(drawn)
    print(f"\n{'hair':<10}{'training':>10}{'drawn':>10}")
    for name, known, new in zip(measures.COLOURS, (one + two) / 2, ours, strict=True):
        print(f"{name:<10}{known:>10.1%}{new:>10.1%}")
    print(f"overlap with {half:,} training faces: drawn {measures.coverage(one, ours):.1%}, "
          f"other training faces {measures.coverage(one, two):.1%}")  # fmt: skip
