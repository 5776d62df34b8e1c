"""A set of pictures -> the part to train on and the part to validate on, and the batches of every training step."""

import collections
import contextlib
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import Any, Protocol, TypeVar

import numpy as np

VALIDATION = 1000  # most pictures in the validation part; smaller sets have no validation part
AHEAD = 2  # results that `prefetched` prepares before they are needed

Call = TypeVar("Call")
Made = TypeVar("Made")


class Pictures(Protocol):
    """A set of pictures: pictures[indices] -> uint8 (len(indices), H, W, C)."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any) -> np.ndarray: ...


class Part:
    """A set that holds some of the pictures of another set."""

    def __init__(self, faces: Pictures, indices: np.ndarray):
        """`indices` (N,): the indices of the pictures in the whole set."""
        self._faces, self._indices = faces, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, indices: Any) -> np.ndarray:
        return self._faces[self._indices[indices]]


def split(faces: Pictures) -> tuple[Part, Part]:
    """A set -> (the part to train on, the validation part: 1/20 of the set, but at most VALIDATION pictures).

    The validation pictures are spread evenly over the whole set, because a set is often sorted by source or year. In a
    set of fewer than VALIDATION pictures, the validation part is empty.
    """
    count = min(len(faces) // 20, VALIDATION) if len(faces) >= VALIDATION else 0
    held = (np.arange(count) + 1) * len(faces) // max(count, 1) - 1
    return Part(faces, np.setdiff1d(np.arange(len(faces)), held)), Part(faces, held)


def is_test_photo(names: Iterable[str]) -> np.ndarray:
    """Names of photos -> bool (N,): True for test photos, one in ten. Training leaves them out; benchmarks use them.

    The decision depends only on the file name. A photo is a test photo if the last number in its name ends in 9: for a
    photo in an array ("photos.npy[19]") that is its place there. If the name has no number, the CRC-32 of the name
    decides in the same way.
    """

    def number(name):
        digits = re.findall(r"\d+", name if name.endswith("]") else PurePath(name).stem)
        return int(digits[-1]) if digits else zlib.crc32(PurePath(name).name.encode("utf-8", "surrogateescape"))

    return np.array([number(name) % 10 == 9 for name in names], bool)


class Order:
    """The pictures of each training step: every picture once per epoch, in a random order drawn from (seed, epoch)."""

    def __init__(self, count: int, batch_size: int, seed: int):
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._drawn: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def epoch(self, step: int) -> int:
        """Step, from 0 -> the epoch, from 0, in which its batch begins."""
        return step * self.batch_size // self.count

    def indices(self, step: int) -> np.ndarray:
        """Step, from 0 -> the indices of its pictures (batch_size,)."""
        places = step * self.batch_size + np.arange(self.batch_size)
        epochs, places = np.divmod(places, self.count)
        batch = np.empty(self.batch_size, np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            batch[here] = self._permutation(int(epoch))[places[here]]
        return batch

    def _permutation(self, epoch):
        # The 1 is there because (seed, step) seeds the random numbers of a step: an epoch needs other ones.
        drawn, permutation = self._drawn
        if drawn != epoch:
            permutation = np.random.default_rng((self.seed, epoch, 1)).permutation(self.count)
            self._drawn = epoch, permutation  # in one assignment, because several threads use it
        return permutation


def stacked(batch: Callable[[int], Iterable[Any]], step: int, count: int) -> list[np.ndarray]:
    """A function from a step to its inputs -> the inputs of `count` steps from `step` on, each (count, ...)."""
    return [np.stack(parts) for parts in zip(*(batch(step + i) for i in range(count)), strict=True)]


@contextlib.contextmanager
def prefetched(make: Callable[[Call], Made], calls: Iterable[Call]) -> Iterator[Iterator[Made]]:
    """A function and its arguments -> an iterator over make(call) for each call, in the same order.

    AHEAD other threads compute the results before they are needed.
    """
    calls = iter(calls)
    with ThreadPoolExecutor(AHEAD) as pool:

        def results():
            pending = collections.deque(pool.submit(make, call) for call in itertools.islice(calls, AHEAD))
            while pending:
                ready = pending.popleft().result()
                pending.extend(pool.submit(make, call) for call in itertools.islice(calls, 1))
                yield ready

        try:
            yield results()
        finally:
            pool.shutdown(cancel_futures=True)
