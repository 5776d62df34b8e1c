"""Measures of how different two sets of faces are. They take features: float arrays (N, D), one row per face.

Pairs of rows are compared in blocks, so that 10,000 x 10,000 pairs need little memory. The arithmetic has the precision
of the features, unless a docstring says otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

BLOCK = 1000  # most rows in a block
PAIRS = 4_000_000  # most pairs of rows whose distances are in memory at once
MATES = 500  # most things among which `mismatch` looks for a partner
SLIGHT = 0.03  # variance that `mismatch` takes for none, as a share of that of a feature
PARTS = 10  # least parts of a set for the standard error of the kernel distance


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) -> (mean (D,), unbiased covariance (D, D)), computed in float64. N must be 2 or more."""
    mean = np.asarray(np.mean(features, axis=0, dtype=np.float64))
    scatter = np.zeros((len(mean), len(mean)))
    for start in range(0, len(features), BLOCK):
        centred = features[start : start + BLOCK] - mean
        scatter += centred.T @ centred
    return mean, scatter / (len(features) - 1)


def frechet_distance(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray
) -> float:
    """Mean (D,) and covariance (D, D) of two Gaussians -> their squared 2-Wasserstein distance, 0 or more.

    |m - n|^2 + tr(C) + tr(D) - 2 tr(sqrt(C D)) (Dowson & Landau 1982; Heusel et al. 2017). With C = A A' and D = B B',
    the last trace is the sum of the singular values of A' B. This is exact and real for singular covariances too, where
    the square root of the matrix is neither. With fewer faces than features, the covariances are always singular.
    """
    shared = np.linalg.svd(_factor(covariance).T @ _factor(other_covariance), compute_uv=False).sum()
    apart = mean - other_mean
    return max(0.0, float(apart @ apart + np.trace(covariance) + np.trace(other_covariance) - 2 * shared))


def _factor(covariance):
    """C (D, D) -> A (D, rank) with C = A A'."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(values.dtype).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def kernel_distance(features: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Features (N, D) and (M, D), 3 rows or more each -> (kernel distance, its standard error).

    The kernel distance is the unbiased squared MMD with the kernel (x.y / D + 1)^3 (Binkowski et al. 2018). For two
    samples of the same distribution it is about 0, and below 0 as often as above. It uses all pairs of rows, so it
    varies less than a mean over subsets. The standard error is a jackknife estimate: one part of the sets after
    the other is left out.
    """
    count = max(PARTS, -(-max(len(features), len(others)) // BLOCK))
    count = min(count, len(features), len(others))
    xs, ys, parts = np.array_split(features, count), np.array_split(others, count), np.arange(count)
    counts = np.array([[len(x) for x in xs], [len(y) for y in ys]])
    within, among, between = _kernel_sums(xs), _kernel_sums(ys), _kernel_sums(xs, ys)

    def value(parts):
        chosen = np.ix_(parts, parts)
        m, n = counts[:, parts].sum(axis=1)
        alike = within[chosen].sum() / (m * (m - 1)) + among[chosen].sum() / (n * (n - 1))
        return float(alike - 2 * between[chosen].sum() / (m * n))

    without = [value(np.delete(parts, i)) for i in parts]
    return value(parts), float(np.std(without) * np.sqrt(len(parts) - 1))


def _kernel_sums(parts, others=None):
    """Two lists of P arrays (N, D) -> (P, P) float64: the sums of the kernel over the pairs of rows.

    With one list, both rows of a pair come from this list, and a row is not paired with itself.
    """
    sums = np.array([[_kernel(x @ y.T, x).sum(dtype=np.float64) for y in others or parts] for x in parts])
    if others is None:
        own = [_kernel(np.einsum("nd,nd->n", x, x), x).sum(dtype=np.float64) for x in parts]
        sums -= np.diag(own)
    return sums


def _kernel(products, rows):
    base = products / rows.shape[1] + 1
    return base * base * base  # ten times as fast as ** 3


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Features of real faces (N, D) and of fake faces (M, D), more than k rows each -> (precision, recall), in [0, 1].

    Precision is the share of the fake faces that are near the real ones; recall is the share of the real faces that are
    near the fake ones. A face is near a set if its distance to some row of the set is not larger than the distance of
    this row to its k-th nearest neighbour in the set (Kynkäänniemi et al. 2019).
    """
    real_reach, fake_reach = _reach(real, k), _reach(fake, k)
    precise, recalled = 0, np.zeros(len(real), bool)
    for rows, squares in _squared_distances(fake, real):
        precise += int(np.count_nonzero((squares <= real_reach).any(axis=1)))
        recalled |= (squares <= fake_reach[rows, None]).any(axis=0)
    return float(precise / len(fake)), float(recalled.mean())


def _reach(features, k):
    """(N, D) -> (N,): the squared distance of each row to its k-th nearest other row."""
    reach = np.empty(len(features), features.dtype)
    for part, squares in _squared_distances(features, features):
        reach[part] = np.partition(squares, k)[:, k]  # place 0 is the row itself
    return reach


def mismatch(left: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Features of N things and of their partners, (N, D) each, N > 1 -> how often others match better, in [0, 1].

    For each of the 2 N things it is the share of the other N - 1 partners that are nearer to it than its own. These
    are the mean, and its standard error. 0: all match best. 0.5: it is as if they were shuffled. The distance is that
    of Mahalanobis, by the covariance of all the features. Things are compared in groups of at most MATES.
    """
    both = np.concatenate([left, right]).astype(np.float64)
    both = (both - both.mean(axis=0)) / (both.std(axis=0) + 1e-6)
    squares, directions = np.linalg.eigh(np.cov(both.T) + SLIGHT * np.eye(both.shape[1]))
    both = both @ (directions / np.sqrt(squares))
    better = np.zeros(len(left))
    for group in np.array_split(np.arange(len(left)), -(-len(left) // MATES)):
        distances = squared_distances(both[group], both[len(left) + group])
        own = np.diag(distances)
        closer = (distances < own).sum(axis=0) + (distances < own[:, None]).sum(axis=1)
        better[group] = closer / (2 * max(1, len(group) - 1))
    return float(better.mean()), float(better.std() / np.sqrt(len(left)))


def compare(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Features of real faces (N, D) and of fake faces (M, D) -> a dict of all the measures above."""
    distance, error = kernel_distance(real, fake)
    precision, recall = precision_recall(real, fake)
    return {
        "frechet_distance": frechet_distance(*moments(real), *moments(fake)),
        "kernel_distance": distance, "kernel_error": error, "precision": precision, "recall": recall,
    }  # fmt: skip


# The rows that evaluate.py prints: the name of a measure, and a function from the result of `compare`, and from that of
# `mismatch` for eyes, None for grey faces, to text.
SHOWN: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Fréchet distance": lambda x: f"{x['frechet_distance']:.4g}",
    "kernel distance x1000": lambda x: f"{1000 * x['kernel_distance']:.3g} +- {1000 * x['kernel_error']:.3g}",
    "precision": lambda x: f"{x['precision']:.3f}",
    "recall": lambda x: f"{x['recall']:.3f}",
    "another eye fits better": lambda x: "" if x["eye_mismatch"] is None else f"{100 * x['eye_mismatch']:.1f} %",
}


def nearest(queries: np.ndarray, rows: np.ndarray, others: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Queries (N, D) and rows (M, D) -> the nearest row of each query: (indices (N,), distances (N,)).

    With `others`, query i must be row i, and the result is the nearest of the other rows.
    """
    indices = np.empty(len(queries), np.int64)
    distances = np.empty(len(queries), np.float64)
    for part, squares in _squared_distances(queries, rows):
        if others:
            squares[np.arange(len(squares)), np.arange(len(queries))[part]] = np.inf
        indices[part] = squares.argmin(axis=1)
        # Computed again, because the squares are inexact differences of large numbers. A copy must have distance 0.
        distances[part] = np.linalg.norm(queries[part] - rows[indices[part]], axis=1)
    return indices, distances


def squared_distances(features: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, D) and (M, D) -> the squared distances of all pairs (N, M), float64. All pairs must fit in memory."""
    pairs = _squared_distances(features.astype(np.float64), others.astype(np.float64))
    return np.concatenate([np.empty((0, len(others))), *(squares for _, squares in pairs)])


def _squared_distances(features, others):
    """Two sets of features -> for each block of `features` (slice of its rows, their squared distances to `others`)."""
    lengths = np.einsum("nd,nd->n", others, others)
    rows = max(1, min(BLOCK, PAIRS // max(len(others), 1)))
    for start in range(0, len(features), rows):
        part = slice(start, min(start + rows, len(features)))
        block = features[part]
        squares = block @ others.T
        squares *= -2
        squares += lengths
        squares += np.einsum("nd,nd->n", block, block)[:, None]
        yield part, np.maximum(squares, 0, out=squares)


def thumbnails(pictures: np.ndarray, cells: int = 16) -> np.ndarray:
    """Pictures uint8 (N, H, W, C) -> float32 (N, cells * cells * C): the means of a grid of cells.

    Distances between thumbnails are a fast first test of which pictures are alike.
    """
    n, height, width, _ = pictures.shape
    y, x = (np.arange(side) * cells // side for side in (height, width))
    sums = np.add.reduceat(np.float32(pictures), np.flatnonzero(np.diff(y, prepend=-1)), axis=1)
    sums = np.add.reduceat(sums, np.flatnonzero(np.diff(x, prepend=-1)), axis=2)
    return sums.reshape(n, -1) / (height * width / (len(set(y)) * len(set(x))))
