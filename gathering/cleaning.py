"""Which crops a training set is better without: measures on their pixels, and which faces are there already."""

import numpy as np
from PIL import Image

from gathering import detectors

# All measures are taken at this size, so that one threshold fits crops of any size.
MEASURED = 64


def measured(pixels: np.ndarray, square: detectors.Square | None = None) -> np.ndarray:
    """uint8 (H, W, 3) -> the square (left, top, side) of it in grey, float32 (64, 64) [0, 255], for the measures below.

    Without a square, its upper left one that is as large as can be.
    """
    height, width = pixels.shape[:2]
    crop = detectors.cut_square(pixels, square or (0, 0, min(height, width)), MEASURED)
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


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """Grey (64, 64) -> 256 bits, uint64 (4,): which of the lowest 16x16 cosine waves are above their median.

    Another encoding, size or brightness changes few bits; another drawing changes about half of them. A
    perceptual hash usually has 64 bits. Faces that are cut alike are more alike than other pictures, so this has 256.
    """
    import cv2

    waves = cv2.dct(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA))[:16, :16].ravel()
    return np.packbits(waves > np.median(waves)).view(">u8").astype(np.uint64)


class Seen:
    """The perceptual hashes and the names of all faces that are kept. A face takes 32 bytes and its name."""

    def __init__(self) -> None:
        self._hashes = np.empty((4, 1024), np.uint64)  # one row per word: the first words are compared in one sweep
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str, bits: np.ndarray) -> None:
        """Remember the face `name` with its perceptual hash, uint64 (4,)."""
        if len(self) == self._hashes.shape[1]:
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)], axis=1)
        self._hashes[:, len(self)] = bits
        self.names.append(name)

    def nearest(self, bits: np.ndarray, within: int) -> tuple[str, int] | None:
        """A hash, uint64 (4,) -> (name, bits that differ) of the nearest face; None if more than `within` differ."""
        # All faces are compared. With a million of them that takes a millisecond or two, far less than finding a face.
        first = np.bitwise_count(self._hashes[0, : len(self)] ^ bits[0])
        near = np.flatnonzero(first <= within)
        distances = np.bitwise_count(self._hashes[:, near] ^ bits[:, None]).sum(axis=0, dtype=np.int64)
        if distances.size == 0 or distances.min() > within:
            return None
        best = int(distances.argmin())
        return self.names[near[best]], int(distances[best])
