"""The engine's functions for TensorFlow. `models.engine` says what they are for; on_jax.py defines the same names."""

import contextlib
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import gen_resource_variable_ops as variable_ops

VERSION = tf.__version__
UNROLLED = 4  # steps in one graph on a CPU: a thread that has nothing to do in a step begins with the next one

# Two passes of its optimiser that make no step faster: one prints errors about LeakyReLU after a bias, and the other
# adds up gradients in another order where a graph has several steps, so that the last bit would depend on their number.
tf.config.optimizer.set_experimental_options({"remapping": False, "arithmetic_optimization": False})
for gpu in tf.config.list_physical_devices("GPU"):
    with contextlib.suppress(RuntimeError):  # the GPU is already in use, and its settings stay as they are
        tf.config.experimental.set_memory_growth(gpu, True)

# TensorFlow prepares the creation of a variable anew for each name that it has not seen: most of what a network's
# variables take. Only its own messages need the name, and Keras keeps it.
_created = variable_ops.var_handle_op
variable_ops.var_handle_op = lambda *words, **more: _created(*words, **more | {"debug_name": "variable"})

_strategy: Any = None  # the tf.distribute strategy, once `everywhere` has found several devices or machines


def device() -> str:
    """The kind of device that trains: "CPU", "GPU" or "TPU"."""
    return "GPU" if tf.config.get_visible_devices("GPU") else "CPU"  # asking for logical ones would be a first use


def keep_operations_whole() -> None:
    """Give each operation one thread of the CPU, so that several run at the same time. Call it before any other use.

    Later it does nothing, and neither if the user sets the number of threads.
    """
    if not os.environ.get("TF_NUM_INTRAOP_THREADS"):
        with contextlib.suppress(RuntimeError):  # TensorFlow is in use
            tf.config.threading.set_intra_op_parallelism_threads(1)


def join(place: int, count: int) -> None:
    """Meet the other machines of a training: `everywhere` does it."""


def everywhere() -> AbstractContextManager[Any]:
    """A context: variables that are made in it live on every device. With TF_CONFIG, on those of all its machines."""
    global _strategy
    if _strategy is None and os.environ.get("TF_CONFIG"):  # must come before anything asks for this machine's devices
        _strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif _strategy is None:
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        _strategy = tf.distribute.MirroredStrategy([d.name for d in devices]) if len(devices) > 1 else None
    return _strategy.scope() if _strategy else contextlib.nullcontext()


def replicas() -> int:
    """How many replicas of the step run in parallel, each on its share of the rows."""
    return _strategy.num_replicas_in_sync if _strategy else 1


def device_count() -> int:
    """How many devices share a batch."""
    return replicas()


def replica() -> Any:
    """Within a step: the number of this replica, from 0."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group if _strategy else 0


def own_rows(x: Any) -> Any:
    """Within a step: rows (B, ...), the same in every replica -> the rows that this replica works on."""
    rows = x.shape[0] // replicas()
    return x[replica() * rows : (replica() + 1) * rows] if replicas() > 1 else x


def mean(x: Any) -> Any:
    """Within a step: a tensor, or a dict of tensors -> its mean over all replicas."""
    return tf.distribute.get_replica_context().all_reduce("MEAN", x) if _strategy else x


def of_machines(values: Sequence[float]) -> np.ndarray:
    """N numbers of this machine -> the numbers of every machine, one row per replica: (replicas, N) float64."""
    if not isinstance(_strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return np.array([values], np.float64)
    return _gathered(tf.constant([values], tf.float64)).numpy()


@tf.function(autograph=False)
def _gathered(row):
    def own():
        rows = tf.one_hot([replica()], replicas(), axis=0, dtype=row.dtype) * row
        return tf.distribute.get_replica_context().all_reduce("SUM", rows)

    return _strategy.experimental_local_results(_strategy.run(own))[0]


def apply(optimizer: keras.optimizers.Optimizer, grads: Sequence[Any], variables: Sequence[Any]) -> None:
    """One step of the optimizer on the variables, along the mean of the replicas' gradients."""
    if _strategy and isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        grads = mean(grads)  # then all replicas agree whether one of the gradients is infinite
    # The optimizer adds up the gradients of the replicas.
    optimizer.apply([g / replicas() for g in grads] if _strategy else grads, variables)


class Adam(keras.optimizers.Adam):
    """Keras's Adam with TensorFlow's own kernel: one pass over each variable instead of a dozen."""

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Update variables along their gradients, each of the shape of its variable."""
        step = tf.cast(self.iterations + 1, "float32")
        self._powers = self.beta_1**step, self.beta_2**step  # once for all variables
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; Keras calls this for each variable."""
        place = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation. In training on a CPU it is one operation of TensorFlow instead of a dozen."""

    __module__ = "keras.layers"  # a saved file then names Keras's layer, and opens where this class is unknown

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Features (B, H, W, C) -> normalised features of the same shape."""
        if not training or self.synchronized or device() != "CPU":
            return super().call(inputs, training=training, mask=mask)
        images, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        count = tf.cast(tf.size(inputs[..., 0]), variance.dtype)
        biased = variance * (count - 1) / count  # Keras keeps the biased variance
        for kept, new in (self.moving_mean, mean), (self.moving_variance, biased):
            kept.assign(kept * self.momentum + new * (1 - self.momentum))
        return images


class _QuickKernels:
    """For convolutions: on a CPU, the gradient of the kernel as one product of matrices where that is quicker.

    oneDNN is slow at this gradient in bfloat16 if the maps are small and have many channels.
    """

    LARGEST = 8  # side of the smaller maps

    def _quick(self, small, large):
        """Whether to do so, for maps (B, h, w, C) and those (B, h * stride, w * stride, C') at its other end."""
        plain = self.padding == "same" and self.groups == 1 and self.dilation_rate == (1, 1)
        square = self.kernel_size[0] == self.kernel_size[1] and small[1] == small[2] and large[1] == large[2]
        exact = self.strides[0] == self.strides[1] and small[1] * self.strides[0] == large[1]
        fits = small[1] <= self.LARGEST and self.kernel_size[0] > 1
        return plain and square and exact and fits and self.compute_dtype == "bfloat16" and device() == "CPU"


class Conv2D(_QuickKernels, keras.layers.Conv2D):
    """Keras's convolution; see _QuickKernels."""

    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Features (B, H, W, C) -> features (B, h, w, filters)."""
        if not self._quick(self.compute_output_shape(inputs.shape), inputs.shape):
            return super().call(inputs)

        @tf.custom_gradient
        def convolved(x, kernel):
            def pull(y):
                back = tf.nn.conv2d_transpose(y, kernel, tf.shape(x), self.strides, "SAME")
                return back, _kernel_gradient(x, y, self.kernel_size[0], self.strides[0])

            return tf.nn.conv2d(x, kernel, self.strides, "SAME"), pull

        y = convolved(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(_biased(y, tf.convert_to_tensor(self.bias)) if self.use_bias else y)


class Conv2DTranspose(_QuickKernels, keras.layers.Conv2DTranspose):
    """Keras's transposed convolution; see _QuickKernels."""

    __module__ = "keras.layers"
    groups = 1

    def call(self, inputs: Any) -> Any:
        """Features (B, H, W, C) -> features (B, H * stride, W * stride, filters)."""
        shape = self.compute_output_shape(inputs.shape)
        if self.use_bias or not self._quick(inputs.shape, shape):
            return super().call(inputs)

        @tf.custom_gradient
        def convolved(x, kernel):
            def pull(y):
                back = tf.nn.conv2d(y, kernel, self.strides, "SAME")
                return back, _kernel_gradient(y, x, self.kernel_size[0], self.strides[0])

            return tf.nn.conv2d_transpose(x, kernel, (tf.shape(x)[0], *shape[1:]), self.strides, "SAME"), pull

        return self.activation(convolved(inputs, tf.convert_to_tensor(self.kernel)))


@tf.custom_gradient
def _biased(maps, bias):
    """Maps (B, H, W, C) and a bias (C,) -> maps. The bias's gradient is a plain sum.

    TensorFlow's own operation for it adds up in bfloat16, unless oneDNN computes it beside the kernel's gradient.
    """
    return tf.nn.bias_add(maps, bias), lambda slope: (slope, tf.reduce_sum(slope, (0, 1, 2)))


def _kernel_gradient(x, y, kernel, stride):
    """Large maps x (B, S, S, C) and the gradient y (B, h, h, O) for the small ones -> the kernel's (k, k, C, O).

    It is the product of all patches of x that the kernel meets with y. The patches are put together from cells of
    stride x stride pixels, so they may be larger than the kernel; what is too much is cut off.
    """
    large, small, cells = x.shape[1], y.shape[1], -(-kernel // stride)
    before = max((small - 1) * stride + kernel - large, 0) // 2
    after = (small - 1 + cells) * stride - large - before
    x = tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]])
    x = tf.nn.space_to_depth(x, stride) if stride > 1 else x
    patches = tf.concat([x[:, i : i + small, j : j + small] for i in range(cells) for j in range(cells)], -1)
    rows = [tf.reshape(maps, (-1, maps.shape[-1])) for maps in (patches, y)]
    grid = tf.reshape(tf.matmul(*rows, transpose_a=True), (cells, cells, stride, stride, -1, y.shape[-1]))
    whole = tf.reshape(tf.transpose(grid, (0, 2, 1, 3, 4, 5)), (cells * stride, cells * stride, -1, y.shape[-1]))
    return whole[:kernel, :kernel]


def traced(
    fn: Callable[..., tuple[Any, Any]], variables: Sequence[Any], *inputs: Any
) -> tuple[Any, Any, Callable[[Any], tuple[list[Any], list[Any]]]]:
    """fn(*inputs) -> (value, extras); returns (value, extras, pull).

    pull(upstream), where upstream has the shape of the value, returns (the gradients for the variables, the gradients
    for the inputs). Extras may be any structure of tensors. Variables that fn assigns are assigned. Calls may be
    nested, for gradients of gradients.
    """
    with tf.GradientTape() as tape:
        for x in inputs:
            tape.watch(x)
        value, extras = fn(*inputs)

    def pull(upstream):
        sources = (list(variables), list(inputs))
        return tape.gradient(value, sources, upstream, unconnected_gradients="zero")

    return value, extras, pull


def compiled(
    step: Callable[..., dict[str, Any]], variables: Sequence[Any], fixed: Sequence[Any] = ()
) -> Callable[..., dict[str, np.ndarray]]:
    """Compile `step`, which reads and assigns `variables` -> a function that does K steps in one call.

    `fixed`: variables that the step only reads. Each input of the function has one more, leading axis of K entries,
    one per step. The function returns a dict of numpy arrays, also with K entries each; those of a loop are float32.

    GPUs and replicas do all steps in a loop, which compiles one step only. On a CPU TensorFlow's loops are slow: there
    a graph has UNROLLED steps, or one.
    """
    looped = device() != "CPU" or replicas() > 1

    def own_step(*inputs):
        return mean(step(*(own_rows(x) if len(x.shape) else x for x in inputs)))

    def one(*inputs):
        if _strategy is None:
            return step(*inputs)
        figures = _strategy.run(own_step, inputs)
        return {name: _strategy.experimental_local_results(value)[0] for name, value in figures.items()}

    @tf.function(autograph=False)  # AutoGraph has nothing to convert here, and takes a second to see it
    def run(*inputs):
        count = inputs[0].shape[0]
        if count == 1 or not looped:
            figures = [one(*(x[i] for x in inputs)) for i in range(count)]
            return {name: tf.stack([values[name] for values in figures]) for name in figures[0]}
        names: list[str] = []

        def row(x):  # traced once, however many steps the loop does
            figures = one(*x)
            names[:] = figures
            return tf.stack([tf.cast(value, tf.float32) for value in figures.values()])

        rows = tf.map_fn(row, inputs, fn_output_signature=tf.float32, parallel_iterations=1)
        return dict(zip(names, tf.unstack(rows, axis=1), strict=True))

    def call(*inputs):
        count, done, parts = len(inputs[0]), 0, []
        many = count if looped else UNROLLED
        while done < count:
            rows = many if count - done >= many else 1
            parts.append(run(*(x[done : done + rows] for x in inputs)))
            done += rows
        return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}

    return call


def forward(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A network -> a function: inputs of any shape that it takes -> its outputs, for inference.

    It is compiled once for each shape. Keras's own `predict` counts the networks of a program, and warns of many.
    """
    run = tf.function(lambda inputs: network(inputs, training=False), autograph=False)
    return lambda inputs: run(tf.constant(inputs)).numpy()


def export(network: keras.Model, path: Path, form: str) -> None:
    """Write a network for inference, in a format of Keras's own `export`: "litert" or "tf_saved_model"."""
    network.export(path, format=form, verbose=False)


def open_export(path: Path, form: str) -> Callable[[np.ndarray], np.ndarray]:
    """A file that `export` wrote -> a function: inputs -> outputs, by the runtime that the format is for."""
    if form == "tf_saved_model":
        opened = tf.saved_model.load(str(path))
        return lambda inputs: opened.serve(tf.constant(inputs)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will move into a package of its own
        interpreter = tf.lite.Interpreter(str(path))
    place, result = (
        details()[0]["index"] for details in (interpreter.get_input_details, interpreter.get_output_details)
    )

    def run(inputs):
        interpreter.resize_tensor_input(place, inputs.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, inputs)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run


def cost(call: Any, *inputs: np.ndarray) -> tuple[float, float]:
    """What a compiled step costs; only JAX can count it."""
    raise NotImplementedError("TensorFlow does not count the operations of a step: set KERAS_BACKEND=jax")
