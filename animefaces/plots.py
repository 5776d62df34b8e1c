"""Charts as PNG files: the curves of a training, and the effects of edit directions."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole


@contextlib.contextmanager
def _drawn(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of that many inches, to be drawn on; at the end it is written to a PNG file.

    It needs no window, and a matplotlibrc of the user (LaTeX, say, or white on black) does not change it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        with written_whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=100)


def curves(path: Path, entries: Sequence[Mapping[str, Any]], panels: Mapping[str, Mapping[str, str]]) -> None:
    """Entries of log.jsonl -> a PNG file with the figures over the steps: each value, pale, and their moving average.

    `panels`: the label of each vertical axis -> the names of its figures and their labels. A panel is left out if none
    of its figures was logged.
    """
    known = set().union(*entries)
    panels = {label: names for label, names in panels.items() if known & set(names)} or panels
    with _drawn(path, 9, 3 * len(panels)) as figure:
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (label, names) in zip(rows, panels.items(), strict=True):
            _lines(axes, entries, names)
            axes.set_ylabel(label)
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        rows[-1].set_xlabel("step")


def _lines(axes, entries, names):
    for name, label in names.items():
        steps, values = np.array([(e["step"], e[name]) for e in entries if name in e], float).reshape(-1, 2).T
        width = max(1, len(steps) // 50)
        (line,) = axes.plot(steps, values, alpha=0.25, linewidth=0.8)
        if len(values):
            smooth = np.convolve(values, np.ones(width) / width, mode="valid")
            axes.plot(steps[width - 1 :], smooth, color=line.get_color(), label=label)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper right")
    axes.grid(alpha=0.3)


def matrix(path: Path, names: Sequence[str], values: np.ndarray) -> None:
    """Effects (K, K) -> a PNG file: how much the direction of each row changes the attribute of each column."""
    side = 2.5 + 0.55 * len(names)
    with _drawn(path, side, side * 0.85) as figure:
        axes = figure.subplots()
        axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="changes this, in standard deviations", ylabel="one step along this")
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                colour = "white" if abs(value) > 0.6 else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
