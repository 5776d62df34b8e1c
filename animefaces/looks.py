"""What anybody can see in a face, on a photo or drawn: the colour of the hair, glasses, a smile and so on.

A look has classes: the hair is black, brown and so on. A reader gives each class of each look a probability, and a
face's row of looks is all of them in one array, float32 (SIZE,), in the order of LOOKS.

This module is read by --help, so it imports nothing heavy before it is used.
"""

import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from animefaces import tables
from animefaces.problems import Problem

if TYPE_CHECKING:
    import numpy as np

YES, NO = "yes", "no"


class Look(NamedTuple):
    """One look. Each class has a letter in tables, and a word that people type and read."""

    name: str
    letters: str
    words: tuple[str, ...]


HAIR = ("black", "brown", "blond", "red", "grey", "blue", "green", "pink", "violet", "none")
NATURAL = 5  # so many of the colours, the first ones, grow on people
LOOKS = (
    Look("hair", "kbyrgBGPVn", HAIR),  # n: bald, or not to be seen
    Look("length", "sl", ("short", "long")),  # long: beside the jaw or the neck
    Look("fringe", "ny", (NO, YES)),
    Look("sex", "fm", ("f", "m")),  # as anybody would say at a glance
    Look("glasses", "ny", (NO, YES)),
    Look("beard", "ny", (NO, YES)),
    Look("mouth", "co", ("closed", "open")),
    Look("smile", "ny", (NO, YES)),
    Look("turn", "LFR", ("left", "front", "right")),  # where the face points, as the viewer sees it
    Look("skin", "123", ("light", "tan", "dark")),
    Look("age", "yao", ("young", "adult", "old")),  # below 30, above 50
    Look("hat", "ny", (NO, YES)),
    Look("eyes", "oc", ("open", "closed")),
    Look("flaw", "01", (NO, YES)),  # badly drawn; of drawings only
)
BY_NAME = {look.name: look for look in LOOKS}
SAME = {("length", "n"): "s", ("length", "m"): "l", ("flaw", "2"): "1"}  # finer letters of tables -> ours
SIZES = tuple(len(look.letters) for look in LOOKS)
SIZE = sum(SIZES)
PLACES = {look.name: slice(end - len(look.letters), end)
          for look, end in zip(LOOKS, itertools.accumulate(SIZES), strict=True)}  # fmt: skip
UNKNOWN = ("", "?")


def row(words: Mapping[str, str], start: "np.ndarray | None" = None) -> "np.ndarray":
    """Words by the names of their looks -> a row of looks. Other looks are as in `start`; without it, they are nan."""
    import numpy as np

    made = np.full(SIZE, np.nan, np.float32) if start is None else np.array(start, np.float32)
    for name, word in words.items():
        made[PLACES[name]] = 0
        made[PLACES[name].start + BY_NAME[name].words.index(word)] = 1
    return made


def words(looks: "np.ndarray") -> dict[str, str]:
    """A row of looks -> the likeliest word for each look that is known, by the look's name."""
    import numpy as np

    return {look.name: look.words[int(looks[PLACES[look.name]].argmax())]
            for look in LOOKS if not np.isnan(looks[PLACES[look.name]]).any()}  # fmt: skip


def sentence(said: Mapping[str, str]) -> str:
    """Words by the names of their looks -> what people say: "a man, adult, black short hair, glasses, smiling"."""
    hair, turn, skin = (said.get(name) for name in ("hair", "turn", "skin"))
    parts = [{"f": "a woman", "m": "a man"}.get(said.get("sex", ""), "a face"), said.get("age")]
    parts.append("no hair" if hair == "none" else " ".join(filter(None, (hair, said.get("length"), "hair"))))
    parts += [name for name in ("fringe", "glasses", "beard", "hat") if said.get(name) == YES]
    parts += ["smiling"] * (said.get("smile") == YES) + ["mouth open"] * (said.get("mouth") == "open")
    parts += ["eyes closed"] * (said.get("eyes") == "closed")
    parts += [f"turned {turn}"] * (turn in ("left", "right")) + [f"{skin} skin"] * (skin in ("tan", "dark"))
    return ", ".join(filter(None, parts))


def mirrored(looks: "np.ndarray") -> "np.ndarray":
    """Rows of looks (..., SIZE) -> those of the mirror images: left is right."""
    import numpy as np

    made = np.array(looks)
    made[..., PLACES["turn"]] = made[..., PLACES["turn"]][..., ::-1]
    return made


def read_table(path: Path, names: Sequence[str], key: str = "file") -> "np.ndarray":
    """A table (CSV) with a column `key` and columns named like looks, and names of pictures -> rows of looks.

    They are float32 (N, SIZE), nan where the table does not say it: a cell that is empty or "?", a column or a picture
    that it does not have. A cell holds one of the look's letters. Raises Problem.
    """
    import numpy as np

    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = tables.rows(file, key)
            known = [look for look in LOOKS if look.name in (reader.fieldnames or ())]
            table = {line[key]: _letters(line, known) for line in reader}
    except (KeyError, TypeError, ValueError, csv.Error) as fault:
        raise Problem(f"{path} is no table of looks ({' '.join(str(fault).split())}): it needs a column {key} and "
                      f"columns like {', '.join(BY_NAME)}; check --labels") from fault  # fmt: skip
    if not known:
        raise Problem(f"{path} has no look among its columns: name them {', '.join(BY_NAME)}; check --labels")
    unknown = np.full(SIZE, np.nan, np.float32)
    rows = np.array([table.get(Path(name).name, unknown) for name in names], np.float32)
    if np.isnan(rows).all():
        raise Problem(f"{path} names none of the pictures: its column {key} must hold their file names")
    return rows


def _letters(line, known):
    import numpy as np

    made = np.full(SIZE, np.nan, np.float32)
    for look in known:
        letter = (line[look.name] or "").strip()  # None: the row is too short
        if letter in UNKNOWN:
            continue
        letter = SAME.get((look.name, letter), letter)
        if len(letter) != 1 or letter not in look.letters:
            raise ValueError(f"{look.name} is {letter!r}, not one of {', '.join(look.letters)}")
        made[PLACES[look.name]] = 0
        made[PLACES[look.name].start + look.letters.index(letter)] = 1
    return made


def agreement(ours: "np.ndarray", theirs: "np.ndarray") -> dict[str, tuple[int, float, float, float]]:
    """Rows of looks of the same faces by two readers -> {look: (faces, agreement, by chance, kappa)}.

    Only the faces count whose look both know. Cohen's kappa is 0 if they agree as often as by chance, and 1 if they
    always agree.
    """
    import numpy as np

    figures = {}
    for look in LOOKS:
        one, other = ours[:, PLACES[look.name]], theirs[:, PLACES[look.name]]
        both = ~(np.isnan(one).any(axis=1) | np.isnan(other).any(axis=1))
        if not both.any():
            continue
        a, b = one[both].argmax(axis=1), other[both].argmax(axis=1)
        shares = [np.bincount(side, minlength=len(look.letters)) / len(a) for side in (a, b)]
        agree, chance = float((a == b).mean()), float(shares[0] @ shares[1])
        figures[look.name] = len(a), agree, chance, (agree - chance) / (1 - chance) if chance < 1 else 0.0
    return figures
