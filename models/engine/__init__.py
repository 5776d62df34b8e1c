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
import gc
import importlib
import importlib.util
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

# oneDNN is on by default only for the newest CPUs; on others it more than doubles the speed of convolutions.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # hides INFO; warnings and errors stay
# Settings of Keras that would change what our programs do: limits for quick tries, and a part that needs flax.
for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"):
    os.environ.pop(name, None)
if not os.environ.get("KERAS_HOME"):  # empty, it would be the current folder
    os.environ.pop("KERAS_HOME", None)

BACKENDS = {"tensorflow": "pip install -r requirements.txt", "jax": "pip install jax"}  # and where each comes from
# Stated here, because ~/.keras/keras.json of the user may name another backend.
NAME = os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
if NAME not in BACKENDS:
    sys.exit(f"error: KERAS_BACKEND is {NAME!r}: unset it, or set it to {' or '.join(BACKENDS)}")
if importlib.util.find_spec(NAME) is None:
    sys.exit(f"error: {NAME} is not installed, and this needs it: {BACKENDS[NAME]}")

LOST = "^(UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED)|Gloo"  # how JAX says that another machine is gone
CHATTER = r"^I\d{4}|^WARNING: All log messages before absl|cuInit: .*(303|no CUDA-capable)|^To enable the foll"
# A process of its own, so that the last words of a program that TensorFlow aborts are printed.
FILTER = """
import re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
for line in sys.stdin.buffer:
    if line.strip() and not re.search(sys.argv[1], line.decode(errors="replace")):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Within this context, what libraries tell on stderr about their own start is hidden. Other lines are printed."""
    sys.stderr.flush()
    try:
        words = [sys.executable, "-I", "-S", "-c", FILTER, CHATTER]
        reader = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    except OSError:  # too many processes: nothing is hidden
        yield
        return
    with reader, cast(Any, reader.stdin) as pipe:
        kept = os.dup(2)
        os.dup2(pipe.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Within this context, modules that are not imported yet count as not installed."""
    hidden: dict[str, Any] = {name: None for name in modules if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """What this context creates is never garbage. Looking through it takes a quarter of the time of a start."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


# Keras and TensorFlow import these where they are installed, for parts that nothing here uses. That takes seconds.
UNUSED = {"IPython", "matplotlib", "sklearn", *BACKENDS} - {NAME}
if sys.stderr.isatty():
    print(f"loading {NAME}: some seconds", file=sys.stderr)
with without_chatter(), _without(*UNUSED), _kept():
    try:
        import keras
    except (ValueError, AttributeError, OSError) as fault:  # of its settings file, which it reads first
        sys.exit(
            f"error: Keras cannot be loaded ({fault}): delete {os.environ.get('KERAS_HOME', '~/.keras')}/keras.json"
        )
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)

    backend: Any = importlib.import_module(f"models.engine.on_{NAME}")

layers, ops = keras.layers, keras.ops
# What the two backends do differently; on_tensorflow.py says what each name means.
UNROLLED = backend.UNROLLED
Adam, BatchNormalization = backend.Adam, backend.BatchNormalization
Conv2D, Conv2DTranspose = backend.Conv2D, backend.Conv2DTranspose
traced, compiled, apply, cost = backend.traced, backend.compiled, backend.apply, backend.cost
forward, export, open_export = backend.forward, backend.export, backend.open_export
device, device_count, everywhere, join, of_machines = (
    backend.device, backend.device_count, backend.everywhere, backend.join, backend.of_machines,
)  # fmt: skip
keep_operations_whole = backend.keep_operations_whole
replicas, replica, own_rows, mean = backend.replicas, backend.replica, backend.own_rows, backend.mean


def seed(number: int) -> None:
    """Seed Keras, numpy and Python. With JAX, Keras would load TensorFlow for this, where it is installed."""
    with _without(*UNUSED):
        keras.utils.set_random_seed(number)


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
        named, said = type(fault).__name__, str(fault)
        if named in ("UnavailableError", "AbortedError", "DeadlineExceededError") or re.search(LOST, said):
            raise ConnectionError(str(fault)) from fault
        raise


def in_turn(
    functions: Mapping[Any, Callable[..., dict[str, np.ndarray]]],
    kind: Callable[[int], Any],
    step: np.ndarray,
    *inputs: np.ndarray,
) -> dict[str, np.ndarray]:
    """K training steps, of which each is done by the one of several compiled functions that its `kind` names.

    The inputs have a leading axis of K, as `step` has. Returns the figures of all steps, by name.
    """
    done, figures = 0, []
    for name, group in itertools.groupby(step.tolist(), kind):
        rows = slice(done, done + len(list(group)))
        figures.append(functions[name](step[rows], *(x[rows] for x in inputs)))
        done = rows.stop
    names = dict.fromkeys(name for part in figures for name in part)
    return {name: np.concatenate([part[name] for part in figures if name in part]) for name in names}


def gradients(
    fn: Callable[[], tuple[Any, Any]], variables: Sequence[Any], scaled: Callable[[Any], Any] = lambda x: x
) -> tuple[Any, Any, list[Any]]:
    """fn() -> (scalar, extras); returns (the scalar, the extras, the gradient of the scalar for each variable).

    `scaled` multiplies the gradients by a factor: it gets 1 and returns the factor, like an optimizer's `scale_loss`.
    """
    value, extras, pull = traced(fn, variables)
    return value, extras, pull(scaled(keras.ops.ones_like(value)))[0]


def apply_at(optimizer: Any, grads: Sequence[Any], variables: Sequence[Any], decay: Any = None) -> None:
    """One step of the optimizer with its learning rate times `decay`; the optimizer keeps its learning rate."""
    if decay is None:
        apply(optimizer, grads, variables)
        return
    rate = optimizer.learning_rate
    first = rate * 1.0  # a copy of the value, which the next line changes
    rate.assign(first * decay)
    apply(optimizer, grads, variables)
    rate.assign(first)
