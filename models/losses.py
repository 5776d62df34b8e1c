"""Losses on logits. Mathematics only."""

from keras import ops


def logistic(logits, targets):
    """Mean binary cross-entropy, in nats, of logits against targets of the same shape, (B, 1) of D.

    Written on logits so that it stays finite for any finite logit. Targets may leave [0, 1]: a "real"
    of 1.2 asks for an ever larger logit; only the mean of U(0.7, 1.2), 0.95, holds D back.
    """
    return ops.mean(ops.softplus(logits) - targets * logits)


def relativistic(logits, others):
    """Mean of softplus(others - logits), in nats, of two (B, 1): D's loss as (real, fake), G's as (fake, real).

    Each image is only asked to beat its pair, so that no mode of the data can be dropped unpunished
    (Jolicoeur-Martineau 2018; arXiv 2501.05441).
    """
    return ops.mean(ops.softplus(others - logits))


def divergence(mean, log_variance):
    """Mean Kullback-Leibler divergence, in nats, of N(mean, exp(log_variance)), each (B, D), from N(0, I)."""
    # expm1(v) - v, not exp(v) - 1 - v: exact near v = 0, so never below 0.
    return ops.mean(ops.sum(ops.square(mean) + ops.expm1(log_variance) - log_variance, axis=-1)) / 2
