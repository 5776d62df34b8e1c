"""curves.png: what is seen on it, whatever the user has set for charts of his own."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from animefaces import images, plots

PANELS = {"warm-up": {"reconstruction": "error"}, "loss": {"d_loss": "D", "g_loss": "G"}, "distance": {"kd": "faces"}}


@pytest.fixture
def drawn(monkeypatch):
    """A function: entries -> the axes of their curves, by label."""
    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))

    def draw(entries):
        plots.curves(Path("curves.png"), entries, PANELS)
        return {axes.get_ylabel(): axes for axes in figures[-1].axes}

    return draw


def training(count=600, warm_up=100):
    """Log entries of a training with a warm-up, one high peak and one verdict."""
    entries = [{"step": step, "reconstruction": 0.3} for step in range(10, warm_up, 10)]
    entries += [{"step": step, "d_loss": 0.5, "g_loss": 2.0} for step in range(warm_up, count * 10, 10)]
    entries[warm_up // 10 - 1]["reconstruction"] = 0.3  # its steps are partly of the warm-up
    entries[50]["g_loss"] = 500.0
    entries[200]["kd"] = 0.1
    return entries


def test_a_short_warm_up_fills_its_panel_and_all_other_panels_have_the_same_steps(drawn):
    axes = drawn(training(warm_up=300))
    assert axes["warm-up"].get_xlim()[1] < 320
    assert axes["loss"].get_xlim() == axes["distance"].get_xlim()
    assert axes["loss"].get_xlim()[0] > 0 and axes["loss"].get_xlim()[1] > 5990


def test_a_peak_does_not_flatten_the_curves(drawn):
    assert drawn(training())["loss"].get_ylim()[1] < 60


def test_a_single_verdict_is_seen(drawn):
    (line,) = drawn(training())["distance"].lines
    assert line.get_marker() == "o"
    (low, high), (step, value) = line.axes.get_ylim(), (line.get_xdata()[0], line.get_ydata()[0])
    assert (step, value) == (2010, 0.1)
    assert low < 0.1 < high


def test_legends_stand_beside_the_lines(drawn):
    for axes in drawn(training()).values():
        box = axes.get_legend().get_window_extent()
        assert box.x0 >= axes.get_window_extent().x1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_figure_that_is_no_number_is_left_out(bad, drawn):
    entries = training(300)
    entries[20]["d_loss"] = bad
    assert np.isfinite(np.concatenate([line.get_ydata() for line in drawn(entries)["loss"].lines])).all()
    assert np.isfinite(drawn(entries)["loss"].get_ylim()).all()


def test_a_panel_without_figures_is_left_out(drawn):
    assert list(drawn(training()[:5])) == ["warm-up"]
    assert list(drawn([])) == ["warm-up"]  # an empty picture, not an error


def test_a_matplotlibrc_of_the_user_changes_nothing(tmp_path):
    def draw(name):
        plots.curves(tmp_path / name, [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}], {"loss": {"loss": "D"}})
        return images.read(tmp_path / name)

    plain = draw("plain.png")
    with matplotlib.rc_context({"figure.facecolor": "black", "text.usetex": True, "savefig.format": "pdf"}):
        assert np.array_equal(draw("odd.png"), plain)
        assert matplotlib.rcParams["text.usetex"]
