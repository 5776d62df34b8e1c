"""Quality per minute: our recipes, and what else one could train, on the same faces for the same minutes.

    python -m benchmarks.field --data faces.zip --features network.keras         # 15 minutes each, and measuring
    python -m benchmarks.field --data faces.zip --features network.keras --contestants modern flow --seeds 0,1,2

Each contestant trains alone, one after the other, on all faces but the 1,000 that train.py keeps for validation, and
each in a process of its own. At each of the minutes --at it draws --count faces, with averaged weights, and they are
compared with those 1,000. The floor is what as many of the training faces get. The clock counts compiling and reading,
but no drawing or measuring. Run nothing else on the machine during that time.

The output folder gets field.json after each measurement, field.png, table.md, and a sheet of 48 faces of each training,
none chosen. If you stop the benchmark and start it again, it goes on with the trainings that are not finished.
"""

import functools
import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from animefaces import hardware
from animefaces.commands import run_script
from animefaces.files import check_input, write_json, write_text
from animefaces.options import above, at_least, option, to_record
from animefaces.problems import Misuse, Problem
from benchmarks import contestants

SHOWN = 48  # faces on a sheet
DRAWN = 480  # faces that are drawn at once
WORDS = {"kernel_distance": "kernel distance", "frechet_distance": "Fréchet distance"}  # what field.png shows
FREE = ("contestants", "seeds", "output", "cache")  # options that an unfinished comparison may change


@dataclass(frozen=True)
class Options:
    """What is compared, and how."""

    data: tuple[Path, ...] = option((Path("data/faces"),), "folders, zips, arrays (npz, npy) or pictures")
    features: str = option("discriminator", "network to measure in, as for evaluate.py")
    contestants: tuple[str, ...] = option(("modern", "light", "fastgan", "r3gan", "flow"), "who trains: recipes of "
                                          "train.py, r3gan, flow", choices=contestants.NAMES)  # fmt: skip
    minutes: float = option(15.0, "minutes of training of each", above(0))
    at: tuple[float, ...] = option((2.0, 5.0, 10.0), "minutes after which faces are measured too", above(0))
    count: int = option(2000, "faces that are drawn for each measurement", at_least(4))
    seeds: tuple[int, ...] = option((0,), "each contestant trains once with each of these seeds", at_least(0))
    size: int = option(64, "width and height of the pictures, in pixels", at_least(8))
    batch_size: int | None = option(None, "faces in a batch (default: each contestant's own number, which is for two "
                                    "cores)", at_least(1))  # fmt: skip
    precision: str = option("auto", "number format of the arithmetic; auto: bfloat16 on a CPU that multiplies it",
                            choices=("auto", "float32", "bfloat16"))  # fmt: skip
    cache: Path = option(Path("data/cache"), "folder for decoded pictures")
    output: Path = option(Path("results/field"), "folder for the figures and pictures")

    def moments(self):
        """The minutes of all measurements, in order."""
        return sorted({minute for minute in self.at if minute < self.minutes} | {self.minutes})


class Measure:
    """Faces -> how far they are from the validation faces."""

    def __init__(self, options, faces):
        """Opens the network, and measures the `floor`: training faces in place of drawn ones."""
        from animefaces.batches import split
        from drawing import features

        training, validation = split(faces)
        if not len(validation):
            raise Problem(f"{len(faces):,} faces are too few to keep some for validation: give at least 1,000")
        network = features.open_features(options.features)
        network.check(options.size, 3)
        self._features = functools.partial(features.extract, network)
        self._known = self._features(validation, np.arange(len(validation)), "real faces")
        chosen = np.random.default_rng(0).permutation(len(training))[: options.count]
        self.floor = self._compared(self._features(training, chosen, "floor"))

    def __call__(self, drawn):
        """Faces uint8 (N, H, W, 3) -> the figures of metrics.compare."""
        return self._compared(self._features(drawn, np.arange(len(drawn)), "measuring"))

    def _compared(self, features):
        from animefaces import metrics

        return metrics.compare(self._known, features)


class Training:
    """A contestant in training: `until` trains it, `draw` draws with what it has learned."""

    def __init__(self, name, seed, options, faces):
        import train
        from training import check, warm_up

        self.settings, _ = warm_up.shortened(settings_of(name, seed, options), train.label_targets)
        self.at_once = check.steps_per_call(self.settings)
        self.task = contestants.task_of(name)(self.settings, faces, None, train.label_targets)
        self.step, self.seconds = 0, 0.0

    def until(self, seconds, bar):
        """Make steps until the clock of the training shows that many seconds. `bar` counts them."""
        from animefaces import batches

        start = time.perf_counter() - self.seconds
        with batches.prefetched(self._inputs, itertools.count(self.step, self.at_once)) as inputs:
            while self.seconds < seconds:
                figures = self.task.player.steps(*next(inputs))
                if not all(np.isfinite(values).all() for values in figures.values()):
                    raise Problem(f"a figure of step {self.step:,} is not finite: leave this contestant out")
                before, self.seconds = self.seconds, time.perf_counter() - start
                self.step += self.at_once
                bar.update(int(self.seconds) - int(before))

    def _inputs(self, step):
        from animefaces.batches import stacked

        return stacked(self.task.batch, step, self.at_once)

    def draw(self, count):
        """-> (faces of the seeds from 0 on, uint8 (count, H, W, C), seconds for each). The first call compiles."""
        from animefaces import latents
        from models.batches import ROWS

        z = latents.from_seeds(range(ROWS), self.settings.latent)
        self.task.drawn(z)
        start, faces = time.perf_counter(), []
        for first in range(0, count, DRAWN):
            z = latents.from_seeds(range(first, min(first + DRAWN, count)), self.settings.latent)
            faces.append(self.task.drawn(z))
        return np.concatenate(faces), (time.perf_counter() - start) / count


def settings_of(name, seed, options):
    """Contestant, seed and what is compared -> the options of the training."""
    settings = contestants.settings(name)
    batch, form = options.batch_size or settings.batch_size, precision(options.precision)
    return replace(settings, seed=seed, size=options.size, minutes=options.minutes, batch_size=batch, precision=form)


def precision(asked):
    """--precision -> "float32" or "bfloat16". With the latter, each contestant is faster if the CPU has it."""
    return asked if asked != "auto" else "bfloat16" if hardware.cpu()[1] else "float32"


def contest(name, seed, options, faces, measure):
    """Train a contestant -> its figures, a dict for each moment, as soon as they are known. Writes its sheet."""
    from animefaces import images
    from animefaces.progress import Bar

    print(f"{name}, seed {seed}: building and compiling", flush=True)
    training = Training(name, seed, options, faces)
    with Bar(total=round(60 * options.minutes), desc=name, unit="s") as bar:
        for moment in options.moments():
            training.until(60 * moment, bar)
            drawn, each = training.draw(options.count)
            seen = training.step * training.settings.batch_size
            figures = {"contestant": name, "seed": seed, "minutes": moment, "seconds": training.seconds,
                       "images": seen, "images_per_second": seen / training.seconds, "drawing_seconds": each,
                       "warm_up": training.settings.warm_up, "precision": training.settings.precision}  # fmt: skip
            yield figures | measure(drawn)
    images.save(options.output / f"{name}-{seed}.png", images.grid(drawn[:SHOWN]))


def opened(options, fingerprint):
    """Options, fingerprint of the faces -> the record in field.json, or a new one. Raises Problem if they differ."""
    asked = {key: value for key, value in to_record(options).items() if key not in (*FREE, "data")}
    file, asked = options.output / "field.json", asked | {"faces": fingerprint}
    if not file.exists():
        return {"settings": asked, "rows": []}
    record = json.loads(file.read_text(encoding="utf-8"))
    others = [key for key, value in asked.items() if record["settings"].get(key) != value]
    if others:
        raise Problem(f"{file} is of another comparison ({', '.join(others)}): name another folder with --output")
    return record


def field(words, options, given):
    """Train and measure what is missing, then print the table and draw the chart. `words`: what the user typed."""
    for path in options.data:
        check_input(path, "--data")
    if len(set(options.contestants)) < len(options.contestants) or len(set(options.seeds)) < len(options.seeds):
        raise Misuse("a contestant or a seed is named twice: name each one once")
    from animefaces.dataset import open_faces

    faces = open_faces(options.data, options.size, 3, options.cache)
    record = opened(options, faces.fingerprint)
    done = {(row["contestant"], row["seed"]) for row in record["rows"] if row["minutes"] == options.minutes}
    left = [(name, seed) for seed in options.seeds for name in options.contestants if (name, seed) not in done]
    if len(left) > 1:  # the engine can be told only once in a process how to use its threads
        for name, seed in left:
            alone = [*words, "--contestants", name, "--seeds", str(seed)]
            if subprocess.run([sys.executable, "-m", "benchmarks.field", *alone], check=False).returncode:
                raise Problem(f"{name} did not finish: see above, then give the same command, which goes on")
        return
    for name, seed in left:
        train_and_measure(name, seed, options, faces, record)
    print("\n".join(report(options.output, record)))


def train_and_measure(name, seed, options, faces, record):
    """Train a contestant; write its figures into the record and the output folder as soon as they are known."""
    from training import check

    check.share_threads(settings_of(name, seed, options))  # before Measure uses the engine
    measure = Measure(options, faces)
    others = [row for row in record["rows"] if (row["contestant"], row["seed"]) != (name, seed)]
    rows = []
    for row in contest(name, seed, options, faces, measure):
        rows.append(row)
        record |= {"floor": measure.floor, "rows": others + rows}
        write_json(options.output / "field.json", record)
        report(options.output, record)


def report(output, record):
    """Write table.md and field.png of a record -> the lines of the table."""
    lines = list(table(record))
    write_text(output / "table.md", "\n".join(lines) + "\n")
    draw(output / "field.png", record)
    return lines


def table(record):
    """The record in field.json -> the lines of a Markdown table, the best last figures first, and words about each."""
    runs = {}
    for row in record["rows"]:
        runs.setdefault((row["contestant"], row["seed"]), []).append(row)
    heads = ("contestant", "seed", "minutes", "faces seen", "images/s", "kernel distance x1000", "Fréchet distance",
             "precision", "recall", "to draw a face")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    order = sorted(runs.values(), key=lambda rows: rows[-1]["kernel_distance"])
    for row in (row for rows in order for row in rows):
        who = f"`{row['contestant']}` | {row['seed']} | {row['minutes']:g} | {row['images']:,}"
        drawing = f"{1000 * row['drawing_seconds']:.3g} ms"
        yield f"| {who} | {row['images_per_second']:.0f} | {' | '.join(distances(row))} | {drawing} |"
    yield f"| floor: real faces | | | | | {' | '.join(distances(record['floor']))} | |"
    yield ""
    for name in dict.fromkeys(rows[0]["contestant"] for rows in order):
        yield f"- `{name}`: {contestants.words(name)}"


def distances(figures):
    """Figures of metrics.compare -> four cells of the table."""
    distance, error = 1000 * figures["kernel_distance"], 1000 * figures["kernel_error"]
    return (f"{distance:.1f} ± {error:.1f}", f"{figures['frechet_distance']:.1f}", f"{figures['precision']:.2f}",
            f"{figures['recall']:.2f}")  # fmt: skip


def draw(path, record):
    """The record in field.json -> a PNG file: the distances over the minutes, a thin line for each seed."""
    from animefaces import plots

    names = dict.fromkeys(row["contestant"] for row in record["rows"])
    panels = {}
    for key, words in WORDS.items():
        lines = {name: {} for name in names}
        for row in record["rows"]:
            lines[row["contestant"]].setdefault(row["seed"], []).append((row["seconds"] / 60, row[key]))
        panels[words] = {name: list(seeds.values()) for name, seeds in lines.items()}, record["floor"][key]
    plots.race(path, panels, "minutes of training")


def main(argv=None):
    """Command line -> exit code."""
    words = sys.argv[1:] if argv is None else argv
    return run_script(Options, functools.partial(field, words), argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
