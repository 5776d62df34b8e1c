"""A network as a list of its layers, read from a .keras file without Keras."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from models.contents import Contents

Shape = tuple[int | None, ...]  # as in Keras: None for the batch, and for sides of any length


class Layer(NamedTuple):
    """One layer, and the layers whose results it takes."""

    name: str  # one that no other layer has; a layer that is used twice is here twice
    kind: str  # the name of Keras's class
    settings: dict[str, Any]  # as get_config of that class gives them
    inputs: tuple[str, ...] = ()  # names of layers
    shapes: tuple[Shape, ...] = ()  # of the inputs; of an InputLayer, that of the network's input
    weights: tuple[np.ndarray, ...] = ()  # as get_weights gives them


def of_file(contents: Contents) -> list[Layer]:
    """The contents of a .keras file -> its layers; each comes after its inputs, the one that gives the result is last.

    Raises ValueError for a network that is more than a graph of single layers with one input and one output.
    """
    try:
        config = contents.config["config"]
        first, last = (_only(config[ends]) for ends in ("input_layers", "output_layers"))
        count, layers = Counter[str](), dict[str, Layer]()
        for entry in config["layers"]:
            place = _snake_case(entry["class_name"])
            number, count[place] = count[place], count[place] + 1
            weights = _numbered(contents.weights, f"layers/{place}_{number}" if number else f"layers/{place}")
            layers |= {layer.name: layer for layer in _layers(entry, weights)}
        found = _in_order(layers, last)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as fault:
        raise ValueError(f"its layers cannot be read ({type(fault).__name__})") from fault
    if [layer.name for layer in found if layer.kind == "InputLayer"] != [first]:
        raise ValueError("it has several inputs")
    return found


def _only(ends: Any) -> str:
    """The inputs or the outputs of a network -> the name of the only one."""
    (end,) = ends if isinstance(ends[0], list) else (ends,)
    return _name(end)


def _name(history: Any) -> str:
    """A layer's name, the number of its use and that of its result, as Keras keeps them -> the name of the Layer."""
    name, use, result = history
    if result:
        raise ValueError
    return f"{name}/{use}"


def _snake_case(name: str) -> str:
    """The name of a class -> the name under which Keras stores its weights: LeakyReLU -> leaky_re_lu."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _numbered(weights: Mapping[str, np.ndarray], place: str) -> tuple[np.ndarray, ...]:
    """All weights, and the path of a layer -> its weights, in their order."""
    paths = itertools.takewhile(weights.__contains__, (f"{place}/vars/{i}" for i in itertools.count()))
    return tuple(weights[path].astype(np.float32) for path in paths)


def _layers(entry: Any, weights: tuple[np.ndarray, ...]) -> Iterator[Layer]:
    """What Keras keeps of a layer, and its weights -> a Layer for each use of it."""
    kind, settings = entry["class_name"], dict(entry["config"])
    if kind == "InputLayer":
        yield Layer(_name((entry["name"], 0, 0)), kind, settings, (), (tuple(settings["batch_shape"]),))
    for use, node in enumerate(entry["inbound_nodes"]):
        (argument,) = node["args"]
        if node["kwargs"].get("mask") is not None:
            raise ValueError
        tensors = [tensor["config"] for tensor in (argument if isinstance(argument, list) else [argument])]
        inputs = tuple(_name(tensor["keras_history"]) for tensor in tensors)
        shapes = tuple(tuple(tensor["shape"]) for tensor in tensors)
        yield Layer(_name((entry["name"], use, 0)), kind, settings, inputs, shapes, weights)


def _in_order(layers: Mapping[str, Layer], last: str) -> list[Layer]:
    """Layers by name -> those that the last one needs, each after its inputs. Raises ValueError for a circle."""
    done: dict[str, Layer] = {}
    pending = [last]  # each is an input of the one before
    while pending:
        layer = layers[pending[-1]]
        missing = [name for name in layer.inputs if name not in done]
        if not missing:
            done[layer.name] = layer
            pending.pop()
            continue
        if len(pending) > len(layers):
            raise ValueError
        pending.append(missing[0])
    return list(done.values())
