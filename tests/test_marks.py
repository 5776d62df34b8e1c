"""Files of latents and of directions say which generator they are for: it is found, and another one is refused."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explore
import generate
from animefaces import directions, latents, marks, npz
from models import saved


def changed(run, folder, by=0.5):
    """A copy of a run whose generator has other weights."""
    copy = Path(shutil.copytree(run, folder))
    network = saved.load(run / "generator.keras")
    network.set_weights([weight + by for weight in network.get_weights()])
    saved.save(network, copy / "generator.keras")
    return copy


@pytest.fixture
def own(trained):
    """A run in results/, and files for it: latents.npz and directions.npz. A newer run stands beside it."""
    run = Path(shutil.copytree(trained, "results/00000-own"))
    other = changed(trained, "results/00001-newer")
    os.utime(run / "generator.keras", (1, 1))
    mark = marks.of(run / "generator.keras")
    latents.save(Path("latents.npz"), latents.from_seeds([3, 4], 8), ["a", "b"], mark)
    directions.save(Path("directions.npz"), ["dark"], np.eye(8, dtype=np.float32)[:1], [3], mark)
    return run, other


def drawn(*words):
    """generate.py of these words -> its picture and the name of the run in it."""
    assert generate.main([*map(str, words), "--output", "drawn.png"]) == 0
    with Image.open("drawn.png") as picture:
        return np.asarray(picture), picture.text["run"]


def test_a_mark_goes_with_the_weights(trained, monkeypatch):
    mark = marks.of(trained / "generator.keras")
    assert mark.run == trained.name
    copy = Path(shutil.copy(trained / "generator.keras", "moved.keras"))
    assert marks.of(copy) == (mark.weights, "moved.keras")
    shutil.copytree(trained, "here")
    monkeypatch.chdir("here")
    assert marks.of(Path("generator.keras")) == (mark.weights, "here")
    monkeypatch.chdir("..")
    assert marks.of(changed(trained, "other", 1e-3) / "generator.keras").weights != mark.weights


def test_the_right_generator_is_found(own, capsys):
    """Without --run, not the newest run is taken but the one that the file is for."""
    run, _ = own
    pixels, name = drawn("--latents", "latents.npz")
    assert name == "00000-own"
    assert f"network    {run}/generator.keras, which latents.npz is for\n" in capsys.readouterr().out
    assert np.array_equal(pixels, drawn("--run", run, "--seeds", "3,4")[0])
    assert explore.main(["walk", "--latents", "latents.npz", "--frames", "2", "--output", "walk.gif"]) == 0
    assert explore.main(["arithmetic", "--latents", "latents.npz", "--output", "sum.png"]) == 0
    assert capsys.readouterr().out.count(f"network    {run}/generator.keras, which latents.npz is for\n") == 2
    run.rename("results/renamed")
    assert drawn("--latents", "latents.npz")[1] == "renamed"


def test_the_best_and_the_last_generator_of_a_run_are_told_apart(own, trained):
    run, _ = own
    best = changed(trained, "elsewhere") / "generator.keras"
    shutil.copy(best, run / "best.keras")
    assert generate.main(["--latents", "latents.npz", "--run", str(run)]) == 0
    latents.save(Path("best.npz"), latents.from_seeds([3], 8), ["a"], marks.of(best))
    pixels, _ = drawn("--latents", "best.npz", "--run", run)
    assert np.array_equal(pixels, drawn("--run", run / "best.keras", "--seeds", "3")[0])
    assert not np.array_equal(pixels, drawn("--run", run / "generator.keras", "--seeds", "3")[0])


def test_the_shipped_weights_are_found(own, trained, monkeypatch):
    shipped = changed(trained, "pretrained", 0.1)
    monkeypatch.setattr("animefaces.runs.PRETRAINED", shipped)
    latents.save(Path("latents.npz"), latents.from_seeds([3], 8), ["a"], marks.of(shipped / "generator.keras"))
    assert drawn("--latents", "latents.npz")[1] == "pretrained"


def test_another_generator_is_refused_by_name(own, refused):
    run, other = own
    for program, words in ((generate.main, []), (explore.main, ["walk"])):
        line = refused(program, [*words, "--latents", "latents.npz", "--run", other], 2)
        assert line.startswith(f"latents.npz is for another generator than {other}, for that of 00000-own: ")
    shutil.rmtree(run)
    line = refused(generate.main, ["--latents", "latents.npz"], 1)
    assert line.startswith("latents.npz is for a generator of 00000-own that is not in results/: name its folder")
    assert "gone does not exist" in refused(generate.main, ["--latents", "latents.npz", "--run", "gone"], 1)


def test_a_run_in_another_place_is_named(own):
    own[0].rename("moved")
    assert drawn("--latents", "latents.npz", "--run", "moved")[1] == "moved"
    assert drawn("--latents", "latents.npz", "--run", "moved/generator.keras")[1] == "moved"


def test_a_file_without_a_mark_works_with_a_warning(own, capsys):
    _, other = own
    np.savez("old.npz", z=latents.from_seeds([3], 8))
    assert drawn("--latents", "old.npz")[1] == other.name
    warning = "warning: old.npz does not say which generator it is for: look whether the faces are right\n"
    assert capsys.readouterr().err == warning


def test_damaged_runs_do_not_stop_the_search(own):
    for number, data in enumerate((b"", b"PK\x03\x04 nonsense", Path("latents.npz").read_bytes())):
        folder = Path(f"results/{number}")
        folder.mkdir()
        (folder / "best.keras").write_bytes(data)
    Path("results/file").touch()
    Path("results/folder/generator.keras").mkdir(parents=True)
    assert drawn("--latents", "latents.npz")[1] == "00000-own"


def test_directions_find_their_generator_too(own, refused, capsys):
    run, other = own
    words = ["--edit", "dark=2", "--directions", "directions.npz"]
    pixels, name = drawn("--seeds", "3", *words)
    assert name == "00000-own"
    latents.save(Path("moved.npz"), latents.from_seeds([3], 8) + 2 * np.eye(8, dtype=np.float32)[:1], ["a"],
                 marks.of(run / "generator.keras"))  # fmt: skip
    assert np.array_equal(pixels, drawn("--latents", "moved.npz")[0])
    assert f"directions.npz is for another generator than {other}" in refused(
        generate.main, ["--run", other, *words], 2
    )
    latents.save(Path("other.npz"), latents.from_seeds([3], 8), ["a"], marks.of(other / "generator.keras"))
    line = refused(generate.main, ["--latents", "other.npz", *words], 2)
    assert line.startswith("other.npz is for the generator of 00001-newer and directions.npz for that of 00000-own")


def test_directions_from_before_the_run_went_on(own, capsys):
    run, other = own
    shutil.copy("directions.npz", other / directions.FILE)
    assert generate.main(["--run", str(other), "--edit", "dark=2", "--seeds", "3"]) == 0
    assert f"warning: {other}/directions.npz is from before {other}/generator.keras: find" in capsys.readouterr().err
    shutil.copy("directions.npz", run / directions.FILE)
    assert generate.main(["--run", str(run), "--edit", "dark=2", "--seeds", "3"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("run", ["a\nb\x1b[31m", "x" * 5000, os.fsdecode(b"caf\xe9")])
def test_a_hostile_mark_is_one_short_line(run, refused):
    npz.write(Path("latents.npz"), z=np.zeros((1, 8)), generator=np.array("00000000-0"), run=np.array(run))
    line = refused(generate.main, ["--latents", "latents.npz"], 1)
    assert line.isprintable() and len(line) < 300


@pytest.mark.parametrize(
    ("generator", "run"),
    [(np.zeros(3), "x"), ("", "x"), ("a", np.array({})), (["a"], "x"), ("a", "x" * 100_000)],
)
def test_what_is_no_mark(generator, run):
    with open("latents.npz", "wb") as file:
        np.savez(file, z=np.zeros((1, 8)), generator=generator, run=run)
    assert marks.read(Path("latents.npz")) is None


def test_a_file_that_unpacks_to_much_is_not_read(monkeypatch):
    npz.write(Path("latents.npz"), z=np.zeros(10_000_000, np.uint8))
    assert Path("latents.npz").stat().st_size < 20_000
    assert npz.read(Path("latents.npz"), "z")[0].nbytes == 10_000_000
    with pytest.raises(ValueError, match="its arrays are too large"):
        npz.read(Path("latents.npz"), "z", most=9_999_999)
