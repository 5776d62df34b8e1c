"""Edit directions of a generator: find them, save them beside the generator, add them to z.

Directions are the rows of a float32 array (K, D). D is the length of z.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from animefaces import npz
from animefaces.marks import Mark
from animefaces.problems import Misuse, Problem

FILE = "directions.npz"  # beside generator.keras
# A direction gets the name of its attribute if it changes this attribute by WORKS standard deviations or more, and
# every other attribute by at most SPOILS times as much.
WORKS, SPOILS = 0.5, 0.5


def singular(kernel: np.ndarray, count: int) -> np.ndarray:
    """Kernel of the generator's first linear layer (D, M) -> (count, D): directions that it stretches most, length 1.

    These are its singular vectors (SeFa: Shen and Zhou 2021, arXiv 2007.06600). The method uses no labels, so the
    directions may or may not have a meaning.
    """
    u, _, _ = np.linalg.svd(np.asarray(kernel, np.float64), full_matrices=False)
    return _upright(u[:, :count].T)


def principal(z: np.ndarray, features: np.ndarray, count: int) -> np.ndarray:
    """z (N, D) and features of a layer (N, F) -> (count, D): directions along their principal components, length 1.

    After GANSpace (Härkönen et al. 2020, arXiv 2004.02546): the principal components of the features are regressed on
    z.
    """
    centred = np.asarray(features, np.float64) - features.mean(axis=0)
    u, _, _ = np.linalg.svd(centred, full_matrices=False)
    slopes = np.linalg.lstsq(z - z.mean(axis=0), u[:, :count], rcond=None)[0].T
    return _upright(slopes / np.linalg.norm(slopes, axis=1, keepdims=True))


def _upright(rows):
    """Rows (K, D) -> the same rows with signs that make the largest number of each one positive.

    The sign of a singular vector is arbitrary.
    """
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    return (rows * np.sign(largest)[:, None]).astype(np.float32)


def of_attributes(z: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z (N, D) from N(0, I) and attributes of its faces (N, K) -> (directions (K, D), explained (K,)).

    Row k changes attribute k and leaves the other attributes alone: in a linear model of the attributes, one step along
    row k changes attribute k by one standard deviation and the others by 0. It is the shortest step that does this. For
    z from N(0, I), the slopes of the linear model are the mean gradients of the attributes (Stein's lemma). `explained`
    is the share of each attribute's variance that the model explains.
    """
    z = np.asarray(z, np.float64)
    scaled = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)
    slopes = np.linalg.lstsq(np.column_stack([z, np.ones(len(z))]), scaled, rcond=None)[0][:-1]
    left = scaled - (z - z.mean(axis=0)) @ slopes
    freedom = max(1, len(z) - z.shape[1] - 1)
    explained = 1 - (left**2).sum(axis=0) / freedom
    return np.linalg.pinv(slopes, rcond=1e-3).astype(np.float32), np.clip(explained, 0, 1)


def effects(measured: Mapping[str, np.ndarray], names: list[str], count: int, spread: np.ndarray) -> np.ndarray:
    """Measured attributes of moved faces -> (K, K): how much direction k (row) changes each attribute (column).

    `measured`: {name: (K * 2 * count,)}: first `count` faces moved one step forward along the first direction, then the
    same faces moved one step back, then the same for the second direction, and so on. The result is half of the
    difference between forward and back, averaged over the faces and divided by `spread` (K,), the standard deviations
    of the attributes.
    """
    values = np.stack([measured[name] for name in names], axis=1).reshape(-1, 2, count, len(names))
    return (values[:, 0] - values[:, 1]).mean(axis=1) / 2 / spread


def that_work(matrix: np.ndarray) -> np.ndarray:
    """The matrix of `effects` (K, K) -> bool (K,): directions with a large effect on their own attribute only."""
    own = np.diag(matrix)
    others = np.abs(matrix - np.diag(own)).max(axis=1, initial=0)
    return (own >= WORKS) & (others <= SPOILS * own)


def parse(text: str) -> dict[str, float]:
    """ "hair-dark=+2,turn=-1" -> {"hair-dark": 2.0, "turn": -1.0}. Raises Misuse."""
    edits = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([\w-]+)\s*=\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*", part)
        if not match or match[1] in edits:
            raise Misuse(f"--edit {text} cannot be read: write names and strengths like hair-dark=+2,turn=-1")
        edits[match[1]] = float(match[2])
    return edits


def shift(edits: Mapping[str, float], directions: Mapping[str, tuple[np.ndarray, float]]) -> np.ndarray:
    """{name: strength} and {name: (row, limit)} -> the sum of the edits (D,), to be added to z.

    Raises Misuse for unknown names.
    """
    unknown = [name for name in edits if name not in directions]
    if unknown:
        raise Misuse(f"--edit knows no {', '.join(unknown)}: this generator has {', '.join(directions)}")
    return np.sum([np.float32(strength) * directions[name][0] for name, strength in edits.items()], axis=0)


def beside(generator: Path) -> Path:
    """The file of a generator -> the file of its directions, in the same folder."""
    return generator.with_name(FILE)


def save(path: Path, names: list[str], rows: np.ndarray, limits: list[float], mark: Mark | None = None) -> None:
    """Write K names, the directions (K, D), their limits (K,), and the mark of their generator, to an .npz file.

    The limit of a direction is the largest strength at which the faces still look right.
    """
    arrays = {"names": np.array(names), "rows": np.float32(rows), "limits": np.array(limits, np.float32)}
    npz.write(path, **arrays, **(mark.arrays() if mark else {}))


def load(path: Path, dimensions: int) -> dict[str, tuple[np.ndarray, float]]:
    """A file written by `save` -> {name: (row (dimensions,), limit)}. Raises Problem if it does not fit such z."""
    try:
        names, rows, limits = npz.read(path, "names", "rows", "limits")
        rows, limits = np.asarray(rows, np.float32), np.asarray(limits, float)
        if rows.shape != (len(names), dimensions) or limits.shape != (len(names),):
            raise ValueError(f"rows of shape {rows.shape}")
        if not (np.isfinite(rows).all() and np.isfinite(limits).all()):
            raise ValueError("numbers that are not finite")
        return {str(name): (row, float(limit)) for name, row, limit in zip(names, rows, limits, strict=True)}
    except FileNotFoundError:
        raise Problem(
            f"{path} does not exist: find the directions of this generator with python explore.py attributes"
        ) from None
    except (ValueError, TypeError) as fault:
        raise Problem(f"{path} holds no directions for this generator ({' '.join(str(fault).split())}): "
                      "find them again with python explore.py attributes") from fault  # fmt: skip
