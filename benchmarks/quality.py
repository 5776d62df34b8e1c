"""Compare recipes: which one gives the best faces in the same time on the same machine.

    python -m benchmarks.quality --data faces.zip --features network.keras                 # 30 minutes each
    python -m benchmarks.quality --data faces.zip --features network.keras --minutes 480 --recipes light modern

For every recipe, train.py trains for half of the minutes, and evaluate.py measures the faces. Then train.py trains for
the other half, and evaluate.py measures again: if the distance still falls, the recipe needs more time. If you stop the
benchmark and start it again with the same --output, it goes on. Run nothing else on the machine during that time. A
recipe can have flags: "light --batch-size 32". For long trainings, add --steps: otherwise a recipe stops after its own
number of steps.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from animefaces import logs, metrics

SEEDS = ("pooled", "noisy", "tutorial", "soft", "paper")  # the recipes of hobby projects, unchanged
SHARES = (0.5, 1.0)  # each recipe is measured after these shares of the minutes
SAMPLES = 10  # number of faces of each recipe in samples.png: seeds 0, 1, 2, ...


def script(name, *words):
    """Run a program -> its stdout. Its stderr is shown to the user. If it fails, the benchmark ends."""
    command = [sys.executable, f"{name}.py", *map(str, words)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def folder_of(output, contestant):
    """A recipe with its flags -> the folder for its run and its figures."""
    return output / "".join(c if c.isalnum() else "-" for c in contestant)


def measure(contestant, arguments):
    """A recipe with its flags -> a list of figures, a dict for each of SHARES. Trains where figures are missing."""
    folder = folder_of(arguments.output, contestant)
    recipe, *flags = shlex.split(contestant)
    rows = []
    for share in SHARES:
        kept = folder / f"after-{share:g}.json"
        if not kept.exists():
            goes_on = (folder / "run" / "options.json").exists()
            train = ["--run", folder / "run", "--data", *arguments.data, "--minutes", share * arguments.minutes]
            script("train", *train, *([] if goes_on else ["--recipe", recipe, *flags]))
            kept.write_text(json.dumps(figures(folder, arguments), indent=2) + "\n", encoding="utf-8")
        rows.append(json.loads(kept.read_text(encoding="utf-8")))
    script("generate", "--run", folder / "run" / "generator.keras", "--count", SAMPLES, "--output", f"{folder}/faces/")
    return rows


def figures(folder, arguments):
    """The folder of a recipe -> the measures of its newest generator, the pictures it has seen, and the seconds."""
    fake = ["--fake", folder / "run" / "generator.keras", "--output", folder / "nearest.png"]
    words = ["--real", *arguments.data, *fake, "--features", arguments.features, "--count", arguments.count, "--json"]
    measured = json.loads(script("evaluate", *words))
    last = logs.read(folder / "run")[-1]
    options = json.loads((folder / "run" / "options.json").read_text(encoding="utf-8"))["options"]
    return {**measured, "images": last["step"] * options["batch_size"], "seconds": last["seconds"]}


def table(rows):
    """Figures of recipes -> the lines of a Markdown table, the best recipe first."""
    columns = ["recipe", "images seen", "seconds", "kernel distance x1000, half-way", "at the end", "Fréchet distance",
               "precision", "recall", "another eye fits better"]  # fmt: skip
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for name, (half, end) in sorted(rows.items(), key=lambda row: row[1][-1]["kernel_distance"]):
        kernels = (f"{1000 * x['kernel_distance']:.1f} +- {1000 * x['kernel_error']:.1f}" for x in (half, end))
        others = (
            f"{end['frechet_distance']:.1f}",
            f"{end['precision']:.2f}",
            f"{end['recall']:.2f}",
            metrics.SHOWN["another eye fits better"](end),
        )
        cells = [f"`{name}`", f"{end['images']:,}", f"{end['seconds']:,.0f}", *kernels, *others]
        yield f"| {' | '.join(cells)} |"


def draw(output, names):
    """Draw samples.png: a row of faces for each recipe, in the order of the table."""
    from animefaces import images

    folders = [folder_of(output, name) / "faces" for name in names]
    rows = [np.stack([images.read(file) for file in sorted(folder.glob("*.png"))]) for folder in folders]
    images.save(output / "samples.png", images.grid(np.concatenate(rows), columns=SAMPLES))


def main():
    """Train, measure, print the table and draw the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--features", required=True, help="network to measure in, as for evaluate.py")
    parser.add_argument("--recipes", nargs="+", default=[*SEEDS, "light", "modern"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--count", type=int, default=5000, help="faces of each kind that are compared")
    parser.add_argument("--output", type=Path, default=Path("results/quality"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = {name: measure(name, arguments) for name in arguments.recipes}
    lines = list(table(rows))
    (arguments.output / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    draw(arguments.output, sorted(rows, key=lambda name: rows[name][-1]["kernel_distance"]))


if __name__ == "__main__":
    main()
