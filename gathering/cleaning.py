"""Which crops a training set is better without: measures on pixels, and what was seen before."""

import numpy as np
from PIL import Image

from gathering import detectors

# All measures are taken at this size, so that one threshold fits crops of any size.
MEASURED = 64


def measured(pixels, square=None):
    """uint8 (H, W, 3), or the square (left, top, side) of it -> grey float32 (64, 64) [0, 255], to be measured."""
    height, width = pixels.shape[:2]
    crop = detectors.cut_square(pixels, square or (0, 0, min(height, width)), MEASURED)
    return np.asarray(Image.fromarray(crop).convert("L"), np.float32)


def contrast(grey):
    """Standard deviation of the grey values, [0, 127.5]. 0 is one single colour."""
    return float(grey.std())


def sharpness(grey):
    """Spread of the Laplacian over spread of the grey values, [0, 8]: free of brightness and contrast.

    Of 20,000 published training faces the least sharp has 0.216, the median 1.17; the sharpest per cent
    of them, blurred with a sigma of 1.5 pixels, has at most 0.164.
    """
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    spread = contrast(grey)
    return float(laplacian.std() / spread) if spread else 0.0


def perceptual_hash(grey):
    """Grey (64, 64) -> 256 bits, uint64 (4,): which of the lowest 16x16 cosine waves are above their median.

    Re-encoding, resizing and brightness turn few bits; another drawing turns about half. The bits are
    four times the usual 64: faces cut alike are more alike than pictures at large.
    """
    import cv2

    waves = cv2.dct(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA))[:16, :16].ravel()
    return np.packbits(waves > np.median(waves)).view(">u8").astype(np.uint64)


class Seen:
    """The hashes of all faces kept so far, each with its name: 32 bytes and the name for each."""

    def __init__(self):
        self._hashes = np.empty((4, 1024), np.uint64)  # one row per word, so that the first is read in one sweep
        self.names = []

    def __len__(self):
        return len(self.names)

    def add(self, name, bits):
        """Remember the face `name` with its perceptual hash, uint64 (4,)."""
        if len(self) == self._hashes.shape[1]:
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)], axis=1)
        self._hashes[:, len(self)] = bits
        self.names.append(name)

    def nearest(self, bits, within):
        """A hash -> (name, bits that differ) of the nearest face, or None where none is `within` that many bits."""
        # A plain sweep: a million faces cost a millisecond or two each, far less than finding one does.
        first = np.bitwise_count(self._hashes[0, : len(self)] ^ bits[0])
        near = np.flatnonzero(first <= within)
        distances = np.bitwise_count(self._hashes[:, near] ^ bits[:, None]).sum(axis=0, dtype=np.int64)
        if distances.size == 0 or distances.min() > within:
            return None
        best = int(distances.argmin())
        return self.names[near[best]], int(distances[best])
