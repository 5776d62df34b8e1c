"""Hostile files: pictures, archives, arrays, networks, each changed at random, and what a program makes of it."""

import contextlib
import functools
import io
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.faults.ground import Ground
from benchmarks.faults.mutations import mutated, mutated_members
from benchmarks.faults.tries import Try
from tests.corpus import archives, arrays, made
from tests.corpus.case import Done, must, run

PICTURES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "ico": "ICO",
            "jp2": "JPEG2000", "ppm": "PPM", "avif": "AVIF", "heic": "HEIF"}  # fmt: skip


def hostile(ground: Ground, t: Try) -> None:
    """One hostile file and one program."""
    subject = SUBJECTS[t.rng.integers(len(SUBJECTS))]
    subject(ground, t.rng)


def _picture(rng):
    """A file name and the bytes of a picture, changed."""
    ending = list(PICTURES)[rng.integers(len(PICTURES))]
    settings = {"save_all": True} if ending in ("gif", "webp", "tif") and rng.random() < 0.2 else {}
    data = made.encoded(PICTURES[ending], made.image(64, 64, seed=int(rng.integers(4))), **settings)
    return f"x.{ending}", mutated(data, rng)


def _set(rng, count):
    """A folder with good pictures and some changed ones."""
    folder = made.good("set", count)
    for number in range(rng.integers(1, 9)):
        name, data = _picture(rng)
        (folder / f"{number}{name}").write_bytes(data)
    return folder


@contextlib.contextmanager
def _only_opened() -> Iterator[list]:
    """Within this context, train.py ends when it has opened its pictures. The list gets them."""
    import train

    seen: list = []

    def begin(options, given, faces, *others, **more):
        seen.append(faces)

    with mock.patch.object(train, "begin", begin):
        yield seen


def opened(path: str | Path) -> tuple[Done, list[np.ndarray]]:
    """What train.py --data does with a path, up to its first step -> (what it did, the pictures, uint8)."""
    with _only_opened() as seen:
        done = run("train", "--data", path, "--cache", "cache", "--run", "run", *made.TINY)
    return done, list(seen[0][np.arange(len(seen[0]))]) if seen else []


def _trains(ground, rng):
    done, faces = opened(_set(rng, 3))
    must(done.code == 0 and len(faces) >= 3, f"{len(faces)} of the 3 good pictures are used", done)


def _preprocesses(ground, rng):
    sys.argv = ["preprocess.py"]
    done = run("preprocess", "--input", _set(rng, 3), "--output", "crops", *made.WHOLE)
    sys.argv = ["hostile"]
    must(done.code == 0 and len(list(Path("crops").glob("*.png"))) >= 3, "the good pictures are not used", done)


def _encodes(ground, rng):
    name, data = _picture(rng)
    Path(name).write_bytes(data)
    look = [] if rng.random() < 0.2 else ["--no-detect"]
    run("encode", name, *look, "--refine", "0", *made.PROBED, "--run", ground.probe, "--output", "out/")


def _evaluates(ground, rng):
    words = ["--features", ground.trained / "discriminator.keras", "--size", made.SIZE, "--cache", "cache"]
    done = run("evaluate", "--real", made.good("real", 8), "--fake", _set(rng, 8), *words)
    must(done.code == 0, "the good pictures are not used", done)


def _network(ground, rng, name):
    """A network of a finished run, changed: the file, or one of the parts in it."""
    data = (ground.trained / name).read_bytes()
    change = mutated if rng.random() < 0.2 else mutated_members
    Path("x.keras").write_bytes(change(data, rng))
    return "x.keras"


def _draws(ground, rng):
    run("generate", "--run", _network(ground, rng, "generator.keras"), "--count", "2", "--output", "o.png")


def _exports(ground, rng):
    run("export", _network(ground, rng, "generator.keras"), "--output", "out/")


def _measures(ground, rng):
    words = ["--features", _network(ground, rng, "discriminator.keras"), "--size", made.SIZE, "--cache", "cache"]
    run("evaluate", "--real", made.good("real", 8), "--fake", made.good("fake", 8), *words)


def _encoder(ground, rng):
    folder = Path(shutil.copytree(ground.probe, "probe"))
    name = rng.choice(["encoder.keras", "generator.keras", "moments.npz"])
    (folder / name).write_bytes(mutated_members((folder / name).read_bytes(), rng))
    photo = made.good("set", 1) / "good_00.png"
    run("encode", photo, "--no-detect", "--refine", rng.integers(2), *made.PROBED, "--run", folder, "--output", "out/")


def _latents(ground, rng):
    data = arrays.npz(bool(rng.integers(2)), z=np.zeros((3, 8), np.float32))
    Path("z.npz").write_bytes((mutated if rng.random() < 0.5 else mutated_members)(data, rng))
    words = ["generate"] if rng.random() < 0.7 else ["explore", "walk", "--frames", "2"]
    run(*words, "--run", ground.trained, "--latents", "z.npz", "--output", "o.gif")


def _array(ground, rng):
    pixels = rng.integers(0, 256, (12, 16, 16, 3), np.uint8)
    packed = arrays.npz(bool(rng.integers(2)), images=pixels)
    if rng.random() < 0.3:
        Path("x.npy").write_bytes(mutated(arrays.npy(pixels), rng))
        opened("x.npy")
    else:
        Path("x.npz").write_bytes((mutated if rng.random() < 0.5 else mutated_members)(packed, rng))
        opened("x.npz")


def _teacher(ground, rng):
    """The network that train.py upscaler learns from. Its reader alone: the training would take minutes."""
    from animefaces.problems import Problem
    from training.upscaler import enlarged

    Path("x.onnx").write_bytes(mutated(_onnx(), rng))
    with contextlib.suppress(Problem, MemoryError):
        enlarged(Path("x.onnx"), np.zeros((1, 16, 16, 3), np.uint8))


@functools.cache
def _onnx():
    """The bytes of a network that enlarges four times."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(0).standard_normal((48, 3, 3, 3)).astype(np.float32)
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, s, s]) for n, s in (("x", 16), ("y", 64))]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["c"], ["y"], blocksize=4),
    ]
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:], [numpy_helper.from_array(kernel, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()


SUBJECTS = (_trains, _trains, _encodes, _encodes, _draws, _draws, _latents, _array, _measures, _exports, _encoder,
            _teacher, _evaluates, _preprocesses)  # fmt: skip


def archive(ground: Ground, t: Try) -> None:
    """A zip of ten good pictures, changed: train.py or preprocess.py. What can be read of it must be used."""
    packing = int(t.rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    data = mutated(archives.zipped(packing=packing), t.rng)
    Path("x.zip").write_bytes(data)
    readable = _readable(data)
    if t.rng.random() < 0.9:
        done, faces = opened("x.zip")
        used = {face.tobytes() for face in faces}
        foreign = used - {_pixels(picture) for picture in made.bytes_of()}
        must(not foreign, f"{len(foreign)} pictures are damaged and used all the same", done)
    else:
        sys.argv = ["preprocess.py"]
        done = run("preprocess", "--input", "x.zip", "--output", "crops", *made.WHOLE)
        sys.argv = ["hostile"]
        used = set(Path("crops").glob("*.png"))
    must(len(used) >= readable, f"{len(used)} of {readable} pictures that can be read are used", done)


def _pixels(data):
    from animefaces import images

    return images.read(io.BytesIO(data), made.SIZE, 3).tobytes()


def _readable(data):
    """How many of the ten good pictures Python's zipfile still finds in it, with their right sizes."""
    found = set()
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as zipped:
        for info in zipped.infolist():
            with contextlib.suppress(Exception):
                picture = zipped.read(info)
                if info.filename.endswith(".png") and len(picture) == info.file_size:
                    found.add(picture)
    return len(found & set(made.bytes_of()))
