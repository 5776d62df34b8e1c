"""notebooks/train.ipynb: its cells run as a user runs them, here on networks that take a moment."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import PROJECT, log_of

from animefaces import images

nbformat = pytest.importorskip("nbformat", reason="needs nbclient, of requirements-dev.txt")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient, of requirements-dev.txt")

TINY = (
    "--size 16 --latent 8 --batch-size 2 --generator-widths 8,8 --discriminator-widths 8,8 --sample-every 4 "
    "--log-every 4 --steps "
)
SETTINGS = {"NAME": "my faces", "CARTOONS": 8, "CROP": True, "RECIPE": "demo", "OPTIONS": f"{TINY} 8", "COUNT": 3}


@pytest.fixture
def book():
    return nbformat.read(PROJECT / "notebooks" / "train.ipynb", as_version=4)


def code_of(book):
    """The cells of code, by name."""
    return {cell.id: cell for cell in book.cells if cell.cell_type == "code"}


def set_to(cell, **values):
    """Replace values in the cell of settings, each of which must be there."""
    lines = cell.source.splitlines()
    for name, value in values.items():
        (at,) = (i for i, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[at] = f"{name} = {value!r}"
    cell.source = "\n".join(lines)


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures_in(path):
    """The names of the pictures in a zip, which has none of the zips that were uploaded."""
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.lower().endswith(".zip")]
        return [name for name in archive.namelist() if name.endswith(".png")]


def repository(folder):
    """A repository of the project, whose --check measures nothing."""
    shutil.copytree(PROJECT / "training", folder / "training")
    with (folder / "training" / "check.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef measured(*words):\n    return 10.0\n")
    for name in ("train.py", "recipes.py", "preprocess.py", "generate.py", "requirements.txt", "requirements-draw.txt",
                 "animefaces", "drawing", "gathering", "models", "demo"):  # fmt: skip
        (folder / name).symlink_to(PROJECT / name)
    (folder / "train.py").unlink()
    shutil.copy(PROJECT / "train.py", folder)  # Python looks for packages beside the file that a link leads to
    for words in ("init -q", "add .", "-c user.name=n -c user.email=e commit -q -m all"):
        subprocess.run(["git", *words.split()], cwd=folder, check=True)
    return str(folder)


def test_nothing_of_an_execution_is_in_it(book):
    cells = code_of(book).values()
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


@pytest.mark.skipif(sys.platform == "win32", reason="no bar and no symbolic links")
def test_all_cells_from_pictures_to_faces_and_further_the_next_day(book, tmp_path):
    cells = code_of(book)
    set_to(cells["settings"], REPOSITORY=repository(tmp_path / "repository"), **SETTINGS)
    own = {name: str(tmp_path / "home") for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    client = nbclient.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
    # All packages are there: a dry run of pip says so, and fetches nothing.
    with client.setup_kernel(env={**os.environ, **own, "PIP_DRY_RUN": "1", "CUDA_VISIBLE_DEVICES": "-1"}):
        for cell in cells.values():
            client.execute_cell(cell, book.cells.index(cell))
        kept = tmp_path / "anime-faces" / "results"
        run = kept / "my faces"
        assert "20 images/s in float32; its 8 steps of 2 take" in printed(cells["check"])
        assert re.search(r"\r +\d+%\|.+ step 4, \d+ img/s", printed(cells["train"]))  # the bar, which needs a terminal
        assert [list(output.data) for output in cells["look"].outputs] == [["image/png", "text/plain"]] * 2
        assert images.read(run / "faces.png").shape[1] > 16
        assert len(pictures_in(run / "faces.zip")) == 3
        assert printed(cells["download"]).splitlines()[-2:] == [str(run / "generator.keras"), str(run / "faces.zip")]
        assert (run / "generator.keras").exists()
        assert 0 < len(pictures_in(kept / "my faces.zip")) < 8  # those that preprocess.py found
        set_to(cells["settings"], RECIPE="large", OPTIONS=f"{TINY} 12")  # a run keeps its own recipe
        for name in ("settings", "pictures", "crop", "train"):
            client.execute_cell(cells[name], book.cells.index(cells[name]))
    assert "from an earlier time" in printed(cells["pictures"])
    assert [entry["step"] for entry in log_of(run)] == [4, 8, 12]


def test_colab_keeps_all_on_the_drive_takes_an_upload_and_gives_it_back(book, tmp_path, monkeypatch):
    drive, zipped, taken = tmp_path / "content" / "drive", tmp_path / "faces.zip", []
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("mine/1.png", "a face")

    def python(words):  # generate.py
        made = Path(re.search('--output "(.+)"', words)[1])
        made.mkdir(parents=True)
        (made / "0.png").touch()

    colab = SimpleNamespace(
        drive=SimpleNamespace(mount=lambda path: (tmp_path / path[1:] / "MyDrive").mkdir(parents=True)),
        files=SimpleNamespace(upload=lambda: {"faces.ZIP": zipped.read_bytes()}, download=taken.append),
    )
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    cells, known = code_of(book), {"COLAB": True, "KAGGLE": False, "shutil": shutil, "python": python}
    set_to(cells["settings"], PICTURES="upload")
    exec(cells["settings"].source, known)
    known["Path"] = lambda *parts: Path(*(re.sub("^/content/drive", str(drive), str(part)) for part in parts))
    for name in ("home", "pictures", "crop", "download"):
        exec(cells[name].source, known)
    run = drive / "MyDrive" / "anime-faces" / "first"
    assert taken == [str(run / "generator.keras"), str(run / "faces.zip")]
    assert known["source"] == run.with_suffix(".zip")
    assert pictures_in(run.with_suffix(".zip")) == ["mine/1.png"]
    known |= {"NAME": "second", "PICTURES": "/content/drive/faces"}  # they are kept already
    for name in ("pictures", "crop"):
        exec(cells[name].source, known)
    assert known["source"] == drive / "faces"
    assert not known["kept"].exists()
