"""Distances of feature sets, against closed forms and against scipy's own."""

import tracemalloc

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial import KDTree

from animefaces import metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def small_blocks(monkeypatch):
    """Sets of a few dozen rows then take many blocks, the last one not full."""
    monkeypatch.setattr(metrics, "BLOCK", 7)


def covariance(rng, dimensions, rank=None):
    factor = rng.standard_normal((dimensions, rank or dimensions))
    return factor @ factor.T


def rotation(rng, dimensions):
    return np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0]


def test_moments_are_those_of_numpy(rng, small_blocks):
    features = rng.normal(3, 2, (50, 4)).astype(np.float32)
    mean, covariance = metrics.moments(features)
    assert mean.dtype == covariance.dtype == np.float64
    np.testing.assert_allclose(mean, features.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-12)


def test_moments_keep_their_digits_far_from_the_origin(rng):
    features = rng.standard_normal((1000, 3))
    _, near = metrics.moments(features)
    _, far = metrics.moments(features + 1e6)
    np.testing.assert_allclose(near, far, atol=1e-9)


def test_frechet_distance_of_numbers(rng):
    (m, n), (s, t) = rng.standard_normal((2, 2))
    found = metrics.frechet_distance(np.array([m]), np.array([[s**2]]), np.array([n]), np.array([[t**2]]))
    assert found == pytest.approx((m - n) ** 2 + (abs(s) - abs(t)) ** 2)


def test_frechet_distance_of_covariances_that_commute(rng):
    turn, (one, two) = rotation(rng, 6), rng.uniform(0, 3, (2, 6))
    means = rng.standard_normal((2, 6))
    found = metrics.frechet_distance(means[0], turn * one @ turn.T, means[1], turn * two @ turn.T)
    assert found == pytest.approx(np.sum((means[0] - means[1]) ** 2) + np.sum((np.sqrt(one) - np.sqrt(two)) ** 2))


def test_frechet_distance_by_the_square_root_of_a_matrix(rng):
    (m, n), one, two = rng.standard_normal((2, 8)), covariance(rng, 8), covariance(rng, 8)
    expected = np.sum((m - n) ** 2) + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert metrics.frechet_distance(m, one, n, two) == pytest.approx(expected)
    assert metrics.frechet_distance(n, two, m, one) == pytest.approx(expected)


@pytest.mark.parametrize("rank", [1, 5, 20, 40])
def test_frechet_distance_of_singular_covariances(rng, rank):
    mean, one = np.zeros(40), covariance(rng, 40, rank)
    assert metrics.frechet_distance(mean, one, mean, one) == pytest.approx(0, abs=1e-10 * np.trace(one))
    assert metrics.frechet_distance(mean, one, mean, 4 * one) == pytest.approx(np.trace(one))


def test_frechet_distance_of_points():
    nothing, one, two = np.zeros((3, 3)), np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 3.0])
    assert metrics.frechet_distance(one, nothing, two, nothing) == pytest.approx(4)
    assert metrics.frechet_distance(one, nothing, two, np.eye(3)) == pytest.approx(7)


def test_frechet_distance_of_fewer_faces_than_features(rng):
    """Two sets that lie in spaces at right angles: nothing is shared."""
    one, two = np.zeros((30, 100)), np.zeros((30, 100))
    one[:, :50], two[:, 50:] = rng.standard_normal((2, 30, 50))
    first, second = metrics.moments(one), metrics.moments(two)
    expected = np.sum((first[0] - second[0]) ** 2) + np.trace(first[1]) + np.trace(second[1])
    assert metrics.frechet_distance(*first, *second) == pytest.approx(expected)


def test_frechet_distance_of_drawn_gaussians(rng):
    mean, one, two = np.full(4, 0.7), covariance(rng, 4), covariance(rng, 4)
    drawn = rng.multivariate_normal(np.zeros(4), one, 40_000), rng.multivariate_normal(mean, two, 40_000)
    expected = metrics.frechet_distance(np.zeros(4), one, mean, two)
    assert metrics.frechet_distance(*metrics.moments(drawn[0]), *metrics.moments(drawn[1])) == pytest.approx(
        expected, rel=0.03
    )


def kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def all_pairs_distance(x, y):
    """The definition: all pairs of different rows, at once."""
    xx, yy, m, n = kernel(x, x), kernel(y, y), len(x), len(y)
    same = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return same - 2 * kernel(x, y).mean()


@pytest.mark.parametrize("rows", [(40, 40), (31, 57), (3, 20)])
def test_kernel_distance_by_its_definition(rng, rows, small_blocks):
    x, y = rng.standard_normal((rows[0], 5)), rng.normal(0.5, 1, (rows[1], 5))
    assert metrics.kernel_distance(x, y)[0] == pytest.approx(all_pairs_distance(x, y))


def test_kernel_distance_of_two_points():
    x, y = np.array([1.0, 2.0]), np.array([0.0, 1.0])
    found, error = metrics.kernel_distance(np.tile(x, (20, 1)), np.tile(y, (20, 1)))
    assert found == pytest.approx(3.5**3 + 1.5**3 - 2 * 2**3)
    assert error == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_one_of_moments(rng):
    """In one dimension (xy + 1)^3 = 1 + 3 xy + 3 x^2 y^2 + x^3 y^3: it compares the first three moments."""
    x, y = rng.normal(0, 1, (4000, 1)), rng.normal(0.3, 1.2, (4000, 1))
    second, third = 0.3**2 + 1.2**2, 0.3**3 + 3 * 0.3 * 1.2**2
    expected = 3 * 0.3**2 + 3 * (second - 1) ** 2 + third**2
    found, error = metrics.kernel_distance(x, y)
    assert abs(found - expected) < 4 * error < expected


def test_kernel_distance_of_one_distribution_is_zero_on_average(rng):
    found = np.array([metrics.kernel_distance(*rng.standard_normal((2, 20, 8))) for _ in range(400)])
    values = found[:, 0]
    assert abs(values.mean()) < 4 * values.std() / 20
    assert (values < 0).mean() > 0.3
    # Twice as large as it is, at most: the price of a jackknife where the distance is 0.
    assert 0.9 * values.std() < np.sqrt(np.mean(found[:, 1] ** 2)) < 2 * values.std()


def test_kernel_distance_knows_its_error(rng):
    found = np.array(
        [metrics.kernel_distance(rng.standard_normal((60, 8)), rng.normal(0.5, 1, (60, 8))) for _ in range(300)]
    )
    assert np.sqrt(np.mean(found[:, 1] ** 2)) == pytest.approx(found[:, 0].std(), rel=0.2)


def test_kernel_distance_in_float32(rng):
    x, y = rng.random((2, 300, 50)) ** 2
    found = metrics.kernel_distance(x.astype(np.float32), y.astype(np.float32))
    np.testing.assert_allclose(found, metrics.kernel_distance(x, y), atol=1e-6)


def neighbours(rows, queries, k):
    return KDTree(rows).query(queries, range(1, k + 1))


def test_precision_and_recall_by_scipy(rng, small_blocks):
    real, fake = rng.standard_normal((60, 3)), rng.normal(0.7, 0.6, (45, 3))

    def share(queries, rows):
        reach = neighbours(rows, rows, 4)[0][:, 3]
        apart, which = neighbours(rows, queries, len(rows))
        return np.mean((apart <= reach[which]).any(axis=1))

    found = metrics.precision_recall(real, fake)
    assert found == pytest.approx((share(fake, real), share(real, fake)))
    assert 0.3 < found[1] < found[0] < 1


def test_precision_and_recall_of_planted_sets(rng):
    cluster = rng.uniform(-0.1, 0.1, (4, 50, 2))
    here, there, nowhere = cluster[0], cluster[1] + [10, 0], cluster[2] + [0, 50]
    real = np.concatenate([here, there])
    assert metrics.precision_recall(real, real) == (1, 1)
    assert metrics.precision_recall(real, nowhere) == (0, 0)
    # One mode of two: all of it good, half of the real missing. (Beside the edges, where no ball may reach.)
    precision, recall = metrics.precision_recall(real, cluster[3])
    assert precision > 0.8 and 0.4 < recall <= 0.5
    # Every mode, and as much again of what nobody wants.
    precision, recall = metrics.precision_recall(real, np.concatenate([real, nowhere, nowhere + 0.01]))
    assert precision == 0.5 and recall == 1


def test_reach_is_that_of_the_third_neighbour():
    """Real faces at 0, 1, 2, 4: reaches 4, 2, 2, 4. At -4.0 a fake is among them; at -4.1 it is not."""
    real = np.array([[0.0], [1.0], [2.0], [4.0]])
    fake = np.array([[-4.0], [-4.1], [8.0], [8.1], [3.0]])
    assert metrics.precision_recall(real, fake)[0] == pytest.approx(3 / 5)


def test_nearest_by_scikit_learn(rng, small_blocks):
    queries, rows = rng.standard_normal((40, 5)), rng.standard_normal((33, 5))
    indices, distances = metrics.nearest(queries, rows)
    apart, which = neighbours(rows, queries, 1)
    assert np.array_equal(indices, which[:, 0])
    np.testing.assert_allclose(distances, apart[:, 0])
    indices, distances = metrics.nearest(rows[:20], rows, others=True)
    apart, which = neighbours(rows, rows[:20], 2)
    assert np.array_equal(indices, which[:, 1])
    np.testing.assert_allclose(distances, apart[:, 1])


def test_nearest_of_a_copy_is_at_zero(rng):
    rows = rng.normal(100, 1, (500, 20)).astype(np.float32)
    indices, distances = metrics.nearest(rows[[7, 3]], rows)
    assert indices.tolist() == [7, 3]
    assert distances.tolist() == [0, 0]


def test_memory_is_bounded(rng, monkeypatch):
    """3,000 x 3,000 distances would be 36 MB."""
    monkeypatch.setattr(metrics, "PAIRS", 300_000)
    real, fake = rng.random((2, 3000, 4), np.float32)
    tracemalloc.start()
    metrics.compare(real, fake)
    metrics.nearest(real, fake)
    assert tracemalloc.get_traced_memory()[1] < 12e6
    tracemalloc.stop()


def test_partners_that_match_are_told_from_those_that_do_not():
    rng = np.random.default_rng(0)
    left = rng.standard_normal((700, 4)) * [1, 100, 1e-3, 0]  # in any units; the last one says nothing

    def mismatch(left, right):
        return metrics.mismatch(left, right)[0]

    assert mismatch(left, left) == 0
    assert mismatch(left, np.roll(left, 1, axis=0)) == pytest.approx(0.5, abs=0.03)
    close, far = (left + noise * left.std(axis=0) * rng.standard_normal(left.shape) for noise in (0.2, 1))
    assert 0 < mismatch(left, close) < 0.05 < mismatch(left, far) < 0.4
    assert mismatch(left, far) == pytest.approx(mismatch(far * 3 - 1, left * 3 - 1))
    # Whom none of the others fits better: of two, both or none.
    assert mismatch(np.array([[0.0], [1.0]]), np.array([[0.9], [0.1]])) == 1
    assert mismatch(np.ones((3, 2)), np.ones((3, 2))) == 0


def test_the_error_of_a_mismatch_is_its_spread_over_new_draws():
    rng = np.random.default_rng(1)

    def drawn():
        left = rng.standard_normal((300, 3))
        return metrics.mismatch(left, left + 0.7 * rng.standard_normal(left.shape))

    shares, errors = np.array([drawn() for _ in range(40)]).T
    assert shares.std() == pytest.approx(errors.mean(), rel=0.4)
    assert errors.std() < 0.2 * errors.mean()
