"""The real gallery-dl against a small site on this machine: gathering.scrape."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from booru import Booru, running
from PIL import Image

import preprocess
from animefaces.problems import Misuse, Problem
from demo import cartoons
from gathering import pictures, scrape

ROOT = Path(__file__).resolve().parent.parent


def png(seed):
    file = io.BytesIO()
    Image.fromarray(cartoons.draw(seed)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def booru(tmp_path, monkeypatch):
    with running(Booru({f"face{seed}.png": png(seed) for seed in range(5)}), tmp_path, monkeypatch) as booru:
        yield booru


def names(folder):
    return sorted(path.name for path in folder.glob("*.png"))


def scraped(tmp_path, target="1girl portrait", limit=10, **settings):
    return scrape.scrape(target, limit, pause=0, raw=tmp_path / "raw", **settings)


def test_pictures_and_tags_come_once(booru, tmp_path):
    folder, shortfall = scraped(tmp_path, limit=3)
    assert shortfall is None and len(names(folder)) == 3
    (first, *_) = pictures.found([folder])
    assert first.tags == ("1girl", "portrait", "smile") and first.data == booru.pictures["face0.png"]
    booru.asked.clear()
    assert scraped(tmp_path, limit=5) == (folder, None)
    assert [path for path in booru.asked if path.startswith("/data/")] == ["/data/face3.png", "/data/face4.png"]
    assert all(agent.startswith("gallery-dl/") for agent in booru.user_agents)


def test_pictures_that_were_moved(booru, tmp_path):
    folder, _ = scraped(tmp_path)
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(Problem, match="downloaded before"):
        scraped(tmp_path)


def test_general_only_unless_told(booru, tmp_path):
    booru.ratings.update({"face1.png": "e", "face2.png": "s"})
    assert len(names(scraped(tmp_path)[0])) == 3
    assert len(names(scraped(tmp_path, rating="sensitive")[0])) == 4
    assert len(names(scraped(tmp_path, rating="any")[0])) == 5


def test_no_pictures_of_networks_nor_of_these_artists(booru, tmp_path, monkeypatch):
    booru.more = {"face1.png": ("ai-generated", "bot"), "face2.png": ("hat", "ann"), "face3.png": ("hat", "bob")}
    monkeypatch.setattr(scrape, "RAW", tmp_path / "raw")
    line = ["--scrape", "1girl", "--pause", "0", "--detector", "none", "--workers", "1", "--output"]
    assert preprocess.main([*line, "faces", "--without", "ann nobody"]) == 0
    records = [json.loads(text) for text in Path("faces/manifest.jsonl").read_text().splitlines()]
    assert sorted(Path(record["source"]).name[-5:] for record in records) == sorted(
        name[-5:] for name in ("face0.png", "face3.png", "face4.png")
    )
    origin = next(record["origin"] for record in records if "hat" in record["tags"])
    assert origin["artist"] == "bob" and origin["source"].startswith("https://example.org/")
    assert {"ai-generated", "ann", "nobody"} <= set(origin["without"])
    assert preprocess.main([*line, "more", "--allow-ai"]) == 0
    assert len(names(Path("more"))) == 5


def test_only_pictures_are_taken(booru, tmp_path):
    booru.pictures["film.mp4"], booru.ratings["film.mp4"] = b"no picture", "g"
    assert len(names(scraped(tmp_path)[0])) == 5
    assert "/data/film.mp4" not in booru.asked


def test_more_tags_than_the_site_allows(booru, tmp_path):
    assert len(names(scraped(tmp_path, "1girl portrait smile -hat")[0])) == 5
    assert "portrait+rating" in booru.asked[0] and "smile" not in booru.asked[0]
    with pytest.raises(Problem, match="no pictures for '1girl portrait frown'"):
        scraped(tmp_path, "1girl portrait frown")
    with pytest.raises(Problem, match="no pictures"):
        scraped(tmp_path, "1girl portrait -smile")


def test_tags_go_into_the_filter_as_text_only(booru, tmp_path):
    with pytest.raises(Problem, match="no pictures"):
        scraped(tmp_path, "1girl portrait ']+[open('/tmp/evil','w')]+['")
    assert scrape.split_tags("a order:score b -c d") == (["order:score", "a"], ["b", "d", "-c"])
    assert scrape.split_tags("-c a") == (["a", "-c"], [])


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "refuses.*--pause"), (429, "slow down.*--pause"), (422, "fewer"), (500, "trouble of its own")],
)
def test_a_site_that_refuses(booru, tmp_path, status, words):
    booru.failing["/posts.json"] = status
    with pytest.raises(Problem, match=words):
        scraped(tmp_path)
    assert list((tmp_path / "raw").iterdir()) == []


def test_no_such_tag(booru, tmp_path):
    with pytest.raises(Problem, match=r"no pictures for 'nosuchtag'.*spelling"):
        scraped(tmp_path, "nosuchtag")


def test_no_network(booru, tmp_path):
    (tmp_path / ".config/gallery-dl/config.json").write_text(
        json.dumps({"extractor": {"retries": 0, "proxy": "http://127.0.0.1:9"}})
    )
    with pytest.raises(Problem, match=r"cannot be reached.*check the network"):
        scraped(tmp_path)


@pytest.mark.parametrize("status", [404, 429, 500])
def test_halfway_failures_cost_only_themselves(booru, tmp_path, status):
    booru.failing["/data/face2.png"] = status
    folder, shortfall = scraped(tmp_path)
    assert len(names(folder)) == 4
    assert shortfall.startswith("1 of the pictures") and f"{folder}" in shortfall
    booru.failing.clear()
    booru.asked.clear()
    assert scraped(tmp_path) == (folder, None)
    assert [path for path in booru.asked if path.startswith("/data/")] == ["/data/face2.png"]


def test_targets_that_will_not_do(tmp_path):
    for target, words in [("ftp://a.b/c", "http"), ("", "without a tag"), ("http://", "URL")]:
        with pytest.raises(Misuse, match=words):
            scraped(tmp_path, target)
    with pytest.raises(Problem, match="does not know this site"):
        scraped(tmp_path, "http://127.0.0.1:9/pictures")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[danbooru][error] HttpError: '403 Forbidden' for 'https://a.b/posts?tags=429'", "403"),
        ("[x][error] HttpError: HTTPSConnectionPool: Read timed out. for 'https://a.b'", "in time"),
        ("[x][error] HttpError:  NameResolutionError: Failed to resolve 'a.b'", "cannot be reached"),
        ("[x][error] NotFoundError: Requested tag could not be found", "404"),
        ("[x][error] Something new", "Something new"),
        ("[x][error] OSError: [Errno 28] No space left on device: 'a.png'", "the disk is full"),
        ("[x][error] PermissionError: [Errno 13] Permission denied: 'a.png'", "permissions"),
    ],
)
def test_what_gallery_dl_says_in_plain_words(line, words):
    lost, _, fault = scrape.explain(4, [line])
    assert lost == 0 and words in fault and ": " in fault


def test_what_is_missing_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "raw").touch()  # as good as a folder that cannot be written, for the superuser too
    with pytest.raises(
        Problem, match=r"^the pictures of --scrape go to .*raw/1girl.*cannot be made \(Not a directory\): "
    ):
        scraped(tmp_path, "1girl")
    with pytest.raises(Misuse, match=r"--scrape caf\\udce9 will not do, because it is not UTF-8"):
        scraped(tmp_path, os.fsdecode(b"caf\xe9"))
    monkeypatch.setattr(scrape.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Problem, match="gallery-dl is not installed"):
        scraped(tmp_path)


def test_a_target_that_will_not_do_leaves_no_folder(tmp_path):
    with pytest.raises(Misuse):
        scraped(tmp_path, "ftp://a.b/c")
    assert not (tmp_path / "raw").exists()


def test_a_short_pause_is_written_out():
    words = scrape.command("hat", 10, "general", 0.0001, Path("raw"))
    assert "0.000100-0.000200" in words and "0.000050-0.000100" in words


def test_one_picture_is_one_picture(booru, tmp_path):
    booru.failing["/data/face1.png"] = 404
    _, shortfall = scraped(tmp_path, limit=2)
    assert " has 1 picture; " in shortfall


def test_stopped_and_gone_on(booru, tmp_path):
    slow = booru.answer

    def answer(path):
        time.sleep(0.4 * path.startswith("/data/"))
        return slow(path)

    booru.answer = answer
    code = f"""import sys; from pathlib import Path
from animefaces.commands import run_script; from gathering import scrape
def main(*_): scrape.scrape("1girl", 10, pause=0, raw=Path({str(tmp_path / "raw")!r}))
import preprocess; sys.exit(run_script(preprocess.Options, main, [], ""))"""
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not any(path.startswith("/data/face1") for path in booru.asked) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=20)
    assert child.returncode == 1 and "stopped: " in said and "run the same command again" in said
    booru.answer = slow
    booru.asked.clear()
    assert len(names(scraped(tmp_path, "1girl")[0])) == 5
    assert "/data/face0.png" not in booru.asked


def test_from_a_tag_to_faces(booru, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scrape, "RAW", tmp_path / "raw")
    line = ["--scrape", "1girl", "--limit", "5", "--pause", "0", "--detector", "none", "--workers", "1"]
    line += ["--output", str(tmp_path / "faces")]
    booru.failing["/data/face4.png"] = 500
    assert preprocess.main(line) == 1
    out, err = capsys.readouterr()
    assert len(names(tmp_path / "faces")) == 4 and "kept" in out
    assert err.startswith("error: 1 of the pictures could not be fetched") and err.count("\n") == 1
    booru.failing.clear()
    assert preprocess.main(line) == 0
    records = [json.loads(text) for text in (tmp_path / "faces/manifest.jsonl").read_text().splitlines()]
    assert len(names(tmp_path / "faces")) == len(records) == 5
    assert all(record["tags"] == ["1girl", "portrait", "smile"] for record in records)
