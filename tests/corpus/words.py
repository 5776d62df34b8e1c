"""Command lines that cannot be right: each is refused before any work, with the words that were typed."""

import functools
import os
import re
from pathlib import Path

from tests.corpus import made, readers
from tests.corpus.case import Case, must, refused, run, warned

# program, command line, words that the line must have
LINES = """
train       --no-such-flag              | --no-such-flag
train       --steps                     | --steps
train       --steps 0                   | --steps
train       --steps -5                  | --steps
train       --steps 1e9                 | --steps
train       --steps many                | --steps | many
train       --steps nan                 | --steps
train       --minutes 0                 | --minutes
train       --minutes inf               | --minutes
train       --size 7                    | --size
train       --size 100000               | --size
train       --batch-size 0              | --batch-size
train       --latent 0                  | --latent
train       --channels 2                | --channels
train       --recipe none               | --recipe | none
train       --generator-widths 1,x      | --generator-widths
train       --generator-widths 0,0      | --generator-widths
train       --real-label 1,2,3          | --real-label
train       --augment blur              | --augment | blur
train       --precision float8          | --precision
train       --learning-rate 0           | --learning-rate
train       --seed -1                   | --seed
train       --data                      | --data
train       gan vae                     | vae
train       cat                         | cat
train       pics                        | pics
train       --run                       | --run
train       --steps 2 --steps           | --steps
train       --data=                     | --data
train       --init-from nowhere         | nowhere
train       --data nowhere              | nowhere
preprocess  --input nowhere             | nowhere
preprocess  --size 63                   | --size
preprocess  --detector none --size 1024 | --size
preprocess  --detector cat              | cat
preprocess  --detector no_module:find   | no_module
preprocess  --detector os:no_function   | no_function
preprocess  --cascade nowhere.xml       | --cascade
preprocess  --detector lbpcascade --cascade nowhere.xml | nowhere.xml
preprocess  --limit 0                   | --limit
preprocess  --margin -1                 | --margin
preprocess  --workers 0                 | --workers
preprocess  --timeout 0                 | --timeout
preprocess  --max-outside 2             | --max-outside
preprocess  pics                        | pics
generate    --count 0                   | --count
generate    --count 100000000           | --count
generate    --count 20000               | 20,000
generate    --seeds 9-3                 | --seeds | 9-3
generate    --seeds a                   | --seeds
generate    --seeds ,                   | --seeds
generate    --seeds 0-99999999999       | --seeds
generate    --seed -1                   | --seed
generate    --seed 0 --seeds 1          | --seed | --seeds
generate    --latents nowhere.npz       | nowhere.npz
generate    --run nowhere               | nowhere
generate    --truncation 9              | --truncation
generate    --output faces.jpg          | --output | faces.jpg
generate    --output -                  | --output
generate    --edit smile                | --edit
generate    --edit =1                   | --edit
generate    --edit nose=1               | nose
generate    faces.png                   | faces.png
encode                                  | photo
encode      nowhere.jpg                 | nowhere.jpg
encode      a.png --variants 99         | --variants
encode      a.png --refine -1           | --refine
encode      a.png --encoder cat         | --encoder
encode      a.png --output a.jpg        | --output | a.jpg
encode      a.png --run nowhere         | nowhere
explore     cat                         | cat
explore     walk --frames 0             | --frames
explore     walk --count 1 --walks 2    | --walks|--count
explore     walk --output a.png         | --output | a.png
explore     walk --run nowhere          | nowhere
explore     features --layer cat        | cat|--data
explore     neighbours --data nowhere   | nowhere
evaluate    --real nowhere              | nowhere
evaluate    --count 1                   | --count
evaluate    --features cat              | cat | --features
evaluate    --features nowhere.keras    | nowhere.keras
evaluate    --size 4                    | --size
evaluate    --fake nowhere --features discriminator | nowhere
"""
SHORT = ("generate    --seeds 9-3", "train       --size 7", "encode      nowhere.jpg")


def cases(short: bool = False) -> list[Case]:
    """Each line."""
    found = []
    for line in filter(None, LINES.splitlines()):
        typed, *named = (part.strip() for part in line.split(" | "))
        program, *words = typed.split()
        found.append(Case("command lines", f"{program}.py {' '.join(words)}", functools.partial(
            _tried, program, words, named), typed.startswith(SHORT)))  # fmt: skip
    for name, tried in ONE.items():
        found.append(Case("one of a thing", name, functools.partial(_one, tried), name.startswith("encode")))
    return found


def _train_one():
    return readers.train(made.good("set", 1))[0]


def _skip_one():
    (made.good("set", 10) / "x.png").write_bytes(b"broken")
    return readers.train(Path("set"))[0]


def _preprocess(count):
    return lambda: run("preprocess", "--input", made.good("set", count), "--output", "crops", *made.WHOLE)


def _encode(*more):
    def tried():
        photos = sorted(made.good("set", 1).iterdir())
        return run("encode", *photos, *more, "--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe())

    return tried


def _encode_broken():
    (made.good("set", 1) / "x.png").write_bytes(b"broken")
    return run(
        "encode", *sorted(Path("set").iterdir()), "--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe()
    )


def _generate(*more):
    return lambda: run("generate", "--run", made.trained(), "--count", "1", *more)


# How the programs speak of one face, one picture and one step.
ONE = {
    "one picture, train.py": _train_one,
    "one picture is left out, train.py": _skip_one,
    "one step, train.py": lambda: readers.train(made.good("set", 10), "--steps", "1")[0],
    "one picture, preprocess.py": _preprocess(1),
    "one face on a card, encode.py": _encode(),
    "one face in a folder, encode.py": _encode("--output", "out/"),
    "one photo is left out, encode.py": _encode_broken,
    "one face, generate.py": _generate(),
    "one face in a folder, generate.py": _generate("--output", "out/"),
    "one face as a film, generate.py": _generate("--output", "a.gif"),
    "one face for two walks, explore.py walk": lambda: run(
        "explore", "walk", "--run", made.trained(), "--count", "1", "--walks", "2"
    ),
    "one face, explore.py walk": lambda: run("explore", "walk", "--run", made.trained(), "--count", "1"),
}


def _one(tried):
    done = tried()
    plural = re.search(r"(?<![\w.,-])1 (faces|pictures|photos|files|steps|images)\b", done.said)
    must(not plural, f"a wrong plural: {plural and plural[0]!r}", done)
    return warned(done) if done.code == 0 else "refused"


def _tried(program, words, named):
    (Path("a.png")).write_bytes(made.encoded("PNG"))
    if "--real" not in words and program == "evaluate":
        words = ["--real", made.good("set", 10), *words]
    if program == "preprocess" and "--detector" not in words and "--cascade" not in words:
        words = ["--detector", "none", *words]
    before = set(os.listdir())
    done = run(program, *words)
    result = refused(done, *named)
    left = set(os.listdir()) - before - {"data", "results"}
    must(not left, f"it leaves files behind: {left}", done)
    return result
