"""The state of a training: every variable of its networks and optimizers, by name."""


def named(parts):
    """A dict of networks and optimizers -> (name, variable) of each of their variables."""
    # By place, not by Keras's names: those count up within a process.
    for part, owner in parts.items():
        weights = owner.weights if hasattr(owner, "weights") else owner.variables
        yield from ((f"{part}/{i:03d}", v) for i, v in enumerate(weights))


def restored(parts, arrays):
    """Give the variables of `parts` their values in `arrays`, a dict by the names of `named`.

    Raises ValueError, before anything is changed, if the arrays are not those of such parts.
    """
    variables = dict(named(parts))
    if set(variables) != set(arrays) or any(tuple(v.shape) != arrays[n].shape for n, v in variables.items()):
        raise ValueError("it holds other networks")
    for name, variable in variables.items():
        variable.assign(arrays[name])
