"""The learned encoder: a photo of a face -> a posterior over z, of drawings that resemble the face. And its training.

There are no pairs of photos and drawings to learn from. The losses instead ask for four things:

- the layout of the drawing tells its photo from the other photos of the batch;
- the skin of the drawing has the colour of the photo's skin;
- the drawing has the traits of the photo's label;
- all codes together are distributed as N(0, I), like the z that the generator was trained with.

The generator itself is not run. A small network, the sketch, has learned the layout, the skin and the traits of the
drawing of any z, and gives them a hundred times faster (docs/research/encode.md).
"""

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from models import ema, layouts
from models.engine import apply, compiled, gradients, keras, layers, ops
from models.state import State

TEMPERATURE = 0.2  # divides the mean squared distances of standardised layouts, which are 2 between unrelated faces
DIRECTIONS = 256  # along which the distribution of the codes is compared with the prior
# Weights of the losses. Colour and structure are in nats, the others in squared distances or nats.
COLOUR, STRUCTURE, NEARNESS, SKIN, WANTED, PRIOR, SPREAD = 1.3, 1.0, 0.1, 1.0, 2.0, 6.0, 0.3
EPOCHS = 12  # in which the sketch is fitted


def measured(rows: Callable[[Any], Any], images: np.ndarray) -> np.ndarray:
    """`layouts.of_photos` or `layouts.of_drawings`, and images (N, S, S, C) -> the rows of all images, (N, D)."""
    return np.concatenate([np.asarray(rows(images[i : i + 250])) for i in range(0, len(images), 250)])


def fit_sketch(
    z: np.ndarray, rows: np.ndarray, epochs: int = EPOCHS, advance: Callable[[int], Any] = lambda count: None
) -> keras.Model:
    """z (N, latent) and the standardised rows (N, D) of their drawings -> the sketch, a network z -> rows.

    `advance` is called with 1 after each epoch, for a progress bar.
    """
    inputs = x = keras.Input(z.shape[1:], name="z")
    for _ in range(2):
        x = layers.Dense(768, activation="gelu")(x)
    sketch = keras.Model(inputs, layers.Dense(rows.shape[1], name="rows")(layers.Concatenate()([x, inputs])))
    rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * -(-len(z) // 64))
    sketch.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), "mse")
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: advance(1))
    sketch.fit(z, rows, batch_size=64, epochs=epochs, verbose=0, callbacks=[told])
    return keras.Model(sketch.input, sketch.output, name="sketch")  # without the optimizer and its variables


def build_encoder(size: int, channels: int, latent: int, widths: Sequence[int] = (32, 64, 128, 192)) -> keras.Model:
    """Sizes -> an encoder: images (B, size, size, channels) in [-1, 1] -> (B, 2 * latent), the posterior of z.

    The posterior is means, then log-variances. One convolution with stride 2 per width; a residual convolution follows
    each but the first.
    """
    images = x = keras.Input((size, size, channels), name="images")
    for i, width in enumerate(widths):
        x = _convolution(x, width, 4 if i == 0 else 3, strides=2, norm=i > 0)
        if i:
            x = layers.Add()([x, _convolution(x, width, 3)])
    x = layers.Flatten()(layers.Conv2D(64, 1)(x))
    mean = layers.Dense(latent, dtype="float32", name="mean")(x)
    spread = layers.Dense(latent, kernel_initializer="zeros", dtype="float32", name="spread")(x)
    spread = layers.Rescaling(5.0, -5.0, dtype="float32")(layers.Activation("tanh", dtype="float32")(spread))
    return keras.Model(images, layers.Concatenate(dtype="float32")([mean, spread]), name="encoder")


def _convolution(x, channels, kernel, strides=1, norm=True):
    settings = {"strides": strides, "padding": "same", "use_bias": not norm, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(channels, kernel, **settings)(x)
    return layers.LeakyReLU(0.2)(layers.BatchNormalization()(x) if norm else x)


class Encoding:
    """An encoder in training, with the interface of models.gan.GAN.

    `steps(step, photos, wanted)` does K training steps, one for each entry of the leading axis: step (K,) int32,
    counted from 0; photos (K, B, H, W, C) in [-1, 1]; wanted (K, B, 3), the standardised traits that each drawing
    should have, nan where they are unknown. It returns the figures of the steps, a dict of float32 (K,):

    - loss: the weighted sum of all losses;
    - colour, structure: contrastive losses (InfoNCE) in nats: how hard it is to find the photo of a drawing among the
      photos of the batch, by that part of the layout;
    - right: share of the drawings whose own photo is the nearest one, by the whole layout;
    - skin, traits: mean squared distances from the photo's skin and from the wanted traits;
    - prior: squared sliced Wasserstein distance of the codes from N(0, I);
    - spread: mean log-variance of the posteriors: how far z may move while its drawing still fits the photo.

    All random numbers are a function of (seed, step).
    """

    def __init__(
        self,
        encoder: keras.Model,
        sketch: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        moments: np.ndarray,
        average_decay: float = 0.99,
        seed: int = 0,
    ) -> None:
        """`sketch`: from `fit_sketch`. `moments`: mean and standard deviation of the photos' rows, (2, 563)."""
        self.encoder, self.sketch, self.optimizer = encoder, sketch, optimizer
        self.moments = moments
        self.average, self.average_decay = keras.models.clone_model(encoder), average_decay
        self.average.set_weights(encoder.get_weights())
        optimizer.build(encoder.trainable_variables)
        self._chance = keras.random.SeedGenerator(seed)
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        networks = {"encoder": encoder, "average": self.average}
        self.state = State(networks, {"optimizer": (optimizer, encoder.trainable_variables)})
        self.steps = compiled(self._step, [*self.state.variables, self._chance.state, *sketch.variables])

    def _step(self, step, photos, wanted):
        state = self._chance.state
        state.assign(ops.cast(ops.stack([ops.cast(self._seed, "int32"), step * 16]), state.dtype))
        mirrored = keras.random.uniform((photos.shape[0], 1, 1, 1), seed=self._chance) < 0.5
        photos = ops.where(mirrored, ops.flip(photos, axis=2), photos)
        trained = self.encoder.trainable_variables
        scale = self.optimizer.scale_loss
        loss, figures, grads = gradients(lambda: self._loss(photos, wanted), trained, scale)
        apply(self.optimizer, grads, trained)
        ema.update(self.average, self.encoder, self.average_decay, step)
        return {"loss": loss, **figures}

    def _loss(self, photos, wanted):
        mean, spread = ops.split(self.encoder(self._roughened(photos), training=True), 2, axis=1)
        theirs = layouts.standardised(layouts.of_photos(photos), self.moments)
        rows = self.sketch(mean, training=False)
        colour, structure, nearness, right = _resemblance(rows[:, : layouts.SEEN], theirs)
        skin = ops.mean(ops.square((rows[:, : layouts.SEEN] - theirs)[:, layouts.LAYOUT_SIZE :]))
        known = ops.logical_not(ops.isnan(wanted))
        off = ops.where(known, rows[:, layouts.SEEN :] - ops.where(known, wanted, 0.0), 0.0)
        traits, prior = ops.mean(ops.square(off)), self._from_prior(mean)
        loss = COLOUR * colour + STRUCTURE * structure + NEARNESS * nearness + SKIN * skin
        loss = loss + WANTED * traits + PRIOR * prior
        # The gradient of this loss reaches the log-variances only, not the means.
        noise = keras.random.normal(mean.shape, seed=self._chance)
        near = ops.stop_gradient(mean) + ops.exp(spread / 2) * noise
        strayed = _resemblance(self.sketch(near, training=False)[:, : layouts.SEEN], theirs)
        loss = loss + SPREAD * (strayed[0] + strayed[1] - ops.mean(spread) / 2)
        return loss, {"colour": colour, "structure": structure, "right": right, "skin": skin, "traits": traits,
                      "prior": prior, "spread": ops.mean(spread)}  # fmt: skip

    def _roughened(self, images: Any) -> Any:
        """Images -> with other contrast, tint and noise, as from another camera and in another light."""
        rows = (images.shape[0], 1, 1, 1)
        contrast = keras.random.uniform(rows, 0.8, 1.2, seed=self._chance)
        tint = keras.random.uniform((rows[0], 1, 1, images.shape[-1]), -0.15, 0.15, seed=self._chance)
        grain = keras.random.uniform(rows, 0.0, 0.12, seed=self._chance)
        return images * contrast + tint + grain * keras.random.normal(images.shape, seed=self._chance)

    def _from_prior(self, z: Any) -> Any:
        """Codes (B, latent) -> their squared sliced Wasserstein distance from N(0, I) (Wu et al. 2019)."""
        directions = keras.random.normal((z.shape[1], DIRECTIONS), seed=self._chance)
        directions = directions / ops.sqrt(ops.sum(ops.square(directions), axis=0, keepdims=True))
        quantiles = [[NormalDist().inv_cdf((i + 0.5) / z.shape[0])] for i in range(z.shape[0])]
        return ops.mean(ops.square(ops.sort(z @ directions, axis=0) - np.array(quantiles, np.float32)))


def _resemblance(ours: Any, theirs: Any) -> tuple[Any, Any, Any, Any]:
    """Standardised rows (B, 563) of drawings and of their photos -> (colour, structure, nearness, right).

    Colour and structure: InfoNCE in nats. Nearness: mean squared distance of the pairs. Right: share of the drawings
    whose own photo is the nearest one.
    """
    parts = (slice(0, layouts.COLOUR_SIZE), slice(layouts.COLOUR_SIZE, layouts.LAYOUT_SIZE))
    colour, structure = (_distances(ours[:, part], theirs[:, part]) for part in parts)
    nats = [ops.mean(ops.logsumexp(-d / TEMPERATURE, axis=1) + ops.diagonal(d) / TEMPERATURE)
            for d in (colour, structure)]  # fmt: skip
    both = colour + structure
    right = ops.mean(ops.cast(ops.argmin(both, axis=1) == ops.arange(both.shape[0]), "float32"))
    return *nats, ops.mean(ops.diagonal(both)), right


def _distances(rows: Any, others: Any) -> Any:
    """Rows (B, D) and others (B, D) -> the mean squared difference of each pair, (B, B)."""
    lengths = ops.mean(ops.square(rows), axis=1)[:, None] + ops.mean(ops.square(others), axis=1)[None]
    return lengths - 2 / rows.shape[1] * (rows @ ops.transpose(others))
