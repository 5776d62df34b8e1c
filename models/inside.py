"""Inside a network: what its feature maps answer to, and what it draws without some of them.

Layers are found by what they are, never by name: any functional network of Keras's layers will do.
"""

import keras
import numpy as np
from keras import ops

from models.batches import ROWS
from models.engine import traced

ACTIVATIONS = {"ReLU", "LeakyReLU", "Activation", "PReLU", "ELU"}
RECTIFIERS = ("relu", "leaky_relu")
CELLS = 4  # per side, over which `pooled` averages


def feature_layers(network):
    """Names of the layers that end in feature maps (B, H, W, C) larger than one place: activations, if there are any.

    In order, from the network's input on.
    """
    spatial = [layer for layer in network.layers if _has_maps(layer) and type(layer).__name__ != "InputLayer"]
    active = [
        layer.name for layer in spatial if type(layer).__name__ in ACTIVATIONS and layer.output is not _out(network)
    ]
    return active or [layer.name for layer in spatial if "Conv" in type(layer).__name__]


def _has_maps(layer):
    shape = layer.output.shape
    return len(shape) == 4 and shape[1] > 1 and shape[2] > 1


def _out(network):
    return network.outputs[0]


def cuts(network):
    """Names of the layers with feature maps that everything passes through, in order: where `split` can cut."""
    return [layer.name for layer in network.layers if _has_maps(layer) and layer.output is not _out(network)
            and type(layer).__name__ != "InputLayer" and _is_cut(network, layer)]  # fmt: skip


def _is_cut(network, layer):
    try:
        keras.Model(layer.output, _out(network))
        return True
    except ValueError:  # another way leads around it
        return False


def middle(network, side):
    """The cut of `side` places or fewer that is nearest to the output: an activation if there is one, else the first.

    The first cut of all if none is that small; None if there is no cut.
    """
    layers = [network.get_layer(name) for name in cuts(network)]
    small = [layer for layer in layers if layer.output.shape[1] <= side] or layers[:1]
    largest = [layer for layer in small if layer.output.shape[1] == small[-1].output.shape[1]]
    active = [layer for layer in largest if type(layer).__name__ in ACTIVATIONS]
    return next((layer.name for layer in active[::-1] + largest), None)


def split(network, name):
    """A network and one of its `cuts` -> (input to that layer's maps, those maps to output)."""
    maps = network.get_layer(name).output
    return keras.Model(network.inputs[0], maps), keras.Model(maps, _out(network))


def first_kernel(network):
    """The kernel (D, M) of the dense layer that z meets first, or None."""
    for layer in network.layers:
        if type(layer).__name__ == "Dense" and layer.input is network.inputs[0]:
            return np.asarray(ops.convert_to_numpy(layer.kernel))
    return None


def pooled(network, name):
    """Images -> (B, at most CELLS * CELLS * C): the maps of a layer, averaged over a few cells. A network."""
    maps = network.get_layer(name).output
    size = [max(1, side // CELLS) for side in maps.shape[1:3]]
    maps = keras.layers.AveragePooling2D(size, name="inside_cells")(maps)
    return keras.Model(network.inputs[0], keras.layers.Flatten(name="inside_row")(maps))


def peaks(network, name):
    """Images -> (B, 2, C), a network: the strongest answer of each map of a layer, and its place in the flat map."""
    maps = network.get_layer(name).output
    flat = keras.layers.Reshape((-1, maps.shape[-1]), name="inside_flat")(maps)
    return keras.Model(network.inputs[0], _Peaks(dtype="float32", name="inside_peaks")(flat))


class _Peaks(keras.layers.Layer):
    def call(self, flat):
        places = ops.cast(ops.argmax(flat, axis=1), "float32")
        return ops.stack([ops.cast(ops.max(flat, axis=1), "float32"), places], axis=1)


def with_random_weights(network, seed):
    """The same network before any training: kernels from N(0, 2 / fan-in), all else as it begins.

    Not by its own initialisers: those begin residual branches as zero, which would leave next to no network.
    """
    clone, rng = keras.models.clone_model(network), np.random.default_rng(seed)
    for weight in clone.trainable_variables:
        if len(weight.shape) > 1:
            fan = int(np.prod(weight.shape[:-1]))
            weight.assign(rng.normal(0, np.sqrt(2 / fan), weight.shape).astype("float32"))
    return clone


def guided(network, name):
    """A network and a layer -> images to that layer's maps, whose gradients are those of guided backpropagation.

    On the way back a rectifier lets through only what is positive, and only where its input was (Springenberg et
    al. 2014, arXiv 1412.6806). A leaky one does the same: its leak is for training.
    """

    def copy(layer):
        kind = type(layer).__name__
        if kind in ("ReLU", "LeakyReLU"):
            return _Guided(layer.negative_slope, name=layer.name)
        made = layer.__class__.from_config(layer.get_config())
        if getattr(getattr(layer, "activation", None), "__name__", None) in RECTIFIERS:
            # As Keras's activations of these names: relu has no slope, leaky_relu one of 0.2.
            made.activation = rectifier(0.2 if layer.activation.__name__ == "leaky_relu" else 0.0)
        return made

    part = keras.Model(network.inputs[0], network.get_layer(name).output)
    clone = keras.models.clone_model(part, clone_function=copy)
    clone.set_weights(part.get_weights())
    return clone


def rectifier(slope):
    """x -> x where positive, else slope * x; backwards, guided."""

    @ops.custom_gradient
    def rectify(x):
        def back(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            through = ops.logical_and(x > 0, upstream > 0)
            return ops.where(through, upstream, ops.zeros_like(upstream))

        return ops.where(x > 0, x, slope * x), back

    return rectify


class _Guided(keras.layers.Layer):
    def __init__(self, slope, **settings):
        super().__init__(**settings)
        self._rectify = rectifier(float(slope))

    def call(self, x):
        return self._rectify(x)


def gradients_at(network, images, maps, places):
    """The gradient of one number per image, in one map (N,) at one place (N,) of it, for the image -> (N, H, W, C)."""
    parts = []
    for i in range(0, len(images), ROWS):
        rows = slice(i, i + ROWS)
        x = ops.convert_to_tensor(np.asarray(images[rows], np.float32))
        value, _, pull = traced(lambda x: (network(x, training=False), None), [], x)
        chosen = np.zeros(value.shape, np.float32)
        flat = chosen.reshape(len(chosen), -1, chosen.shape[-1])
        flat[np.arange(len(flat)), places[rows], maps[rows]] = 1
        (gradient,) = pull(ops.convert_to_tensor(chosen))[1]
        parts.append(np.asarray(ops.convert_to_numpy(gradient)))
    return np.concatenate(parts)
