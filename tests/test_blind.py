"""Faces that are judged blind: sheets, a key, and a table of the marks."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from animefaces import images
from benchmarks import blind
from demo import cartoons


@pytest.fixture
def sources():
    """--sources of two folders: dark pictures and light ones, each of its own shade."""
    for name, shade in (("dark", 0), ("light", 200)):
        for i in range(12):
            images.save(f"{name}/{i:02d}.png", np.full((16, 16, 3), shade + 4 * i, np.uint8))
    return ["--sources", "dark=dark", "light=light"]


def key_of(pile="results/blind"):
    return list(csv.reader(io.StringIO(Path(pile, "key.csv").read_text("utf-8"))))[1:]


def write_marks(name, marks):
    lines = [f"{number},{mark}" for number, mark in enumerate(marks)]
    Path(name).write_text("\n".join(["number,mark", *lines]) + "\n", "utf-8")


def tile(sheet, number, columns, width):
    """The middle grey of a tile of a sheet."""
    y, x = number // columns * (blind.SIDE + 15), number % columns * (width + 4)
    return int(sheet[y + blind.SIDE // 2, x + width // 2, 0])


def test_a_pile_of_faces_is_mixed_and_its_key_is_true(sources, capsys):
    assert blind.main(["faces", *sources, "--count", "6", "--beside", "style=light", "--question", "One or two?"]) == 0
    key = key_of()
    names = [name for _, name in key]
    assert sorted(names) == ["dark"] * 6 + ["light"] * 6
    assert names != sorted(names)
    sheet = images.read("results/blind/sheets/sheet_00.png")
    shown = [tile(sheet, number, 8, 128) for number in range(12)]
    assert [shade >= 200 for shade in shown] == [name == "light" for name in names]
    assert len(set(shown)) == 12  # no face twice
    files = {path.name for path in Path("results/blind/sheets").iterdir()}
    assert files == {"sheet_00.png", "beside_style.png", "question.txt"}  # what a judge gets says nothing else
    said = Path("results/blind/sheets/question.txt").read_text("utf-8")
    assert "One or two?" in said
    assert "beside_style.png" in said


def test_the_faces_of_a_pair_are_of_one_seed_and_their_sides_are_balanced(trained):
    twice = [f"{name}={trained}" for name in ("one", "two")]
    assert blind.main(["pairs", "--sources", *twice, "--count", "8", "--seed", "3"]) == 0
    left = [row[1] for row in key_of()]
    assert sorted(left) == ["one"] * 4 + ["two"] * 4
    assert left != ["one", "two"] * 4
    sheet = images.read("results/blind/sheets/sheet_00.png")
    wide, margin = 2 * blind.SIDE + 4 * blind.MARGIN, 2 * blind.MARGIN
    inner = slice(8, -8)  # at its border a face is mixed with its neighbour
    first, other, second = (sheet[: blind.SIDE, start : start + blind.SIDE][:, inner]
                            for start in (margin, margin + blind.SIDE, wide + 4 + margin))  # fmt: skip
    assert np.array_equal(first, other)
    assert not np.array_equal(first, second)


def test_faces_to_learn_from_are_not_judged():
    for seed in range(12):
        images.save(f"faces/{seed:02d}.png", cartoons.draw(seed, 16))
    options = blind.Options(count=6, seed=3)
    judged, learned = blind.drawn(Path("faces"), 0, options), blind.drawn(Path("faces"), 0, options, last=True)
    assert not {face.tobytes() for face in judged} & {face.tobytes() for face in learned}


def test_the_table_of_faces(sources, capsys):
    assert blind.main(["faces", *sources, "--count", "4"]) == 0
    right = ["0" if name == "dark" else "2" for _, name in key_of()]
    first = right.index("0")
    write_marks("ann.csv", right)
    write_marks("ben.csv", [*right[:first], "1", *right[first + 1 :]])
    capsys.readouterr()
    assert blind.main(["table", "--marks", "ann.csv", "ben.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| faces | 0 | 1 | 2 |"
    assert lines[2] == "| 4 of dark | 100%, 75% | 0%, 25% | 0%, 0% |"
    assert lines[3] == "| 4 of light | 0%, 0% | 0%, 0% | 100%, 100% |"
    assert lines[-1] == "Two judges gave the same mark to 88% to 88%."


def test_the_table_of_pairs(sources, capsys):
    assert blind.main(["pairs", *sources, "--count", "6"]) == 0
    write_marks("ann.csv", ["L" if left == "dark" else "r" for _, left, _ in key_of()])
    write_marks("ben.csv", ["L"] * 6)
    capsys.readouterr()
    assert blind.main(["table", "--marks", "ann.csv", "ben.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == ["| dark | 6, 3 of 6 |", "| light | 0, 3 of 6 |"]


def test_what_a_pile_needs(sources, refused):
    assert "make the pile first" in refused(blind.main, ["table", "--marks", "ann.csv"], 1)
    assert "at least two" in refused(blind.main, ["faces"], 2)
    assert "give a name and what it names" in refused(blind.main, ["faces", "--sources", "dark", "light"], 2)
    assert "give a name" in refused(blind.main, ["faces", *sources, "--beside", "../style=light"], 2)
    few = [*sources, "more=dark", "--count", "12", "--beside", "style=few"]
    images.save("few/0.png", np.zeros((16, 16, 3), np.uint8))
    assert "1 picture, and 12 are needed" in refused(blind.main, ["faces", *few], 1)
    assert not Path("results").exists()
    assert "12 pictures, and 13 are needed" in refused(blind.main, ["faces", *sources, "--count", "13"], 1)
    assert "pairs are of two sources, not of 3" in refused(blind.main, ["pairs", *sources, "more=dark"], 2)
    assert blind.main(["pairs", *sources, "--count", "4"]) == 0
    assert "is there already: name another folder" in refused(blind.main, ["faces", *sources], 1)
    assert "the CSV file of at least one judge" in refused(blind.main, ["table"], 2)
    for marks, words in ((["L"] * 3, "see number 3"), (["L"] * 5, "see number 4"), ([*"LLL", "0"], "the mark '0'")):
        write_marks("ann.csv", marks)
        assert words in refused(blind.main, ["table", "--marks", "ann.csv"], 1)
    Path("ann.csv").write_text("number,mark\n0,L\n0,R\n", "utf-8")
    assert "a number twice" in refused(blind.main, ["table", "--marks", "ann.csv"], 1)
    Path("ann.csv").write_text("0,L\n", "utf-8")
    assert "no table of number, mark" in refused(blind.main, ["table", "--marks", "ann.csv"], 1)
