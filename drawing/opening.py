"""Open trained networks: a run folder, a .keras file, or nothing at all -> networks that are ready to be used.

Files come from anywhere, so nothing in them is trusted: models/saved.py refuses what is more than numbers.
"""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animefaces import runs
from animefaces.problems import Problem
from drawing.generator import Generator
from models import saved

if TYPE_CHECKING:
    import keras


def open_generator(run: Path | None = None) -> Generator:
    """A run folder, a .keras file, or None for the newest run or the shipped weights -> its generator.

    A run's best generator is taken, if the run has been measured, else its last one. Raises Problem.
    """
    file = runs.find_generator(run)
    network = opened(file, "generator")
    if len(network.input_shape) != 2 or len(network.output_shape) != 4 or network.output_shape[-1] not in (1, 3):
        raise Problem(f"{file} does not turn z into pictures: name a run folder of train.py gan")
    return Generator(network, file)


def open_encoder(kind: str, run: Path | None = None) -> tuple["keras.Model", Generator]:
    """ "learned" or "vae", and a run as for `open_generator` -> (encoder, its generator). Raises Problem.

    The encoder: pictures (B, H, W, C) in [-1, 1] -> (B, 2 * latent), means and then log-variances of z.
    """
    file, beside = runs.find_encoder(kind, run)
    generator = open_generator(beside)
    encoder = opened(file, "encoder")
    shape, outputs = encoder.input_shape, (None, 2 * generator.latent)
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] not in (1, 3) or encoder.output_shape != outputs:
        raise Problem(
            f"{file} is no encoder for {generator.file}: train it on that generator, with python train.py {file.stem}"
        )
    return encoder, generator


def open_discriminator(generator: Path) -> "keras.Model":
    """The file of a generator -> the discriminator beside it: pictures -> logits (B, 1). Raises Problem."""
    file = generator.with_name(runs.DISCRIMINATOR)
    if not file.exists():
        raise Problem(f"{file} does not exist: train the run for one more step, or name a run that has it with --run")
    network = opened(file, "discriminator")
    if len(network.input_shape) != 4 or len(network.output_shape) != 2:
        raise Problem(f"{file} does not judge pictures: train it again")
    return network


def opened(file: Path, noun: str) -> "keras.Model":
    """A .keras file -> its network. Raises Problem if it is not to be trusted; `noun` says what it should be."""
    try:
        return saved.load(file)
    except ValueError as fault:
        raise Problem(
            f"{file} cannot be opened as a trusted {noun} ({fault}): train it again, or name another run"
        ) from fault


def read_moments(run: Path) -> dict[str, np.ndarray]:
    """A run folder -> the moments beside its learned encoder, as models.encoder.Encoding takes them. Raises Problem."""
    try:
        with np.load(run / runs.MOMENTS, allow_pickle=False) as file:
            moments = {name: np.asarray(file[name], np.float32) for name in ("photo", "drawn")}
        if any(m.ndim != 2 or len(m) != 2 or not np.isfinite(m).all() for m in moments.values()):
            raise ValueError("other shapes")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as fault:
        raise Problem(
            f"{run / runs.MOMENTS} cannot be read ({fault}): restore it from a copy, or train the encoder again"
        ) from fault
    return moments


def told(generator: Generator, asked: Path | None, flag: str = "--run") -> None:
    """Say in one line which network is used, and how to name another. `asked`: what the flag says, or None."""
    file, shipped = generator.file, generator.file.parent == runs.PRETRAINED
    words = str(file.relative_to(runs.PROJECT)) if shipped and runs.PROJECT in file.parents else str(file)
    if asked is None:
        words += f", {'the shipped weights' if shipped else 'the newest run'} (name another one with {flag})"
    print(f"network    {words}")
