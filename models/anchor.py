"""The anchor: what keeps the faces of a good generator whole while it learns another style.

A discriminator that compares two styles soon finds differences in everything: how wide mouths are open, how heads are
turned. A generator that follows it breaks faces. The anchor says how far each face has moved from the face that the
same z gave when the training began, in feature maps that know faces. Eyes, nose and mouth count more than the rest:
flaws are seen there, and hair, clothes and background show much of a style.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models import engine
from models.engine import keras, layers, ops

SIDE = 16  # of the feature maps: finer ones hold the style, too, and coarser ones let details go
# In a picture of a face, as shares of its sides: the middle between eyes, nose and mouth, and how far they are from it.
MIDDLE, REACH = (0.5, 0.62), 0.28
AROUND = 0.15  # how much a place far from there counts beside one in the middle


class Anchor:
    """Copies of the generator G and of the discriminator's feature maps, as they are when the training begins.

    `networks` are its networks by name. Training reads their weights and never changes them.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, weight: float) -> None:
        """`weight`: of the distance, beside G's loss. Raises ValueError if the discriminator has no residual blocks."""
        self.weight = weight
        self._now = _maps(discriminator)
        self._generator, self._maps = (keras.models.clone_model(network) for network in (generator, self._now))
        self._generator.trainable = self._maps.trainable = False
        self.networks = {"anchor_generator": self._generator, "anchor_maps": self._maps}

    def take(self, generator: keras.Model) -> None:
        """Copy the weights of a generator, and of the discriminator, as they are now."""
        self._generator.set_weights(generator.get_weights())
        self._maps.set_weights(self._now.get_weights())

    def distance(self, faces: Any, z: Any) -> Any:
        """G's faces (B, H, W, C) of z (B, latent) -> how far they have moved, 0 or more.

        It is a share of what the maps see. 0 means: not at all. 1 is as far as a picture in which they see nothing.
        """
        kept = ops.stop_gradient(self._seen(self._generator(z, training=False)))
        moved = ops.square(self._seen(faces) - kept) * importance(*kept.shape[1:3])[:, :, None]
        return ops.mean(moved) / engine.mean(ops.mean(ops.square(kept)))

    def _seen(self, faces):
        return ops.cast(self._maps(faces, training=False), "float32")


def importance(height: int, width: int) -> np.ndarray:
    """Sides of the maps -> how much each place counts, float32 (height, width): most around MIDDLE, on average 1."""
    y, x = np.indices((height, width)) + 0.5
    far = ((x / width - MIDDLE[0]) / REACH) ** 4 + ((y / height - MIDDLE[1]) / REACH) ** 4
    counts = AROUND + (1 - AROUND) * np.exp(-far)
    return (counts / counts.mean()).astype(np.float32)


def _maps(discriminator: keras.Model) -> keras.Model:
    """A discriminator -> the network from its pictures to the maps of its last residual block of SIDE or more."""
    ends: Sequence[Any] = [layer.output for layer in discriminator.layers if isinstance(layer, layers.Add)]
    if not ends:
        raise ValueError("--anchor needs a discriminator with residual blocks")
    fine = [maps for maps in ends if maps.shape[1] >= SIDE]
    return keras.Model(discriminator.input, (fine or ends)[-1])
