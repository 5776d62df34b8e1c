"""The engine's own kernels do what Keras does, and the user's environment changes nothing."""

import gc
import json

import keras
import numpy as np
import pytest
from conftest import PROJECT, python
from keras import ops

from models import engine


@pytest.mark.parametrize(("precision", "exact"), [("float32", 1e-5), ("mixed_bfloat16", 1e-2)])
def test_batch_normalisation_by_the_engine_is_that_of_keras(precision, exact):
    images, upstream = (3 + 2 * np.random.default_rng(i).standard_normal((8, 4, 4, 5), np.float32) for i in range(2))
    settings = {"momentum": 0.9, "epsilon": 1e-5, "dtype": precision}
    found = []
    for kind in (engine.BatchNormalization, keras.layers.BatchNormalization):
        layer = kind(**settings)
        layer.build(images.shape)
        layer.gamma.assign([0.5, 1, 1.5, 2, 2.5])
        layer.beta.assign([-1, 0, 1, 2, 3])
        x = ops.cast(images, layer.compute_dtype)
        seen, _, pull = engine.traced(
            lambda x, layer=layer: (layer(x, training=True), None), [layer.gamma, layer.beta], x
        )
        (gamma, beta), (slope,) = pull(ops.cast(upstream, seen.dtype))
        assert seen.dtype == layer.compute_dtype
        found.append([seen, slope, gamma, beta, layer.moving_mean, layer.moving_variance, layer(x, training=False)])
    for ours, theirs in zip(*found, strict=True):
        ours, theirs = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in (ours, theirs))
        assert np.allclose(ours, theirs, rtol=exact, atol=exact * np.abs(theirs).max())


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
@pytest.mark.parametrize(
    ("kernel", "stride", "small", "padding"),
    [(4, 2, 4, "same"), (5, 2, 4, "same"), (3, 1, 8, "same"), (3, 2, 7, "same"), (4, 2, 9, "same"), (4, 2, 4, "valid")],
)
def test_convolution_by_the_engine_is_that_of_keras(kind, kernel, stride, small, padding, monkeypatch):
    """The features, and the gradients of the first and the second order, as a gradient penalty needs them."""
    own, used = engine.backend._kernel_gradient, []
    monkeypatch.setattr(engine.backend, "_kernel_gradient", lambda *args: used.append(1) or own(*args))
    large = small * stride if padding == "same" else (small - 1) * stride + kernel
    side = large if kind == "Conv2D" else small
    images = np.random.default_rng(0).standard_normal((4, side, side, 32), np.float32)
    found, kernels = [], ops.cast(np.random.default_rng(1).standard_normal((kernel, kernel, 32, 32)), "float32")
    precision, expected, rounding = {
        "tensorflow": ("mixed_bfloat16", padding == "same" and small <= 8, 0.015),
        "jax": ("float32", padding == "same" or kind == "Conv2D", 1e-4),
    }[engine.NAME]
    for room, dtype in ((engine, precision), (keras.layers, precision), (keras.layers, "float32")):
        settings = {"use_bias": kind == "Conv2D", "dtype": dtype}
        layer = getattr(room, kind)(32, kernel, strides=stride, padding=padding, **settings)
        layer.build(images.shape)
        layer.kernel.assign(kernels * 0.05)

        def length(x, layer=layer):
            y, _, pull = engine.traced(lambda x: (layer(x), None), [], x)
            (slope,) = pull(ops.tanh(y))[1]
            return ops.sum(ops.square(ops.cast(slope, "float32"))), [y, slope]

        def step(_, layer=layer, length=length):
            x = ops.cast(images, layer.compute_dtype)
            value, seen, pull = engine.traced(length, layer.trainable_variables, x)
            figures = [*seen, *pull(ops.ones_like(value))[0]]
            return {str(i): ops.cast(figure, "float32") for i, figure in enumerate(figures)}

        found.append(engine.compiled(step, layer.variables)(np.zeros(1, np.int32)).values())
        assert json.loads(keras.Sequential([layer]).to_json())["config"]["layers"][-1]["module"] == "keras.layers"
    assert bool(used) == expected
    for arrays in zip(*found, strict=True):
        ours, theirs, exact = arrays
        wrong = [np.sqrt(np.square(made - exact).mean()) for made in (ours, theirs)]
        # Where the processor has no bfloat16, Keras's gradient has more rounding errors than ours.
        assert wrong[0] <= max(1.05 * wrong[1], rounding * exact.std())
        assert wrong[1] < 0.05 * exact.std()
        assert np.abs(ours - exact).max() < 0.05 * np.abs(exact).max()


def test_the_gradient_of_a_bias_does_not_lose_small_terms_in_bfloat16():
    # Neither figure is a constant of the graph: TensorFlow would compute with it in another way.
    images, upstream = (0.05 + np.random.default_rng(i).standard_normal((1, 64, 8, 8, 32), np.float32) for i in (0, 1))
    layer = engine.Conv2D(32, 3, padding="same", dtype="mixed_bfloat16")
    layer.build(images.shape[1:])

    def step(images, upstream):
        figures = [layer.kernel, layer.bias]
        _, _, pull = engine.traced(lambda: (layer(ops.cast(images, "bfloat16")), None), figures)
        return {"slope": pull(ops.cast(upstream, "bfloat16"))[0][1]}

    (slope,) = engine.compiled(step, layer.variables)(images, upstream)["slope"]
    exact = upstream.sum((0, 1, 2, 3))
    assert np.sqrt(np.square(slope - exact).mean()) < 0.005 * np.sqrt(np.square(exact).mean())


def test_several_steps_of_a_loop_are_traced_once(monkeypatch):
    monkeypatch.setattr(engine.backend, "device", lambda: "GPU")
    traced, total = [], keras.Variable(0.0)

    def step(x):
        traced.append(x)
        total.assign(total + x)
        return {"sum": total * 1, "rank": ops.cast(x, "int32")}

    figures = engine.compiled(step, [total])(np.float32([1, 2, 3]))
    assert len(traced) == 1
    assert {name: values.tolist() for name, values in figures.items()} == {"sum": [1, 3, 6], "rank": [1, 2, 3]}


WHOLE = """
import tensorflow as tf
from models import engine
threads = tf.config.threading.get_intra_op_parallelism_threads
engine.keep_operations_whole()
print(threads(), engine.device())
tf.ones(1)
engine.keep_operations_whole()  # too late, and no error
"""


@pytest.mark.parametrize(("typed", "found"), [("", "1 CPU"), ("2", "0 CPU")])
def test_operations_stay_whole_unless_the_user_says_how_many_threads_they_get(typed, found):
    done = python("-c", WHOLE, cwd=PROJECT, TF_NUM_INTRAOP_THREADS=typed)
    assert done.stdout == f"{found}\n", done.stderr


def test_adam_by_the_engine_is_that_of_keras():
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(shape, np.float32) for shape in ((3, 4), (5,))]
    found = []
    for kind in (engine.Adam, keras.optimizers.Adam):
        variables = [keras.Variable(values) for values in start]
        optimizer = kind(1e-2, beta_1=0.5, beta_2=0.9)
        optimizer.build(variables)
        for step in range(5):
            if step == 3:
                optimizer.learning_rate = 3e-3  # as learning rate decay does
            grads = np.random.default_rng(step)
            slopes = [ops.convert_to_tensor(grads.standard_normal(v.shape, np.float32)) for v in variables]
            optimizer.apply(slopes, variables)
        found.append([ops.convert_to_numpy(v) for v in (*variables, *optimizer.variables)])
    assert not np.allclose(found[0][0], start[0], atol=1e-2)
    for ours, theirs in zip(*found, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-7)


SETTINGS = """
import importlib.util, os, sys
import models.engine, keras
from models import engine
from animefaces import plots
in_vain = {"jax", "matplotlib"} & set(sys.modules)
config = keras.config
plots.curves("curves.png", [], {"loss": {"loss": "D"}})
layer = keras.layers.Conv2D(1, 3)
print(config.backend(), config.image_data_format(), config.floatx(), config.epsilon(), config.max_epochs(),
      config.dtype_policy().name, layer.data_format)
print(in_vain, bool(importlib.util.find_spec("jax")), flush=True)  # not hidden later
with engine.without_chatter():
    os.write(2, b"I0000 chatter\\nthe last words of a program that is killed\\n")
    os.kill(os.getpid(), 9)
"""


def test_settings_of_others_change_nothing(tmp_path):
    """An old keras.json, a notebook that names its own kind of window, limits for quick tries."""
    odd = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "torch"}
    (tmp_path / "keras.json").write_text(json.dumps(odd))
    limits = {"KERAS_MAX_EPOCHS": "1", "KERAS_NNX_ENABLED": "1", "MPLBACKEND": "inline_of_nobody"}
    done = python("-c", SETTINGS, cwd=tmp_path, KERAS_HOME=str(tmp_path), **limits)
    settings, jax = done.stdout.splitlines()
    assert (settings, jax) == ("tensorflow channels_last float32 1e-07 None float32 channels_last", "set() True")
    assert done.stderr == "the last words of a program that is killed\n"


@pytest.mark.parametrize(
    ("code", "backend", "line"),
    [
        ("", "torch", "error: KERAS_BACKEND is 'torch': unset it, or set it to tensorflow or jax\n"),
        ("import sys; sys.modules['jax'] = None; ", "jax", "error: jax is not installed, and this needs it: "
         "pip install jax\n"),
    ],
)  # fmt: skip
def test_another_backend_is_one_line(code, backend, line, tmp_path):
    done = python("-c", code + "import models.engine", cwd=tmp_path, KERAS_BACKEND=backend)
    assert (done.returncode, done.stderr) == (1, line)


def test_a_damaged_settings_file_of_keras_is_one_line(tmp_path):
    (tmp_path / "keras.json").write_text("[1]")
    done = python("-c", "import models.engine", cwd=tmp_path, KERAS_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: Keras cannot be loaded ('list' object has no attribute 'get'): delete {tmp_path}/keras.json\n"
    )


def test_what_was_imported_is_never_looked_through_for_garbage():
    assert gc.isenabled() and gc.get_freeze_count() > 100_000
