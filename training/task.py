"""What train.py asks of a thing that it trains. Each module in training/ that is named like a network has one.

To add a network: models/NAME.py has its networks and its training step, training/NAME.py a class `Task` with what
stands here, and recipes.py a line in NETWORKS and a recipe.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from animefaces.batches import Order

# (options, epoch, random numbers) -> the discriminator's labels for one batch, (real, fake): see train.label_targets.
Targets = Callable[[Any, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


class State(Protocol):
    """All that training changes: networks and optimizers (models.state.State)."""

    def arrays(self, step: int = 0) -> dict[str, np.ndarray]:
        """Everything that training still needs after `step` steps, by name."""

    def nbytes(self, step: int = 0) -> int:
        """The bytes of `arrays(step)`, without making them."""

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The inverse of `arrays`. Raises ValueError, before anything is changed, if they are of other networks."""

    def scale_learning_rates(self, factor: float) -> None:
        """Multiply the learning rate of every optimizer."""


class Player(Protocol):
    """Networks in training (models.gan.GAN, models.vae.VAE, models.encoder.Encoding)."""

    state: State

    def steps(self, step: np.ndarray, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """One step for each entry of the inputs' leading axis -> the figures of each step, float32 (K,) by name."""


class Task(Protocol):
    """Something to train, on pictures, with its figures and files."""

    many_machines: ClassVar[bool]  # whether several machines can train it together
    trial: ClassVar[bool]  # whether it is worth trying which precision is faster
    shown: ClassVar[Mapping[str, str]]  # figures beside the progress bar -> their words
    curves: ClassVar[Mapping[str, Mapping[str, str]]]  # curves.png: label of an axis -> figures on it -> their words
    use: str  # what to do with the trained run, which is named after it
    player: Player
    networks: Mapping[str, Any]  # what is said of each when training begins: its number of parameters
    order: Order

    def __init__(self, options: Any, faces: Any, run: Path | None, targets: Targets):
        """Build the networks. Raises Misuse if the options do not fit together."""

    def begin(self, new: bool) -> None:
        """Before the first step; `new` unless the run goes on."""

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed, numbers and arrays: a function of (seed, step) alone."""

    def sample(self) -> np.ndarray:
        """What the networks draw now, always of the same z or pictures: one grid, uint8 (H, W, C)."""

    def files(self) -> Mapping[str, Any]:
        """What is written beside each saved state: file name -> network."""

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """Figures for the log, if it is time for them or if the training ends; else nothing."""

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Log entries -> what has gone wrong in the training and what to do, in words, or None."""


def task_of(network: str) -> type[Task]:
    """The name of a network -> its Task: the class of this name in the module of that name."""
    return importlib.import_module(f"training.{network}").Task
