"""What all tries start from: drawn faces, and trainings of tiny networks that nothing disturbed."""

import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.forked import Program, each_change, fork
from tests.corpus.case import look_at, must
from tests.corpus.try_all import workplace

SIZE, STEPS, HALF = 16, 12, 7
TINY = ["--size", SIZE, "--latent", "8", "--batch-size", "4", "--generator-widths", "16,8", "--discriminator-widths",
        "8,16", "--precision", "float32", "--sample-every", "4", "--log-every", "3"]  # fmt: skip
# The second one has all that draws by chance or remembers.
RECIPES = [
    ["--recipe", "tutorial", "--warm-up", "0"],
    ["--recipe", "pooled", "--warm-up", "4", "--augment", "translation", "mirror", "cutout", "--flip-every", "3",
     "--real-label", "0.7,1.2", "--fake-label", "0,0.3"],
]  # fmt: skip
OFTEN = ["--save-minutes", "0"]  # after each step


@dataclass(frozen=True)
class Training:
    """A training that nothing disturbed."""

    words: list[str]  # its command line, without --run
    run: Path
    half: Path  # a copy of its run folder after some steps
    changes: int  # changes of files that it made, with OFTEN
    seconds: float


class Ground:
    """A folder with faces, and what is made of them when it is first asked for. Nothing in it is to be changed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.faces = self.folder / "faces"
        self._trainings: dict[tuple[int, int], Training] = {}
        from animefaces import images
        from demo import cartoons

        for seed in range(12):
            images.save(self.faces / f"{seed:02d}.png", cartoons.draw(seed, SIZE))

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def training(self, rng: np.random.Generator) -> Training:
        """One of the trainings, at random: a recipe and a seed."""
        chosen = int(rng.integers(len(RECIPES))), int(rng.integers(2))
        if chosen not in self._trainings:
            self._trainings[chosen] = self._trained(*chosen)
        return self._trainings[chosen]

    def _trained(self, recipe, seed):
        words = ["--data", self.faces, "--cache", self.folder / "cache", *TINY, *RECIPES[recipe], "--seed", seed]
        words, folder = [str(word) for word in words], self.folder / f"{recipe}-{seed}"
        with workplace():
            tally, start = self.folder / "tally", time.monotonic()
            counted = each_change(lambda number, event, args: os.write(file, b"."))
            file = os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            _done(Program("train", *words, *OFTEN, "--steps", STEPS, "--run", "run", before=counted))
            os.close(file)
            seconds = time.monotonic() - start
            _done(Program("train", *words, *OFTEN, "--steps", HALF, "--run", "half"))
            for name in ("run", "half"):
                shutil.copytree(name, folder / name)
        words += ["--steps", str(STEPS)]
        return Training(words, folder / "run", folder / "half", tally.stat().st_size, seconds)

    @functools.cached_property
    def trained(self) -> Path:
        """The run folder of one of the trainings."""
        return self.training(np.random.default_rng(0)).run

    @functools.cached_property
    def probe(self) -> Path:
        """A run folder with an encoder and its generator."""
        from tests.corpus import made

        self.apart(lambda: shutil.copytree(made.probe(), self.folder / "probe"))
        return self.folder / "probe"

    def apart(self, work: Callable[[], object]) -> None:
        """Do something in a forked process, because it starts threads."""
        said = self.folder / "apart"
        _, status = os.waitpid(fork(lambda: int(work() is None), said, said), 0)
        must(status == 0, f"the ground cannot be prepared: {said.read_text(errors='replace')}")


def _done(program):
    done = look_at(program.ended())
    must(done.code == 0, "a training that nothing disturbed fails", done)
