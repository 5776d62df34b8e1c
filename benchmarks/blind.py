"""Let people judge faces without knowing what drew them: sheets and a question for judges, and a table of their marks.

    python -m benchmarks.blind faces --sources now=results/00001-adapt shipped=models/pretrained real=faces.zip
    python -m benchmarks.blind pairs --sources now=results/00001-adapt before=results/00000-adapt --beside new=new.zip
    python -m benchmarks.blind table --marks ann.csv ben.csv eve.csv

A source is a name, and what it names: a run folder or a .keras file, from which faces are drawn, or a folder or zip of
pictures. `faces` mixes the same number of faces of each source; no two of them have the same seed. `pairs` puts the two
faces of a seed side by side, left and right at random. A judge gets the folder sheets/ and nothing else, reads
question.txt there, gives each number one mark, and writes a CSV file with the columns number,mark. key.csv says what
drew which face. `table` needs it, and no judge may see it.

Judges differ in how strict they are, so compare the rows of one pile only, and have real faces and the first weights
of a training in each pile.
"""

import csv
import io
import itertools
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import Command, run_commands
from animefaces.options import at_least, option
from animefaces.problems import Misuse, Problem
from animefaces.words import counted

SIZE, SIDE = 64, 128  # pixels of a face: as all are compared, and at least on a sheet
TILES, PAIRS = (48, 8), (24, 4)  # how many faces, and how many pairs, a sheet has, and a row of it
FLAWED = (
    "0 if the face is drawn well; 1 if it has a small flaw (soft, one smeared eye, eyes of two colours, hair of two "
    "unrelated colours); 2 if it is broken (no proper face)"
)
LIKELIER = "L if the left face could more likely be one of those real pictures, R if it is the right face."
BETTER = "L if the left face is drawn better, R if it is the right face: clean eyes, mouth, skin and hair."
MARGIN = 6  # at the left and right of a pair, in pixels of its faces
MAKES, PILE = ("faces", "pairs"), ("table",)


@dataclass(frozen=True)
class Options:
    """What is judged, and by whom."""

    sources: tuple[str, ...] = option((), "what drew the faces: NAME=PATH, a run folder, a .keras file, or a folder or "
                                      "zip of pictures", commands=MAKES)  # fmt: skip
    beside: tuple[str, ...] = option((), "NAME=PATH, pictures that the judges see first, on a sheet of that name",
                                     commands=MAKES)  # fmt: skip
    count: int = option(48, "number of faces of each source, or of pairs", at_least(1), commands=MAKES)
    seed: int = option(0, "the first seed of the faces, and of the order", at_least(0), commands=MAKES)
    question: str | None = option(None, "what the marks mean, in a sentence (default: flaws for faces; for pairs the "
                                  "better drawn face, with --beside the one that is more like them)",
                                  commands=MAKES)  # fmt: skip
    marks: tuple[Path, ...] = option((), "the marks, a CSV file of each judge", commands=PILE)
    pile: Path = option(Path("results/blind"), "folder of the sheets and of key.csv")


def named(words, flag):
    """["now=results/run"] -> {"now": Path("results/run")}."""
    pairs = [word.partition("=") for word in words]
    for name, _, path in pairs:
        if not path or Path(name).name != name:  # a name becomes the name of a file
            raise Misuse(f"--{flag} {name}: give a name and what it names, for example now=results/00001-adapt")
    return {name: Path(path) for name, _, path in pairs}


def drawn(path, first, options, last=False):
    """A source -> its faces, uint8 (options.count, SIZE, SIZE, 3).

    Drawn faces are of the seeds from `first` on. Pictures are chosen by chance, others with another options.seed; with
    `last`, others than without it if there are enough: faces to learn from should not be among those that are judged.
    """
    import numpy as np

    from animefaces import dataset, images, latents
    from drawing.opening import open_generator

    count = options.count
    if path.suffix == ".keras" or (path / "options.json").exists():
        generator = open_generator(path)
        faces = generator.draw(latents.from_seeds(range(first, first + count), generator.latent))
        return np.stack([images.to_array(images.to_image(face), SIZE) for face in faces])
    pictures = dataset.open_faces([path], SIZE)
    order = np.random.default_rng(options.seed).permutation(len(pictures))
    if len(order) < count:
        raise Problem(f"{path} has {counted(len(order), 'picture')}, and {count:,} are needed: lower --count")
    return pictures[order[-count:] if last else order[:count]]


def of_faces(sources, options, rng):
    """-> the tiles of all sources, mixed, uint8 (N, H, W, 3), and for each tile the row of the key."""
    import numpy as np

    count = options.count
    tiles = np.concatenate([drawn(path, options.seed + i * count, options) for i, path in enumerate(sources.values())])
    order = rng.permutation(len(tiles))
    return tiles[order], [[list(sources)[i // count]] for i in order]


def of_pairs(sources, options, rng):
    """-> pairs of the faces of two sources, uint8 (N, H, W, 3) with a margin, and for each pair its row of the key."""
    import numpy as np

    if len(sources) != 2:
        raise Misuse(f"--sources: pairs are of two sources, not of {len(sources)}: give two, or make a pile of faces")
    faces = np.stack([drawn(path, options.seed, options) for path in sources.values()], 1)
    sides = rng.permuted(np.arange(options.count) % 2)  # half of the faces of a source are on the left
    rows = np.arange(options.count)
    tiles = np.concatenate([faces[rows, sides], faces[rows, 1 - sides]], axis=2)
    tiles = np.pad(tiles, [(0, 0), (0, 0), (MARGIN, MARGIN), (0, 0)], constant_values=255)
    names = list(sources)
    return tiles, [[names[side], names[1 - side]] for side in sides]


def make(work, columns, question, layout, options):
    """Write the sheets, the question, and the key."""
    import numpy as np

    from animefaces import files, images, sheets

    sources, beside = named(options.sources, "sources"), named(options.beside, "beside")
    if len(sources) < 2:
        raise Misuse("--sources: give at least two, for example now=results/00001-adapt real=faces.zip")
    folder = options.pile / "sheets"
    if folder.exists():
        raise Problem(f"{folder} is there already: name another folder with --pile")
    tiles, key = work(sources, options, np.random.default_rng(options.seed))
    learned = {name: drawn(path, 0, options, last=True) for name, path in beside.items()}
    held, across = layout
    for first in range(0, len(tiles), held):
        part = tiles[first : first + held]
        sheet = sheets.numbered(sheets.enlarge(part, SIDE), range(first, first + len(part)), across)
        images.save(folder / f"sheet_{first // held:02d}.png", sheet)
    for name, pictures in learned.items():
        images.save(folder / f"beside_{name}.png", images.grid(sheets.enlarge(pictures, SIDE), sheets.COLUMNS))
    text = [f"First look at beside_{name}.png: real pictures, {name}." for name in beside]
    text.append("Look at each sheet_*.png. The number of a face, or of a pair of faces, is below it.")
    text.append("Write a CSV file: the first line is number,mark, and then there is one line for each number.")
    text.append(f"The mark is your first impression: {options.question or question}")
    files.write_text(folder / "question.txt", "\n".join(text) + "\n")
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([["number", *columns], *([i, *row] for i, row in enumerate(key))])
    files.write_text(options.pile / "key.csv", lines.getvalue())
    print(f"{counted(len(tiles), 'number')} to judge in {folder}. Show the judges nothing else.")


def faces(options, given):
    """A pile of single faces."""
    make(of_faces, ["source"], FLAWED, TILES, options)


def pairs(options, given):
    """A pile of pairs."""
    make(of_pairs, ["left", "right"], LIKELIER if options.beside else BETTER, PAIRS, options)


def read(path, *columns):
    """A CSV file with a column number -> {number: the cells of the columns}."""
    from animefaces import tables

    try:
        with path.open(encoding="utf-8") as lines:
            rows = [(int(row["number"]), *(row[name].strip() for name in columns))
                    for row in tables.rows(lines, "number", *columns)]  # fmt: skip
    except (AttributeError, ValueError) as fault:
        raise Problem(f"{path} is no table of {', '.join(('number', *columns))}: {fault}") from None
    found = {number: cells for number, *cells in rows}
    if len(found) < len(rows):
        raise Problem(f"{path} has a number twice: give each number one mark")
    return found


def judged(options, given):
    """Print what the judges marked."""
    key_file = options.pile / "key.csv"
    if not key_file.exists():
        raise Problem(f"{key_file} is missing: make the pile first, or name its folder with --pile")
    if not options.marks:
        raise Misuse("--marks: give the CSV file of at least one judge")
    are_pairs = "left" in key_file.read_text(encoding="utf-8").partition("\n")[0]
    key = read(key_file, *(("left", "right") if are_pairs else ("source",)))
    marks = []
    for path in options.marks:
        found = {number: cells[0] for number, cells in read(path, "mark").items()}
        if found.keys() != key.keys():
            missing = sorted(found.keys() ^ key.keys())[0]
            raise Problem(f"{path} does not fit the pile in {options.pile}: see number {missing}")
        if are_pairs:
            wrong = next((mark for mark in found.values() if mark.upper() not in ("L", "R")), None)
            if wrong is not None:
                raise Problem(f"{path} has the mark {wrong!r}: a pair is marked L or R")
            found = {number: key[number]["LR".index(mark.upper())] for number, mark in found.items()}
        marks.append(found)
    print("\n".join(chosen(key, marks) if are_pairs else shares(key, marks)))


def shares(key, marks):
    """The key of a pile of faces and marks -> lines of a Markdown table: how often each judge gave which mark."""
    every = sorted({mark for found in marks for mark in found.values()})
    yield f"| faces | {' | '.join(every)} |"
    yield "|---" * (len(every) + 1) + "|"
    for source in dict.fromkeys(row[0] for row in sorted(key.values())):
        numbers = [number for number, row in key.items() if row[0] == source]
        counts = [Counter(found[number] for number in numbers) for found in marks]
        cells = (", ".join(f"{count[mark] / len(numbers):.0%}" for count in counts) for mark in every)
        yield f"| {len(numbers)} of {source} | {' | '.join(cells)} |"
    yield from agreement(marks)


def chosen(key, marks):
    """The key of a pile of pairs and marks -> lines of a Markdown table: how often each judge chose which source."""
    yield "| of the pairs, chosen | by each judge |"
    yield "|---|---|"
    for source in sorted(key[min(key)]):
        yield f"| {source} | {', '.join(str(list(m.values()).count(source)) for m in marks)} of {len(key)} |"
    yield from agreement(marks)


def agreement(marks):
    """Marks of judges -> a line that says how often two of them gave the same mark."""
    same = [sum(a[n] == b[n] for n in a) / len(a) for a, b in itertools.combinations(marks, 2)]
    if same:
        yield ""
        yield f"Two judges gave the same mark to {min(same):.0%} to {max(same):.0%}."


COMMANDS = [
    Command(Options, faces, __doc__, "faces"),
    Command(Options, pairs, __doc__, "pairs"),
    Command(Options, judged, __doc__, "table"),
]


def main(argv=None):
    """Command line -> exit code."""
    return run_commands(COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
