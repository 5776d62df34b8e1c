"""What can be said of the benchmarks without the hours they take."""

import importlib

import numpy as np
import pytest
from conftest import PROJECT
from PIL import Image

from animefaces import images
from benchmarks import quality

SCRIPTS = sorted(path.stem for path in (PROJECT / "benchmarks").glob("*.py") if "def main" in path.read_text("utf-8"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_says_how_to_call_it(name, monkeypatch, capsys):
    program = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out


def test_the_table_has_the_best_recipe_first():
    def row(distance):
        return {"kernel_distance": distance / 1000, "kernel_error": 0.001, "frechet_distance": 20, "precision": 0.8,
                "recall": 0.1, "images": 64_000, "seconds": 1200.4}  # fmt: skip

    _, _, *lines = quality.table({"light": [row(300), row(90)], "modern --seed 1": [row(200), row(40)]})
    assert [line.split(" | ")[0] for line in lines] == ["| `modern --seed 1`", "| `light`"]
    assert "| 64,000 | 1,200 | 200.0 +- 1.0 | 40.0 +- 1.0 | 20.0 | 0.80 | 0.10 |" in lines[0]


def test_each_recipe_has_a_row_of_samples(tmp_path):
    for shade, name in ((0, "light"), (200, "modern --seed 1")):
        for i in range(quality.SAMPLES):
            face = np.full((8, 8, 3), shade + i, np.uint8)
            images.save(quality.folder_of(tmp_path, name) / "faces" / f"{i:02d}.png", face)
    quality.draw(tmp_path, ["modern --seed 1", "light"])
    with Image.open(tmp_path / "samples.png") as drawn:
        assert drawn.size == (8 * quality.SAMPLES, 16)
        assert drawn.getpixel((12, 4)) == (201, 201, 201)
        assert drawn.getpixel((4, 12)) == (0, 0, 0)
