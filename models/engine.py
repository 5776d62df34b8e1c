"""The only file that knows the Keras backend: TensorFlow, or JAX with KERAS_BACKEND=jax.

A training step is ordinary Keras code that reads and assigns variables. Two functions here make it
run: `traced` differentiates it, `compiled` compiles it. Both behave the same on either backend. `Adam` and
`BatchNormalization` are Keras's, by the backend's own kernels.

What is built under `everywhere()` trains on all devices at hand, each on its own rows of every batch, as one device
would on all of them. JAX's compiler divides the work by itself. With TensorFlow the step runs as so many
replicas: what it draws by chance and what it averages must say so, by `own_rows` and `apply`.
"""

import contextlib
import os
import re
import sys
import tempfile

import numpy as np

# On by default only for the newest CPUs; on others it more than doubles the speed of convolutions.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # no INFO; warnings and errors stay

CHATTER = re.compile(
    r"^I\d{4}|^WARNING: All log messages before absl|cuInit: .*(303|no CUDA-capable)|^To enable the foll"
)


@contextlib.contextmanager
def without_chatter():
    """Hide what TensorFlow's C++ says of itself while it starts; pass on every other line on stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                if line and not CHATTER.search(line):
                    print(line, file=sys.stderr)


with without_chatter():
    import keras

    NAME = keras.backend.backend()
    if NAME == "tensorflow":
        import tensorflow as tf

        # This pass finds nothing to do in a training step, and complains loudly of LeakyReLU after a bias.
        tf.config.optimizer.set_experimental_options({"remapping": False})
        for gpu in tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(RuntimeError):  # already in use: then it stays as it is
                tf.config.experimental.set_memory_growth(gpu, True)
    elif NAME == "jax":
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        with contextlib.suppress(ImportError):  # Keras will import it, for its files, when it is there
            import tensorflow

            tensorflow.config.list_physical_devices()
    else:
        sys.exit(f"error: Keras is set to the backend {NAME!r}: unset KERAS_BACKEND, or set it to tensorflow or jax")


def device():
    """The kind of device: "CPU", "GPU", "TPU"."""
    if NAME == "jax":
        return jax.devices()[0].platform.upper()
    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


def steps_per_call():
    """How many steps a call should take: a GPU would wait for Python between them, a CPU has no time to lose."""
    return 1 if device() == "CPU" else 20


def own_rows(x):
    """Within a step: of rows (B, ...) that all replicas have alike, those this one works on."""
    rows = x.shape[0] // replicas()
    return x[replica() * rows : (replica() + 1) * rows] if replicas() > 1 else x


def versions():
    """The engine and Keras with their versions, in words."""
    module = jax if NAME == "jax" else tf
    return f"{NAME} {module.__version__}, keras {keras.__version__}"


@contextlib.contextmanager
def faults():
    """What the backend raises when memory runs out, the GPU's too, becomes a MemoryError; when another machine is
    gone, a ConnectionError.
    """  # fmt: skip
    try:
        yield
    except Exception as fault:
        if "ResourceExhausted" in type(fault).__name__ or "RESOURCE_EXHAUSTED" in str(fault):
            raise MemoryError(str(fault)) from fault
        if type(fault).__name__ in ("UnavailableError", "AbortedError", "DeadlineExceededError"):
            raise ConnectionError(str(fault)) from fault
        raise


def gradients(fn, variables, scaled=lambda x: x):
    """fn() -> (a scalar, extras); returns (that scalar, extras, the scalar's gradient for each variable).

    `scaled`: what the gradients are to be multiplied by, as a function of 1: an optimizer's `scale_loss`.
    """
    value, extras, pull = traced(fn, variables)
    return value, extras, pull(scaled(keras.ops.ones_like(value)))[0]


if NAME == "tensorflow":
    _strategy = None  # of tf.distribute, once there is something to distribute

    def everywhere():
        """A context: the variables that are made in it live on every device; with TF_CONFIG, of all its machines."""
        global _strategy
        if _strategy is None and os.environ.get("TF_CONFIG"):  # before anything asks for this machine's devices
            _strategy = tf.distribute.MultiWorkerMirroredStrategy()
        elif _strategy is None:
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            _strategy = tf.distribute.MirroredStrategy([d.name for d in devices]) if len(devices) > 1 else None
        return _strategy.scope() if _strategy else contextlib.nullcontext()

    def replicas():
        """How many times the step runs at once, each on its share of the rows."""
        return _strategy.num_replicas_in_sync if _strategy else 1

    device_count = replicas  # how many devices share a batch

    def replica():
        """Within a step: which of the replicas this is, from 0."""
        return tf.distribute.get_replica_context().replica_id_in_sync_group if _strategy else 0

    def of_machines(values):
        """A few numbers of this machine -> those of all replicas' machines, (replicas, N) float64."""
        if not isinstance(_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return np.array([values], np.float64)
        return _gathered(tf.constant([values], tf.float64)).numpy()

    @tf.function
    def _gathered(row):
        def own():
            rows = tf.one_hot([replica()], replicas(), axis=0, dtype=row.dtype) * row
            return tf.distribute.get_replica_context().all_reduce("SUM", rows)

        return _strategy.experimental_local_results(_strategy.run(own))[0]

    def mean(x):
        """Within a step: the mean of the replicas' x, a tensor or a dict of them."""
        return tf.distribute.get_replica_context().all_reduce("MEAN", x) if _strategy else x

    def apply(optimizer, grads, variables):
        """One step of the optimizer along the mean of the replicas' gradients."""
        if _strategy and isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            grads = mean(grads)  # so that all replicas see alike whether one is infinite
        optimizer.apply([g / replicas() for g in grads] if _strategy else grads, variables)  # it adds them up

    class Adam(keras.optimizers.Adam):
        """Keras's, by TensorFlow's own kernel: one pass over each variable instead of a dozen."""

        def update_step(self, gradient, variable, learning_rate):
            """As Keras calls it, for each variable."""
            place, step = self._get_variable_index(variable), tf.cast(self.iterations + 1, "float32")
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[place].value.handle,
                v=self._velocities[place].value.handle,
                beta1_power=self.beta_1**step,
                beta2_power=self.beta_2**step,
                lr=learning_rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
            )

    class BatchNormalization(keras.layers.BatchNormalization):
        """Keras's, by TensorFlow's own kernel while training on a CPU: one operation instead of a dozen."""

        __module__ = "keras.layers"  # files, which open where this one is unknown, have Keras's in its place

        def call(self, inputs, training=None, mask=None):
            """(B, H, W, C) -> the same shape."""
            if not training or self.synchronized or device() != "CPU":
                return super().call(inputs, training=training, mask=mask)
            images, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
            )
            count = tf.cast(tf.size(inputs[..., 0]), variance.dtype)
            biased = variance * (count - 1) / count  # as Keras keeps it
            for kept, new in (self.moving_mean, mean), (self.moving_variance, biased):
                kept.assign(kept * self.momentum + new * (1 - self.momentum))
            return images

    def traced(fn, variables, *inputs):
        """fn(*inputs) -> (value, extras); returns (value, extras, pull).

        pull(upstream), with the shape of the value, -> (gradients for the variables, for the inputs).
        Extras, any structure of tensors, are passed on. Variables that fn assigns are assigned. May be
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

    def compiled(step, variables, fixed=()):
        """Compile `step`, which reads and assigns `variables` -> a function that does many steps in one call.

        `fixed`: variables that it only reads. Each input carries one more, leading axis: the steps to do. So does
        each entry, a numpy array, of the dict that comes back.
        """

        def own_step(*inputs):
            return mean(step(*(own_rows(x) if x.shape.rank else x for x in inputs)))

        def one(*inputs):
            if _strategy is None:
                return step(*inputs)
            figures = _strategy.run(own_step, inputs)
            return {name: _strategy.experimental_local_results(value)[0] for name, value in figures.items()}

        @tf.function
        def run(*inputs):
            first = one(*(x[0] for x in inputs))
            if inputs[0].shape[0] == 1:
                return {name: value[None] for name, value in first.items()}
            kinds = {name: value.dtype for name, value in first.items()}
            # A loop in the graph: traced once, however many steps it does.
            rest = tf.map_fn(
                lambda x: one(*x), [x[1:] for x in inputs], fn_output_signature=kinds, parallel_iterations=1
            )
            return {name: tf.concat([value[None], rest[name]], axis=0) for name, value in first.items()}

        return lambda *inputs: {name: value.numpy() for name, value in run(*inputs).items()}

else:
    # The compiler makes one operation of each.
    Adam, BatchNormalization = keras.optimizers.Adam, keras.layers.BatchNormalization

    _state = []  # the variables of the step that is being traced

    def everywhere():
        """As above, of this machine."""
        return contextlib.nullcontext()  # `compiled` puts them there

    def replicas():
        """As above: one, which the compiler divides."""
        return 1

    device_count = jax.local_device_count

    def replica():
        """As above."""
        return 0

    def of_machines(values):
        """As above, of this machine."""
        return np.array([values], np.float64)

    def mean(x):
        """As above."""
        return x

    def apply(optimizer, grads, variables):
        """As above."""
        # Not `optimizer.apply`: that of the LossScaleOptimizer assigns within branches, which JAX cannot trace.
        kept, values = optimizer.variables, [v.value for v in variables]
        values, after = optimizer.stateless_apply([v.value for v in kept], grads, values)
        for variable, new in zip([*variables, *kept], [*values, *after], strict=True):
            variable.assign(new)

    def traced(fn, variables, *inputs):
        """As above. JAX differentiates pure functions: all state goes in, and the new state comes out."""
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

    def compiled(step, variables, fixed=()):
        """As above."""

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
            values = [placed(v.value) for v in variables]  # the whole of it on each: nothing to do after the first call
            for variable in fixed:  # once: what has been placed stays where it is
                variable.assign(placed(variable.value))
            constants = [v.value for v in fixed]
            inputs = [placed(x, None, "rows") if x.ndim > 1 else placed(x) for x in inputs]
            values, results = run(values, constants, inputs)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            return jax.device_get(results)

        call.lowered = lambda *inputs: run.lower(*([v.value for v in vs] for vs in (variables, fixed)), inputs)
        return call

    def cost(call, *inputs):
        """What XLA counts of a compiled step with such inputs: (operations, bytes moved if nothing is fused). JAX only.

        The leading axis of the inputs is 1.
        """
        found = call.lowered(*inputs).cost_analysis()
        return found["flops"], found["bytes accessed"]
