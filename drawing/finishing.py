"""Looks that are drawn onto faces: what is to be drawn, and what draws it."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animefaces import images, looks, npz, runs
from animefaces.looks import PLACES, SIZE
from drawing import touches
from drawing.opening import opened
from models.regions import PARTS

FILE = runs.PRETRAINED / "parts.keras"
LEAST = 1e-4  # a share below this one says nothing
ADULT_LINES, OLD_LINES = 0.3, 0.75  # how strong the lines of age are


class Finish(NamedTuple):
    """What is to be drawn onto faces, so that they look as they should."""

    wanted: np.ndarray  # float32 (N, SIZE): the looks that they should have; those that are nan stay as they are
    has: np.ndarray  # float32 (N, SIZE): the looks that they have
    mirrored: np.ndarray  # bool (N,): whether they are mirrored first

    def part(self, start: int, stop: int) -> "Finish":
        """What is for the faces from `start` to `stop`."""
        return Finish(self.wanted[start:stop], self.has[start:stop], self.mirrored[start:stop])

    @classmethod
    def read(cls, path: Path, count: int) -> "Finish | None":
        """A file of latents that encode.py wrote, of `count` faces -> what it drew onto them; None if nothing."""
        try:
            wanted, has, mirrored = npz.read(path, *cls._fields)
        except ValueError:
            return None
        if not (wanted.shape == has.shape == (count, SIZE) and mirrored.shape == (count,)):
            return None
        if {wanted.dtype.kind, has.dtype.kind} != {"f"} or mirrored.dtype.kind != "b" or not np.isfinite(has).all():
            return None
        return cls(np.clip(wanted, 0, 1), np.clip(has, 0, 1), mirrored)


@functools.cache
def _network():
    return opened(FILE, "network of parts")


class Finisher:
    """What draws looks onto drawn faces."""

    def __init__(self):
        self.network = _network()

    def parts(self, pixels: np.ndarray) -> tuple[np.ndarray, list[touches.Places]]:
        """Faces, uint8 (N, H, W, 3) -> their parts (N, H, W, 4), and the places in them."""
        import cv2

        side = self.network.input_shape[1]
        small = images.to_network(np.stack([images.to_array(images.to_image(face), side) for face in pixels]))
        both, count = self.network(small), 2 * len(touches.Places._fields)
        parts, places = both[:, :-count].reshape(-1, side, side, len(PARTS)), both[:, -count:]
        if pixels.shape[1] != side:
            size = pixels.shape[2], pixels.shape[1]
            parts = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in parts])
        return parts, [touches.Places.of(one) for one in places]

    def finished(self, pixels: np.ndarray, finish: Finish) -> np.ndarray:
        """Faces, uint8 (N, H, W, C) -> the same as they should look.

        A grey face is only mirrored, for it has no colours to find its parts by.
        """
        pixels = np.where(finish.mirrored[:, None, None, None], pixels[:, :, ::-1], pixels)
        if pixels.shape[-1] == 1 or not len(pixels):
            return pixels
        parts, places = self.parts(pixels)
        faces = zip(pixels, parts, places, finish.wanted, finish.has, strict=True)
        return np.stack([_finished(*face) for face in faces])


def _finished(pixels, parts, places, wanted, has):
    hair, skin = colour_of(wanted, "hair", touches.HAIR_COLOURS), colour_of(wanted, "skin", touches.SKIN_COLOURS)
    made = touches.coloured(pixels, parts, places, hair, skin)
    said, shown = looks.words(wanted), looks.words(has)
    mouth = {name: said.get(name, shown[name]) for name in ("mouth", "smile")}
    faint = mouth == {"mouth": "closed", "smile": looks.YES}  # the generator's closed smiles are hardly seen
    if not mouth.items() <= shown.items() or (faint and said.get("smile")):
        made = touches.mouthed(made, parts, places, mouth["mouth"] == "open", mouth["smile"] == looks.YES)
    if said.get("age") in ("adult", "old"):
        old = said["age"] == "old"
        made = touches.aged(made, parts, places, OLD_LINES if old else ADULT_LINES, everywhere=old)
    if said.get("beard") == looks.YES:
        made = touches.bearded(made, parts, places, touches.of_beard(hair))
    if said.get("glasses") == looks.YES and shown.get("glasses") != looks.YES:
        made = touches.with_glasses(made, places)
    return touches.as_grey(pixels, made)


def colour_of(wanted: np.ndarray, name: str, colours: Mapping[str, Sequence[float]]) -> np.ndarray | None:
    """A row of looks, "hair" or "skin", and the colours of its words -> Lab (3,), None to leave it as it is.

    If the reader is in doubt between two words, the colour is between theirs. The generator draws nobody without hair,
    so a bald head gets the next likely colour, or stays as it is.
    """
    shares = wanted[PLACES[name]]
    if np.isnan(shares).any():
        return None
    clear = sharpened(sharpened(shares))
    known = {word: share for word, share in zip(looks.BY_NAME[name].words, clear, strict=True)
             if word in colours}  # fmt: skip
    total = sum(known.values())
    if total < LEAST or max(known, key=lambda word: known[word]) == "light":
        return None
    return np.sum([share / total * np.array(colours[word], np.float32) for word, share in known.items()], axis=0)


def sharpened(shares: np.ndarray) -> np.ndarray:
    """Probabilities of one look -> the same, with the likely ones likelier."""
    squares = np.square(shares)
    return squares / max(squares.sum(), 1e-9)
