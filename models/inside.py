"""Inside a network: its feature maps, its parts before and after a layer, and gradients for its input.

Layers are found by their class, never by their name. So any functional network of Keras's layers can be used.
"""

from typing import Any

import numpy as np

from models.batches import ROWS
from models.engine import keras, ops, traced

ACTIVATIONS = {"ReLU", "LeakyReLU", "Activation", "PReLU", "ELU"}
RECTIFIERS = ("relu", "leaky_relu")
CELLS = 4  # per side of a feature map; `pooled` averages over each cell


def feature_layers(network: keras.Model) -> list[str]:
    """A network -> names of its layers with feature maps (B, H, W, C), H and W > 1, in order from the input.

    Only activations if there are any, else convolutions. Layers that nothing trains belong to another network, if there
    are others.
    """
    spatial = [layer for layer in network.layers if _has_maps(layer) and type(layer).__name__ != "InputLayer"]
    spatial = [layer for layer in spatial if layer.trainable] or spatial
    active = [
        layer.name for layer in spatial if type(layer).__name__ in ACTIVATIONS and layer.output is not _out(network)
    ]
    return active or [layer.name for layer in spatial if "Conv" in type(layer).__name__]


def _has_maps(layer: keras.layers.Layer) -> bool:
    shape = layer.output.shape
    return len(shape) == 4 and shape[1] > 1 and shape[2] > 1


def _out(network: keras.Model) -> Any:
    return network.outputs[0]


def cuts(network: keras.Model) -> list[str]:
    """A network -> names of the layers at which `split` can cut it, in order from the input.

    These have feature maps, and no other path leads from input to output around them.
    """
    return [layer.name for layer in network.layers if _has_maps(layer) and layer.output is not _out(network)
            and type(layer).__name__ != "InputLayer" and _is_cut(network, layer)]  # fmt: skip


def _is_cut(network: keras.Model, layer: keras.layers.Layer) -> bool:
    try:
        keras.Model(layer.output, _out(network))
        return True
    except ValueError:  # another path leads around it
        return False


def middle(network: keras.Model, side: int) -> str | None:
    """A network -> the name of one of its `cuts` with maps at most `side` places high, as near the output as possible.

    Among cuts with maps of that size it is the last activation, else the first layer. If all maps are higher, it is the
    first cut; None if there is no cut.
    """
    layers = [network.get_layer(name) for name in cuts(network)]
    small = [layer for layer in layers if layer.output.shape[1] <= side] or layers[:1]
    largest = [layer for layer in small if layer.output.shape[1] == small[-1].output.shape[1]]
    active = [layer for layer in largest if type(layer).__name__ in ACTIVATIONS]
    return next((layer.name for layer in active[::-1] + largest), None)


def split(network: keras.Model, name: str) -> tuple[keras.Model, keras.Model]:
    """A network and one of its `cuts` -> (network input -> its maps, network its maps -> output)."""
    maps = network.get_layer(name).output
    return keras.Model(network.inputs[0], maps), keras.Model(maps, _out(network))


def first_kernel(network: keras.Model) -> np.ndarray | None:
    """A network -> the kernel (D, M) of the dense layer that its input goes to, None without such a layer."""
    for layer in network.layers:
        if type(layer).__name__ == "Dense" and layer.input is network.inputs[0]:
            return np.asarray(ops.convert_to_numpy(layer.kernel))
    return None


def pooled(network: keras.Model, name: str) -> keras.Model:
    """A network and a layer -> a network: images -> the layer's maps averaged over cells, (B, <= CELLS * CELLS * C)."""
    maps = network.get_layer(name).output
    size = [max(1, side // CELLS) for side in maps.shape[1:3]]
    maps = keras.layers.AveragePooling2D(size, name="inside_cells")(maps)
    return keras.Model(network.inputs[0], keras.layers.Flatten(name="inside_row")(maps))


def peaks(network: keras.Model, name: str) -> keras.Model:
    """A network and a layer -> a network: images -> (B, 2, C): each map's maximum, and its place in the flat map."""
    maps = network.get_layer(name).output
    flat = keras.layers.Reshape((-1, maps.shape[-1]), name="inside_flat")(maps)
    return keras.Model(network.inputs[0], _Peaks(dtype="float32", name="inside_peaks")(flat))


class _Peaks(keras.layers.Layer):
    def call(self, flat):
        places = ops.cast(ops.argmax(flat, axis=1), "float32")
        return ops.stack([ops.cast(ops.max(flat, axis=1), "float32"), places], axis=1)


def with_random_weights(network: keras.Model, seed: int) -> keras.Model:
    """A network -> the same network before any training: kernels from N(0, 2 / fan-in), all else as initialised.

    The network's own initialisers would not do: they set residual branches to zero, which leaves a linear network.
    """
    clone, rng = keras.models.clone_model(network), np.random.default_rng(seed)
    for weight in clone.trainable_variables:
        if len(weight.shape) > 1:
            fan = int(np.prod(weight.shape[:-1]))
            weight.assign(rng.normal(0, np.sqrt(2 / fan), weight.shape).astype("float32"))
    return clone


def guided(network: keras.Model, name: str) -> keras.Model:
    """A network and a layer -> a network: images -> that layer's maps, with the gradients of guided backpropagation.

    The gradient of a rectifier is set to zero where it is negative, and where the rectifier's input was negative
    (Springenberg et al. 2014, arXiv 1412.6806). Leaky rectifiers are treated in the same way.
    """

    def copy(layer):
        kind = type(layer).__name__
        if kind in ("ReLU", "LeakyReLU"):
            return _Guided(layer.negative_slope, name=layer.name)
        made = layer.__class__.from_config(layer.get_config())
        if getattr(getattr(layer, "activation", None), "__name__", None) in RECTIFIERS:
            # The negative slopes of Keras's activations with these names.
            made.activation = rectifier(0.2 if layer.activation.__name__ == "leaky_relu" else 0.0)
        return made

    part = keras.Model(network.inputs[0], network.get_layer(name).output)
    clone = keras.models.clone_model(part, clone_function=copy)
    clone.set_weights(part.get_weights())
    return clone


def rectifier(slope: float) -> Any:
    """A slope -> a function: x -> x where it is positive, else slope * x, with the gradient of `guided`."""

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


def gradients_at(network: keras.Model, images: np.ndarray, maps: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C), and for each image a map (N,) and a place in the flat map (N,) -> gradients (N, H, W, C).

    Each is the gradient of one number, the map's value at that place, with respect to the image.
    """
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
