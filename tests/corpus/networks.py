"""Networks, latents and directions that come from elsewhere."""

import functools
import io
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np

from tests.corpus import arrays, made, pictures
from tests.corpus.case import Case, must, refused, run, warned


def members() -> dict[str, bytes]:
    """The members of a good generator.keras."""
    with zipfile.ZipFile(made.trained() / "generator.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _file(**changed):
    """A good generator, some of whose members are replaced; None takes one away."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (members() | {name.replace("__", "."): data for name, data in changed.items()}).items():
            if data is not None:
                archive.writestr(name, data)
    return file.getvalue()


def _config(change):
    config = json.loads(members()["config.json"])
    change(config["config"]["layers"][1])
    return _file(config__json=json.dumps(config).encode())


def _code(module, name):
    def change(layer):
        layer.update(module=module, class_name=name, registered_name=name, config={"name": "x", "args": "touch it-ran"})

    return lambda: _config(change)


class _Touch:
    def __reduce__(self):
        return os.system, ("touch it-ran",)


def _saved(build):
    """A function that builds a network -> the bytes of its .keras file."""
    from models import engine

    network = build(engine.keras)
    network.save("made.keras")
    data = Path("made.keras").read_bytes()
    Path("made.keras").unlink()
    return data


def _classifier(keras):
    x = keras.Input((28, 28, 1))
    return keras.Model(x, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


def _sequential(keras):
    return keras.Sequential([keras.Input((12,)), keras.layers.Dense(768), keras.layers.Reshape((16, 16, 3))])


def _two_inputs(keras):
    a, b = keras.Input((12,)), keras.Input((12,))
    y = keras.layers.Reshape((16, 16, 3))(keras.layers.Dense(768)(keras.layers.Concatenate()([a, b])))
    return keras.Model([a, b], y)


def _five_channels(keras):
    z = keras.Input((12,))
    return keras.Model(z, keras.layers.Reshape((16, 16, 5))(keras.layers.Dense(1280)(z)))


def _not_finite(keras):
    z = keras.Input((12,))
    dense = keras.layers.Dense(768, bias_initializer=keras.initializers.Constant(float("nan")))
    return keras.Model(z, keras.layers.Reshape((16, 16, 3))(dense(z)))


def _beside(name):
    return lambda: (made.trained() / name).read_bytes()


def _cut(part):
    return lambda: (made.trained() / "generator.keras").read_bytes()[:part]


def _whole():
    return (made.trained() / "generator.keras").read_bytes()


NETWORKS = [
    ("cut in half", "x.keras", _cut(9000)),
    ("without its last 100 bytes", "x.keras", _cut(-100)),
    ("an empty file", "x.keras", bytes),
    ("text", "x.keras", lambda: b"hello" * 99),
    ("an HTML page", "x.keras", lambda: pictures.HTML),
    ("zeros", "x.keras", lambda: bytes(9000)),
    ("a pickle", "x.keras", lambda: pickle.dumps(_Touch())),
    ("PyTorch", "x.pt", lambda: pickle.dumps(_Touch())),
    ("PyTorch in a zip", "x.pth", lambda: _zip({"archive/data.pkl": pickle.dumps(_Touch())})),
    ("HDF5 of an older Keras", "x.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(900)),
    ("ONNX", "x.onnx", lambda: b"\x08\x07\x12\x07pytorch" + bytes(900)),
    ("safetensors", "x.safetensors", lambda: b"\x10" + bytes(7) + b'{"a":{}}' + bytes(900)),
    ("an npz", "x.npz", lambda: arrays.npz(z=np.zeros((2, 12)))),
    ("a picture", "x.png", lambda: made.encoded("PNG")),
    ("a zip of pictures", "x.zip", lambda: _zip({"a.png": made.encoded("PNG")})),
    ("without weights", "x.keras", lambda: _file(model__weights__h5=None)),
    ("without a config", "x.keras", lambda: _file(config__json=None)),
    ("with another member", "x.keras", lambda: _file(evil__py=b"x")),
    ("a config that is no JSON", "x.keras", lambda: _file(config__json=b"{")),
    ("a config that is a list", "x.keras", lambda: _file(config__json=b"[]")),
    ("a config nested deeply", "x.keras", lambda: _file(config__json=b'{"a":' * 50000 + b"1" + b"}" * 50000)),
    ("weights that are no HDF5", "x.keras", lambda: _file(model__weights__h5=b"hello")),
    ("a Lambda", "x.keras", _code("keras.layers", "Lambda")),
    ("a TFSMLayer", "x.keras", _code("keras.layers", "TFSMLayer")),
    ("os.system", "x.keras", _code("os", "system")),
    ("builtins.eval", "x.keras", _code("builtins", "eval")),
    ("a layer of somebody's own", "x.keras", _code("mine", "Layer")),
    ("an unknown layer", "x.keras", _code("keras.layers", "NoSuchLayer")),
    ("a classifier", "x.keras", lambda: _saved(_classifier)),
    ("a sequential network", "x.keras", lambda: _saved(_sequential)),
    ("two inputs", "x.keras", lambda: _saved(_two_inputs)),
    ("five channels", "x.keras", lambda: _saved(_five_channels)),
    ("weights that are no numbers", "x.keras", lambda: _saved(_not_finite)),
    ("a discriminator", "x.keras", _beside("discriminator.keras")),
]
SHORT = ("cut in half", "a Lambda", "a classifier")


def _zip(contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return file.getvalue()


def _z(count=3, width=made.LATENT):
    return np.random.default_rng(0).standard_normal((count, width)).astype(np.float32)


# what, bytes of z.npz, whether it is used, words
LATENTS = [
    ("float32", lambda: arrays.npz(z=_z()), True, ()),
    ("float64", lambda: arrays.npz(z=_z().astype(float)), True, ()),
    ("whole numbers", lambda: arrays.npz(z=np.ones((2, made.LATENT), int)), True, ()),
    ("with names", lambda: arrays.npz(z=_z(), names=np.array(["a", "b", "c"])), True, ()),
    ("of another length", lambda: arrays.npz(z=_z(3, 100)), False, ("z.npz", "12")),
    ("one row without a frame", lambda: arrays.npz(z=_z()[0]), False, ("z.npz",)),
    ("no rows", lambda: arrays.npz(z=_z()[:0]), False, ("z.npz",)),
    ("NaN", lambda: arrays.npz(z=_z() * np.nan), False, ("z.npz", "finite")),
    ("infinite", lambda: arrays.npz(z=_z() / 0), False, ("z.npz", "finite")),
    ("too large for float32", lambda: arrays.npz(z=np.full((2, made.LATENT), 1e300)), False, ("z.npz", "finite")),
    ("text", lambda: arrays.npz(z=np.full((2, made.LATENT), "a")), False, ("z.npz",)),
    ("complex", lambda: arrays.npz(z=_z().astype(complex) * 1j), False, ("z.npz",)),
    ("objects", lambda: arrays.npz(z=np.array([{}] * 2, object)), False, ("z.npz",)),
    ("another name", lambda: arrays.npz(latents=_z()), False, ("z.npz", "z")),
    ("an npy", lambda: arrays.npy(_z()), False, ("z.npz",)),
    ("cut in half", lambda: arrays.npz(False, z=_z(300))[:4000], False, ("z.npz",)),
    ("an empty file", bytes, False, ("z.npz",)),
    ("a pickle", lambda: pickle.dumps(_Touch()), False, ("z.npz",)),
    ("CSV", lambda: b"0.1,0.2\n", False, ("z.npz",)),
    ("a header of 10^12 rows", lambda: arrays._shaped((10**12, made.LATENT), "<f4").replace(b"images", b"z"), False,
     ("z.npz",)),
]  # fmt: skip


def cases(short: bool = False) -> list[Case]:
    """Each network as a generator, an encoder, a start and a measure; each file of latents; and directions."""
    found = []
    for what, file, make in NETWORKS:
        for use in USES:
            tried = functools.partial(_network, use, file, make, what)
            found.append(
                Case("networks", f"{what} ({file}), {use}", tried, what in SHORT and use == "generate.py --run")
            )
    for what, make, used, words in LATENTS:
        for program in ("generate.py", "explore.py walk"):
            found.append(Case("latents", f"{what}, {program}", functools.partial(_latents, program, make, used, words),
                              what == "of another length"))  # fmt: skip
    found.append(Case("latents", "no such file, generate.py", functools.partial(_latents, "generate.py", None, False, (
        "z.npz",))))  # fmt: skip
    for program in ("generate.py", "explore.py walk"):
        found.append(Case("latents", f"from encode.py, while another run is newer, {program}",
                          functools.partial(_their_own, program), program == "generate.py"))  # fmt: skip
        found.append(Case("latents", f"from encode.py, with a generator that they are not for, {program}",
                          functools.partial(_of_another, program), True))  # fmt: skip
    for what, make in DIRECTIONS:
        found.append(Case("directions", f"{what}, generate.py --edit", functools.partial(_directions, make)))
    return found


USES = {
    "generate.py --run": lambda file: ("generate", "--run", file, "--count", "2"),
    "train.py --init-from": lambda file: (
        "train", "--init-from", file, "--data", made.good("set", 10), "--cache", "cache", "--run", "run",
        *[word for word in made.TINY if word not in ("--warm-up", "0")]),
    "evaluate.py --features": lambda file: (
        "evaluate", "--real", made.good("set", 10), "--fake", made.good("fake", 10), "--features", file),
    "export.py": lambda file: ("export", file, "--output", "out/"),
    "encode.py --run": lambda file: (
        "encode", made.good("set", 1) / "good_00.png", "--no-detect", *made.PROBED, "--run", _as_encoder(file)),
}  # fmt: skip


def _as_encoder(file):
    """The network as the encoder of a good run."""
    copy = Path(shutil.copytree(made.probe(), "encoding"))
    shutil.copy(file, copy / "encoder.keras")
    return copy


def _network(use, file, make, what):
    Path(file).write_bytes(make())
    program, *words = USES[use](file)
    done = run(program, *words)
    must(not Path("it-ran").exists(), "its code ran", done)
    if "features" in use and done.code == 0:
        must(what in ("a classifier", "a sequential network", "five channels", "two inputs") or "discriminator" in what,
             "it is taken for a network", done)  # fmt: skip
        return "used"
    named = "encoder.keras" if "encode" in use else file
    return refused(done, named)


def _latents(program, make, used, words):
    if make:
        Path("z.npz").write_bytes(make())
    name, *command = program.replace(".py", "").split()
    more = ["--frames", "2"] if name == "explore" else ["--output", "faces/"]
    done = run(name, *command, "--run", made.trained(), "--latents", "z.npz", *more)
    must(not Path("it-ran").exists(), "its code ran", done)
    return warned(done) if used else refused(done, *words)


def _encoded(count=1):
    """latents.npz that encode.py wrote with the probe in results/00000-probe; a newer run is 00001-newer."""
    shutil.copytree(made.probe(), "results/00000-probe")
    photos = sorted(made.good("set", count).iterdir())
    words = ["--no-detect", "--refine", "0", *made.PROBED, "--run", "results/00000-probe", "--output", "faces/"]
    warned(run("encode", *photos, *words))
    newer = Path(shutil.copytree(made.trained(), "results/00001-newer"))
    os.utime(newer / "generator.keras", (2**31 - 10, 2**31 - 10))


def _their_own(program):
    """The generator of the latents is found by itself, and what it draws is what encode.py drew."""
    from animefaces import images

    name, *command = program.replace(".py", "").split()
    _encoded(count=2 if name == "explore" else 1)  # a walk is between two
    more = ["--frames", "2"] if name == "explore" else ["--output", "again/"]
    done = run(name, *command, "--latents", "faces/latents.npz", *more)
    warned(done, "probe")
    if name == "generate":
        (again,) = Path("again").glob("*.png")
        right = images.read(Path("faces/good_00.png"))
        must((images.read(again) == right).all(), "another face is drawn than encode.py drew", done)
    return "used"


def _of_another(program):
    _encoded()
    name, *command = program.replace(".py", "").split()
    more = ["--frames", "2"] if name == "explore" else ["--output", "again/"]
    return refused(run(name, *command, "--run", "results/00001-newer", "--latents", "faces/latents.npz", *more),
                   "latents.npz", "newer|another generator")  # fmt: skip


DIRECTIONS = [
    ("no directions.npz", None),
    ("cut in half", lambda: arrays.npz(a=np.zeros(99))[:80]),
    ("an empty file", bytes),
    ("a pickle", lambda: pickle.dumps(_Touch())),
    ("no arrays", lambda: arrays.npz()),
    ("of another length", lambda: arrays.npz(**{"smile": np.zeros(100, np.float32)})),
    ("objects", lambda: arrays.npz(names=np.array([{}], object))),
]


def _directions(make):
    copy = made.copied("run")
    if make:
        (copy / "directions.npz").write_bytes(make())
    done = run("generate", "--run", copy, "--count", "2", "--edit", "smile=1")
    must(not Path("it-ran").exists(), "its code ran", done)
    return refused(done, "directions|--edit|smile")
