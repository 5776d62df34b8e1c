"""The pictures that encode.py writes: cards, files of single faces, stickers, and photos with drawn heads."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from animefaces import images, latents, sources
from animefaces.progress import Bar
from animefaces.words import visible
from drawing import heads
from drawing.finishing import Finisher
from drawing.outputs import kept
from drawing.people import PhotoFace, alike, unique

GAP = 16  # pixels between the faces of a card
QUALITY = 95  # of photos that are written as JPEG

Make = Callable[[np.ndarray], np.ndarray]  # faces, uint8 (n, H, W, C) -> pictures of them, uint8 (n, ...)


class Drawn(NamedTuple):
    """Faces that were found, and what was drawn of them."""

    people: list[PhotoFace]
    z: Any  # float32 (n, 1 + variants, latent)
    pixels: Any  # uint8 (n, 1 + variants, H, W, C)
    told: list[dict[str, Any]]  # what was read and drawn, by name; empty if nothing was read
    finish: Any = None  # what was drawn onto the faces, a finishing.Finish with n * (1 + variants) rows, or None


def write_card(path: Path, parts: Iterator[Drawn], notes: dict[str, Any], enlarge: Make) -> None:
    """One PNG: a row for each face with its photo, its anime face and the variants. `enlarge`: an Enlarger."""
    rows = [row for part in parts for row in zip(part.people, part.pixels, strict=True)]
    side, columns = len(rows[0][0].large), 1 + len(rows[0][1])
    sheet = np.full((GAP + len(rows) * (side + GAP), GAP + columns * (side + GAP), 3), 255, np.uint8)
    for row, (face, pictures) in enumerate(rows):
        large = [images.to_image(p).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
                 for p in enlarge(pictures)]  # fmt: skip
        for column, picture in enumerate([face.large, *large]):
            top, left = GAP + row * (side + GAP), GAP + column * (side + GAP)
            sheet[top : top + side, left : left + side] = picture
    images.save(path, sheet, faces=" ".join(face.name for face, _ in rows), **notes)
    print(f"{path}: {kept(len(rows), len(rows))}")


def write_folder(
    folder: Path, parts: Iterator[Drawn], notes: dict[str, Any], people: Sequence[PhotoFace], mark: Any, make: Make
) -> None:
    """NAME.png for each face, NAME_v1.png and so on for its variants, and latents.npz with a row for each.

    If it ends early, the faces that are written stay, and latents.npz has their rows. `people`: all that will be in the
    parts, so that no variant gets the name of somebody who comes later. `mark` is the mark of the generator. `make`:
    drawn faces -> the pictures to write, an Enlarger or Stickers.
    """
    names: list[str] = []
    rows: list[Any] = []
    more: dict[str, list[Any]] = {}
    taken = {alike(face.name) for face in people}
    done = 0
    try:
        for part in parts:
            try:
                for place, (face, z, pictures) in enumerate(zip(*part[:3], strict=True)):
                    own = [face.name, *(unique(f"{face.name}_v{k}", taken) for k in range(1, len(z)))]
                    for name, pixels in zip(own, make(pictures), strict=True):
                        images.save(folder / f"{name}.png", pixels, face=name, **notes)
                    names, rows, done = names + own, [*rows, z], done + 1
                    if part.finish:
                        drawn_on = part.finish.part(place * len(z), (place + 1) * len(z))
                        for name, array in drawn_on._asdict().items():
                            more.setdefault(name, []).append(array)
            finally:
                if rows:
                    arrays = {name: np.concatenate(several) for name, several in more.items()}
                    latents.save(folder / "latents.npz", np.concatenate(rows), names, mark, **arrays)
    finally:
        print(f"{folder}/: {kept(done, len(people))}{' and latents.npz' if done else ''}")


class Cutter:
    """What makes heads of drawn faces."""

    def __init__(self, enlarge: Make):
        self.finisher, self.enlarge = Finisher(), enlarge

    def __call__(self, pixels: np.ndarray) -> list[heads.Head]:
        """Faces, uint8 (n, H, W, 3) -> their heads."""
        return list(map(heads.cut_out, self.enlarge(pixels), *self.finisher.parts(pixels)))


class Stickers:
    """What makes stickers of drawn faces."""

    def __init__(self, cut: Cutter):
        self.cut = cut

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Faces, uint8 (n, H, W, 3) -> stickers, uint8 (n, STICKER, STICKER, 4)."""
        return np.stack([heads.sticker(head) for head in self.cut(pixels)])


def write_sticker(path: Path, parts: Iterator[Drawn], notes: dict[str, Any], cut: Cutter) -> None:
    """The head of one face alone on transparency, as one PNG."""
    for part in parts:
        for face, pictures in zip(part.people, part.pixels, strict=True):
            images.save(path, heads.sticker(cut(pictures[:1])[0]), face=face.name, **notes)
            print(f"{path}: the head of {visible(face.name)}")


def write_photos(path: Path, parts: Iterator[Drawn], cut: Cutter, paint: bool, folder: bool) -> None:
    """The photos, with the head that was drawn of each person on theirs: one file, or NAME.jpg for each in a folder.

    With `paint` the rest of each photo is painted. Each photo is read again for this, so that only one is in memory.
    """
    people: dict[sources.Entry, list[tuple[PhotoFace, np.ndarray]]] = {}
    for part in parts:
        for face, pictures in zip(part.people, part.pixels, strict=True):
            people.setdefault(face.photo, []).append((face, pictures[0]))
    names: set[str] = set()
    done, gone = 0, []
    try:
        with Bar(total=len(people), desc="putting heads back", unit="photo") as bar:
            for read, together in sources.readers(people):
                for entry in together:
                    try:
                        pixels = images.read(io.BytesIO(read(entry)))
                    except sources.FAULTS as fault:
                        gone.append((entry.name, sources.reason(fault)))
                        continue
                    whole = with_heads(pixels, people[entry], cut, paint)
                    file = path / f"{unique(Path(entry.name).stem, names)}.jpg" if folder else path
                    images.save_photo(file, whole, QUALITY)
                    done += len(people[entry])
                    bar.update()
    finally:
        for line in sources.passed_over(gone):
            print(f"warning: {line}", file=sys.stderr)
        print(f"{path}{'/' * folder}: {kept(done, sum(map(len, people.values())))}")


def with_heads(photo: np.ndarray, people: list[tuple[PhotoFace, np.ndarray]], cut: Cutter, paint: bool) -> np.ndarray:
    """A photo, uint8 (H, W, 3), its people and a drawn face of each -> the photo with their drawn heads."""
    turns = people[0][0].turns
    upright = np.ascontiguousarray(np.rot90(photo, turns))
    result = heads.painted(upright) if paint else upright
    # Who stands further back comes first, so that no head covers one before it.
    for face, pixels in sorted(people, key=lambda one: np.ptp([eye[0] for eye in one[0].person.eyes])):
        result = heads.put_back(upright, face.person, cut(pixels[None])[0], result)
    return np.rot90(result, -turns)
