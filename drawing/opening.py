"""Open trained networks: a run folder, a .keras file, or nothing at all -> networks that are ready to be used.

Files come from anywhere, so nothing in them is trusted: models/contents.py refuses what is more than numbers.
"""

import sys
from pathlib import Path

import numpy as np

from animefaces import marks, npz, runs
from animefaces.problems import Misuse, Problem
from drawing.generator import Generator
from drawing.networks import Network


def open_generator(run: Path | None = None, *files: Path | None) -> Generator:
    """A run folder, a .keras file, or None for the newest run or the shipped weights -> its generator.

    A run's best generator is taken, if the run has been measured, else its last one. With `files` of latents or
    directions, it is the generator that they are for; Misuse if `run` is another one. Raises Problem.
    """
    named = [path for path in files if path]
    marked = [(path, mark) for path in named if (mark := marks.read(path))]
    if marked:
        file, why = _meant(run, marked), f", which {marked[0][0]} is for"
    else:
        file = runs.find_generator(run)
        why = _by_default(run, file)
    mark = marks.of(file)  # before the network is read: a training may replace the file at any time
    network = opened(file, "generator")
    if len(network.input_shape) != 2 or len(network.output_shape) != 4 or network.output_shape[-1] not in (1, 3):
        raise Problem(f"{file} does not turn z into pictures: name a run folder of train.py gan")
    generator = Generator(network, file, mark, why)
    unmarked = [path for path in named if path not in dict(marked)]
    generator.doubts += [f"{path} does not say which generator it is for: look whether the faces are right"
                         for path in unmarked]  # fmt: skip
    return generator


def _meant(run: Path | None, marked: list[tuple[Path, marks.Mark]]) -> Path:
    """--run, and marked files -> the file of the generator that they are for. Raises Problem and Misuse."""
    (first, mark), *others = marked
    if run:
        runs.find_generator(run)  # raises Problem if there is none at all
    file = marks.find(mark, run)
    if file is None and run:
        raise Misuse(f"{first} is for another generator than {run}, for that of {mark.run}: leave out --run, "
                     "or write the file again with this run")  # fmt: skip
    if file is None:
        raise Problem(f"{first} is for a generator of {mark.run} that is not in {runs.RESULTS}/: "
                      "name its folder with --run, or write the file again")  # fmt: skip
    for other, wanted in others:
        if wanted.weights != mark.weights:
            raise Misuse(f"{first} is for the generator of {mark.run} and {other} for that of {wanted.run}: "
                         "give files of one generator")  # fmt: skip
    return file


def _by_default(run: Path | None, file: Path) -> str:
    """--run, and the generator that was taken -> words for it if the program chose it, else ""."""
    if run is not None:
        return ""
    shipped = file.parent == runs.PRETRAINED
    return f", {'the shipped weights' if shipped else 'the newest run'} (name another one with --run)"


def open_encoder(kind: str, run: Path | None = None) -> tuple[Network, Generator]:
    """ "learned" or "vae", and a run as for `open_generator` -> (encoder, its generator). Raises Problem.

    The encoder: pictures (B, H, W, C) in [-1, 1] -> (B, 2 * latent), means and then log-variances of z.
    """
    file, beside = runs.find_encoder(kind, run)
    generator = open_generator(beside)
    generator.why = _by_default(run, beside)
    encoder = opened(file, "encoder")
    shape, outputs = encoder.input_shape, (None, 2 * generator.latent)
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] not in (1, 3) or encoder.output_shape != outputs:
        raise Problem(
            f"{file} is no encoder for {generator.file}: train it on that generator, with python train.py {file.stem}"
        )
    return encoder, generator


def open_discriminator(generator: Generator) -> Network:
    """A generator -> the discriminator beside it: its pictures -> logits (B, places). Raises Problem."""
    file = generator.file.with_name(runs.DISCRIMINATOR)
    if not file.exists():
        raise Problem(f"{file} does not exist: train the run for one more step, or name a run that has it with --run")
    network = opened(file, "discriminator")
    if network.input_shape[1:] != generator.shape or len(network.output_shape) != 2:
        raise Problem(f"{file} does not judge pictures of its generator: train it again")
    return network


def opened(file: Path, noun: str, remedy: str = "train it again, or name another run", threads: int = 0) -> Network:
    """A .keras file -> its network. Raises Problem if it is not to be trusted; `noun` says what it should be.

    A file that cannot be read at all is another fault: it raises OSError. `threads`: as in drawing/networks.py.
    """
    try:
        return Network(file, threads)
    except ValueError as fault:
        raise Problem(f"{file} cannot be opened as a trusted {noun} ({fault}): {remedy}") from fault


def read_moments(run: Path) -> dict[str, np.ndarray]:
    """A run folder -> the moments beside its learned encoder, as models.encoder.Encoding takes them. Raises Problem."""
    try:
        arrays = npz.read(run / runs.MOMENTS, "photo", "drawn")
        moments = {name: np.asarray(a, np.float32) for name, a in zip(("photo", "drawn"), arrays, strict=True)}
        if any(m.ndim != 2 or len(m) != 2 or not np.isfinite(m).all() for m in moments.values()):
            raise ValueError("other shapes")
    except (OSError, ValueError, TypeError) as fault:
        raise Problem(
            f"{run / runs.MOMENTS} cannot be read ({fault}): restore it from a copy, or train the encoder again"
        ) from fault
    return moments


def told(generator: Generator) -> None:
    """Say in one line which network is used, and how to name another; and what is doubtful, in a line each."""
    file = generator.file
    shipped = file.parent == runs.PRETRAINED and runs.PROJECT in file.parents
    print(f"network    {file.relative_to(runs.PROJECT) if shipped else file}{generator.why}")
    for doubt in generator.doubts:
        print(f"warning: {doubt}", file=sys.stderr)
