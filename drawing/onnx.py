"""A network of Keras -> the same network as ONNX, layer by layer.

Keras's own exporter needs TensorFlow and tf2onnx, and wraps each layer in operations of TensorFlow. Here every layer of
this project's networks becomes one or two operations: the file is small, and every runtime and browser is fast with it.
Keras keeps channels last; ONNX wants them first. So images are turned round at both ends only.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from animefaces.problems import Problem

if TYPE_CHECKING:
    import keras

OPSET = 17
LAST_TO_FIRST, FIRST_TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
NARROW = 64  # values: smaller arrays stay float32 in a half file


def to_onnx(network: "keras.Model", half: bool = False) -> onnx.ModelProto:
    """A functional network with one input and one output -> the same as ONNX: float32 in, float32 out.

    Images are (N, H, W, C) on both sides, as in Keras. With `half`, weights are stored as float16, and become float32
    again when they are used. Raises Problem for a layer that is not known here.
    """
    graph = _Graph(half)
    nodes = [node for depth in sorted(network._nodes_by_depth, reverse=True) for node in network._nodes_by_depth[depth]]
    for node in nodes:
        layer, kind = node.operation, type(node.operation).__name__
        if kind not in LAYERS:
            raise Problem(f"{kind} layers cannot be exported to onnx: choose another --format")
        inputs = [graph.values[id(tensor)] for tensor in node.input_tensors]
        graph.values[id(node.outputs[0])] = LAYERS[kind](graph, layer, *inputs)
    result, images = graph.values[id(network.outputs[0])], len(network.outputs[0].shape) == 4
    graph.add(
        "Transpose" if images else "Identity", result, into="output", **({"perm": FIRST_TO_LAST} if images else {})
    )
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape[1:]])
            for name, shape in (("input", network.inputs[0].shape), ("output", network.outputs[0].shape))]  # fmt: skip
    made = helper.make_graph(graph.nodes, network.name, ends[:1], ends[1:], graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="animefaces")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


class _Graph:
    """An ONNX graph in the making."""

    def __init__(self, half: bool):
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.values: dict[int, str] = {}  # id of a tensor of Keras -> the name of the same in this graph
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


def _weights(layer):
    return [np.asarray(weight) for weight in layer.get_weights()]


def _activated(graph, layer, x):
    """The activation that is a part of a layer."""
    return _activation(graph, layer.activation.__name__, x, len(layer.output.shape))


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
    known = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}
    if name not in known:
        raise Problem(f"the activation {name} cannot be exported to onnx: choose another --format")
    return graph.add(known[name], x)


def _input(graph, layer):
    shape = layer.output.shape
    return graph.add("Transpose", "input", perm=LAST_TO_FIRST) if len(shape) == 4 else "input"


def _convolution(graph, layer, x):
    kernel, *bias = _weights(layer)
    groups = 1
    if type(layer).__name__ == "DepthwiseConv2D":
        height, width, groups, times = kernel.shape
        kernel = kernel.reshape(height, width, 1, groups * times)
    settings = {"strides": layer.strides, "dilations": layer.dilation_rate, "group": groups, **_padding(layer)}
    arrays = [graph.constant(kernel.transpose(3, 2, 0, 1)), *map(graph.constant, bias)]
    return _activated(graph, layer, graph.add("Conv", x, *arrays, **settings))


def _padding(layer):
    return {"auto_pad": "SAME_UPPER" if layer.padding == "same" else "VALID"}


def _transposed(graph, layer, x):
    kernel, *bias = _weights(layer)  # (height, width, channels out, channels in)
    cut = [max(k - s, 0) if layer.padding == "same" else 0
           for k, s in zip(kernel.shape[:2], layer.strides, strict=True)]  # fmt: skip
    more = [max(s - k, 0) for k, s in zip(kernel.shape[:2], layer.strides, strict=True)]
    pads = [n // 2 for n in cut] + [n - n // 2 for n in cut]
    arrays = [graph.constant(kernel.transpose(3, 2, 0, 1)), *map(graph.constant, bias)]
    settings = {"strides": layer.strides, "pads": pads, "output_padding": more}
    return _activated(graph, layer, graph.add("ConvTranspose", x, *arrays, **settings))


def _dense(graph, layer, x):
    kernel, *bias = _weights(layer)
    result = graph.add("MatMul", x, graph.constant(kernel))
    if bias:
        result = graph.add("Add", result, graph.constant(bias[0]))
    return _activated(graph, layer, result)


def _normalisation(graph, layer, x):
    size = layer.moving_mean.shape[0]
    gamma = layer.gamma if layer.scale else np.ones(size)
    beta = layer.beta if layer.center else np.zeros(size)
    arrays = [graph.constant(np.asarray(a)) for a in (gamma, beta, layer.moving_mean, layer.moving_variance)]
    return graph.add("BatchNormalization", x, *arrays, epsilon=float(layer.epsilon))


def _pooling(kind):
    def convert(graph, layer, x):
        return graph.add(kind, x, kernel_shape=layer.pool_size, strides=layer.strides, **_padding(layer))

    return convert


def _global_mean(graph, layer, x):
    return graph.add("Flatten", graph.add("GlobalAveragePool", x))


def _resized(graph, x, scales=None, sizes=None, way="bilinear"):
    modes = {"bilinear": {"mode": "linear"}, "nearest": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"}}
    if way not in modes:
        raise Problem(f"resizing by {way} cannot be exported to onnx: choose another --format")
    settings = {"coordinate_transformation_mode": "half_pixel", **modes[way]}
    if sizes:
        shape = graph.add("Shape", x, start=0, end=2)
        wanted = graph.add("Concat", shape, graph.constant(sizes, np.int64), axis=0)
        return graph.add("Resize", x, "", "", wanted, **settings)
    return graph.add("Resize", x, "", graph.constant([1, 1, *scales]), **settings)


def _merged(kind):
    def convert(graph, layer, *inputs):
        result = inputs[0]
        for other in inputs[1:]:
            result = graph.add(kind, result, other)
        return result

    return convert


def _joined(graph, layer, *inputs):
    images = len(layer.output.shape) == 4
    axis = layer.axis % len(layer.output.shape)
    return graph.add("Concat", *inputs, axis=LAST_TO_FIRST.index(axis) if images else axis)


def _flat(graph, layer, x):
    if len(layer.input.shape) == 4:
        x = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    return graph.add("Flatten", x)


def _reshaped(graph, layer, x):
    before, after = layer.input.shape, layer.output.shape
    if len(before) == 4:
        x = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    x = graph.add("Reshape", x, graph.constant([-1, *after[1:]], np.int64))
    return graph.add("Transpose", x, perm=LAST_TO_FIRST) if len(after) == 4 else x


def _rescaled(graph, layer, x):
    def constant(value):
        array = np.asarray(value, np.float32)
        wide = array.ndim and len(layer.output.shape) == 4
        return graph.constant(array.reshape(-1, 1, 1) if wide else array)

    return graph.add("Add", graph.add("Mul", x, constant(layer.scale)), constant(layer.offset))


def _rectified(graph, layer, x):
    slope = float(layer.negative_slope)
    if layer.threshold or (slope and layer.max_value is not None):
        raise Problem("a ReLU with a threshold cannot be exported to onnx: choose another --format")
    if layer.max_value is not None:
        return graph.add("Clip", x, graph.constant(0.0), graph.constant(float(layer.max_value)))
    return graph.add("LeakyRelu", x, alpha=slope) if slope else graph.add("Relu", x)


def _parametric(graph, layer, x):
    slopes = np.asarray(layer.alpha)
    return graph.add("PRelu", x, graph.constant(np.moveaxis(slopes, -1, 0) if slopes.ndim == 3 else slopes))


def _permuted(graph, layer, x):
    if len(layer.output.shape) != 4:
        return graph.add("Transpose", x, perm=(0, *layer.dims))
    last = graph.add("Transpose", x, perm=FIRST_TO_LAST)
    return graph.add("Transpose", graph.add("Transpose", last, perm=(0, *layer.dims)), perm=LAST_TO_FIRST)


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
    "UpSampling2D": lambda graph, layer, x: _resized(graph, x, scales=layer.size, way=layer.interpolation),
    "Resizing": lambda graph, layer, x: _resized(graph, x, sizes=(layer.height, layer.width), way=layer.interpolation),
    "Add": _merged("Add"),
    "Subtract": _merged("Sub"),
    "Concatenate": _joined,
    "Flatten": _flat,
    "Reshape": _reshaped,
    "Rescaling": _rescaled,
    "LeakyReLU": lambda graph, layer, x: graph.add("LeakyRelu", x, alpha=float(layer.negative_slope)),
    "ReLU": _rectified,
    "PReLU": _parametric,
    "Permute": _permuted,
    "Activation": _activated,
    "Dropout": lambda graph, layer, x: x,
}
