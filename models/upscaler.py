"""An upscaler: a drawn face -> the same face with four times the side, with lines where enlarging would blur them."""

import keras
from keras import layers

SCALE = 4
WIDTH, BLOCKS = 48, 6


def build_upscaler(width: int = WIDTH, blocks: int = BLOCKS) -> keras.Model:
    """-> an upscaler: images (B, H, W, 3) in [-1, 1] -> (B, 4 * H, 4 * W, 3), about [-1, 1]; any H and W.

    It adds details to the bilinear enlargement. The last layer, with a kernel as large as its stride, is a linear map
    of each pixel's features and a pixel shuffle (Shi et al. 2016, arXiv 1609.05158). It begins as zero: a new upscaler
    adds nothing.
    """
    images = keras.Input((None, None, 3), name="images")
    x = _convolution(images, width)
    for _ in range(blocks):
        y = _convolution(x, width)
        x = layers.Add()([x, layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(y)])
    x = _convolution(x, width)
    details = layers.Conv2DTranspose(3, SCALE, strides=SCALE, kernel_initializer="zeros", dtype="float32")(x)
    plain = layers.UpSampling2D(SCALE, interpolation="bilinear", dtype="float32")(images)
    return keras.Model(images, layers.Add(dtype="float32")([plain, details]), name="upscaler")


def _convolution(x, width):
    return layers.LeakyReLU(0.1)(layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal")(x))
