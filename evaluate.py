"""Measure how close generated faces come to real ones, and whether some are copies.

    python evaluate.py                                          # the newest run, and the faces it was trained on
    python evaluate.py --run results/00001-soft --real faces.zip --count 1000
    python evaluate.py --real faces.zip --fake more_faces/      # faces in a folder, whoever drew them
    python evaluate.py --run results/00001-soft --features inception    # figures like the FIDs of other projects
    python evaluate.py --run results/00001-soft --json > figures.json

Beside each figure, the column "floor" has the same figure for real faces against other real faces: no generator does
better than that. docs/how-to/evaluate.md says what each figure tells, and what it cannot.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from animefaces.commands import run_script
from animefaces.files import check_input
from animefaces.options import at_least, option, within
from animefaces.problems import Misuse, Problem
from animefaces.words import counted
from drawing.choosing import FACES, alone, run_option
from drawing.outputs import PNG, chosen_output, output_option

PAIRS = 48  # shown
FEWEST = 8  # real faces: two halves of four, each face with three neighbours


@dataclass(frozen=True)
class Options:
    """What to compare, and in which features."""

    run: Path | None = run_option()
    real: tuple[Path, ...] | None = option(None, "the real faces: folders, zips, arrays or pictures (default: those "
                                           "that the run was trained on; with the shipped weights or --fake: "
                                           "data/faces)", group=FACES)  # fmt: skip
    fake: Path | None = option(None, "generated faces as pictures, as for --real, instead of a run, which draws the "
                               "seeds from 0 on", group=FACES)  # fmt: skip
    count: int = option(2000, "number of faces of each kind, or as many as there are; take 10,000 for figures that you "
                        "publish", at_least(FEWEST // 2), group=FACES)  # fmt: skip
    size: int | None = option(None, "width and height of the pictures, in pixels (default: the generator's, else 64)",
                              within(8, 512), group=FACES)  # fmt: skip
    features: str = option("discriminator", "network that turns each face into a row of numbers, its features: "
                           "discriminator (the shipped one, for runs of your own), inception (for figures to compare "
                           "with those of others; it is downloaded once), or a .keras file",
                           group="how they are compared")  # fmt: skip
    cache: Path = option(Path("data/cache"), "folder for decoded pictures, and for features of real faces",
                         group="how they are compared")  # fmt: skip
    json: bool = option(False, "print one JSON object and nothing else", group="where the figures go")
    output: str = output_option("nearest.png", "picture of the generated faces that are closest to a real face, each "
                                "beside that real face", "where the figures go")  # fmt: skip


class Fake(NamedTuple):
    """Generated faces."""

    faces: Any  # indexed like a set of pictures
    chosen: Any  # the indices to use, in this order
    words: str  # what they are
    file: Path | None  # of their generator; None for pictures


def open_fake(options: Options) -> Fake:
    """--run or --fake -> the generated faces."""
    import numpy as np

    from animefaces import runs
    from drawing.generator import Drawn
    from drawing.opening import open_generator, told

    path, marks = options.fake, (runs.GENERATOR, "options.json")
    if path and path.suffix != ".keras" and not any((path / name).exists() for name in marks):
        faces = open_told(options, [path], options.size or 64, 3)
        return Fake(faces, shuffled(len(faces)), str(path), None)
    generator = open_generator(options.run or path)
    file, (height, width, _) = generator.file, generator.shape
    if height != width or options.size not in (None, height):
        raise Misuse(f"{file} draws {width}x{height}: leave out --size, or name a generator of square pictures")
    if not options.json:
        told(generator)
    return Fake(Drawn(generator, options.count), np.arange(options.count), f"{file}, seeds from 0", file)


def real_paths(options: Options, generator: Path | None) -> list[Path]:
    """--real, or the faces that the generator was trained on, or data/faces. Raises Problem if they are not there."""
    from animefaces import runs

    if options.real:
        return list(options.real)
    if generator and not runs.is_shipped(generator.parent):
        return runs.data_of(generator, "--real")
    if not runs.gathered():
        raise Problem(f"there are no real faces in {runs.FACES}: name them with --real")
    return [runs.FACES]


def open_told(options: Options, paths: Any, size: int, channels: int) -> Any:
    """Paths -> their Faces. Which files were passed over is told on stderr, because stdout may be JSON."""
    from animefaces import sources
    from animefaces.dataset import open_faces

    faces = open_faces(paths, size, channels, options.cache)
    for line in sources.passed_over(faces.skipped):
        print(f"warning: {line}", file=sys.stderr)
    return faces


def shuffled(count: int) -> Any:
    """Always the same order of `count` indices, so that a shorter sample begins a longer one."""
    import numpy as np

    return np.random.default_rng(0).permutation(count)


def evaluate(options: Options, given: set[str]) -> None:
    """Measure, and report."""
    alone(given, ("run",), ("fake",))
    output, _ = chosen_output(options.output, given, PNG)
    for path in options.real or ():
        check_input(path, "--real")
    if options.fake:
        check_input(options.fake, "--fake")
    from animefaces import metrics
    from drawing import eyes, features

    fake, chosen, label, generator = open_fake(options)
    paths = real_paths(options, generator)
    network = features.open_features(options.features)  # may be a download, so what else may be wrong comes first
    size, channels = fake.shape[2:]
    network.check(size, channels)
    real = open_told(options, paths, size, channels)
    count = min(options.count, len(real), len(fake))
    if count < FEWEST // 2 or len(real) < FEWEST:
        raise Problem(f"{counted(len(real), 'real face')} and {counted(len(fake), 'fake one')} are too few: "
                      f"give at least {FEWEST} real and {FEWEST // 2} fake ones")  # fmt: skip
    half = min(count, len(real) // 2)  # faces on each side of the comparison of real with real
    order, chosen = shuffled(len(real))[: max(count, 2 * half)], chosen[:count]
    known = features.extract_cached(network, real, order, "real faces", options.cache)
    new = features.extract(network, fake, chosen, "fake faces")

    figures = {
        "real": [str(path) for path in paths], "fake": label,
        "real_faces": len(real), "fake_faces": len(fake), "count": count,
        "features": network.name, "note": network.note, "dimensions": network.dimensions,
        "size": size, "resized_real": real.resized, "resized_fake": fake.resized,
        "resized_in_network": network.resizes, **metrics.compare(known[:count], new),
        "floor": {"count": half, **metrics.compare(known[:half], known[-half:])},
    }  # fmt: skip
    for found, *told in ((figures, fake, chosen, "fake eyes"), (figures["floor"], real, order[:count], "real eyes")):
        found["eye_mismatch"] = eyes.mismatch(*told)[0] if channels == 3 else None  # grey eyes are not found
    pairs, figures["nearest"] = memorised(known, new, count)
    print(json.dumps(figures, indent=2, allow_nan=False) if options.json else "\n".join(report(figures)))
    save_pairs(output, fake, chosen, real, order, pairs)
    if not options.json:
        print(f"\n{output}: {counted(len(pairs), 'pair')}, each a generated face and the real face nearest to it")


def memorised(known: Any, new: Any, count: int) -> tuple[list[tuple[int, int, float]], dict[str, Any]]:
    """Features of real and of fake faces -> (the PAIRS closest of fake, real and distance; how close they come).

    Beside it, how close `count` of the real faces come to another real one: copies are closer than that.
    """
    import numpy as np

    from animefaces import metrics

    indices, distances = metrics.nearest(new, known)
    _, usual = metrics.nearest(known[:count], known, others=True)
    closest = np.argsort(distances, kind="stable")[:PAIRS]
    pairs = [(int(i), int(indices[i]), float(distances[i])) for i in closest]

    def summary(values):
        return dict(zip(("least", "percentile_1", "median"), np.percentile(values, [0, 1, 50]).tolist(), strict=True))

    return pairs, {"among": len(known), "fake": summary(distances), "real": summary(usual)}


def save_pairs(path: Path, fake: Any, chosen: Any, real: Any, order: Any, pairs: list[tuple[int, int, float]]) -> None:
    """Draw the pairs, fake on the left, closest first."""
    import numpy as np

    from animefaces import images

    rows, columns, distances = zip(*pairs, strict=True)
    rows, columns = chosen[list(rows)], order[list(columns)]
    tiles = np.concatenate([fake[rows], real[columns]], axis=2)
    tiles = np.pad(tiles, ((0, 0), (0, 4), (0, 4), (0, 0)), constant_values=255)
    notes = [f"{i} {j} {d:.4g}" for i, j, d in zip(rows, columns, distances, strict=True)]
    images.save(path, images.grid(tiles, columns=6), pairs="; ".join(notes))


def report(figures: dict[str, Any]) -> Iterator[str]:
    """The figures in words: lines of text."""
    from animefaces import metrics

    side, count, floor, near = (figures[name] for name in ("size", "count", "floor", "nearest"))
    resized = [f"{figures['resized_' + kind]:,} {kind}" for kind in ("real", "fake") if figures["resized_" + kind]]
    few = "" if floor["count"] == count else "; too few real faces for more, so its Fréchet distance is too high"
    yield f"real       {count:,} of {figures['real_faces']:,} faces from {', '.join(figures['real'])}"
    yield f"fake       {count:,} of {figures['fake_faces']:,} faces from {figures['fake']}"
    yield f"features   {figures['features']}, {figures['dimensions']:,} per face: {figures['note']}"
    yield f"resize     to {side}x{side}: {' and '.join(resized) or 'none'}; then, in the network, to " + (
        " and ".join(figures["resized_in_network"]) or "nothing else")  # fmt: skip
    yield f"floor      {floor['count']:,} of the real faces against {floor['count']:,} others{few}"
    yield "\n" + row("", "fake", "floor")
    for words, shown in metrics.SHOWN.items():
        if shown(figures):
            yield row(words, shown(figures), shown(floor))
    yield "\n" + row(f"nearest of {near['among']:,} real", "to a fake", "to a real face")
    for name, words in (("least", "the closest"), ("percentile_1", "the closest 1 % within"), ("median", "median")):
        yield row(words, *(f"{near[kind][name]:.4g}" for kind in ("fake", "real")))


def row(words: str, *figures: str) -> str:
    """One line of a table."""
    return f"{words:<26}" + "".join(f"{figure:>22}" for figure in figures)


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, evaluate, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
