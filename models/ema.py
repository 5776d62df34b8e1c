"""Averaged generator weights: an exponential moving average, never worse than the last weights and free."""

from keras import ops


def update(average, network, decay, step):
    """Move every variable of `average`, batch-norm statistics included, towards `network`'s.

    The decay grows with the step until it reaches `decay`, so that the average of a young run is young.
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, (1 + step) / (10 + step))
    for slow, fast in zip(average.variables, network.variables, strict=True):
        slow.assign(slow + (fast - slow) * (1 - decay))
