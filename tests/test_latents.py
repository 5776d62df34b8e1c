"""Latents: seeds, and arcs between them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from animefaces import latents
from animefaces.problems import Problem


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


def test_a_walk_passes_each_z_and_closes_without_a_corner():
    z = latents.from_seeds([0, 1, 2, 3], 100) * np.array([[0.7], [1], [1.3], [1]], np.float32)
    places = np.arange(400) / 100
    path = latents.along(z, places)
    assert np.allclose(path[::100], z, atol=1e-5)
    assert np.allclose(latents.along(z, [4.0, 5.5]), latents.along(z, [0.0, 1.5]), atol=1e-5)
    steps = np.diff(np.concatenate([path, path[:1]]), axis=0)
    turns = [
        u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in zip(steps, np.roll(steps, -1, axis=0), strict=True)
    ]
    assert min(turns) > 0.99  # arcs turn by a right angle or so at each z


def test_a_walk_of_equal_lengths_keeps_the_length():
    z = latents.from_seeds(range(3), 50)
    z = z / np.linalg.norm(z, axis=1, keepdims=True) * 7
    assert np.allclose(np.linalg.norm(latents.along(z, np.linspace(0, 3, 50)), axis=1), 7, rtol=1e-5)


def test_a_walk_there_and_back():
    z = latents.from_seeds([0, 1], 20)
    path = latents.along(z, np.arange(40) / 20)
    assert np.allclose(path[1:20], path[:20:-1], atol=1e-5)


def test_even_steps():
    """A walk that is three times as fast in its first half: three quarters of the frames go there."""
    changes = np.array([3.0] * 50 + [1.0] * 50)
    places = latents.even(changes, 200)
    assert np.count_nonzero(places < 50) == 150
    passed = np.interp(places, np.arange(101), np.concatenate([[0], np.cumsum(changes)]))
    assert np.allclose(np.diff(passed), 1)
    assert np.allclose(latents.even(np.ones(10), 5), [0, 2, 4, 6, 8])


def test_changes_close_the_circle():
    frames = np.array([0, 3, 3, 9])[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    assert latents.changes(frames).tolist() == [3, 0, 6, 9]


def test_neighbours_of_a_z():
    nine = latents.around(np.arange(5.0), 9, 0.25, seed=3)
    assert np.array_equal(nine[4], np.arange(5))
    assert 0.2 < np.abs(nine - np.arange(5)).max() <= 0.25
    assert len(np.unique(nine, axis=0)) == 9
    assert np.array_equal(nine, latents.around(np.arange(5.0), 9, 0.25, seed=3))


@pytest.mark.parametrize("data", [b"no array", b"\x93NUMPY\x01\0\x08\0{'a': 1\n"])
def test_a_file_whose_member_is_no_array(data):
    with zipfile.ZipFile("z.npz", "w") as archive:
        archive.writestr("z.npy", data)
    with pytest.raises(Problem, match=r"z\.npz holds no array z"):
        latents.read(Path("z.npz"), 8)
