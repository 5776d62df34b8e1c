"""Drawn faces -> the same faces, larger, by an upscaler: the shipped one, or one of the user's own."""

import functools
from pathlib import Path

import numpy as np

from animefaces import images, runs
from animefaces.problems import Misuse, Problem
from drawing.choosing import SCALES
from drawing.networks import Network
from drawing.opening import opened

SHIPPED = runs.PRETRAINED / runs.UPSCALER
SCALE = SCALES[-1]  # what an upscaler does; a smaller scale is made of it
ROUNDING = 2  # in a grey face, the channels of a pixel differ by no more


class Enlarger:
    """What makes drawn faces larger."""

    def __init__(self, scale: int, file: Path | None = None):
        """`scale`: 1, 2 or 4. `file`: the upscaler, as `open_upscaler` takes it. Raises Misuse and Problem."""
        if scale == 1 and file:
            raise Misuse("--upscaler draws larger faces, and these are not enlarged: add --scale 4, or leave it out")
        self.scale = scale
        self.draw = None
        if scale > 1:
            self.draw = _shipped() if file is None else open_upscaler(file)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Faces, uint8 (N, H, W, C) -> (N, scale * H, scale * W, C).

        Each face is enlarged alone, so it is the same to the bit whatever other faces come with it. Grey faces stay
        grey: an upscaler, which has seen faces in colours, gives them a tint.
        """
        if self.draw is None or not len(pixels):
            return pixels
        colour = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
        large = images.to_pixels(self.draw(images.to_network(colour)))
        fitted = np.stack([grey_like(face, self._fitted(one)) for face, one in zip(pixels, large, strict=True)])
        return fitted[..., : pixels.shape[-1]]

    def _fitted(self, face):
        import cv2

        if self.scale != SCALE:
            side = face.shape[1] * self.scale // SCALE, face.shape[0] * self.scale // SCALE
            face = cv2.resize(face, side, interpolation=cv2.INTER_AREA)
        return face


def grey_like(face: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A face and other pixels of it, uint8 (..., 3) -> these in grey, the mean of the channels, if the face is grey."""
    if np.ptp(face, axis=-1).max() > ROUNDING:
        return pixels
    return pixels.mean(axis=-1, keepdims=True).round().astype(np.uint8).repeat(3, axis=-1)


@functools.cache
def _shipped():
    return open_upscaler()


def open_upscaler(file: Path | None = None) -> Network:
    """A .keras file, a run folder of train.py upscaler, or None for the shipped one -> its upscaler.

    It maps images (B, H, W, 3) in [-1, 1] to (B, 4 * H, 4 * W, 3). Raises Problem.
    """
    path = SHIPPED if file is None else file / runs.UPSCALER if file.is_dir() else file
    remedy = "train an upscaler with python train.py upscaler, or name another one"
    if not path.exists():
        raise Problem(f"{path} does not exist: {remedy}")
    network = opened(path, "upscaler", remedy)
    small, large = np.zeros((1, 8, 8, 3), np.float32), (1, 8 * SCALE, 8 * SCALE, 3)
    if network.input_shape != (None, None, None, 3) or network(small).shape != large:
        raise Problem(f"{path} does not enlarge pictures {SCALE} times: {remedy}")
    return network
