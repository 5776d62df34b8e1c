"""Any network on any number of rows: the rows go through it in batches of one fixed size."""

import numpy as np

from models import engine
from models.engine import keras

# Rows per batch. Matrix products work on rows in blocks of 12, 24 or 48, depending on the CPU, and round the rows of an
# incomplete block differently. With 32 rows, one face in a hundred had a pixel that depended on its place in the batch.
ROWS = 48


def in_batches(network: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """A network and its inputs (N, ...), N >= 0 -> its outputs (N, ...), float32.

    Every batch has ROWS rows, the last one is filled up. So an output is the same to the bit whatever the other
    rows are, and the network is compiled for one batch size only. Raises MemoryError.
    """
    if len(inputs) == 0:
        shape = network.compute_output_shape((1, *inputs.shape[1:]))
        return np.empty((0, *shape[1:]), np.float32)
    with engine.faults():
        outputs = [network.predict_on_batch(filled(inputs[i : i + ROWS], ROWS)) for i in range(0, len(inputs), ROWS)]
    return np.concatenate(outputs)[: len(inputs)].astype(np.float32)


def filled(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows (N, ...), 0 < N <= count -> (count, ...): the rows, then the same rows again until there are enough."""
    return rows if len(rows) == count else np.resize(rows, (count, *rows.shape[1:]))
