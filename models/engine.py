"""The only file that knows the Keras backend: TensorFlow, or JAX with KERAS_BACKEND=jax.

A training step is ordinary Keras code that reads and assigns variables. Two functions here make it
run: `traced` differentiates it, `compiled` compiles it. Both behave the same on either backend.
"""

import contextlib
import os
import re
import sys
import tempfile

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

        with contextlib.suppress(ImportError):  # Keras will import it, for its files, when it is there
            import tensorflow

            tensorflow.config.list_physical_devices()
    else:
        sys.exit(f"error: Keras is set to the backend {NAME!r}: unset KERAS_BACKEND, or set it to tensorflow or jax")


def device():
    """The device in words: "CPU", "GPU", "TPU"."""
    if NAME == "jax":
        return jax.devices()[0].platform.upper()
    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


def versions():
    """The engine and Keras with their versions, in words."""
    module = jax if NAME == "jax" else tf
    return f"{NAME} {module.__version__}, keras {keras.__version__}"


@contextlib.contextmanager
def memory_errors():
    """What the backend raises when memory runs out, the GPU's too, becomes a MemoryError."""
    try:
        yield
    except Exception as fault:
        if "ResourceExhausted" in type(fault).__name__ or "RESOURCE_EXHAUSTED" in str(fault):
            raise MemoryError(str(fault)) from fault
        raise


def gradients(fn, variables):
    """fn() -> (a scalar, extras); returns (that scalar, extras, the scalar's gradient for each variable)."""
    value, extras, pull = traced(fn, variables)
    return value, extras, pull(keras.ops.ones_like(value))[0]


if NAME == "tensorflow":

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

    def compiled(step, variables):
        """Compile `step`, which reads and assigns `variables` -> a function that does many steps in one call.

        Each input carries one more, leading axis: the steps to do. So does each entry, a numpy array, of
        the dict that comes back.
        """

        @tf.function
        def run(*inputs):
            first = step(*(x[0] for x in inputs))
            if inputs[0].shape[0] == 1:
                return {name: value[None] for name, value in first.items()}
            kinds = {name: value.dtype for name, value in first.items()}
            # A loop in the graph: traced once, however many steps it does.
            rest = tf.map_fn(
                lambda x: step(*x), [x[1:] for x in inputs], fn_output_signature=kinds, parallel_iterations=1
            )
            return {name: tf.concat([value[None], rest[name]], axis=0) for name, value in first.items()}

        return lambda *inputs: {name: value.numpy() for name, value in run(*inputs).items()}

else:
    _state = []  # the variables of the step that is being traced

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

    def compiled(step, variables):
        """As above."""

        def body(values, inputs):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
                result = step(*inputs)
                return [scope.get_current_value(v) for v in variables], result

        @jax.jit
        def run(values, inputs):
            _state[:] = variables
            return jax.lax.scan(body, values, inputs)

        def call(*inputs):
            values, results = run([v.value for v in variables], inputs)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            return jax.device_get(results)

        return call
