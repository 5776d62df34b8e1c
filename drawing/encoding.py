"""From crops of photos to the z whose faces are like them."""

from collections.abc import Iterator

import numpy as np

from animefaces import latents
from animefaces.images import to_network
from animefaces.problems import Problem
from animefaces.progress import Bar
from drawing.generator import Generator
from drawing.networks import ROWS, Network


def posteriors(encoder: Network, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Crops, uint8 (N, H, W, C), as the encoder takes them -> means and standard deviations of z, (N, latent) each."""
    mean, log_variance = np.split(encoder(to_network(crops)), 2, axis=1)
    return mean, np.exp(log_variance / 2)


def refined(
    generator: Generator, moments: dict, crops: np.ndarray, mean: np.ndarray, steps: int
) -> Iterator[np.ndarray]:
    """Crops and the encoder's means -> z after `steps` steps of descent, with a progress bar.

    It comes in parts (n, latent), each as soon as it is done. `moments`: as drawing.opening.read_moments gives them.
    """
    network = generator.network.keras  # refining goes along its gradients
    from models import refine

    batches = -(-len(crops) // ROWS)
    with Bar(total=steps * batches, desc="refining", unit="step") as bar:
        yield from refine.refined(network, moments, to_network(crops), mean, steps, bar.update)


def with_variants(mean: np.ndarray, deviation: np.ndarray, variants: int, seed: int) -> np.ndarray:
    """Means and deviations (N, latent) -> z, float32 (N, 1 + variants, latent): the mean first, then draws around it.

    The variants differ from the means in the same way for every face, so that a face has the same variants whatever
    other photos are encoded with it. Raises Problem if a number is not finite.
    """
    latent = mean.shape[1]
    noise = latents.from_seeds(range(seed, seed + variants), latent)
    noise = np.concatenate([np.zeros((1, latent), np.float32), noise])
    z = mean[:, None] + deviation[:, None] * noise
    if not np.isfinite(z).all():
        raise Problem("the encoder gives numbers that are not finite: train it again, or name another run")
    return z.astype(np.float32)
