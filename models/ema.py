"""The exponential moving average of a network's weights.

The averaged generator draws better faces than the one in training, and costs next to nothing.
"""

from typing import Any

import keras
from keras import ops


def update(average: keras.Model, network: keras.Model, decay: float, step: Any) -> None:
    """Move every variable of `average`, batch-norm statistics included, towards the same variable of `network`.

    In the first steps the decay is smaller than `decay` and grows with the step. So the average soon forgets the
    random weights that a training begins with.
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, (1 + step) / (10 + step))
    for slow, fast in zip(average.variables, network.variables, strict=True):
        slow.assign(slow + (fast - slow) * (1 - decay))
