"""How far long work has come: a bar in a terminal, and a plain line every minute where there is none."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TextIO

from tqdm import tqdm

EVERY = 60.0  # seconds between two plain lines, and before the first one
PLURALS = {"batch": "batches", "copy": "copies", "img": "img", "s": "s"}  # the others end in s
SHARE = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"  # the bar of a share


class Bar:
    """The progress of some work. Iterate over it, or call `update`; use it as a context, so that it is closed.

    `total`: how much there is to do, as far as known; `initial`: how much is done already. `unit`: what is counted, or
    "" if the total is 1 and the progress is a share. The time left is what the rest takes at the mean speed so far.
    """

    def __init__(
        self, steps: Iterable[Any] | None = None, total: float | None = None, desc: str = "", unit: str = "",
        initial: float = 0,
    ):  # fmt: skip
        self._steps, self._desc, self._unit, self._words = () if steps is None else steps, desc, unit, ""
        self._total = len(steps) if total is None and isinstance(steps, Sized) else total
        self.n = self._initial = initial
        self._start = self._told = time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty():
            width, height = shutil.get_terminal_size()  # not left to tqdm, which shows nothing where a terminal says 0
            self._bar = tqdm(
                total=self._total, desc=desc, unit=unit, initial=initial, smoothing=0, ncols=width, nrows=height,
                bar_format=None if unit else SHARE,
            )  # fmt: skip

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *fault: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __iter__(self) -> Iterator[Any]:
        with self:
            for step in self._steps:
                yield step
                self.update()

    def update(self, n: float = 1) -> None:
        """Count `n` more as done."""
        self.n += n
        if self._bar is not None:
            self._bar.update(n)
        elif (now := time.monotonic()) - self._told >= EVERY:
            self._told = now
            print(self.line(now - self._start), file=sys.stderr)

    def note(self, words: str) -> None:
        """Words to show beside the progress from now on."""
        self._words = words
        if self._bar is not None:
            self._bar.set_postfix_str(words)

    def write(self, text: str, file: TextIO | None = None) -> None:
        """Print a line, on stdout or on `file`, above the bar."""
        if self._bar is not None:
            self._bar.write(text, file=file or sys.stdout)
        else:
            print(text, file=file)

    def line(self, passed: float) -> str:
        """The progress after `passed` seconds, in words."""
        share = f"{self.n / self._total:.0%}" if self._total else ""
        most = self.n if self._total is None else self._total
        units = self._unit if most == 1 else PLURALS.get(self._unit, self._unit + "s")
        count = f"{self.n:,}" + (f" of {self._total:,}" if self._total else "") + f" {units}"
        done, left = self.n - self._initial, ""
        if self._total and done > 0:
            left = f"about {tqdm.format_interval(round(passed * (self._total - self.n) / done))} left"
        parts = [count if self._unit else "", share, self._words, f"{tqdm.format_interval(passed)} passed", left]
        return f"{self._desc}: " + ", ".join(part for part in parts if part)
