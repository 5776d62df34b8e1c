"""A trained generator: from latent vectors z to the pixels of faces."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from animefaces import directions, images, latents, runs
from models.batches import ROWS, in_batches

if TYPE_CHECKING:
    import keras

AT_ONCE = 10 * ROWS  # faces that are drawn between two writes


def draw(network: "keras.Model", z: np.ndarray) -> np.ndarray:
    """A generator's network and z, float32 (N, latent) -> faces, uint8 (N, H, W, C).

    A face is the same, to the last bit, whatever other faces are drawn with it.
    """
    return images.to_pixels(in_batches(network, z))


class Generator:
    """A trained generator and the file that it is from."""

    def __init__(self, network: "keras.Model", file: Path):
        """`network`: z (B, latent) -> images (B, H, W, C) in [-1, 1]."""
        self.network, self.file = network, file
        self.latent: int = network.input_shape[1]
        self.shape: tuple[int, int, int] = network.output_shape[1:]

    @property
    def name(self) -> str:
        """For people: the name of its run, or of its file if that is in no run."""
        return self.file.parent.name if self.file.name in (runs.GENERATOR, runs.BEST) else self.file.name

    def draw(self, z: np.ndarray) -> np.ndarray:
        """z (N, latent) -> faces, uint8 (N, H, W, C)."""
        return draw(self.network, z)

    def batches(self, z: np.ndarray, label: str) -> Iterator[np.ndarray]:
        """z (N, latent) -> faces, uint8 (n, H, W, C) with n of at most ROWS, with a progress bar."""
        with tqdm(total=len(z), desc=label, unit="face", disable=None) as bar:
            for start in range(0, len(z), ROWS):
                yield self.draw(z[start : start + ROWS])
                bar.update(min(ROWS, len(z) - start))

    def drawn(self, z: np.ndarray, label: str = "drawing") -> np.ndarray:
        """As `batches`, all faces in one array."""
        return np.concatenate(list(self.batches(np.asarray(z, np.float32), label)))

    def shift(self, edit: str | None) -> np.ndarray | float:
        """The text of --edit -> what is added to z, (latent,); 0 for None. Raises Misuse and Problem."""
        if not edit:
            return 0.0
        return directions.shift(directions.parse(edit), directions.load(directions.beside(self.file), self.latent))


class Drawn:
    """Faces of the seeds from 0 on, drawn as they are asked for: indexed like a set of pictures."""

    resized = 0

    def __init__(self, generator: Generator, count: int):
        self._generator, self.shape = generator, (count, *generator.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, seeds: np.ndarray) -> np.ndarray:
        return self._generator.draw(latents.from_seeds(seeds, self._generator.latent))
