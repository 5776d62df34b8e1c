"""DCGAN (Radford et al. 2016) and similar networks, built from functional blocks.

Generators: z (B, latent) -> images (B, size, size, channels) in [-1, 1].
Discriminators: images -> logits (B, 1), positive means real.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models import engine
from models.engine import keras, layers

BESIDE = "beside_mirror_image"


def init() -> keras.initializers.Initializer:
    """DCGAN's N(0, 0.02^2). Each layer needs its own: a shared one gives layers of one shape the same weights."""
    return keras.initializers.RandomNormal(stddev=0.02)


def normalise(x: Any) -> Any:
    """Batch normalisation of features of any shape, with the constants that DCGANs were made with."""
    # synchronized: the statistics are those of the whole batch, also when several devices share it.
    return engine.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=engine.replicas() > 1)(x)


def activate(x: Any, slope: float) -> Any:
    """ReLU if the slope is 0, else LeakyReLU."""
    return layers.LeakyReLU(slope)(x) if slope else layers.ReLU()(x)


def upsample(x: Any, channels: int, kernel: int, stride: int) -> Any:
    """(B, H, W, C) -> (B, stride * H, stride * W, channels), without activation."""
    # If the kernel is a multiple of the stride, every pixel is a sum of equally many terms: no checkerboard.
    return engine.Conv2DTranspose(
        channels, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=init()
    )(x)


def subsample_chroma(images: Any) -> Any:
    """Images (B, H, W, 3) -> images of the same brightness, with colour at half the resolution, in [-1, 1].

    JPEG files store pictures like this (4:2:0). It keeps G from drawing coloured checkerboards.
    """
    exact, mean = {"dtype": "float32"}, keras.initializers.Constant(1 / 3)
    grey = layers.Conv2D(1, 1, use_bias=False, kernel_initializer=mean, trainable=False, **exact)
    small = layers.AveragePooling2D(2, **exact)(images)
    colour = layers.Subtract(**exact)([small, grey(small)])
    colour = layers.UpSampling2D(interpolation="bilinear", **exact)(colour)
    return layers.Activation("hard_tanh", name="subsampled", **exact)(layers.Add(**exact)([colour, grey(images)]))


def grey(images: Any) -> Any:
    """Images (B, H, W, 3) -> their luma (ITU-R BT.601, as Pillow has it) in each of the three channels."""
    kernel = keras.initializers.Constant([[[[weight] * 3 for weight in (0.299, 0.587, 0.114)]]])
    luma = layers.Conv2D(3, 1, use_bias=False, kernel_initializer=kernel, trainable=False, dtype="float32", name="grey")
    return luma(images)


def beside_mirror_image(images: Any) -> Any:
    """Images (B, H, W, C) -> (B, H, W, 2 * C): each pixel, and the pixel at the same place of the mirror image.

    The last layer is called BESIDE. A product with a fixed matrix turns the rows, since Keras has no layer that does.
    """
    width = images.shape[2]
    turning = keras.initializers.Constant(np.eye(width)[::-1].tolist())
    turn = layers.Dense(width, use_bias=False, kernel_initializer=turning, trainable=False)
    mirrored = layers.Permute((1, 3, 2))(turn(layers.Permute((1, 3, 2))(images)))
    return layers.Concatenate(name=BESIDE)([images, mirrored])


def sees_mirror_image(network: keras.Model) -> bool:
    """Whether a discriminator has the layers of `beside_mirror_image`."""
    return any(layer.name == BESIDE for layer in network.layers)


def downsample(x: Any, channels: int, kernel: int) -> Any:
    """(B, H, W, C) -> (B, H / 2, W / 2, channels), without activation."""
    return engine.Conv2D(channels, kernel, strides=2, padding="same", use_bias=False, kernel_initializer=init())(x)


def logit(x: Any) -> Any:
    """Features of any shape -> logits (B, 1), float32 also where the rest computes in less."""
    return layers.Dense(1, use_bias=False, kernel_initializer=init(), dtype="float32")(layers.Flatten()(x))


def divided(size: int, divisor: int, widths: str) -> int:
    """Side of the images in pixels -> the side of maps that are `divisor` times smaller.

    `widths`: what asks for that, in words. Raises ValueError if the size is no multiple of the divisor.
    """
    side, rest = divmod(size, divisor)
    if rest or not side:
        raise ValueError(f"{widths} need a size that is a multiple of {divisor}, not {size}")
    return side


def build_generator(
    size: int,
    channels: int,
    latent: int,
    widths: Sequence[int],
    kernel: int = 4,
    slope: float = 0.0,
    last_stride: int = 2,
) -> keras.Model:
    """Sizes -> a generator: a dense layer, a transposed convolution for each further width, and one for the image.

    Each convolution doubles the resolution, but the last one multiplies it by `last_stride`. Raises ValueError if the
    size cannot be divided that often.
    """
    strides = [2] * (len(widths) - 1) + [last_stride]
    base = divided(size, math.prod(strides), f"{len(widths)} generator widths")
    z = keras.Input((latent,), name="z")
    x = layers.Dense(base * base * widths[0], use_bias=False, kernel_initializer=init())(z)
    x = layers.Reshape((base, base, widths[0]))(x)
    x = activate(normalise(x), slope)
    for width in widths[1:]:
        x = activate(normalise(upsample(x, width, kernel, 2)), slope)
    x = upsample(x, channels, kernel, last_stride)
    return keras.Model(z, layers.Activation("tanh", dtype="float32", name="images")(x), name="generator")


def build_discriminator(
    size: int,
    channels: int,
    widths: Sequence[int],
    kernels: Sequence[int] = (4,),
    slope: float = 0.2,
    batch_norm: bool = True,
    mirrored: bool = False,
) -> keras.Model:
    """Sizes -> a discriminator: one convolution with stride 2 per width, then the logit; no hidden dense layer.

    - `kernels`: one per width; if there are fewer, the last one is used for the other widths.
    - `mirrored`: the first convolution sees each image beside its mirror image.
    """
    images = keras.Input((size, size, channels), name="images")
    x = beside_mirror_image(images) if mirrored else images
    for i, width in enumerate(widths):
        x = downsample(x, width, kernels[min(i, len(kernels) - 1)])
        x = activate(normalise(x) if batch_norm and i else x, slope)  # as in the paper: none at D's first layer
    return keras.Model(images, logit(x), name="discriminator")


def build_pooled_discriminator(
    size: int, channels: int, widths: Sequence[int], kernel: int = 3, slope: float = 0.2, mirrored: bool = False
) -> keras.Model:
    """Sizes -> a discriminator with pooling instead of strides, and two hidden dense layers of the last width.

    For each width twice [convolution, LeakyReLU, batch norm], then pooling and dropout. `mirrored` is that of
    `build_discriminator`.
    """
    images = keras.Input((size, size, channels), name="images")
    x = beside_mirror_image(images) if mirrored else images
    for width in widths:
        for _ in range(2):
            x = engine.Conv2D(width, kernel, padding="same", kernel_initializer=init())(x)
            x = normalise(activate(x, slope))
        x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = activate(layers.Dense(widths[-1], kernel_initializer=init())(x), slope)
    return keras.Model(images, logit(x), name="discriminator")
