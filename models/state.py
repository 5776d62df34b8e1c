"""The state of a training: every variable of its networks and optimizers, by name."""

import keras


class State:
    """What training changes: networks and optimizers, each under the name it is saved by."""

    def __init__(self, **parts):
        self._parts = parts

    @property
    def variables(self):
        """Every variable of every part, the states of seed generators included."""
        return [v for part in self._parts.values() for v in part.variables]

    def _named(self):
        # By place, not by Keras's names: those count up within a process.
        for part, owner in self._parts.items():
            weights = owner.weights if hasattr(owner, "weights") else owner.variables
            yield from ((f"{part}/{i:03d}", v) for i, v in enumerate(weights))

    def arrays(self):
        """A dict of numpy arrays, the same on either backend."""
        return {name: keras.ops.convert_to_numpy(v) for name, v in self._named()}

    def restore(self, arrays):
        """The inverse of `arrays`. Raises ValueError, before anything is changed, if they are of other parts."""
        variables = dict(self._named())
        if set(variables) != set(arrays) or any(tuple(v.shape) != arrays[n].shape for n, v in variables.items()):
            raise ValueError("it holds other networks")
        for name, variable in variables.items():
            variable.assign(arrays[name])

    def scale_learning_rates(self, factor):
        """Multiply the learning rate of every optimizer."""
        for part in self._parts.values():
            if hasattr(part, "learning_rate"):
                part.learning_rate = float(part.learning_rate) * factor
