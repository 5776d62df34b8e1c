"""The log of a training: its figures in log.jsonl and as TensorBoard events, and a diagnosis of a failed training."""

import contextlib
import io
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import images
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
        # TensorBoard knows the file by its first words.
        self._events = run / "events" / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"
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
        self._show(int(entry["step"]), [{"tag": n, "simple_value": x} for n, x in entry.items() if n != "step"])

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """Log a picture, uint8 (H, W, C), in the TensorBoard events."""
        height, width, channels = pixels.shape
        data = io.BytesIO()
        images.to_image(pixels).save(data, "PNG")
        image = {"height": height, "width": width, "colorspace": channels, "encoded_image_string": data.getvalue()}
        self._show(step, [{"tag": name, "image": image}])

    def _show(self, step, values):
        # The writers of tensorboard load TensorFlow where it is installed: with JAX that takes seconds, and memory of
        # the GPU that trains. Its records need neither.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        new = [{"step": step, "summary": {"value": values}}]
        if not self._events.exists():
            self._events.parent.mkdir(exist_ok=True)
            new.insert(0, {"file_version": "brain.Event:2"})
        with naming(self._events), self._events.open("ab") as file:
            for content in new:
                RecordWriter(file).write(Event(wall_time=time.time(), **content).SerializeToString())


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
