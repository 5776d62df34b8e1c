"""Command lines: the words that a user types -> options; and the function that runs every program."""

import argparse
import contextlib
import dataclasses
import functools
import itertools
import os
import sys
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animefaces import signals, streams
from animefaces.options import check, flag, kind, shown
from animefaces.problems import Misuse, Problem, in_words
from animefaces.words import visible


@dataclass(frozen=True)
class Command:
    """A command of a program, such as `train.py vae`.

    `options`: a dataclass of options. `work(options, given)`: the function that does the work; `given` are the names of
    the options that the user typed. `description`: the first text of --help. `recipes`: options by the names that
    --recipe accepts. `fixed`: values of hidden options. `name`: the word for the command on the command line; "" if the
    program has only one command. `noun`: what people call it.
    """

    options: type
    work: Callable[[Any, set[str]], None]
    description: str
    name: str = ""
    recipes: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    noun: str = "command"

    def fields(self) -> list[dataclasses.Field]:
        """The options that the user can type."""
        every = dataclasses.fields(self.options)
        return [f for f in every if not f.metadata["hidden"] and self.name in (f.metadata["commands"] or {self.name})]

    def base(self, recipe: str | None = None) -> Any:
        """Name of a recipe, or None -> the options of that recipe or the first one; without recipes, the defaults."""
        if self.recipes:
            return self.recipes.get(recipe or "", next(iter(self.recipes.values())))
        return dataclasses.replace(self.options(), **self.fixed)


class _Parser(argparse.ArgumentParser):
    foreign: Mapping[str, str] = {}  # flags of the program's other commands -> names of these commands
    commands: tuple[str, ...] = ()

    def parse_args(self, argv):
        # This test must come first: argparse takes the word after an unknown flag for a positional argument.
        for word in argv:
            name = word.partition("=")[0]
            if word.startswith("--") and word != "--" and name not in self._option_string_actions:
                if name in self.foreign:
                    raise Misuse(f"{name} is for {self.foreign[name]} only: leave it out")
                self.error(f"unrecognized arguments: {word}")
        return super().parse_args(argv)

    def error(self, message):
        message = message.removeprefix("argument ")
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message and (late := set(unknown.split()) & set(self.commands)):
            message = f"{min(late)} must be the first word after the program's name"
        elif unknown != message and os.path.lexists(unknown):
            message = f"{unknown} looks like a flag: for the file of this name write ./{unknown}"
        raise Misuse(f"{message}: see {self.prog} --help")


def build_parser(command: Command, program: str = "", base: Any = None) -> argparse.ArgumentParser:
    """Command -> a parser with one flag for each option. Options that the user does not type are not in its result.

    `base`: the values that --help shows as defaults.
    """
    positional = [f for f in command.fields() if f.metadata["positional"]]
    parser = _Parser(
        prog=" ".join([program or Path(sys.argv[0]).name, command.name]).strip(),
        description=command.description,
        usage="%(prog)s " + "".join(f"{f.name.upper()} ... " for f in positional) + "[OPTIONS]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    base = command.base() if base is None else base
    hints = typing.get_type_hints(command.options)
    groups: dict[str, Any] = {"": parser}
    for f in command.fields():
        group = f.metadata["group"]
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        _add(groups[group], f, hints[f.name], getattr(base, f.name), command.recipes)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add(parser, f, hint, value, recipes):
    """Add an option `f`, a field of a dataclass, to a parser. `value` is the default that --help shows."""
    (element, count), notes = kind(hint), f.metadata
    text = notes["help"].replace("%", "%%")
    if element is bool:
        text += f" (default: {'yes' if value else 'no'})"
    elif value is not None and value != ():
        text += f" (default: {shown(value)})".replace("%", "%%")
    settings = {"help": text}
    if element is bool:
        settings["action"] = argparse.BooleanOptionalAction
    else:
        settings["choices"] = list(recipes) if recipes and f.name == "recipe" else notes["choices"]
        settings["metavar"] = None if settings["choices"] and count == 1 else _kind_name(element, count)
        if element in (int, float):
            settings["type"] = functools.partial(_number, element)
            if count != 1:
                settings["type"] = functools.partial(_numbers, element, count)
        else:
            settings["type"] = _path if element is Path else element
            settings["nargs"] = None if count == 1 else "+"
    if notes["positional"]:
        # The default must be valid, because argparse compares it with the choices.
        parser.add_argument(f.name, **{**settings, "nargs": "?" if count == 1 else "*", "default": f.default})
    else:
        parser.add_argument(flag(f.name), **settings)


def _path(text):
    """ "" is no path, though Python takes it for the current folder: a variable of the shell may be empty."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: name a file or a folder")
    return Path(text)


def _numbers(element, count, text):
    """ "512,256" -> (512, 256). If `count` is given, one number is enough: "0.9" -> (0.9, 0.9)."""
    values = tuple(_number(element, part) for part in text.split(","))
    if count and len(values) == 1:
        values *= count
    if count and len(values) != count:
        raise argparse.ArgumentTypeError(f"{count} comma-separated numbers expected, not {text!r}")
    return values


def _number(element, text):
    try:
        value = element(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not {'a whole' if element is int else 'a'} number: {text!r}") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"not a finite number: {text!r}")
    return value


def _kind_name(element, count):
    name = {int: "N", float: "X", Path: "PATH", str: "TEXT"}[element]
    if element in (int, float) and count != 1:
        return ",".join([name] * (count or 2)) + ("" if count else ",...")
    return name


def parse(command: Command, argv: list[str], others: tuple[Command, ...] = ()) -> tuple[Any, set[str], bool]:
    """Words of a command line -> (options, names of the options that the user typed, whether --debug was typed).

    The recipe overrides the defaults, and typed options override the recipe. `others`: the program's other commands.
    """
    program, recipe = Path(sys.argv[0]).name, _recipe(argv)
    for other in others:
        if recipe in other.recipes:
            raise Misuse(f"--recipe {recipe} is for {program} {other.name}: leave it out")
    base = command.base(recipe)
    parser = typing.cast(_Parser, build_parser(command, base=base))
    users: dict[str, list[str]] = {}  # of each flag
    for other in others:
        for f in other.fields():
            users.setdefault(flag(f.name), []).append(f"{program} {other.name}")
    parser.foreign = {name: " and ".join(names) for name, names in users.items()}
    parser.commands = tuple(c.name for c in others)
    values = vars(parser.parse_args(argv))
    debug = values.pop("debug", False)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    unsaid = {f.name for f in command.fields() if f.metadata["positional"] and values.get(f.name) == f.default}
    values = {k: v for k, v in values.items() if k not in unsaid}
    options = dataclasses.replace(base, **values)
    check(options)
    return options, set(values), debug


def _recipe(argv):
    """Words of a command line -> the name of the recipe in them, or None."""
    named = None
    for word, following in itertools.zip_longest(argv, argv[1:]):
        if word == "--recipe":
            named = following
        elif word.startswith("--recipe="):
            named = word.partition("=")[2]
    return named


def run_script(options: type, work: Callable[[Any, set[str]], None], argv: list[str] | None, description: str) -> int:
    """Run a program with only one command: parse the command line, call `work(options, given)` -> the exit code."""
    return run_commands([Command(options, work, description)], argv)


def run_commands(commands: list[Command], argv: list[str] | None) -> int:
    """Run the command that the first word names, or the first command if it names none -> the exit code: 0, 1 or 2.

    For a problem that the user can solve, it prints one line on stderr, without a traceback.
    """
    argv = sys.argv[1:] if argv is None else argv
    stopped: list[int] = []
    named = next((c for c in commands if c.name and argv[:1] == [c.name]), None)
    chosen, words, debug = named or commands[0], argv[1:] if named else argv, "--debug" in argv
    with streams.lasting():
        try:
            with signals.interrupted() as stopped, _surroundings(debug):
                if not named and chosen.name and words and not words[0].startswith("-"):
                    raise Misuse(
                        f"there is no {chosen.noun} {words[0]}: choose from {', '.join(c.name for c in commands)}"
                    )
                options, given, _ = parse(chosen, words, tuple(c for c in commands if c is not chosen))
                chosen.work(options, given | set(named.fixed if named else ()))
                sys.stdout.flush()
            return 0
        except KeyboardInterrupt:
            if debug:
                raise
            return _complain("stopped", 1)
        except streams.Unread:
            return 1
        except (Problem, OSError, MemoryError, ImportError) as fault:
            if debug:
                raise
            if stopped and isinstance(fault, ImportError):  # some libraries make one of a KeyboardInterrupt
                return _complain("stopped", 1)
            return _complain(in_words(fault, [f.name for f in chosen.fields()]), getattr(fault, "exit_code", 1))


@contextlib.contextmanager
def _surroundings(debug):
    """What the user's environment must not change: warnings that are made errors, and a current folder that is gone."""
    with warnings.catch_warnings():
        if sys.warnoptions and not debug:  # PYTHONWARNINGS=error would end each import of a library that warns
            warnings.simplefilter("default")
            for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
                warnings.simplefilter("ignore", kind)
        try:
            os.getcwd()
        except OSError as fault:
            raise Problem("the current folder does not exist any more: change to another one with cd") from fault
        yield


def _complain(text, code):
    print("error: " + visible(" ".join(text.split())), file=sys.stderr)  # it may quote a file that anyone wrote
    return code
