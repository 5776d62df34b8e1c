"""The anchor: what keeps the faces of a good generator whole while it learns another style.

A discriminator that compares two styles soon finds differences in everything: how wide mouths are open, how heads are
turned. A generator that follows it breaks faces. The anchor says how far each face has moved from the face that the
same z gave when the training began:

- in feature maps that know faces. Eyes, nose and mouth count more than the rest: flaws are seen there, and hair,
  clothes and background show much of a style;
- in the fine lines of nose and mouth. They are few pixels, and where they move, people see a smeared mouth. Colours,
  light and shadow are wider than these lines, and may change;
- in flaws that a network sees, with models.flaws: it may not have more of them than that face.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models import engine
from models.augment import blur
from models.engine import keras, layers, ops
from models.flaws import Flaws

SIDE = 16  # of the feature maps: finer ones hold the style, too, and coarser ones let details go
# In a picture of a face, as shares of its sides: the middle between eyes, nose and mouth, and how far they are from it.
MIDDLE, REACH = (0.5, 0.62), 0.28
AROUND = 0.15  # how much a place far from there counts beside one in the middle
LINES_MIDDLE, LINES_REACH = (0.5, 0.74), 0.2  # the same for the lines of nose and mouth
FINE = 0.11  # of the side of a face: lines are what is finer
LINES = 40.0  # how much the lines count beside the maps


class Anchor:
    """Copies of the generator G and of the discriminator's feature maps, as they are when the training begins.

    `networks` are its networks by name. Training reads their weights and never changes them.
    """

    def __init__(
        self, generator: keras.Model, discriminator: keras.Model, weight: float, flaws: Flaws | None = None
    ) -> None:
        """`weight`: of the distance, beside G's loss. `flaws`: what sees more flaws than at the beginning, or None.

        Raises ValueError if the discriminator has no residual blocks.
        """
        self.weight, self.flaws = weight, flaws
        self._now = _maps(discriminator)
        self._generator, self._maps = (keras.models.clone_model(network) for network in (generator, self._now))
        self._generator.trainable = self._maps.trainable = False
        self.networks = {"anchor_generator": self._generator, "anchor_maps": self._maps}
        if flaws:
            self.networks["anchor_parts"] = flaws.network

    def take(self, generator: keras.Model) -> None:
        """Copy the weights of a generator, and of the discriminator, as they are now."""
        self._generator.set_weights(generator.get_weights())
        self._maps.set_weights(self._now.get_weights())

    def pull(self, faces: Any, z: Any) -> tuple[Any, dict[str, Any]]:
        """G's faces (B, H, W, C) of z (B, latent) -> (what the anchor adds to G's loss, figures).

        `moved` and `lines` are how far the faces have moved, in the maps and in the lines of nose and mouth: shares of
        what is seen there. 0 means: not at all. 1 is as far as a picture in which nothing is seen. `flaws`, if there
        is what sees them, is how many more the faces have.
        """
        before = ops.stop_gradient(self._generator(z, training=False))
        moved = _moved(self._seen(faces), self._seen(before), MIDDLE, REACH, AROUND)
        lines = _moved(_fine(faces), _fine(before), LINES_MIDDLE, LINES_REACH)
        loss, figures = self.weight * (moved + LINES * lines), {"moved": moved, "lines": lines}
        if not self.flaws:
            return loss, figures
        more = self.flaws.more(faces, before)
        return loss + self.flaws.weight * more, {**figures, "flaws": more}

    def _seen(self, faces):
        return ops.cast(self._maps(faces, training=False), "float32")


def _moved(now, before, *where):
    """Maps (B, H, W, C), what they were, and where it counts -> how far they have moved, as a share."""
    moved = ops.square(now - before) * importance(*before.shape[1:3], *where)[:, :, None]
    return ops.mean(moved) / (engine.mean(ops.mean(ops.square(before))) + 1e-6)


def _fine(images):
    """Images (B, H, W, C) -> what is finer than FINE in them, of the same shape."""
    return images - blur(images, FINE)


def importance(height: int, width: int, middle: Sequence[float], reach: float, around: float = 0.0) -> np.ndarray:
    """Sides of maps -> how much each place in them counts, float32 (height, width): most around `middle`, on average 1.

    `middle` and `reach` are shares of the sides, and `around` is how much a place far from there counts beside one in
    the middle.
    """
    y, x = np.indices((height, width)) + 0.5
    far = ((x / width - middle[0]) / reach) ** 4 + ((y / height - middle[1]) / reach) ** 4
    counts = around + (1 - around) * np.exp(-far)
    return (counts / counts.mean()).astype(np.float32)


def _maps(discriminator: keras.Model) -> keras.Model:
    """A discriminator -> the network from its pictures to the maps of its last residual block of SIDE or more."""
    ends: Sequence[Any] = [layer.output for layer in discriminator.layers if isinstance(layer, layers.Add)]
    if not ends:
        raise ValueError("--anchor needs a discriminator with residual blocks")
    fine = [maps for maps in ends if maps.shape[1] >= SIDE]
    return keras.Model(discriminator.input, (fine or ends)[-1])
