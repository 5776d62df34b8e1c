"""Picture files -> crops of faces, judged one by one, by several processes that may crash or hang."""

import collections
import contextlib
import hashlib
import io
import signal
from typing import NamedTuple

import numpy as np

from animefaces import images
from animefaces.problems import Problem
from gathering import cleaning, detectors

START = 120  # seconds that the first worker may take to start: one that cannot is started again without end
WAITING = 4  # pictures per worker that are read ahead: bounds the memory

# Why a picture or a face is not kept: what the report says of each verdict.
REASONS = {
    "kept": "in the set",
    "unreadable": "no picture, damaged, or too large to open",
    "crashed": "the process that looked at it died or failed",
    "hung": "looked at for longer than --timeout",
    "no-face": "the detector found no face",
    "small": "the face is smaller than --min-face",
    "cut-off": "more of the crop than --max-outside is beyond the picture",
    "flat": "nearly one colour: below --min-contrast",
    "blurred": "below --min-sharpness",
    "duplicate": "within --duplicate-bits of a face that is kept, or the same file once more",
}


class Crop(NamedTuple):
    """A face of a picture, or with `box` None the whole picture. `verdict` is of REASONS; "kept" means so far."""

    verdict: str
    detail: str = ""
    box: tuple[int, int, int, int] | None = None
    score: float | None = None
    name: str = ""  # from the pixels of the crop: equal crops have equal names
    png: bytes = b""
    bits: tuple[int, ...] = ()  # perceptual hash, four uint64


def crops_of(data, options, find):
    """The bytes of one picture file -> its Crops, at least one: a verdict is given on every picture.

    `options` are those of preprocess.py; `find` is a detector, or None to take the picture as a face.
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
    for box, score in find(pixels):
        box = tuple(map(int, box))
        square = detectors.frame(box, options.margin)
        found.append(_judged(pixels, square, box, float(score), max(box[2:]), options))
    return found or [Crop("no-face")]


def _judged(pixels, square, box, score, face_size, options):
    if face_size < options.smallest_face:
        return Crop("small", f"{face_size} pixels", box, score)
    beyond = detectors.outside(pixels.shape, square)
    if beyond > options.max_outside:
        return Crop("cut-off", f"{beyond:.0%} beyond the picture", box, score)
    crop = detectors.cut_square(pixels, square, options.size)
    grey = cleaning.measured(pixels, square)
    if (contrast := cleaning.contrast(grey)) < options.min_contrast:
        return Crop("flat", f"contrast {contrast:.1f}", box, score)
    if (sharpness := cleaning.sharpness(grey)) < options.min_sharpness:
        return Crop("blurred", f"sharpness {sharpness:.2f}", box, score)
    png = io.BytesIO()
    images.to_image(crop).save(png, "PNG")
    name = hashlib.sha256(np.ascontiguousarray(crop)).hexdigest()[:20] + ".png"
    return Crop("kept", "", box, score, name, png.getvalue(), tuple(map(int, cleaning.perceptual_hash(grey))))


_of_worker = {}  # what a worker process is given once, not with every picture


def _start_worker(options, cascade):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    _of_worker["options"] = options
    _of_worker["find"] = detectors.open_detector(options.detector, cascade)


def _ready():
    return True


def _work(data):
    return crops_of(data, _of_worker["options"], _of_worker["find"])


def in_parallel(pictures, options, cascade):
    """Pictures -> (picture, its Crops) in the same order, looked at by `options.workers` processes.

    A picture that kills its process, or holds it for more than `options.timeout` seconds, gets that as
    its verdict; the process is replaced.
    """
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    # Spawned, not forked: a fork copies whatever the threads of this process hold locked.
    pool = ProcessPool(
        options.processes, initializer=_start_worker, initargs=(options, cascade),
        context=multiprocessing.get_context("spawn"),
    )  # fmt: skip
    waiting = collections.deque()
    try:
        try:
            pool.schedule(_ready).result(START)
        except (TimeoutError, RuntimeError, ProcessExpired) as fault:
            raise Problem("the worker processes do not start: try --workers 1, and free some memory") from fault
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
    from pebble import ProcessExpired

    if future is None:
        return picture, [Crop(picture.verdict, picture.fault)]
    try:
        return picture, future.result()
    except TimeoutError:
        return picture, [Crop("hung")]
    except ProcessExpired as fault:
        return picture, [Crop("crashed", f"exit code {fault.exitcode}")]
    except Exception as fault:  # from a detector of the user's own, too
        return picture, [Crop("crashed", f"{type(fault).__name__}: {fault}")]
