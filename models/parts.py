"""The parts of a drawn face: which pixels are skin, hair, eyes or something else; where eyes, nose and mouth are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.engine import keras, layers
from models.regions import PARTS

SIDE = 64  # of the faces that it takes, in pixels
COARSE = 8  # the places follow from the shares of skin and eyes in COARSE x COARSE squares


def build_parts(widths: Sequence[int] = (16, 32, 48, 64)) -> keras.Model:
    """-> a U-Net (Ronneberger et al. 2015): faces (B, 64, 64, 3) -> the probabilities of PARTS (B, 64, 64, 4)."""
    images = x = keras.Input((SIDE, SIDE, 3), name="images")
    kept = []
    for i, width in enumerate(widths):
        x = _convolution(x, width, 2 if i else 1)
        x = _convolution(x, width) if i else x
        kept.append(x)
    x = _convolution(x, widths[-1])
    for width, before in zip(widths[-2::-1], kept[-2::-1], strict=True):
        x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), before])
        x = _convolution(x, width)
    x = layers.Conv2D(len(PARTS), 1, activation="softmax", dtype="float32", name="parts")(x)
    return keras.Model(images, x, name="parts")


def _convolution(x, channels, strides=1):
    x = layers.Conv2D(channels, 3, strides, padding="same", use_bias=False)(x)
    return layers.LeakyReLU(0.1)(layers.BatchNormalization()(x))


def with_places(parts: keras.Model, kernel: np.ndarray, bias: np.ndarray) -> keras.Model:
    """A network of `build_parts`, and a linear map of `coarse` -> faces -> both results in one array (B, ...).

    First come the parts, (64, 64, 4), then the places: x and y of each, as shares of the face's side.
    """
    pooled = _coarse(parts.output)
    places = layers.Dense(len(bias), dtype="float32", name="places")
    found = places(pooled)
    places.set_weights([kernel, bias])
    both = layers.Concatenate(dtype="float32", name="both")([layers.Flatten()(parts.output), found])
    return keras.Model(parts.input, both, name="parts")


def coarse(parts: keras.Model) -> keras.Model:
    """A network of `build_parts` -> faces -> what the places follow from, (B, 4 * COARSE * COARSE)."""
    return keras.Model(parts.input, _coarse(parts.output))


def _coarse(probabilities: Any) -> Any:
    return layers.Flatten()(layers.AveragePooling2D(SIDE // COARSE)(probabilities))
