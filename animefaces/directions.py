"""Edit directions of a generator: rows of float32 (K, D), added to z; found, kept with a run, and used."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from animefaces.files import written_whole
from animefaces.problems import Misuse, Problem

FILE = "directions.npz"  # beside generator.keras
WORKS, SPOILS = 0.5, 0.5  # a direction has a name if it does half of what it says, and half as much of nothing else


def singular(kernel: np.ndarray, count: int) -> np.ndarray:
    """The first linear map's kernel (D, M) -> (count, D): what it stretches most, each of length 1.

    Unsupervised, and as good as its luck (SeFa: Shen and Zhou 2021, arXiv 2007.06600).
    """
    u, _, _ = np.linalg.svd(np.asarray(kernel, np.float64), full_matrices=False)
    return _upright(u[:, :count].T)


def principal(z: np.ndarray, features: np.ndarray, count: int) -> np.ndarray:
    """z (N, D) and what some layer makes of it (N, F) -> (count, D): how to move z along the main components of that.

    After GANSpace (Härkönen et al. 2020, arXiv 2004.02546): components of the features, regressed on z. Length 1.
    """
    centred = np.asarray(features, np.float64) - features.mean(axis=0)
    u, _, _ = np.linalg.svd(centred, full_matrices=False)
    slopes = np.linalg.lstsq(z - z.mean(axis=0), u[:, :count], rcond=None)[0].T
    return _upright(slopes / np.linalg.norm(slopes, axis=1, keepdims=True))


def _upright(rows):
    """The sign of a singular vector is chance: the largest number of each becomes positive."""
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    return (rows * np.sign(largest)[:, None]).astype(np.float32)


def of_attributes(z: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z (N, D) from N(0, I) and attributes of its faces (N, K) -> (K, D): each moves its own and leaves the others.

    One step along row k changes attribute k by one standard deviation of it and all others by nothing, in the
    linear model; among all such steps it is the shortest. For z from N(0, I) the slopes of that model are the mean
    gradients of the attributes (Stein's lemma). Returns also what the model explains of each attribute, (K,).
    """
    z = np.asarray(z, np.float64)
    scaled = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)
    slopes = np.linalg.lstsq(np.column_stack([z, np.ones(len(z))]), scaled, rcond=None)[0][:-1]
    left = scaled - (z - z.mean(axis=0)) @ slopes
    freedom = max(1, len(z) - z.shape[1] - 1)
    explained = 1 - (left**2).sum(axis=0) / freedom
    return np.linalg.pinv(slopes, rcond=1e-3).astype(np.float32), np.clip(explained, 0, 1)


def effects(measured: Mapping[str, np.ndarray], names: list[str], count: int, spread: np.ndarray) -> np.ndarray:
    """What each of K directions does to each attribute: (K, K), in the attribute's standard deviations.

    `measured`: {name: (K * 2 * count,)}, of `count` faces a step forth along the first direction, the same faces a
    step back, then the second direction, and so on. Half the difference, mean over the faces.
    """
    values = np.stack([measured[name] for name in names], axis=1).reshape(-1, 2, count, len(names))
    return (values[:, 0] - values[:, 1]).mean(axis=1) / 2 / spread


def that_work(matrix: np.ndarray) -> np.ndarray:
    """(K, K) of `effects` -> (K,) bool: the own effect is large, and all others beside it are small."""
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
    """{name: strength} and {name: (row, limit)} -> (D,), to be added to z. Raises Misuse for unknown names."""
    unknown = [name for name in edits if name not in directions]
    if unknown:
        raise Misuse(f"--edit knows no {', '.join(unknown)}: this generator has {', '.join(directions)}")
    return np.sum([np.float32(strength) * directions[name][0] for name, strength in edits.items()], axis=0)


def beside(generator: Path) -> Path:
    """The file of a generator -> that of its directions."""
    return generator.with_name(FILE)


def save(path: Path, names: list[str], rows: np.ndarray, limits: list[float]) -> None:
    """Names, (K, D) and the strengths (K,) up to which each looks right -> an .npz."""
    with written_whole(path) as temporary:
        np.savez_compressed(
            temporary, names=np.array(names), rows=np.float32(rows), limits=np.array(limits, np.float32)
        )


def load(path: Path, dimensions: int) -> dict[str, tuple[np.ndarray, float]]:
    """The inverse of `save` -> {name: (row, limit)}. Raises Problem if there is none for z of so many `dimensions`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names, rows, limits = file["names"], np.asarray(file["rows"], np.float32), np.asarray(file["limits"], float)
        if rows.shape != (len(names), dimensions) or limits.shape != (len(names),) or not np.isfinite(rows).all():
            raise ValueError(f"rows of shape {rows.shape}")
        return {str(name): (row, float(limit)) for name, row, limit in zip(names, rows, limits, strict=True)}
    except FileNotFoundError:
        raise Problem(
            f"{path} does not exist: find the directions of this generator with python explore.py attributes"
        ) from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as fault:
        raise Problem(f"{path} holds no directions for this generator ({' '.join(str(fault).split())}): "
                      "find them again with python explore.py attributes") from fault  # fmt: skip
