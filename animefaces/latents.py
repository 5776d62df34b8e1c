"""Latent vectors: float32 (N, D), drawn from N(0, I). Mathematics on arrays only."""

import numpy as np


def from_seeds(seeds, dimensions):
    """Whole numbers >= 0 -> z, float32 (N, dimensions). A seed is the same z in any company."""
    rows = [np.random.default_rng(int(seed)).standard_normal(dimensions, np.float32) for seed in seeds]
    return np.stack(rows) if rows else np.empty((0, dimensions), np.float32)


def truncate(z, amount):
    """Draw z towards the mean face: 1 leaves it, 0 is the mean itself. Less variety, fewer bad faces."""
    return np.asarray(z, np.float32) * np.float32(amount)


def slerp(a, b, t):
    """From a (t = 0) to b (t = 1) along the arc: (D,), (D,), t (T,) -> (T, D).

    The direction turns at a constant rate and the length changes in proportion (Shoemake 1985), so
    that every step is as likely under N(0, I) as its ends; the straight line would pass through
    unlikely short vectors. Opposite or zero vectors have no arc: those go straight.
    """
    a, b, t = np.asarray(a, np.float64), np.asarray(b, np.float64), np.asarray(t, np.float64)[:, None]
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    straight = (1 - t) * a + t * b
    if length_a == 0 or length_b == 0:
        return straight.astype(np.float32)
    u, v = a / length_a, b / length_b
    angle = np.arccos(np.clip(u @ v, -1, 1))
    if np.sin(angle) < 1e-6:
        return straight.astype(np.float32)
    direction = (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    return (direction * ((1 - t) * length_a + t * length_b)).astype(np.float32)


def loop(z, steps):
    """A closed walk through the rows of z (N, D), `steps` frames from each to the next -> (N * steps, D)."""
    t = np.arange(steps) / steps
    return np.concatenate([slerp(z[i], z[(i + 1) % len(z)], t) for i in range(len(z))])
