"""npz and npy files of every type and shape; and sets that are too small or all alike."""

import functools
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np

from tests.corpus import made, readers
from tests.corpus.case import Case, must, refused, run, warned

N = 12


@functools.cache
def stack() -> np.ndarray:
    """Twelve pictures, uint8 (12, 64, 64, 3), each a little different."""
    return np.stack([made.picture(seed=seed) for seed in range(N)])


def greys() -> np.ndarray:
    """The same in grey, uint8 (12, 64, 64)."""
    return np.round(stack() @ [0.299, 0.587, 0.114]).astype(np.uint8)


def npz(packed=True, **arrays):
    """Arrays by their names -> the bytes of an npz."""
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def npy(array, pickled=False):
    """An array -> the bytes of an npy."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def _header(text, version=(1, 0), length=None):
    """An npz with one array whose header is this text."""
    data = text.encode("latin-1")
    size = struct.pack("<H" if version == (1, 0) else "<I", len(data) if length is None else length)
    member = b"\x93NUMPY" + bytes(version) + size + data + bytes(5000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.npy", member)
    return file.getvalue()


def _shaped(shape, descr="|u1"):
    return _header(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n")


def _of(change):
    return lambda: npz(images=change(stack().astype(np.float64)))


def _ready(array):
    return lambda: npz(images=array())


FIRST = functools.partial(np.moveaxis, source=-1, destination=1)
ONE, GREY, SAID = "one", "grey", ("64 x 64 x 3|64x64x3|64x64",)
REFUSED = None
# what, bytes of set.npz, how many are used (REFUSED: none; 0: it may be refused too), in colour or GREY, words.
ARRAYS = [
    ("uint8 (N, 64, 64, 3)", lambda: npz(images=stack()), N, "", SAID),
    ("uint8, not compressed", lambda: npz(False, images=stack()), N, "", SAID),
    ("uint8 (N, 64, 64)", lambda: npz(images=greys()), N, GREY, ()),
    ("uint8 (N, 64, 64, 1)", lambda: npz(images=greys()[..., None]), N, GREY, ()),
    ("uint8 (N, 64, 64, 4)", lambda: npz(images=np.concatenate([stack(), np.full((N, 64, 64, 1), 255, np.uint8)], -1)),
     N, "", ()),
    ("in Fortran's order", lambda: npz(images=np.asfortranarray(stack())), 0, "", ()),
    ("channels first (N, 3, 64, 64)", _ready(lambda: FIRST(stack())), N, "", ()),
    ("channels first, one channel", _ready(lambda: greys()[:, None]), N, GREY, ()),
    ("channels first, float", _ready(lambda: FIRST(stack()).astype(np.float32) / 255), N, "", ()),
    ("float32 from 0 to 1", _of(lambda x: (x / 255).astype(np.float32)), N, "", ()),
    ("float64 from 0 to 1", _of(lambda x: x / 255), N, "", ()),
    ("float16 from 0 to 1", _of(lambda x: (x / 255).astype(np.float16)), N, "", ()),
    ("float32 from -1 to 1", _of(lambda x: (x / 127.5 - 1).astype(np.float32)), N, "", ()),
    ("float32 from 0 to 255", _of(lambda x: x.astype(np.float32)), N, "", ()),
    ("float, big-endian", _of(lambda x: (x / 255).astype(">f4")), N, "", ()),
    ("float, grey, from 0 to 1", _ready(lambda: greys() / 255), N, GREY, ()),
    ("int64 from 0 to 255", _of(lambda x: x.astype(np.int64)), N, "", ()),
    ("int32, big-endian", _of(lambda x: x.astype(">i4")), N, "", ()),
    ("uint16 from 0 to 65,535", _of(lambda x: (x * 257).astype(np.uint16)), N, "", ()),
    ("uint16 from 0 to 255", _of(lambda x: x.astype(np.uint16)), N, "", ()),
    ("float with a mean of 0 and a deviation of 1", _of(lambda x: ((x - x.mean()) / x.std()).astype(np.float32)),
     REFUSED, "", ("images",)),
    ("float up to 1,000", _of(lambda x: x * 4), REFUSED, "", ("images",)),
    ("float with NaN", _of(lambda x: np.where(x == 255, np.nan, x / 255)), REFUSED, "", ("images",)),
    ("float with infinity", _of(lambda x: np.where(x == 255, np.inf, x / 255)), REFUSED, "", ("images",)),
    ("int32 with negative values", _of(lambda x: (x - 128).astype(np.int32)), REFUSED, "", ("images",)),
    ("int8", _of(lambda x: (x - 128).astype(np.int8)), REFUSED, "", ("images",)),
    ("bool", _of(lambda x: x > 128), REFUSED, "", ("images",)),
    ("bool masks", _ready(lambda: greys() > 128), REFUSED, "", ("images",)),
    ("complex", _of(lambda x: x.astype(np.complex64)), REFUSED, "", ("images",)),
    ("text", _ready(lambda: np.array(["a.png", "b.png"])), REFUSED, "", ("images",)),
    ("bytes", _ready(lambda: np.array([b"abc", b"de"])), REFUSED, "", ("images",)),
    ("dates", _ready(lambda: np.zeros((N, 8, 8), "M8[s]")), REFUSED, "", ("images",)),
    ("records", _ready(lambda: np.zeros((N, 8, 8), [("r", "u1"), ("g", "u1")])), REFUSED, "", ("images",)),
    ("one picture (64, 64, 3)", _ready(lambda: made.picture()), ONE, "", ()),
    ("one picture (48, 64, 3)", _ready(lambda: made.picture(64, 48)), ONE, "", ()),
    ("one picture (64, 64)", _ready(lambda: greys()[0]), ONE, GREY, ()),
    ("one picture (64, 64, 4)", _ready(lambda: np.dstack([made.picture(), np.full((64, 64), 255, np.uint8)])), ONE, "",
     ()),
    ("one picture, channels first (3, 64, 64)", _ready(lambda: np.moveaxis(made.picture(), -1, 0)), ONE, "", ()),
    ("one picture of float (64, 64, 3)", _ready(lambda: made.picture() / 255), ONE, "", ()),
    ("a number", _ready(lambda: np.array(7)), REFUSED, "", ("images|set.npz",)),
    ("a row", _ready(lambda: np.arange(N)), REFUSED, "", ("images|set.npz",)),
    ("rows of pixels (N, 12288)", _ready(lambda: stack().reshape(N, -1)), REFUSED, "", ("images",)),
    ("films (2, 6, 64, 64, 3)", _ready(lambda: stack().reshape(2, 6, 64, 64, 3)), REFUSED, "", ("images",)),
    ("two channels", _ready(lambda: stack()[..., :2]), REFUSED, "", ("images",)),
    ("five channels", _ready(lambda: np.concatenate([stack(), stack()[..., :2]], -1)), REFUSED, "", ("images",)),
    ("no pictures (0, 64, 64, 3)", _ready(lambda: stack()[:0]), REFUSED, "", ("set.npz",)),
    ("no rows (N, 0, 64, 3)", _ready(lambda: stack()[:, :0]), REFUSED, "", ("set.npz",)),
    ("thin pictures (N, 900, 1, 3)", _ready(lambda: np.repeat(stack()[:, :1, :1], 900, 1)), 0, "any", ()),
    ("pictures and masks", lambda: npz(images=stack(), masks=(greys() > 128).astype(np.uint8)), N, "", ("masks",)),
    ("pictures and masks of 255", lambda: npz(images=stack(), masks=(greys() > 128).astype(np.uint8) * 255), N, "",
     ("masks",)),
    ("pictures and maps of labels", lambda: npz(images=stack(), labels=(greys() // 64)), N, "", ("labels",)),
    ("pictures and labels", lambda: npz(images=stack(), labels=np.arange(N, dtype=np.uint8)), N, "", ()),
    ("pictures and labels as vectors", lambda: npz(images=stack(), y=np.eye(N, dtype=np.uint8)), N, "", ()),
    ("pictures and boxes", lambda: npz(images=stack(), boxes=np.zeros((N, 4), np.int64)), N, "", ()),
    ("pictures and names", lambda: npz(images=stack(), names=np.array(["a"] * N)), N, "", ()),
    ("pictures and objects", lambda: npz(images=stack(), meta=np.array([{"a": 1}], object)), N, "", ()),
    ("as Keras has MNIST", lambda: npz(x_train=greys(), y_train=np.arange(N), x_test=greys()[:4],
                                       y_test=np.arange(4)), 0, GREY, ("x_test",)),
    ("pictures of two sizes", lambda: npz(a=stack(), b=stack()[:, :32, :32]), 2 * N, "any", ()),
    ("objects, which could run code", lambda: npz(images=np.array([{"a": 1}] * N, object)), REFUSED, "",
     ("images|set.npz",)),
    ("pictures as objects", lambda: npz(images=np.array([*stack(), None], object)), REFUSED, "", ("images|set.npz",)),
    ("no arrays", lambda: npz(), REFUSED, "", ("set.npz",)),
    ("an npy named .npz", lambda: npy(stack()), 0, "", ("set.npz",)),
    ("a pickle named .npz", lambda: pickle.dumps([1, 2]), REFUSED, "", ("set.npz",)),
    ("an empty file", bytes, REFUSED, "", ("set.npz",)),
    ("text named .npz", lambda: b"hello" * 99, REFUSED, "", ("set.npz",)),
    ("a zip of pictures named .npz", lambda: _zip_of_pictures(), 0, "", ("set.npz",)),
    ("cut in half", lambda: _half(npz(images=stack())), REFUSED, "", ("set.npz", "damaged|cut|not whole")),
    ("a wrong sum", lambda: _wrong_sum(), REFUSED, "", ("set.npz", "damaged")),
    ("fewer pixels than the header says", lambda: _shaped((N, 64, 64, 3)), REFUSED, "", ("set.npz",)),
    ("a header of 10^9 pictures", lambda: _shaped((10**9, 64, 64, 3)), REFUSED, "", ("set.npz",)),
    ("a header of 2^70 pictures", lambda: _shaped((2**70, 64, 64, 3)), REFUSED, "", ("set.npz",)),
    ("a header of -5 pictures", lambda: _shaped((-5, 64, 64, 3)), REFUSED, "", ("set.npz",)),
    ("a header of one giant picture", lambda: _shaped((1, 10**6, 10**6, 3)), REFUSED, "", ("set.npz",)),
    ("a header with True as a size", lambda: _shaped((True, 64, 64)), 0, "any", ("set.npz",)),
    ("a header of objects", lambda: _shaped((N, 64, 64, 3), "|O"), REFUSED, "", ("set.npz",)),
    ("a header of an unknown type", lambda: _shaped((N, 64, 64, 3), "zz9"), REFUSED, "", ("set.npz",)),
    ("a header with code", lambda: _header("__import__('os').system('touch it-ran')\n"), REFUSED, "", ("set.npz",)),
    ("a header nested deeply", lambda: _header("(" * 20000 + ")" * 20000 + "\n"), REFUSED, "", ("set.npz",)),
    ("a header of 4 GB", lambda: _header("{}", (2, 0), 2**32 - 1), REFUSED, "", ("set.npz",)),
    ("a header of version 3", lambda: _header("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 8, 8), }", (3, 0)),
     REFUSED, "", ("set.npz",)),
    ("a header of version 9", lambda: _header("{}", (9, 0)), REFUSED, "", ("set.npz",)),
    ("names that lead upwards", lambda: npz(**{"../../evil": stack()}), N, "", ()),
    ("a name of markup", lambda: npz(**{"<b>": stack()}), N, "", ()),
]  # fmt: skip
OTHERS = [
    ("an npy", "set.npy", lambda: npy(stack()), 0),
    ("an npy of objects", "set.npy", lambda: npy(np.array([{}], object), True), REFUSED),
    ("PyTorch", "set.pt", lambda: pickle.dumps({}), REFUSED),
    ("a pickle", "set.pkl", lambda: pickle.dumps([1, 2]), REFUSED),
    ("HDF5", "set.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(900), REFUSED),
    ("Matlab", "set.mat", lambda: b"MATLAB 5.0 MAT-file" + bytes(900), REFUSED),
    ("Parquet", "set.parquet", lambda: b"PAR1" + bytes(900), REFUSED),
    ("TFRecord", "set.tfrecord", lambda: bytes(900), REFUSED),
    ("MNIST's own format", "t10k-images-idx3-ubyte.gz", lambda: b"\x1f\x8b" + bytes(500), REFUSED),
    ("CSV", "set.csv", lambda: b"pixel0,pixel1\n0,1\n", REFUSED),
]
SHORT = ("uint8 (N, 64, 64, 3)", "one picture (64, 64, 3)", "pictures and masks", "float32 from 0 to 1",
         "channels first (N, 3, 64, 64)", "objects, which could run code", "a header of 10^9 pictures")  # fmt: skip


def _zip_of_pictures():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, data in enumerate(made.bytes_of(count=N)):
            archive.writestr(f"{number}.png", data)
    return file.getvalue()


def _half(data):
    return data[: len(data) // 2]


def _wrong_sum():
    data = bytearray(npz(False, images=stack()))
    data[len(data) // 2] ^= 255
    return bytes(data)


def cases(short: bool = False) -> list[Case]:
    """Each array with train.py, some with other programs, and the small sets."""
    found = []
    for what, make, used, colour, words in ARRAYS:
        tried = functools.partial(_tried, make, used, colour, words)
        found.append(Case("arrays", f"{what}, train.py", tried, what in SHORT))
    for what, file, make, used in OTHERS:
        for program in ("train.py", "preprocess.py"):
            found.append(Case("arrays in other files", f"{what} ({file}), {program}",
                              functools.partial(_other, program, file, make, used)))  # fmt: skip
    found.append(Case("arrays in other files", "an npz, preprocess.py", functools.partial(
        _other, "preprocess.py", "set.npz", lambda: npz(images=stack()), 0)))  # fmt: skip
    found.append(Case("arrays in other files", "an npz in a folder, train.py", _in_folder))
    found.append(Case("arrays in other files", "one picture, evaluate.py --real", _real))
    for count in (1, 2, 3):
        found.append(Case("small sets", f"{count} pictures, train.py", functools.partial(_few, count)))
    found.append(Case("small sets", "120 equal pictures, train.py", _equal, True))
    found.append(Case("small sets", "120 equal pictures of other names and formats, train.py", _equal_formats))
    found.append(Case("small sets", "120 black pictures, train.py", _black))
    found.append(Case("small sets", "120 different pictures are no small set, train.py", _enough))
    return found


def _tried(make, used, colour, words):
    Path("set.npz").write_bytes(make())
    done, faces = readers.train(Path("set.npz"))
    must(not Path("it-ran").exists(), "the code in it ran", done)
    if used is REFUSED:
        return refused(done, *words, code=1)
    if used in (0, ONE) and done.code:
        return refused(done, "set.npz|images", code=1)
    warned(done, *words)
    wanted = {ONE: 1, 0: len(faces)}.get(used, used)
    must(len(faces) == wanted, f"{len(faces)} pictures are used instead of {wanted}", done)
    seen = made.quarters(faces[np.arange(1)][0])
    right = made.GREY if colour == GREY else made.RIGHT
    off = np.abs(seen - right).max()
    must(colour == "any" or off < 12, f"the first picture is wrong by {off:.0f} of 255:\n{seen.round().tolist()}", done)
    return "used"


def _other(program, file, make, used):
    Path(file).write_bytes(make())
    if program == "train.py":
        done, _ = readers.train(Path(file))
    else:
        done = run("preprocess", "--input", file, "--output", "crops", *made.WHOLE)
    if used is REFUSED or done.code:
        return refused(done, file, "npz|zip|picture|archive", code=1)
    return warned(done)


def _in_folder():
    folder = made.good("set", 10)
    (folder / "a.npz").write_bytes(npz(images=stack()))
    done, faces = readers.train(folder)
    warned(done, *(() if len(faces) > 10 else ("a.npz",)))
    return "used"


def _real():
    Path("set.npz").write_bytes(npz(images=made.picture()))
    done = run("evaluate", "--real", "set.npz", "--fake", made.good("fake", 10), "--features", "discriminator")
    return refused(done, code=1)


def _few(count):
    done, _ = readers.train(made.good("set", count))
    if done.code:
        return refused(done, "few|more pictures|small|by heart", code=1)
    return _warns(done, "few", "small", "more pictures", "by heart")


def _warns(done, *choices):
    """It went on, and a warning on stderr or a line on stdout has one of the words."""
    warned(done)
    must(any(word in line.lower() for line in done.said.splitlines() for word in choices if "options " not in line),
         f"nothing says {' or '.join(choices)}", done)  # fmt: skip
    return "used"


def _equal():
    folder = Path("set")
    folder.mkdir()
    for number in range(120):
        (folder / f"{number}.png").write_bytes(made.encoded("PNG"))
    return _warns(readers.train(folder)[0], "equal", "alike", "the same")


def _equal_formats():
    folder = Path("set")
    folder.mkdir()
    for number, (kind, settings) in enumerate(
        [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {})] * 30
    ):
        (folder / f"{number}.{kind.lower()}").write_bytes(made.encoded(kind, **settings))
    return _warns(readers.train(folder)[0], "equal", "alike", "the same")


def _black():
    Path("set.npz").write_bytes(npz(images=np.zeros((120, 64, 64, 3), np.uint8)))
    return _warns(readers.train(Path("set.npz"))[0], "equal", "alike", "the same")


def _enough():
    done, _ = readers.train(made.good("set", 120))
    warned(done)
    must("alike" not in done.said and "equal" not in done.said, "different pictures are called alike", done)
    return "used"
