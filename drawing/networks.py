"""Trained networks in use. ONNX Runtime computes them: it starts in a moment, and needs neither Keras nor TensorFlow.

A network with a layer that drawing/onnx.py does not know is computed by Keras.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animefaces.problems import Problem
from drawing.layers import Layer, Shape, of_file
from models import contents

if TYPE_CHECKING:
    import keras

ROWS = 48  # so many faces are drawn between two steps of a progress bar
THREADS = 0  # of ONNX Runtime; 0 is one for each core


class Session:
    """A network, computed by ONNX Runtime."""

    def __init__(self, network: Sequence[Layer] | bytes, threads: int = 0):
        """`network`: layers, or the bytes of an ONNX file with one input. `threads`: instead of THREADS.

        Raises ValueError for layers that are not known, or do not fit each other, and MemoryError.
        """
        import onnxruntime

        from drawing.onnx import unchecked

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it logs as an error it also raises
        options.intra_op_num_threads = threads or THREADS
        try:
            model = network if isinstance(network, bytes) else unchecked(network).SerializeToString()
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            (taken,), given = self._session.get_inputs(), self._session.get_outputs()[0]
            self._input = taken.name
            self.input_shape, self.output_shape = (
                tuple(side if isinstance(side, int) else None for side in end.shape) for end in (taken, given)
            )
        except (ValueError, MemoryError):
            raise
        except Exception as fault:  # onnx and ONNX Runtime have their own kinds of errors
            raise ValueError(f"{type(fault).__name__} while its layers are put together") from fault

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Inputs, float32 (N, ...) -> outputs (N, ...). Raises MemoryError, and ValueError if they do not fit."""
        try:
            return self._session.run(None, {self._input: np.ascontiguousarray(inputs, np.float32)})[0]
        except Exception as fault:
            reason = " ".join(str(fault).split())
            raise (MemoryError if "alloc" in reason else ValueError)(reason) from fault


class Network:
    """A trained network, from a file that anyone may have made."""

    def __init__(self, file: Path, threads: int = 0):
        """Raises ValueError if the file is not to be trusted (models/contents.py), and OSError if it cannot be read.

        `threads`: instead of THREADS.
        """
        self.file, read = file, contents.read(file)
        self.session: Session | None = None  # without one, Keras computes the network
        try:
            self.layers = of_file(read)
            self.session = Session(self.layers, threads)
        except ValueError:  # Keras knows more layers, and whether it is a network at all
            self.layers = []
        shapes = self.session or self.keras
        if None in shapes.output_shape[1:] and None not in shapes.input_shape[1:]:
            shapes = self.keras  # ONNX does not follow sizes that are computed, as of some Resizing layers
        self.input_shape: Shape = shapes.input_shape
        self.output_shape: Shape = shapes.output_shape

    @functools.cached_property
    def keras(self) -> "keras.Model":
        """The same network in Keras, for training, for its gradients and its inner layers. Raises Problem."""
        from models import saved  # without TensorFlow, this ends the program with a line that says so

        try:
            return saved.load(self.file)
        except ValueError as fault:
            if self.session is None:  # it is being opened
                raise
            raise Problem(
                f"{self.file} cannot be opened by Keras ({fault}): train it again, or name another"
            ) from fault

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Inputs, float32 (N, ...) -> outputs, float32 (N, ...). Raises MemoryError, and Problem if they do not fit.

        A row's output is the same to the bit whatever the other rows are: each is computed alone, which is as fast as
        many together.
        """
        if self.session is None:
            from models.batches import in_batches

            return in_batches(self.keras, inputs)
        if not len(inputs):
            return np.empty((0, *(side or 0 for side in self.output_shape[1:])), np.float32)
        try:
            return np.concatenate([self.session(row[None]) for row in inputs])
        except ValueError as fault:
            raise Problem(f"{self.file} cannot be computed ({fault}): train it again, or name another run") from fault
