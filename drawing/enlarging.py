"""Drawn faces -> the same faces, larger, by the shipped upscaler."""

import numpy as np

from animefaces import images, runs
from drawing.opening import opened
from models import engine
from models.upscaler import SCALE

FILE = runs.PRETRAINED / "upscaler.keras"


class Enlarger:
    """What enlarges drawn faces."""

    def __init__(self):
        self.network = opened(FILE, "upscaler")

    def enlarged(self, pixels: np.ndarray, scale: int) -> np.ndarray:
        """Faces, uint8 (N, H, W, C) -> (N, scale * H, scale * W, C). `scale`: 1, 2 or 4.

        Each face is enlarged alone, so it is the same to the bit whatever other faces come with it.
        """
        if scale == 1 or not len(pixels):
            return pixels
        colour = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
        with engine.faults():
            large = [self._alone(images.to_network(face)) for face in colour]
        return np.stack([self._fitted(images.to_pixels(one), scale, pixels.shape[-1]) for one in large])

    def _alone(self, face):
        """One face (H, W, 3) in [-1, 1] -> four times as large, without a tint: its mean colour stays."""
        large = np.asarray(self.network(face[None], training=False))[0]
        return large + (face.mean(axis=(0, 1)) - large.mean(axis=(0, 1)))

    def _fitted(self, face, scale, channels):
        import cv2

        if scale != SCALE:
            side = face.shape[1] * scale // SCALE, face.shape[0] * scale // SCALE
            face = cv2.resize(face, side, interpolation=cv2.INTER_AREA)
        return face if channels == 3 else face.mean(axis=-1, keepdims=True).round().astype(np.uint8)
