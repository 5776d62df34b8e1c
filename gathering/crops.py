"""Picture files -> crops of their faces, each with a verdict. Several processes do it; one may crash or hang."""

import collections
import contextlib
import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from animefaces import images, signals, sources
from animefaces.problems import Problem
from animefaces.words import counted
from gathering import cleaning, detectors
from gathering.pictures import Picture

START = 120  # seconds that a worker may take to start; the pool itself would try again without end
LONGEST_DETAIL = 300  # characters of what is noted of a fault: some libraries write pages
WAITING = 4  # pictures for each worker that are in memory at most

# The verdicts on pictures and faces, and what the report says of each.
REASONS = {
    "kept": "in the set",
    "unreadable": "no picture, damaged, or too large to open",
    "crashed": "the detector failed, or the process that ran it ended; the next run tries again",
    "hung": "the detector took longer than --timeout; the next run tries again",
    "no-face": "the detector found no face",
    "small": "the face is smaller than --min-face",
    "cut-off": "more of the crop than --max-outside lies outside the picture",
    "flat": "nearly one colour: the contrast is below --min-contrast",
    "blurred": "the sharpness is below --min-sharpness",
    "grey": "of one hue: the colour is below --min-colour",
    "two-faces": "another face takes more of the crop than --max-company",
    "duplicate": "within --duplicate-bits of a face that is kept, or the same file once more",
    "rejected": "by eye, in report.html; or like such a face",
}
UNUSED = {"unreadable", "crashed", "hung"}  # the verdicts on pictures that nobody could look into
AGAIN = {"crashed", "hung"}  # those on pictures that the next run looks at again: it may have more time or memory


class Crop(NamedTuple):
    """A face of a picture; or the whole picture, if `box` is None.

    `verdict` is one of REASONS. A "kept" crop may still turn out to be a duplicate.
    """

    verdict: str
    detail: str = ""
    box: tuple[int, int, int, int] | None = None
    score: float | None = None
    eyes: detectors.Eyes | None = None
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
    except Exception as fault:
        return [Crop("unreadable", sources.reason(fault))]
    if find is None:
        height, width = pixels.shape[:2]
        side = min(height, width)
        return [_judged(pixels, detectors.Square((width - side) / 2, (height - side) / 2, side), Crop("kept"), options)]
    found = []
    for (x, y, width, height), score, *more in find(pixels):
        box, eyes = (int(x), int(y), int(width), int(height)), _eyes(*more)
        square = detectors.frame(box, options.margin, eyes, options.upright)
        found.append(_judged(pixels, square, Crop("kept", "", box, float(score), eyes), options))
    return [_alone(crop, found, options) for crop in found] or [Crop("no-face")]


def _eyes(eyes=None):
    """The eyes that a detector gives, numbers of any type -> the same as plain floats."""
    if eyes is None:
        return None
    (x0, y0), (x1, y1) = eyes
    return (float(x0), float(y0)), (float(x1), float(y1))


def _judged(pixels, square, face, options):
    """A square of a picture, and the Crop that says whose it is -> that Crop with its verdict, and its picture."""
    size = max(face.box[2:]) if face.box else square.side
    if size < options.smallest_face:
        return face._replace(verdict="small", detail=counted(size, "pixel"))
    beyond = detectors.outside(pixels.shape, square)
    if beyond > options.max_outside:
        return face._replace(verdict="cut-off", detail=f"{beyond:.0%} outside the picture")
    crop = detectors.cut_square(pixels, square, options.size)
    grey = cleaning.measured(pixels, square)
    if (contrast := cleaning.contrast(grey)) < options.min_contrast:
        return face._replace(verdict="flat", detail=f"contrast {contrast:.1f}")
    if (sharpness := cleaning.sharpness(grey)) < options.min_sharpness:
        return face._replace(verdict="blurred", detail=f"sharpness {sharpness:.2f}")
    if (colour := cleaning.colour(crop)) < options.min_colour:
        return face._replace(verdict="grey", detail=f"colour {colour:.1f}")
    png = io.BytesIO()
    images.to_image(crop).save(png, "PNG")
    name = hashlib.sha256(crop.tobytes()).hexdigest()[:20] + ".png"
    return face._replace(name=name, png=png.getvalue(), bits=tuple(map(int, cleaning.perceptual_hash(grey))))


def _alone(crop, found, options):
    """A Crop, and all of its picture -> the same Crop, or one that says that another face is in it."""
    if crop.verdict != "kept":
        return crop
    square = detectors.frame(crop.box, options.margin, crop.eyes, options.upright)
    part = cleaning.company(crop.box, square, [other.box for other in found if other is not crop])
    if part <= options.max_company:
        return crop
    return Crop("two-faces", f"{part:.0%} is another", crop.box, crop.score, crop.eyes)


_of_worker: dict[str, Any] = {}  # what a worker process gets once, instead of with every picture


def _start_worker(options):
    signals.leave_to_parent()
    _of_worker["options"] = options
    try:
        _of_worker["find"] = detectors.open_detector(options.detector, options.cascade)
    except BaseException as fault:  # here it may fail although the parent process could open it
        _of_worker["fault"] = crashed(fault).detail


def _fault():
    """Why the detector cannot be opened in a worker process, or None."""
    return _of_worker.get("fault")


def _work(data):
    """The bytes of a picture file -> its Crops. Whatever goes wrong becomes the verdict on this picture."""
    try:
        return crops_of(data, _of_worker["options"], _of_worker["find"])
    except BaseException as fault:  # a detector of the user's own may raise anything, even SystemExit
        return [crashed(fault)]


def crashed(fault: BaseException) -> Crop:
    """What was raised while a picture was worked on -> the Crop that says so."""
    with contextlib.suppress(Exception):  # an exception of the user's own may fail to say what it is
        text = " ".join(str(fault).split())
        return Crop("crashed", f"{type(fault).__name__}: {text}"[:LONGEST_DETAIL].removesuffix(": "))
    return Crop("crashed", type(fault).__name__)


def in_parallel(pictures: Iterable[Picture], options: Any) -> Iterator[tuple[Picture, list[Crop]]]:
    """Pictures -> (picture without its data, its Crops), in the same order, made by `options.processes` processes.

    If the process of a picture dies, or takes more than `options.timeout` seconds, that is the picture's verdict, and
    a new process takes its place.
    """
    waiting: collections.deque[tuple[Picture, Any]] = collections.deque()
    with _pool(options) as pool:
        for picture in pictures:
            future = None
            if picture.data is not None:
                try:
                    future = pool.schedule(_work, args=(picture.data,), timeout=options.timeout)
                except RuntimeError as fault:
                    raise Problem("the worker processes have ended: run the same command again to go on") from fault
            waiting.append((picture._replace(data=None), future))
            while len(waiting) >= WAITING * options.processes:
                yield _finished(*waiting.popleft(), options.timeout)
        while waiting:
            yield _finished(*waiting.popleft(), options.timeout)


@contextlib.contextmanager
def _pool(options):
    """The worker processes, when the first of them has opened the detector."""
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    # Spawned, not forked: a fork gets a copy of each lock that a thread of this process holds, and never unlocks it.
    pool = ProcessPool(
        options.processes, initializer=_start_worker, initargs=(options,),
        context=multiprocessing.get_context("spawn"),
    )  # fmt: skip
    try:
        try:
            with signals.held_back():
                first = pool.schedule(_fault)
            there = first.result(START)
        except (TimeoutError, RuntimeError, ProcessExpired) as fault:
            raise Problem("the worker processes do not start: give --workers 1, and free some memory") from fault
        if there:
            raise Problem(f"in a worker process the detector cannot be opened ({there}): correct the detector")
        yield pool
    finally:
        pool.stop()
        with contextlib.suppress(KeyboardInterrupt):
            pool.join()


def _finished(picture, future, timeout):
    """A Picture and what the pool promised for it -> (the Picture, its Crops). Waits until they are there."""
    from pebble import ProcessExpired

    if future is None:
        return picture, [Crop(picture.verdict, picture.fault)]
    try:
        return picture, future.result(timeout + START)  # its worker may have to be started first
    except TimeoutError:
        return picture, [Crop("hung")]
    except ProcessExpired as fault:
        return picture, [Crop("crashed", f"exit code {fault.exitcode}")]
    except Exception as fault:  # the pool could not send the picture or its crops
        return picture, [crashed(fault)]
