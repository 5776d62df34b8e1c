"""The second engine: JAX does what TensorFlow does."""

import json

import numpy as np
import pytest
from conftest import PROJECT, not_compiled, python
from test_gan import batch, joined, scaling_gan, tiny_gan

from models import saved
from models.batches import in_batches

QUICK = "--xla_backend_optimization_level=0"  # to compile; the steps are few


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Four steps from the same weights on either backend -> (TensorFlow's GAN, its figures, JAX's output, folder)."""
    folder = tmp_path_factory.mktemp("jax")
    gan = tiny_gan(average=0.9, warm_up=1, chroma=True)
    np.savez(folder / "start.npz", **gan.state.arrays())
    with not_compiled():
        calls = [gan.steps(*batch(seed=i, steps=2, first=2 * i)) for i in range(2)]
    saved.save(gan.average, folder / "theirs.keras")
    done = python(PROJECT / "tests" / "on_jax.py", folder, cwd=folder, KERAS_BACKEND="jax", XLA_FLAGS=QUICK)
    assert done.returncode == 0, done.stderr
    figures = joined(calls)
    return gan, figures, json.loads(done.stdout.splitlines()[-1]), folder


def test_the_same_figures(both):
    _, figures, jax, _ = both
    assert jax["figures"].keys() == figures.keys()
    for name, values in figures.items():
        assert len(values) == (1 if name in ("reconstruction", "divergence") else 3)
        assert jax["figures"][name] == pytest.approx(values, abs=1e-4), name


def test_the_same_state(both):
    gan, _, _, folder = both
    ours = gan.state.arrays()
    with np.load(folder / "end.npz") as theirs:
        assert set(theirs.files) == set(ours)
        for name, value in ours.items():
            assert theirs[name].dtype.kind == value.dtype.kind
            # Adam divides by the root of a tiny mean square: rounding errors of a gradient near 0 become whole steps.
            assert np.abs(theirs[name] - value).mean() < 1e-4, name


def test_dropout_and_augmentation_run_and_are_a_function_of_the_step(both):
    first, second, again = both[2]["pooled"]
    assert first == again
    assert first["d_loss"] != second["d_loss"]
    assert all(np.isfinite(value) for value in first.values())


def test_faces_kept_on_the_device_are_those_that_are_fed(both):
    for name, values in both[2]["resident"].items():
        assert values == pytest.approx(both[2]["figures"][name][: len(values)], rel=1e-5)


def test_scaled_gradients(both):
    with np.load(both[3] / "scaled.npz") as file:
        gan = scaling_gan()
        gan.state.restore(dict(file))
    with not_compiled():
        figures = gan.steps(*batch(steps=2))
    for name, values in both[2]["scaled"].items():
        assert values == pytest.approx(figures[name], abs=1e-4), name
    assert both[2]["passed"] == [True]


def test_operations_are_counted(both):
    operations, moved = both[2]["cost"]
    assert operations == pytest.approx(2 * 16**3 + 16**2, rel=0.05)
    assert moved == pytest.approx(4 * 16**2 * 4, rel=0.2)  # two matrices read, their product written and read


def test_a_generator_draws_the_same_faces_on_either(both):
    gan, _, _, folder = both
    z = np.random.default_rng(0).standard_normal((5, 8), np.float32)
    assert np.allclose(np.load(folder / "faces_of_theirs.npy"), in_batches(gan.average, z), atol=1e-4)
    ours = in_batches(saved.load(folder / "ours.keras"), z)
    assert np.allclose(ours, np.load(folder / "faces_of_ours.npy"), atol=1e-4)
    assert ours.std() > 0
