"""The exponential moving average of a network's weights.

The averaged generator draws better faces than the one in training, and costs next to nothing.
"""

from typing import Any

from models.engine import keras, ops


def update(average: keras.Model, network: keras.Model, decay: float, step: Any) -> None:
    """Move every weight of `average`, batch-norm statistics included, towards the same weight of `network`.

    In the first steps the decay is smaller than `decay` and grows with the step. So the average soon forgets the
    random weights that a training begins with.
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, (1 + step) / (10 + step))
    for slow, fast in zip(average.weights, network.weights, strict=True):
        slow.assign(slow + (fast - slow) * (1 - decay))


def in_float32(network: keras.Model) -> keras.Model:
    """A network -> itself, if it computes in float32 on one device. If not: its copy that does."""
    alone = all(layer.dtype_policy.name == "float32" and not _synchronized(layer) for layer in network.layers)
    return network if alone else copy_in_float32(network)


def _synchronized(layer):
    return getattr(layer, "synchronized", False)


def copy_in_float32(network: keras.Model) -> keras.Model:
    """A network -> a copy with the same weights that computes in float32, which every CPU does fast."""

    def copied(layer):
        alone = {"synchronized": False} if _synchronized(layer) else {}  # a file is for use on one device
        return layer.__class__.from_config({**layer.get_config(), **alone, "dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy
