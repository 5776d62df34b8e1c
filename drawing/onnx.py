"""The layers of a network -> the same network as ONNX.

Keras's own exporter needs TensorFlow and tf2onnx, and wraps each layer in operations of TensorFlow. Here every layer of
this project's networks becomes one or two operations: the file is small, and every runtime and browser is fast with it.
Keras keeps channels last; ONNX wants them first. So images are turned round at both ends only.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from drawing.layers import Layer

OPSET = 17
LAST_TO_FIRST, FIRST_TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
NARROW = 64  # values: smaller arrays stay float32 in a half file


class Unknown(ValueError):
    """A layer, or a setting of one, that is not known here."""


def to_onnx(layers: Sequence[Layer], half: bool = False) -> onnx.ModelProto:
    """The layers of a network (drawing/layers.py) -> the same as ONNX, checked and with the shape of its output.

    It takes and gives float32. Images are (N, H, W, C) on both sides, as in Keras. With `half`, weights are stored as
    float16, and become float32 again when they are used. Raises as `unchecked` does.
    """
    model = onnx.shape_inference.infer_shapes(unchecked(layers, half), strict_mode=True)
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model)
    return model


def unchecked(layers: Sequence[Layer], half: bool = False) -> onnx.ModelProto:
    """As `to_onnx`, for a runtime that checks by itself.

    Raises Unknown for a layer that is not known here, and ValueError for one that is damaged.
    """
    graph = _Graph(half)
    values: dict[str, str] = {}  # name of a layer -> the name of its result in the graph
    try:
        for layer in layers:
            values[layer.name] = _converted(graph, layer, [values[name] for name in layer.inputs])
        images = _rank(layers[-1]) == 4
    except (KeyError, TypeError, AttributeError, IndexError) as fault:
        raise ValueError(f"a layer cannot be read ({type(fault).__name__})") from fault
    last = {"perm": FIRST_TO_LAST} if images else {}
    graph.add("Transpose" if images else "Identity", values[layers[-1].name], into="output", **last)
    (taken,) = (layer.shapes[0] for layer in layers if layer.kind == "InputLayer")
    given = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
    made = helper.make_graph(graph.nodes, "network", [helper.make_tensor_value_info(
        "input", TensorProto.FLOAT, ["N", *taken[1:]])], [given], graph.constants)  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="animefaces")
    model.ir_version = 8
    return model


def _converted(graph: "_Graph", layer: Layer, inputs: list[str]) -> str:
    """A layer, and the names of its inputs in the graph -> the name of its result."""
    kind, settings = layer.kind, layer.settings
    if kind not in LAYERS:
        raise Unknown(f"{kind} layers")
    precision = settings.get("dtype", "float32")
    if isinstance(precision, dict):
        precision = precision["config"]["name"]
    if precision != "float32" or settings.get("data_format", "channels_last") != "channels_last":
        raise Unknown(f"{kind} layers in {precision}, or with channels first")
    return LAYERS[kind](graph, layer, *inputs)


def _rank(layer: Layer) -> int:
    """A layer -> the number of axes of its result."""
    if layer.kind in ("Flatten", "GlobalAveragePooling2D"):
        return 2
    if layer.kind == "Reshape":
        return 1 + len(layer.settings["target_shape"])
    return len(layer.shapes[0])


class _Graph:
    """An ONNX graph in the making."""

    def __init__(self, half: bool):
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._half, self._count = half, 0

    def name(self) -> str:
        """A new name."""
        self._count += 1
        return f"v{self._count}"

    def add(self, kind: str, *inputs: str, into: str = "", **settings: Any) -> str:
        """Add an operation -> the name of its result."""
        result = into or self.name()
        self.nodes.append(helper.make_node(kind, list(inputs), [result], **settings))
        return result

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        """Add an array -> its name."""
        array, name = np.asarray(array, dtype), self.name()
        narrow = self._half and array.dtype == np.float32 and array.size > NARROW
        self.constants.append(numpy_helper.from_array(array.astype(np.float16) if narrow else array, name))
        return self.add("Cast", name, to=TensorProto.FLOAT) if narrow else name


def _activated(graph, layer, x):
    """The activation that is a part of a layer."""
    return _activation(graph, layer.settings["activation"], x, _rank(layer))


def _activation(graph, name, x, rank):
    if name == "linear":
        return x
    if name == "gelu":
        share = graph.add("Erf", graph.add("Mul", x, graph.constant(np.sqrt(0.5))))
        return graph.add("Mul", x, graph.add("Mul", graph.add("Add", share, graph.constant(1.0)), graph.constant(0.5)))
    if name == "softmax":
        return graph.add("Softmax", x, axis=1 if rank == 4 else -1)
    if name == "hard_tanh":
        return graph.add("Clip", x, graph.constant(-1.0), graph.constant(1.0))
    if name == "silu":
        return graph.add("Mul", x, graph.add("Sigmoid", x))
    known = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}
    if not isinstance(name, str) or name not in known:
        raise Unknown(f"the activation {name}")
    return graph.add(known[name], x)


def _input(graph, layer):
    return graph.add("Transpose", "input", perm=LAST_TO_FIRST) if _rank(layer) == 4 else "input"


def _convolution(graph, layer, x):
    kernel, *bias = layer.weights
    groups = layer.settings.get("groups", 1)
    if layer.kind == "DepthwiseConv2D":
        height, width, groups, times = kernel.shape
        kernel = kernel.reshape(height, width, 1, groups * times)
    settings = {"strides": layer.settings["strides"], "dilations": layer.settings["dilation_rate"], "group": groups,
                **_padding(layer)}  # fmt: skip
    arrays = [graph.constant(kernel.transpose(3, 2, 0, 1)), *map(graph.constant, bias)]
    return _activated(graph, layer, graph.add("Conv", x, *arrays, **settings))


def _padding(layer):
    return {"auto_pad": {"same": "SAME_UPPER", "valid": "VALID"}[layer.settings["padding"]]}


def _transposed(graph, layer, x):
    if layer.settings["output_padding"] is not None or set(layer.settings["dilation_rate"]) != {1}:
        raise Unknown("a transposed convolution with output padding, or dilated")
    kernel, *bias = layer.weights  # (height, width, channels out, channels in)
    strides, same = layer.settings["strides"], layer.settings["padding"] == "same"
    cut = [max(k - s, 0) if same else 0 for k, s in zip(kernel.shape[:2], strides, strict=True)]
    more = [max(s - k, 0) for k, s in zip(kernel.shape[:2], strides, strict=True)]
    pads = [n // 2 for n in cut] + [n - n // 2 for n in cut]
    arrays = [graph.constant(kernel.transpose(3, 2, 0, 1)), *map(graph.constant, bias)]
    settings = {"strides": strides, "pads": pads, "output_padding": more}
    return _activated(graph, layer, graph.add("ConvTranspose", x, *arrays, **settings))


def _dense(graph, layer, x):
    kernel, *bias = layer.weights
    images = _rank(layer) == 4
    if images:
        x = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    result = graph.add("MatMul", x, graph.constant(kernel))
    if bias:
        result = graph.add("Add", result, graph.constant(bias[0]))
    return _activated(graph, layer, graph.add("Transpose", result, perm=LAST_TO_FIRST) if images else result)


def _normalisation(graph, layer, x):
    if (
        layer.settings["axis"] not in (-1, _rank(layer) - 1)
        or _rank(layer) not in (2, 4)
        or layer.settings.get("renorm")
    ):
        raise Unknown("a batch normalisation of another axis, or a renormalisation")
    *scaled, mean, variance = layer.weights
    gamma = scaled.pop(0) if layer.settings["scale"] else np.ones(mean.size)
    beta = scaled.pop(0) if layer.settings["center"] else np.zeros(mean.size)
    arrays = [graph.constant(array) for array in (gamma, beta, mean, variance)]
    return graph.add("BatchNormalization", x, *arrays, epsilon=float(layer.settings["epsilon"]))


def _pooling(kind):
    def convert(graph, layer, x):
        settings = {"kernel_shape": layer.settings["pool_size"], "strides": layer.settings["strides"]}
        return graph.add(kind, x, **settings, **_padding(layer))

    return convert


def _global_mean(graph, layer, x):
    if layer.settings["keepdims"]:
        raise Unknown("a mean that keeps its axes")
    return graph.add("Flatten", graph.add("GlobalAveragePool", x))


def _resized(graph, x, scales=None, sizes=None, way="bilinear"):
    modes = {"bilinear": {"mode": "linear"}, "nearest": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"}}
    if way not in modes:
        raise Unknown(f"resizing by {way}")
    settings = {"coordinate_transformation_mode": "half_pixel", **modes[way]}
    if sizes:
        shape = graph.add("Shape", x, start=0, end=2)
        wanted = graph.add("Concat", shape, graph.constant(sizes, np.int64), axis=0)
        return graph.add("Resize", x, "", "", wanted, **settings)
    return graph.add("Resize", x, "", graph.constant([1, 1, *scales]), **settings)


def _upsampled(graph, layer, x):
    return _resized(graph, x, scales=layer.settings["size"], way=layer.settings["interpolation"])


def _fitted(graph, layer, x):
    if (
        layer.settings["crop_to_aspect_ratio"]
        or layer.settings.get("pad_to_aspect_ratio")
        or layer.settings["antialias"]
    ):
        raise Unknown("resizing that crops, pads or smooths")
    sizes, sides = (layer.settings["height"], layer.settings["width"]), layer.shapes[0][1:3]
    way = layer.settings["interpolation"]
    if all(side and size % side == 0 for size, side in zip(sizes, sides, strict=True)):  # then the shape is known
        return _resized(graph, x, scales=[size // side for size, side in zip(sizes, sides, strict=True)], way=way)
    return _resized(graph, x, sizes=sizes, way=way)


def _merged(kind):
    def convert(graph, layer, *inputs):
        if len({len(shape) for shape in layer.shapes}) > 1:
            raise Unknown("a sum of different ranks")
        result = inputs[0]
        for other in inputs[1:]:
            result = graph.add(kind, result, other)
        return result

    return convert


def _averaged(graph, layer, *inputs):
    return graph.add("Mul", _merged("Add")(graph, layer, *inputs), graph.constant(1 / len(inputs)))


def _joined(graph, layer, *inputs):
    images, axis = _rank(layer) == 4, layer.settings["axis"] % _rank(layer)
    return graph.add("Concat", *inputs, axis=LAST_TO_FIRST.index(axis) if images else axis)


def _flat(graph, layer, x):
    if len(layer.shapes[0]) == 4:
        x = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    return graph.add("Flatten", x)


def _reshaped(graph, layer, x):
    shape = layer.settings["target_shape"]
    if min(shape) < 1:
        raise Unknown("a shape that is not given in full")
    if len(layer.shapes[0]) == 4:
        x = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    x = graph.add("Reshape", x, graph.constant([-1, *shape], np.int64))
    return graph.add("Transpose", x, perm=LAST_TO_FIRST) if _rank(layer) == 4 else x


def _rescaled(graph, layer, x):
    def constant(value):
        array = np.asarray(value, np.float32)
        wide = array.ndim and _rank(layer) == 4
        return graph.constant(array.reshape(-1, 1, 1) if wide else array)

    return graph.add("Add", graph.add("Mul", x, constant(layer.settings["scale"])), constant(layer.settings["offset"]))


def _rectified(graph, layer, x):
    slope, most = float(layer.settings["negative_slope"]), layer.settings["max_value"]
    if layer.settings["threshold"] or (slope and most is not None):
        raise Unknown("a ReLU with a threshold")
    if most is not None:
        return graph.add("Clip", x, graph.constant(0.0), graph.constant(float(most)))
    return graph.add("LeakyRelu", x, alpha=slope) if slope else graph.add("Relu", x)


def _parametric(graph, layer, x):
    (slopes,) = layer.weights
    return graph.add("PRelu", x, graph.constant(np.moveaxis(slopes, -1, 0) if slopes.ndim == 3 else slopes))


def _permuted(graph, layer, x):
    order = (0, *layer.settings["dims"])
    if _rank(layer) != 4:
        return graph.add("Transpose", x, perm=order)
    last = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    return graph.add("Transpose", graph.add("Transpose", last, perm=order), perm=LAST_TO_FIRST)


LAYERS: dict[str, Callable[..., str]] = {
    "InputLayer": _input,
    "Conv2D": _convolution,
    "DepthwiseConv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
    "BatchNormalization": _normalisation,
    "AveragePooling2D": _pooling("AveragePool"),
    "MaxPooling2D": _pooling("MaxPool"),
    "GlobalAveragePooling2D": _global_mean,
    "UpSampling2D": _upsampled,
    "Resizing": _fitted,
    "Add": _merged("Add"),
    "Subtract": _merged("Sub"),
    "Multiply": _merged("Mul"),
    "Average": _averaged,
    "Concatenate": _joined,
    "Flatten": _flat,
    "Reshape": _reshaped,
    "Rescaling": _rescaled,
    "LeakyReLU": lambda graph, layer, x: graph.add("LeakyRelu", x, alpha=float(layer.settings["negative_slope"])),
    "ReLU": _rectified,
    "PReLU": _parametric,
    "Permute": _permuted,
    "Activation": _activated,
    "Dropout": lambda graph, layer, x: x,
}
