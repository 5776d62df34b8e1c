"""Train a GAN on faces. You can stop it at any time: the same command continues the training.

    python train.py                                    # data/faces, with the recipe for a computer without a GPU;
                                                       # the same command continues a training that was stopped
    python train.py --data faces.zip more/ --minutes 30
    python train.py --recipe paper --run results/night # a run folder of your choice
    python train.py --run results/night                # continue this run
    python train.py --init-from results/00001-noisy --data second_set.zip
    python train.py --data mnist.npz --recipe mnist
    python train.py --check                            # do not train: is there a GPU, and how long will it take?

The run folder is results/NNNNN-RECIPE/, or the one that --run names. It holds sample grids, curves, TensorBoard
events, the generator for generate.py, and the saved states from which the training continues.
"""

import dataclasses
import math
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from animefaces.commands import Command, run_commands
from animefaces.files import check_input, written_whole
from animefaces.problems import Misuse, Problem
from animefaces.words import counted
from recipes import NETWORKS, RECIPES, Options, started

if TYPE_CHECKING:
    from animefaces.progress import Bar
    from animefaces.states import Progress
    from training.task import Task

MAX_ROLLBACKS = 3  # in a row, near one step
SPARE = 1.5  # room for the networks and the sample beside a state, as a multiple of its size


def label_targets(options: Options, epoch: int, rng: Any) -> tuple[Any, Any]:
    """The discriminator's labels for one batch: (real, fake), each (B, 1) float32, uniform in their ranges.

    In every `flip_every`-th epoch the two are swapped. Only the discriminator is told these labels: the generator's
    label is always exactly 1.
    """
    shape = (options.batch_size, 1)
    real = rng.uniform(*options.real_label, shape).astype("float32")
    fake = rng.uniform(*options.fake_label, shape).astype("float32")
    if options.flip_every and (epoch + 1) % options.flip_every == 0:
        return fake, real
    return real, fake


def train(options: Options, given: set[str]) -> None:
    """Train, or go on training, until --steps or --minutes are reached."""
    from animefaces import resuming, states
    from animefaces.states import Progress
    from training.choosing import validate
    from training.machines import companions

    options, given = started(options, given)
    widths = RECIPES[options.recipe].widths_for(options.size)
    options = replace(options, **{name: value for name, value in widths.items() if name not in given})
    named, options = options.run, resuming.resolved(options, given)
    validate(options, given)
    if options.check:
        from training.check import check

        check(options, label_targets)
        return
    place, machines = companions(options)
    faces = None
    if named is None:
        faces = opened(options)
        choice = resuming.taken(options, given, faces.fingerprint)
    else:  # of several machines, only the first one writes to the run folder
        choice = resuming.followed(named) if place else resuming.locked(named)
    with choice as run:
        if named is None:
            options = resuming.resolved(replace(options, run=run), given)
        state = states.load(run, arrays=False)
        progress = Progress.of(state[1]) if state else Progress()
        if state and progress.share(options) == 1:
            took = f"{counted(progress.step, 'step')}, {progress.seconds / 60:.1f} minutes"
            print(f"{options.run} is finished: {took}.")
            if not place and not (run / "curves.png").exists():  # it was killed after its last save
                from training.task import task_of

                draw_curves(run, task_of(options.network).curves)
            typed = shlex.quote(str(options.run))
            print(f"To continue, raise --steps or --minutes; to see faces: python generate.py --run {typed}")
            return
        if machines > 1:
            print(f"machines   {place + 1} of {machines}: waiting for the others")
        found = named is None and (run / "options.json").exists()
        begin(options, given, faces or opened(options), run, progress, new=not state, found=found)


def opened(options: Options) -> Any:
    """The pictures that --data names."""
    from animefaces import runs
    from animefaces.dataset import open_faces

    if options.data == (runs.FACES,) and not runs.gathered():
        raise Problem(f"there are no faces in {runs.FACES} yet: gather some with python preprocess.py, or name your "
                      "pictures with --data")  # fmt: skip
    for path in options.data:
        check_input(path, "--data")
    return open_faces(options.data, options.size, options.channels, options.cache)


def begin(
    options: Options, given: set[str], faces: Any, run: Path, progress: "Progress", *, new: bool, found: bool
) -> None:
    """Build the networks, restore their state if the run is not `new`, and train them.

    `found`: the user did not name the run.
    """
    from animefaces import hardware, resuming
    from models import engine
    from training import announce, choosing, machines
    from training.task import task_of

    with machines.gone(), engine.faults():
        engine.join(*hardware.machines())
        asked, (options, lines) = options, choosing.settled(options, given, faces, run, label_targets)
        task = task_of(options.network)(options, faces, run, label_targets)  # first: the options may not fit
        if options.batch_size % engine.device_count():
            raise Misuse(f"--batch-size {options.batch_size} cannot be shared among {engine.device_count()} "
                         f"devices: give a multiple of {engine.device_count()}")  # fmt: skip
        resuming.keep_record(run, asked, options, faces)
        announce.announce(options, faces, progress, found, lines)
        try:
            task.begin(new)
        except Problem:
            if new:  # a run that could not begin leaves no options that the corrected command would have to repeat
                (run / "options.json").unlink()
            raise
        if not new:
            progress = _restore(task.player, run)
        print("networks   " + ", ".join(f"{n} {_parameters(network)}" for n, network in task.networks.items()))
        announce.check_disk(task, options, run)
        progress.options = resuming.kept(options, progress.options)
        machines.agreed(progress.step, faces.fingerprint)
        Training(task, options, run, progress).go_on()


def _parameters(network: Any) -> str:
    return f"{sum(math.prod(v.shape) for v in network.trainable_variables):,} parameters"


def _restore(player: Any, run: Path) -> "Progress":
    from animefaces import runs, states
    from animefaces.states import Progress

    arrays, record, damaged = cast(tuple, states.load(run))  # there is one: begin() has seen it
    for name in damaged:
        print(f"warning: {run}/state/{name} is damaged: continuing from step {record['step']:,}", file=sys.stderr)
    with runs.fitting(run):
        player.state.restore(arrays)
    return Progress.of(record)


class Training:
    """The loop around the steps: batches, figures, samples, states, and what to do when something goes wrong."""

    def __init__(self, task: "Task", options: Options, run: Path, progress: "Progress"):
        from animefaces import logs
        from training import check

        self.task, self.player, self.options, self.run, self.progress = task, task.player, options, run, progress
        self.log = logs.Log(run, progress.step)
        self.saved_at, self.saved_step = progress.seconds, progress.step
        self.at_once = check.steps_per_call(options)
        self.warned: str | None = None
        self.prepared = False  # the first step, which is compiled
        self.told = False  # to stop

    def go_on(self) -> None:
        """Train to the end, or until a signal to stop, which saves first."""
        from animefaces import progress, signals

        done, run = self.progress.share(self.options), self.options.run
        typed = shlex.quote(str(run))  # to be copied into a command
        try:
            with signals.stop_signals() as stopping, progress.Bar(total=1, initial=done, desc="training") as bar:
                self.to_the_end(bar, stopping)
        except KeyboardInterrupt:
            raise Problem(f"stopped at once: python train.py --run {typed} continues from step {self.saved_step:,}, "
                          "which was saved") from None  # fmt: skip
        if self.stopped:
            raise Problem(f"stopped at step {self.progress.step:,}: python train.py --run {typed} continues")
        print(f"done: {counted(self.progress.step, 'step')} in {self.progress.seconds / 60:.1f} minutes.")
        print(f"See samples/, curves.png and progress.gif in {run}; {self.task.use}{typed}")

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop before the end. A signal during the last steps changes nothing."""
        return self.told and self.progress.share(self.options) < 1

    def to_the_end(self, bar: "Bar", stopping: list[int]) -> None:
        """Make all steps, save, and draw the curves."""
        # A state to go back to. And if the disk is full, that shows now, not in five minutes.
        if self.progress.step == 0 and not self.save():
            raise Problem("the weights to start with are not finite: name another run with --init-from")
        bar.note("preparing the first step, up to a minute")
        while True:
            while self.progress.share(self.options) < 1 and not self.told:
                self.run_until_trouble(bar, stopping)
            if not self.stopped:
                self.last_verdict()
            if self.save():
                break
            self.roll_back(bar)
        bar.note("drawing curves.png and progress.gif")
        draw_curves(self.run, self.task.curves)

    def run_until_trouble(self, bar: "Bar", stopping: list[int]) -> None:
        """Make steps until the training is done, is told to stop, or has rolled back."""
        from animefaces import signals
        from animefaces.batches import prefetched

        with prefetched(self.make_call, self.calls()) as batches, signals.stopwatch() as lap:
            while self.progress.share(self.options) < 1 and not self.told:
                asked = time.perf_counter()
                count, inputs = next(batches)
                waited = time.perf_counter() - asked
                figures = self.player.steps(*inputs)
                if not all(math.isfinite(x) for values in figures.values() for x in values):
                    self.roll_back(bar)
                    return
                self.progress.step += count
                self.progress.seconds += lap()
                self.progress.window.setdefault("waiting", []).extend([waited / count] * count)
                for name, values in figures.items():
                    self.progress.window.setdefault(name, []).extend(map(float, values))
                if not self.prepared:
                    self.prepared = True
                    bar.note("")
                every = self.options.log_every
                if self.progress.step // every > (self.progress.step - count) // every:
                    for name, value in self.task.measure(self.progress).items():
                        self.progress.window[name] = [value]
                    self.note(bar)
                if self.progress.step % self.options.sample_every == 0:
                    self.sample()
                self.agree(stopping)
                bar.update(self.progress.share(self.options) - bar.n)
                due = self.progress.seconds - self.saved_at >= self.options.save_minutes * 60
                if due and not self.save():
                    self.roll_back(bar)
                    return

    def last_verdict(self) -> None:
        """Measure the last networks of a training. The figures are a log entry of their own.

        Those of the steps since the last entry stay in the window: if the run goes on, its log is that of one training.
        """
        if figures := self.task.measure(self.progress, last=True):
            step, seconds = self.progress.step, round(self.progress.seconds, 3)
            figures = {name: round(value, 5) for name, value in figures.items()}
            self.log.add({"step": step, "epoch": self.task.order.epoch(step), "seconds": seconds, **figures})

    def agree(self, stopping: list[int]) -> None:
        """All machines use the clock of the slowest one, and all stop when one is told to stop."""
        from models import engine

        progress = self.progress
        mine = [progress.seconds, progress.judging, bool(stopping)]
        progress.seconds, progress.judging, told = engine.of_machines(mine).max(axis=0).tolist()
        self.told = bool(told)

    def calls(self) -> Iterator[tuple[int, int]]:
        """(first step, number of steps) of each compiled call from now on.

        A call ends at multiples of `at_once`, wherever the training goes on, so the log has entries at the same steps.
        It also ends at a step that has samples.
        """
        step, options = self.progress.step, self.options
        while step < options.steps:
            stop = min(options.steps, *((step // n + 1) * n for n in (self.at_once, options.sample_every)))
            yield step, stop - step
            step = stop

    def make_call(self, call: tuple[int, int]) -> tuple[int, list[Any]]:
        """(first step, number) -> (number, inputs with that number as their leading axis)."""
        from animefaces.batches import stacked

        step, count = call
        return count, stacked(self.task.batch, step, count)

    def note(self, bar: "Bar") -> None:
        """Log the means of the figures since the last note, show them, and warn if the training has gone wrong."""

        window, self.progress.window = self.progress.window, {}
        step, seconds = self.progress.step, round(self.progress.seconds, 3)
        count = len(window["waiting"])
        before = [entry["seconds"] for entry in self.log.entries if "images_per_second" in entry]
        since = seconds - (before[-1] if before else 0)
        means = {name: round(sum(values) / len(values), 5) for name, values in window.items() if name != "waiting"}
        speed = {"images_per_second": round(count * self.options.batch_size / max(since, 1e-9), 2),
                 "waiting": round(sum(window["waiting"]) / max(since, 1e-9), 5)}  # fmt: skip
        self.log.add({"step": step, "epoch": self.task.order.epoch(step), "seconds": seconds, **means, **speed})
        losses = ", ".join(f"{label} {means[name]:.3f}" for name, label in self.task.shown.items() if name in means)
        bar.note(f"step {step:,}, {speed['images_per_second']:.0f} img/s, {losses}")
        trouble = self.task.trouble(self.log.entries)
        if trouble and trouble != self.warned:
            bar.write(f"warning: step {step:,}: {trouble}", file=sys.stderr)
        self.warned = trouble

    def sample(self) -> None:
        """Write the sample grid. A GPU waits meanwhile, so nothing else is written at each of these steps."""
        from animefaces import samples

        pixels, step = self.task.sample(), self.progress.step
        samples.write(self.run, pixels, step)
        self.log.picture("samples", samples.small(pixels), step)

    def save(self) -> bool:
        """Write the networks, then the state. If a weight is not finite, nothing is written, and it returns False."""
        import numpy as np

        from animefaces import states
        from models import saved

        arrays = self.player.state.arrays(self.progress.step)
        if not all(np.isfinite(a).all() for a in arrays.values()):
            return False
        if self.crowded(sum(array.nbytes for array in arrays.values())):
            return True
        self.sample()
        for name, network in self.task.files().items():
            with written_whole(self.run / name) as temporary:
                saved.save(network, temporary)
        if self.progress.step > self.progress.trouble:
            self.progress.rollbacks = 0
        states.save(self.run, arrays, dataclasses.asdict(self.progress), self.options.keep)
        self.saved_at, self.saved_step = self.progress.seconds, self.progress.step
        return True

    def crowded(self, size: int) -> bool:
        """Whether there is no room on the disk for a state of that many bytes, and the training can go on without it.

        Then it says so. The first and the last state are tried in any case.
        """
        from training.announce import megabytes

        step = self.progress.step
        if step == 0 or self.told or self.progress.share(self.options) == 1:
            return False
        free = shutil.disk_usage(self.run).free
        if free > SPARE * size:
            return False
        self.saved_at = self.progress.seconds  # the next try is as far away as the next save
        print(f"warning: step {step:,} is not saved, because the disk of {self.options.run} has only {megabytes(free)} "
              "free: free some space; the training continues", file=sys.stderr)  # fmt: skip
        return True

    def roll_back(self, bar: "Bar") -> None:
        """After a loss or a weight that is not finite: go back to the last state, with half the learning rates."""
        from animefaces import states

        trouble, seconds = self.progress.step, self.progress.seconds
        rollbacks = self.progress.rollbacks + 1
        if rollbacks > MAX_ROLLBACKS:
            raise Problem(
                f"the loss or a weight was not finite {rollbacks} times near step {trouble:,}: "
                "start a new run with a lower --learning-rate"
            )
        self.progress = _restore(self.player, self.run)
        self.progress.rollbacks, self.progress.trouble, self.progress.seconds = rollbacks, trouble, seconds
        self.player.state.scale_learning_rates(0.5)
        arrays = self.player.state.arrays(self.progress.step)
        states.save(self.run, arrays, dataclasses.asdict(self.progress), self.options.keep)
        self.log.rewind(self.progress.step)
        back = f"back to step {self.progress.step:,} with half the learning rates"
        bar.write(f"warning: the loss or a weight at step {trouble:,} is not finite: {back}", file=sys.stderr)


def draw_curves(run: Path, curves: Mapping[str, Mapping[str, str]]) -> None:
    """Draw the curves of a run, as its Task says which, and make the film of its samples."""
    from animefaces import logs, plots, samples

    samples.film(run)
    plots.curves(run / "curves.png", logs.read(run), curves)


def commands() -> Iterator[Command]:
    """A command for each network that train.py can train, with the recipes for it."""
    for name, words in NETWORKS.items():
        recipes = {key: recipe for key, recipe in RECIPES.items() if recipe.network == name}
        yield Command(Options, train, described(name, words), name, recipes, {"network": name})


def described(name: str, words: str) -> str:
    """The text at the beginning of a command's --help. The first command's is also the program's."""
    if name != next(iter(NETWORKS)):
        return f"Train {words}."
    listed = "\n".join(f"    {key:<8} {text}" for key, text in NETWORKS.items())
    return f"{__doc__}\ncommands (python train.py COMMAND --help shows the options of each):\n{listed}"


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_commands(list(commands()), argv)


if __name__ == "__main__":
    sys.exit(main())
