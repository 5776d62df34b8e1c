"""The warm-up: before G and D compete, they are trained together, as the two halves of an autoencoder.

When the competition begins, G already draws blurred faces and D already has features of faces.
"""

from typing import Any

from models import engine
from models.dcgan import init
from models.engine import keras, layers, ops
from models.fastgan import MAPS
from models.losses import divergence
from models.vae import LIMIT

RATE = 1e-3  # learning rate at the start; higher than a GAN's, since no second network has to keep up


class Autoencoder:
    """A variational autoencoder (Kingma & Welling 2014): image -> D's features -> one dense layer -> z -> G -> image.

    It is trained in the first `steps` steps. The weight of the reconstruction against the divergence is not a setting:
    it follows the reconstruction error (Rybkin et al. 2021, arXiv 2006.13202).
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
        self._encoder = keras.Model(discriminator.input, self.posterior(_features(discriminator)))
        self.trained = [*self._encoder.trainable_variables, *generator.trainable_variables]
        optimizer.build(self.trained)

    def rate_decay(self, step: Any) -> Any:
        """Learning rate decay: the factor at this step is 1 in the first half of the warm-up, then falls to 0."""
        return ops.minimum(1.0, 2 * (1 - ops.cast(step, "float32") / self.steps))

    def loss(self, real: Any, noise: Any) -> tuple[Any, dict[str, Any]]:
        """Images (B, H, W, C) and noise (B, latent) from N(0, I) -> (loss in nats per image, its two parts).

        - reconstruction: mean squared error of the images that G draws from their codes;
        - divergence: of the codes from N(0, I), in nats.
        """
        mean, log_variance = ops.split(self._encoder(real, training=True), 2, axis=-1)
        log_variance = LIMIT * ops.tanh(log_variance / LIMIT)
        redrawn = self.generator(mean + ops.exp(log_variance / 2) * noise, training=True)
        error, from_prior = ops.mean(ops.square(redrawn - real)), divergence(mean, log_variance)
        # Its gradient is that of values / 2 * log(error), where error is the mean over the batch of all devices.
        values = real.shape[1] * real.shape[2] * real.shape[3]
        pixels = values / 2 * error / ops.stop_gradient(engine.mean(error) + 1e-6)
        return pixels + from_prior, {"reconstruction": error, "divergence": from_prior}


def _features(discriminator: keras.Model) -> Any:
    """What the logit of a discriminator follows from. If it judges places: its last maps, about 4x4."""
    if all(layer.name != MAPS for layer in discriminator.layers):
        return discriminator.layers[-1].input
    maps = discriminator.get_layer(MAPS).output
    return layers.Flatten()(layers.AveragePooling2D(max(1, maps.shape[1] // 4))(maps))
