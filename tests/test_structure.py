"""Who may import whom, and how little --help loads."""

import ast

import pytest
from conftest import PROJECT, python

SCRIPTS = sorted(PROJECT.glob("*.py"))
NAMES = {script.stem for script in SCRIPTS}
ROOMS = {room: sorted((PROJECT / room).rglob("*.py")) for room in ("animefaces", "models", "training", "exploring")}
BOTH = {"training", "exploring"}  # the rooms that, like the scripts, know the world and the networks
BACKENDS = {"tensorflow", "jax", "torch"}


def imported(path):
    """The first parts of the names of all modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            names.add(node.module.split(".")[0])
    return names


def test_there_is_something_to_check():
    assert {"train", "generate"} <= NAMES
    assert all(len(files) > 3 for files in ROOMS.values())
    assert "animefaces" in imported(PROJECT / "train.py")


@pytest.mark.parametrize("path", ROOMS["animefaces"], ids=lambda path: path.stem)
def test_the_world_knows_no_networks(path):
    assert imported(path) & (NAMES | BOTH | {"models"}) == set()


@pytest.mark.parametrize("path", ROOMS["models"], ids=lambda path: path.stem)
def test_networks_know_neither_the_world_nor_the_backend(path):
    assert imported(path) & (NAMES | BOTH | {"animefaces"}) == set()
    if path.name != "engine.py":
        assert imported(path) & BACKENDS == set()


@pytest.mark.parametrize("path", [*SCRIPTS, *ROOMS["training"], *ROOMS["exploring"]], ids=lambda path: path.stem)
def test_nobody_imports_a_script_nor_the_backend(path):
    assert imported(path) & (NAMES | BACKENDS) == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_loads_nothing_heavy(script, tmp_path):
    code = (
        "import runpy, sys\n"
        "sys.argv = [sys.argv[1], '--help']\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as left: assert left.code == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = python("-c", code, script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--debug" in done.stdout
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert loaded & {"keras", "tensorflow", "jax", "numpy", "cv2", "PIL", "matplotlib"} == set()
