"""Figures drawn from logs."""

import numpy as np

from animefaces.images import written_whole


def curves(path, entries):
    """Entries of log.jsonl -> a PNG: losses; how often D is right and how varied G's images are; kernel distances."""
    from matplotlib.figure import Figure

    judged = [entry for entry in entries if "kernel_distance" in entry]
    figure = Figure(figsize=(9, 8 if judged else 6), layout="constrained")
    above, below, *last = figure.subplots(3 if judged else 2, 1, sharex=True)
    _lines(above, entries, {"d_loss": "discriminator", "g_loss": "generator"})
    _lines(below, entries, {"real_right": "D right on real", "fake_right": "D right on fake", "spread": "spread"})
    above.set(ylabel="loss / nats", ylim=(0, None))
    below.set(ylabel="share", ylim=(0, 1.25))
    for axes in last:
        steps, *figures = zip(*((e["step"], e["kernel_distance"], e["kernel_error"]) for e in judged), strict=True)
        axes.errorbar(steps, *figures, marker="o", markersize=3)
        axes.set(ylabel="kernel distance", ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.axes[-1].set_xlabel("step")
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _lines(axes, entries, names):
    steps = np.array([entry["step"] for entry in entries])
    width = max(1, len(steps) // 50)
    for name, label in names.items():
        values = np.array([entry[name] for entry in entries], float)
        (line,) = axes.plot(steps, values, alpha=0.25, linewidth=0.8)
        if len(values):
            smooth = np.convolve(values, np.ones(width) / width, mode="valid")
            axes.plot(steps[width - 1 :], smooth, color=line.get_color(), label=label)
    if len(steps):
        axes.legend(loc="upper right")
    axes.grid(alpha=0.3)
