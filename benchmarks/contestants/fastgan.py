"""FastGAN (Liu et al. 2021, arXiv 2101.04775) for small pictures, for benchmarks.field.

- Generator: gated linear units, noise, and skip-layer excitation: the smallest features weigh the channels of the
  largest ones.
- Discriminator: hinge loss on many places; and two decoders, which draw real pictures again from its features. So it
  has to know all of a picture.
- Each convolution has spectral normalisation (Miyato et al. 2018), as in the authors' program.
"""

from animefaces.batches import Order, split
from models import build, engine
from models.augment import augment
from models.engine import keras, layers, ops
from models.gan import GAN
from training import gan

PLACES = 4  # side of the part of a picture that a logit judges, at an eighth of the resolution


class Convolution(layers.Layer):
    """A convolution without bias whose kernel is divided by its largest singular value."""

    def __init__(self, filters, side, strides=1, padding="same", **settings):
        super().__init__(**settings)
        self.filters, self.side, self.strides, self.padding = filters, side, strides, padding

    def build(self, shape):
        start = keras.initializers.RandomNormal(stddev=0.02)
        sides = (self.side, self.side, shape[-1], self.filters)
        self.kernel = self.add_weight(shape=sides, initializer=start, autocast=False, name="kernel")
        self.u = self.add_weight(shape=(self.filters, 1), trainable=False, autocast=False, name="u")

    def call(self, inputs, training=False):
        matrix = ops.reshape(self.kernel, (-1, self.filters))
        v = ops.stop_gradient(ops.normalize(ops.matmul(matrix, self.u), axis=0))
        u = ops.stop_gradient(ops.normalize(ops.matmul(ops.transpose(matrix), v), axis=0))
        if training:
            self.u.assign(u)
        kernel = self.kernel / ops.sum(v * ops.matmul(matrix, u))
        return ops.conv(inputs, ops.cast(kernel, self.compute_dtype), self.strides, self.padding)

    def get_config(self):
        own = {"filters": self.filters, "side": self.side, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **own}


class Gate(layers.Layer):
    """Gated linear unit: (..., 2 * C) -> (..., C)."""

    def call(self, inputs):
        values, gates = ops.split(inputs, 2, axis=-1)
        return values * ops.sigmoid(gates)


class Noise(layers.Layer):
    """Adds noise to each place, the same to all channels; its strength is learned. When drawing, there is noise too."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.seed_generator = keras.random.SeedGenerator(0)

    def build(self, shape):
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")

    def call(self, inputs):
        noise = keras.random.normal((*ops.shape(inputs)[:3], 1), dtype=inputs.dtype, seed=self.seed_generator)
        return inputs + self.strength * noise


class Quarter(layers.Layer):
    """The layer of `quartered`."""

    def call(self, inputs, choice):
        return quartered(inputs, choice)


def quartered(x, choice):
    """Features (B, 2 * S, 2 * S, C) and a one-hot choice (B, 4) -> the chosen quarter of each, (B, S, S, C)."""
    side = x.shape[1] // 2
    parts = [x[:, a : a + side, b : b + side] for a in (0, side) for b in (0, side)]
    return sum(ops.cast(choice[:, i, None, None, None], x.dtype) * part for i, part in enumerate(parts))


def norm(x):
    """Features -> the features with batch normalisation."""
    return engine.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def larger(x, width, noisy=False):
    """Features (B, S, S, C) -> (B, 2 * S, 2 * S, width). `noisy`: by two convolutions with noise instead of one."""
    x = layers.UpSampling2D(2)(x)
    for _ in range(2 if noisy else 1):
        x = Convolution(2 * width, 3)(x)
        x = Gate()(norm(Noise()(x) if noisy else x))
    return x


def smaller(x, width):
    """Features (B, 2 * S, 2 * S, C) -> (B, S, S, width), as the mean of a way of two convolutions and one of one."""
    y = layers.LeakyReLU(0.2)(norm(Convolution(width, 4, 2)(x)))
    y = layers.LeakyReLU(0.2)(norm(Convolution(width, 3)(y)))
    x = layers.LeakyReLU(0.2)(norm(Convolution(width, 1)(layers.AveragePooling2D(2)(x))))
    return layers.Average()([x, y])


def excited(x, small):
    """Features (B, H, W, C) and smaller ones -> the features; the smaller ones weigh their channels."""
    small = layers.AveragePooling2D(small.shape[1] // 4)(small) if small.shape[1] > 4 else small
    weights = layers.Activation("silu")(Convolution(x.shape[-1], small.shape[1], padding="valid")(small))
    return layers.Multiply()([x, layers.Activation("sigmoid")(Convolution(x.shape[-1], 1)(weights))])


def build_generator(options):
    """Options -> z (B, latent) -> images (B, S, S, C). The widths are those of resolutions, the smallest one first."""
    first, *others = options.generator_widths
    base = options.size >> len(others)
    z = keras.Input((options.latent,), name="z")
    x = Convolution(2 * first * base * base, 1)(layers.Reshape((1, 1, options.latent))(z))
    x = small = Gate()(norm(layers.Reshape((base, base, 2 * first))(x)))
    for i, width in enumerate(others):
        x = larger(x, width, noisy=i % 2 == 0)
    x = Convolution(options.channels, 3)(excited(x, small))
    return keras.Model(z, layers.Activation("tanh", dtype="float32", name="images")(x), name="generator")


def build_discriminator(options):
    """Options -> (the discriminator: images -> logits (B, N), the same with what its decoders draw).

    The second one takes a one-hot choice (B, 4), too: the quarter of the image that the second decoder draws. It
    returns (logits, image (B, S / 2, S / 2, C), quarter of the same size). Widths: at 1/2, 1/4 and 1/8 of the size.
    """
    first, second, third = options.discriminator_widths
    images, choice = keras.Input((options.size, options.size, options.channels)), keras.Input((4,))
    half = layers.LeakyReLU(0.2)(Convolution(first, 4, 2)(images))
    quarter = smaller(half, second)
    eighth = excited(smaller(quarter, third), half)
    coarse = layers.LeakyReLU(0.2)(Convolution(first, 4, 2)(layers.AveragePooling2D(2)(images)))
    logits = layers.Concatenate()([judged(eighth, third), judged(smaller(coarse, second), second)])
    logits = layers.Activation("linear", dtype="float32")(logits)
    whole, part = decoded(eighth, options.channels), decoded(Quarter()(quarter, choice), options.channels)
    return keras.Model(images, logits), keras.Model([images, choice], [logits, whole, part], name="discriminator")


def judged(x, width):
    """Features (B, S, S, C) -> a logit for each place, (B, N)."""
    x = layers.LeakyReLU(0.2)(norm(Convolution(width, 1)(x)))
    return layers.Flatten()(Convolution(1, min(PLACES, x.shape[1]), padding="valid")(x))


def decoded(x, channels):
    """Features (B, S, S, C) -> a picture (B, 4 * S, 4 * S, channels)."""
    width = x.shape[-1] // 2
    x = Convolution(channels, 3)(larger(larger(x, width), width // 2))
    return layers.Activation("tanh", dtype="float32")(x)


class FastGAN(GAN):
    """A GAN in training whose discriminator has decoders. Its inputs and figures are those of models.gan.GAN."""

    def __init__(self, generator, critic, discriminator, *optimizers, **settings):
        super().__init__(generator, discriminator, *optimizers, **settings)
        self.critic = critic

    def _d_loss(self, step, real, fake, *_):
        real, fake = (augment(images, self.augmentation, self._chance) for images in (real, fake))
        quarter = keras.random.randint((real.shape[0],), 0, 4, seed=self._chance)
        choice = ops.one_hot(quarter, 4, dtype=real.dtype)
        logits, whole, part = self.discriminator([real, choice], training=True)
        others = self.critic(fake, training=True)
        loss = self._hinge(logits) + self._hinge(-others)
        half = ops.average_pool(real, 2, 2)  # the strides as well: without them, Keras's JAX fails
        loss += ops.mean(ops.abs(whole - half)) + ops.mean(ops.abs(part - quartered(real, choice)))
        shares = (ops.mean(ops.cast(right, "float32")) for right in (logits > 0, others < 0))
        return loss, dict(zip(("real_right", "fake_right"), shares, strict=True))

    def _hinge(self, logits):
        """Logits that should be positive -> their hinge loss. Its corner is at random in [0.8, 1]."""
        return ops.mean(ops.relu(keras.random.uniform(logits.shape, 0.8, 1.0, seed=self._chance) - logits))

    def _g_loss(self, real, fake, z):
        return -ops.mean(self.critic(augment(fake, self.augmentation, self._chance), training=True)), {}


class Task(gan.Task):
    """FastGAN on faces. It is fed, and draws, as every GAN is and does."""

    def __init__(self, options, faces, run, targets):
        self.options, self.targets, self.faces = options, targets, split(faces)[0]
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        build.prepare(options)
        self.player = FastGAN(build_generator(options), *build_discriminator(options), build.adam(options),
                              build.adam(options), average_decay=options.average, augmentation=options.augment,
                              seed=options.seed, faces=build.resident(options, self.faces))  # fmt: skip
