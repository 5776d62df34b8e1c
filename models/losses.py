"""Losses: logits, or means and variances -> one number to minimise, in nats; of the hinge loss in units of logits."""

from typing import Any

from models.engine import ops


def logistic(logits: Any, targets: Any) -> Any:
    """Logits and targets of the same shape, (B, 1) for D -> their mean binary cross-entropy in nats.

    It takes logits, not probabilities, so that it is finite for any finite logit. Targets may lie outside [0, 1]. With
    a target of 1.2 for real images, a larger logit is always better; it is the mean of U(0.7, 1.2), 0.95, that keeps
    D's logits finite.
    """
    return ops.mean(ops.softplus(logits) - targets * logits)


def relativistic(logits: Any, others: Any) -> Any:
    """Two sets of logits (B, 1) -> the mean of softplus(others - logits), in nats.

    D's loss takes (real, fake), G's takes (fake, real). An image is only compared with its pair. So G cannot lower its
    loss by drawing one kind of face only (Jolicoeur-Martineau 2018; arXiv 2501.05441).
    """
    return ops.mean(ops.softplus(others - logits))


def hinge(logits: Any) -> Any:
    """Logits (B, N) that should be 1 or more -> the mean of what they lack.

    D's loss takes the logits of real images, and those of fake ones with the other sign (Lim & Ye 2017, arXiv
    1705.02894). What D is sure of teaches it nothing more.
    """
    return ops.mean(ops.relu(1 - logits))


def divergence(mean: Any, log_variance: Any) -> Any:
    """Mean and log-variance, each (B, D) -> the mean Kullback-Leibler divergence from N(0, I), in nats."""
    # expm1(v) - v, not exp(v) - 1 - v: it is exact near v = 0, and therefore never below 0.
    return ops.mean(ops.sum(ops.square(mean) + ops.expm1(log_variance) - log_variance, axis=-1)) / 2
