"""Edit directions: planted ones are found, kept, and used."""

from pathlib import Path

import numpy as np
import pytest

from animefaces import directions, latents
from animefaces.problems import Misuse, Problem


def planted(count=3000, dimensions=20):
    """z, and three attributes that depend on it: two along oblique directions, one also curved."""
    z = latents.from_seeds(range(count), dimensions)
    a, b, c = np.eye(dimensions)[:3]
    slopes = np.stack([2 * a, a + b, 3 * c], axis=1)
    values = z @ slopes
    values[:, 2] += (z[:, 5] ** 2 - 1) * 0.5
    return z, values + np.array([10, 0, -4]), slopes


def test_planted_directions_are_found():
    z, values, slopes = planted()
    rows, explained = directions.of_attributes(z, values)
    # The closed form: one spread of each attribute per step, nothing of the others.
    expected = np.linalg.pinv(slopes / values.std(axis=0))
    assert np.allclose(rows, expected, atol=0.05)
    assert np.allclose(rows @ slopes / values.std(axis=0), np.eye(3), atol=0.05)
    assert explained[:2] == pytest.approx([1, 1], abs=1e-6)
    assert explained[2] == pytest.approx(9 / (9 + 0.5), abs=0.02)


def test_effects_of_planted_directions():
    z, values, slopes = planted()
    rows, _ = directions.of_attributes(z, values)
    fresh, spread = latents.from_seeds(range(5000, 5040), 20), values.std(axis=0)
    stacked = np.concatenate([fresh + sign * row for row in rows for sign in (1, -1)])
    measured = dict(zip("abc", (stacked @ slopes).T, strict=True))
    matrix = directions.effects(measured, list("abc"), 40, spread)
    assert np.allclose(matrix, np.eye(3), atol=0.05)
    # The slopes themselves are not: a step along the first changes the second too.
    naive = (slopes / np.linalg.norm(slopes, axis=0) ** 2 * spread).T
    stacked = np.concatenate([fresh + sign * row for row in naive for sign in (1, -1)])
    measured = dict(zip("abc", (stacked @ slopes).T, strict=True))
    assert directions.effects(measured, list("abc"), 40, spread)[0, 1] > 0.5


def test_only_directions_that_work_have_a_name():
    matrix = np.array([[1.0, 0.1, 0.0], [0.3, 0.4, 0.0], [0.0, -0.6, 1.0]])
    assert directions.that_work(matrix).tolist() == [True, False, False]


def test_singular_directions_are_orthogonal_and_in_order():
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.standard_normal((n, 6)))[0] for n in (6, 40))
    rows = directions.singular(u * np.array([9, 7, 5, 3, 2, 1]) @ v.T, 4)
    assert np.allclose(rows @ rows.T, np.eye(4), atol=1e-5)
    assert np.allclose(np.abs(rows @ u[:, :4]), np.eye(4), atol=1e-5)


def test_principal_directions_are_those_of_the_features():
    z = latents.from_seeds(range(2000), 8)
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    features = np.tanh(z @ axes[:, :2] * (0.6, 0.2)) @ np.random.default_rng(1).standard_normal((2, 30))
    rows = directions.principal(z, features, 2)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    plane = axes[:, :2] @ axes[:, :2].T
    assert np.linalg.norm(rows @ plane, axis=1) == pytest.approx([1, 1], abs=0.02)


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ("a=2", {"a": 2}),
        ("hair-dark=+2,turn=-1", {"hair-dark": 2, "turn": -1}),
        (" a = .5 , b=3. ", {"a": 0.5, "b": 3}),
    ],
)
def test_edits_are_read(text, edits):
    assert directions.parse(text) == edits


@pytest.mark.parametrize("text", ["", "a", "a=", "=1", "a=b", "a=1,,b=2", "a=1,a=2", "a=nan", "a=1e9", "a=1;b=2"])
def test_edits_that_are_none(text):
    with pytest.raises(Misuse, match="cannot be read"):
        directions.parse(text)


def test_directions_are_kept(tmp_path):
    rows = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    path = directions.beside(tmp_path / "generator.keras")
    directions.save(path, ["dark", "turn"], rows, [3, 2])
    known = directions.load(path, 5)
    assert list(known) == ["dark", "turn"] and known["turn"][1] == 2
    assert np.allclose(directions.shift({"turn": -2.0, "dark": 0.5}, known), 0.5 * rows[0] - 2 * rows[1])
    with pytest.raises(Misuse, match="knows no red: this generator has dark, turn"):
        directions.shift({"red": 1}, known)
    with pytest.raises(Problem, match="holds no directions for this generator"):
        directions.load(path, 6)


def test_directions_that_are_none(tmp_path):
    with pytest.raises(Problem, match=r"does not exist: find the directions .* explore.py attributes"):
        directions.load(tmp_path / "none.npz", 5)
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    np.savez(tmp_path / "objects.npz", names=np.array(["a"]), rows=np.array([{}], object), limits=np.ones(1))
    np.savez(tmp_path / "nan.npz", names=np.array(["a"]), rows=np.full((1, 5), np.nan), limits=np.ones(1))
    np.savez(tmp_path / "limit.npz", names=np.array(["a"]), rows=np.ones((1, 5)), limits=np.array([np.nan]))
    Path(tmp_path / "text.npz").write_text("hello")
    for name in ("other", "objects", "nan", "limit", "text"):
        with pytest.raises(Problem, match="holds no directions"):
            directions.load(tmp_path / f"{name}.npz", 5)
