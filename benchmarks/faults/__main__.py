"""Repeat faults at random until the time is over, and count what came out.

    python -m benchmarks.faults --minutes 60                          # all kinds, an equal share of the time each
    python -m benchmarks.faults --minutes 10 --kinds kill flipped --seed 7
    python -m benchmarks.faults --repeat kill 3                       # one try alone

It prints a line for each try that failed, and at the end, or after Ctrl-C, a table. It writes the table, with the
reasons of all failures, to FOLDER/faults.md. docs/reliability.md says what each kind is, and what must be true.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.faults import disks, forked, hostile, stops, worker
from benchmarks.faults.ground import Ground
from benchmarks.faults.tries import NotTried, Try
from tests.corpus.case import PROJECT, Wrong
from tests.corpus.try_all import workplace

KINDS: dict[str, Callable[[Ground, Try], None]] = {
    "kill": stops.kill, "term": stops.term, "clock": stops.clock, "twice": stops.twice, "disk": disks.disk,
    "readonly": disks.readonly, "flipped": disks.flipped, "archives": hostile.archive, "hostile": hostile.hostile,
}  # fmt: skip
TOGETHER = {"archives": 25, "hostile": 25}  # tries in one process


def attempt(kind: str, ground: Ground, seeds: Iterable[int]) -> list[Try]:
    """A kind and the seeds of its tries -> these tries, done. Raises NotTried."""
    tries = [Try(kind, seed) for seed in seeds]
    if kind in TOGETHER:
        worker.together(KINDS[kind], ground, tries)
        return tries
    for t in tries:
        with workplace():
            try:
                KINDS[kind](ground, t)
            except Wrong as fault:
                t.why = str(fault)
            except (OSError, ValueError, KeyError) as fault:  # a file that is missing, say
                t.why = f"{type(fault).__name__}: {fault}"
    return tries


def table(tries: list[Try]) -> str:
    """Tries -> a table in markdown, a line for each kind."""
    lines = ["| kind | tries | survived | same weights | tracebacks | bytes lost |", "|---|--:|--:|--:|--:|--:|"]
    for kind in [*dict.fromkeys(t.kind for t in tries), "**all**"]:
        some = [t for t in tries if kind in (t.kind, "**all**")]
        compared = [t.identical for t in some if t.identical is not None]
        weights = f"{sum(compared):,} of {len(compared):,}" if compared else "-"
        survived, lost = sum(not t.why for t in some), sum(t.lost for t in some)
        counts = f"{len(some):,} | {survived:,} | {weights} | {sum(t.tracebacks for t in some):,} | {lost:,}"
        lines.append(f"| {kind} | {counts} |")
    return "\n".join(lines)


def told(t: Try) -> str:
    """A try -> a line: whether it is good, and if not, the first line of the reason."""
    faults = [t.why.partition("\n")[0], f"{t.lost:,} bytes are lost" * bool(t.lost),
              "the weights are others" * (t.identical is False)]  # fmt: skip
    why = "; ".join(filter(None, faults))
    return f"{'good' if t.good else 'WRONG':<6}{t.kind} {t.seed}{why and ': ' + why}"


def campaign(options: argparse.Namespace, ground: Ground) -> tuple[list[Try], list[str]]:
    """All tries until the time is over -> (the tries, a line for each kind that cannot be tried here)."""
    spent, count = dict.fromkeys(options.kinds, 0.0), dict.fromkeys(options.kinds, options.seed)
    end, tries, lines = time.monotonic() + 60 * options.minutes, [], []
    while spent and time.monotonic() < end:
        kind, began = min(spent, key=spent.__getitem__), time.monotonic()
        last = min(count[kind] + TOGETHER.get(kind, 1), options.seed + options.tries)
        try:
            done = attempt(kind, ground, range(count[kind], last))
        except NotTried as fault:
            lines.append(f"not tried: {kind}, because {fault}")
            done = []
        except KeyboardInterrupt:
            lines.append("stopped before the time was over")
            break
        for t in done:
            if not t.good or options.verbose:
                print(told(t), flush=True)
        tries += done
        count[kind] = last
        spent[kind] += time.monotonic() - began
        if not done or last == options.seed + options.tries:
            del spent[kind]
    return tries, lines


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code: 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     prog="python -m benchmarks.faults")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--tries", type=int, default=sys.maxsize, help="most tries of each kind (default: no limit)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first try of each kind (default: 0)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="only these (default: all)")
    parser.add_argument("--repeat", nargs=2, metavar=("KIND", "SEED"), help="only this try")
    parser.add_argument("--verbose", action="store_true", help="a line for each try, for the good ones too")
    parser.add_argument("--output", type=Path, default=Path("results/faults"), help="folder for faults.md")
    options = parser.parse_args(argv)
    if options.repeat:
        options.kinds, options.seed, options.tries = [options.repeat[0]], int(options.repeat[1]), 1
        options.verbose = True
    options.output.mkdir(parents=True, exist_ok=True)
    page, began = (options.output / "faults.md").resolve(), time.monotonic()
    sys.path[:0] = [str(PROJECT)]
    os.environ |= {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    forked.load()
    ground = Ground()
    try:
        tries, lines = campaign(options, ground)
    finally:
        ground.remove()
    wrong = [t for t in tries if not t.good]
    shown = "\n".join([table(tries), *lines])
    reasons = "".join(f"\n### {told(t)}\n\n```\n{t.why}\n```\n" for t in wrong)
    page.write_bytes(f"{shown}\n{reasons}".encode("utf-8", "backslashreplace"))
    print(shown)
    print(f"{page}: {len(tries):,} tries in {(time.monotonic() - began) / 60:.1f} minutes")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
