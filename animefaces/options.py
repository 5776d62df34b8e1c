"""Options of programs: each option is a field of a frozen dataclass, and everything about it is declared there."""

import dataclasses
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animefaces.problems import Misuse, Problem

# Facts about options of a training. A run that goes on may have another value of an adjustable option. A local option
# is of one training on one computer: --init-from RUN does not take it, and it does not make two runs different.
ADJUSTABLE, LOCAL = "adjustable", "local"


def option(
    default: Any,
    help: str,
    check: Callable[[Any], str | None] | None = None,
    choices: tuple | None = None,
    positional: bool = False,
    hidden: bool = False,
    group: str = "",
    commands: tuple[str, ...] = (),
    facts: tuple[str, ...] = (),
) -> Any:
    """Default, help and other facts -> a field of a dataclass of options. The field gives the flag and the JSON record.

    `check`: a function of the value that returns None, or text that says what the value must be (such as `at_least`).
    `choices`: the allowed values. `positional`: the option has no flag; the user types only the value. `hidden`: the
    user cannot type the option; the command sets it. `group`: its heading in --help. `commands`: the commands that use
    the option, () for all. `facts`: words about the option; `having` finds the options with a certain word.
    """
    metadata = {"help": help, "check": check, "choices": choices, "positional": positional, "hidden": hidden,
                "group": group, "commands": commands, "facts": facts}  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def having(cls: type, fact: str) -> set[str]:
    """A dataclass of options and a fact -> the names of the options that have this fact."""
    return {f.name for f in dataclasses.fields(cls) if fact in f.metadata["facts"]}


def flag(name: str) -> str:
    """The name of an option -> its flag: "batch_size" -> "--batch-size"."""
    return "--" + name.replace("_", "-")


def at_least(lowest: float) -> Callable[[Any], str | None]:
    """Check: a number, or each number of a tuple, is `lowest` or more."""
    return lambda value: None if all(v >= lowest for v in _each(value)) else f"at least {lowest}"


def above(lowest: float) -> Callable[[Any], str | None]:
    """Check: a number, or each number of a tuple, is greater than `lowest`."""
    return lambda value: None if all(v > lowest for v in _each(value)) else f"greater than {lowest}"


def within(lowest: float, highest: float) -> Callable[[Any], str | None]:
    """Check: `lowest` <= value <= `highest`."""
    return lambda value: None if lowest <= value <= highest else f"from {lowest} to {highest}"


def span(value: tuple[float, float]) -> str | None:
    """Check: (lowest, highest), in this order."""
    return None if value[0] <= value[1] else "the lower end first"


def _each(value):
    return value if isinstance(value, tuple) else () if value is None else (value,)


def kind(annotation: Any) -> tuple[type, int | None]:
    """An annotation -> (type of an element, number of elements). The number is None for a tuple of any length."""
    if isinstance(annotation, types.UnionType):  # "X | None": None can only be a default, nobody can type it
        (annotation,) = [a for a in annotation.__args__ if a is not types.NoneType]
    if typing.get_origin(annotation) is tuple:
        element, *rest = annotation.__args__
        return element, None if rest == [...] else 1 + len(rest)
    return annotation, 1


def check(options: Any) -> None:
    """Raise Misuse for the first option whose value is out of its range, or not one of its choices."""
    for field in dataclasses.fields(options):
        rule, value, choices = field.metadata["check"], getattr(options, field.name), field.metadata["choices"]
        wanted = rule(value) if rule and value is not None else None
        if choices and not set(_each(value)) <= set(choices):
            wanted = "one of " + ", ".join(map(str, choices))
        if wanted:
            words = field.name.upper() if field.metadata["positional"] else flag(field.name)
            raise Misuse(f"{words} {shown(value)} will not do: it must be {wanted}")


def to_record(options: Any) -> dict[str, Any]:
    """Options -> a dict that can be written as JSON."""

    def plain(value):
        if isinstance(value, Path):
            return str(value)
        return [plain(v) for v in value] if isinstance(value, tuple) else value

    return {f.name: plain(getattr(options, f.name)) for f in dataclasses.fields(options)}


def from_record(cls: type, record: Any) -> Any:
    """A dataclass of options, and a dict from `to_record` -> the options. Raises Problem if the dict does not fit.

    An option that the dict does not name gets its default, so that runs of older versions can go on.
    """
    hints, values = typing.get_type_hints(cls), {}
    try:
        if not isinstance(record, dict) or not record.keys() & hints.keys():
            raise TypeError("the record names no option")
        for field in dataclasses.fields(cls):
            if field.name not in record:
                continue
            value = record[field.name]
            element, count = kind(hints[field.name])
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
        raise Problem(f"the options in options.json cannot be read ({fault}): start a new run") from fault


def shown(value: Any) -> str:
    """A value of an option -> the text that sets it on the command line."""
    if isinstance(value, tuple):
        return (" " if value and isinstance(value[0], Path) else ",").join(map(str, value))
    return str(value)
