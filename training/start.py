"""The trained network that a training starts with."""

from pathlib import Path
from typing import Any

from animefaces import runs


def start_with(source: Any, path: Path, *networks: Any) -> None:
    """Give Keras networks the weights of `source`, which was read from `path`. Raises Problem if they do not fit."""
    with runs.fitting(path):
        for network in networks:
            if [tuple(w.shape) for w in network.weights] != [tuple(w.shape) for w in source.weights]:
                raise ValueError("its layers are of other sizes")
            network.set_weights(source.get_weights())
