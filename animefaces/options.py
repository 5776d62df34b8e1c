"""Command lines: options declared once, as a frozen dataclass, and one way to run every script."""

import argparse
import contextlib
import dataclasses
import functools
import os
import signal
import sys
import types
import typing
from pathlib import Path


class Problem(Exception):
    """Something the user can mend. Its text is one line: what is wrong: what to do."""

    exit_code = 1  # could not


class Misuse(Problem):
    """The command itself was wrong."""

    exit_code = 2


def option(default, help, check=None, choices=None, positional=False):
    """One field of an Options dataclass: its flag, type, default, help and JSON record.

    `check` takes the value and returns None, or what it must be (for `at_least` and friends).
    """
    metadata = {"help": help, "check": check, "choices": choices, "positional": positional}
    return dataclasses.field(default=default, metadata=metadata)


def at_least(lowest):
    """Check: a number, or each number of a tuple, is `lowest` or more."""
    return lambda value: None if all(v >= lowest for v in _each(value)) else f"at least {lowest}"


def above(lowest):
    """Check: a number, or each number of a tuple, is greater than `lowest`."""
    return lambda value: None if all(v > lowest for v in _each(value)) else f"greater than {lowest}"


def within(lowest, highest):
    """Check: `lowest` <= value <= `highest`."""
    return lambda value: None if lowest <= value <= highest else f"from {lowest} to {highest}"


def span(value):
    """Check: (lowest, highest), in this order."""
    return None if value[0] <= value[1] else "the lower end first"


def _each(value):
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _kind(annotation):
    """An annotation -> (element type, number of elements: 1, an exact count, or None for any)."""
    if isinstance(annotation, types.UnionType):  # "X | None": None is the default, never typed in
        (annotation,) = [a for a in annotation.__args__ if a is not types.NoneType]
    if typing.get_origin(annotation) is tuple:
        element, *rest = annotation.__args__
        return element, None if rest == [...] else 1 + len(rest)
    return annotation, 1


def _numbers(element, count, text):
    """ "512,256" -> (512, 256). One number stands for all of an exact count: "0.9" -> (0.9, 0.9)."""
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


class _Parser(argparse.ArgumentParser):
    def parse_args(self, argv=None):
        argv = sys.argv[1:] if argv is None else argv
        for word in argv:  # first of all: else argparse takes what follows an unknown flag for a positional
            if word.startswith("--") and word != "--" and word.partition("=")[0] not in self._option_string_actions:
                self.error(f"unrecognized arguments: {word}")
        return super().parse_args(argv)

    def error(self, message):
        message = message.removeprefix("argument ")
        raise Misuse(f"{message}: see {self.prog} --help")


def _shown(value):
    if isinstance(value, tuple):
        return (" " if value and isinstance(value[0], Path) else ",").join(map(str, value))
    return str(value)


def build_parser(cls, description, recipes=None):
    """An argument parser with one flag per field of the dataclass; unset flags stay absent."""
    parser = _Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        element, count = _kind(hints[field.name])
        notes = field.metadata
        help = notes["help"].replace("%", "%%")
        if field.default is not None and field.default != () and element is not bool:
            help += f" (default: {_shown(field.default)})"
        settings = {"help": help}
        if element is bool:
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings["choices"] = list(recipes) if recipes and field.name == "recipe" else notes["choices"]
            settings["metavar"] = None if settings["choices"] and count == 1 else _kind_name(element, count)
            if element in (int, float):
                settings["type"] = functools.partial(_number, element)
                if count != 1:
                    settings["type"] = functools.partial(_numbers, element, count)
            else:
                settings["type"] = element
                settings["nargs"] = None if count == 1 else "+"
        if notes["positional"]:
            settings.update(
                nargs="?" if count == 1 else "*", default=field.default
            )  # argparse checks it against choices
            parser.add_argument(field.name, **settings)
        else:
            parser.add_argument("--" + field.name.replace("_", "-"), **settings)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _kind_name(element, count):
    name = {int: "N", float: "X", Path: "PATH", str: "TEXT"}[element]
    if element in (int, float) and count != 1:
        return ",".join([name] * (count or 2)) + ("" if count else ",...")
    return name


def positional(cls):
    """The names of the fields that stand without a flag."""
    return {field.name for field in dataclasses.fields(cls) if field.metadata["positional"]}


def parse(cls, argv, description, recipes=None):
    """Command line -> (options, names given by hand, debug).

    Defaults, then the recipe (a value of `cls` named by its field `recipe`, or by a positional that is
    the name of one), then flags: last wins.
    """
    values = vars(build_parser(cls, description, recipes).parse_args(argv))
    debug = values.pop("debug", False)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    base = cls()
    values = {k: v for k, v in values.items() if not (k in positional(cls) and v == getattr(base, k))}
    if recipes:
        named = [values[name] for name in positional(cls) if values.get(name) in recipes]
        base = recipes[values.get("recipe", *named or [base.recipe])]
    options = dataclasses.replace(base, **values)
    check(options)
    return options, set(values), debug


def check(options):
    """Raise Misuse for the first option whose value is out of its range, or none of its choices."""
    for field in dataclasses.fields(options):
        rule, value, choices = field.metadata["check"], getattr(options, field.name), field.metadata["choices"]
        wanted = rule(value) if rule and value is not None else None
        if choices and not set(_each(value)) <= set(choices):
            wanted = "one of " + ", ".join(map(str, choices))
        if wanted:
            flag = field.name.upper() if field.metadata["positional"] else "--" + field.name.replace("_", "-")
            raise Misuse(f"{flag} {_shown(value)} will not do: it must be {wanted}")


def to_record(options):
    """Options -> a JSON-able dict."""

    def plain(value):
        if isinstance(value, Path):
            return str(value)
        return [plain(v) for v in value] if isinstance(value, tuple) else value

    return {f.name: plain(getattr(options, f.name)) for f in dataclasses.fields(options)}


def from_record(cls, record):
    """The inverse of `to_record`. Raises Problem when the record is not one of `cls`.

    An option that is younger than the record has its default, so that older runs go on.
    """
    hints, values = typing.get_type_hints(cls), {}
    try:
        if not isinstance(record, dict) or not record.keys() & hints.keys():
            raise TypeError("it names none of them")
        for field in dataclasses.fields(cls):
            if field.name not in record:
                continue
            value = record[field.name]
            element, count = _kind(hints[field.name])
            if count != 1:
                if not isinstance(value, list) or len(value) != (count or len(value)):
                    raise ValueError(f"{field.name}: {value}")
                value = tuple(element(v) for v in value)
            elif value is not None or field.default is not None:
                value = element(value)
            values[field.name] = value
        options = cls(**values)
        check(options)
        return options
    except (KeyError, TypeError, ValueError, Misuse) as fault:
        raise Problem(f"the recorded options cannot be read ({fault}): start a new run") from fault


def run_script(cls, work, argv, description, recipes=None):
    """Parse the command line, do `work(options, given)` and return the exit code: 0, 1 or 2.

    Whatever goes wrong in a way the user can mend is one line on stderr, without a traceback.
    """
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):  # a file name may hold what the terminal's encoding lacks
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")
    try:
        options, given, debug = parse(cls, argv, description, recipes)
        work(options, given)
        return 0
    except KeyboardInterrupt:
        if debug:
            raise
        return _complain("stopped", 1)
    except BrokenPipeError:  # the reader of our output has gone
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - so that closing it at exit raises nothing
        return 1
    except (Problem, OSError, MemoryError, ModuleNotFoundError) as fault:
        if debug:
            raise
        return _complain(_in_words(fault), getattr(fault, "exit_code", 1))


@contextlib.contextmanager
def stop_signals():
    """A list that is empty until Ctrl-C or a polite kill: the step in hand ends first, so no state is torn.

    The second one stops at once.
    """
    received = []

    def receive(number, frame):
        if received:
            raise KeyboardInterrupt
        received.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, receive) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _in_words(fault):
    if isinstance(fault, MemoryError):
        return "not enough memory: try a smaller --batch-size, --size or --count"
    if isinstance(fault, ModuleNotFoundError):
        return f"{fault}: install what is needed, pip install -r requirements.txt"
    if isinstance(fault, OSError):
        where = f"{fault.filename}: " if fault.filename else ""
        return f"{where}{fault.strerror or fault}: check the path, its permissions and the free space"
    return str(fault)


def _complain(text, code):
    print("error: " + " ".join(text.split()), file=sys.stderr)
    return code
