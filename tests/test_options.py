"""Command lines: flags, recipes, ranges, records, and how scripts fail."""

import dataclasses
import errno
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import PROJECT, python

import generate
import recipes
import train
from animefaces.commands import Command, parse, run_commands, run_script
from animefaces.options import above, at_least, from_record, option, to_record, within
from animefaces.problems import Misuse, Problem, in_words
from demo import cartoons

SCRIPTS = [train, generate, cartoons]


@dataclass(frozen=True)
class Options:
    verb: str = option("walk", "what to do", choices=("walk", "run"), positional=True)
    recipe: str = option("plain", "a recipe")
    steps: int = option(10, "how many", at_least(1))
    rate: float = option(0.5, "how fast", above(0))
    share: float = option(0.5, "how much", within(0, 1))
    widths: tuple[int, ...] = option((8, 4), "any number of them", at_least(1))
    range: tuple[float, float] = option((0.0, 1.0), "two of them")
    data: tuple[Path, ...] = option((Path("faces"),), "places")
    colours: tuple[str, ...] = option(("red",), "colours", choices=("red", "blue"))
    limit: int | None = option(None, "no limit unless given", at_least(1))
    loud: bool = option(False, "say more")


RECIPES = {"plain": Options(), "long": Options(recipe="long", steps=1000, range=(0.2, 0.8))}


def typed(line, recipes=RECIPES):
    options, given, _ = parse(Command(Options, print, "a test", recipes=recipes), line.split())
    return options, given


def test_defaults():
    assert typed("") == (Options(), set())


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("--steps 7", "steps", 7),
        ("--rate 1e-3", "rate", 1e-3),
        ("--widths 512,256,128", "widths", (512, 256, 128)),
        ("--widths 5", "widths", (5,)),
        ("--range 0.7,1.2", "range", (0.7, 1.2)),
        ("--range 0.9", "range", (0.9, 0.9)),
        ("--range=-0.1,1", "range", (-0.1, 1.0)),
        ("--data a b c.zip", "data", (Path("a"), Path("b"), Path("c.zip"))),
        ("--colours blue red", "colours", ("blue", "red")),
        ("--limit 3", "limit", 3),
        ("--loud", "loud", True),
        ("--no-loud", "loud", False),
        ("run", "verb", "run"),
    ],
)
def test_one_flag(line, name, value):
    options, given = typed(line)
    assert options == replace(Options(), **{name: value})
    assert given == {name}


def test_flags_win_over_the_recipe_and_the_recipe_over_defaults():
    options, given = typed("--range 0.5 --recipe long")
    assert (options.recipe, options.steps, options.range) == ("long", 1000, (0.5, 0.5))
    assert given == {"recipe", "range"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--steps 0", "--steps 0 will not do: it must be at least 1"),
        ("--steps -5", "at least 1"),
        ("--rate 0", "greater than 0"),
        ("--share 1.01", "from 0 to 1"),
        ("--widths 8,0", "--widths 8,0 will not do"),
        ("--limit 0", "at least 1"),
        ("--steps many", "not a whole number: 'many'"),
        ("--steps 1.5", "not a whole number"),
        ("--rate nan", "not a finite number"),
        ("--rate inf", "not a finite number"),
        ("--widths 8,,4", "not a whole number: ''"),
        ("run --widths 8 4", "unrecognized arguments: 4"),
        ("--range 1,2,3", "2 comma-separated numbers expected"),
        ("--colours green", "invalid choice: 'green'"),
        ("--recipe grand", "invalid choice: 'grand'"),
        ("swim", "invalid choice: 'swim'"),
        ("--stepz 7", "unrecognized arguments: --stepz"),
        ("--step 7", "unrecognized arguments: --step"),
        ("--steps", "expected one argument"),
        ("--data", "expected at least one argument"),
    ],
)
def test_misuse(line, words, refused):
    def main(argv):
        command = Command(Options, lambda options, given: pytest.fail("it ran"), "a test", recipes=RECIPES)
        return run_commands([command], argv)

    assert words in refused(main, line.split(), 2)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_helps(script, capsys):
    with pytest.raises(SystemExit) as left:
        script.main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(script.Options):
        if script is train and field.metadata["commands"] and "gan" not in field.metadata["commands"]:
            continue
        assert field.name.replace("_", "-") in text
        assert field.metadata["help"].split()[0] in text


def help_of(capsys, *words):
    """What train.py --help says, its lines joined."""
    with pytest.raises(SystemExit):
        train.main([*words, "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_help_shows_the_values_that_a_training_would_have(capsys):
    assert "one batch each (default: 200000)" in help_of(capsys)
    assert "of all devices together (default: 16)" in help_of(capsys)
    assert "one batch each (default: 20000)" in help_of(capsys, "--recipe", "noisy")
    assert "the smallest resolution to the largest (default: 1024,512,256,128)" in help_of(capsys, "--recipe=paper")
    assert "one batch each (default: 5000)" in help_of(capsys, "vae")
    assert "or pictures (default: data/photos)" in help_of(capsys, "encoder")


def test_help_shows_only_what_means_something(capsys):
    flags = {name: set(re.findall(r"--[\w-]+", help_of(capsys, name))) for name in recipes.NETWORKS}
    assert {"--labels", "--average"} <= flags["encoder"]
    assert not flags["vae"] & {"--labels", "--average", "--flip-every", "--check"}
    assert "--labels" not in flags["gan"]


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_a_recipe_changes_only_options_of_its_network(recipe):
    value = recipes.RECIPES[recipe]
    changed = [f for f in dataclasses.fields(value) if getattr(value, f.name) != getattr(recipes.BASE, f.name)]
    assert [f.name for f in changed if f.metadata["commands"] and value.network not in f.metadata["commands"]] == []


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("line", ["--nonsense", "--outpu x", "--run", "--count -1", "--steps -1", "--size big"])
def test_every_script_refuses_misuse(script, line, refused):
    refused(script.main, line.split(), 2)


def test_from_the_shell_it_is_one_line_and_the_exit_code(tmp_path):
    done = python(PROJECT / "train.py", "--steps", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --steps 0 will not do: it must be at least 1\n"


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipes_come_back_from_their_records(name):
    record = json.loads(json.dumps(to_record(recipes.RECIPES[name])))
    assert from_record(recipes.Options, record) == recipes.RECIPES[name]


def test_everything_comes_back_from_its_record():
    options = Options("run", "long", 3, 0.1, 1.0, (1,), (-1.0, 2.0), (Path("a b"), Path("c")), ("blue",), 4, True)
    assert from_record(Options, json.loads(json.dumps(to_record(options)))) == options


@pytest.mark.parametrize(
    "change",
    [
        {"steps": "many"},
        {"steps": None},
        {"steps": [1, 2]},
        {"steps": 0},
        {"widths": 3},
        {"range": [0.9]},
        {"range": {"low": 0}},
        {"rate": float("nan")},
        {"colours": ["green"]},
        {"verb": "swim"},
        {"data": [7]},
        {"data": None},
    ],
)
def test_a_damaged_record_is_a_problem(change):
    with pytest.raises(Problem, match=r"options in options\.json cannot be read"):
        from_record(Options, {**to_record(Options()), **change})


@pytest.mark.parametrize("record", [{}, [], None, "rubbish", 3])
def test_rubbish_is_no_record(record):
    with pytest.raises(Problem, match=r"options in options\.json cannot be read"):
        from_record(Options, record)


def failing(fault):
    def work(options, given):
        raise fault

    return lambda argv: run_script(Options, work, argv, "a test")


@pytest.mark.parametrize(
    ("fault", "code", "line"),
    [
        (Problem("this is wrong:\n do that"), 1, "this is wrong: do that"),
        (Misuse("not like this"), 2, "not like this"),
        (OSError(errno.ENOSPC, "No space left", "a.png"), 1, "a.png: No space left: free some space"),
        (OSError(errno.EACCES, "Permission denied", b"a.png"), 1, "a.png: Permission denied: check its permissions"),
        (OSError(errno.ENOTSUP, "Operation not supported"), 1, "work() in tests/test_options.py: Operation not "
         "supported: name a place on another disk"),
        (OSError("odd"), 1, "work() in tests/test_options.py: odd: check the path, its permissions and the free "
         "space"),
        (MemoryError(), 1, "not enough memory: close other programs"),
        (ImportError("many\nlines\nDLL load failed"), 1, "DLL load failed: install what is needed again, pip install "
         "-r requirements.txt"),
        (ImportError("big.so: failed to map segment from shared object"), 1, "not enough memory: close other programs"),
        (KeyboardInterrupt(), 1, "stopped"),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_one_line(fault, code, line, refused):
    assert refused(failing(fault), [], code) == line


def test_full_memory_names_the_options_that_the_program_has():
    assert in_words(MemoryError(), {"batch_size", "count", "run"}) == (
        "not enough memory: try a smaller --batch-size or --count"
    )


@pytest.mark.parametrize("fault", [Problem("wrong"), OSError("wrong"), KeyboardInterrupt()])
def test_debug_shows_the_traceback(fault):
    with pytest.raises(type(fault)):
        failing(fault)(["--debug"])


def test_a_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())([])


@pytest.mark.parametrize("module", ["keras", "cv2", "PIL.Image", "gallery_dl"])
def test_a_missing_library_says_how_to_install_it(module, refused):
    line = refused(failing(ModuleNotFoundError(f"No module named {module!r}", name=module)), [], 1)
    assert line == f"No module named {module!r}: install what is needed, pip install -r requirements.txt"


def test_a_missing_library_of_something_else_says_what_needs_it(refused, tmp_path, monkeypatch):
    (tmp_path / "detector_of_mine.py").write_text("import torch_of_mine")
    monkeypatch.syspath_prepend(tmp_path)

    def work(options, given):
        import detector_of_mine  # noqa: F401

    line = refused(lambda argv: run_script(Options, work, argv, "a test"), [], 1)
    assert line == ("No module named 'torch_of_mine', which detector_of_mine needs: "
                    "install it in the same environment")  # fmt: skip


@pytest.mark.parametrize("words", [["--data="], ["--run", ""]])
def test_an_empty_path_is_not_the_current_folder(words, refused):
    assert refused(train.main, words, 2).startswith(f"{words[0].strip('=')}: it is empty: ")
