"""Pictures of any kind, in a folder or scraped from a site -> a folder of clean, distinct faces to train on.

    python preprocess.py --input ~/Pictures/anime
    python preprocess.py --scrape "1girl portrait" --limit 500
    python preprocess.py --input crops.zip --detector none --size 64
    python preprocess.py --review            # look through the faces in the browser, and reject bad ones

A second run with more pictures adds only the new faces. In the output folder, manifest.jsonl says what became
of each picture, and report.html shows it.
"""

import itertools
import os
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from animefaces import hardware, runs
from animefaces.commands import run_script
from animefaces.files import check_input
from animefaces.options import at_least, flag, having, option, to_record, within
from animefaces.problems import Misuse, Problem
from animefaces.words import counted

SHARES = "data/shares"
MOST_WORKERS = 1024
RAW = Path("data/raw")  # where scraped pictures go, and where pictures are looked for if nothing else is said
# The headings of --help.
PICTURES, CROPS, DETECTOR = "where the pictures come from", "the crops", "how faces are found"
LEFT_OUT, REVIEW, COMPUTER = "which faces are left out", "looking through the faces", "this computer"
# A fact about options: these shape the crops, so they are the same for all crops of an output folder.
SHAPING = "shaping"


def _is_size(value: int) -> str | None:
    return None if value % 8 == 0 and 8 <= value <= 512 else "a multiple of 8 from 8 to 512"


@dataclass(frozen=True)
class Options:
    """All of preprocess.py's options."""

    input: tuple[Path, ...] = option((), "folders, zips and pictures (default: data/raw, unless --scrape is given)",
                                     group=PICTURES)  # fmt: skip
    scrape: str | None = option(None, "search for pictures: tags for danbooru.donmai.us, or the URL of a search on "
                                      "another site", group=PICTURES)  # fmt: skip
    limit: int | None = option(None, "take at most this many pictures (default: 1000 of a scrape, else all)",
                               at_least(1), group=PICTURES)  # fmt: skip
    rating: str = option("general", "scrape pictures up to this rating", choices=("general", "sensitive", "any"),
                         group=PICTURES)  # fmt: skip
    allow_ai: bool = option(False, "scrape pictures, too, whose tags say that a network made them", group=PICTURES)
    without: str | None = option(None, "tags whose pictures are not scraped, names of artists for example: \"one two\"",
                                 group=PICTURES)  # fmt: skip
    pause: float = option(1.0, "shortest wait between two requests to a site, in seconds; the longest is twice that",
                          at_least(0), group=PICTURES)  # fmt: skip

    shard: str | None = option(None, "do one share of the pictures, 3/16 for the third of sixteen, while other "
                               "processes or machines do the others; --merge joins their folders", group=PICTURES,
                               facts=(SHAPING,))  # fmt: skip
    merge: tuple[Path, ...] = option((), "join these folders of crops, made with --shard, in --output; near duplicates "
                                     "among them are left out", group=PICTURES)  # fmt: skip

    output: Path = option(runs.FACES, f"folder of the crops (default of a share: {SHARES}/3-of-16)", group=CROPS)
    size: int = option(64, "width and height of a crop, in pixels", _is_size, group=CROPS, facts=(SHAPING,))
    margin: float = option(0.45, "room on each side of the face, as a part of its size; 0.45 shows the whole head",
                           within(0, 3), group=CROPS, facts=(SHAPING,))  # fmt: skip
    upright: bool = option(True, "turn a face upright if its eyes are askew; only some detectors find eyes",
                           group=CROPS, facts=(SHAPING,))  # fmt: skip

    detector: str = option("anime", "anime for drawings, lbpcascade (an older one), haar for photos, none if each "
                           "picture is a face, a run of train.py detector, or MODULE:FUNCTION for one of your own",
                           group=DETECTOR, facts=(SHAPING,))  # fmt: skip
    cascade: Path | None = option(None, "another file for the lbpcascade", group=DETECTOR)  # fmt: skip
    min_face: int | None = option(None, "least size of a face in its picture, in pixels (default: half of --size)",
                                  at_least(1), group=DETECTOR, facts=(SHAPING,))  # fmt: skip

    max_outside: float = option(0.2, "largest part of a crop that may lie outside the picture", within(0, 0.9),
                                group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    min_contrast: float = option(8.0, "least standard deviation of a crop's grey values, which are 0 to 255",
                                 at_least(0), group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    min_sharpness: float = option(0.2, "least sharpness of a crop: blurred crops have about 0.1, good ones 0.3 to 2",
                                  at_least(0), group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    min_colour: float = option(3.0, "least colour of a crop, in units of CIE Lab: grey and sepia ones have less; 0 "
                               "keeps them", at_least(0), group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    max_company: float = option(0.06, "largest part of a crop that another face may take; 1 keeps two faces in one "
                                "crop", within(0, 1), group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    duplicate_bits: int = option(16, "two crops are near duplicates if at most this many of the 256 bits of their "
                                 "hashes differ", within(0, 64), group=LEFT_OUT, facts=(SHAPING,))  # fmt: skip
    dedupe: bool = option(True, "leave out duplicates and near duplicates", group=LEFT_OUT, facts=(SHAPING,))

    review: bool = option(False, "show report.html in the browser, where faces are rejected by eye; nothing else is "
                          "done", group=REVIEW)  # fmt: skip
    port: int = option(0, "port of the report on this computer; 0 for any free one", within(0, 65_535), group=REVIEW)

    workers: int | None = option(None, "number of processes (default: one per core)", within(1, MOST_WORKERS),
                                 group=COMPUTER)  # fmt: skip
    timeout: float = option(60.0, "seconds after which the search in a picture is given up",
                            within(0.001, 86_400), group=COMPUTER)  # fmt: skip

    @property
    def smallest_face(self) -> int:
        """The least size of a face, in pixels of its picture."""
        return self.min_face or self.size // 2

    @property
    def processes(self) -> int:
        """The number of worker processes."""
        return self.workers or hardware.threads()


def work(options: Options, given: set[str]) -> None:
    """Scrape if that is asked for, find faces, cut and judge them; then tell what became of the pictures."""
    from gathering import decisions, detectors, shards

    if options.review:
        review(options, given)
        return
    if "port" in given:
        raise Misuse("--port is for --review: leave it out")
    if options.scrape == "":
        raise Misuse('--scrape is empty: name tags to search for, for example --scrape "1girl portrait"')
    for name in ("rating", "allow_ai", "without", "pause"):
        if name in given and not options.scrape:
            raise Misuse(f"{flag(name)} is for --scrape: add --scrape, or leave it out")
    if options.cascade and options.detector != "lbpcascade":
        raise Misuse("--cascade is for --detector lbpcascade: add it, or leave out --cascade")
    if options.merge:
        join(options, given)
        return
    if shard := shards.parse(options.shard):
        if options.scrape:
            raise Misuse(
                "--shard is for pictures that are there: run --scrape alone first, then --shard on each machine"
            )
        if "output" not in given:
            options = replace(options, output=Path(SHARES, f"{shard.number}-of-{shard.of}"))
    check_places([*options.input, *([RAW] if options.scrape or not options.input else [])], options.output)
    # The workers open it again. Opened here as well, a fault is reported before hours of scraping.
    detectors.open_detector(options.detector, options.cascade)
    decisions.read(options.output)
    inputs, shortfall = list(options.input), None
    if options.scrape:
        from gathering import scrape

        without = (*(() if options.allow_ai else scrape.OF_AI), *(options.without or "").split())
        folder, shortfall = scrape.scrape(options.scrape, options.limit or 1000, options.rating, options.pause,
                                          without=without)  # fmt: skip
        inputs.append(folder)
    inputs = inputs or [RAW]
    for path in inputs:
        check_input(path, "--input")
    ended = tell(add_faces(inputs, options), inputs, options.output, options.margin, options.upright) or shortfall
    if ended:
        raise Problem(ended)


def review(options: Options, given: set[str]) -> None:
    """Show the report of a folder until Ctrl-C; then what was decided there is carried out."""
    if others := given - {"review", "port", "output"}:
        raise Misuse(f"--review shows the faces that are there: leave out {flag(min(others))}")
    from gathering import collection, decisions, manifest, report
    from gathering import review as hosting

    folder = options.output
    if not (folder / manifest.NAME).exists():
        raise Problem(f"{folder} has no {manifest.NAME}: gather faces first, or name their folder with --output")
    with collection.locked(folder), hosting.Host(folder, options.port) as server:
        framing = manifest.settings(folder, {"margin": options.margin, "upright": options.upright})

        def carry_out():
            decisions.apply(folder)
            if report.is_old(folder):
                report.write(folder, manifest.counts(folder / manifest.NAME), **framing)

        carry_out()
        print(f"open {server.address} in a browser; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            carry_out()


def join(options: Options, given: set[str]) -> None:
    """Join the folders of --merge, and tell what became of their pictures."""
    from gathering import shards

    if others := given - {"merge", "output"}:
        raise Misuse(f"--merge joins folders that are there already: leave out --{sorted(others)[0].replace('_', '-')}")
    check_places(list(options.merge), options.output)
    settings = shards.settings_of(options.merge, _shaping(Options()))
    if ended := tell(merge_faces(options.merge, options.output, settings), list(options.merge), options.output,
                     settings["margin"], settings.get("upright", True)):  # fmt: skip
        raise Problem(ended)


def check_places(inputs: list[Path], output: Path) -> None:
    """Raise Misuse if the crops cannot be written, or if train.py would find the pictures among them."""
    from animefaces import sources
    from animefaces.files import check_output

    check_output(output, folder=True)
    crops = sources.identity(os.path.realpath(output))
    for path in inputs:
        here, *above = [sources.identity(place) for place in _upwards(path)]
        if crops == here:
            raise Misuse(f"--output {output} is where the pictures are: name another folder for the crops")
        if crops in above:
            raise Misuse(f"{path} lies inside --output {output}, where train.py would take its pictures for faces: "
                         "name another folder for the crops")  # fmt: skip


def _upwards(path):
    """A path -> where it really is, and the folders above."""
    place = Path(os.path.realpath(path))
    return place, *place.parents


@dataclass
class Outcome:
    """What became of the pictures: how often each verdict was given in this run, and in all of the output folder."""

    new: Counter[str]
    totals: Counter[str]
    skipped: list[tuple[str, str]]  # name and reason of each file of this run that could not be used
    damaged: list[int]  # numbers of the lines of the manifest that cannot be read
    ended: str | None = None  # why the run ended before all pictures were looked at


def tell(outcome: Outcome, inputs: list[Path], output: Path, margin: float, upright: bool) -> str | None:
    """Print the table, and write the report if the run came to its end -> what is wrong, or None."""
    from animefaces import sources
    from gathering import manifest, report

    page, record = output / report.NAME, output / manifest.NAME
    said = sources.passed_over(outcome.skipped)
    why = f" ({'; '.join(said)})" if said else ""
    if outcome.damaged:
        lines = counted(len(outcome.damaged), "damaged line")
        said.append(f"passed over {lines} of {record}, the first is line {outcome.damaged[0]}")
    if outcome.totals:
        said.insert(0, report.table(outcome.new, outcome.totals))
    print("\n".join(said), end="\n" if said else "")
    if outcome.ended:
        return outcome.ended
    if outcome.totals and report.is_old(output):
        report.write(output, outcome.totals, margin, upright)
    if set(+outcome.totals) <= {"unreadable"}:
        return f"no pictures in {', '.join(map(str, inputs))}{why}: give --input a folder, a zip or a picture"
    if not outcome.totals["kept"]:
        return f"no face was kept: open {page} to see why, or give another --detector"
    if not any(output.glob("[!.]*.png")):
        return f"all faces were deleted from {output}: delete {record} too, and run the same command again"
    return None


def add_faces(inputs: list[Path], options: Options) -> Outcome:
    """Folders, zips and pictures -> what became of them; the crops and the manifest are in the output folder.

    Only those pictures are opened that the output folder does not know yet.
    """
    from animefaces.progress import Bar
    from gathering import collection, crops, decisions, manifest, pictures, shards

    shard = shards.parse(options.shard)
    mine = shard.has if shard else None
    limit = None if options.scrape else options.limit  # a scrape has kept to it already
    total = min(pictures.count(inputs, options.output, mine), limit or sys.maxsize)
    options = replace(options, workers=max(1, min(options.processes, total)))
    skipped: list[tuple[str, str]] = []
    found = itertools.islice(pictures.found(inputs, options.output, skipped, mine), limit)
    # Which of two near duplicates stays depends on all pictures: --merge decides it.
    bits = options.duplicate_bits if options.dedupe and not shard else None
    new: Counter[str] = Counter()
    ended = None
    with (
        collection.locked(options.output),
        decisions.applied(options.output),
        collection.Collection(options.output, _shaping(options), _shaping(Options()), bits) as faces,
        Bar(found, total, desc="finding faces", unit="img") as bar,
    ):
        try:
            for picture, cut in crops.in_parallel(faces.unknown(bar), options):
                for line in faces.add(picture, cut):
                    new[line["verdict"]] += 1
                    if line["verdict"] in crops.UNUSED:
                        skipped.append((picture.name, line["detail"] or crops.REASONS[line["verdict"]]))
                bar.note(f"{new['kept']:,} kept")
        except KeyboardInterrupt:
            ended = "stopped: run the same command again to go on with the other pictures"
        except Problem as fault:
            ended = str(fault)
    return Outcome(new, manifest.counts(options.output / manifest.NAME), skipped, faces.damaged, ended)


def merge_faces(folders: tuple[Path, ...], output: Path, settings: dict[str, Any]) -> Outcome:
    """Folders of crops -> what became of their pictures in the output folder, as if one run had done all of them.

    `settings`: what shaped their crops.
    """
    from animefaces.progress import Bar
    from gathering import collection, crops, decisions, manifest, shards

    total = sum(manifest.counts(folder / manifest.NAME).total() for folder in folders)
    bits = settings["duplicate_bits"] if settings["dedupe"] else None
    new: Counter[str] = Counter()
    ended = None
    with (
        collection.locked(output),
        decisions.applied(output),
        collection.Collection(output, settings, _shaping(Options()), bits) as faces,
        Bar(total=total, desc="joining", unit="face") as bar,
    ):
        try:
            for picture, found in shards.joined(folders):
                bar.update(len(found))
                for known in faces.unknown([picture]):
                    left_out = [crops.Crop(known.verdict, known.fault)] if known.data is None else found
                    new.update(line["verdict"] for line in faces.add(known, left_out))
                bar.note(f"{new['kept']:,} kept")
        except KeyboardInterrupt:
            ended = "stopped: run the same command again to go on with the other pictures"
        except Problem as fault:
            ended = str(fault)
    return Outcome(new, manifest.counts(output / manifest.NAME), [], faces.damaged, ended)


def _shaping(options):
    """Options -> what shapes the crops, as a dict that can be written as JSON."""
    shaping = having(Options, SHAPING)
    return {k: v for k, v in to_record(options).items() if k in shaping} | {"min_face": options.smallest_face}


def main(argv: list[str] | None = None) -> int:
    """The words of the command line, None for those of this process -> the exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
