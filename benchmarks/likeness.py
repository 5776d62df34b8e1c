"""Measure how much of a photo can be seen in its anime face: hair, glasses, a smile and so on, look by look.

    python -m benchmarks.likeness --photos photos.zip --no-detect
    python -m benchmarks.likeness --photos folder/ --labels looks.csv    # labels of the photos by eye, too
    python -m benchmarks.likeness --photos folder/ --encoder learned     # another way to draw the faces

Only test photos are used: the number in their names ends in 9. encode.py draws their faces, as a user would call it.
Then two readers say what they see, one in the photos and one in the drawings. For each look, the table has how often
they agree, how often they would by chance, and Cohen's kappa; SEEN is the mean kappa of ten looks. With --labels, it
also has the agreement of both readers with the labels. That of the reader of photos is the ceiling.

The output folder gets the faces, seen.json, and two sheets for people: sheet_1.png and sheet_2.png have 32 photos with
numbers and their faces with letters, in another order; key_1.json and key_2.json solve them. The sheets show real
people: do not publish them. docs/research/likeness.md has what people saw.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.options import option
from animefaces.problems import Problem

PROJECT = Path(__file__).resolve().parent.parent
TEN = ("hair", "length", "sex", "glasses", "beard", "mouth", "smile", "turn", "skin", "age")
KEPT = (("men", "sex", "m"), ("women", "sex", "f"), ("glasses", "glasses", "yes"), ("beards", "beard", "yes"),
        ("open mouths", "mouth", "open"), ("dark skin", "skin", "dark"), ("old", "age", "old"),
        ("grey hair", "hair", "grey"))  # fmt: skip
GROUPS = (("skin", "light"), ("skin", "tan"), ("skin", "dark"), ("sex", "f"), ("sex", "m"), ("age", "young"),
          ("age", "adult"), ("age", "old"))  # fmt: skip
SHEETS = 2


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    photos: tuple[Path, ...] = option((Path("photos.zip"),), "photos: folders and zips")
    labels: Path | None = option(None, "a table (CSV) with a column file, and looks seen by eye in the photos")
    detect: bool = option(True, "look for faces; --no-detect: the photos are tight crops of faces")
    encoder: str = option("looks", "how encode.py draws them", choices=("looks", "learned", "vae"))
    run: Path | None = option(None, "run with the generator (default: the shipped weights)")
    output: Path = option(Path("results/likeness"), "folder for the faces, the figures and the sheets")


def test_photos(paths, folder):
    """Photos -> the files of the test photos, copied into a folder under their own names."""
    from animefaces import sources
    from animefaces.batches import is_test_photo

    files = []
    entries = [entry for path in paths for entry in sources.found(path)]
    for read, together in sources.readers(entries):
        for entry in together:
            name = Path(entry.name).name
            if is_test_photo([name])[0]:
                file = folder / name
                file.write_bytes(read(entry))
                files.append(file)
    if len(files) < 20:
        raise Problem(f"{len(files)} test photos are too few (the number in their names ends in 9): check --photos")
    return sorted(files)


def drawn(options, files, encoder):
    """Photos -> {name: facts}, what encode.py said of each face, and writes the faces to the output folder."""
    from animefaces import runs

    folder = options.output / "faces"
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, PROJECT / "encode.py", *files, "--encoder", encoder, "--output", f"{folder}/",
               "--run", options.run or runs.PRETRAINED]  # fmt: skip
    command += ["--json"] * (encoder == "looks") + ["--no-detect"] * (not options.detect)
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem("encode.py could not draw the faces: see what it says above")
    facts = [json.loads(line) for line in done.stdout.splitlines()] if encoder == "looks" else []
    return {fact["face"]: fact for fact in facts}


def measure(options, given):
    """Draw the faces, print the table, and write seen.json and the sheets."""
    import numpy as np

    from animefaces import images, looks
    from benchmarks.encoded import save_sheet
    from drawing import reading

    with tempfile.TemporaryDirectory() as folder:
        files = test_photos(options.photos, Path(folder))
        facts = drawn(options, files, "looks")
        if options.encoder != "looks":
            drawn(options, files, options.encoder)
        names = [file.stem for file in files if file.stem in facts]
        sizes = {file.stem: file for file in files}
        photos = np.stack([images.read(sizes[name], 128) for name in names])
    faces = np.stack([images.read(options.output / "faces" / f"{name}.png", 64) for name in names])
    sides = {"photo": np.stack([looks.row(facts[name]["photo"]) for name in names]),
             "drawing": reading.open_reader(reading.OF_DRAWINGS).read(faces)}  # fmt: skip
    if options.labels:
        known = {Path(file.name).stem: file.name for file in files}
        sides["label"] = looks.read_table(options.labels, [known[name] for name in names])
    figures = {"photos": len(names), "not found": len(files) - len(names), "encoder": options.encoder}
    pairs = [("photo", "drawing"), ("label", "photo"), ("label", "drawing")][: 3 if options.labels else 1]
    for one, other in pairs:
        figures[f"{one}, {other}"] = agreement(sides[one], sides[other])
    truth = sides.get("label", sides["photo"])
    figures["kept"] = {what: kept(truth, sides["drawing"], name, word) for what, name, word in KEPT}
    for name, word in GROUPS:
        of = truth[:, looks.PLACES[name].start + looks.BY_NAME[name].words.index(word)] == 1
        if of.sum() >= 10:
            seen = agreement(truth[of], sides["drawing"][of], but=name)["seen"]
            figures.setdefault("groups", {})[f"{name} {word}"] = {"photos": int(of.sum()), "seen": seen}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "seen.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    small = np.stack([images.to_array(images.to_image(photo), 64) for photo in photos])
    for number in range(1, SHEETS + 1):
        save_sheet(options.output, names, small, faces, seed=number, number=f"_{number}")
    print("\n".join(report(figures, [f"{one}, {other}" for one, other in pairs])))


def agreement(ours, theirs, but=None):
    """Rows of looks of two sides -> {look: {agree, chance, kappa}}, and the mean kappa of TEN, `but` one, as "seen"."""
    import numpy as np

    from animefaces import looks

    bald = ours[:, looks.PLACES["hair"]][:, -1] == 1  # nobody's hair has no colour
    ours = np.where(bald[:, None] & (np.arange(looks.SIZE) < looks.PLACES["hair"].stop), np.nan, ours)
    figures = {}
    for name, (count, agree, chance, kappa) in looks.agreement(ours, theirs).items():
        figures[name] = {"faces": count, "agree": agree, "chance": chance, "kappa": kappa}
    counted = [figures[name]["kappa"] for name in TEN if name in figures and name != but]
    figures["seen"] = sum(counted) / max(len(counted), 1)
    return figures


def kept(truth, drawing, name, word):
    """Rows of looks, a look and its word -> (of how many photos that say it, in which share the drawing says it)."""
    from animefaces import looks

    of = [row for row, side in zip(drawing, truth, strict=True) if looks.words(side).get(name) == word]
    return len(of), sum(looks.words(row)[name] == word for row in of) / max(len(of), 1)


def report(figures, pairs):
    """Figures -> lines of text: tables in Markdown."""
    yield f"{figures['photos']} test photos ({figures['not found']} without a face), --encoder {figures['encoder']}"
    yield "\n| look | " + " | ".join(f"{pair}: agree, chance, kappa" for pair in pairs) + " |"
    yield "|---" * (1 + len(pairs)) + "|"
    for name in figures[pairs[0]]:
        if name == "seen":
            yield "| **SEEN** | " + " | ".join(f"**{figures[pair]['seen']:.3f}**" for pair in pairs) + " |"
            continue
        cells = [figures[pair].get(name) for pair in pairs]
        cells = [f"{100 * c['agree']:.0f} %, {100 * c['chance']:.0f} %, {c['kappa']:.2f}" if c else "" for c in cells]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield "\n" + "; ".join(f"{what} kept: {100 * share:.0f} % of {n}" for what, (n, share) in figures["kept"].items())
    groups = figures.get("groups", {}).items()
    yield "SEEN by group: " + "; ".join(f"{name} {row['seen']:.2f} ({row['photos']})" for name, row in groups)


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, measure, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
