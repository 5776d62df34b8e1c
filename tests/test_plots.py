"""Charts are the same whatever the user has set for charts of his own."""

import matplotlib
import numpy as np

from animefaces import images, plots


def test_a_matplotlibrc_of_the_user_changes_nothing(tmp_path):
    def draw(name):
        plots.curves(tmp_path / name, [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}], {"loss": {"loss": "D"}})
        return images.read(tmp_path / name)

    plain = draw("plain.png")
    with matplotlib.rc_context({"figure.facecolor": "black", "text.usetex": True, "savefig.format": "pdf"}):
        assert np.array_equal(draw("odd.png"), plain)
        assert matplotlib.rcParams["text.usetex"]
