"""Latents: seeds, and arcs between them."""

import numpy as np
import pytest

from animefaces import latents


def test_a_seed_is_the_same_z_in_any_company():
    alone = latents.from_seeds([12], 100)
    assert alone.shape == (1, 100)
    assert alone.dtype == np.float32
    assert np.array_equal(latents.from_seeds([3, 12, 5], 100)[1:2], alone)
    assert not np.array_equal(latents.from_seeds([13], 100), alone)


def test_z_is_standard_normal():
    z = latents.from_seeds(range(400), 100)
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


def test_no_seeds_no_latents():
    assert latents.from_seeds([], 5).shape == (0, 5)


def test_truncation_shortens():
    z = latents.from_seeds([0], 4)
    assert np.array_equal(latents.truncate(z, 1), z)
    assert np.array_equal(latents.truncate(z, 0.5), z / 2)
    assert not latents.truncate(z, 0).any()


def test_slerp_meets_its_ends():
    a, b = latents.from_seeds([0, 1], 100)
    assert np.allclose(latents.slerp(a, b, [0, 1]), [a, b], atol=1e-6)


def test_slerp_between_orthogonal_vectors():
    t = np.linspace(0, 1, 9)
    arc = latents.slerp([3, 0], [0, 3], t)
    expected = 3 * np.stack([np.cos(t * np.pi / 2), np.sin(t * np.pi / 2)], 1)
    assert np.allclose(arc, expected, atol=1e-6)


def test_slerp_changes_length_in_proportion():
    a, b = latents.from_seeds([4, 5], 64)
    t = np.linspace(0, 1, 7)
    lengths = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    assert np.allclose(np.linalg.norm(latents.slerp(a, b, t), axis=1), lengths, rtol=1e-5)


@pytest.mark.parametrize(("a", "b"), [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([1, 2], [-1, -2]), ([1, 2], [2, 4])])
def test_slerp_goes_straight_where_there_is_no_arc(a, b):
    assert np.allclose(latents.slerp(a, b, [0, 0.5, 1]), [a, (np.array(a) + b) / 2, b])


def test_a_loop_passes_each_z_and_closes():
    z = latents.from_seeds([0, 1, 2], 100)
    walk = latents.loop(z, 8)
    assert walk.shape == (24, 100)
    assert np.allclose(walk[::8], z, atol=1e-6)
    steps = np.linalg.norm(walk - np.roll(walk, 1, axis=0), axis=1)
    assert steps.max() < 2 * np.median(steps)  # the step from the last frame to the first is like any other
