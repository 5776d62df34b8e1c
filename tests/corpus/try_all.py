"""Try every input with every program: python -m tests.corpus.try_all --output FOLDER

It prints a table by kind, and writes it as FOLDER/reliability.md, with the list of all that went wrong.
"""

import argparse
import collections
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.case import PROJECT, Case, Wrong, at_most, signals_as_in_a_terminal

KINDS = ("pictures", "names", "archives", "arrays", "folders", "photos", "networks", "runs", "words", "environments",
         "signals")  # fmt: skip
SECONDS = 240  # that one case may take


def all_cases(short: bool = False, kinds: tuple[str, ...] = KINDS) -> list[Case]:
    """The cases of all modules, or the short ones."""
    found: list[Case] = []
    for kind in kinds:
        module = __import__(f"tests.corpus.{kind}", fromlist=["cases"])
        found += [case for case in module.cases(short) if case.short or not short]
    return found


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """An empty folder, which is the current one within this context."""
    before = os.getcwd()
    folder = Path(tempfile.mkdtemp(prefix="case-"))
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)
        for place, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                os.chmod(place, 0o777)
        shutil.rmtree(folder, ignore_errors=True)


def attempt(case: Case) -> tuple[str, str]:
    """A case -> ("used", ""), ("refused", ""), or ("WRONG", why)."""
    try:
        with workplace(), at_most(SECONDS):
            return case.tried(), ""
    except Wrong as fault:
        return "WRONG", str(fault)
    except Exception as fault:  # a fault of the corpus, or of a program's function that it looks into
        return "WRONG", f"{type(fault).__name__}: {fault}"


def table(results: list[tuple[Case, str, str]]) -> str:
    """Results -> a table in markdown: a line for each kind."""
    counts: dict[str, collections.Counter[str]] = {}
    for case, outcome, _ in results:
        counts.setdefault(case.kind, collections.Counter())[outcome] += 1
    rows = [
        (kind, str(sum(c.values())), str(c["used"]), str(c["refused"]), str(c["WRONG"])) for kind, c in counts.items()
    ]
    sums = [sum(int(row[i]) for row in rows) for i in range(1, 5)]
    rows = [("kind", "tried", "used", "refused with a clear line", "wrong"), ("---", "--:", "--:", "--:", "--:"), *rows,
            ("**all**", *map(str, sums))]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code: 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for reliability.md")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="only these (default: all)")
    parser.add_argument("--only", default="", help="only cases whose name has this text")
    parser.add_argument("--short", action="store_true", help="only the short version")
    options = parser.parse_args(argv)
    signals_as_in_a_terminal()
    sys.path[:0] = [str(PROJECT)]
    os.environ["PYTHONPATH"] = str(PROJECT)
    options.output.mkdir(parents=True, exist_ok=True)
    page = (options.output / "reliability.md").resolve()
    results, start = [], time.monotonic()
    for case in all_cases(options.short, tuple(options.kinds)):
        if options.only in case.name:
            began = time.monotonic()
            outcome, why = attempt(case)
            results.append((case, outcome, why))
            line = f"{outcome:<8}{time.monotonic() - began:6.1f} s  {case.kind}: {case.name}"
            first = f" => {why.splitlines()[0]}" if why else ""
            print((line + first).encode("ascii", "backslashreplace").decode(), flush=True)
    wrong = "".join(f"\n### {case.kind}: {case.name}\n\n```\n{why}\n```\n" for case, outcome, why in results if why)
    page.write_bytes(f"{table(results)}\n{wrong}".encode("utf-8", "backslashreplace"))
    print(table(results))
    print(f"{page}: {len(results)} tries in {time.monotonic() - start:.0f} seconds")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
