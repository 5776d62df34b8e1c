"""Tables (CSV) that a user wrote, or saved from a spreadsheet."""

import csv
import itertools
from collections.abc import Iterable

SHOWN = 80  # characters of a first line that is quoted


def rows(lines: Iterable[str], *columns: str) -> "csv.DictReader[str]":
    """The lines of a table -> its rows as dicts, for `for`; `fieldnames` are its columns.

    The cells are separated by commas, or by semicolons, which spreadsheets write in countries with a decimal comma. A
    byte order mark is passed over. Raises ValueError if one of `columns` is missing.
    """
    lines = iter(lines)
    first = next(lines, "").removeprefix("\ufeff")
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.DictReader(itertools.chain([first], lines), delimiter=delimiter)
    for column in columns:
        if column not in (reader.fieldnames or ()):
            raise ValueError(f"it has no column {column}; its first line is {first.strip()[:SHOWN]!r}")
    return reader
