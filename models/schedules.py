"""Courses of a number over a training."""

import math
from typing import Any

from models.engine import ops


def half_cosine(step: Any, steps: int) -> Any:
    """A step, counted from 0 -> a number that falls from 1 to 0 along half a cosine in `steps` steps, and stays 0."""
    share = ops.minimum(ops.cast(step, "float32") / steps, 1.0)
    return (1 + ops.cos(math.pi * share)) / 2
