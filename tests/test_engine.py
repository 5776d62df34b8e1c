"""What the engine does by the backend's own kernels is what Keras does."""

import keras
import numpy as np
import pytest
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
