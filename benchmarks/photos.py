"""Measure where the eyes are in aligned photos, how well each detector finds faces, and what becomes of turned photos.

    python -m benchmarks.photos frame --photos photos.zip
    python -m benchmarks.photos find  --photos photos.zip --pictures pictures.zip
    python -m benchmarks.photos turns --photos photos_loose.zip --pictures pictures.zip --count 60

photos.zip holds photos of faces, aligned and cropped tightly; those in photos_loose.zip show hair and background.
pictures.zip holds drawn pictures for backgrounds.
"""

import io
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from animefaces import images
from animefaces.commands import run_script
from animefaces.options import option
from drawing import photos

ROLL = 15  # largest rotation of a pasted photo to either side, in degrees
SIDES = (64, 400)  # smallest and largest side of a pasted photo, in pixels
SCENE = (480, 640)  # height and width of a scene, in pixels
EYES_IN_HAAR = ((0.31, 0.39), (0.69, 0.39))  # in the box of the Haar cascade, if the eye cascade finds no eye


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    figure: str = option("find", "what to measure", choices=("frame", "find", "turns"), positional=True)
    photos: Path = option(Path("data/raw/photos.zip"), "zip of aligned photos")
    pictures: Path | None = option(None, "zip of pictures without people: the background of every second scene")
    count: int = option(300, "photos")
    sheet: Path | None = option(None, "FILE.png: draw some of the scenes, with the eyes that the last detector found")


def read_some(path, count, seed=0):
    """A zip file -> `count` of its pictures, the same for the same seed."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if Path(name).suffix in images.SUFFIXES)
        chosen = np.random.default_rng(seed).choice(len(names), min(count, len(names)), replace=False)
        return [images.read(io.BytesIO(archive.read(names[i]))) for i in chosen]


def frame(options, _):
    """Print where the eyes are in the photos, as shares of the side: the constants of drawing/photos.py."""
    find, found = photos.open_photo_detector(), []
    for pixels in read_some(options.photos, options.count):
        people = find(pixels)
        if people:
            best = max(people, key=lambda person: np.ptp(np.array(person.eyes)[:, 0]))
            found.append(np.array(best.eyes) / len(pixels))
    eyes = np.array(found)
    across = eyes[:, 1] - eyes[:, 0]
    for name, values in {
        "height of the eyes": eyes[..., 1].mean(1),
        "distance of the eyes": np.hypot(*across.T),
        "middle of the eyes, across": eyes[..., 0].mean(1),
        "roll in degrees": np.degrees(np.arctan2(across[:, 1], across[:, 0])),
    }.items():
        print(f"{name}: mean {values.mean():.3f}, standard deviation {values.std():.3f}, of {len(eyes)}")


def clouds(rng):
    """Random generator -> a background of smooth coloured noise, uint8 (*SCENE, 3), with the spectrum of a photo."""
    height, width = SCENE
    rows, columns = np.fft.fftfreq(height)[:, None] * height, np.fft.fftfreq(width)[None] * width
    strength = 1 / np.maximum(1, np.hypot(rows, columns))
    noise = np.fft.fft2(rng.standard_normal((3, *SCENE))) * strength
    values = np.fft.ifft2(noise).real.transpose(1, 2, 0)
    return np.clip(128 + 50 * values / values.std(), 0, 255).astype(np.uint8)


def scene(photo, ground, rng):
    """A photo and a background -> (a scene with the photo at a random size, place and roll; its two eyes (2, 2))."""
    side = int(np.exp(rng.uniform(*np.log(SIDES))))
    roll = rng.uniform(-ROLL, ROLL)
    pixels = Image.fromarray(np.asarray(Image.fromarray(ground).resize(SCENE[::-1])))
    small = Image.fromarray(photo).resize((side, side), Image.Resampling.LANCZOS)
    ramp = np.minimum(1, 12 * np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / side)
    mask = Image.fromarray((255 * np.minimum(ramp[:, None], ramp)).astype(np.uint8))
    left, top = (int(rng.integers(0, n - side)) for n in SCENE[::-1])
    turned = (layer.rotate(roll, Image.Resampling.BICUBIC) for layer in (small, mask))
    pixels.paste(next(turned), (left, top), next(turned))
    offsets = np.array([[-photos.EYE_DISTANCE / 2, 0], [photos.EYE_DISTANCE / 2, 0]])
    eyes = (offsets + np.array([0, photos.EYES_IN_CROP - 0.5])) * side
    angle = np.radians(roll)
    # It turns anticlockwise, because the points are rows.
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(pixels), eyes @ turn + [left + side / 2, top + side / 2]


def haar(name, rolls=(0,)):
    """Name of a Haar cascade -> a detector: this cascade, then the eye cascade in the upper part of its boxes."""
    import cv2

    def classifier(name):
        return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, f"haarcascade_{name}.xml")))

    face, eye = classifier(name), classifier("eye")

    def eyes_in(grey, box):
        left, top, w, h = box
        part = grey[top + h // 5 : top + 3 * h // 5, left : left + w]
        found = eye.detectMultiScale(part, 1.05, 4, minSize=(w // 8, w // 8), maxSize=(w // 3, w // 3))
        middles = [(x + s / 2, y + s / 2 + h // 5) for x, y, s, _ in found]
        result = []
        for (x, y), half in zip(EYES_IN_HAAR, (0, 1), strict=True):
            usual = np.array([x * w, y * h])
            near = [m for m in middles if (m[0] > w / 2) == half and np.hypot(*(m - usual)) < 0.15 * w]
            result.append(min(near, key=lambda m, usual=usual: np.hypot(*(m - usual))) if near else usual)
        return np.array(result) + np.array([left, top])

    def find(pixels):
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        found, centre = [], (grey.shape[1] / 2, grey.shape[0] / 2)
        for roll in rolls:
            turn = cv2.getRotationMatrix2D(centre, roll, 1)
            turned = cv2.warpAffine(grey, turn, grey.shape[::-1]) if roll else grey
            boxes, votes = face.detectMultiScale2(turned, 1.05, 6, minSize=(24, 24))
            for box, vote in zip(boxes, votes, strict=True):
                back = cv2.invertAffineTransform(turn)
                eyes = eyes_in(turned, box) @ back[:, :2].T + back[:, 2]
                found.append(photos.Person(tuple(map(tuple, eyes)), float(vote)))
        kept = []
        for person in sorted(found, key=lambda person: -person.score):
            eyes = np.array(person.eyes)
            near = [np.hypot(*(eyes.mean(0) - np.mean(other.eyes, axis=0))) for other in kept]
            if min(near, default=np.inf) > np.hypot(*(eyes[1] - eyes[0])):
                kept.append(person)
        return kept

    return find


def error(person, eyes):
    """A found face and the true eyes -> the mean error of its eyes, divided by the distance between the true eyes."""
    wrong = np.hypot(*(np.array(person.eyes) - eyes).T).mean()
    return wrong / np.hypot(*(eyes[1] - eyes[0]))


def find(options, _):
    """Print a table with a row for each detector. A face counts as found if the error of its eyes is below 0.35."""
    rng = np.random.default_rng(0)
    faces = read_some(options.photos, options.count, seed=1)
    grounds = read_some(options.pictures, options.count) if options.pictures else []
    scenes = [scene(face, grounds[i % len(grounds)] if grounds and i % 2 else clouds(rng), rng)
              for i, face in enumerate(faces)]  # fmt: skip
    trials = {
        "Haar `default`, eyes": haar("frontalface_default"),
        "Haar `alt2`, eyes": haar("frontalface_alt2"),
        "Haar `alt2` at -12, 0, 12 degrees, eyes": haar("frontalface_alt2", (0, -12, 12)),
        "mtcnn": photos.open_photo_detector(),
    }
    print("| detector | found | false faces per clouds | per drawing | error of the eyes: median | 95 % | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, detector in trials.items():
        detector(scenes[0][0])  # the first call is slower
        errors, false, start, everything = [], [[], []], time.perf_counter(), []
        for i, (pixels, eyes) in enumerate(scenes):
            people = detector(pixels)
            everything.append(people)
            best = min((error(person, eyes) for person in people), default=np.inf)
            errors += [best] if best < 0.35 else []
            false[i % 2 if grounds else 0].append(len(people) - (best < 0.35))
        seconds = (time.perf_counter() - start) / len(scenes)
        clear, drawn = (f"{np.mean(f):.3f}" if f else "-" for f in false)
        print(f"| {name} | {len(errors) / len(scenes):.3f} | {clear} | {drawn} | {np.median(errors):.3f} "
              f"| {np.quantile(errors, 0.95):.3f} | {seconds:.2f} |", flush=True)  # fmt: skip
    if options.sheet:
        draw(options.sheet, scenes[:12], everything[:12])


def turns(options, _):
    """Print how often photos are turned upright, each shown in all four turns, alone and pasted into backgrounds."""
    rng, seen = np.random.default_rng(0), {}
    faces = read_some(options.photos, options.count, seed=5)
    grounds = read_some(options.pictures, options.count) if options.pictures else []
    detector = photos.open_photo_detector()

    def find_once(pixels):
        key = pixels.tobytes()
        if key not in seen:
            seen[key] = detector(pixels)
        return seen[key]

    kinds = {"alone": faces, "on clouds": [scene(face, clouds(rng), rng)[0] for face in faces]}
    if grounds:
        kinds["on drawings"] = [scene(f, grounds[i % len(grounds)], rng)[0] for i, f in enumerate(faces)]
    print("| photos | as taken | lying on the left | upside down | on the right | taken and searched four times |")
    print("|---|---|---|---|---|---|")
    for name, pictures in kinds.items():
        right, longer = np.zeros(4), 0
        for pixels in pictures:
            seen.clear()
            for shown in range(4):
                _, turned = photos.upright(np.ascontiguousarray(np.rot90(pixels, shown)), find_once)
                right[shown] += (shown + turned) % 4 == 0
                longer += shown == 0 and len(seen) > 1
        figures = [*right, longer]
        print(f"| {name} | {' | '.join(f'{figure / len(pictures):.3f}' for figure in figures)} |", flush=True)


def draw(path, scenes, found):
    """Draw scenes with the true eyes in green and the found eyes in red -> a PNG file."""
    marked = []
    for (pixels, eyes), people in zip(scenes, found, strict=True):
        pixels = pixels.copy()
        for points, colour in ((eyes, (0, 255, 0)), *((p.eyes, (255, 0, 0)) for p in people)):
            for x, y in np.array(points).astype(int):
                pixels[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4] = colour
        marked.append(pixels)
    images.save(path, images.grid(np.stack(marked), 4))


def main(argv=None):
    return run_script(Options, lambda options, given: globals()[options.figure](options, given), argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
