"""Residual networks without normalisation, after R3GAN (Huang et al. 2024, arXiv 2501.05441).

- Convolutions keep the resolution; only resampling changes it.
- Every residual branch begins as zero. So a new network is nearly linear, and can be trained without normalisation.
- The generator does not end in tanh, whose gradient vanishes near -1 and 1.
"""

from collections.abc import Sequence
from typing import Any

from models import engine
from models.dcgan import beside_mirror_image, divided
from models.engine import keras, layers


def scaled(gain: float = 1.0) -> keras.initializers.Initializer:
    """N(0, gain / fan_in). Each layer needs its own, as with `dcgan.init`."""
    return keras.initializers.VarianceScaling(gain, mode="fan_in", distribution="untruncated_normal")


def convolution(x: Any, channels: int, kernel: int, gain: float = 1.0) -> Any:
    """(B, H, W, C) -> (B, H, W, channels). A gain of 0 makes the kernel begin as zero."""
    start = scaled(gain) if gain else "zeros"
    return engine.Conv2D(channels, kernel, padding="same", kernel_initializer=start)(x)


def residual(x: Any) -> Any:
    """x -> x + twice [LeakyReLU, 3x3 convolution]; the second convolution begins as zero."""
    y = convolution(layers.LeakyReLU(0.2)(x), x.shape[-1], 3, gain=2.0)
    y = convolution(layers.LeakyReLU(0.2)(y), x.shape[-1], 3, gain=0.0)
    return layers.Add()([x, y])


def widened(x: Any, channels: int) -> Any:
    """(B, H, W, C) -> (B, H, W, channels), by a linear map of each pixel, or x itself if C is right."""
    return x if x.shape[-1] == channels else convolution(x, channels, 1)


def _smallest_side(size: int, widths: Sequence[int]) -> int:
    """The side of the smallest feature maps; it is doubled between two widths."""
    return divided(size, 2 ** (len(widths) - 1), f"{len(widths)} widths")


def build_generator(size: int, channels: int, latent: int, widths: Sequence[int]) -> keras.Model:
    """Sizes -> a generator: z (B, latent) -> images (B, size, size, channels), about [-1, 1].

    One width per resolution, the smallest resolution first. The first features are a linear map of z. Raises
    ValueError if the size cannot be divided by 2 often enough.
    """
    base = _smallest_side(size, widths)
    z = keras.Input((latent,), name="z")
    x = layers.Dense(base * base * widths[0], kernel_initializer=scaled())(z)
    x = layers.Reshape((base, base, widths[0]))(x)
    for i, width in enumerate(widths):
        if i:
            x = layers.UpSampling2D(interpolation="bilinear")(widened(x, width))
        x = residual(x)
    x = convolution(layers.LeakyReLU(0.2)(x), channels, 1)
    return keras.Model(z, layers.Activation("linear", dtype="float32", name="images")(x), name="generator")


def build_discriminator(
    size: int, channels: int, widths: Sequence[int], patches: bool = False, mirrored: bool = False
) -> keras.Model:
    """Sizes -> a discriminator: images -> logits (B, 1). One width per resolution, the largest resolution first.

    - `patches`: there is one logit for each place of the smallest feature maps, (B, places): each judges a patch of the
      image, and none judges the whole (Isola et al. 2017, arXiv 1611.07004).
    - `mirrored`: the first convolution sees each image beside its mirror image.
    """
    base = _smallest_side(size, widths)
    images = keras.Input((size, size, channels), name="images")
    x = convolution(beside_mirror_image(images) if mirrored else images, widths[0], 1)
    for i, width in enumerate(widths):
        if i:  # the mean of 2x2 pixels is bilinear resampling to half the side
            x = widened(layers.AveragePooling2D(2)(x), width)
        x = residual(x)
    x = layers.LeakyReLU(0.2)(x)
    if patches:
        x = layers.Conv2D(1, 1, kernel_initializer=scaled(0.1), dtype="float32")(x)
        x = layers.Flatten(dtype="float32")(x)
    else:
        x = layers.DepthwiseConv2D(base, depthwise_initializer=scaled(2.0))(x)
        x = layers.Dense(1, kernel_initializer=scaled(), dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, x, name="discriminator")
