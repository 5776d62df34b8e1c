"""The dense VAE on faces: the first way from a photo to z."""

import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from animefaces import images, latents, runs
from animefaces.batches import Order
from drawing.generator import draw
from models import build
from models.batches import in_batches
from training.frozen import announce, keep_beside, open_frozen
from training.task import Targets

COLUMNS = 16  # faces in a row of a sample


class Task:
    """The dense VAE on faces. Its z has the length of a generator's z, since the generator draws what it encodes."""

    many_machines: ClassVar = False
    trial: ClassVar = False
    shown: ClassVar = {"loss": "loss"}
    curves: ClassVar = {
        "nats per face": {"loss": "loss", "reconstruction": "reconstruction", "divergence": "divergence"}
    }
    use = "a photo's face: python encode.py photo.jpg --encoder vae --run "

    def __init__(self, options: Any, faces: Any, run: Path, targets: Targets):
        """See training.task.Task."""
        self.options, self.run, self.faces = options, run, faces
        self.generator = open_frozen(options, run)
        self.player = build.build_vae(options, self.generator.latent)
        self.order = Order(len(faces), options.batch_size, options.seed)
        self.networks = {"encoder": self.player.encoder, "decoder": self.player.decoder}

    def begin(self, new: bool) -> None:
        """Copy what belongs to the generator into a new run."""
        announce(self.generator, self.options, new)
        if new:
            keep_beside(self.generator, self.run)

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """Nothing: the losses tell enough."""
        return {}

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Nothing is known to go wrong."""
        return None

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed: (step, real), a function of (seed, step)."""
        return np.int32(step), images.to_network(self.faces[self.order.indices(step)])

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        return {runs.ENCODERS["vae"]: self.player.encoder, runs.GENERATOR: self.generator.network.keras}

    def sample(self) -> np.ndarray:
        """A row of faces, a row of the same faces as the VAE draws them, and two rows that it draws of N(0, I)."""
        latent = self.generator.latent
        pixels = self.faces[np.arange(COLUMNS) * len(self.faces) // COLUMNS]
        means = in_batches(self.player.encoder, images.to_network(pixels))[:, :latent]
        z = np.concatenate([means, latents.from_seeds(range(2 * COLUMNS), latent)])
        drawn = draw(functools.partial(in_batches, self.player.decoder), z)
        small = np.stack([images.to_array(images.to_image(face), drawn.shape[1], 1) for face in pixels])
        return images.grid(np.concatenate([small, drawn]), columns=COLUMNS)
