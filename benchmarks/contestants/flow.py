"""A rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv 2210.02747), for benchmarks.field.

A U-Net learns the velocity on the straight way from noise to a picture. A face is drawn by following the velocity.
"""

import math

import numpy as np

from animefaces.batches import Order, split
from animefaces.images import to_pixels
from models import build, ema
from models.augment import augment
from models.batches import ROWS, filled
from models.engine import apply_at, compiled, gradients, keras, layers, ops
from models.residual import convolution, scaled, widened
from models.state import State

PATCH = 2  # side of the patches of pixels that the network works on
WAVES = 32  # frequencies that tell the network the time
STEPS = 20  # of Heun's method; each asks the network twice, the last one once
AT_ONCE = 10 * ROWS  # faces whose noise is in memory at once


class Waves(layers.Layer):
    """Times (B, 1) in [0, 1] -> sines and cosines (B, 2 * WAVES)."""

    def call(self, times):
        angles = times * ops.exp(ops.arange(WAVES, dtype=times.dtype) * (math.log(1000) / (WAVES - 1)))
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def build_network(size, channels, widths):
    """Sizes -> the U-Net: (images on the way (B, S, S, C), their times (B, 1)) -> velocities (B, S, S, C).

    Widths as those of a generator: the smallest resolution first. Where the way up meets the way down, both are added.
    """
    images, times = keras.Input((size, size, channels)), keras.Input((1,))
    time = layers.Dense(4 * widths[-1], "silu")(Waves(dtype="float32")(times))
    time = layers.Activation("silu")(layers.Dense(4 * widths[-1])(time))
    x = layers.Conv2D(widths[-1], PATCH, PATCH, kernel_initializer=scaled())(images)
    passed = []
    for width in reversed(widths):
        x = residual(widened(layers.AveragePooling2D(2)(x) if passed else x, width), time)
        passed.append(x)
    x = residual(attended(x), time)
    for i, width in enumerate(widths):
        x = widened(layers.UpSampling2D(2)(x) if i else x, width)
        x = residual(layers.Add()([x, passed.pop()]), time)
    x = layers.Activation("silu")(layers.RMSNormalization(epsilon=1e-5)(x))
    x = layers.Conv2DTranspose(channels, PATCH, PATCH, kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model([images, times], x, name="network")


def residual(x, time):
    """Features (B, H, W, C) and features of the time -> x + two convolutions; the time scales and shifts between."""
    y = convolution(layers.Activation("silu")(layers.RMSNormalization(epsilon=1e-5)(x)), x.shape[-1], 3)
    scale, shift = (
        layers.Reshape((1, 1, x.shape[-1]))(layers.Dense(x.shape[-1], kernel_initializer="zeros")(time)) for _ in "ab"
    )
    y = layers.RMSNormalization(epsilon=1e-5)(y)
    y = layers.Add()([layers.Add()([y, layers.Multiply()([y, scale])]), shift])
    return layers.Add()([x, convolution(layers.Activation("silu")(y), x.shape[-1], 3, gain=0.0)])


def attended(x):
    """Features (B, H, W, C) -> the features + what each place takes from all places."""
    y = layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]))(layers.RMSNormalization(epsilon=1e-5)(x))
    y = layers.MultiHeadAttention(4, x.shape[3] // 4)(y, y)
    return layers.Add()([x, layers.Reshape(x.shape[1:])(y)])


class Flow:
    """A network in training, with the interface of models.gan.GAN.

    `steps(step, real, times)`: step (K,) int32, counted from 0; real uint8 (K, B, H, W, C); times (K, B, 1) in [0, 1],
    where 1 is the picture. Its figure is loss, the mean squared error.
    """

    def __init__(self, network, optimizer, options):
        self.network, self.optimizer, self.options = network, optimizer, options
        self.average = ema.copy_in_float32(network)
        self.chance = keras.random.SeedGenerator(options.seed)
        optimizer.build(network.trainable_variables)
        self.state = State({"network": network, "average": self.average},
                           {"optimizer": (optimizer, network.trainable_variables)})  # fmt: skip
        self.steps = compiled(self._step, [*self.state.variables, self.chance.state])

    def _step(self, step, real, times):
        real = augment(ops.cast(real, "float32") / 127.5 - 1, self.options.augment, self.chance)
        noise, times = keras.random.normal(real.shape, seed=self.chance), ops.cast(times, "float32")
        way = times[:, None, None] * real + (1 - times[:, None, None]) * noise

        def loss():
            return ops.mean(ops.square(self.network([way, times], training=True) - (real - noise))), None

        value, _, grads = gradients(loss, self.network.trainable_variables, self.optimizer.scale_loss)
        apply_at(self.optimizer, grads, self.network.trainable_variables)
        ema.update(self.average, self.network, self.options.average, step)
        return {"loss": value}


class Task:
    """A flow on faces: what it is fed, and what it draws. See training.task.Task."""

    def __init__(self, options, faces, run, targets):
        self.options, self.faces = options, split(faces)[0]
        self.order = Order(len(self.faces), options.batch_size, options.seed)
        build.prepare(options)
        network = build_network(options.size, options.channels, options.generator_widths)
        self.player = Flow(network, build.adam(options), options)

    def batch(self, step):
        """What one step is fed, a function of (seed, step): (step, real, times)."""
        rng = np.random.default_rng((self.options.seed, step))
        real = self.faces[self.order.indices(step)]
        times = 1 / (1 + np.exp(rng.standard_normal((len(real), 1), np.float32)))
        return np.int32(step), real, times

    def drawn(self, z):
        """z (N, latent), all numbers of a picture of noise -> the faces of the averaged network, uint8 (N, H, W, C)."""
        size, channels = self.options.size, self.options.channels
        noise = z.reshape(-1, size, size, channels)
        parts = [noise[i : i + ROWS] for i in range(0, len(noise), ROWS)]
        return to_pixels(np.concatenate([self._followed(filled(part, ROWS))[: len(part)] for part in parts]))

    def _followed(self, x):
        """Noise (ROWS, H, W, C) -> images, by Heun's method."""
        for i in range(STEPS):
            first = self._velocity(x, i / STEPS)
            there = x + first / STEPS
            x = there if i == STEPS - 1 else x + (first + self._velocity(there, (i + 1) / STEPS)) / (2 * STEPS)
        return x

    def _velocity(self, x, time):
        return self.player.average.predict_on_batch([x, np.full((len(x), 1), time, np.float32)])
