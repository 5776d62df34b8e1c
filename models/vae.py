"""The dense VAE (Kingma & Welling 2014): 784-256-latent-256-784 units, on grey faces of 28x28 pixels.

Encoder and decoder take and give images in [-1, 1], like all networks here. Layers inside them turn the images grey, to
28x28, to [0, 1] and into 784 numbers.
"""

import numpy as np

from models.engine import apply, compiled, gradients, keras, layers, ops
from models.losses import divergence, logistic
from models.state import State

SIDE = 28
WIDTH = 256
LUMINANCE = (0.299, 0.587, 0.114)  # weights of red, green and blue, as in Pillow's conversion to grey
LIMIT = 10.0  # log-variances are kept within +-LIMIT, so that their exponential is always finite


def build_encoder(size: int, channels: int, latent: int) -> keras.Model:
    """Sizes -> an encoder: images (B, size, size, channels) in [-1, 1] -> (B, 2 * latent), the posterior of z.

    The posterior is means, then log-variances. The layer "pixels", (B, 784) in [0, 1], is what the decoder has to
    reconstruct.
    """
    images = x = keras.Input((size, size, channels), name="images")
    if channels == 3:
        kernel = keras.initializers.Constant([[[[share] for share in LUMINANCE]]])
        x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer=kernel, trainable=False, dtype="float32")(x)
    if size // SIDE > 1:  # without the average, sampling would miss some thin lines
        x = layers.AveragePooling2D(size // SIDE, dtype="float32")(x)
    if x.shape[1] != SIDE:
        x = layers.Resizing(SIDE, SIDE, dtype="float32")(x)
    x = layers.Flatten(dtype="float32")(layers.Rescaling(0.5, 0.5, dtype="float32")(x))
    # A generator's images may lie slightly outside [-1, 1]; outside [0, 1] the cross-entropy has no minimum.
    x = layers.ReLU(max_value=1.0, dtype="float32", name="pixels")(x)
    x = layers.Dense(WIDTH, activation="relu")(x)
    mean = layers.Dense(latent, dtype="float32", name="mean")(x)
    spread = layers.Rescaling(1 / LIMIT, dtype="float32")(layers.Dense(latent, dtype="float32", name="spread")(x))
    spread = layers.Rescaling(LIMIT, dtype="float32")(layers.Activation("tanh", dtype="float32")(spread))
    return keras.Model(images, layers.Concatenate(dtype="float32")([mean, spread]), name="vae")


def build_decoder(latent: int) -> keras.Model:
    """Size of z -> a decoder: z (B, latent) -> grey images (B, 28, 28, 1) in [-1, 1].

    The loss takes the output of its layer "logits", (B, 784).
    """
    z = keras.Input((latent,), name="z")
    logits = layers.Dense(SIDE * SIDE, dtype="float32", name="logits")(layers.Dense(WIDTH, activation="relu")(z))
    x = layers.Activation("tanh", dtype="float32")(layers.Rescaling(0.5, dtype="float32")(logits))
    # tanh(x / 2) = 2 * sigmoid(x) - 1: the probability that the pixel is white, scaled to [-1, 1].
    return keras.Model(z, layers.Reshape((SIDE, SIDE, 1), name="images")(x), name="decoder")


class VAE:
    """The encoder and the decoder of a VAE in training, with the interface of models.gan.GAN.

    `steps(step, real)` does K training steps, one for each entry of the leading axis: step (K,) int32, counted from 0;
    real (K, B, H, W, C) in [-1, 1]. It returns the figures of the steps, a dict of float32 (K,), in nats per image:

    - reconstruction: cross-entropy of the 784 pixels. It includes their own entropy and so does not reach 0;
    - divergence: Kullback-Leibler divergence of the posterior from N(0, I);
    - loss: the sum of both.

    The samples of the posterior are a function of (seed, step).
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, optimizer: keras.optimizers.Optimizer, *, seed: int = 0
    ) -> None:
        self.encoder, self.decoder, self.optimizer = encoder, decoder, optimizer
        self._encode = keras.Model(encoder.input, [encoder.get_layer("pixels").output, encoder.output])
        self._decode = keras.Model(decoder.input, decoder.get_layer("logits").output)
        self._trained = [*encoder.trainable_variables, *decoder.trainable_variables]
        optimizer.build(self._trained)
        self._chance = keras.random.SeedGenerator(seed)
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        self.state = State({"encoder": encoder, "decoder": decoder}, {"optimizer": (optimizer, self._trained)})
        self.steps = compiled(self._step, [*self.state.variables, self._chance.state])

    def _step(self, step, real):
        state = self._chance.state
        state.assign(ops.cast(ops.stack([ops.cast(self._seed, "int32"), step]), state.dtype))
        loss, figures, grads = gradients(lambda: self._loss(real), self._trained, self.optimizer.scale_loss)
        apply(self.optimizer, grads, self._trained)
        return {"loss": loss, **figures}

    def _loss(self, real):
        pixels, posterior = self._encode(real, training=True)
        mean, log_variance = ops.split(posterior, 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self._chance)
        logits = self._decode(mean + ops.exp(log_variance / 2) * noise, training=True)
        reconstruction = logistic(logits, pixels) * pixels.shape[-1]
        from_prior = divergence(mean, log_variance)
        return reconstruction + from_prior, {"reconstruction": reconstruction, "divergence": from_prior}
