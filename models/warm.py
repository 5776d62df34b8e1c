"""Before they are rivals, G and D can be the two halves of an autoencoder: G starts with whole faces, D with eyes."""

import keras
from keras import layers, ops

from models import engine
from models.dcgan import init
from models.losses import divergence
from models.vae import LIMIT

RATE = 1e-3  # learning rate to begin with: no rival has to keep up


class Autoencoder:
    """A variational autoencoder (Kingma & Welling 2014): D's features, one more layer, z, and G.

    For the first `steps` steps of a training. The weight of the pixels against the code is the one that fits the
    pixels best, at any time (Rybkin et al. 2021, arXiv 2006.13202).
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        steps: int,
    ) -> None:
        self.generator, self.optimizer, self.steps = generator, optimizer, steps
        latent = generator.input_shape[1]
        self.posterior = layers.Dense(2 * latent, kernel_initializer=init(), dtype="float32", name="posterior")
        self._encoder = keras.Model(discriminator.input, self.posterior(discriminator.layers[-1].input))
        self.trained = [*self._encoder.trainable_variables, *generator.trainable_variables]
        optimizer.build(self.trained)

    def pace(self, step):
        """What the learning rate is multiplied by: 1 for the first half, then falling to 0."""
        return ops.minimum(1.0, 2 * (1 - ops.cast(step, "float32") / self.steps))

    def loss(self, real, noise):
        """real (B, H, W, C), noise (B, latent) of N(0, I) -> what to minimise, nats per image, and its two parts.

        - reconstruction: mean squared error of the redrawn images;
        - divergence: of the codes from N(0, I), in nats.
        """
        mean, log_variance = ops.split(self._encoder(real, training=True), 2, axis=-1)
        log_variance = LIMIT * ops.tanh(log_variance / LIMIT)
        redrawn = self.generator(mean + ops.exp(log_variance / 2) * noise, training=True)
        error, from_prior = ops.mean(ops.square(redrawn - real)), divergence(mean, log_variance)
        # Its gradient is that of values / 2 * log(error), of the whole batch on any number of devices.
        values = real.shape[1] * real.shape[2] * real.shape[3]
        pixels = values / 2 * error / ops.stop_gradient(engine.mean(error) + 1e-6)
        return pixels + from_prior, {"reconstruction": error, "divergence": from_prior}
