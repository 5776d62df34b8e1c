"""The Keras backend: TensorFlow, or JAX with KERAS_BACKEND=jax. The only room that knows which one it is.

A training step is ordinary Keras code that reads and assigns variables. `traced` differentiates it, `compiled`
compiles it, and both behave the same on either backend. on_tensorflow.py and on_jax.py define the same names; this
module chooses one of them when it is imported, and adds what both share.

Networks and optimizers that are built under `everywhere()` train on all devices of this machine. Each device works on
its own rows of every batch, and the result is that of one device which works on all rows. JAX's compiler divides the
work by itself. TensorFlow runs the step once per device, in parallel; each of these runs is called a replica. A step
that draws random numbers for the whole batch, or takes a mean over it, must therefore use `own_rows` and `mean`.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# oneDNN is on by default only for the newest CPUs; on others it more than doubles the speed of convolutions.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # hides INFO; warnings and errors stay

CHATTER = re.compile(
    r"^I\d{4}|^WARNING: All log messages before absl|cuInit: .*(303|no CUDA-capable)|^To enable the foll"
)


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Within this context, what TensorFlow's C++ code tells about its own start is hidden.

    All other lines on stderr are printed when the context ends.
    """
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
    backend: Any
    if NAME == "tensorflow":
        from models.engine import on_tensorflow

        backend = on_tensorflow
    elif NAME == "jax":
        from models.engine import on_jax

        backend = on_jax
    else:
        sys.exit(f"error: Keras is set to the backend {NAME!r}: unset KERAS_BACKEND, or set it to tensorflow or jax")

# What the two backends do differently; on_tensorflow.py says what each name means.
Adam, BatchNormalization = backend.Adam, backend.BatchNormalization
traced, compiled, apply, cost = backend.traced, backend.compiled, backend.apply, backend.cost
device, device_count, everywhere, of_machines = (
    backend.device, backend.device_count, backend.everywhere, backend.of_machines,
)  # fmt: skip
replicas, replica, own_rows, mean = backend.replicas, backend.replica, backend.own_rows, backend.mean


def steps_per_call() -> int:
    """How many training steps one call of a compiled function should do.

    Between two calls a GPU waits for Python, so it gets many steps per call. A CPU does not wait.
    """
    return 1 if device() == "CPU" else 20


def versions() -> str:
    """The names and versions of the backend and of Keras, as text."""
    return f"{NAME} {backend.VERSION}, keras {keras.__version__}"


@contextlib.contextmanager
def faults() -> Iterator[None]:
    """Within this context, two errors of the backend become Python's own.

    MemoryError: the memory of the computer or of the GPU is full. ConnectionError: another machine is gone.
    """
    try:
        yield
    except Exception as fault:
        if "ResourceExhausted" in type(fault).__name__ or "RESOURCE_EXHAUSTED" in str(fault):
            raise MemoryError(str(fault)) from fault
        if type(fault).__name__ in ("UnavailableError", "AbortedError", "DeadlineExceededError"):
            raise ConnectionError(str(fault)) from fault
        raise


def gradients(
    fn: Callable[[], tuple[Any, Any]], variables: Sequence[Any], scaled: Callable[[Any], Any] = lambda x: x
) -> tuple[Any, Any, list[Any]]:
    """fn() -> (scalar, extras); returns (the scalar, the extras, the gradient of the scalar for each variable).

    `scaled` multiplies the gradients by a factor: it gets 1 and returns the factor, like an optimizer's `scale_loss`.
    """
    value, extras, pull = traced(fn, variables)
    return value, extras, pull(scaled(keras.ops.ones_like(value)))[0]
