"""Shares of the pictures: together they are what one run makes. And the search for near duplicates."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT

import preprocess
from animefaces import images
from demo import cartoons
from gathering import cleaning, manifest, shards

FLAGS = ["--detector", "none", "--workers", "1", "--min-sharpness", "0", "--size", "16"]


@pytest.fixture
def pictures(tmp_path):
    """Faces; some are there twice, in another size, or as the same file; and one that is no picture."""
    folder = tmp_path / "pictures"
    for seed in range(14):
        images.save(folder / f"sub{seed % 3}" / f"{seed}.png", cartoons.draw(seed, 64))
    for seed in range(4):
        images.save(folder / f"again-{seed}.png", cartoons.draw(seed, 80))
    (folder / "copy.png").write_bytes((folder / "sub0" / "0.png").read_bytes())
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    return folder


def lines_of(folder):
    """The manifest as a set of texts, without what only a share notes."""
    return sorted(json.dumps({**line, "place": 0}, sort_keys=True) for line in manifest.lines(folder / manifest.NAME))


def crops_of(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize("dedupe", ["--dedupe", "--no-dedupe"])
def test_shares_together_are_one_run(pictures, dedupe, capsys):
    given = ["--input", str(pictures), *FLAGS, dedupe]
    assert preprocess.main([*given, "--output", "whole"]) == 0
    for number in (3, 1, 2):
        assert preprocess.main([*given, "--shard", f"{number}/3"]) == 0
    folders = [f"data/shares/{number}-of-3" for number in (1, 2, 3)]
    assert all(crops_of(Path(folder)) for folder in folders)
    capsys.readouterr()
    for _ in range(2):  # the second time there is nothing new
        assert preprocess.main(["--merge", *folders[::-1], "--output", "joined"]) == 0
    assert ("duplicate" in capsys.readouterr().out) == (dedupe == "--dedupe")
    assert crops_of(Path("joined")) == crops_of(Path("whole"))
    assert lines_of(Path("joined")) == lines_of(Path("whole"))
    assert preprocess.main([*given, "--output", "joined"]) == 0  # one run goes on with it
    assert crops_of(Path("joined")) == crops_of(Path("whole"))


@pytest.mark.parametrize("kind", ["sh", "yaml"])
def test_the_scripts_in_the_docs_do_one_share_each(kind, tmp_path):
    text = (PROJECT / "docs" / "how-to" / "scale.md").read_text(encoding="utf-8")
    *_, block = (block for block in re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) if "--shard" in block)
    script = block.split("- |\n")[1].split("volumeMounts:")[0] if kind == "yaml" else block
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    (tmp_path / "python").chmod(0o755)
    told = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "3",
        "JOB_COMPLETION_INDEX": "2",
    }
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={**os.environ, **told}, check=True)
    assert "preprocess.py --input /shared/pictures --shard 3/16 --output /shared/shares/3" in done.stdout


def test_each_picture_has_one_share():
    names = [f"folder/{i}.png" for i in range(3000)] + ["\udce9.png"]
    shares = [shards.Shard(number, 7) for number in range(1, 8)]
    assert all(sum(share.has(name) for share in shares) == 1 for name in names)
    counts = [sum(share.has(name) for name in names) for share in shares]
    assert min(counts) > 350


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--shard", "0/3"], "--shard 0/3 cannot be read"),
        (["--shard", "4/3"], "--shard 4/3 cannot be read"),
        (["--shard", "half"], "--shard half cannot be read"),
        (["--shard", "1/2", "--scrape", "1girl"], "--shard is for pictures that are there"),
        (["--merge", "a", "b", "--size", "64"], "leave out --size"),
    ],
)
def test_wrong_words(refused, words, line):
    assert line in refused(preprocess.main, words, 2)


def test_folders_that_cannot_be_joined(pictures, refused):
    for name, size in (("a", "16"), ("b", "24")):
        assert preprocess.main(["--input", str(pictures), "--output", name, *FLAGS[:-1], size]) == 0
    both = ["--merge", "a", "b", "--output", "c"]
    assert "b was made with other settings than a" in refused(preprocess.main, both, 1)
    assert "gone is no folder of crops" in refused(preprocess.main, ["--merge", "gone", "--output", "c"], 1)
    kept = Path("a", manifest.SETTINGS).read_text()
    for text in ("[[1, 2]]", '{"duplicate_bits": "x"}'):
        Path("a", manifest.SETTINGS).write_text(text)
        line = refused(preprocess.main, ["--merge", "a", "--output", "c"], 1)
        assert "a is no folder of crops (no settings.json that can be read)" in line
    Path("a", manifest.SETTINGS).write_text(kept)
    for crop in Path("a").glob("*.png"):
        crop.unlink()
    assert "no face was kept" in refused(preprocess.main, ["--merge", "a", "--output", "c"], 1)
    assert "its crop is no longer in a" in Path("c", manifest.NAME).read_text()


def turned(bits, count, rng):
    """A hash with `count` other bits."""
    whole = np.unpackbits(bits.astype(">u8").view(np.uint8))
    whole[rng.permutation(256)[:count]] ^= 1
    return np.packbits(whole).view(">u8").astype(np.uint64)


@pytest.mark.parametrize("within", [0, 1, 16, 24, 40])
def test_the_index_finds_what_comparing_all_finds(within, monkeypatch):
    monkeypatch.setattr(cleaning, "TAIL", 50)
    rng = np.random.default_rng(within)
    known = rng.integers(0, 2**64, (300, 4), np.uint64)
    seen = cleaning.Seen(within)
    for number, bits in enumerate(known):
        seen.add(str(number), bits)
    for number in range(0, 300, 7):
        for off in {0, within // 2, within, within + 1}:
            asked = turned(known[number], off, rng)
            assert seen.nearest(asked, within) == ((str(number), off) if off <= within else None)
