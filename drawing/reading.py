"""Readers at work: faces -> what anybody can see in them, their rows of looks (animefaces/looks.py)."""

from pathlib import Path

import numpy as np

from animefaces import images, looks, runs
from animefaces.problems import Problem
from drawing.networks import Network
from drawing.opening import opened

OF_PHOTOS, OF_DRAWINGS = runs.PRETRAINED / "photo_reader.keras", runs.PRETRAINED / "drawing_reader.keras"


class Reader:
    """A trained reader, and what it takes."""

    def __init__(self, network: Network):
        """`network`: images (B, S, S, C) in [-1, 1] -> the probabilities of looks (B, SIZE)."""
        self.network = network
        self.size, self.channels = network.input_shape[1] or 0, network.input_shape[3] or 0

    def read(self, pixels: np.ndarray) -> np.ndarray:
        """Faces, uint8 (N, H, W, C), framed as the reader knows them -> rows of looks, float32 (N, SIZE).

        They are the mean of what it reads in the face and in its mirror image.
        """
        small = [images.to_array(images.to_image(face), self.size, self.channels) for face in pixels]
        shown = images.to_network(np.stack(small)) if small else np.empty((0, self.size, self.size, self.channels))
        return (self.network(shown) + looks.mirrored(self.network(shown[:, :, ::-1]))) / 2


def open_reader(file: Path) -> Reader:
    """A .keras file, or a run folder of train.py reader -> its reader. Raises Problem."""
    path = file / runs.READER if file.is_dir() else file
    if not path.exists():
        raise Problem(f"{path} does not exist: train a reader with python train.py reader, or name another one")
    network = opened(path, "reader")
    shape = network.input_shape
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] not in (1, 3) or network.output_shape != (None, looks.SIZE):
        raise Problem(f"{path} does not read looks: train a reader with python train.py reader, or name another one")
    return Reader(network)
