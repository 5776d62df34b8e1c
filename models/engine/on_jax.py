"""The engine's functions for JAX. on_tensorflow.py says what each of them is for; here stands what JAX needs.

JAX differentiates and compiles pure functions only. So the values of all variables go into such a function as
arguments, and their new values come out as results, which are then assigned.
"""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

with contextlib.suppress(ImportError):  # Keras imports TensorFlow, if it is installed, when it reads or writes files
    import tensorflow

    tensorflow.config.list_physical_devices()

VERSION = jax.__version__
# Keras's own: JAX's compiler makes one operation of each.
Adam, BatchNormalization = keras.optimizers.Adam, keras.layers.BatchNormalization

_state: list[Any] = []  # the variables of the step that is being traced


def device() -> str:
    """The kind of device that trains: "CPU", "GPU" or "TPU"."""
    return jax.devices()[0].platform.upper()


def everywhere() -> AbstractContextManager[Any]:
    """A context in which nothing is different: `compiled` puts the variables on the devices of this machine."""
    return contextlib.nullcontext()


def replicas() -> int:
    """Always 1: there is one step, and the compiler divides its work."""
    return 1


def device_count() -> int:
    """How many devices share a batch."""
    return jax.local_device_count()


def replica() -> Any:
    """Always 0."""
    return 0


def own_rows(x: Any) -> Any:
    """All rows: the one step works on the whole batch."""
    return x


def mean(x: Any) -> Any:
    """The same x: there is one replica."""
    return x


def of_machines(values: Sequence[float]) -> np.ndarray:
    """N numbers of this machine -> (1, N) float64: with JAX one machine trains alone."""
    return np.array([values], np.float64)


def apply(optimizer: keras.optimizers.Optimizer, grads: Sequence[Any], variables: Sequence[Any]) -> None:
    """One step of the optimizer on the variables, along the gradients."""
    # Not `optimizer.apply`: that of the LossScaleOptimizer assigns within branches, which JAX cannot trace.
    kept, values = optimizer.variables, [v.value for v in variables]
    values, after = optimizer.stateless_apply([v.value for v in kept], grads, values)
    for variable, new in zip([*variables, *kept], [*values, *after], strict=True):
        variable.assign(new)


def traced(
    fn: Callable[..., tuple[Any, Any]], variables: Sequence[Any], *inputs: Any
) -> tuple[Any, Any, Callable[[Any], tuple[list[Any], list[Any]]]]:
    """fn(*inputs) -> (value, extras); returns (value, extras, pull), as in on_tensorflow.py."""
    chosen = {id(v) for v in variables}
    others = [v for v in _state if id(v) not in chosen]
    before = [v.value for v in others]

    def pure(values, inputs):
        mapping = [*zip(variables, values, strict=True), *zip(others, before, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            value, extras = fn(*inputs)
            return value, (extras, [scope.get_current_value(v) for v in others])

    value, pull, (extras, after) = jax.vjp(pure, [v.value for v in variables], list(inputs), has_aux=True)
    for variable, new in zip(others, after, strict=True):
        variable.assign(new)
    return value, extras, pull


def compiled(
    step: Callable[..., dict[str, Any]], variables: Sequence[Any], fixed: Sequence[Any] = ()
) -> Callable[..., dict[str, np.ndarray]]:
    """Compile `step`, which reads and assigns `variables` -> a function that does K steps in one call."""

    @jax.jit
    def run(values, constants, inputs):
        def body(values, inputs):
            mapping = [*zip(variables, values, strict=True), *zip(fixed, constants, strict=True)]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                result = step(*inputs)
                return [scope.get_current_value(v) for v in variables], result

        _state[:] = variables
        return jax.lax.scan(body, values, inputs)

    devices = Mesh(jax.local_devices(), "rows")

    def placed(x, *axes):
        return jax.device_put(x, NamedSharding(devices, PartitionSpec(*axes))) if devices.size > 1 else x

    def call(*inputs):
        values = [placed(v.value) for v in variables]  # the whole value on each device; copied by the first call only
        for variable in fixed:  # assigned, so that a later call finds it in its place
            variable.assign(placed(variable.value))
        constants = [v.value for v in fixed]
        inputs = [placed(x, None, "rows") if x.ndim > 1 else placed(x) for x in inputs]
        values, results = run(values, constants, inputs)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return jax.device_get(results)

    function: Any = call
    # For `cost`: the same computation, not yet compiled.
    function.lowered = lambda *inputs: run.lower(*([v.value for v in vs] for vs in (variables, fixed)), inputs)
    return function


def forward(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A network -> a function: inputs -> outputs, as in on_tensorflow.py."""
    own = network.trainable_variables, network.non_trainable_variables

    def outputs(weights, inputs):  # the weights are inputs, too: compiled in, they would stay what they are now
        return network.stateless_call(*weights, inputs, training=False)[0]

    run = jax.jit(outputs)
    return lambda inputs: np.asarray(run([[v.value for v in variables] for variables in own], inputs))


def export(network: keras.Model, path: Path, form: str) -> None:
    """These formats are TensorFlow's."""
    raise NotImplementedError("this format needs TensorFlow: unset KERAS_BACKEND")


open_export = export


def cost(call: Any, *inputs: np.ndarray) -> tuple[float, float]:
    """A function from `compiled` and its inputs, with K = 1 -> (operations, bytes moved if nothing is fused) by XLA."""
    found = call.lowered(*inputs).cost_analysis()
    return found["flops"], found["bytes accessed"]
