"""Which recipe gives the best faces in the same time on the same machine.

    python -m benchmarks.quality --data faces.zip --features network.keras                 # 30 minutes each
    python -m benchmarks.quality --data faces.zip --features network.keras --minutes 480 --recipes light modern

Every recipe is trained by train.py for half of the minutes, measured by evaluate.py, trained for the other half
and measured again: what still falls has not had enough. Called again with the same --output, it goes on where it
was stopped. Leave the machine alone meanwhile. A recipe may carry flags: "light --batch-size 32"; for a night,
--steps among them, since no recipe trains for more than its own.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

SEEDS = ("pooled", "noisy", "tutorial", "soft", "paper")  # the hobby projects' recipes, as they are
SHARES = (0.5, 1.0)  # of the minutes, after which a recipe is measured
SAMPLES = 10  # faces of each recipe on the picture: seeds 0 and on


def script(name, *words):
    """Run one of the scripts -> what it printed. Its bars and warnings pass through; a failure ends the benchmark."""
    command = [sys.executable, f"{name}.py", *map(str, words)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def folder_of(output, contestant):
    """Where all that is about a contestant goes."""
    return output / "".join(c if c.isalnum() else "-" for c in contestant)


def measure(contestant, arguments):
    """A recipe with its flags -> a dict for each share of the minutes."""
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
    """The measures of a run as it stands, and what they cost."""
    fake = ["--fake", folder / "run" / "generator.keras", "--output", folder / "nearest.png"]
    words = ["--real", *arguments.data, *fake, "--features", arguments.features, "--count", arguments.count, "--json"]
    measured = json.loads(script("evaluate", *words))
    last = json.loads((folder / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    options = json.loads((folder / "run" / "options.json").read_text(encoding="utf-8"))["options"]
    return {**measured, "images": last["step"] * options["batch_size"], "seconds": last["seconds"]}


def table(rows):
    """Contestants and their figures -> lines of a Markdown table, best first."""
    columns = ["recipe", "images seen", "seconds", "kernel distance x1000, half-way", "at the end", "Fréchet distance",
               "precision", "recall"]  # fmt: skip
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for name, (half, end) in sorted(rows.items(), key=lambda row: row[1][-1]["kernel_distance"]):
        kernels = (f"{1000 * x['kernel_distance']:.1f} +- {1000 * x['kernel_error']:.1f}" for x in (half, end))
        others = f"{end['frechet_distance']:.1f}", f"{end['precision']:.2f}", f"{end['recall']:.2f}"
        cells = [f"`{name}`", f"{end['images']:,}", f"{end['seconds']:,.0f}", *kernels, *others]
        yield f"| {' | '.join(cells)} |"


def draw(output, names):
    """One row of samples for each contestant, in the order of the table."""
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
