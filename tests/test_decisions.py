"""decisions.json: rejected crops leave the set and come back, whatever happens meanwhile and whoever wrote the file."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

import preprocess
from animefaces import dataset
from demo import cartoons
from gathering import decisions, manifest, report

FACES = Path("faces")


def gather(*flags):
    """Run preprocess.py on the pictures of this test, each of which is a face."""
    words = ["--input", "in", "--detector", "none", "--workers", "1", "--output", str(FACES)]
    return preprocess.main([*words, *flags])


def draw(seed, name=None, **settings):
    Path("in").mkdir(exist_ok=True)
    Image.fromarray(cartoons.draw(seed)).save(f"in/{name or f'{seed}.png'}", **settings)


@pytest.fixture(autouse=True)
def unseen(monkeypatch):
    """The report shows samples alone: the reader of looks has its own tests."""
    monkeypatch.setattr(report, "_faces", lambda folder: None)


@pytest.fixture
def names():
    """Four faces in the set -> the names of their crops, in the order of the pictures."""
    for seed in range(4):
        draw(seed)
    assert gather() == 0
    return [line["file"] for line in lines()]


def lines():
    return list(manifest.lines(FACES / manifest.NAME))


def verdicts():
    return [line["verdict"] for line in lines()]


def decide(rejected=(), accepted=()):
    (FACES / decisions.NAME).write_text(json.dumps({"rejected": list(rejected), "accepted": list(accepted)}))


def content():
    return {
        str(path): path.read_bytes() for path in sorted(FACES.rglob("*")) if path.is_file() and path.suffix != ".html"
    }


def test_rejected_faces_leave_the_set_and_come_back(names, capsys):
    first = content()
    decide(rejected=names[:2], accepted=names[2:3])
    assert gather() == 0
    assert "2 rejected faces left the set" in capsys.readouterr().out
    assert verdicts() == ["rejected", "rejected", "kept", "kept"] and lines()[0]["file"] is None
    assert sorted(path.name for path in FACES.glob("*.png")) == sorted(names[2:])
    assert sorted(os.listdir(FACES / decisions.ASIDE)) == sorted(names[:2])
    faces = dataset.open_faces([FACES], 64, cache=Path("cache"))
    assert len(faces) == 2 and faces.skipped == []
    for file in faces._files:
        file.close()
    again = content()
    assert gather() == 0 and content() == again
    decide(accepted=names)
    assert gather() == 0
    assert "2 faces came back" in capsys.readouterr().out
    (FACES / decisions.NAME).unlink()
    assert content() == first


def test_a_rejected_face_is_not_asked_for_again(names):
    decide(rejected=names[:1])
    draw(0, "again.jpg", quality=90)  # like it
    shutil.copy("in/0.png", "in/copy.png")
    assert gather() == 0
    found = {Path(line["source"]).name: line for line in lines()}
    assert found["again.jpg"]["verdict"] == "rejected" and found["again.jpg"]["duplicate_of"] == names[0]
    assert found["copy.png"]["verdict"] == "duplicate"
    (FACES / decisions.NAME).unlink()  # the manifest knows it by itself
    draw(0, "once more.webp", quality=90)
    assert gather() == 0
    assert verdicts().count("rejected") == 3 and len(list(FACES.glob("*.png"))) == 3
    decide(accepted=names[:1])  # those like it are its duplicates then
    assert gather() == 0
    assert verdicts().count("kept") == 4 and "rejected" not in verdicts()


def test_the_same_pixels_stay_rejected_where_duplicates_are_kept():
    draw(0)
    assert gather("--no-dedupe") == 0
    decide(rejected=[lines()[0]["file"]])
    draw(0, "other.bmp")
    assert gather("--no-dedupe") == 1  # no face is left
    assert verdicts() == ["rejected", "rejected"]


def test_faces_made_anew_leave_the_set_at_once(names):
    decide(rejected=names[:1])
    assert gather() == 0
    (FACES / manifest.NAME).unlink()
    assert gather() == 0
    assert verdicts() == ["rejected", "kept", "kept", "kept"] and not (FACES / names[0]).exists()


class Killed(BaseException):
    pass


def test_killed_at_any_moment_the_next_start_does_the_rest(names, monkeypatch):
    decide(rejected=names[:2])
    decisions.apply(FACES)
    decide(rejected=names[2:3], accepted=names[:1])
    start = content()
    decisions.apply(FACES)
    wanted = content()
    replaces = os.replace
    for survived in range(3):  # two files move, then the manifest is replaced
        for path in FACES.rglob("*.png"):
            path.unlink()
        for path, data in start.items():
            Path(path).write_bytes(data)
        left = iter(range(survived))

        def dies(source, target, left=left):
            if next(left, None) is None:
                raise Killed
            replaces(source, target)

        monkeypatch.setattr(os, "replace", dies)
        with pytest.raises(Killed):
            decisions.apply(FACES)
        monkeypatch.setattr(os, "replace", replaces)
        decisions.apply(FACES)
        assert content() == wanted, survived


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "only"),
        (b'{"deleted": []}', "only"),
        (b'{"rejected": {}}', "no list of names"),
        (b'{"rejected": [3]}', "3 is no plain name"),
        (b'{"rejected": [["a.png"]]}', "no plain name"),
        (b'{"rejected": ["../a.png"]}', "../a.png is no plain name"),
        (b'{"rejected": ["/etc/passwd"]}', "no plain name"),
        (b'{"rejected": ["a\\\\b.png"]}', "no plain name"),
        (b'{"rejected": ["c:a.png"]}', "no plain name"),
        (b'{"rejected": [".lock"]}', "no plain name"),
        (b'{"rejected": [""]}', "no plain name"),
        (b'{"rejected": ["a\\u0000.png"]}', "no plain name"),
        (b'{"rejected": ["\\ud800.png"]}', "no plain name"),
        (b'{"rejected": ["' + b"a" * 256 + b'"]}', "no plain name"),
        (b'{"rejected": ["a.png"], "accepted": ["a.png"]}', "both rejected and accepted"),
        (b" " * (decisions.LARGEST + 1), "larger than 32 MiB"),
    ],
)
def test_a_damaged_file_is_one_line_and_nothing_is_lost(names, refused, data, words):
    (FACES / decisions.NAME).write_bytes(data)
    before = content()
    line = refused(preprocess.main, ["--input", "in", "--detector", "none", "--output", FACES], 1)
    assert line.startswith(f"{FACES / decisions.NAME} is damaged (") and words in line and len(line) < 300
    assert content() == before


def test_names_that_are_no_crops_change_nothing(names):
    Image.fromarray(cartoons.draw(9)).save(FACES / "mine.png")
    before = content()
    decide(rejected=["manifest.jsonl", "settings.json", "mine.png", "gone.png", "\udce9.png"], accepted=["other.png"])
    decisions.apply(FACES)
    (FACES / decisions.NAME).unlink()
    assert content() == before and not (FACES / decisions.ASIDE).exists()


def test_what_is_written_is_read_back(tmp_path):
    made = decisions.Decisions(frozenset({"a.png", os.fsdecode(b"caf\xe9.png")}), frozenset({"ü 日本.png"}))
    decisions.write(tmp_path, made)
    assert decisions.read(tmp_path) == made
    assert decisions.read(tmp_path / "gone") == decisions.Decisions()


def test_a_damaged_line_of_the_manifest_stays(names):
    path = FACES / manifest.NAME
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\0\0\n")
    decide(rejected=names[:1])
    decisions.apply(FACES)
    assert verdicts() == ["rejected", "kept", "kept", "kept"] and path.read_bytes().endswith(b"\0\0\n")
