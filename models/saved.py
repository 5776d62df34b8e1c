"""Networks <-> .keras files, which any Keras opens. What a file holds is checked by models/contents.py."""

import io
import zipfile
from pathlib import Path

import h5py

from models import contents
from models.engine import keras


def load(path: str | Path) -> keras.Model:
    """A .keras file -> its network, for inference. Raises ValueError if the file is damaged or could run code.

    What is no fault of the file is not a ValueError: full memory, a missing library, a file that cannot be read.
    """
    contents.read(path)  # checks it
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, MemoryError, ImportError):
        raise
    except Exception as fault:
        contents.raise_as_damage(fault)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ValueError("it has several inputs or outputs")
    return network


def save(network: keras.Model, path: str | Path, half: bool = False) -> None:
    """A functional network -> a .keras file, which opens without this repository.

    With `half` the weights are stored as float16, as those in models/pretrained are: half the bytes, and
    a few values of a face change by 1 of 255. The weights are float32 again when the file is opened.
    """
    keras.saving.save_model(network, path)
    if half:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["model.weights.h5"] = _halved(members["model.weights.h5"])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)


def _halved(data: bytes) -> bytes:
    """The bytes of an HDF5 file -> the bytes of the same file with all arrays as float16."""
    result = io.BytesIO()

    def copy(name, item):
        made = target.require_group(name) if isinstance(item, h5py.Group) else None
        if made is None:
            made = target.create_dataset(name, data=item[()].astype("float16"))
        made.attrs.update(item.attrs)

    with h5py.File(io.BytesIO(data), "r") as source, h5py.File(result, "w") as target:
        target.attrs.update(source.attrs)
        source.visititems(copy)
    return result.getvalue()
