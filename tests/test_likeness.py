"""The measures of likeness, against closed forms and planted truths."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from animefaces.batches import is_test_photo
from animefaces.colour import to_lab
from benchmarks import resemblance as likeness
from demo import cartoons


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_one_photo_in_ten_is_held_out_by_its_number():
    names = [f"{i:05d}.jpg" for i in range(100)]
    assert np.flatnonzero(is_test_photo(names)).tolist() == list(range(9, 100, 10))


def test_held_out_asks_for_the_last_number_of_the_name_alone():
    names = ["me9_18.png", "18_me9.jpg", "19/8.png", "8/photo 29.webp", "9.5"]
    assert is_test_photo(names).tolist() == [False, True, False, True, True]


def test_held_out_of_names_without_numbers_is_about_one_in_ten(rng):
    names = ["".join(map(chr, rng.integers(97, 123, 12))) for _ in range(1000)]
    assert 60 < is_test_photo(names).sum() < 140
    assert np.array_equal(is_test_photo(names), [is_test_photo([name])[0] for name in names])


@pytest.mark.parametrize(("count", "kept"), [(20, 5), (20_000, 2000)])
def test_reference_leaves_most_faces_alone(count, kept):
    chosen = likeness.reference(count)
    assert len(set(chosen.tolist())) == kept
    assert chosen.max() < count


def test_lab_of_known_colours():
    pixels = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]
    np.testing.assert_allclose(to_lab(pixels)[0], expected, atol=0.05)


def test_averages_are_those_of_squares(rng):
    values = rng.standard_normal((2, 8, 8, 3))
    np.testing.assert_allclose(likeness.averaged(values, 2)[1, 1, 0], values[1, 4:, :4].mean((0, 1)))


def test_layouts_see_colour_and_structure_apart():
    faces = cartoons.draw_many(3, 64)
    colours, structures = likeness.layouts(faces)
    assert (colours.shape, structures.shape) == ((3, 48), (3, 512))
    np.testing.assert_allclose(np.linalg.norm(structures, axis=1), 1, rtol=1e-5)
    flat = np.full((1, 64, 64, 3), 90, np.uint8)
    colours, structures = likeness.layouts(flat)
    assert np.ptp(colours.reshape(16, 3), axis=0) == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(structures, 0, atol=1e-2)


def test_structure_does_not_see_contrast():
    ramp = np.tile(np.arange(64), (1, 64, 1))[..., None].repeat(3, -1)
    _, soft = likeness.layouts((100 + ramp // 2).astype(np.uint8))
    _, hard = likeness.layouts((60 + 2 * ramp).astype(np.uint8))
    assert float(np.sum(soft * hard)) > 0.95


def test_layouts_of_many_are_those_of_each(rng, monkeypatch):
    pixels = rng.integers(0, 256, (7, 16, 16, 3), np.uint8)
    whole = likeness.layouts(pixels)
    monkeypatch.setattr(likeness, "BLOCK", 3)
    for one, two in zip(whole, likeness.layouts(pixels), strict=True):
        np.testing.assert_array_equal(one, two)


def test_percentile_of_identical_sets_is_100(rng):
    rows = rng.standard_normal((40, 5))
    np.testing.assert_array_equal(likeness.percentiles(rows, rows), 100)


def test_percentile_does_not_see_what_all_rows_of_a_side_share(rng):
    rows = rng.standard_normal((40, 5))
    np.testing.assert_array_equal(likeness.percentiles(3 * rows + 7, rows), 100)


def test_percentile_of_strangers_is_50(rng):
    rows, others = rng.standard_normal((2, 2000, 5))
    assert likeness.percentiles(rows, others).mean() == pytest.approx(50, abs=3)


def test_percentile_of_one_face_for_everybody_is_50(rng):
    assert likeness.percentiles(np.ones((30, 5)), rng.standard_normal((30, 5))).mean() == pytest.approx(50)
    assert likeness.percentiles(np.ones((30, 5)), np.ones((30, 5))).tolist() == [50] * 30


def test_percentile_by_hand():
    # The first is as near to the last photo as to its own; the second has its own in the middle.
    faces, photos = np.array([[0.0], [-1.0], [1.0]]), np.array([[-1.0], [0.0], [1.0]])
    assert likeness.percentiles(faces, photos).tolist() == [25.0, 50.0, 100.0]


def test_percentile_skips_what_is_not_known(rng):
    rows = rng.standard_normal((20, 3))
    holed, other = rows.copy(), rows.copy()
    holed[3], other[5, 1] = np.nan, np.nan
    found = likeness.percentiles(holed, other)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 5]
    assert np.nanmin(found) == 100
    assert np.isnan(likeness.percentiles(np.full((4, 2), np.nan), rows[:4, :2])).all()


def test_nearest_layout_finds_the_planted_face(rng):
    colours, structures = rng.standard_normal((50, 48)), rng.standard_normal((50, 512))
    order = rng.permutation(50)
    found = likeness.nearest_layout((colours[order], structures[order]), (colours, structures))
    np.testing.assert_array_equal(found, order)


def test_a_planted_attribute_is_read_and_noise_is_not(rng):
    labels, features = np.arange(400) % 3 == 0, rng.standard_normal((400, 60))
    blind = [likeness.roc_area(row, labels) for row in likeness.readable(features, labels)]
    assert np.mean(blind) == pytest.approx(0.5, abs=0.07)
    features[:, 7] += 100 * labels
    assert [likeness.roc_area(row, labels) for row in likeness.readable(features, labels)] == [1] * likeness.REPEATS


def test_noise_is_at_chance_on_average(rng):
    areas = []
    for seed in range(30):
        labels, features = rng.random(80) < 0.3, rng.standard_normal((80, 100))
        areas += [likeness.roc_area(row, labels) for row in likeness.readable(features, labels, seed)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


def test_a_constant_feature_and_too_few_labels_are_no_fault(rng):
    labels = np.arange(40) < 20
    assert [likeness.roc_area(row, labels) for row in likeness.readable(np.ones((40, 3)), labels)] == [0.5] * 4
    assert np.isnan(likeness.readable(rng.standard_normal((40, 3)), np.arange(40) < 3)).all()


def test_roc_area_is_that_of_scipy(rng):
    scores, labels = rng.integers(0, 9, 200) / 4, rng.random(200) < 0.4
    area = mannwhitneyu(scores[labels], scores[~labels]).statistic / (labels.sum() * (~labels).sum())
    assert likeness.roc_area(scores, labels) == pytest.approx(area)
    assert likeness.roc_area(labels.astype(float), labels) == 1
    assert likeness.roc_area(-labels.astype(float), labels) == 0
    assert np.isnan(likeness.roc_area(scores, np.arange(200) < 3))


def test_draws_fit_the_prior(rng):
    fit = likeness.prior_fit(rng.standard_normal((500, 100)))
    assert fit["shell"] == pytest.approx(0.99, abs=0.02)
    assert fit["spread"] == pytest.approx(1, abs=0.02)
    assert fit["deviation"] == pytest.approx(1, abs=0.02)
    assert fit["mean"] == pytest.approx(500**-0.5, abs=0.01)


def test_codes_that_do_not_fit_the_prior(rng):
    short = likeness.prior_fit(0.7 * rng.standard_normal((300, 100)))
    assert short["shell"] < 0.01
    assert short["spread"] == pytest.approx(0.7, abs=0.03)
    alike = likeness.prior_fit(rng.standard_normal((1, 100)) + 0.1 * rng.standard_normal((300, 100)))
    assert alike["spread"] < 0.15
    assert alike["deviation"] == pytest.approx(0.1, abs=0.01)
    assert alike["mean"] > 0.8
