"""Make the set that the reader of photos learns from: crops of three sets of photos, and a table of their looks.

    python -m benchmarks.photo_looks --photos photos.zip celeba.zip photos_loose.zip --output data/crops \
        --labels photos_eye.csv training/photos.csv --ages photos.csv --landmarks face_landmarker.task

In each set, the eyes are at fixed places, which stand below. What is known of a photo comes from, in this order:

1. tables of labels by eye (--labels), whose column file is the name in the zip, or ZIP/NAME;
2. the set's own labels: age and sex (--ages), and attributes.csv in a zip (CelebA's 40 attributes);
3. landmarks (--landmarks, MediaPipe's face_landmarker.task): where the head is turned, and whether the mouth is open.

Crops with labels by eye are there three times, so that they count more; those of test photos once. The crops show real
people: do not publish them.
"""

import csv
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import images, looks
from animefaces.batches import is_test_photo
from animefaces.commands import run_script
from animefaces.files import written_whole
from animefaces.options import at_least, option
from animefaces.problems import Problem
from animefaces.progress import Bar

EYES = {"photos": ((62, 57), (138, 57)), "celeba": ((34.8, 55.5), (54, 55.5)), "photos_loose": ((47.5, 58), (80, 58))}
SIZE, SEEN = 96, 256  # of the crops, and of what the landmarks are found in
COLUMNS = [look.name for look in looks.LOOKS if look.name != "flaw"]
COPIES = 3
TURNED, NOT_TURNED = (0.2, np.inf), (0.0, 0.13)  # nose from the middle of the cheeks, in distances of the eyes
OPEN, CLOSED = 0.14, 0.02  # between the lips, in distances of the eyes
HAIR = ("Black_Hair", "Brown_Hair", "Blond_Hair", "Red_Hair", "Gray_Hair", "Bald")  # no set knows red hair


@dataclass(frozen=True)
class Options:
    """From what, and where to."""

    photos: tuple[Path, ...] = option((Path("photos.zip"),), "zips of photos, named as in EYES")
    labels: tuple[Path, ...] = option((), "tables (CSV) of looks seen by eye")
    ages: Path | None = option(None, "a table (CSV) with columns file, age, male, of photos.zip")
    landmarks: Path | None = option(None, "MediaPipe's face_landmarker.task")
    copies: int = option(COPIES, "copies of a photo that is labelled by eye", at_least(1))
    output: Path = option(Path("data/crops"), "folder of the crops and of looks.csv")


def rows(path):
    """A table -> its lines, dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def of_ages(path):
    """A table of ages and sexes -> {name: letters}."""
    known = {}
    for line in rows(path) if path else []:
        age = int(line["age"])
        known["photos/" + line["file"]] = {"sex": "fm"[int(line["male"])], "age": "yao"[(age >= 30) + (age > 50)]}
    return known


def of_attributes(name, archive):
    """A zip -> {name: letters} by its attributes.csv, if there is one."""
    known = {}
    if "attributes.csv" not in archive.namelist():
        return known
    for line in csv.DictReader(io.TextIOWrapper(archive.open("attributes.csv"), "utf-8")):
        has = {key: value == "1" for key, value in line.items() if key != "file"}
        hair = [letter for key, letter in zip(HAIR, "kbyrgn", strict=True) if has.get(key)]
        letters = {"fringe": "ny"[has["Bangs"]], "sex": "fm"[has["Male"]], "glasses": "ny"[has["Eyeglasses"]],
                   "beard": "ny"[has["Mustache"] or has["Goatee"] or not has["No_Beard"]],
                   "mouth": "co"[has["Mouth_Slightly_Open"]], "smile": "ny"[has["Smiling"]],
                   "hat": "ny"[has["Wearing_Hat"]]}  # fmt: skip
        letters |= {"hair": hair[0]} if len(hair) == 1 else {}
        letters |= {"age": "o"} if has["Gray_Hair"] else {}
        known[f"{name}/{line['file']}"] = letters
    return known


def by_eye(paths):
    """Tables of labels by eye -> {name: letters}. Their turn is left out: landmarks tell it better."""
    known = {}
    for path in paths:
        for line in rows(path):
            name = line["file"] if "/" in line["file"] else "photos/" + line["file"]
            known[name] = {column: line[column] for column in COLUMNS if column in line and column != "turn"}
    return known


class Landmarks:
    """MediaPipe's network of 478 landmarks."""

    def __init__(self, path):
        import tensorflow as tf

        with zipfile.ZipFile(path) as archive:
            content = archive.read("face_landmarks_detector.tflite")
        self.network = tf.lite.Interpreter(model_content=content)
        self.network.allocate_tensors()

    def of(self, crop):
        """A crop, uint8 (SEEN, SEEN, 3) -> letters of turn and mouth, as far as they are sure."""
        self.network.set_tensor(self.network.get_input_details()[0]["index"], (crop[None] / 255).astype(np.float32))
        self.network.invoke()
        found = [self.network.get_tensor(output["index"]) for output in self.network.get_output_details()]
        points = max(found, key=lambda array: array.size).reshape(478, 3)[:, :2] / SEEN
        if next(array.item() for array in found if array.size == 1) < 0:
            return {}
        eyes = np.linalg.norm(points[33] - points[263])
        turn = (points[1, 0] - (points[234, 0] + points[454, 0]) / 2) / eyes
        lips = np.linalg.norm(points[13] - points[14]) / eyes
        letters = {}
        if TURNED[0] <= abs(turn) < TURNED[1]:
            letters["turn"] = "L" if turn < 0 else "R"
        elif NOT_TURNED[0] <= abs(turn) < NOT_TURNED[1]:
            letters["turn"] = "F"
        if lips > OPEN or lips < CLOSED:
            letters["mouth"] = "o" if lips > OPEN else "c"
        return letters


def work(options, given):
    """Write the crops and the table."""
    from drawing import photos

    seen, lines = by_eye(options.labels), []
    finder = Landmarks(options.landmarks) if options.landmarks else None
    for path in options.photos:
        if path.stem not in EYES:
            raise Problem(f"{path} is no known set: where its eyes are is known of {', '.join(EYES)}")
        with zipfile.ZipFile(path) as archive:
            own = of_ages(options.ages) | of_attributes(path.stem, archive)
            names = [name for name in archive.namelist() if name.endswith((".jpg", ".png"))]
            for member in Bar(sorted(names), desc=path.stem, unit="photo"):
                name = f"{path.stem}/{Path(member).name}"
                pixels = images.read(io.BytesIO(archive.read(member)))
                crops = [photos.cut_upright(pixels, EYES[path.stem], size, photos.LOOSE, smooth=False)
                         for size in (SIZE, SEEN)]  # fmt: skip
                letters = finder.of(crops[1]) if finder else {}
                letters = letters | own.get(name, {}) | seen.get(name, {})
                if not letters:
                    continue
                file = f"{path.stem}_{Path(member).stem}.png"
                copies = options.copies if name in seen and not is_test_photo([file])[0] else 1
                for copy in range(copies):
                    images.save(options.output / f"{copy}_{file}", crops[0])
                    lines.append({"file": f"{copy}_{file}"} | {c: letters.get(c, "?") for c in COLUMNS})
    with written_whole(options.output / "looks.csv") as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, ["file", *COLUMNS])
        writer.writeheader()
        writer.writerows(lines)
    print(f"{options.output}/: {len(lines):,} crops and looks.csv")


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
