"""For other benchmarks: read the test photos and the faces drawn from them, and draw a sheet of both.

On the sheet, people can try to find the face of each photo.
"""

import csv
import io
import json
import string
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from animefaces import images
from animefaces.batches import is_test_photo
from animefaces.files import written_whole
from animefaces.problems import Problem
from gathering import pictures

SIZE = 64
SHOWN = 32  # pairs on the sheet
PROJECT = Path(__file__).resolve().parent.parent


def read_photos(options):
    """Options with photos and labels -> the test photos: (names, pixels (N, 64, 64, 3), male (N,), age (N,))."""
    with open(options.labels, newline="", encoding="utf-8") as file:
        try:
            known = {row["file"]: (int(row["male"]), int(row["age"])) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError) as fault:
            raise Problem(f"{options.labels} cannot be read ({fault}): give a table with file, age, male") from fault
    found = {Path(picture.source).name: picture.data for picture in pictures.found([options.photos])}
    names = sorted(name for name in found if name in known and found[name])
    names = [name for name, out in zip(names, is_test_photo(names), strict=True) if out]
    if len(names) < 20:
        raise Problem(f"{len(names)} held-out photos with labels are too few: check --photos and --labels")
    pixels = np.stack([images.read(io.BytesIO(found[name]), SIZE) for name in names])
    male, age = np.array([known[name] for name in names]).T
    return names, pixels, male.astype(bool), age


def read_encoded(path, count):
    """The file of --encoded -> (faces uint8 (count, SIZE, SIZE, 3), z (count, D) or None). Raises Problem."""
    try:
        with np.load(path, allow_pickle=False) as file:
            faces, z = file["faces"], file["z"] if "z" in file.files else None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as fault:
        raise Problem(f"{path} holds no array faces: write it with numpy.savez(path, faces=..., z=...)") from fault
    if faces.dtype != np.uint8 or faces.ndim != 4 or len(faces) != count or faces.shape[1:] != (SIZE, SIZE, 3):
        raise Problem(f"{path} has faces {faces.dtype} {faces.shape}: uint8 ({count}, {SIZE}, {SIZE}, 3) are wanted")
    if z is not None and (z.ndim != 2 or len(z) != count or not np.isfinite(z).all()):
        raise Problem(f"{path} has z of shape {z.shape}: finite numbers ({count}, D) are wanted")
    return faces, z


def encode(options, names, photos):
    """Photos -> (faces uint8, z), as encode.py draws them. It is called as a user would call it."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, "photos", Path(name).stem + ".png") for name in names]
        for file, photo in zip(files, photos, strict=True):
            images.save(file, photo)
        command = [PROJECT / "encode.py", *files, "--no-detect", "--run", options.run, "--encoder", options.encoder]
        command += [] if options.refine is None else ["--refine", options.refine]
        command = [sys.executable, *command, "--output", f"{folder}/faces/"]
        done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL)
        if done.returncode:
            raise Problem("encode.py could not draw the photos' faces: see what it says above")
        faces = np.stack([images.read(Path(folder, "faces", file.name), SIZE) for file in files])
        with np.load(Path(folder, "faces", "latents.npz"), allow_pickle=False) as file:
            return faces, np.asarray(file["z"], np.float32)


def save_sheet(folder, names, photos, faces, seed=0, number=""):
    """Photos and their faces -> folder/sheet.png and folder/key.json, with SHOWN pairs; `number` ends their names.

    On the sheet, the photos come first, with numbers; below them are the faces, with letters, in another order.
    key.json says which face belongs to which photo.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(photos))[:SHOWN]
    order = rng.permutation(len(chosen))  # index of a face on the sheet -> index of its photo
    letters = [*string.ascii_uppercase, *(f"A{x}" for x in string.ascii_uppercase)][: len(chosen)]
    numbers = [str(i + 1) for i in range(len(chosen))]
    tiles = [labelled(photos[i], text) for i, text in zip(chosen, numbers, strict=True)]
    tiles += [labelled(faces[chosen[i]], text) for i, text in zip(order, letters, strict=True)]
    images.save(folder / f"sheet{number}.png", images.grid(np.stack(tiles), columns=8))
    pairs = {numbers[i]: letter for i, letter in zip(order, letters, strict=True)}
    key = {n: {"face": pairs[n], "photo": names[i]} for n, i in zip(numbers, chosen, strict=True)}
    with written_whole(folder / f"key{number}.json") as temporary:
        temporary.write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")


def labelled(pixels, text):
    """A picture, uint8 (S, S, 3) -> the picture, twice as large, with `text` below it."""
    from PIL import ImageDraw

    tile = np.pad(pixels.repeat(2, 0).repeat(2, 1), ((0, 18), (3, 3), (0, 0)), constant_values=255)
    image = images.to_image(tile)
    ImageDraw.Draw(image).text((image.width / 2, image.height - 9), text, "black", anchor="mm", font_size=14)
    return np.asarray(image)
