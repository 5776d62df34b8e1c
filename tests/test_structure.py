"""Who may import whom, and how little --help loads."""

import ast

import pytest
from conftest import PROJECT, python

PROGRAMS = sorted(script for script in PROJECT.glob("*.py") if script.name != "recipes.py")
NAMES = {script.stem for script in PROGRAMS}
# Each room, and what of ours it may import besides itself. docs/architecture.md says why.
MAY_IMPORT = {
    "models": set(),
    "animefaces": set(),
    "gathering": {"animefaces", "drawing"},
    "demo": {"animefaces"},
    "drawing": {"animefaces", "models"},
    "exploring": {"animefaces", "models", "drawing"},
    "training": {"animefaces", "models", "drawing"},
}
OURS = {*MAY_IMPORT, *NAMES, "recipes", "benchmarks", "tests"}
FILES = [(room, path) for room in MAY_IMPORT for path in sorted((PROJECT / room).rglob("*.py"))]
BACKENDS = {"tensorflow", "jax", "torch"}


def imported(path):
    """The first parts of the names of all modules that a file imports, anywhere in it."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {name for node in nodes for name in imported_by(node)}


def imported_by(node):
    """The first parts of the names of the modules that one statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide who imports whom"
        return {node.module.split(".")[0]}
    return set()


def test_there_is_something_to_check():
    assert {"train", "generate"} <= NAMES
    assert {room for room, _ in FILES} == set(MAY_IMPORT)
    assert "animefaces" in imported(PROJECT / "train.py")


@pytest.mark.parametrize(("room", "path"), FILES, ids=lambda part: getattr(part, "stem", part))
def test_a_room_imports_what_it_may(room, path):
    assert imported(path) & OURS - {room} <= MAY_IMPORT[room]
    if path.parent.name != "engine" and room != "drawing":
        assert not imported(path) & BACKENDS


@pytest.mark.parametrize(
    "path", [path for _, path in FILES if path.parent.name != "engine"], ids=lambda path: path.stem
)
def test_keras_comes_from_the_engine(path):
    """models.engine must set the variables of Keras's backend first. What only a type checker reads does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    assert "keras" not in {name for node in ast.walk(tree) for name in imported_by(node)}


def test_progress_is_shown_by_one_module():
    files = [path for path in PROJECT.rglob("*.py") if ".venv" not in path.parts]
    assert [path.name for path in files if "tqdm" in imported(path)] == ["progress.py"]


def test_recipes_are_light():
    assert imported(PROJECT / "recipes.py") & OURS == {"animefaces"}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nobody_imports_a_program_nor_the_backend(path):
    assert imported(path) & (NAMES | BACKENDS) == set()


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.stem)
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
