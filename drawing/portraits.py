"""From looks to drawn faces that have them: chosen among the faces of a generator, then finished by hand.

A generator draws some looks well and others never, because its training faces lack them. So a portrait takes from the
generator what only it can draw (sex, length of the hair, fringe, turn of the head: `CHOSEN`). The rest is drawn onto
its face as a person who draws would do it (drawing/touches.py): colours, mouth, glasses, beard, age.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import latents, looks, runs
from animefaces.looks import PLACES, SIZE
from animefaces.problems import Problem
from animefaces.progress import Bar
from drawing import flaws, known, photos
from drawing.finishing import Finish, Finisher, sharpened
from drawing.generator import Generator
from drawing.known import COARSE, Faces, shape_of
from drawing.networks import ROWS
from drawing.opening import open_generator
from drawing.reading import OF_DRAWINGS, Reader, open_reader

# How much each look counts in the choice. What is drawn by hand counts little: less has then to be drawn.
CHOSEN = {"sex": 2.2, "length": 1.5, "turn": 1.1, "fringe": 0.9, "hair": 0.35, "mouth": 0.25, "smile": 0.25,
          "skin": 0.2, "age": 0.2}  # fmt: skip
SEARCHED = {"sex", "length", "fringe", "turn", ("glasses", "no"), ("skin", "light")}
TRIES = 100  # so many faces at most are looked at for each that is found
FLAWED = 0.5  # a face in which so large a share of judges would see a flaw is not taken, if there are others
SPARE = 2  # so many faces at most that look right are compared for each that is found
FLAW = 2.0  # how much a flaw counts against a face
SHAPE = 1.1  # how much the likeness of light and dark in the two pictures counts
PLAIN = 0.8  # a look with this probability can be seen: a higher one is not better
# Light and dark in photos: the mean of 3,150. Without it, a few faces would be the nearest to nearly all photos.
USUAL = np.array([[-5, -6, -4, -2, -3, -4, -6, -6], [-6, -4, 2, 6, 6, 2, -4, -7], [-7, -2, 6, 10, 10, 6, -2, -7],
                  [-6, -3, 0, 6, 6, 0, -2, -6], [-4, -2, -3, 3, 3, -3, -1, -4], [-3, 4, 9, 8, 8, 10, 5, -3],
                  [-3, 1, 5, 3, 3, 5, 1, -3], [-4, -1, 1, 2, 2, 2, -1, -4]], np.float32) / 10  # fmt: skip
FRAME = photos.Frame(0.53, 0.37)  # of the training faces: the mean of 96 (training/places.csv)
CANDIDATES = 20  # variants are among so many faces


class Portraits:
    """What draws portraits, with one generator."""

    def __init__(self, generator: Generator, faces: Faces):
        self.generator = generator
        # Every face also mirrored: that is another face, which is turned the other way.
        self.seeds, self.mirrored = np.tile(faces.seeds, 2), np.repeat([False, True], len(faces.seeds))
        self.looks = np.concatenate([faces.looks, looks.mirrored(faces.looks)])
        self.plain = np.minimum(self.looks, PLAIN)
        self.plain[:, PLACES["sex"]] = self.looks[:, PLACES["sex"]]  # a man is to be a man at a glance
        self.shapes = _apart(np.concatenate([faces.shapes, faces.shapes[:, :, ::-1]]), None)
        self.finisher = Finisher()

    def choose(self, wanted: np.ndarray, shape: np.ndarray | None = None) -> np.ndarray:
        """A row of looks, and light and dark as `shape_of` gives it -> the places of the known faces, the best first.

        The choice depends on nothing else, so a photo has the same faces whatever other photos come with it.
        """
        score = -FLAW * self.looks[:, PLACES["flaw"]][:, 1]
        for name, weight in CHOSEN.items():
            here = PLACES[name]
            if not np.isnan(wanted[here]).any():
                score += weight * (self.plain[:, here] @ sharpened(wanted[here]))
        if shape is not None:
            score += SHAPE * self.shapes @ _apart(shape[None], USUAL)[0]
        return np.argsort(-score, kind="stable")

    def several(self, wanted: np.ndarray, shape: np.ndarray, count: int, seed: int) -> np.ndarray:
        """As `choose` -> `count` places: the best, then others of the best at random, each with a seed of its own."""
        best = self.choose(wanted, shape)
        _, firsts = np.unique(self.seeds[best], return_index=True)  # not a face and its mirror image
        best = best[np.sort(firsts)]
        others = 1 + np.random.default_rng(seed).permutation(min(CANDIDATES, len(best) - 1))
        return best[np.concatenate([[0], np.resize(others, count - 1)]).astype(int)]

    def draw(self, wanted: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, Finish]:
        """Rows of looks (N, SIZE) and the places of the faces to take (N,) -> (z, faces uint8 (N, H, W, C), finish)."""
        z = latents.from_seeds(self.seeds[places], self.generator.latent)
        finish = Finish(wanted, self.looks[places], self.mirrored[places])
        return z, self.finisher.finished(self.generator.draw(z), finish), finish


def _apart(shapes, usual):
    """Shapes (N, 8, 8) -> in what they differ from the usual one, or from their mean, each of length 1, (N, 64)."""
    rows = (shapes - (shapes.mean(axis=0) if usual is None else usual)).reshape(-1, COARSE * COARSE)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-3)


def searched(asked: Mapping[str, str]) -> dict[str, str]:
    """Words that a user asks for -> those that nobody can draw onto a face: a face must have them already."""
    return {name: word for name, word in asked.items() if name in SEARCHED or (name, word) in SEARCHED}


class Artist:
    """What draws faces that look as somebody asks, whatever the faces are."""

    def __init__(self, asked: Mapping[str, str]):
        self.wanted, self.critic, self.finisher = looks.row(asked), open_reader(OF_DRAWINGS), Finisher()

    def finish(self, pixels: np.ndarray, start: int) -> np.ndarray:
        """Faces, uint8 (N, H, W, 3) -> the same with the looks that can be drawn onto them."""
        wanted = np.broadcast_to(self.wanted, (len(pixels), SIZE))
        return self.finisher.finished(pixels, Finish(wanted, self.critic.read(pixels), np.zeros(len(pixels), bool)))

    def find(self, drawing: Any, asked: Mapping[str, str], first: int, count: int) -> list[int]:
        """The first `count` seeds from `first` on whose faces have the looks, and no flaw. Raises Problem if few have.

        If many of the faces that have the looks are flawed, it takes the best of SPARE times as many. `drawing`: a
        generate.Drawing, which turns z into faces.
        """
        found: list[tuple[float, int]] = []  # how flawed it is, and the seed
        with Bar(total=count, desc="looking for faces", unit="face") as bar:
            for start in range(first, first + TRIES * max(count, ROWS), ROWS):
                pixels = drawing.of_seeds(range(start, start + ROWS))
                right = [place for place, looks_read in enumerate(self.critic.read(pixels))
                         if {**asked, "flaw": looks.NO}.items() <= looks.words(looks_read).items()]  # fmt: skip
                flawed = np.maximum(flaws.seen(pixels[right]), FLAWED)  # those below it are all alike
                found += zip(flawed.tolist(), (start + place for place in right), strict=True)
                whole = sum(share == FLAWED for share, _ in found)
                bar.update(min(count, max(whole, len(found) // SPARE)) - bar.n)
                if bar.n == count:
                    break
        if len(found) < count:
            raise Problem(f"only {len(found)} of {start + ROWS - first:,} faces look so: ask for fewer faces with "
                          "--count, or for fewer looks")  # fmt: skip
        return sorted(seed for _, seed in sorted(found)[:count])


COUNTED = ("hair", "length", "fringe", "sex", "glasses", "beard", "mouth", "smile", "turn", "skin", "age")


def drawn(
    portraits: Portraits,
    reader: Reader,
    critic: Reader,
    crops: Sequence[np.ndarray],
    asked: Mapping[str, str],
    variants: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]], Finish]:
    """Crops of photos in the frame LOOSE -> (z, faces, told, finish).

    z is (N, 1 + variants, latent), faces are (N, 1 + variants, H, W, C). `asked`: words that replace what the `reader`
    reads. Variants are other faces with the same looks. Told is a dict for each crop: the words `photo` and `drawn`,
    which the `critic` reads in the drawing; `missed`, the looks in which they differ; `of`, how many were compared;
    `seed` and `mirrored`. Finish has a row for each face.
    """
    pixels = np.stack(crops)
    wanted = np.stack([looks.row(asked, read) for read in reader.read(pixels)])
    places = np.stack([portraits.several(*one, 1 + variants, seed)
                       for one in zip(wanted, shape_of(of_photos(pixels)), strict=True)])  # fmt: skip
    z, faces, finish = portraits.draw(np.repeat(wanted, 1 + variants, axis=0), places.ravel())
    z, faces = (array.reshape(len(pixels), 1 + variants, *array.shape[1:]) for array in (z, faces))
    told = []
    for want, seen, place in zip(wanted, critic.read(faces[:, 0]), places[:, 0], strict=True):
        said, shown = looks.words(want), looks.words(seen)
        del said["flaw"], shown["flaw"]  # a photo has none
        missed = [name for name in COUNTED if said[name] != shown[name] and (name, said[name]) != ("hair", "none")]
        told.append({"photo": said, "drawn": shown, "missed": missed, "of": len(COUNTED),
                     "seed": int(portraits.seeds[place]), "mirrored": bool(portraits.mirrored[place])})  # fmt: skip
    return z, faces, told, finish


def of_photos(crops: np.ndarray) -> np.ndarray:
    """Crops of photos (N, S, S, C) in the frame LOOSE -> the parts of them that the drawings frame."""
    top, bottom, left, right = (round(edge * crops.shape[1]) for edge in photos.LOOSE.within(FRAME))
    return crops[:, max(top, 0) : bottom, max(left, 0) : right]


def find_generator(run: Path | None) -> Generator:
    """A run folder, a .keras file, or None for the newest run whose faces have been read, else the shipped weights.

    Raises Problem.
    """
    return open_generator(run or runs.newest(known.FILE) or runs.PRETRAINED)


def open_portraits(generator: Generator) -> Portraits:
    """A generator -> what draws portraits with it."""
    return Portraits(generator, faces_of(generator))


def faces_of(generator: Generator) -> Faces:
    """A generator -> its faces whose looks are known. If nobody has read them yet, that is done now, and told."""
    return known.read_faces(generator) or known.look_at(generator)
