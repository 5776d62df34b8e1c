"""What the cases are made of: one picture whose right values are known, and tiny networks."""

import functools
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()  # so that Pillow writes HEIC

SIZE, LATENT = 16, 12
# The picture has four quarters, so that it shows how it was turned. All together they are a middle grey.
QUARTERS = np.array([[(220, 40, 40), (40, 200, 60)], [(50, 60, 220), (196, 206, 186)]], float)
TINY = ["--recipe", "tutorial", "--size", SIZE, "--latent", LATENT, "--batch-size", "4", "--generator-widths", "16,8",
        "--discriminator-widths", "8,16", "--warm-up", "0", "--precision", "float32", "--steps", "2"]  # fmt: skip
# preprocess.py takes each picture as a face, whatever it looks like.
WHOLE = ["--detector", "none", "--size", SIZE, "--no-dedupe", "--min-contrast", "0", "--min-sharpness", "0",
         "--min-colour", "0", "--workers", "1"]  # fmt: skip


def picture(width: int = 64, height: int = 64, seed: int = 0) -> np.ndarray:
    """The picture, uint8 (height, width, 3). One pixel of 25 is black and one of 25 is white: it has full contrast."""
    pixels = QUARTERS.astype(np.uint8).repeat([height - height // 2, height // 2], 0)
    pixels = pixels.repeat([width - width // 2, width // 2], 1)
    if min(width, height) >= 16 and width * height < 10**7:
        noise = np.random.default_rng(seed).random((height, width))
        pixels[noise < 0.04], pixels[noise > 0.96] = 0, 255
    return pixels


def image(width: int = 64, height: int = 64, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """The picture as a Pillow image."""
    return Image.fromarray(picture(width, height, seed)).convert(mode)


def quarters(pixels: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) -> the mean of each quarter, float (2, 2, 3)."""
    h, w = pixels.shape[0] // 2, pixels.shape[1] // 2
    parts = [[pixels[:h, :w], pixels[:h, w:]], [pixels[h:], pixels[h:, w:]]]
    parts[1][0] = pixels[h:, :w]
    return np.array([[part.reshape(-1, 3).mean(0) for part in row] for row in parts])


RIGHT = quarters(picture())
GREY = np.repeat((RIGHT @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)


def encoded(kind: str, of: Image.Image | None = None, **settings: Any) -> bytes:
    """The picture, or another Pillow image, as the bytes of a file. With `save_all`, two other frames follow it."""
    file = io.BytesIO()
    if settings.get("save_all"):
        settings["append_images"] = [image(seed=9).rotate(90), image(seed=8).rotate(180)]
    (of or image()).save(file, kind, **settings)
    return file.getvalue()


def good(folder: str | Path, count: int = 10, kind: str = "PNG") -> Path:
    """A folder, to which `count` good pictures are added, all different: good_00.png and so on."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        Path(folder, f"good_{seed:02d}.{kind.lower()}").write_bytes(encoded(kind, image(seed=seed + 1)))
    return Path(folder)


def bytes_of(kind: str = "PNG", count: int = 10) -> list[bytes]:
    """Files of good pictures, all different."""
    return [encoded(kind, image(seed=seed + 1)) for seed in range(count)]


@functools.cache
def kept() -> Path:
    """A folder that stays as long as this process, for what is made once."""
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


PROBED = ("--encoder", "learned")  # how encode.py uses the run of `probe`


@functools.cache
def probe() -> Path:
    """A run folder whose encoder gives as z the quarters of the picture that it is fed, in [-1, 1]."""
    from models import engine, saved

    keras = engine.keras

    run = kept() / "probe"
    run.mkdir()
    x = keras.Input((SIZE, SIZE, 3))
    dense = keras.layers.Dense(2 * LATENT)
    y = dense(keras.layers.Flatten()(keras.layers.AveragePooling2D(SIZE // 2)(x)))
    encoder = keras.Model(x, y)
    dense.set_weights([np.concatenate([np.eye(12), np.zeros((12, 12))], 1), np.zeros(24)])
    saved.save(encoder, run / "encoder.keras")
    z = keras.Input((LATENT,))
    drawn = keras.layers.Reshape((SIZE, SIZE, 3))(keras.layers.Dense(SIZE * SIZE * 3, activation="tanh")(z))
    saved.save(keras.Model(z, drawn), run / "generator.keras")
    ones = {
        side: np.stack([np.zeros(n), np.ones(n)]).astype(np.float32) for side, n in (("photo", 563), ("drawn", 566))
    }
    np.savez(run / "moments.npz", **ones)
    return run


@functools.cache
def trained() -> Path:
    """A finished run of two steps. Not to be changed: `copied` gives a copy."""
    from tests.corpus.case import run

    data, folder = good(kept() / "data", 12), kept() / "trained"
    done = run("train", "--data", data, "--cache", kept() / "cache", "--run", folder, *TINY)
    assert done.code == 0, done
    return folder


def copied(name: str = "copied") -> Path:
    """A copy of the finished run in the current folder."""
    return Path(shutil.copytree(trained(), name))
