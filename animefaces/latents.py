"""Latent vectors z, float32 (N, D): drawn from N(0, I) or read from a file; walks between them."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from animefaces import npz
from animefaces.marks import Mark
from animefaces.problems import Misuse, Problem

MAX_SEEDS = 10_000_000
LARGEST = 1e6  # of the numbers in z: they are from N(0, I), so a larger one is an error


def parse_seeds(text: str, flag: str = "--seeds") -> list[int]:
    """ "0-7,12" -> [0, 1, ..., 7, 12]. Raises Misuse."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if match and last < first:
            raise Misuse(f"{flag} {text} cannot be read: write the lower number of a range first, {last}-{first}")
        if match and len(seeds) + last - first >= MAX_SEEDS:
            raise Misuse(f"{flag} {text} are too many: give up to {MAX_SEEDS:,}")
        if not match:
            raise Misuse(f"{flag} {text} cannot be read: write numbers and ranges like 0-7,12")
        seeds.extend(range(first, last + 1))
    return seeds


def read(path: Path, dimensions: int) -> np.ndarray:
    """An .npz file with an array `z` -> z, float32 (N, dimensions). Raises Problem."""
    try:
        (z,) = npz.read(path, "z")
        if z.dtype.kind not in "fiu":
            raise ValueError(f"its z holds no real numbers but {z.dtype}")
    except ValueError as fault:
        raise Problem(f"{path} holds no array z ({fault}): write it with numpy.savez(path, z=...)") from fault
    if z.ndim != 2 or z.shape[1] != dimensions or not len(z):
        raise Problem(f"{path} has z of shape {z.shape}: this generator takes numbers of shape (N, {dimensions})")
    if not (abs(z) < LARGEST).all():
        raise Problem(f"{path} has z that is not finite or far too large: write it again")
    return z.astype(np.float32)


def save(path: Path, z: np.ndarray, names: list[str], mark: Mark, **more: np.ndarray) -> None:
    """Write z (N, D), the name of each row, the mark of the generator that z is for, and `more` to an .npz file."""
    npz.write(path, z=z, names=np.array(names), **mark.arrays(), **more)


def from_seeds(seeds: Iterable[int], dimensions: int) -> np.ndarray:
    """Whole numbers >= 0 -> z, float32 (N, dimensions). Each seed always gives the same z, whatever the other seeds."""
    rows = [np.random.default_rng(int(seed)).standard_normal(dimensions, np.float32) for seed in seeds]
    return np.stack(rows) if rows else np.empty((0, dimensions), np.float32)


def truncate(z: np.ndarray, amount: float) -> np.ndarray:
    """z (N, D) -> z moved towards the mean face: an amount of 1 changes nothing, 0 gives the mean face.

    A smaller amount gives less variety and fewer bad faces.
    """
    return np.asarray(z, np.float32) * np.float32(amount)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """a (D,), b (D,) and t (T,) -> (T, D): points on the arc from a (t = 0) to b (t = 1).

    The direction turns at a constant rate, and the length changes linearly (Shoemake 1985). So every point is as likely
    under N(0, I) as a and b; the straight line passes through short vectors, which are unlikely. Between opposite
    vectors, or from or to a zero vector, there is no arc: there the line is straight.
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
    """z (N, D) -> a closed walk through its rows, (N * steps, D), with `steps` frames from each row to the next."""
    t = np.arange(steps) / steps
    return np.concatenate([slerp(z[i], z[(i + 1) % len(z)], t) for i in range(len(z))])


def along(z: np.ndarray, places: np.ndarray) -> np.ndarray:
    """z (N, D) and places (T,) in [0, N] -> (T, D): points of a smooth closed walk, which is at row i at place i.

    The direction and the length of the points follow two closed Catmull-Rom curves. So the walk turns smoothly at the
    rows; arcs, as `slerp` draws them, would have corners there. Between two rows the length changes gradually, as with
    `slerp`.
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
    """Visible change in each step of a closed walk (M,) -> places (count,) in [0, M) with equal change between them."""
    passed = np.concatenate([[0.0], np.cumsum(changes, dtype=np.float64)])
    return np.interp(np.arange(count) * passed[-1] / count, passed, np.arange(len(passed)))


def changes(pictures: np.ndarray) -> np.ndarray:
    """Frames of a closed walk (T, H, W, C) -> (T,): the root mean square change from each frame to the next.

    The frame after the last one is the first one.
    """
    pictures = np.asarray(pictures, np.float32)
    following = np.roll(pictures, -1, axis=0)
    return np.array([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(pictures, following, strict=True)])


def around(z: np.ndarray, count: int, reach: float, seed: int = 0) -> np.ndarray:
    """z (D,) -> (count, D): z itself in the middle row; in the other rows z plus uniform noise in [-reach, reach]."""
    noise = np.random.default_rng(seed).uniform(-reach, reach, (count, len(z)))
    noise[count // 2] = 0
    return (z + noise).astype(np.float32)
