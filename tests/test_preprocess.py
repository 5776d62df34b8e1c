"""From a messy folder to a clean set: preprocess.py, gathering.pictures, collection and report."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from detectors import middle
from PIL import Image

import preprocess
from animefaces import dataset, images, sources
from demo import cartoons
from gathering import cleaning, collection, crops, pictures
from gathering.manifest import lines as manifest_lines

ROOT = Path(__file__).resolve().parent.parent


def scene(path, seed, width=200, **settings):
    """Save a picture, twice as wide as the drawn face in its middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((width, width, 3), 240 - seed % 50, np.uint8)
    edge = width // 4
    pixels[edge : 3 * edge, edge : 3 * edge] = cartoons.draw(seed, 2 * edge)
    Image.fromarray(pixels).save(path, **settings)
    return path


def run(tmp_path, *flags, detector="detectors:middle", output="faces"):
    paths = ["--input", str(tmp_path / "in")] if "--input" not in flags else []
    return preprocess.main(
        [*paths, "--output", str(tmp_path / output), "--detector", detector, "--workers", "1", *map(str, flags)]
    )


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def verdicts(folder):
    return {Path(line["source"]).name: line["verdict"] for line in manifest(folder)}


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def test_a_messy_folder(tmp_path, capsys):
    good = scene(tmp_path / "in/good.png", 0)
    scene(tmp_path / "in/deep/er/photo.JPG", 1, quality=95)
    scene(tmp_path / "in/again.jpg", 0, quality=85)
    (tmp_path / "in/copy.png").write_bytes(good.read_bytes())
    scene(tmp_path / "in/odd name ü \n <b>'.png", 2)
    (tmp_path / "in/cut short.png").write_bytes(good.read_bytes()[:900])
    (tmp_path / "in/empty.png").touch()
    (tmp_path / "in/text.png").write_text("no picture")
    (tmp_path / "in/notes.txt").write_text("no picture")
    scene(tmp_path / "in/tiny.png", 3, width=48)
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "in/teal.png")
    (tmp_path / "in/dangling.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "in/pipe.png")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "in").rglob("*") if path.is_file()}
    assert run(tmp_path) == 0
    found = verdicts(tmp_path / "faces")
    assert found == {
        "again.jpg": "kept", "copy.png": "duplicate", "good.png": "duplicate", "photo.JPG": "kept",
        "odd name ü \n <b>'.png": "kept", "cut short.png": "unreadable", "empty.png": "unreadable",
        "text.png": "unreadable", "tiny.png": "small", "teal.png": "flat", "dangling.png": "unreadable",
        "pipe.png": "unreadable",
    }  # fmt: skip
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "in").rglob("*") if path.is_file()}
    assert "data:image/jpeg" in (tmp_path / "faces/report.html").read_text()
    out = capsys.readouterr().out
    assert "unreadable  " in out and "passed over 2 files: " in out and "dangling.png (" in out


def test_the_manifest_has_what_others_rely_on(tmp_path):
    scene(tmp_path / "in/good.png", 0)
    (tmp_path / "in/good.png.json").write_text(json.dumps({"tags": ["1girl", "smile"]}))
    assert run(tmp_path) == 0
    (line,) = manifest(tmp_path / "faces")
    assert line["source"] == str(tmp_path / "in/good.png") and line["verdict"] == "kept" and line["score"] == 7
    x, y, width, height = line["box"]
    assert (x, width, height) == (74, 53, 53) and 50 < y < 100
    assert line["tags"] == ["1girl", "smile"] and len(line["hashes"]["perceptual"]) == 64
    crop = images.read(tmp_path / "faces" / line["file"])
    drawn = np.asarray(cartoons.draw(0, 100), float)
    wanted = np.asarray(Image.fromarray(drawn.astype(np.uint8)).resize((64, 64), Image.Resampling.LANCZOS), float)
    assert np.abs(crop - wanted).mean() < 12


def test_again_changes_nothing_and_more_adds_the_new(tmp_path):
    for seed in range(4):
        scene(tmp_path / f"in/{seed}.png", seed)
    assert run(tmp_path) == 0
    first = content(tmp_path / "faces")
    assert run(tmp_path) == 0
    assert content(tmp_path / "faces") == first
    scene(tmp_path / "in/0a.png", 7)
    scene(tmp_path / "in/0b.jpg", 2, quality=90)  # like one that is there
    assert run(tmp_path) == 0
    second = content(tmp_path / "faces")
    assert sum(name.endswith(".png") for name in second) == 5
    assert {name: data for name, data in second.items() if name in first and name.endswith(".png")} == {
        name: data for name, data in first.items() if name.endswith(".png")
    }
    assert second["manifest.jsonl"].startswith(first["manifest.jsonl"])
    line = manifest(tmp_path / "faces")[-1]
    assert line["verdict"] == "duplicate" and line["duplicate_of"] in first


def test_what_comes_out_does_not_depend_on_the_workers(tmp_path):
    for seed in range(12):
        scene(tmp_path / f"in/{seed}.png", seed % 9)
    assert run(tmp_path, "--workers", "1", output="one") == run(tmp_path, "--workers", "3", output="three") == 0
    assert content(tmp_path / "one") == content(tmp_path / "three")


def test_other_settings_want_another_folder(tmp_path, capsys):
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path) == 0
    before = content(tmp_path / "faces")
    assert run(tmp_path, "--size", "128") == 1
    assert "was made with --size 64 --min-face 32: " in capsys.readouterr().err
    assert run(tmp_path, "--no-dedupe") == 1
    assert "was made with --dedupe: " in capsys.readouterr().err
    assert content(tmp_path / "faces") == before


def test_a_run_without_pictures_settles_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    assert run(tmp_path) == 1
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path, "--size", "128", "--min-face", "20") == 0


def test_no_dedupe_keeps_equal_crops(tmp_path):
    for name in "abc":
        scene(tmp_path / f"in/{name}.png", 0)
    assert run(tmp_path, "--no-dedupe") == 0
    assert sum(path.suffix == ".png" for path in (tmp_path / "faces").iterdir()) == 3
    before = content(tmp_path / "faces")
    assert run(tmp_path, "--no-dedupe") == 0
    assert content(tmp_path / "faces") == before


def test_faces_of_the_users_own_count_as_seen(tmp_path):
    (tmp_path / "faces").mkdir()
    Image.fromarray(cartoons.draw(0, 100)).save(tmp_path / "faces/mine.jpg", quality=90)
    scene(tmp_path / "in/0.png", 0)
    scene(tmp_path / "in/1.png", 1)
    assert run(tmp_path) == 0
    assert verdicts(tmp_path / "faces") == {"0.png": "duplicate", "1.png": "kept"}


def test_a_worker_that_dies_or_hangs(tmp_path):
    for name, width in [("a", 200), ("abort", 40), ("hang", 41), ("fail", 42), ("z", 220)]:
        scene(tmp_path / f"in/{name}.png", len(name) + width, width=width)
    assert run(tmp_path, "--timeout", "2", "--min-face", "8", detector="detectors:fragile") == 0
    assert verdicts(tmp_path / "faces") == {
        "a.png": "kept", "abort.png": "crashed", "fail.png": "crashed", "hang.png": "hung", "z.png": "kept",
    }  # fmt: skip


def test_what_crashed_or_hung_is_tried_again(tmp_path, monkeypatch, capsys):
    scene(tmp_path / "in/a.png", 0)
    (tmp_path / "in/text.png").write_text("no picture")
    module = tmp_path / "repaired.py"
    monkeypatch.syspath_prepend(tmp_path)
    module.write_text("def find(pixels):\n    raise ValueError('a bug')\n")
    assert run(tmp_path, detector="repaired:find") == 1
    assert verdicts(tmp_path / "faces") == {"a.png": "crashed", "text.png": "unreadable"}
    module.write_text("import time\ndef find(pixels):\n    time.sleep(60)\n")
    assert run(tmp_path, "--timeout", "0.5", detector="repaired:find") == 1
    assert verdicts(tmp_path / "faces") == {"a.png": "hung", "text.png": "unreadable"}
    module.write_text("def find(pixels):\n    return [((40, 40, 100, 100), 1.0)]\n")
    assert run(tmp_path, "--size", "128", detector="repaired:find") == 1  # who is refused changes nothing
    assert verdicts(tmp_path / "faces") == {"a.png": "hung", "text.png": "unreadable"}
    path = tmp_path / "faces/manifest.jsonl"
    path.write_text(path.read_text() + "damaged\n")
    capsys.readouterr()
    assert run(tmp_path, detector="repaired:find") == 0
    lines = path.read_text().splitlines()
    assert lines.pop(1) == "damaged"
    path.write_text("\n".join(lines) + "\n")
    assert sorted(verdicts(tmp_path / "faces").items()) == [("a.png", "kept"), ("text.png", "unreadable")]
    table = capsys.readouterr().out.splitlines()
    assert "the first is line 2" in table[-1]
    assert table[1].split()[:3] == ["kept", "1", "1"] and not any(line.startswith("hung") for line in table)


def test_a_detector_that_only_the_workers_cannot_open(tmp_path, monkeypatch, capfd):
    text = "import multiprocessing\nassert multiprocessing.parent_process() is None, 'no GPU'\nfind = print\n"
    (tmp_path / "parental.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path, detector="parental:find") == 1
    err = capfd.readouterr().err
    assert err.startswith("error: in a worker process the detector cannot be opened (") and "no GPU" in err
    assert err.count("\n") == 1


def test_cut_off_in_the_middle_goes_on(tmp_path):
    for seed in range(6):
        scene(tmp_path / f"in/{seed}.png", seed)
    assert run(tmp_path, output="whole") == run(tmp_path) == 0
    path = tmp_path / "faces/manifest.jsonl"
    text = path.read_bytes()
    path.write_bytes(text[: len(text) * 2 // 3])  # in the middle of a line; the crops are all there
    assert run(tmp_path) == 0
    assert content(tmp_path / "faces") == content(tmp_path / "whole")


def test_stopped_by_hand_and_killed(tmp_path):
    for seed in range(40):
        scene(tmp_path / f"in/{seed:02}.png", seed)
    assert run(tmp_path, output="whole") == 0
    line = ["preprocess.py", "--input", tmp_path / "in", "--output", tmp_path / "faces", "--workers", "1"]
    line += ["--detector", "detectors:middle"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    for sign, after in [(signal.SIGINT, 3), (signal.SIGKILL, 12)]:
        child = subprocess.Popen(
            [sys.executable, *map(str, line)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 120
        while len(list((tmp_path / "faces").glob("[!.]*.png"))) < after and time.monotonic() < deadline:
            time.sleep(0.005)
        child.send_signal(sign)
        _, said = child.communicate(timeout=120)
        assert sign == signal.SIGKILL or (child.returncode == 1 and said.startswith("error: stopped: "))
    assert run(tmp_path) == 0
    assert content(tmp_path / "faces") == content(tmp_path / "whole")


def test_zips_are_read_and_never_unpacked(tmp_path):
    face = scene(tmp_path / "face.png", 0)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(face, "../../evil.png")
        archive.write(scene(tmp_path / "other.png", 1), "/root/deep/other.png")
        archive.writestr("notes.txt", "no picture")
        archive.writestr("broken.png", "no picture")
    (tmp_path / "damaged.zip").write_bytes(b"PK no zip")
    zips = tmp_path / "set.zip", tmp_path / "damaged.zip"
    assert run(tmp_path, "--input", *zips) == 0
    assert verdicts(tmp_path / "faces") == {
        "evil.png": "kept", "other.png": "kept", "broken.png": "unreadable",
    }  # fmt: skip
    assert not (tmp_path.parent.parent / "evil.png").exists()
    for line in manifest(tmp_path / "faces")[:2]:
        assert sources.reopen(line["source"])


def test_what_vanishes_between_listing_and_reading(tmp_path):
    paths = [scene(tmp_path / f"in/{seed}.png", seed) for seed in range(3)]
    found = pictures.found([tmp_path / "in"])
    assert next(found).data
    paths[1].unlink()
    assert next(found).fault == "No such file or directory"
    assert next(found).data


def test_its_own_output_is_not_its_input(tmp_path):
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path, output="in/faces") == 0
    assert run(tmp_path, output="in/faces") == 0
    assert len(manifest(tmp_path / "in/faces")) == 1


def test_train_reads_only_the_faces(tmp_path):
    for seed in range(3):
        scene(tmp_path / f"in/{seed}.png", seed)
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "in/teal.png")
    assert run(tmp_path) == 0
    faces = dataset.open_faces([tmp_path / "faces"], 64, cache=tmp_path / "cache")
    assert len(faces) == 3 and faces.skipped == []
    for file in faces._files:
        file.close()


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--size", "60"], 2, "multiple of 8"),
        (["--size", "520"], 2, "multiple of 8"),
        (["--detector", "best"], 2, "there is no detector 'best'"),
        (["--input", "/no/such/folder"], 1, "does not exist"),
        (["--cascade", "/no/such.xml", "--detector", "lbpcascade"], 1, "check --cascade"),
        (["--rating", "x"], 2, "--rating"),
        (["--rating", "any"], 2, "--rating is for --scrape: add --scrape, or leave it out"),
        (["--pause", "2"], 2, "--pause is for --scrape"),
        (["--scrape", ""], 2, "--scrape is empty: name tags to search for"),
        (["--cascade", "README.md"], 2, "--cascade is for --detector lbpcascade"),
        (["--timeout", "1e10"], 2, "from 0.001 to 86400"),
        (["--workers", "100000"], 2, "from 1 to 1024"),
        (["--nonsense"], 2, "--nonsense"),
        ([], 1, "no pictures in"),
    ],
)
def test_one_clear_line(tmp_path, capsys, flags, code, words):
    (tmp_path / "in").mkdir()
    assert run(tmp_path, *flags) == code
    err = capsys.readouterr().err
    assert words in err and err.startswith("error: ") and err.count("\n") == 1


def test_no_face_kept_says_so(tmp_path, capsys):
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "teal.png")
    assert run(tmp_path, "--input", tmp_path / "teal.png") == 1
    assert "no face was kept" in capsys.readouterr().err


def test_nothing_that_could_be_read_says_why(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"<html><body>")
    assert run(tmp_path) == 1
    line = capsys.readouterr().err
    assert line == (
        f"error: no pictures in {tmp_path / 'in'} (passed over 1 file: a.png (an HTML page)): "
        "give --input a folder, a zip or a picture\n"
    )
    assert (tmp_path / "faces/report.html").exists() and verdicts(tmp_path / "faces") == {"a.png": "unreadable"}


def test_help_is_quick():
    start = time.monotonic()
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "preprocess.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert said.returncode == 0 and time.monotonic() - start < 5
    assert "cv2" not in said.stderr and "gallery_dl" not in said.stderr


@pytest.fixture
def quick(monkeypatch):
    """The detector of these tests works in this process, without workers to start."""

    def in_parallel(found, options):
        for picture in found:
            made = [crops.Crop(picture.verdict, picture.fault)]
            if picture.data is not None:
                made = crops.crops_of(picture.data, options, middle)
            yield picture._replace(data=None), made

    monkeypatch.setattr(crops, "in_parallel", in_parallel)


@pytest.mark.parametrize("detector", ["none", "haar"])
def test_thin_pictures_get_a_verdict_each(tmp_path, capsys, detector):
    sizes = [(1, 900), (8, 1700), (900, 1), (1700, 8), (1, 1), (2, 20_000), (20_000, 2)]
    (tmp_path / "in").mkdir()
    for width, height in sizes:
        Image.effect_noise((width, height), 90).convert("RGB").save(tmp_path / f"in/{width}x{height}.png")
    scene(tmp_path / "in/good.png", 0)
    for _again in range(2):
        assert run(tmp_path, detector=detector) == (0 if detector == "none" else 1)
        found = verdicts(tmp_path / "faces")
        assert len(found) == len(sizes) + 1 and "crashed" not in found.values()
        assert ("small  " if detector == "none" else "no-face  ") in capsys.readouterr().out
        assert (tmp_path / "faces/report.html").exists()


def test_whatever_goes_wrong_in_one_picture_stops_no_run(tmp_path, capsys):
    for width in [*range(40, 47), 200, 202]:
        scene(tmp_path / f"in/{width}.png", width, width=width)
    assert run(tmp_path, "--min-face", "8", detector="detectors:wild") == 0
    assert verdicts(tmp_path / "faces") == {
        f"{n}.png": "crashed" if n < 47 else "kept" for n in [*range(40, 47), 200, 202]
    }
    details = {Path(line["source"]).stem: line["detail"] for line in manifest(tmp_path / "faces")}
    assert details["40"] == "SystemExit: enough" and details["41"] == "Mute" and details["43"] == "MemoryError"
    assert "passed over 1 file: 40.png (SystemExit: enough)" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["nearest", "line", "written_whole"])
def test_whatever_goes_wrong_when_a_crop_is_added_stops_no_run(tmp_path, quick, monkeypatch, place):
    for seed in range(4):
        scene(tmp_path / f"in/{seed}.png", seed)
    owner = {"nearest": cleaning.Seen, "line": collection.manifest, "written_whole": collection}[place]
    works, calls = getattr(owner, place), []

    def fails_once(*words):
        calls.append(words)
        if len(calls) == 2:
            raise ValueError("cannot write empty image")
        return works(*words)

    monkeypatch.setattr(owner, place, fails_once)
    assert run(tmp_path) == 0
    lines = manifest(tmp_path / "faces")
    assert [line["verdict"] for line in lines] == ["kept", "crashed", "kept", "kept"]
    assert lines[1]["detail"] == "ValueError: cannot write empty image"


def test_a_picture_that_cannot_be_read_stops_no_run(tmp_path, quick, monkeypatch, capsys):
    for seed in range(3):
        scene(tmp_path / f"in/{seed}.png", seed)
    read = sources._read_file
    faults = {"0.png": MemoryError(), "1.png": RecursionError("too deep")}

    def fails(entry):
        if entry.name in faults:
            raise faults[entry.name]
        return read(entry)

    monkeypatch.setattr(sources, "_read_file", fails)
    assert run(tmp_path) == 0
    assert verdicts(tmp_path / "faces") == {"0.png": "unreadable", "1.png": "unreadable", "2.png": "kept"}
    assert "passed over 1 file: 0.png (not enough memory to read it)" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["written_whole", "to_text"])
def test_a_full_disk_loses_nothing(tmp_path, quick, monkeypatch, capsys, place):
    for seed in range(5):
        scene(tmp_path / f"in/{seed}.png", seed)
    assert run(tmp_path, output="whole") == 0
    capsys.readouterr()
    owner = {"written_whole": collection, "to_text": collection.manifest}[place]
    works, calls = getattr(owner, place), []

    def full(*words):
        calls.append(words)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return works(*words)

    monkeypatch.setattr(owner, place, full)
    assert run(tmp_path) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split()[:3] == ["kept", "3", "3"]
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "cannot be written any more (No space left on device)" in err and "free space" in err
    monkeypatch.setattr(owner, place, works)
    assert run(tmp_path) == 0
    assert content(tmp_path / "faces") == content(tmp_path / "whole")


def test_stopped_it_tells_what_it_has_done_and_the_report_comes_later(tmp_path, quick, monkeypatch, capsys):
    for seed in range(3):
        scene(tmp_path / f"in/{seed}.png", seed)
    assert run(tmp_path, "--limit", "1") == 0
    old = (tmp_path / "faces/report.html").read_bytes()
    add = collection.Collection.add

    def stopped(self, picture, found):
        lines = add(self, picture, found)
        if picture.name == "2.png":
            raise KeyboardInterrupt
        return lines

    monkeypatch.setattr(collection.Collection, "add", stopped)
    assert run(tmp_path) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].split()[:3] == ["kept", "1", "3"]
    assert err.startswith("error: stopped: run the same command again") and err.count("\n") == 1
    assert (tmp_path / "faces/report.html").read_bytes() == old
    assert run(tmp_path) == 0  # all pictures are known, and the report is still made anew
    assert (tmp_path / "faces/report.html").read_bytes() != old


def test_names_that_are_not_utf8(tmp_path, quick, capsys):
    name = os.fsdecode(b"caf\xe9.png")
    os.rename(scene(tmp_path / "in/0.png", 0), tmp_path / "in" / name)
    (tmp_path / "in" / os.fsdecode(b"text\xe9.png")).write_text("no picture")
    os.rename(tmp_path / "in", tmp_path / os.fsdecode(b"in\xff"))
    for _ in range(2):
        assert run(tmp_path, "--input", tmp_path / os.fsdecode(b"in\xff")) == 0
        assert verdicts(tmp_path / "faces") == {name: "kept", os.fsdecode(b"text\xe9.png"): "unreadable"}
    assert "text\\udce9.png" in capsys.readouterr().out
    assert "caf\\udce9.png" in (tmp_path / "faces/report.html").read_text(encoding="utf-8")


def test_a_damaged_line_costs_only_itself(tmp_path, quick, capsys):
    for seed in range(3):
        scene(tmp_path / f"in/{seed}.png", seed)
    assert run(tmp_path) == 0
    crops_before = {name for name in content(tmp_path / "faces") if name.endswith(".png")}
    path = tmp_path / "faces/manifest.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\0" * 40 + b"\n" + third)
    capsys.readouterr()
    assert run(tmp_path) == 0
    assert f"passed over 1 damaged line of {path}, the first is line 2" in capsys.readouterr().out
    assert {name for name in content(tmp_path / "faces") if name.endswith(".png")} == crops_before
    assert path.read_bytes() == first + b"\0" * 40 + b"\n" + third + second


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record | {"tint": 3}, "settings of another version, tint: "),
        (lambda record: [1], "is damaged"),
        (lambda record: [[1, 2]], "is damaged"),
        (lambda record: record | {"margin": 0.7}, "was made with --margin 0.7: "),
        (lambda record: {k: v for k, v in record.items() if k != "min_sharpness"}, None),
    ],
)
def test_settings_of_another_version_or_written_by_hand(tmp_path, quick, capsys, change, words):
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path) == 0
    path = tmp_path / "faces/settings.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert run(tmp_path) == (1 if words else 0)
    err = capsys.readouterr().err
    assert not words or (words in err and err.count("\n") == 1)
    if not words:  # the default counts for a setting that an older version did not have
        assert run(tmp_path, "--min-sharpness", "0.5") == 1


def test_two_runs_do_not_mix(tmp_path, quick, capsys):
    scene(tmp_path / "in/0.png", 0)
    with collection.locked(tmp_path / "faces"):
        assert run(tmp_path) == 1
    err = capsys.readouterr().err
    assert "another preprocess.py writes to" in err and err.count("\n") == 1
    (tmp_path / "faces/.a.tmp.png").touch()  # a run that was killed left it
    assert run(tmp_path) == 0
    assert not (tmp_path / "faces/.a.tmp.png").exists()


def test_all_crops_deleted_by_hand(tmp_path, quick, capsys):
    scene(tmp_path / "in/0.png", 0)
    assert run(tmp_path) == 0
    for path in (tmp_path / "faces").glob("*.png"):
        path.unlink()
    assert run(tmp_path) == 1
    assert f"delete {tmp_path / 'faces/manifest.jsonl'} too" in capsys.readouterr().err
    (tmp_path / "faces/manifest.jsonl").unlink()
    assert run(tmp_path) == 0


def test_odd_files_among_the_crops(tmp_path, quick):
    scene(tmp_path / "in/0.png", 0)
    (tmp_path / "faces/folder.png").mkdir(parents=True)
    os.mkfifo(tmp_path / "faces/pipe.png")
    Image.new("RGB", (1, 900)).save(tmp_path / "faces/thin.png")
    assert run(tmp_path) == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--output", "in"], "--output in is where the pictures are: "),
        (["--output", "in/../link"], "is where the pictures are: "),
        (["--output", "."], "in lies inside --output ., where train.py would take its pictures for faces: "),
        (["--input", "in/0.png", "--output", "in"], "in/0.png lies inside --output in"),
        (["--input", "in/0.png", "--output", "in/0.png"], "--output in/0.png is a file: name a folder"),
        (["--output", "x" * 300], "cannot be written (File name too long): "),
    ],
)
def test_an_output_that_will_not_do(tmp_path, monkeypatch, capsys, flags, words):
    scene(tmp_path / "in/0.png", 0)
    (tmp_path / "link").symlink_to("in")
    given = [*([] if "--input" in flags else ["--input", "in"]), *flags]
    assert preprocess.main([*given, "--detector", "detectors:middle"]) == 2
    err = capsys.readouterr().err
    assert words in err and err.startswith("error: ") and err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["in", "link"] and os.listdir(tmp_path / "in") == ["0.png"]


def test_files_that_are_no_pictures_are_named_and_get_no_verdict(tmp_path, capsys):
    scene(tmp_path / "in/b.png", 0)
    (tmp_path / "in/a.doc").write_text("a text")
    assert run(tmp_path, "--limit", "1") == 0
    assert verdicts(tmp_path / "faces") == {"b.png": "kept"}
    assert capsys.readouterr().out.splitlines()[-1] == "passed over 1 file: a.doc (text)"


def test_the_default_detector_turns_faces_upright(tmp_path, capsys):
    import cv2

    (tmp_path / "in").mkdir()
    pixels = np.full((420, 520, 3), 235, np.uint8)
    pixels[70:390, 90:410] = cartoons.draw(0, 320)
    turn = cv2.getRotationMatrix2D((250, 230), -30, 0.8)
    Image.fromarray(cv2.warpAffine(pixels, turn, (520, 420), borderValue=(235,) * 3)).save(tmp_path / "in/a.png")
    drawn = cartoons.draw(0, 64).astype(float).ravel()
    alike = {}
    for flag in ("--upright", "--no-upright"):
        output = tmp_path / flag.strip("-")
        line = ["--input", str(tmp_path / "in"), "--output", str(output), "--workers", "1", flag]
        assert preprocess.main(line) == 0
        (found,) = manifest(output)
        assert found["verdict"] == "kept" and found["eyes"][1][1] > found["eyes"][0][1]
        alike[flag] = np.corrcoef(images.read(output / found["file"]).astype(float).ravel(), drawn)[0, 1]
        assert "data:image/jpeg" in (output / "report.html").read_text()
    assert alike["--upright"] > 0.6 > alike["--no-upright"]
    # Folders of crops are joined with the eyes.
    assert preprocess.main(["--merge", str(tmp_path / "upright"), "--output", str(tmp_path / "all")]) == 0
    assert manifest(tmp_path / "all")[0]["eyes"] == manifest(tmp_path / "upright")[0]["eyes"]
    # A line whose eyes are no numbers is damaged.
    record = tmp_path / "upright/manifest.jsonl"
    record.write_text(record.read_text().replace('"eyes": [[', '"eyes": [[null, '))
    assert list(manifest_lines(record)) == []


def test_no_keras_to_find_faces(tmp_path):
    code = "import sys; from gathering import detectors; detectors.open_detector('anime'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"keras", "tensorflow", "onnxruntime"} & set(done.stdout.split()) == {"onnxruntime"}
