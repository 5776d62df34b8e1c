"""How much of a photo is left in the face drawn from it: mathematics on arrays only.

Two aligned sets throughout: row i of the faces was drawn from row i of the photos. docs/research/likeness.md says what
each figure tells, and what it cannot.
"""

import numpy as np

from animefaces.colour import to_lab
from animefaces.metrics import squared_distances

BLOCK = 500  # pictures whose colours stand in memory at once
FOLDS = 10  # of the cross-validation
REPEATS = 4  # of it, each with other folds
FEWEST = 8  # of either kind: of fewer, an area under the curve is mostly chance
REFERENCE = 2000  # drawn faces that are kept for measuring


def reference(count):
    """A number of drawn faces -> the indices (R,) of those to measure against: a quarter of them, or REFERENCE."""
    return np.sort(np.random.default_rng(0).permutation(count)[: min(REFERENCE, count // 4)])


def layouts(pixels):
    """uint8 (N, S, S, 3), S a multiple of 16 -> (colours (N, 48), structures (N, 512)), float32.

    Colours: Lab, averaged over 4x4 squares. Structures: the gradients of lightness, averaged over 16x16 squares,
    of each picture scaled to length 1, since a drawing has other contrasts than a photo.
    """
    colours, structures = [np.empty((0, 48), np.float32)], [np.empty((0, 512), np.float32)]
    for start in range(0, len(pixels), BLOCK):
        part = pixels[start : start + BLOCK]
        small = averaged(to_lab(part), 16)
        colours.append(averaged(small, 4).reshape(len(part), -1))
        gradients = np.stack(np.gradient(small[..., 0], axis=(1, 2)), axis=1).reshape(len(part), -1)
        structures.append(gradients / np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1e-6))
    return np.concatenate(colours), np.concatenate(structures)


def averaged(values, side):
    """(N, S, S, C) -> (N, side, side, C), the means over squares."""
    n, size, _, channels = values.shape
    each = size // side
    return values.reshape(n, side, each, side * each, channels).mean(2).reshape(n, side, side, each, channels).mean(3)


def standardised(rows):
    """(N, D) -> each column with mean 0 and deviation 1 over the rows that are known; constant columns become 0."""
    known = rows[np.isfinite(rows).all(axis=1)]
    if not len(known):
        return rows
    spread = known.std(axis=0)
    return (rows - known.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)


def percentiles(faces, photos):
    """(N, D) of faces and of their photos -> (N,): the share of the other photos that are further from a face, in %.

    Each side is standardised over its own set, so that only what differs within a set counts: chance 50, perfect
    100. Ties count half. Where a row of either side is not finite the answer is nan, and nobody is ranked against it.
    """
    known = np.isfinite(faces).all(axis=1) & np.isfinite(photos).all(axis=1)
    result = np.full(len(faces), np.nan)
    if known.sum() > 1:
        squares = squared_distances(standardised(faces[known]), standardised(photos[known]))
        right = np.diag(squares)[:, None]
        near = 1e-9 * (1 + right)  # rounding makes no difference
        further = (squares > right + near).sum(axis=1) + 0.5 * ((np.abs(squares - right) <= near).sum(axis=1) - 1)
        result[known] = 100 * further / (known.sum() - 1)
    return result


def nearest_layout(photos, faces, colour=2.0):
    """Layouts of photos and of faces, as `layouts` gives them -> for each photo, the index of the likest face (N,).

    The squared distances in colour and in structure, each divided by its mean, are added, `colour` times the one.
    """
    total = 0
    for weight, ours, theirs in zip((colour, 1.0), photos, faces, strict=True):
        squares = squared_distances(standardised(ours), standardised(theirs))
        total = total + weight * squares / squares.mean()
    return total.argmin(axis=1)


def readable(features, labels, seed=0):
    """Features (N, D) and labels bool (N,) -> scores (R, N): how likely each row's label is true, from other rows.

    Ridge regression on standardised features, its strength the mean squared length of a row; cross-validated: a row's
    score comes from a regression that has not seen its label. R times with other folds. All nan without FEWEST of
    either kind.
    """
    scores = np.full((REPEATS, len(labels)), np.nan)
    if min(np.sum(labels), np.sum(~labels)) < FEWEST:
        return scores
    rows = standardised(features.astype(np.float64))
    products = rows @ rows.T
    strength, rng = max(np.trace(products) / len(rows), 1e-9), np.random.default_rng(seed)
    for repeat in scores:
        fold = np.empty(len(rows), int)
        for kind in (labels, ~labels):  # as many of each kind in every fold
            fold[rng.permutation(np.flatnonzero(kind))] = np.arange(kind.sum()) % FOLDS
        for i in range(FOLDS):
            seen, new = fold != i, fold == i
            target = labels[seen] - labels[seen].mean()
            weights = np.linalg.solve(products[np.ix_(seen, seen)] + strength * np.eye(seen.sum()), target)
            repeat[new] = products[np.ix_(new, seen)] @ weights
    return scores


def roc_area(scores, labels):
    """Scores (N,) and labels bool (N,) -> the chance that a true one's score is above a false one's, ties half.

    That is the area under the ROC curve: 0.5 by guessing. nan without FEWEST of either kind.
    """
    true, false = np.sort(scores[labels]), np.sort(scores[~labels])
    if min(len(true), len(false)) < FEWEST or not np.isfinite(scores).all():
        return float("nan")
    below = np.searchsorted(false, true, side="left") + np.searchsorted(false, true, side="right")
    return float(below.mean() / 2 / len(false))


def prior_fit(z, seed=0):
    """Codes (N, D), which should look like draws from N(0, I) -> a dict of what they look like.

    `shell`: share with a length that 99 % of draws have. `spread`: median distance to the nearest other code, divided
    by that of as many draws: below 1 they cluster. `mean` and `deviation`: root mean square over dimensions of the
    mean and of the deviation of a dimension, 0 and 1 for draws without end.
    """
    z, rng = np.asarray(z, np.float64), np.random.default_rng(seed)
    low, high = np.quantile(rng.chisquare(z.shape[1], 400_000), [0.005, 0.995])
    squares = np.sum(z**2, axis=1)

    def nearest(codes):
        distances = squared_distances(codes, codes)
        np.fill_diagonal(distances, np.inf)
        return np.median(np.sqrt(np.maximum(distances.min(axis=1), 0)))

    return {
        "shell": float(np.mean((low <= squares) & (squares <= high))),
        "spread": float(nearest(z) / nearest(rng.standard_normal(z.shape))) if len(z) > 1 else float("nan"),
        "mean": float(np.sqrt(np.mean(z.mean(axis=0) ** 2))),
        "deviation": float(np.sqrt(np.mean(z.var(axis=0)))),
    }
