"""Pictures of any kind, in a folder or scraped from a site -> a folder of clean, distinct faces to train on.

    python preprocess.py --input ~/Pictures/anime
    python preprocess.py --scrape "1girl portrait" --limit 500
    python preprocess.py --input crops.zip --detector none --size 64

Run it again with more pictures and it adds only what is new. manifest.jsonl in the output folder says of
every picture what became of it, and report.html shows it.
"""

import collections
import itertools
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.options import above, at_least, option, to_record, within
from animefaces.problems import Problem

# What decides which crops come out: the same for all of an output folder.
SHAPING = {
    "size", "margin", "detector", "min_face", "max_outside",
    "min_contrast", "min_sharpness", "duplicate_bits", "dedupe",
}  # fmt: skip


def _is_size(value):
    return None if value % 8 == 0 and 8 <= value <= 512 else "a multiple of 8 from 8 to 512"


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """All of preprocess.py's options. SHAPING names those that an output folder keeps."""

    input: tuple[Path, ...] = option((), "folders, zips and pictures (default: data/raw, unless --scrape is given)")
    scrape: str | None = option(None, "tags to search danbooru.donmai.us for, or the URL of a search on any site")
    limit: int | None = option(None, "pictures to take at most (default: 1000 of a scrape, else all)", at_least(1))
    rating: str = option("general", "what a scrape takes: up to this rating", choices=("general", "sensitive", "any"))
    pause: float = option(1.0, "seconds between two requests to a site, and up to twice that", at_least(0))
    output: Path = option(Path("data/faces"), "the folder of the crops")
    size: int = option(64, "width and height of a crop, in pixels", _is_size)
    margin: float = option(0.45, "room on each side of the face, in faces: 0.45 shows all of the head", within(0, 3))
    detector: str = option("lbpcascade", "lbpcascade (drawings), haar (photos), none or MODULE:FUNCTION")
    cascade: Path | None = option(None, "the lbpcascade's file (default: the one in data/, fetched if it is not there)")
    workers: int | None = option(None, "processes (default: one per core)", at_least(1))
    timeout: float = option(60.0, "seconds after which a picture is given up", above(0))
    min_face: int | None = option(
        None, "least size of a face in its picture, in pixels (default: half of --size)", at_least(1)
    )
    max_outside: float = option(0.2, "largest part of a crop that may lie beyond the picture's border", within(0, 0.9))
    min_contrast: float = option(8.0, "least standard deviation of a crop's grey values, of 127", at_least(0))
    min_sharpness: float = option(0.2, "least sharpness: blurred crops have about 0.1, good ones 0.3 to 2", at_least(0))
    duplicate_bits: int = option(16, "bits of 256 in which the hashes of near duplicates differ at most", within(0, 64))
    dedupe: bool = option(True, "leave out duplicates and near duplicates")

    @property
    def smallest_face(self):
        """The least size of a face, in pixels of its picture."""
        return self.min_face or self.size // 2

    @property
    def processes(self):
        """How many worker processes there are."""
        return self.workers or _cores()


def work(options, given):
    """Scrape if asked to, find, crop and clean; then say what became of it all."""
    from animefaces import images
    from gathering import detectors, report

    cascade = options.cascade
    if options.detector == "lbpcascade":
        cascade = detectors.cascade_file(options.cascade)
    # The workers open it again. Here it is opened so that a fault of it is reported before hours of scraping.
    detectors.open_detector(options.detector, cascade)
    inputs, shortfall = list(options.input), None
    if options.scrape:
        from gathering import scrape

        folder, shortfall = scrape.scrape(options.scrape, options.limit or 1000, options.rating, options.pause)
        inputs.append(folder)
    inputs = inputs or [Path("data/raw")]
    new, totals = add_faces(inputs, options, cascade)
    if not totals:
        named = ", ".join(map(str, inputs))
        raise Problem(f"no pictures in {named}: give --input a folder or zip with {' '.join(sorted(images.SUFFIXES))}")
    if new or not (options.output / report.NAME).exists():
        report.write(options.output, totals)
    print(report.table(new, totals))
    if shortfall:
        raise Problem(shortfall)
    if not totals["kept"]:
        raise Problem(f"no face was kept: open {options.output / report.NAME} to see why, or try another --detector")


def add_faces(inputs, options, cascade):
    """Look at every picture that the output folder does not know -> Counters of verdicts: (new, all)."""
    from tqdm import tqdm

    from gathering import collection, crops, manifest, pictures

    limit = None if options.scrape else options.limit  # of a scrape, it has been kept already
    total = min(pictures.count(inputs, options.output), limit or sys.maxsize)
    found = itertools.islice(pictures.found(inputs, options.output), limit)
    settings = {key: value for key, value in to_record(options).items() if key in SHAPING}
    settings["min_face"] = options.smallest_face
    verdicts = collections.Counter()
    with (
        collection.Collection(options.output, settings, options.duplicate_bits if options.dedupe else None) as faces,
        tqdm(found, total=total, desc="finding faces", unit="img", disable=None) as bar,
    ):
        try:
            for picture, crop in crops.in_parallel(faces.unknown(bar), options, cascade):
                verdicts.update(faces.add(picture, crop))
                bar.set_postfix(faces=verdicts["kept"], refresh=False)
        except KeyboardInterrupt:
            raise Problem(
                f"stopped: {verdicts['kept']} new faces are in {options.output}, run the same command again to go on"
            ) from None
    return verdicts, manifest.counts(options.output / manifest.NAME)


def main(argv=None):
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
