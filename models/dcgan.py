"""DCGAN (Radford et al. 2016) and its relatives, built from functional blocks.

Generators: z (B, latent) -> images (B, size, size, channels) in [-1, 1].
Discriminators: images -> logits (B, 1), positive means real.
"""

import math

import keras
from keras import layers

from models import engine


def init():
    """DCGAN's N(0, 0.02^2). One per layer: a shared one gives equal shapes equal weights."""
    return keras.initializers.RandomNormal(stddev=0.02)


def normalise(x):
    """Batch normalisation with the paper's era's constants."""
    # Of the whole batch, wherever its rows are worked on.
    return engine.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=engine.replicas() > 1)(x)


def activate(x, slope):
    """ReLU for slope 0, else LeakyReLU."""
    return layers.LeakyReLU(slope)(x) if slope else layers.ReLU()(x)


def upsample(x, channels, kernel, stride):
    """(B, H, W, C) -> (B, stride * H, stride * W, channels), without activation."""
    # A kernel that is a multiple of the stride gives every pixel the same number of taps: no checkerboard.
    return layers.Conv2DTranspose(
        channels, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=init()
    )(x)


def subsample_chroma(images):
    """Images (B, H, W, 3) -> the same brightness, with colour at half the resolution; within [-1, 1].

    As JPEG keeps pictures (4:2:0) and eyes see them: so G has no coloured checkers to unlearn.
    """
    exact, mean = {"dtype": "float32"}, keras.initializers.Constant(1 / 3)
    grey = layers.Conv2D(1, 1, use_bias=False, kernel_initializer=mean, trainable=False, **exact)
    small = layers.AveragePooling2D(2, **exact)(images)
    colour = layers.Subtract(**exact)([small, grey(small)])
    colour = layers.UpSampling2D(interpolation="bilinear", **exact)(colour)
    return layers.Activation("hard_tanh", name="subsampled", **exact)(layers.Add(**exact)([colour, grey(images)]))


def downsample(x, channels, kernel):
    """(B, H, W, C) -> (B, H / 2, W / 2, channels), without activation."""
    return layers.Conv2D(channels, kernel, strides=2, padding="same", use_bias=False, kernel_initializer=init())(x)


def logit(x):
    """Any features -> (B, 1), float32 whatever the precision of the rest."""
    return layers.Dense(1, use_bias=False, kernel_initializer=init(), dtype="float32")(layers.Flatten()(x))


def build_generator(size, channels, latent, widths, kernel=4, slope=0.0, last_stride=2):
    """A dense layer to the first width, then one transposed convolution for each further width and the image.

    Each doubles the resolution; the last one by `last_stride`. Raises ValueError if `size` does not divide.
    """
    strides = [2] * (len(widths) - 1) + [last_stride]
    base, rest = divmod(size, math.prod(strides))
    if rest:
        raise ValueError(f"{len(widths)} generator widths need a size that {math.prod(strides)} divides, not {size}")
    z = keras.Input((latent,), name="z")
    x = layers.Dense(base * base * widths[0], use_bias=False, kernel_initializer=init())(z)
    x = layers.Reshape((base, base, widths[0]))(x)
    x = activate(normalise(x), slope)
    for width in widths[1:]:
        x = activate(normalise(upsample(x, width, kernel, 2)), slope)
    x = upsample(x, channels, kernel, last_stride)
    return keras.Model(z, layers.Activation("tanh", dtype="float32", name="images")(x), name="generator")


def build_discriminator(size, channels, widths, kernels=(4,), slope=0.2, batch_norm=True):
    """One strided convolution per width; batch norm, if any, on all but the first; no hidden dense layer.

    `kernels`: one per width; the last one stands for those that are missing.
    """
    images = x = keras.Input((size, size, channels), name="images")
    for i, width in enumerate(widths):
        x = downsample(x, width, kernels[min(i, len(kernels) - 1)])
        x = activate(normalise(x) if batch_norm and i else x, slope)  # the paper: not on D's input layer
    return keras.Model(images, logit(x), name="discriminator")


def build_pooled_discriminator(size, channels, widths, kernel=3, slope=0.2):
    """Pooling instead of strides: for each width twice [convolution, LeakyReLU, batch norm], then pool and dropout.

    Ends in two dense layers of the last width.
    """
    images = x = keras.Input((size, size, channels), name="images")
    for width in widths:
        for _ in range(2):
            x = layers.Conv2D(width, kernel, padding="same", kernel_initializer=init())(x)
            x = normalise(activate(x, slope))
        x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = activate(layers.Dense(widths[-1], kernel_initializer=init())(x), slope)
    return keras.Model(images, logit(x), name="discriminator")
