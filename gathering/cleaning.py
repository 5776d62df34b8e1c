"""Which crops a training set is better without: measures on their pixels, and which faces are there already."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from gathering import detectors

# All measures are taken at this size, so that one threshold fits crops of any size.
MEASURED = 64


def measured(pixels: np.ndarray, square: detectors.Square | None = None) -> np.ndarray:
    """uint8 (H, W, 3) -> a square of it in grey, float32 (64, 64) [0, 255], for the measures below.

    Without a square, its upper left one that is as large as can be.
    """
    height, width = pixels.shape[:2]
    crop = detectors.cut_square(pixels, square or detectors.Square(0, 0, min(height, width)), MEASURED)
    return np.asarray(Image.fromarray(crop).convert("L"), np.float32)


def contrast(grey: np.ndarray) -> float:
    """Grey (64, 64) -> the standard deviation of its values, [0, 127.5]. 0 is one single colour."""
    return float(grey.std())


def sharpness(grey: np.ndarray) -> float:
    """Grey (64, 64) -> standard deviation of its Laplacian divided by that of its values, [0, 8].

    Brightness and contrast do not change it. Of 20,000 published training faces the least sharp one has 0.216 and
    the median is 1.17. Blurred with a sigma of 1.5 pixels, even the sharpest per cent of them has at most 0.164.
    """
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    spread = contrast(grey)
    return float(laplacian.std() / spread) if spread else 0.0


def colour(crop: np.ndarray) -> float:
    """uint8 (H, W, 3) -> how much colour there is beside that of the tone, in units of CIE Lab; 0 is one single hue.

    Where the brightness says the hue, a crop is grey, sepia, or printed in one colour. So what counts is how far the
    hues are from a curve through the brightness, without the farthest 5 % of the pixels. A median face has 25, and of
    5,000 published faces none is below 4. docs/research/preprocess.md has what is below 3.
    """
    import cv2

    lab = cv2.blur(cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), (3, 3)).reshape(-1, 3)
    light, hues = lab[:, :1] / 100, lab[:, 1:]
    curve = np.concatenate([np.ones_like(light), light, light**2], axis=1)
    beside = hues - curve @ np.linalg.lstsq(curve, hues, rcond=None)[0]
    return float(np.percentile(np.linalg.norm(beside, axis=1), 95))


def company(box: Sequence[float], square: Sequence[float], others: Iterable[Sequence[float]]) -> float:
    """A face's box (x, y, width, height), its square (left, top, side), and other boxes -> the largest part of the
    square that another face takes, [0, 1].

    A box is the same face found twice if the middle of one lies in the other. A face of which hardly a third is in the
    square is no face there.
    """
    left, top, side = square[:3]
    largest = 0.0
    for other in others:
        x, y, width, height = other
        across = min(left + side, x + width) - max(left, x)
        down = min(top + side, y + height) - max(top, y)
        inside = max(across, 0) * max(down, 0)
        if inside > 0.3 * width * height and not (_has_middle(box, other) or _has_middle(other, box)):
            largest = max(largest, inside / side**2)
    return largest


def _has_middle(box, other):
    """Whether the middle of the other box lies in a box."""
    x, y = other[0] + other[2] / 2, other[1] + other[3] / 2
    return box[0] < x < box[0] + box[2] and box[1] < y < box[1] + box[3]


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """Grey (64, 64) -> 256 bits, uint64 (4,): which of the lowest 16x16 cosine waves are above their median.

    Another encoding, size or brightness changes few bits; another drawing changes about half of them. A
    perceptual hash usually has 64 bits. Faces that are cut alike are more alike than other pictures, so this has 256.
    """
    import cv2

    waves = cv2.dct(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA))[:16, :16].ravel()
    return np.packbits(waves > np.median(waves)).view(">u8").astype(np.uint64)


INDEXED = 24  # bits: for near duplicates that differ by more, all faces are compared
TAIL = 4096  # faces that are compared one by one before they are put into the index
CHUNK = 65_536  # faces whose bits are unpacked at a time


class Seen:
    """The perceptual hashes and the names of all faces that are kept.

    Two hashes of which at most d bits differ are equal in at least one of d + 1 parts. So only those faces are compared
    that are equal in some part. The index has the faces in the order of each part's values. A face takes 32 bytes, six
    bytes for each part, and its name.
    """

    def __init__(self, within: int = 0) -> None:
        """`within`: the most bits that `nearest` will be asked for."""
        self._hashes = np.empty((4, 1024), np.uint64)  # one row per word: the first words are compared in one sweep
        self.names: list[str] = []
        self._parts = _parts(within + 1 if within <= INDEXED else 0)
        self._index: list[tuple[np.ndarray, np.ndarray]] = []  # of each part: sorted values, the places of their faces
        self._indexed = 0  # faces that are in the index

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str, bits: np.ndarray) -> None:
        """Remember the face `name` with its perceptual hash, uint64 (4,)."""
        if len(self) == self._hashes.shape[1]:
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)], axis=1)
        self._hashes[:, len(self)] = bits
        self.names.append(name)
        # Sorted anew whenever a sixteenth more has come: altogether that is the work of seventeen sorts.
        if self._parts.size and len(self) - self._indexed > max(TAIL, self._indexed // 16):
            self._sort()

    def _sort(self):
        self._indexed = len(self)
        chunks = [_values(self._hashes[:, start : min(start + CHUNK, len(self))], self._parts)
                  for start in range(0, len(self), CHUNK)]  # fmt: skip
        orders = [(row, np.argsort(row, kind="stable").astype(np.uint32)) for row in np.concatenate(chunks).T]
        self._index = [(row[order], order) for row, order in orders]

    def nearest(self, bits: np.ndarray, within: int) -> tuple[str, int] | None:
        """A hash, uint64 (4,) -> (name, bits that differ) of the nearest face; None if more than `within` differ."""
        tail = np.arange(self._indexed, len(self))
        first = np.bitwise_count(self._hashes[0, self._indexed : len(self)] ^ bits[0])
        near = np.unique(np.concatenate([*self._equal(bits), tail[first <= within]]))
        distances = np.bitwise_count(self._hashes[:, near] ^ bits[:, None]).sum(axis=0, dtype=np.int64)
        if distances.size == 0 or distances.min() > within:
            return None
        best = int(distances.argmin())
        return self.names[near[best]], int(distances[best])

    def _equal(self, bits):
        """A hash -> for each part the places of the faces in the index that are equal to it there."""
        if not self._indexed:
            return []
        found = []
        for value, (values, places) in zip(_values(bits[:, None], self._parts)[0], self._index, strict=True):
            start, stop = values.searchsorted(value, "left"), values.searchsorted(value, "right")
            found.append(places[start:stop])
        return found


def _parts(count):
    """A number of parts -> what turns 256 bits into their values, (256, count).

    A part has bits from everywhere, because neighbouring ones say nearly the same; sixteen at most.
    """
    weights = np.zeros((256, count), np.float32)
    for part in range(count):
        own = np.arange(part, 256, count)[:16]
        weights[own, part] = 2.0 ** np.arange(len(own))
    return weights


def _values(hashes, parts):
    """Hashes, uint64 (4, N) -> the values of their parts, uint16 (N, parts)."""
    bits = np.unpackbits(np.ascontiguousarray(hashes.T).view(np.uint8), axis=1)
    return (bits.astype(np.float32) @ parts).astype(np.uint16)
