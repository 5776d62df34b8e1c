"""Residual networks without normalisation, after R3GAN (Huang et al. 2024, arXiv 2501.05441).

Convolutions keep the resolution and only resampling changes it; every residual branch begins as zero, so
that a new network is nearly linear and needs no normalisation to start; no tanh, whose flat ends slow G.
"""

import keras
from keras import layers


def scaled(gain=1.0):
    """N(0, gain / fan_in). One per layer, like `dcgan.init`."""
    return keras.initializers.VarianceScaling(gain, mode="fan_in", distribution="untruncated_normal")


def convolution(x, channels, kernel, gain=1.0):
    """(B, H, W, C) -> (B, H, W, channels)."""
    start = scaled(gain) if gain else "zeros"
    return layers.Conv2D(channels, kernel, padding="same", kernel_initializer=start)(x)


def residual(x):
    """x + [LeakyReLU, 3x3 convolution] twice, the second one zero at first."""
    y = convolution(layers.LeakyReLU(0.2)(x), x.shape[-1], 3, gain=2.0)
    y = convolution(layers.LeakyReLU(0.2)(y), x.shape[-1], 3, gain=0.0)
    return layers.Add()([x, y])


def widened(x, channels):
    """The same features in another number of channels."""
    return x if x.shape[-1] == channels else convolution(x, channels, 1)


def _doublings(size, widths):
    base, rest = divmod(size, 2 ** (len(widths) - 1))
    if rest or not base:
        raise ValueError(f"{len(widths)} widths need a size that {2 ** (len(widths) - 1)} divides, not {size}")
    return base


def build_generator(size, channels, latent, widths):
    """z (B, latent) -> images (B, size, size, channels), about [-1, 1]; one width per resolution, smallest first.

    The first features are a linear map of z. Raises ValueError if `size` does not divide.
    """
    base = _doublings(size, widths)
    z = keras.Input((latent,), name="z")
    x = layers.Dense(base * base * widths[0], kernel_initializer=scaled())(z)
    x = layers.Reshape((base, base, widths[0]))(x)
    for i, width in enumerate(widths):
        if i:
            x = layers.UpSampling2D(interpolation="bilinear")(widened(x, width))
        x = residual(x)
    x = convolution(layers.LeakyReLU(0.2)(x), channels, 1)
    return keras.Model(z, layers.Activation("linear", dtype="float32", name="images")(x), name="generator")


def build_discriminator(size, channels, widths):
    """Images -> logits (B, 1); one width per resolution, largest first."""
    base = _doublings(size, widths)
    images = keras.Input((size, size, channels), name="images")
    x = convolution(images, widths[0], 1)
    for i, width in enumerate(widths):
        if i:  # averaging is bilinear resampling by one half
            x = widened(layers.AveragePooling2D(2)(x), width)
        x = residual(x)
    x = layers.DepthwiseConv2D(base, depthwise_initializer=scaled(2.0))(layers.LeakyReLU(0.2)(x))
    x = layers.Dense(1, kernel_initializer=scaled(), dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, x, name="discriminator")
