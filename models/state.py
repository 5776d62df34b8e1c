"""The state of a training: every weight of its networks and every variable of its optimizers, by name."""

import collections
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.engine import keras

# A name in state files of format 1 (animefaces/states.py has the number): part and position, "generator/003".
BY_POSITION = re.compile(r"\w+/\d{3,}")

WARM_UP = "w_optimizer"  # the name of the optimizer of a warm-up


class State:
    """What training changes: networks, what a warm-up adds to them, and optimizers.

    Names of arrays are the same in every process. Keras numbers the layers of one process ("conv2d_7"); a name here
    has the layer's number among the layers of its kind in its own network, and the first one has no number:

    - "generator/conv2d_transpose_1/kernel": a weight of a network;
    - "posterior/kernel": a weight of a single layer;
    - "g_optimizer/iteration", "g_optimizer/learning_rate": what an optimizer has once;
    - "g_optimizer/momentum/generator/conv2d_transpose_1/kernel": what an optimizer has for each weight;
    - "g_optimizer/loss_scale/dynamic_scale": what a LossScaleOptimizer has besides its inner optimizer.
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        optimizers: Mapping[str, tuple[keras.optimizers.Optimizer, Sequence[keras.Variable]]],
        helpers: Mapping[str, keras.layers.Layer] | None = None,
        warm_up_steps: int = 0,
        beside: Mapping[str, keras.Model] | None = None,
    ) -> None:
        """All by name. `optimizers`: each one, already built, with the weights that it trains, in the same order.

        `helpers`: layers that only the warm-up trains, in the first `warm_up_steps` steps. `beside`: networks
        that only training needs, without which it could not go on.
        """
        self._warm_up_steps = warm_up_steps
        self._networks, self._helpers, self._beside = dict(networks), dict(helpers or {}), dict(beside or {})
        self._optimizers = {name: optimizer for name, (optimizer, _) in optimizers.items()}
        self._named = _named_weights(self._networks | self._helpers | self._beside)
        names = {id(variable): name for name, variable in self._named.items()}
        for part, (optimizer, weights) in optimizers.items():
            self._named |= _named_slots(part, optimizer, [(names[id(weight)], weight) for weight in weights])

    @property
    def variables(self) -> list[keras.Variable]:
        """Every variable of every part, the states of seed generators included."""
        return [variable for part in self._parts().values() for variable in part.variables]

    def arrays(self, step: int = 0) -> dict[str, np.ndarray]:
        """Name -> numpy array, the same on either backend. After the warm-up, by `step`, its parts are left out."""
        return {name: keras.ops.convert_to_numpy(variable) for name, variable in self._needed(step).items()}

    def nbytes(self, step: int = 0) -> int:
        """The bytes of `arrays(step)`, without making them."""
        variables = self._needed(step).values()
        return sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables)

    def _needed(self, step):
        return self._lasting() if step >= self._warm_up_steps else self._named

    def _lasting(self) -> dict[str, keras.Variable]:
        """What training needs after its warm-up, by name: not the helpers, nor the optimizer that trains them."""
        passing = {*self._helpers, WARM_UP} if self._helpers else set()
        return {name: variable for name, variable in self._named.items() if name.split("/")[0] not in passing}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set every variable to its array, as `arrays` of this or of the earlier format gave them.

        Raises ValueError, before anything is changed, if the arrays are those of other networks.
        """
        named = self._named if self._named.keys() <= arrays.keys() else self._lasting()
        _assign(self._by_position(self._parts()) if _is_by_position(arrays) else named, arrays)

    def restore_networks(self, arrays: Mapping[str, np.ndarray]) -> None:
        """As `restore`, but the networks alone: the arrays of optimizers and warm-up may be missing or different.

        For a new training that begins with the networks of an earlier one.
        """
        wanted = self._by_position(self._networks) if _is_by_position(arrays) else _named_weights(self._networks)
        _assign(wanted, {name: array for name, array in arrays.items() if name.split("/")[0] in self._networks})

    def scale_learning_rates(self, factor: float) -> None:
        """Multiply the learning rate of every optimizer."""
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = float(optimizer.learning_rate) * factor

    def _parts(self) -> dict[str, Any]:
        return self._networks | self._helpers | self._beside | self._optimizers

    def _by_position(self, parts: Mapping[str, Any]) -> dict[str, keras.Variable]:
        """The variables of the parts under their names in format 1."""
        variables = {name: p.variables if name in self._optimizers else p.weights for name, p in parts.items()}
        return {f"{name}/{i:03d}": variable for name, some in variables.items() for i, variable in enumerate(some)}


def _is_by_position(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays are named as in format 1. No name of format 2 is made of digits after its first part."""
    return all(BY_POSITION.fullmatch(name) for name in arrays)


def _assign(variables: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    if set(variables) != set(arrays) or any(tuple(v.shape) != arrays[n].shape for n, v in variables.items()):
        raise ValueError("it holds other networks")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _named_weights(parts: Mapping[str, Any]) -> dict[str, keras.Variable]:
    """Networks or single layers by name -> their weights by name."""
    named: dict[str, keras.Variable] = {}
    for part, owner in parts.items():
        if isinstance(owner, keras.Model):
            places = _numbered([re.sub(r"(_\d+)+$", "", layer.name) for layer in owner.layers])
            layers = [(f"{part}/{place}", layer) for place, layer in zip(places, owner.layers, strict=True)]
        else:
            layers = [(part, owner)]
        for place, layer in layers:
            for name, weight in zip(_numbered([w.name for w in layer.weights]), layer.weights, strict=True):
                named[f"{place}/{name}"] = weight
    return named


def _numbered(names: Sequence[str]) -> list[str]:
    """Names, some of them equal -> different names: "conv2d", "conv2d_1", "conv2d_2"."""
    seen: collections.Counter[str] = collections.Counter()
    numbered = []
    for name in names:
        numbered.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return numbered


def _named_slots(
    part: str, optimizer: keras.optimizers.Optimizer, weights: Sequence[tuple[str, keras.Variable]]
) -> dict[str, keras.Variable]:
    """A built optimizer and the weights it trains, each with its name -> the optimizer's variables by name.

    Keras names a variable of the optimizer after its weight's path: "conv2d_7_kernel_momentum". Where several weights
    have the same path, their variables come in the order of the weights.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = optimizer.inner_optimizer.variables
        known = {id(variable) for variable in inner}
        named = {f"{part}/loss_scale/{v.name}": v for v in optimizer.variables if id(v) not in known}
    else:
        inner, named = optimizer.variables, {}
    of_path: dict[str, list[str]] = {}
    for name, weight in weights:
        of_path.setdefault(weight.path.replace("/", "_") + "_", []).append(name)
    counts: collections.Counter[str] = collections.Counter()
    for variable in inner:
        path = max((p for p in of_path if variable.name.startswith(p)), key=len, default=None)
        if path is None:
            named[f"{part}/{variable.name}"] = variable
        else:
            slot = variable.name.removeprefix(path)
            named[f"{part}/{slot}/{of_path[path][counts[variable.name]]}"] = variable
            counts[variable.name] += 1
    return named
