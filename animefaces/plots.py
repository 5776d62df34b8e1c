"""Charts as PNG files: the curves of a training, and the effects of edit directions."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import written_whole

PALE = 200  # more points than this are drawn pale, and their moving average over them


def _matplotlib():
    """The module. Its import fails if MPLBACKEND names a backend that this Python does not have.

    A notebook or an IDE sets MPLBACKEND for itself, and each program that it starts gets it.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that it may not write to
    asked = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if asked:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = asked
            os.environ["MPLBACKEND"] = asked
    return matplotlib


@contextlib.contextmanager
def _drawn(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of that many inches, to be drawn on; at the end it is written to a PNG file.

    It needs no window, and a matplotlibrc of the user (LaTeX, say, or white on black) does not change it.
    """
    matplotlib = _matplotlib()
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
    of its figures was logged. The heights are for the averages: single values may be beyond them. Panels have the same
    steps if their figures were logged at the same time. So a warm-up that ended early fills its panel.
    """
    lines = {label: {words: _points(entries, name) for name, words in names.items()} for label, names in panels.items()}
    lines = {label: {w: p for w, p in some.items() if p.size} for label, some in lines.items()}
    shown = {label: some for label, some in lines.items() if some} or {label: {} for label in list(lines)[:1]}
    with _drawn(path, 9, 0.4 + 2.2 * len(shown)) as figure:
        for axes, (label, some) in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown.items(), strict=True):
            heights = [_line(axes, points, words) for words, points in some.items()]
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
            if heights:
                axes.set_xlim(*_together(_span(some), [_span(others) for others in shown.values()]))
                axes.set_ylim(*_limits(np.concatenate(heights)))
                axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        figure.axes[-1].set_xlabel("step")


def _points(entries, name):
    """The steps and the values of one figure, (2, N); what is not finite is left out."""
    points = np.array([(e["step"], e[name]) for e in entries if name in e], float).reshape(-1, 2).T
    return points[:, np.isfinite(points[1])]


def _span(some):
    """The lines of a panel -> its first and its last step."""
    steps = np.concatenate([points[0] for points in some.values()])
    return steps.min(), steps.max()


def _together(span, spans):
    """A span of steps and all spans -> the ends of an axis for those that overlap with the first.

    One common entry is no overlap: it has the figures of the last steps of a warm-up, and of the first ones after it.
    """
    over = [s for s in spans if min(s[1], span[1]) - max(s[0], span[0]) >= min(s[1] - s[0], span[1] - span[0]) / 10]
    low, high = min(first for first, _ in over), max(last for _, last in over)
    margin = 0.02 * (high - low) or 1
    return low - margin, high + margin


def _line(axes, points, label):
    """Draw one figure -> the heights that must be seen."""
    steps, values = points
    if len(steps) < PALE:
        axes.plot(steps, values, label=label, marker="o" if len(steps) < 30 else None, markersize=4)
        return values
    width = len(steps) // 50
    (line,) = axes.plot(steps, values, alpha=0.2, linewidth=0.5)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(steps[width // 2 :][: len(smooth)], smooth, color=line.get_color(), label=label)
    return smooth


def _limits(heights):
    """Heights -> the ends of an axis: from 0 unless they are far from it, and without the highest hundredth."""
    low, high = heights.min(), np.quantile(heights, 0.99, method="higher")
    low = 0.0 if 0 <= low < high / 2 else low
    margin = 0.06 * (high - low) or 0.1
    return low - margin, high + margin


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


def race(path: Path, panels: Mapping[str, tuple[Mapping[str, Sequence[Any]], float]], label: str) -> None:
    """Label of each vertical axis -> (the lines of each name, a floor): a PNG file, with logarithmic heights.

    A line is a list of (x, height). All lines of a name have its colour; several are thin, with their mean over them.
    A floor of 0 or less is not on a logarithmic axis, so it is left out.
    """
    with _drawn(path, 9, 0.6 + 3.2 * len(panels)) as figure:
        for axes, (words, (named, floor)) in zip(
            figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels.items(), strict=True
        ):
            for i, (name, lines) in enumerate(named.items()):
                _runner(axes, lines, name, f"C{i}")
            if floor > 0:
                axes.axhline(floor, color="black", linestyle="--", label="floor: real faces")
            axes.set(ylabel=words, yscale="log")
            axes.grid(alpha=0.3, which="both")
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        figure.axes[-1].set_xlabel(label)


def _runner(axes, lines, name, colour):
    """Draw the lines of one name; several thinly, with the mean of those that are as long as the first over them."""
    for points in lines:
        alone = len(lines) == 1
        axes.plot(*np.transpose(points), color=colour, marker="o", markersize=4 if alone else 2,
                  linewidth=1.5 if alone else 0.6, label=name if alone else None)  # fmt: skip
    if len(lines) > 1:
        mean = np.mean([points for points in lines if len(points) == len(lines[0])], axis=0)
        axes.plot(*mean.T, color=colour, linewidth=1.8, label=name)
