"""The log of a training: its figures in log.jsonl and as TensorBoard events, and a diagnosis of a failed training."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import naming, written_whole


def read(run: Path) -> list[dict[str, Any]]:
    """A run folder -> the entries of its log, in order; none if there is no log. A damaged line is left out."""
    file, entries = run / "log.jsonl", []
    for line in file.read_bytes().splitlines() if file.exists() else []:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a power cut can leave half a line, or any bytes
            entry = {name: value + 0 for name, value in dict(json.loads(line)).items()}  # all are numbers
            entries.append({**entry, "step": int(entry["step"]), "seconds": float(entry["seconds"])})
    return entries


class Log:
    """log.jsonl and the TensorBoard events of one run: the figures of each logged step."""

    def __init__(self, run: Path, step: int):
        self._run, self._path = run, run / "log.jsonl"
        self._folder = run / "events"
        self._events: _Events | None = None
        self._possible = True
        self.entries: list[dict[str, float]] = []
        self.rewind(step)

    def rewind(self, step: int) -> None:
        """Remove the entries after `step`, from which training goes on."""
        self.entries = [entry for entry in read(self._run) if entry["step"] <= step]
        with written_whole(self._path) as temporary:
            temporary.write_text("".join(json.dumps(e) + "\n" for e in self.entries), encoding="utf-8")

    def add(self, entry: dict[str, float]) -> None:
        """Log one entry: a dict of figures, with its `step`."""
        self.entries.append(entry)
        with naming(self._path), open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        events = self._opened()
        if events:
            for name, value in entry.items():
                if name != "step":
                    events.add_scalar(name, value, entry["step"])

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """Log a picture, uint8 (H, W, C), in the TensorBoard events."""
        events = self._opened()
        if events:
            events.add_image(name, pixels, step)

    def close(self) -> None:
        """Write the last events and close their file."""
        if self._events:
            self._events.close()

    def _opened(self):
        if self._events is None and self._possible:
            try:
                self._events = _Events(self._folder)
            except ImportError:  # JAX without TensorFlow: there are no events, but log.jsonl has the same figures
                self._possible = False
        return self._events


class _Events:
    def __init__(self, folder):
        import tensorflow as tf

        self._summary = tf.summary
        with tf.device("CPU"):
            self._file = tf.summary.create_file_writer(os.fsencode(folder))  # bytes: a name may not be UTF-8

    def add_scalar(self, name, value, step):
        with self._file.as_default():
            self._summary.scalar(name, value, step=step)

    def add_image(self, name, pixels, step):
        with self._file.as_default():
            self._summary.image(name, pixels[None], step=step)
        self._file.flush()

    def close(self):
        self._file.close()


def diagnose(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """Log entries -> one line that says what went wrong and what to do, or None. It compares means of 50 entries.

    The generator has collapsed if its pictures differ from each other less than half as much as earlier in the
    training, or less than 0.05 times as much as real pictures. The discriminator dominates if it is right on more than
    99 % of the real and of the fake pictures: then the generator has almost nothing to learn from.
    """
    entries = [entry for entry in entries if "spread" in entry]  # entries of the warm-up have none
    windows = [entries[end - 50 : end] for end in range(len(entries), 49, -50)]
    if not windows:
        return None

    def mean(window, name):
        return sum(entry[name] for entry in window) / len(window)

    spread, *before = [mean(window, "spread") for window in windows]
    if spread < max(0.05, max(before, default=0) / 2):
        return ("the generator draws nearly the same picture for every z (mode collapse): start a new run with a lower "
                "--learning-rate or --augment translation mirror")  # fmt: skip
    right = min(mean(windows[0], "real_right"), mean(windows[0], "fake_right"))
    if right > 0.99:
        return ("the discriminator is always right and the generator no longer learns: "
                "try softer labels, --augment translation mirror, or narrower --discriminator-widths")  # fmt: skip
    return None
