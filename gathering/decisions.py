"""What somebody decided about the crops of a folder by eye: decisions.json, and what preprocess.py makes of it.

Rejected crops leave the set. Their files wait in a hidden folder, where train.py does not look, and come back when they
are accepted. Anybody may have written the file, so nothing in it is trusted.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from animefaces.files import write_text, written_whole
from animefaces.problems import Problem
from animefaces.words import counted, visible
from gathering import manifest

NAME = "decisions.json"
ASIDE = ".rejected"  # the folder of the rejected crops, inside the folder of the crops
REJECTED = "rejected"  # the verdict
LARGEST = 32 << 20  # bytes of the file: over a million decisions
LONGEST = 255  # bytes of a name


class Decisions(NamedTuple):
    """The names of the crops that somebody decided about. Nobody has decided about the others."""

    rejected: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()


def parse(data: bytes) -> Decisions:
    """The bytes of decisions.json -> Decisions. Raises ValueError with what is wrong, in a few words."""
    if len(data) > LARGEST:
        raise ValueError(f"larger than {LARGEST >> 20} MiB")
    try:
        record = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise ValueError("no JSON") from fault
    if not isinstance(record, dict) or not record.keys() <= set(Decisions._fields):
        raise ValueError(f"it may have {' and '.join(Decisions._fields)} only")
    lists = [record.get(field, []) for field in Decisions._fields]
    if not all(isinstance(names, list) for names in lists):
        raise ValueError("no list of names")
    for name in (name for names in lists for name in names):
        if not is_plain(name):
            raise ValueError(f"{visible(str(name)[:40])} is no plain name of a file")
    rejected, accepted = map(frozenset, lists)
    if rejected & accepted:
        raise ValueError("a face is both rejected and accepted")
    return Decisions(rejected, accepted)


def is_plain(name: Any) -> bool:
    """Whether a value is the name of a file that stands in the folder itself and is not hidden."""
    try:
        return (
            isinstance(name, str)
            and 0 < len(os.fsencode(name)) <= LONGEST
            and not name.startswith(".")
            and not set(name) & set("/\\:\0")
        )
    except UnicodeEncodeError:
        return False


def read(folder: Path) -> Decisions:
    """A folder of crops -> its Decisions; none without a file. Raises Problem if the file is damaged."""
    path = Path(folder, NAME)
    try:
        with open(path, "rb") as file:
            return parse(file.read(LARGEST + 1))
    except FileNotFoundError:
        return Decisions()
    except ValueError as fault:
        raise Problem(f"{path} is damaged ({fault}): save it again from report.html, or delete it") from fault


def write(folder: Path, decisions: Decisions) -> None:
    """Write decisions.json, whole or not at all. Names that are not UTF-8 stay what they are."""
    write_text(Path(folder, NAME), json.dumps({k: sorted(v) for k, v in decisions._asdict().items()}) + "\n")


def name_of(line: dict[str, Any]) -> str:
    """A line of the manifest -> the file of its crop if it is kept or rejected, else ""."""
    if line["verdict"] != REJECTED or line["duplicate_of"]:
        return line["file"] or ""
    name = line["hashes"] and f"{line['hashes'].get('pixels')}.png"  # none where the face comes from another folder
    return name if name and is_plain(name) else ""


def crops(folder: Path) -> Iterator[dict[str, Any]]:
    """A folder of crops -> the lines of the crops that are there, those that are rejected too, in their order."""
    here, aside = _names(Path(folder)), _names(Path(folder, ASIDE))
    for line in manifest.lines(Path(folder, manifest.NAME)):
        names, name = aside if line["verdict"] == REJECTED else here, name_of(line)
        if name in names:
            names.remove(name)  # a name that stands in two lines counts once
            yield line


def _names(folder):
    return {entry.name for entry in os.scandir(folder) if entry.is_file()} if folder.is_dir() else set()


@contextlib.contextmanager
def applied(folder: Path) -> Iterator[None]:
    """Carry out decisions.json in a folder of crops, which is locked, now and again at the end of the `with` block.

    So faces that the block makes once more leave the set again. One line tells what has changed. Raises Problem.
    """
    apply(folder)
    yield
    apply(folder)


def apply(folder: Path) -> None:
    """Carry out decisions.json: files move, then the manifest follows. Killed in between, the next call does the rest.

    Where there is nothing to do, no file changes.
    """
    folder, record = Path(folder), Path(folder, manifest.NAME)
    decided = read(folder)
    if not (decided.rejected or decided.accepted):
        return
    changes = {}
    for line in manifest.lines(record):
        name = name_of(line)
        if line["verdict"] == "kept" and name in decided.rejected:
            _move(folder / name, folder / ASIDE / name)
            changes[name] = REJECTED
        elif line["verdict"] == REJECTED and name in decided.accepted:
            _move(folder / ASIDE / name, folder / name)
            changes[name] = "kept"
    if changes:
        _rewrite(record, changes)
        rejected = sum(verdict == REJECTED for verdict in changes.values())
        said = [f"{counted(rejected, 'rejected face')} left the set"] * bool(rejected)
        said += [f"{counted(len(changes) - rejected, 'face')} came back"] * (rejected < len(changes))
        print(f"{NAME}: {', '.join(said)}")


def _move(source, target):
    """Move a crop, if it has not been moved before."""
    if source.is_file():
        target.parent.mkdir(exist_ok=True)
        os.replace(source, target)


def _rewrite(record, changes):
    """Write the manifest again, with other verdicts for some crops. Damaged lines stay as they are."""
    with open(record, "rb") as old, written_whole(record) as temporary, open(temporary, "wb") as new:
        for data in old:
            line = manifest.parse(data)
            verdict = line and changes.get(name_of(line) or line["duplicate_of"])
            if line and verdict and line["verdict"] in ("kept", REJECTED):
                data = manifest.to_text(_judged(line, verdict)).encode()
            new.write(data)


def _judged(line, verdict):
    """A line and its new verdict -> the new line. A copy of a rejected crop follows it, and becomes a duplicate."""
    if line["duplicate_of"]:
        return line | {"verdict": "duplicate" if verdict == "kept" else line["verdict"]}
    name = name_of(line)
    return line | {"verdict": verdict, "file": name if verdict == "kept" else None,
                   "detail": "" if verdict == "kept" else "by eye"}  # fmt: skip
