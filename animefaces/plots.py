"""Charts as PNG files: the curves of a training, and the effects of edit directions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole


def curves(path: Path, entries: Sequence[Mapping[str, Any]], panels: Mapping[str, Mapping[str, str]]) -> None:
    """Entries of log.jsonl -> a PNG file with the figures over the steps: each value, pale, and their moving average.

    `panels`: the label of each vertical axis -> the names of its figures and their labels. A panel is left out if none
    of its figures was logged.
    """
    from matplotlib.figure import Figure

    known = set().union(*entries)
    panels = {label: names for label, names in panels.items() if known & set(names)} or panels
    figure = Figure(figsize=(9, 3 * len(panels)), layout="constrained")
    for axes, (label, names) in zip(
        figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels.items(), strict=True
    ):
        _lines(axes, entries, names)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    figure.axes[-1].set_xlabel("step")
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


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
    from matplotlib.figure import Figure

    side = 2.5 + 0.55 * len(names)
    figure = Figure(figsize=(side, side * 0.85), layout="constrained")
    axes = figure.subplots()
    axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="changes this, in standard deviations", ylabel="one step along this")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
