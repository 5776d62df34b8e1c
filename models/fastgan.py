"""The networks of FastGAN (Liu et al. 2021, arXiv 2101.04775), for small pictures: whole faces after few of them.

- In both networks, maps of the lowest resolution and of the highest one are joined by skip-layer excitation: the one
  side's features weigh the channels of the other.
- The generator has gated linear units (Dauphin et al. 2017, arXiv 1612.08083).
- The discriminator judges many places of a picture, at two resolutions, and has decoders.

The discriminator can also judge what a trained reader of drawings sees. That is of Projected GANs, not of FastGAN.

Of the authors' program two things are left out. Spectral normalisation divides kernels by a number, and nearly every
layer here has batch normalisation behind it, which takes such a number out again. Noise would give each z many faces.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models import engine
from models.augment import draw
from models.dcgan import BESIDE, beside_mirror_image, divided, downsample, init, normalise, sees_mirror_image
from models.engine import keras, layers, ops
from models.reader import maps

SLOPE = 0.2  # of LeakyReLU
PLACES = 4  # side of what a logit sees of the last maps
MAPS, LARGER_MAPS = "maps", "larger_maps"  # names of the discriminator's layers that the decoders draw from
LOGITS = "logits"  # name of the layer that joins what is judged: images first, then what a reader sees
QUARTERS = 4
READ = "read"  # name of the layer that shows an image to a reader
OF_READER = 2, 3  # maps of a reader that a discriminator judges, too: an eighth and a sixteenth of the image's side


def convolution(x: Any, channels: int, kernel: int, padding: str = "same") -> Any:
    """(B, H, W, C) -> (B, H, W, channels), without bias."""
    return engine.Conv2D(channels, kernel, padding=padding, use_bias=False, kernel_initializer=init())(x)


def gated(make: Callable[[], Any]) -> Any:
    """A function that makes features -> normalised features, times gates in [0, 1] that are made in the same way."""
    # Two layers, not one that is cut in two: Keras has no layer that cuts.
    values, gates = normalise(make()), normalise(make())
    return layers.Multiply()([values, layers.Activation("sigmoid")(gates)])


def larger(x: Any, channels: int, times: int = 1) -> Any:
    """(B, H, W, C) -> (B, 2 * H, 2 * W, channels), by that many gated convolutions."""
    # Not UpSampling2D: from two of these LiteRT's converter makes operations that its runtime does not have.
    x = layers.Resizing(2 * x.shape[1], 2 * x.shape[2], interpolation="nearest")(x)
    for _ in range(times):
        x = gated(functools.partial(convolution, x, channels, 3))
    return x


def smaller(x: Any, channels: int, name: str | None = None) -> Any:
    """(B, 2 * H, 2 * W, C) -> (B, H, W, channels), as the mean of two ways: of two convolutions, and of one."""
    one = activated(convolution(layers.AveragePooling2D(2)(x), channels, 1))
    two = activated(convolution(activated(downsample(x, channels, 4)), channels, 3))
    return layers.Average(name=name)([one, two])


def activated(x: Any) -> Any:
    """Features -> normalised features, through LeakyReLU."""
    return layers.LeakyReLU(SLOPE)(normalise(x))


def excited(x: Any, others: Any, name: str | None = None) -> Any:
    """Features (B, H, W, C) -> the same, each channel times a weight in [0, 1], which follows from other features."""
    side = others.shape[1] // 4
    others = layers.AveragePooling2D(side)(others) if side > 1 else others
    weights = layers.Activation("silu")(convolution(others, x.shape[-1], others.shape[1], "valid"))
    weights = layers.Activation("sigmoid")(convolution(weights, x.shape[-1], 1))
    return layers.Multiply(name=name)([x, weights])


def build_generator(size: int, channels: int, latent: int, widths: Sequence[int]) -> keras.Model:
    """Sizes -> a generator: z (B, latent) -> images (B, size, size, channels) in [-1, 1].

    One width per resolution, the smallest resolution first. Raises ValueError if the size cannot be divided by 2 often
    enough.
    """
    first, *others = widths
    base = divided(size, 2 ** len(others), f"{len(widths)} generator widths")
    z = keras.Input((latent,), name="z")
    made = layers.Reshape((base, base, first))
    x = small = gated(lambda: made(layers.Dense(base * base * first, use_bias=False, kernel_initializer=init())(z)))
    for i, width in enumerate(others):
        x = larger(x, width, times=1 if i % 2 else 2)
    x = convolution(excited(x, small), channels, 3)
    return keras.Model(z, layers.Activation("tanh", dtype="float32", name="images")(x), name="generator")


def build_discriminator(
    size: int, channels: int, widths: Sequence[int], mirrored: bool = False, reader: keras.Model | None = None
) -> keras.Model:
    """Sizes -> a discriminator: images -> logits (B, places), each of a part of the image.

    - One width for each time that the resolution is halved.
    - `mirrored`: it sees each image beside its mirror image.
    - `reader`: a trained network of models.reader. Then it also judges what this one sees, which stays as it is.

    Raises ValueError if the size cannot be divided by 2 often enough, or for a single width.
    """
    if len(widths) < 2:
        raise ValueError("this discriminator needs at least two widths")
    divided(size, 2 ** len(widths), f"{len(widths)} discriminator widths")
    images = keras.Input((size, size, channels), name="images")
    seen = beside_mirror_image(images) if mirrored else images
    names = [None] * (len(widths) - 2) + [LARGER_MAPS, None]
    x = fine = layers.LeakyReLU(SLOPE, name=names[0])(downsample(seen, widths[0], 4))
    for width, name in zip(widths[1:], names[1:], strict=True):
        x = smaller(x, width, name)
    x = excited(x, fine, MAPS)
    coarse = layers.LeakyReLU(SLOPE)(downsample(layers.AveragePooling2D(2)(seen), widths[0], 4))
    for width in widths[1:-1]:
        coarse = smaller(coarse, width)
    logits = [_judged(x), _judged(coarse)]
    if reader is not None:
        logits += _projected(seen, channels, reader)
    logits = layers.Activation("linear", dtype="float32")(layers.Concatenate(name=LOGITS)(logits))
    return keras.Model(images, logits, name="discriminator")


def reads(discriminator: keras.Model) -> bool:
    """Whether a discriminator judges what a reader sees, too."""
    return any(layer.name == READ for layer in discriminator.layers)


def without_reader(discriminator: keras.Model) -> keras.Model:
    """A discriminator -> one of the same layers, without those that judge what a reader sees.

    It turns images into the first of its logits, (B, places).
    """
    if not reads(discriminator):
        return discriminator
    return keras.Model(discriminator.input, layers.Concatenate()(discriminator.get_layer(LOGITS).input[:2]))


def _judged(x):
    """Features (B, S, S, C) -> a logit for each place, (B, N)."""
    x = activated(convolution(x, x.shape[-1], 1))
    return layers.Flatten()(convolution(x, 1, min(PLACES, x.shape[1]), "valid"))


def _projected(seen, channels, reader):
    """What a discriminator sees, the channels of an image, and a trained reader -> logits from two of its maps.

    (Projected GANs, Sauer et al. 2021, arXiv 2111.01007.) The reader's layers are copied, and nothing trains them.
    """
    _, side, _, colours = reader.input_shape
    # Of the image and its mirror image only the image, in as many channels as the reader takes. Fixed, and a layer of
    # Keras: a kernel that copies channels.
    kernel = np.eye(seen.shape[-1], colours) if channels == colours else np.eye(seen.shape[-1], 1).repeat(colours, 1)
    copied = keras.initializers.Constant(kernel[None, None].tolist())
    images = layers.Conv2D(colours, 1, use_bias=False, kernel_initializer=copied, trainable=False, name=READ)(seen)
    if images.shape[1] != side:
        images = layers.Resizing(side, side)(images)
    known = maps(images)
    trunk = keras.Model(images, known[-1])
    trunk.set_weights(reader.get_weights()[: len(trunk.weights)])
    trunk.trainable = False
    fine, coarse = (_judged(known[i]) for i in OF_READER)
    times = max(1, fine.shape[1] // coarse.shape[1])
    return [fine, layers.Concatenate()([coarse] * times)]  # so that both count the same


class Decoders:
    """What draws real images again from the features of a discriminator, which so has to know all of them.

    One decoder draws the whole image, small, from the last maps. The other draws a quarter of it, chosen at random,
    from that quarter of the maps before. `network` is both: it has all their weights.
    """

    def __init__(self, discriminator: keras.Model) -> None:
        """`discriminator`: one of `build_discriminator`. If it sees the mirror image, `judged` is given that, too."""
        maps, larger_maps = (discriminator.get_layer(name).output for name in (MAPS, LARGER_MAPS))
        images, mirrored = discriminator.input, sees_mirror_image(discriminator)
        seen = discriminator.get_layer(BESIDE).output if mirrored else images
        self._judge = keras.Model(seen, [discriminator.output, maps, larger_maps])
        side, (size, _, channels) = maps.shape[1], images.shape[1:]
        inputs = [keras.Input((side, side, x.shape[-1])) for x in (maps, larger_maps)]
        drawn = [_decoder(x, channels, most) for x, most in zip(inputs, (size, size // 2), strict=True)]
        self.network = keras.Model(inputs, drawn, name="decoders")

    def judged(self, images: Any, chance: keras.random.SeedGenerator) -> tuple[Any, Any]:
        """Images (B, H, W, C or 2 * C) -> (D's logits, mean absolute difference of what both decoders draw)."""
        logits, maps, larger_maps = self._judge(images, training=True)
        chosen = ops.one_hot(draw(keras.random.randint, images.shape[0], chance, 0, QUARTERS)[:, 0], QUARTERS)
        whole, part = self.network([maps, quarter(larger_maps, chosen)], training=True)
        images = images[..., : whole.shape[-1]]
        return logits, (_difference(whole, images) + _difference(part, quarter(images, chosen))) / 2


def quarter(x: Any, chosen: Any) -> Any:
    """(B, 2 * S, 2 * S, C) and a one-hot choice (B, QUARTERS) -> the chosen quarter of each, (B, S, S, C)."""
    side = x.shape[1] // 2
    parts = [x[:, i : i + side, j : j + side] for i in (0, side) for j in (0, side)]
    return sum(ops.cast(chosen[:, i, None, None, None], x.dtype) * part for i, part in enumerate(parts))


def _decoder(x, channels, most):
    """Features (B, S, S, C) -> an image of four times their side, or of twice, so that it is not larger than `most`."""
    for _ in range(min(2, (most // x.shape[1]).bit_length() - 1)):
        x = larger(x, x.shape[-1] // 2)
    return layers.Activation("tanh", dtype="float32")(convolution(x, channels, 3))


def _difference(drawn, images):
    """Drawn images and larger ones -> their mean absolute difference, at the size of the drawn ones."""
    times = images.shape[1] // drawn.shape[1]
    return ops.mean(ops.abs(drawn - (ops.average_pool(images, times, times) if times > 1 else images)))
