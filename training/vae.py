"""The dense VAE on faces: the first way from a photo to z."""

from typing import ClassVar

import numpy as np

from animefaces import images, latents, runs
from animefaces.batches import Order
from models import build, saved
from training.frozen import keep_beside, open_frozen

COLUMNS = 16  # faces in a row of a sample


class VaeTask:
    """The dense VAE on faces, its latent size that of a generator, which it is fed to."""

    shown: ClassVar = {"loss": "loss"}
    curves: ClassVar = {
        "nats per face": {"loss": "loss", "reconstruction": "reconstruction", "divergence": "divergence"}
    }
    use = "a photo's face: python encode.py photo.jpg --encoder vae --run "

    def __init__(self, options, faces, run):
        self.options, self.run, self.faces = options, run, faces
        self.generator, self.source = open_frozen(options, run)
        self.player = build.build_vae(options, self.generator.input_shape[1])
        self.order = Order(len(faces), options.batch_size, options.seed)
        self.networks = {"encoder": self.player.encoder, "decoder": self.player.decoder}

    def begin(self, new):
        """Keep with the run what is about its generator."""
        print(f"generator  of {self.source}")
        if new:
            keep_beside(self.source, self.run)

    def measure(self, progress, last=False):
        """The losses tell enough."""

    def batch(self, step):
        """What one step is fed: (step, real), a function of (seed, step)."""
        return np.int32(step), images.to_network(self.faces[self.order.indices(step)])

    def files(self):
        """What is written beside each saved state: file name -> network."""
        return {runs.ENCODERS["vae"]: self.player.encoder, runs.GENERATOR: self.generator}

    def sample(self):
        """A row of faces, a row of what the VAE gives back of each, and two rows that it draws of N(0, I)."""
        latent = self.generator.input_shape[1]
        pixels = self.faces[np.arange(COLUMNS) * len(self.faces) // COLUMNS]
        means = saved.draw(self.player.encoder, images.to_network(pixels))[:, :latent]
        z = np.concatenate([means, latents.from_seeds(range(2 * COLUMNS), latent)])
        drawn = images.to_pixels(saved.draw(self.player.decoder, z))
        small = np.stack([images.to_array(images.to_image(face), drawn.shape[1], 1) for face in pixels])
        return images.grid(np.concatenate([small, drawn]), columns=COLUMNS)
