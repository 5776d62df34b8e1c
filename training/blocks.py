"""Scenes, ready for training: several processes make them, far faster than one, and none of them loads Keras."""

import contextlib
import multiprocessing
import threading
import weakref
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np

from animefaces import hardware, signals
from animefaces.problems import Problem
from training.scenes import SIDE, Maker
from training.stock import Stock

CHUNK = 32  # scenes that a process makes at a time
MOST = 61  # processes; Windows waits for no more than 63 at once

_of_worker: dict[str, Maker] = {}  # what a worker process gets once


def _start_worker(folder, seed):
    signals.leave_to_parent()
    _of_worker["maker"] = Maker(Stock.open(folder), seed)


def _made(start, stop):
    return _of_worker["maker"].scenes(start, stop)


@contextlib.contextmanager
def _gone():
    """Within this context, the end of a process that makes scenes becomes a Problem."""
    try:
        yield
    except BrokenExecutor as fault:
        raise Problem("a process that makes scenes was ended, and the memory may be full: start the same command "
                      "again; it continues from the last saved state") from fault  # fmt: skip


def _give_up(pool, promised):
    for future in (future for futures in promised.values() for future in futures):
        future.cancel()
    pool.shutdown(wait=False)


class Blocks:
    """Blocks of scenes, made by several processes: while one block is used, the next one is made."""

    def __init__(self, folder: Path, seed: int, size: int):
        """`folder`: of a Stock. `size`: scenes of a block."""
        self.size = size
        self._lock = threading.Lock()  # several threads prepare batches
        self._made: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._promised: dict[int, list[Future]] = {}
        # Spawned, not forked: a fork gets a copy of each lock that a thread of this process holds.
        count = min(max(1, hardware.threads() - 1), MOST)
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start_worker, (folder, seed))
        # At its end a program waits for all that is promised. Nobody needs the block in the making any more.
        weakref.finalize(self, _give_up, self._pool, self._promised)

    def block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Number of a block -> pixels uint8 (size, SIDE, SIDE, 3), and faces as Maker.scenes gives them.

        Raises Problem if a process that makes scenes has ended.
        """
        with self._lock, _gone():
            self.promise(number)
            self.promise(number + 1)
            if number not in self._made:
                pixels = np.empty((self.size, SIDE, SIDE, 3), np.uint8)
                faces = []
                for i, future in enumerate(self._promised.pop(number)):
                    some, rows = future.result()
                    pixels[i * CHUNK : i * CHUNK + len(some)] = some
                    faces.append(rows)
                self._made = {key: made for key, made in self._made.items() if key == number - 1}
                self._made[number] = pixels, np.concatenate(faces)
            return self._made[number]

    def promise(self, number: int) -> None:
        """Let the processes make a block, unless it is there or in the making."""
        if number in self._made or number in self._promised:
            return
        first = number * self.size
        starts = range(first, first + self.size, CHUNK)
        ends = [min(start + CHUNK, first + self.size) for start in starts]
        self._promised[number] = list(map(self._pool.submit, [_made] * len(ends), starts, ends))
