"""How many drawn faces the detectors of preprocess.py find in pictures, and how the faces are framed.

    python -m benchmarks.detectors find --pictures pictures.zip --photos photos.zip --faceboxes fb_prod.onnx
    python -m benchmarks.detectors framing --pictures pictures_train.zip --faces anime_faces_a.zip

pictures.zip holds whole pictures and boxes.csv (file,x,y,width,height: the faces in them, in pixels).
"""

import collections
import csv
import io
import itertools
import math
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import boxes, images, runs
from animefaces.boxes import Found
from animefaces.commands import run_script
from animefaces.options import at_least, option
from animefaces.progress import Bar
from gathering import detectors

SIZES = [0, 32, 64, 128, 9999]  # of the labelled faces, in pixels
HELD = 20  # training/detector.py never trains on one picture in so many
PASTED, CANVAS = (70, 260), (480, 640)  # of framing: sizes of the faces, and the size of a picture, in pixels
ROLLS = ((0, 0), (8, 30), (30, 60), (60, 120), (120, 180))  # degrees

Find = Callable[[np.ndarray], Found]


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    figure: str = option("find", "what to measure", choices=("find", "framing"), positional=True)
    pictures: Path = option(Path("data/raw/pictures.zip"), "zip of whole pictures, with boxes.csv")
    held: bool = option(False, "find: only those of the pictures that training/detector.py does not train on")
    grey: bool = option(False, "find: the pictures turned to grey")
    photos: Path | None = option(None, "find: zip of photos, in which nothing is a drawn face")
    count: int = option(400, "find: number of photos, spread over the zip. framing: number of faces", at_least(1))
    faceboxes: Path | None = option(None, "find: AnimeFaceBoxes as ONNX, to compare with")
    faces: Path | None = option(None, "framing: zip of faces to paste, framed as public models expect")
    threads: int = option(1, "threads of each detector; a worker of preprocess.py has one", at_least(1))


def read_pictures(file: Path, held: bool = False) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A zip of pictures and boxes.csv -> the pictures, and the faces in each (N, 4): x, y, width, height."""
    with zipfile.ZipFile(file) as archive:
        known = collections.defaultdict(list)
        for row in csv.DictReader(io.TextIOWrapper(archive.open("boxes.csv"), encoding="utf-8-sig")):
            known[row["file"]].append([float(row[key]) for key in ("x", "y", "width", "height")])
        names = sorted(known)[HELD - 1 :: HELD] if held else sorted(known)
        pictures = [images.read(io.BytesIO(archive.read(name))) for name in names]
    return pictures, [np.array(known[name], np.float32) for name in names]


def spread(file: Path, count: int) -> list[np.ndarray]:
    """A zip of pictures -> so many of them, each from the middle of a part of it."""
    with zipfile.ZipFile(file) as archive:
        names = sorted(name for name in archive.namelist() if Path(name).suffix.lower() in images.SUFFIXES)
        count = min(count, len(names))
        return [
            images.read(io.BytesIO(archive.read(names[(2 * i + 1) * len(names) // (2 * count)]))) for i in range(count)
        ]


def contestants(options: Options) -> dict[str, Find]:
    """What is compared."""
    from drawing.networks import Network

    network = Network(runs.PRETRAINED / runs.DETECTOR, options.threads)
    found = {
        "**`anime`**": lambda pixels: boxes.search(network, pixels),
        "`lbpcascade`, as preprocess.py uses it (1.08, 5)": cascade(1.08, 5, options.threads),
        "the same, its best settings (1.02, 1)": cascade(1.02, 1, options.threads),
    }
    if options.faceboxes:
        found["AnimeFaceBoxes at 640 pixels"] = faceboxes(options.faceboxes, options.threads)
    return found


def cascade(scale: float, votes: int, threads: int) -> Find:
    """Settings of the lbpcascade -> a detector whose score is the number of windows that agree."""
    import cv2

    find = detectors.cascade_detector(detectors.CASCADE, (0.5, 0.475, 0.66, 0.66), scale, votes)
    cv2.setNumThreads(threads)

    def found(pixels):
        faces = sorted(find(pixels), key=lambda face: -face.score)
        sides = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        return Found(sides, np.array([face.score for face in faces], np.float32), np.empty((len(faces), 0, 2)))

    return found


def faceboxes(file: Path, threads: int, side: int = 640, least: float = 0.03, same: float = 0.3) -> Find:
    """AnimeFaceBoxes (Apache-2.0) as ONNX -> a detector. FaceBoxes: Zhang et al. 2017, arXiv 1708.05234.

    Its pictures are BGR, as they are: so it finds most in the held-back pictures, and there 640 pixels are best.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
    # Of each of its three maps: the size of a cell, and its anchors: their size, and how many a cell has across.
    maps = (32, ((32, 4), (64, 2), (128, 1))), (64, ((256, 1),)), (128, ((512, 1),))

    def find(pixels):
        small = boxes.resized(pixels, side)
        canvas = np.zeros((*(-(-n // 128) * 128 for n in small.shape[:2]), 3), np.float32)
        canvas[: small.shape[0], : small.shape[1]] = small[..., ::-1]
        results = iter(session.run(None, {session.get_inputs()[0].name: canvas.transpose(2, 0, 1)[None]}))
        places, scores = [], []
        for cell, kinds in maps:
            moves, logits = next(results)[0], next(results)[0]
            rows, columns = np.mgrid[: moves.shape[0], : moves.shape[1]]
            anchors = [(size, across, i, j) for size, across in kinds for j, i in np.ndindex(across, across)]
            for k, (size, across, i, j) in enumerate(anchors):
                first = 0.5 if across == 1 else 0
                x, y = (columns + first + i / across) * cell, (rows + first + j / across) * cell
                dx, dy, dw, dh = np.moveaxis(moves[..., 4 * k : 4 * k + 4], -1, 0)
                width, height = size * np.exp(0.2 * dw), size * np.exp(0.2 * dh)
                left, top = x + 0.1 * dx * size - width / 2, y + 0.1 * dy * size - height / 2
                places.append(np.stack([left, top, width, height], axis=-1).reshape(-1, 4))
                scores.append(1 / (1 + np.exp(logits[..., 2 * k] - logits[..., 2 * k + 1])).ravel())
        sides, sure = np.concatenate(places) * max(pixels.shape[:2]) / side, np.concatenate(scores)
        kept: list[int] = []
        for i in np.argsort(-sure, kind="stable"):
            if sure[i] < least:
                break
            if not kept or boxes.overlaps(sides[i], sides[kept]).max() <= same:
                kept.append(int(i))
        return Found(sides[kept].reshape(-1, 4), sure[kept], np.empty((len(kept), 0, 2)))

    return find


def find(options: Options) -> None:
    """Print a line of Markdown for each detector.

    It has the recall at two precisions; at the higher one also the recall by size, and the share of photos in which it
    sees a face; and the processor time of a picture.
    """
    pictures, known = read_pictures(options.pictures, options.held)
    if options.grey:
        pictures = [images.to_array(images.to_image(p), channels=1).repeat(3, axis=-1) for p in pictures]
    photos = spread(options.photos, options.count) if options.photos else []
    longest = np.concatenate([faces[:, 2:].max(axis=1) for faces in known])
    bins = list(itertools.pairwise(SIZES))
    shares = [f"{low} px and more" if high == SIZES[-1] else f"under {high} px" if not low else f"{low}-{high - 1} px"
              for low, high in bins]  # fmt: skip
    counts = [int(((longest >= low) & (longest < high)).sum()) for low, high in bins]
    heads = [
        "recall at precision 0.90",
        "at 0.80",
        *(f"{words} ({n})" for words, n in zip(shares, counts, strict=True)),
    ]
    line("detector", *heads, "ms", *(["photos"] if photos else []))
    line(*["---"] * (4 + len(bins) + bool(photos)))
    for name, look in contestants(options).items():
        look(pictures[0])
        start = time.process_time()  # of a processor: a busy machine changes the clock's time more
        found = [look(picture) for picture in Bar(pictures, desc="pictures", unit="img")]
        ms = 1000 * (time.process_time() - start) / len(pictures)
        scores, right, sizes = judged(found, known)
        hits = np.cumsum(right)
        last = {p: np.flatnonzero(hits >= p * np.arange(1, len(hits) + 1)) for p in (0.9, 0.8)}
        ends = {p: int(places[-1]) + 1 if len(places) else 0 for p, places in last.items()}
        hit = sizes[: ends[0.9]][right[: ends[0.9]]]
        by_size = [((hit >= low) & (hit < high)).sum() / max(1, n) for (low, high), n in zip(bins, counts, strict=True)]
        sure = scores[ends[0.9] - 1] if ends[0.9] else np.inf
        drawn = [look(photo).scores.max(initial=0) for photo in Bar(photos, desc="photos", unit="img")]
        recalls = [
            f"{recall:.3f}" for recall in (*(right[:end].sum() / len(longest) for end in ends.values()), *by_size)
        ]
        line(name, *recalls, f"{ms:.0f}", *([f"{np.mean(np.array(drawn) >= sure):.1%}"] if photos else []))
        if "anime" in name:
            kept = scores >= boxes.SURE
            told = f"precision {right[kept].mean():.2f}, recall {right[kept].sum() / len(longest):.3f}"
            told += f", {np.mean(np.array(drawn) >= boxes.SURE):.1%} of the photos" if photos else ""
    print(f"\nanime as preprocess.py uses it (score {boxes.SURE} and more): {told}")


def line(*cells: str) -> None:
    """Print a line of a table in Markdown."""
    print("| " + " | ".join(cells) + " |", flush=True)


def judged(found: list[Found], known: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was found in pictures, and their faces -> of each found one its score, if it is right, and the face's size.

    The surest comes first.
    """
    scores = np.concatenate([faces.scores for faces in found])
    numbers = [boxes.matched(*pair) for pair in zip(found, known, strict=True)]
    sizes = [faces[i, 2:].max() if i >= 0 else 0 for some, faces in zip(numbers, known, strict=True) for i in some]
    order = np.argsort(-scores, kind="stable")
    right = np.array([i >= 0 for some in numbers for i in some])
    return scores[order], right[order], np.array(sizes)[order]


def framing(options: Options) -> None:
    """Print how far the crops of pasted faces are from the places where the faces were pasted."""
    import cv2

    from training.scenes import matrix_for

    faces, (pictures, _) = spread(options.faces, options.count), read_pictures(options.pictures, held=True)
    print(
        "| detector | turned by | found | to the right | downwards | side | turned wrongly by (by more: one in ten) |"
    )
    print("|---|---|---|---|---|---|---|")
    for (name, upright), rolls in itertools.product((("anime", True), ("lbpcascade", False)), ROLLS):
        if not upright and rolls[1]:
            continue
        look, rows = detectors.open_detector(name), []
        rng = np.random.default_rng(0)
        for face in faces:
            height, width = CANVAS
            side, place = rng.uniform(*PASTED), rng.uniform(0.35, 0.65, 2) * (width, height)
            angle = math.radians(rng.uniform(*rolls) * rng.choice([-1, 1]))
            ground = cv2.resize(pictures[rng.integers(len(pictures))], (width, height))
            ground = cv2.GaussianBlur(ground, (0, 0), 6)  # its own faces are gone
            matrix = matrix_for(np.array(face.shape[1::-1]) / 2, place, side / len(face), angle)
            shown = cv2.warpAffine(np.ones(face.shape, np.float32), matrix, (width, height))
            pasted = cv2.warpAffine(face, matrix, (width, height), flags=cv2.INTER_CUBIC)
            for box, _, eyes in look((ground * (1 - shown) + pasted * shown).astype(np.uint8)):
                square = detectors.frame(box, 0.45, eyes)
                off = np.array([square.left, square.top]) + square.side / 2 - place
                if np.hypot(*off) < side / 3:
                    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
                    wrong = abs((math.degrees(square.turn - angle) + 180) % 360 - 180)
                    rows.append((*(turn @ off / side), square.side / side, wrong))
                    break
        x, y, sides, wrong = np.array(rows).T
        spreads = [f"{np.median(values):+.3f} (sd {values.std():.3f})" for values in (x, y, sides)]
        line(f"`{name}`", f"{rolls[0]}-{rolls[1]}°", f"{len(rows)} of {len(faces)}", *spreads,
             f"{np.median(wrong):.1f}° ({np.quantile(wrong, 0.9):.0f}°)")  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """The words of the command line, None for those of this process -> the exit code."""
    return run_script(Options, lambda options, given: globals()[options.figure](options), argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
