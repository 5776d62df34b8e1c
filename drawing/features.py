"""Feature networks: a picture of a face -> D numbers. animefaces/metrics.py compares sets of faces by them."""

import contextlib
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animefaces import runs
from animefaces.files import written_whole
from animefaces.images import to_network
from animefaces.problems import Misuse, Problem
from animefaces.progress import Bar
from drawing.networks import ROWS, Network
from drawing.opening import opened

if TYPE_CHECKING:
    from models.engine import keras

INCEPTION = "inception"
DISCRIMINATOR = "discriminator"  # the shipped one: everybody has it, and it knows anime faces
# Its residual stage at 16x16, counted from 0. This stage tells generators apart best (docs/research/measures.md).
DISCRIMINATOR_STAGE = 2
DISCRIMINATOR_SCALE = 3.77  # root mean square of that stage's values on real faces


class FeatureNetwork:
    """Network images float32 (N, H, W, C) in [-1, 1] -> features float32 (N, `dimensions`)."""

    def __init__(self, network: "keras.Model", name: str, key: str, note: str):
        """`name` and `note` are for people; `key` changes when the features of a picture do."""
        from models.engine import keras

        # What is not trainable has batch norms that only ever use what they learned, however it is called:
        # a plain call of a network saved for training would let them go on learning from our faces.
        network.trainable = False
        self._network, self.name, self.note = network, name, note
        self.key = f"{key} {keras.backend.backend()} {keras.__version__}"
        self.dimensions = network.output_shape[-1]
        self.resizes = [f"{layer.height}x{layer.width}, {layer.interpolation}" for layer in network.layers
                        if type(layer).__name__ == "Resizing"]  # fmt: skip

    def check(self, size: int, channels: int) -> None:
        """Raise Problem if the network does not take pictures (size, size, channels)."""
        *sides, wanted = self._network.input_shape[1:]
        if any(side not in (None, size) for side in sides) or (wanted not in (None, channels) and channels != 1):
            shape = " x ".join(str(n or "any") for n in (*sides, wanted))
            ours = f"{size} x {size} x {channels}"
            raise Problem(f"{self.name} takes pictures of {shape}, not {ours}: give --features another network")

    def __call__(self, images: np.ndarray) -> np.ndarray:
        channels = self._network.input_shape[-1] or images.shape[-1]
        from models.batches import in_batches

        return in_batches(self._network, np.repeat(images, channels // images.shape[-1], axis=-1))  # grey to colour


def open_features(name: str) -> FeatureNetwork:
    """ "inception", "discriminator" or the name of a .keras file -> its feature network.

    Raises Misuse, and Problem if the network cannot be had or does not turn pictures into numbers.
    """
    if name == INCEPTION:
        return _inception()
    if name == DISCRIMINATOR:
        return _discriminator()
    path = Path(name)
    if path.suffix != ".keras":
        raise Misuse(f"--features {name} will not do: give {INCEPTION}, {DISCRIMINATOR} or a .keras file")
    key = hashlib.sha256(path.read_bytes()).hexdigest()
    network = opened(path, "network", "give --features another file").keras
    if len(network.input_shape) != 4 or len(network.output_shape) != 2 or network.output_shape[1] is None:
        raise Problem(f"{path} does not turn pictures into rows of numbers: give --features another file")
    return FeatureNetwork(network, path.name, key, "compare only with figures of the same network")


def _inception():
    from models.engine import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):  # where Keras tells of its download
            network = keras.applications.InceptionV3(include_top=False, pooling="avg", input_shape=(299, 299, 3))
    except Exception as fault:  # that is what Keras raises
        raise Problem(f"the Inception network cannot be fetched ({fault}): "
                      "connect to the internet once, or leave out --features") from fault  # fmt: skip
    images = keras.Input((None, None, 3))
    wide = keras.layers.Resizing(299, 299, interpolation="bilinear")(images)
    note = "Keras's InceptionV3; the network of published FIDs is TensorFlow's of 2015, whose figures differ a little"
    return FeatureNetwork(keras.Model(images, network(wide)), INCEPTION, INCEPTION, note)


def shipped_discriminator() -> Network:
    """The network of "discriminator". Raises Problem if its file is damaged."""
    return opened(runs.PRETRAINED / runs.DISCRIMINATOR, "discriminator",
                  "get it again from the project, or give --features another network")  # fmt: skip


def discriminator_maps() -> "keras.Model":
    """The first stages of the shipped discriminator: images (B, 64, 64, 3) in [-1, 1] -> maps (B, 16, 16, 192)."""
    from models.engine import keras

    judge = shipped_discriminator().keras
    stages = [layer.output for layer in judge.layers if type(layer).__name__ == "Add"]
    return keras.Model(judge.input, stages[DISCRIMINATOR_STAGE])


def _discriminator():
    """What the shipped discriminator sees in parts of 16x16, averaged over the face: 192 numbers of size 1 or so."""
    from models.engine import keras

    file, maps = runs.PRETRAINED / runs.DISCRIMINATOR, discriminator_maps()
    seen = keras.Model(maps.input, keras.layers.GlobalAveragePooling2D()(maps.output))
    images = keras.Input((None, None, 3))
    x = keras.layers.Resizing(*maps.input_shape[1:3], interpolation="bilinear")(images)
    x = keras.layers.Rescaling(1 / DISCRIMINATOR_SCALE)(seen(x))
    key = f"{hashlib.sha256(file.read_bytes()).hexdigest()} stage {DISCRIMINATOR_STAGE}"
    note = ("the shipped one, unfair for the shipped generator; to compare with figures of others, give "
            "--features inception")  # fmt: skip
    return FeatureNetwork(keras.Model(images, x), DISCRIMINATOR, key, note)


def extract(network: FeatureNetwork, faces: Any, indices: np.ndarray, label: str) -> np.ndarray:
    """The features of faces[indices], float32 (len(indices), D), with a bar. Raises Problem if they are not finite."""
    rows = np.empty((len(indices), network.dimensions), np.float32)
    with Bar(total=len(indices), desc=label, unit="face") as bar:
        for start in range(0, len(indices), ROWS):
            part = indices[start : start + ROWS]
            rows[start : start + ROWS] = network(to_network(faces[part]))
            bar.update(len(part))
    if not np.isfinite(rows).all():
        raise Problem(f"{network.name} gives numbers that are not finite: give --features another network")
    return rows


def extract_cached(network: FeatureNetwork, faces: Any, indices: np.ndarray, label: str, cache: Path) -> np.ndarray:
    """As `extract`, from a file under `cache` as far as it goes.

    The file is of one network and one set of pictures; `indices` must always begin in the same way.
    """
    key = hashlib.sha256(f"{network.key} {faces.shape} {faces.fingerprint}".encode()).hexdigest()[:16]
    file = Path(cache) / f"features-{key}.npy"
    known = _read(file, network.dimensions)
    if len(known) < len(indices):
        more = extract(network, faces, indices[len(known) :], label)
        known = np.concatenate([known, more])
        with written_whole(file) as temporary:
            np.save(temporary, known)
    return known[: len(indices)]


def _read(file, dimensions):
    with contextlib.suppress(OSError, ValueError, EOFError):
        rows = np.load(file, allow_pickle=False)
        if rows.ndim == 2 and rows.shape[1] == dimensions and rows.dtype == np.float32:
            return rows
    return np.empty((0, dimensions), np.float32)
