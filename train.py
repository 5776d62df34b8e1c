"""Train a GAN on faces. Stop it as you like: the same command goes on where it stopped.

    python train.py                                    # data/faces, the recipe for a computer without a GPU
    python train.py --data faces.zip more/ --minutes 30
    python train.py --recipe paper --run results/night # again with the same --run: go on
    python train.py --init-from results/00001-noisy --data second_set.zip
    python train.py --data mnist.npz --recipe mnist
    python train.py --check                            # is the GPU seen, and how long will it take?

A run folder, results/NNNNN-recipe/ unless --run names it, takes sample grids, curves, TensorBoard events,
the generator for generate.py, and the state to go on from.
"""

import dataclasses
import math
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from animefaces.options import (
    Misuse,
    Problem,
    above,
    at_least,
    option,
    run_script,
    span,
    stop_signals,
    to_record,
    within,
)

ARCHITECTURES = ("strided", "pooled", "residual")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
AUGMENTATIONS = ("none", "translation", "mirror", "cutout")
# The options that mean something to these networks; to gan all do but `labels`.
ENCODING = {"network", "recipe", "run", "data", "cache", "init_from", "steps", "minutes", "batch_size", "seed", "size",
            "channels", "learning_rate", "beta1", "beta2", "precision", "save_minutes", "log_every", "sample_every",
            "steps_per_call"}  # fmt: skip
USED = {"vae": ENCODING, "encoder": ENCODING | {"labels", "average"}}
ADJUSTABLE = {"run", "data", "cache", "steps", "minutes", "save_minutes", "log_every", "sample_every", "steps_per_call"}
MAX_ROLLBACKS = 3


@dataclass(frozen=True)
class Options:
    """Everything needed to repeat a run. Saved beside its results as options.json."""

    network: str = option("gan", "what to train", choices=("gan", "vae", "encoder"), positional=True)
    data: tuple[Path, ...] = option((Path("data/faces"),), "folders, zips, npz files or pictures")
    recipe: str = option("modern", "which system of networks, labels and settings")
    run: Path | None = option(None, "run folder; one that exists goes on (default: the next results/NNNNN-recipe)")
    init_from: Path | None = option(None, "start with the networks of this run, or the generator of this file; "
                                    "vae, encoder: whose z (default: the newest run, else shipped ones)")  # fmt: skip
    labels: Path | None = option(None, "encoder: a table with columns file, age, male, of any of the photos")
    steps: int = option(50_000, "training steps, one batch each", at_least(1))
    minutes: float | None = option(None, "stop after so much training time, if that comes before --steps", above(0))
    batch_size: int = option(64, "pictures per step, of all devices together", at_least(2))
    seed: int = option(0, "of everything drawn by chance", within(0, 2**31 - 1))
    size: int = option(64, "side of the pictures, in pixels", within(8, 512))
    channels: int = option(3, "3 for colour, 1 for grey", choices=(1, 3))
    latent: int = option(100, "length of z, what a face is made from", at_least(1))
    architecture: str = option(
        "strided", "the DCGAN paper's; with a pooling, dense D; or residual networks", choices=ARCHITECTURES
    )
    generator_widths: tuple[int, ...] = option((512, 256, 128, 64), "G's channels from 4x4 up", at_least(1))
    generator_kernel: int = option(4, "side of G's kernels", within(1, 15))
    generator_slope: float = option(0.0, "of G's LeakyReLU; 0 is ReLU", within(0, 1))
    chroma_subsampling: bool = option(False, "G draws colour at half the resolution of grey, as JPEG files have it")
    discriminator_widths: tuple[int, ...] = option((64, 128, 256, 512), "D's channels", at_least(1))
    discriminator_kernels: tuple[int, ...] = option(
        (4,), "sides of D's kernels; the last stands for the rest", at_least(1)
    )
    discriminator_slope: float = option(0.2, "of D's LeakyReLU", within(0, 1))
    discriminator_norm: bool = option(True, "batch norm in D")
    learning_rate: float = option(2e-4, "of both Adam optimizers", above(0))
    discriminator_rate: float = option(1.0, "D's learning rate, as a multiple of G's", above(0))
    slow_after: int = option(0, "step by which the learning rates have fallen by a factor of 1.4, and on like the "
                                "square root of the steps; 0 for never", at_least(0))  # fmt: skip
    warm_up: int = option(0, "so many first steps G and D are an autoencoder, to start with whole faces; 0 for none",
                          at_least(0))  # fmt: skip
    beta1: float = option(0.5, "of both Adam optimizers", within(0, 0.9999))
    beta2: float = option(0.999, "of both Adam optimizers", within(0, 0.99999))
    loss: str = option("logistic", "with labels, or relativistic: each fake against a real one",
                       choices=("logistic", "relativistic"))  # fmt: skip
    penalty: tuple[float, float] = option(
        (0.0, 0.0), "weight of D's gradient penalties, at first and at last", at_least(0)
    )
    penalty_every: int = option(1, "steps between two such penalties, each so much heavier", at_least(1))
    real_label: tuple[float, float] = option((1.0, 1.0), "range of D's target for real pictures", span)
    fake_label: tuple[float, float] = option((0.0, 0.0), "range of D's target for fake ones", span)
    flip_every: int = option(0, "swap D's targets every n-th epoch; 0 for never", at_least(0))
    augment: tuple[str, ...] = option(("none",), "how what D sees is moved about", choices=AUGMENTATIONS)
    average: float = option(
        0.999, "decay of the averaged generator weights; 0 for the last weights", within(0, 0.99999)
    )
    precision: str = option("auto", "of the arithmetic, weights are always float32; auto: float32, or bfloat16 where "
                            "the CPU has it and a trial shows it to be faster", choices=PRECISIONS)  # fmt: skip
    save_minutes: float = option(5.0, "training time between two saved states", at_least(0))
    log_every: int = option(10, "steps between two log entries", at_least(1))
    sample_every: int = option(500, "steps between two sample grids", at_least(1))
    steps_per_call: int = option(0, "steps per compiled call; 0 for 1 on a CPU, 20 on a GPU", within(0, 1000))
    features: str = option("discriminator", "network to judge the faces in: discriminator (the one that ships), "
                           "inception, or a .keras file")  # fmt: skip
    cache: Path = option(Path("data/cache"), "folder for the decoded pictures")
    check: bool = option(False, "instead, say what this computer has to train with, and how fast that is")


BASE = Options()
RECIPES = {
    # Not a seed's, for two cores: small steps that begin with whole faces, which leave D behind, and slow down
    # (docs/quality.md).
    "modern": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                      chroma_subsampling=True, real_label=(0.7, 1.2), fake_label=(0.0, 0.3),
                      augment=("translation", "mirror"), batch_size=16, learning_rate=4e-4, discriminator_rate=4.0,
                      slow_after=4_000, warm_up=2_000, steps=200_000, average=0.9998, log_every=40, sample_every=1_000),
    # The same networks as others train them: what a cleverer recipe has to be better than.
    "light": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                     real_label=(0.7, 1.2), fake_label=(0.0, 0.3), augment=("translation", "mirror")),
    # The best faces within ten minutes on two cores: many small steps; the penalties keep so eager a D from winning.
    "quick": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                     discriminator_norm=False, loss="relativistic", penalty=(0.2, 0.2), batch_size=8,
                     learning_rate=4e-4, beta1=0.0, beta2=0.99, augment=("translation", "mirror"), log_every=80,
                     sample_every=2_000),
    # For `make demo`: cartoon faces are simple, and a minute is short.
    "demo": replace(BASE, size=32, generator_widths=(128, 64, 32), discriminator_widths=(32, 64, 128), batch_size=32,
                    learning_rate=5e-4, real_label=(0.7, 1.2), fake_label=(0.0, 0.3), average=0.99,
                    sample_every=250, save_minutes=0.5),
    # Not a seed's either: begins slowly and ends far better; made for a GPU (docs/recipes.md).
    "large": replace(BASE, architecture="residual", generator_widths=(256, 256, 192, 96, 48),
                      discriminator_widths=(48, 96, 192, 256, 256), loss="relativistic", penalty=(2.0, 0.5),
                      beta1=0.0, beta2=0.99, batch_size=128, augment=("translation", "mirror"), average=0.9995),
    "pooled": replace(BASE, architecture="pooled", generator_widths=(512, 256, 128, 64, 32),
                      discriminator_widths=(128, 128), discriminator_kernels=(3,)),
    # "Noise on the labels" leaves the amount open: a tenth.
    "noisy": replace(BASE, generator_slope=0.2, real_label=(0.9, 1.0), fake_label=(0.0, 0.1), steps=20_000),
    "tutorial": replace(BASE, real_label=(0.9, 0.9), fake_label=(0.1, 0.1), batch_size=128),
    # --discriminator-widths 128,256,512 is the one before it was reduced.
    # Batch norm before its 131,072 inputs to one logit would let Adam throw that logit about by tens of nats a step.
    "soft": replace(BASE, discriminator_widths=(128, 512), discriminator_kernels=(5, 3), discriminator_norm=False,
                    real_label=(0.7, 1.2), fake_label=(0.0, 0.3), flip_every=3),
    "paper": replace(BASE, generator_widths=(1024, 512, 256, 128), generator_kernel=5,
                     discriminator_widths=(128, 256, 512, 1024), discriminator_kernels=(5,), batch_size=128),
    "mnist": replace(BASE, size=28, channels=1, generator_widths=(256, 128), discriminator_widths=(128, 256),
                     batch_size=128, steps=20_000),
    # What turns a photo into z; each is named like the network it trains.
    "vae": replace(BASE, network="vae", batch_size=128, learning_rate=1e-3, beta1=0.9, steps=5_000),
    "encoder": replace(BASE, network="encoder", data=(Path("data/photos"),), learning_rate=1e-3, beta1=0.9,
                       average=0.997, steps=2_500, sample_every=250),
}  # fmt: skip
RECIPES = {name: replace(recipe, recipe=name) for name, recipe in RECIPES.items()}


def label_targets(options, epoch, rng):
    """D's targets for one batch: (real, fake), each (B, 1) float32, uniform in their ranges.

    In every `flip_every`-th epoch the two are swapped. Only D is told these: G's target is always
    exactly 1, whatever D is told.
    """
    shape = (options.batch_size, 1)
    real = rng.uniform(*options.real_label, shape).astype("float32")
    fake = rng.uniform(*options.fake_label, shape).astype("float32")
    if options.flip_every and (epoch + 1) % options.flip_every == 0:
        return fake, real
    return real, fake


@dataclass
class Progress:
    """Where a training stands. `seconds` is training time, over all its parts."""

    step: int = 0
    seconds: float = 0.0
    rollbacks: int = 0
    trouble: int = 0  # the step of the last rollback
    judging: float = 0.0  # of those seconds, how many went into verdicts
    best: float | None = None  # the lowest kernel distance so far
    judged: int = 0  # the step of the last verdict
    window: dict = field(default_factory=dict)  # figures since the last log entry

    @classmethod
    def of(cls, record):
        """From the record of a saved state."""
        return cls(**{f.name: record[f.name] for f in dataclasses.fields(cls) if f.name in record})

    def share(self, options):
        """0 at the start, 1 when done: by steps or by minutes, whichever is further."""
        by_time = self.seconds / (options.minutes * 60) if options.minutes else 0
        return min(1, max(self.step / options.steps, by_time))


def train(options, given):
    """Train, or go on training, until --steps or --minutes are done."""
    from animefaces import runs
    from animefaces.dataset import open_faces

    if options.check:
        from training.check import check

        validate(options, given)
        check(options, label_targets)
        return
    place, machines = companions(options)
    options = runs.open_run(options, given, ADJUSTABLE)
    # A new folder goes away again if nothing comes of it. Machines but the first write what nobody will read.
    with runs.followed(options.run) if place else runs.locked(options.run) as run:
        validate(options, given)
        state = runs.load_state(run, arrays=False)
        progress = Progress.of(state[1]) if state else Progress()
        if state and progress.share(options) == 1:
            print(f"{options.run} is finished: {progress.step:,} steps, {progress.seconds / 60:.1f} minutes.")
            print(f"To go on, raise --steps or --minutes; to see faces: python generate.py --run {options.run}")
            return
        faces = open_faces(options.data, options.size, options.channels, options.cache)
        if machines > 1:
            print(f"machines   {place + 1} of {machines}: waiting for the others")
        begin(options, faces, run, progress, new=not state)


def companions(options):
    """(this machine's place from 0, how many train along). Raises Misuse if they cannot do so with these options."""
    from animefaces import hardware

    place, machines = hardware.machines()
    if machines > 1 and not (options.run and options.network == "gan"):
        raise Misuse(f"train.py gan on {machines} machines needs a --run folder that all of them see, and vae and "
                     "encoder train on one: name one, or unset TF_CONFIG")  # fmt: skip
    return place, machines


def begin(options, faces, run, progress, new):
    """Build the networks, or take them up where they were left, and train them."""
    from animefaces import hardware, runs
    from models import engine
    from training.check import settled

    if hardware.machines()[1] > 1 and engine.NAME != "tensorflow":
        raise Misuse("several machines need TensorFlow: unset KERAS_BACKEND, or TF_CONFIG to train on this one alone")
    try:
        with engine.faults():
            options = settled(options, label_targets)
            task = open_task(options, faces, run)  # before anything is written: the options may not fit
            if options.batch_size % engine.device_count():
                raise Misuse(f"--batch-size {options.batch_size} cannot be shared among {engine.device_count()} "
                             f"devices: give a multiple of {engine.device_count()}")  # fmt: skip
            runs.keep_record(run, options, faces)
            announce(options, faces, progress)
            task.begin(new)
            if not new:
                progress = _restore(task.player, run)
            print("networks   " + ", ".join(f"{n} {_parameters(network)}" for n, network in task.networks.items()))
            agreed(progress, faces)
            Training(task, options, run, progress).go_on()
    except ConnectionError as fault:
        raise Problem("another machine is gone: start the same command on all of them, as many as you like, to go "
                      "on from the last saved state") from fault  # fmt: skip


def agreed(progress, faces):
    """Raise Problem unless all machines are about to take the same step on the same pictures."""
    from models import engine

    rows = engine.of_machines([progress.step, int(faces.fingerprint[:12], 16)])
    if (rows != rows[0]).any():
        raise Problem("the machines do not see the same --run folder or the same --data: put both where all of them do")


def validate(options, given):
    """Raise Misuse for options that are not for the network that is trained."""
    if RECIPES[options.recipe].network != options.network:
        raise Misuse(f"--recipe {options.recipe} is for train.py {RECIPES[options.recipe].network}: leave it out")
    every = {f.name for f in dataclasses.fields(Options)}
    foreign = sorted(given & (every - USED.get(options.network, every - {"labels"})))
    if foreign:
        flags = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise Misuse(f"{flags} means nothing to train.py {options.network}: leave it out")
    if {"warm_up", "init_from"} <= given and options.warm_up:
        raise Misuse("--warm-up is for networks that begin anew: leave it out, or --init-from")


def open_task(options, faces, run):
    """What to train, by its network. Raises Misuse if the options do not fit together."""
    if options.network == "vae":
        from training.vae import VaeTask

        return VaeTask(options, faces, run)
    if options.network == "encoder":
        from training.encoder import EncoderTask

        return EncoderTask(options, faces, run)
    from training.gan import GanTask

    return GanTask(options, faces, run, label_targets)


def _parameters(network):
    return f"{sum(math.prod(v.shape) for v in network.trainable_variables):,} parameters"


def announce(options, faces, progress):
    """Say what is about to happen."""
    from models import engine

    size = f"{options.size}x{options.size}"
    print(f"run        {options.run}" + (f", from step {progress.step:,}" if progress.step else ""))
    print(f"data       {len(faces):,} pictures from {', '.join(map(str, options.data))}")
    if faces.resized:
        print(f"           {faces.resized:,} of them centre-cropped and resized to {size}")
    for name, why in faces.skipped[:5]:
        print(f"           skipped {name}: {why}")
    if len(faces.skipped) > 5:
        print(f"           {len(faces.skipped) - 5:,} more skipped, {len(faces.skipped):,} in all")
    epochs = options.steps * options.batch_size / len(faces)
    devices = f"{engine.device_count()} {engine.device()}s" if engine.device_count() > 1 else engine.device()
    limit = f", at most {options.minutes:g} minutes" if options.minutes else ""
    print(f"training   {options.steps:,} steps of {options.batch_size} at {size} ({epochs:,.1f} epochs){limit}, "
          f"on {devices} with {engine.NAME}")  # fmt: skip
    if options.warm_up and not options.init_from:
        print(f"           the first {options.warm_up:,} steps as an autoencoder: blurred faces, to start with")
    if options.recipe in ("modern", "light", "quick") and engine.device() != "CPU":
        print(f"           --recipe large is made for such a device, and ends far better than {options.recipe}")
    shown = {
        k: v for k, v in to_record(options).items() if k not in ("data", "run", "network", "check") and v is not None
    }
    print(
        "options    " + " ".join(f"{k}={','.join(map(str, v)) if isinstance(v, list) else v}" for k, v in shown.items())
    )


def _restore(player, run):
    from animefaces import runs

    arrays, record, damaged = runs.load_state(run)
    for name in damaged:
        print(f"warning: {run}/state/{name} is damaged: going on from step {record['step']:,}", file=sys.stderr)
    with runs.fitting(run):
        player.state.restore(arrays)
    return Progress.of(record)


class Training:
    """The loop around the steps: batches, figures, samples, states, and what to do when something goes wrong."""

    def __init__(self, task, options, run, progress):
        from animefaces import logs
        from models import engine

        self.task, self.player, self.options, self.run, self.progress = task, task.player, options, run, progress
        self.log = logs.Log(run, progress.step)
        self.saved_at = progress.seconds
        self.at_once = options.steps_per_call or engine.steps_per_call()
        self.warned, self.told = None, False

    def go_on(self):
        """Train to the end, or until Ctrl-C, which saves first."""
        from tqdm import tqdm

        done = self.progress.share(self.options)
        layout = "{percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
        with stop_signals() as stopping, tqdm(total=1, initial=done, bar_format=layout, disable=None) as bar:
            # Something to go back to; and a full disk shows now, not in five minutes.
            if self.progress.step == 0 and not self.save():
                raise Problem("the weights to start with are not finite: name another --init-from")
            while True:
                while self.progress.share(self.options) < 1 and not self.told:
                    self.run_until_trouble(bar, stopping)
                if not self.told:
                    self.task.measure(self.progress, last=True)
                if self.save():
                    break
                self.roll_back(bar)
            self.finish()
        run = self.options.run
        if self.told:
            raise Problem(f"stopped at step {self.progress.step:,}: python train.py --run {run} goes on")
        print(f"done: {self.progress.step:,} steps in {self.progress.seconds / 60:.1f} minutes.")
        print(f"See samples/, curves.png and progress.gif in {run}; {self.task.use}{run}")

    def run_until_trouble(self, bar, stopping):
        """Steps, until the training is done, is told to stop, or has rolled back."""
        from animefaces.dataset import prefetched

        clock, start = time.perf_counter(), self.progress.seconds
        with prefetched(self.make_call, self.calls()) as batches:
            while self.progress.share(self.options) < 1 and not self.told:
                asked = time.perf_counter()
                count, inputs = next(batches)
                waited = time.perf_counter() - asked
                figures = self.player.steps(*inputs)
                if not all(math.isfinite(x) for values in figures.values() for x in values):
                    return self.roll_back(bar)
                self.progress.step += count
                self.progress.seconds = start + time.perf_counter() - clock
                for name, values in {**figures, "waiting": [waited]}.items():
                    self.progress.window.setdefault(name, []).extend(map(float, values))
                every = self.options.log_every
                if self.progress.step // every > (self.progress.step - count) // every:
                    self.task.measure(self.progress)
                    self.note(bar)
                if self.progress.step % self.options.sample_every == 0:
                    self.sample()
                self.agree(stopping)
                due = self.progress.seconds - self.saved_at >= self.options.save_minutes * 60
                if due and not self.save():
                    return self.roll_back(bar)
        return None

    def agree(self, stopping):
        """All machines go by the slowest clock, and all stop when one is told to."""
        from models import engine

        progress = self.progress
        mine = [progress.seconds, progress.judging, bool(stopping)]
        progress.seconds, progress.judging, told = engine.of_machines(mine).max(axis=0).tolist()
        self.told = bool(told)

    def calls(self):
        """(first step, number of steps) of each call from here on: as many as one takes, cut at sample steps."""
        step, options = self.progress.step, self.options
        while step < options.steps:
            stop = min(step + self.at_once, options.steps, (step // options.sample_every + 1) * options.sample_every)
            yield step, stop - step
            step = stop

    def make_call(self, call):
        """(first step, number) -> (number, inputs with that number as their leading axis)."""
        import numpy as np

        step, count = call
        batches = [self.task.batch(step + i) for i in range(count)]
        return count, [np.stack(parts) for parts in zip(*batches, strict=True)]

    def note(self, bar):
        """Log the means since the last note, show them, and say so when one network has given up."""
        from animefaces import logs

        window, self.progress.window = self.progress.window, {}
        step, seconds = self.progress.step, round(self.progress.seconds, 3)
        count = len(window["waiting"])
        since = seconds - (self.log.entries[-1]["seconds"] if self.log.entries else 0)
        means = {name: round(sum(values) / len(values), 5) for name, values in window.items() if name != "waiting"}
        speed = {"images_per_second": round(count * self.options.batch_size / max(since, 1e-9), 2),
                 "waiting": round(sum(window["waiting"]) / max(since, 1e-9), 5)}  # fmt: skip
        self.log.add({"step": step, "epoch": self.task.order.epoch(step), "seconds": seconds, **means, **speed})
        losses = ", ".join(f"{label} {means[name]:.3f}" for name, label in self.task.shown.items() if name in means)
        bar.set_postfix_str(f"step {step:,}, {speed['images_per_second']:.0f} img/s, {losses}", refresh=False)
        bar.update(self.progress.share(self.options) - bar.n)
        trouble = logs.diagnose(self.log.entries) if self.options.network == "gan" else None
        if trouble and trouble != self.warned:
            bar.write(f"warning: step {step:,}: {trouble}", file=sys.stderr)
        self.warned = trouble

    def sample(self):
        """Write the sample grid. A GPU waits meanwhile, so nothing else is written as often."""
        from animefaces import images

        pixels, step = self.task.sample(), self.progress.step
        images.save(self.run / "samples" / f"step_{step:06d}.png", pixels, run=self.run.name, step=step)
        self.log.picture("samples", pixels, step)

    def save(self):
        """Write what to use, then what to go on from. False, and nothing is written, if a weight is not finite."""
        import numpy as np

        from animefaces import images, runs
        from models import saved

        arrays = self.player.state.arrays()
        if not all(np.isfinite(a).all() for a in arrays.values()):
            return False
        self.sample()
        for name, network in self.task.files().items():
            with images.written_whole(self.run / name) as temporary:
                saved.save(network, temporary)
        if self.progress.step > self.progress.trouble:
            self.progress.rollbacks = 0
        runs.save_state(self.run, arrays, dataclasses.asdict(self.progress))
        self.saved_at = self.progress.seconds
        return True

    def roll_back(self, bar):
        """After a loss or a weight that is no number: the last good state, with half the learning rates."""
        from animefaces import runs

        trouble, seconds = self.progress.step, self.progress.seconds
        rollbacks = self.progress.rollbacks + 1
        if rollbacks > MAX_ROLLBACKS:
            raise Problem(
                f"the loss or a weight was not finite {rollbacks} times near step {trouble:,}: "
                "lower --learning-rate in a new run"
            )
        self.progress = _restore(self.player, self.run)
        self.progress.rollbacks, self.progress.trouble, self.progress.seconds = rollbacks, trouble, seconds
        self.player.state.scale_learning_rates(0.5)
        runs.save_state(self.run, self.player.state.arrays(), dataclasses.asdict(self.progress))
        self.log.rewind(self.progress.step)
        back = f"back to step {self.progress.step:,} with half the learning rates"
        bar.write(f"warning: the loss or a weight at step {trouble:,} is not finite: {back}", file=sys.stderr)

    def finish(self):
        """Draw the curves and the film of the samples."""
        from animefaces import images, plots

        self.log.close()
        plots.curves(self.run / "curves.png", self.log.entries, self.task.curves)
        grids = sorted((self.run / "samples").glob("step_*.png"), key=lambda path: (len(path.name), path.name))
        shown = grids[:: math.ceil(len(grids) / 60)]  # a film of a minute at most, whatever the training's length
        images.save_film(self.run / "progress.gif", (images.read(path) for path in shown), seconds=0.3)


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, train, argv, __doc__, RECIPES)


if __name__ == "__main__":
    sys.exit(main())
