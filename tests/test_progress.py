"""Progress: a bar in a terminal, plain lines where there is none."""

import os
import subprocess
import sys

import pytest
from conftest import PROJECT

from animefaces import progress


@pytest.fixture
def clock(monkeypatch):
    """A list with the time, to be changed."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_every_minute(clock, capsys):
    for _ in progress.Bar(range(960), desc="finding faces", unit="img"):
        clock[0] += 0.25
    assert capsys.readouterr() == (
        "",
        "finding faces: 240 of 960 img, 25%, 01:00 passed, about 03:00 left\n"
        "finding faces: 480 of 960 img, 50%, 02:00 passed, about 02:00 left\n"
        "finding faces: 720 of 960 img, 75%, 03:00 passed, about 01:00 left\n"
        "finding faces: 960 of 960 img, 100%, 04:00 passed, about 00:00 left\n",
    )


def test_the_time_left_is_reckoned_from_this_part_alone(clock, capsys):
    with progress.Bar(total=1, initial=0.9, desc="training") as bar:
        bar.note("step 3,000, 47 img/s")
        clock[0] = 60
        bar.update(0.02)
    assert capsys.readouterr().err == "training: 92%, step 3,000, 47 img/s, 01:00 passed, about 04:00 left\n"


def test_after_a_rollback_the_time_left_is_unknown(clock, capsys):
    with progress.Bar(total=1, initial=0.5, desc="training") as bar:
        clock[0] = 61
        bar.update(-0.1)
    assert capsys.readouterr().err == "training: 40%, 01:01 passed\n"


def test_without_a_total_the_count_is_told(clock, capsys):
    with progress.Bar(desc="scraping", unit="img") as bar:
        clock[0] = 60
        bar.update(7000)
    assert capsys.readouterr().err == "scraping: 7,000 img, 01:00 passed\n"


@pytest.mark.parametrize(
    ("total", "unit", "words"),
    [
        (9, "face", "4 of 9 faces"),
        (9, "batch", "4 of 9 batches"),
        (9, "copy", "4 of 9 copies"),
        (1, "face", "4 of 1 face"),
    ],
)
def test_more_than_one_are_told_in_the_plural(total, unit, words, clock, capsys):
    with progress.Bar(total=total, desc="drawing", unit=unit) as bar:
        clock[0] = 60
        bar.update(4)
    assert capsys.readouterr().err.startswith(f"drawing: {words}, ")


def test_short_work_is_silent(clock, capsys):
    assert list(progress.Bar("abc", desc="drawing", unit="face")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_words_are_printed_where_they_belong(capsys):
    with progress.Bar("abc") as bar:
        bar.write("told")
        bar.write("warned", file=sys.stderr)
    assert capsys.readouterr() == ("told\n", "warned\n")


TERMINAL = """
import sys
from animefaces.progress import Bar
with Bar(total=1, desc="training") as bar:
    bar.note("step 3")
    bar.update(0.5)
    bar.write("warned", file=sys.stderr)
    bar.update(0.5)
"""


@pytest.mark.parametrize("columns", ["", "0", "many"])
def test_in_a_terminal_there_is_a_bar(columns):
    """Also in one that does not tell its size, as those of containers, and that knows no control sequences."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "dumb", "COLUMNS": columns}
    subprocess.run([sys.executable, "-c", TERMINAL], stdout=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as file:
        lines = file.read(10_000).decode().replace("\r", "\n").split("\n")
    assert "warned" in lines
    assert [line for line in lines if "100%" in line and line.endswith(", step 3")] != []
    assert max(map(len, lines)) <= 80
