"""Measures of how similar faces are to the photos from which they were drawn.

Photos and faces have the same order: face i was drawn from photo i. docs/research/likeness.md says what each figure
means, and what it does not show.
"""

import numpy as np

from animefaces.colour import to_lab
from animefaces.metrics import squared_distances

BLOCK = 500  # most pictures whose colours are in memory at once
FOLDS = 10  # folds of the cross-validation
REPEATS = 4  # repetitions of the cross-validation, each with other folds
FEWEST = 8  # least number of true and of false labels: with fewer, the area under the curve is mostly chance
REFERENCE = 2000  # most drawn faces that are used only for measuring


def reference(count):
    """Number of drawn faces -> indices (R,) of the reference faces. R is a quarter of them, but at most REFERENCE."""
    return np.sort(np.random.default_rng(0).permutation(count)[: min(REFERENCE, count // 4)])


def layouts(pixels):
    """Pictures uint8 (N, S, S, 3), S a multiple of 16 -> layouts: (colours (N, 48), structures (N, 512)), float32.

    Colours are the means of Lab in a grid of 4x4 squares. Structures are the gradients of lightness between the means
    of a grid of 16x16 squares. The structure of each picture is scaled to length 1, because a drawing and a photo have
    different contrast.
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
    """(N, S, S, C), S a multiple of side -> (N, side, side, C): the means of a grid of squares."""
    n, size, _, channels = values.shape
    each = size // side
    return values.reshape(n, side, each, side * each, channels).mean(2).reshape(n, side, side, each, channels).mean(3)


def standardised(rows):
    """(N, D) -> (N, D): columns of mean 0 and standard deviation 1 over the finite rows; constant columns are 0."""
    known = rows[np.isfinite(rows).all(axis=1)]
    if not len(known):
        return rows
    spread = known.std(axis=0)
    return (rows - known.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)


def percentiles(faces, photos):
    """Rows of faces (N, D) and of their photos (N, D) -> (N,): % of the other photos that are further away.

    Chance gives 50; the best value is 100. Ties count half. Faces and photos are standardised separately, so that only
    the differences within each set count. If the row of a face or of its photo is not finite, the result for this face
    is nan, and other faces are not compared with this photo.
    """
    known = np.isfinite(faces).all(axis=1) & np.isfinite(photos).all(axis=1)
    result = np.full(len(faces), np.nan)
    if known.sum() > 1:
        squares = squared_distances(standardised(faces[known]), standardised(photos[known]))
        right = np.diag(squares)[:, None]
        near = 1e-9 * (1 + right)  # a tolerance for rounding errors
        further = (squares > right + near).sum(axis=1) + 0.5 * ((np.abs(squares - right) <= near).sum(axis=1) - 1)
        result[known] = 100 * further / (known.sum() - 1)
    return result


def nearest_layout(photos, faces, colour=2.0):
    """Layouts of photos and of faces, as `layouts` gives them -> the index of the most similar face for each photo.

    The distance is `colour` times the squared distance in colour plus the squared distance in structure, each divided
    by its mean.
    """
    total = 0
    for weight, ours, theirs in zip((colour, 1.0), photos, faces, strict=True):
        squares = squared_distances(standardised(ours), standardised(theirs))
        total = total + weight * squares / squares.mean()
    return total.argmin(axis=1)


def readable(features, labels, seed=0):
    """Features (N, D) and labels bool (N,) -> scores (R, N): the larger, the more likely the label is true.

    A ridge regression on standardised features gives the scores; its strength is the mean squared length of a row. It
    is cross-validated: the score of a row comes from a regression that has not seen its label. This is repeated
    R = REPEATS times with other folds. All scores are nan if there are fewer than FEWEST true or false labels.
    """
    scores = np.full((REPEATS, len(labels)), np.nan)
    if min(np.sum(labels), np.sum(~labels)) < FEWEST:
        return scores
    rows = standardised(features.astype(np.float64))
    products = rows @ rows.T
    strength, rng = max(np.trace(products) / len(rows), 1e-9), np.random.default_rng(seed)
    for repeat in scores:
        fold = np.empty(len(rows), int)
        for kind in (labels, ~labels):  # every fold has the same share of each kind
            fold[rng.permutation(np.flatnonzero(kind))] = np.arange(kind.sum()) % FOLDS
        for i in range(FOLDS):
            seen, new = fold != i, fold == i
            target = labels[seen] - labels[seen].mean()
            weights = np.linalg.solve(products[np.ix_(seen, seen)] + strength * np.eye(seen.sum()), target)
            repeat[new] = products[np.ix_(new, seen)] @ weights
    return scores


def roc_area(scores, labels):
    """Scores (N,) and labels bool (N,) -> the area under the ROC curve; 0.5 is guessing.

    It is the probability that the score of a true row is larger than the score of a false row; ties count half. It is
    nan if there are fewer than FEWEST true or false labels.
    """
    true, false = np.sort(scores[labels]), np.sort(scores[~labels])
    if min(len(true), len(false)) < FEWEST or not np.isfinite(scores).all():
        return float("nan")
    below = np.searchsorted(false, true, side="left") + np.searchsorted(false, true, side="right")
    return float(below.mean() / 2 / len(false))


def prior_fit(z, seed=0):
    """Codes z (N, D) -> a dict of figures that say how similar they are to samples of N(0, I).

    `shell`: share of the codes whose length is in the range of 99 % of samples. `spread`: median distance to the
    nearest other code, divided by that of N samples; it is below 1 if the codes form clusters. `mean` and `deviation`:
    root mean square of the means and of the standard deviations of the dimensions; 0 and 1 for infinitely many samples.
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
