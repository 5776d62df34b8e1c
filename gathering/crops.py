"""Picture files -> crops of their faces, each with a verdict. Several processes do it; one may crash or hang."""

import collections
import contextlib
import hashlib
import io
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from animefaces import images
from animefaces.problems import Problem
from gathering import cleaning, detectors
from gathering.pictures import Picture

START = 120  # seconds that the first worker may take to start; the pool itself would try again without end
WAITING = 4  # pictures for each worker that are in memory at most

# The verdicts on pictures and faces, and what the report says of each.
REASONS = {
    "kept": "in the set",
    "unreadable": "no picture, damaged, or too large to open",
    "crashed": "the detector failed, or the process that ran it died",
    "hung": "the detector took longer than --timeout",
    "no-face": "the detector found no face",
    "small": "the face is smaller than --min-face",
    "cut-off": "more of the crop than --max-outside lies outside the picture",
    "flat": "nearly one colour: the contrast is below --min-contrast",
    "blurred": "the sharpness is below --min-sharpness",
    "duplicate": "within --duplicate-bits of a face that is kept, or the same file once more",
}


class Crop(NamedTuple):
    """A face of a picture; or the whole picture, if `box` is None.

    `verdict` is one of REASONS. A "kept" crop may still turn out to be a duplicate.
    """

    verdict: str
    detail: str = ""
    box: tuple[int, int, int, int] | None = None
    score: float | None = None
    name: str = ""  # a file name, made from the pixels: equal crops have equal names
    png: bytes = b""
    bits: tuple[int, ...] = ()  # the perceptual hash, four uint64


def crops_of(data: bytes, options: Any, find: detectors.Detector | None) -> list[Crop]:
    """The bytes of one picture file -> its Crops, at least one, so that each picture has a verdict.

    `options`: those of preprocess.py. `find`: a detector, or None if the picture is a face as a whole.
    """
    try:
        pixels = images.read(io.BytesIO(data))
    except MemoryError:
        return [Crop("unreadable", "not enough memory to open it")]
    except (OSError, ValueError) as fault:
        return [Crop("unreadable", " ".join(str(fault).split()) or type(fault).__name__)]
    if find is None:
        height, width = pixels.shape[:2]
        side = min(height, width)
        return [_judged(pixels, ((width - side) / 2, (height - side) / 2, side), None, None, side, options)]
    found = []
    for (x, y, width, height), score in find(pixels):
        box = int(x), int(y), int(width), int(height)
        square = detectors.frame(box, options.margin)
        found.append(_judged(pixels, square, box, float(score), max(box[2:]), options))
    return found or [Crop("no-face")]


def _judged(pixels, square, box, score, face_size, options):
    """A square of a picture -> its Crop. `face_size`: pixels of the picture that the face has."""
    if face_size < options.smallest_face:
        return Crop("small", f"{face_size} pixels", box, score)
    beyond = detectors.outside(pixels.shape, square)
    if beyond > options.max_outside:
        return Crop("cut-off", f"{beyond:.0%} outside the picture", box, score)
    crop = detectors.cut_square(pixels, square, options.size)
    grey = cleaning.measured(pixels, square)
    if (contrast := cleaning.contrast(grey)) < options.min_contrast:
        return Crop("flat", f"contrast {contrast:.1f}", box, score)
    if (sharpness := cleaning.sharpness(grey)) < options.min_sharpness:
        return Crop("blurred", f"sharpness {sharpness:.2f}", box, score)
    png = io.BytesIO()
    images.to_image(crop).save(png, "PNG")
    name = hashlib.sha256(crop.tobytes()).hexdigest()[:20] + ".png"
    return Crop("kept", "", box, score, name, png.getvalue(), tuple(map(int, cleaning.perceptual_hash(grey))))


_of_worker: dict[str, Any] = {}  # what a worker process gets once, instead of with every picture


def _start_worker(options, cascade):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process, which ends the workers
    _of_worker["options"] = options
    _of_worker["find"] = detectors.open_detector(options.detector, cascade)


def _ready():
    return True


def _work(data):
    return crops_of(data, _of_worker["options"], _of_worker["find"])


def in_parallel(
    pictures: Iterable[Picture], options: Any, cascade: Path | None
) -> Iterator[tuple[Picture, list[Crop]]]:
    """Pictures -> (picture without its data, its Crops), in the same order, made by `options.processes` processes.

    If the process of a picture dies, or takes more than `options.timeout` seconds, that is the picture's verdict, and
    a new process takes its place.
    """
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    # Spawned, not forked: a fork gets a copy of each lock that a thread of this process holds, and never unlocks it.
    pool = ProcessPool(
        options.processes, initializer=_start_worker, initargs=(options, cascade),
        context=multiprocessing.get_context("spawn"),
    )  # fmt: skip
    waiting: collections.deque[tuple[Picture, Any]] = collections.deque()
    try:
        try:
            pool.schedule(_ready).result(START)
        except (TimeoutError, RuntimeError, ProcessExpired) as fault:
            raise Problem("the worker processes do not start: give --workers 1, and free some memory") from fault
        for picture in pictures:
            asked = picture.data is not None
            future = pool.schedule(_work, args=(picture.data,), timeout=options.timeout) if asked else None
            waiting.append((picture._replace(data=None), future))
            while len(waiting) >= WAITING * options.processes:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        pool.stop()
        with contextlib.suppress(KeyboardInterrupt):
            pool.join()


def _finished(picture, future):
    """A Picture and what the pool promised for it -> (the Picture, its Crops). Waits until they are there."""
    from pebble import ProcessExpired

    if future is None:
        return picture, [Crop(picture.verdict, picture.fault)]
    try:
        return picture, future.result()
    except TimeoutError:
        return picture, [Crop("hung")]
    except ProcessExpired as fault:
        return picture, [Crop("crashed", f"exit code {fault.exitcode}")]
    except Exception as fault:  # a detector of the user's own may raise anything
        return picture, [Crop("crashed", f"{type(fault).__name__}: {fault}")]
