"""Latent vectors: float32 (N, D), drawn from N(0, I) or read from a file, and mathematics on them."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from animefaces.problems import Misuse, Problem

MAX_SEEDS = 10_000_000


def parse_seeds(text: str, flag: str = "--seeds") -> list[int]:
    """ "0-7,12" -> [0, 1, ..., 7, 12]. Raises Misuse."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if last < first or len(seeds) + last - first >= MAX_SEEDS:
            raise Misuse(f"{flag} {text} cannot be read: write numbers and ranges like 0-7,12")
        seeds.extend(range(first, last + 1))
    return seeds


def read(path: Path, dimensions: int) -> np.ndarray:
    """An .npz with an array `z` -> float32 (N, dimensions). Raises Problem."""
    try:
        with np.load(path, allow_pickle=False) as file:
            z = np.asarray(file["z"], np.float32)
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as fault:
        raise Problem(f"{path} holds no array z: write it with numpy.savez(path, z=...)") from fault
    if z.ndim != 2 or z.shape[1] != dimensions or not len(z) or not np.isfinite(z).all():
        raise Problem(f"{path} has z of shape {z.shape}: this generator takes finite numbers (N, {dimensions})")
    return z


def from_seeds(seeds: Iterable[int], dimensions: int) -> np.ndarray:
    """Whole numbers >= 0 -> z, float32 (N, dimensions). A seed is the same z in any company."""
    rows = [np.random.default_rng(int(seed)).standard_normal(dimensions, np.float32) for seed in seeds]
    return np.stack(rows) if rows else np.empty((0, dimensions), np.float32)


def truncate(z: np.ndarray, amount: float) -> np.ndarray:
    """Draw z towards the mean face: 1 leaves it, 0 is the mean itself. Less variety, fewer bad faces."""
    return np.asarray(z, np.float32) * np.float32(amount)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
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


def loop(z: np.ndarray, steps: int) -> np.ndarray:
    """A closed walk through the rows of z (N, D), `steps` frames from each to the next -> (N * steps, D)."""
    t = np.arange(steps) / steps
    return np.concatenate([slerp(z[i], z[(i + 1) % len(z)], t) for i in range(len(z))])


def along(z: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A smooth closed walk through the rows of z (N, D): places (T,) in [0, N], row i at place i -> (T, D).

    Direction and length follow closed Catmull-Rom curves, so that the walk turns gently at its rows where arcs
    would have corners; each point has the length its place calls for, as with `slerp`.
    """
    z, places = np.asarray(z, np.float64), np.asarray(places, np.float64)
    near = np.floor(places).astype(int)[:, None] + np.arange(-1, 3)
    powers = (places - np.floor(places))[:, None] ** np.arange(4)
    weights = powers @ np.array([(0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1)]) / 2
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    directions, length = (
        np.einsum("tk,tkd->td", weights, rows[near % len(z)]) for rows in (z / np.maximum(lengths, 1e-12), lengths)
    )
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions * (length / np.maximum(norms, 1e-6))).astype(np.float32)


def even(changes: np.ndarray, count: int) -> np.ndarray:
    """The visible change of each of M steps around a closed walk (M,) -> (count,) places in [0, M), at equal change."""
    passed = np.concatenate([[0.0], np.cumsum(changes, dtype=np.float64)])
    return np.interp(np.arange(count) * passed[-1] / count, passed, np.arange(len(passed)))


def changes(pictures: np.ndarray) -> np.ndarray:
    """Frames of a closed walk (T, H, W, C) -> (T,): root mean square change from each to the next, and round."""
    pictures = np.asarray(pictures, np.float32)
    following = np.roll(pictures, -1, axis=0)
    return np.array([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(pictures, following, strict=True)])


def around(z: np.ndarray, count: int, reach: float, seed: int = 0) -> np.ndarray:
    """z (D,) -> (count, D): itself in the middle, and neighbours with uniform noise of +-`reach` in each number."""
    noise = np.random.default_rng(seed).uniform(-reach, reach, (count, len(z)))
    noise[count // 2] = 0
    return (z + noise).astype(np.float32)
