"""The engine's functions for JAX. on_tensorflow.py says what each of them is for; here stands what JAX needs.

JAX differentiates and compiles pure functions only. So the values of all variables go into such a function as
arguments, and their new values come out as results, which are then assigned.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

UNROLLED = 1  # a step of its own in each call
VERSION = jax.__version__
SILENCE = 30  # seconds after which a machine that is not heard of is gone
# Keras's own: JAX's compiler makes one operation of each.
Adam, BatchNormalization = keras.optimizers.Adam, keras.layers.BatchNormalization

_state: list[Any] = []  # the variables of the step that is being traced
# Of several processes: a variable's id -> (its value here, the same on the devices of all), as the last step left them.
_shared: dict[int, tuple[Any, Any]] = {}


def device() -> str:
    """The kind of device that trains: "CPU", "GPU" or "TPU"."""
    return jax.devices()[0].platform.upper()


def keep_operations_whole() -> None:
    """JAX divides its operations as it likes."""


def join(place: int, count: int) -> None:
    """Meet the other processes of a training of `count`; this one has `place`. Before anything else is computed."""
    if count > 1 and not jax.distributed.is_initialized():
        # The address of the first one comes from the environment, as animefaces/hardware.py says.
        jax.distributed.initialize(num_processes=count, process_id=place, heartbeat_timeout_seconds=SILENCE)


def everywhere() -> AbstractContextManager[Any]:
    """A context in which nothing is different: `compiled` puts the variables on the devices of all machines."""
    return contextlib.nullcontext()


def replicas() -> int:
    """Always 1: there is one step, and the compiler divides its work."""
    return 1


def device_count() -> int:
    """How many devices share a batch."""
    return jax.device_count()


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
    """N numbers of this process -> the numbers of every process, one row each: (processes, N) float64."""
    if jax.process_count() == 1:
        return np.array([values], np.float64)
    # As integers of 32 bits: JAX has no float64.
    whole = np.array(values, np.float64).view(np.uint32)
    return np.asarray(multihost_utils.process_allgather(whole)).reshape(jax.process_count(), -1).view(np.float64)


def _convolved(large, kernel, stride, padding):
    """Maps (B, H, W, C) and a kernel (k, k, C, O) -> maps (B, h, w, O)."""
    return jax.lax.conv_general_dilated(large, kernel, stride, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _down(large, kernel, stride, padding):
    """A convolution. Its gradients are `_up` and `_kernel_gradient`, and so are those of `_up`, however often."""
    return _convolved(large, kernel, stride, padding)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _up(small, kernel, stride, padding, size):
    """The transposed convolution: maps (B, h, w, O) -> (B, *size, C)."""
    shape = jax.ShapeDtypeStruct((len(small), *size, kernel.shape[2]), small.dtype)
    return jax.linear_transpose(lambda large: _convolved(large, kernel, stride, padding), shape)(small)[0]


def _down_pulled(stride, padding, inputs, upstream):
    large, kernel = inputs
    back = _up(upstream, kernel, stride, padding, large.shape[1:3])
    return back, _kernel_gradient(large, upstream, kernel.shape[:2], stride, padding)


def _up_pulled(stride, padding, size, inputs, upstream):
    small, kernel = inputs
    back = _down(upstream, kernel, stride, padding)
    return back, _kernel_gradient(upstream, small, kernel.shape[:2], stride, padding)


_down.defvjp(lambda large, kernel, *how: (_down(large, kernel, *how), (large, kernel)), _down_pulled)
_up.defvjp(lambda small, kernel, *how: (_up(small, kernel, *how), (small, kernel)), _up_pulled)


def _kernel_gradient(large, small, kernel, stride, padding):
    """Maps (B, H, W, C) and the gradient (B, h, w, O) for those of `_down` -> the kernel's (k, k, C, O).

    Each place of the kernel meets its own pixels of the large maps: their product with the small ones is a product of
    matrices. On a CPU, that takes a tenth of the time of JAX's own gradient of a transposed convolution, and two thirds
    of that of a convolution.
    """
    around = jax.lax.padtype_to_pads(large.shape[1:3], kernel, stride, padding)
    large = jax.numpy.pad(large, [(0, 0), *around, (0, 0)])
    (h, w), rows = small.shape[1:3], small.reshape(-1, small.shape[-1])
    products = []
    for i, j in np.ndindex(*kernel):
        met = large[:, i : i + (h - 1) * stride[0] + 1 : stride[0], j : j + (w - 1) * stride[1] + 1 : stride[1]]
        products.append(met.reshape(-1, met.shape[-1]).T @ rows)
    return jax.numpy.stack(products).reshape(*kernel, large.shape[-1], small.shape[-1])


class _QuickKernels:
    """For convolutions: on a CPU, in float32, the gradient of the kernel is that of `_kernel_gradient`."""

    def _quick(self):
        plain = getattr(self, "groups", 1) == 1 and self.dilation_rate == (1, 1)
        return plain and self.compute_dtype == "float32" and device() == "CPU"


class Conv2D(_QuickKernels, keras.layers.Conv2D):
    """Keras's convolution; see _QuickKernels."""

    __module__ = "keras.layers"  # a saved file then names Keras's layer, and opens where this class is unknown

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Features (B, H, W, C) -> features; Keras adds the bias to them."""
        if not self._quick():
            return super().convolution_op(inputs, kernel)
        return _down(inputs, keras.ops.convert_to_tensor(kernel), self.strides, self.padding.upper())


class Conv2DTranspose(_QuickKernels, keras.layers.Conv2DTranspose):
    """Keras's transposed convolution; see _QuickKernels."""

    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Features (B, H, W, C) -> features (B, H * stride, W * stride, filters)."""
        if self.use_bias or self.padding != "same" or not self._quick():
            return super().call(inputs)
        size = self.compute_output_shape(inputs.shape)[1:3]
        return self.activation(_up(inputs, keras.ops.convert_to_tensor(self.kernel), self.strides, "SAME", size))


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
    """Compile `step`, which reads and assigns `variables` -> a function that does K steps in one call.

    GPUs and TPUs do them in a loop. On a CPU, JAX's convolutions are some ten times slower in a loop, so each step is a
    call of its own there.
    """
    looped = device() != "CPU"
    devices = Mesh(jax.devices(), "rows")
    several = jax.process_count() > 1  # then each holds the values of its own devices only
    everywhere = NamedSharding(devices, PartitionSpec())

    @functools.partial(jax.jit, **({"out_shardings": everywhere} if several else {}))
    def run(values, constants, inputs):
        def body(values, inputs):
            mapping = [*zip(variables, values, strict=True), *zip(fixed, constants, strict=True)]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                result = step(*inputs)
                return [scope.get_current_value(v) for v in variables], result

        _state[:] = variables
        if looped:
            return jax.lax.scan(body, values, inputs)
        values, figures = body(values, [x[0] for x in inputs])
        return values, {name: value[None] for name, value in figures.items()}

    def placed(x, *axes):
        where = NamedSharding(devices, PartitionSpec(*axes))
        if several:
            own = np.split(x, jax.process_count(), axis=axes.index("rows"))[jax.process_index()] if axes else x
            return jax.make_array_from_process_local_data(where, np.asarray(own))
        return jax.device_put(x, where) if devices.size > 1 else x

    def value_of(variable):
        """The whole value, on each device; it is copied by the first call only."""
        here, value = _shared.get(id(variable), (None, None))
        return value if several and here is variable.value else placed(variable.value)

    def keep(variable, value):
        variable.assign(value.addressable_data(0) if several else value)  # so that one process can use it alone
        if several:
            _shared[id(variable)] = variable.value, value

    def call(*inputs):
        values, constants = [value_of(v) for v in variables], [value_of(v) for v in fixed]
        for variable, value in zip(fixed, constants, strict=True):  # a later call finds it in its place
            keep(variable, value)
        at_once, figures = len(inputs[0]) if looped else 1, []
        for first in range(0, len(inputs[0]), at_once):
            parts = [x[first : first + at_once] for x in inputs]
            parts = [placed(x, None, "rows") if x.ndim > 1 else placed(x) for x in parts]
            values, found = run(values, constants, parts)
            figures.append(jax.device_get(found))
        for variable, value in zip(variables, values, strict=True):
            keep(variable, value)
        return {name: np.concatenate([found[name] for found in figures]) for name in figures[0]}

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
