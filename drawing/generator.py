"""A trained generator: from latent vectors z to the pixels of faces."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from animefaces import directions, images, latents, marks
from animefaces.problems import Problem
from animefaces.progress import Bar
from drawing.networks import ROWS, Network

AT_ONCE = 10 * ROWS  # faces that are drawn between two writes


def draw(network: Callable[[np.ndarray], np.ndarray], z: np.ndarray, name: object = "the generator") -> np.ndarray:
    """A function from z to images in [-1, 1], and z, float32 (N, latent) -> faces, uint8 (N, H, W, C).

    Raises Problem, with the `name`, if one is no picture.
    """
    drawn = network(z)
    if not np.isfinite(drawn).all():
        raise Problem(f"{name} draws numbers that are not finite: name another one with --run")
    return images.to_pixels(drawn)


class Generator:
    """A trained generator and the file that it is from."""

    def __init__(self, network: Network, file: Path, mark: marks.Mark, why: str = ""):
        """`network`: z (B, latent) -> images (B, H, W, C) in [-1, 1]. `why`: words that say who chose it."""
        self.network, self.file, self.mark, self.why = network, file, mark, why
        self.doubts: list[str] = []  # what the user should know about the files that he uses with it
        self.latent: int = network.input_shape[1] or 0
        self.shape: tuple[int, int, int] = network.output_shape[1:]  # type: ignore[assignment]

    @property
    def name(self) -> str:
        """For people: the name of its run, or of its file if that is in no run."""
        return self.mark.run

    def draw(self, z: np.ndarray) -> np.ndarray:
        """z (N, latent) -> faces, uint8 (N, H, W, C), each the same to the bit whatever others are drawn with it."""
        return draw(self.network, z, self.file)

    def batches(self, z: np.ndarray, label: str) -> Iterator[np.ndarray]:
        """z (N, latent) -> faces, uint8 (n, H, W, C) with n of at most ROWS, with a progress bar."""
        with Bar(total=len(z), desc=label, unit="face") as bar:
            for start in range(0, len(z), ROWS):
                yield self.draw(z[start : start + ROWS])
                bar.update(min(ROWS, len(z) - start))

    def drawn(self, z: np.ndarray, label: str = "drawing") -> np.ndarray:
        """As `batches`, all faces in one array."""
        return np.concatenate(list(self.batches(np.asarray(z, np.float32), label)))

    def shift(self, edit: str | None, file: Path | None = None) -> np.ndarray | float:
        """The text of --edit -> what is added to z, (latent,); 0 for None. Raises Misuse and Problem.

        The directions are those of `file`, or of the file beside the generator.
        """
        if not edit:
            return 0.0
        edits, path = directions.parse(edit), file or directions.beside(self.file)
        known, mark = directions.load(path, self.latent), marks.read(path)
        if mark and mark.weights != self.mark.weights:  # of a `file`, drawing.opening has seen to that
            self.doubts.append(f"{path} is from before {self.file}: find new directions with explore.py attributes")
        return directions.shift(edits, known)


class Drawn:
    """Faces of the seeds from 0 on, drawn as they are asked for: indexed like a set of pictures."""

    resized = 0

    def __init__(self, generator: Generator, count: int):
        self._generator, self.shape = generator, (count, *generator.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, seeds: np.ndarray) -> np.ndarray:
        return self._generator.draw(latents.from_seeds(seeds, self._generator.latent))
