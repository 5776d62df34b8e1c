"""What a training sees of a set of pictures: which part of it, in which order, in which batches."""

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

VALIDATION = 1000  # pictures at most; and the size of a set that is large enough to be split
AHEAD = 2  # inputs that threads make before they are needed

Call = TypeVar("Call")
Made = TypeVar("Made")


class Pictures(Protocol):
    """A set of pictures: pictures[indices] -> uint8 (len(indices), H, W, C)."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any) -> np.ndarray: ...


class Part:
    """Some of the pictures of a set, as a set of its own."""

    def __init__(self, faces: Pictures, indices: np.ndarray):
        """`indices` (N,): the places of the pictures in the whole set."""
        self._faces, self._indices = faces, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, indices: Any) -> np.ndarray:
        return self._faces[self._indices[indices]]


def split(faces: Pictures) -> tuple[Part, Part]:
    """A set -> (the part to train on, the validation part: a twentieth, but at most VALIDATION pictures).

    The validation pictures are taken evenly from the whole set, which is often sorted by source or year. A set of
    fewer than VALIDATION pictures is trained on whole; its validation part is empty.
    """
    count = min(len(faces) // 20, VALIDATION) if len(faces) >= VALIDATION else 0
    held = (np.arange(count) + 1) * len(faces) // max(count, 1) - 1
    return Part(faces, np.setdiff1d(np.arange(len(faces)), held)), Part(faces, held)


def is_test_photo(names: Iterable[str]) -> np.ndarray:
    """Names of photos -> bool (N,): the photos that are never trained on, only measured on. They are one in ten.

    The name alone decides: its last number ends in 9; of a name without a number, the CRC-32 of the name does.
    """

    def number(name):
        digits = re.findall(r"\d+", PurePath(name).stem)
        return int(digits[-1]) if digits else zlib.crc32(PurePath(name).name.encode())

    return np.array([number(name) % 10 == 9 for name in names], bool)


class Order:
    """Which pictures step after step sees: every picture once per epoch, in an order drawn from (seed, epoch)."""

    def __init__(self, count: int, batch_size: int, seed: int):
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._drawn: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def epoch(self, step: int) -> int:
        """The epoch, from 0, in which the batch of `step` begins."""
        return step * self.batch_size // self.count

    def indices(self, step: int) -> np.ndarray:
        """Step, from 0 -> the (batch_size,) indices of its pictures."""
        places = step * self.batch_size + np.arange(self.batch_size)
        epochs, places = np.divmod(places, self.count)
        batch = np.empty(self.batch_size, np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            batch[here] = self._permutation(int(epoch))[places[here]]
        return batch

    def _permutation(self, epoch):
        # The 1 keeps an epoch's draws apart from those of the step of the same number.
        drawn, permutation = self._drawn
        if drawn != epoch:
            permutation = np.random.default_rng((self.seed, epoch, 1)).permutation(self.count)
            self._drawn = epoch, permutation  # in one go: several threads ask
        return permutation


@contextlib.contextmanager
def prefetched(make: Callable[[Call], Made], calls: Iterable[Call]) -> Iterator[Iterator[Made]]:
    """An iterator over make(call) for each call, in order, made by other threads, AHEAD of need."""
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
