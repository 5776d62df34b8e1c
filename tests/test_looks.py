"""Looks: rows of probabilities, tables of letters, words; and how well two readers agree."""

import numpy as np
import pytest

from animefaces import looks
from animefaces.problems import Problem

EVERY = {look.name: look.words[-1] for look in looks.LOOKS}


def test_the_places_of_the_looks_fill_a_row():
    taken = np.concatenate([np.arange(looks.SIZE)[place] for place in looks.PLACES.values()])
    assert np.array_equal(taken, np.arange(looks.SIZE))
    assert all(len(look.letters) == len(look.words) for look in looks.LOOKS)


def test_words_come_back_from_a_row():
    assert looks.words(looks.row(EVERY)) == EVERY
    assert looks.words(looks.row({"hair": "red"})) == {"hair": "red"}
    assert looks.words(looks.row({"hair": "red"}, looks.row(EVERY))) == {**EVERY, "hair": "red"}


def test_the_mirror_image_is_turned_the_other_way():
    row = looks.row({"turn": "left", "sex": "m"})
    assert looks.words(looks.mirrored(row)) == {"turn": "right", "sex": "m"}
    assert np.array_equal(looks.mirrored(looks.mirrored(row[None])), row[None], equal_nan=True)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"sex": "m", "age": "adult", "hair": "black", "length": "short", "glasses": "yes", "smile": "no"},
         "a man, adult, black short hair, glasses"),
        ({"sex": "f", "hair": "none", "length": "short", "mouth": "open", "smile": "yes", "turn": "left"},
         "a woman, no hair, smiling, mouth open, turned left"),
        ({"turn": "front", "skin": "light", "eyes": "closed"}, "a face, hair, eyes closed"),
    ],
)  # fmt: skip
def test_sentences(said, sentence):
    assert looks.sentence(said) == sentence


def write_table(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_says_what_it_knows(tmp_path):
    table = write_table(tmp_path / "looks.csv", "file,hair,length,turn,note", "a.png,k,m,L,x", "b.png,?,n,,y")
    rows = looks.read_table(table, ["folder/b.png", "a.png", "c.png"])
    assert looks.words(rows[0]) == {"length": "short"}  # n is a finer letter for short
    assert looks.words(rows[1]) == {"hair": "black", "length": "long", "turn": "left"}
    assert np.isnan(rows[2]).all()
    short = looks.read_table(write_table(tmp_path / "short.csv", "file,hair,glasses", "a.png,k"), ["a.png"])
    assert looks.words(short[0]) == {"hair": "black"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["file,hair", "a.png,black"], "hair is 'black', not one of k"),
        (["file,hair", "a.png,kb"], "hair is 'kb'"),
        (["name,hair", "a.png,k"], "it has no column file; its first line is 'name,hair'.: it needs a column file"),
        (["file,colour", "a.png,k"], "no look among its columns"),
        (["file,hair", "b.png,k"], "names none of the pictures"),
    ],
)
def test_a_table_that_will_not_do(tmp_path, lines, words):
    with pytest.raises(Problem, match=words):
        looks.read_table(write_table(tmp_path / "looks.csv", *lines), ["a.png"])


def test_agreement_by_hand():
    ours = np.stack([looks.row({"sex": word}) for word in "mmff"])
    theirs = np.stack([looks.row({"sex": word}) for word in "mfff"])
    count, agree, chance, kappa = looks.agreement(ours, theirs)["sex"]
    assert (count, agree, chance) == (4, 0.75, 0.5 * 0.25 + 0.5 * 0.75)
    assert kappa == pytest.approx((0.75 - 0.5) / 0.5)
    assert list(looks.agreement(ours, theirs)) == ["sex"]


def test_agreement_skips_what_one_side_does_not_know():
    ours = np.stack([looks.row({"sex": "m"}), looks.row({"sex": "f"}), looks.row({})])
    theirs = np.stack([looks.row({"sex": "m"}), looks.row({"sex": "f"}), looks.row({"sex": "m"})])
    assert looks.agreement(ours, theirs)["sex"] == (2, 1.0, 0.5, 1.0)
