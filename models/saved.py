""".keras files <-> networks. A file may come from anyone, so nothing in it is trusted, and no code in it is run."""

import errno
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

MODULES = {
    "keras",
    "keras.layers",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
}
NETWORK = ("keras.src.models.functional", "Functional")
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}  # layers that can contain code
MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
MAX_BYTES = 2 << 30
OF_DAMAGE = (None, errno.EINVAL)  # numbers of an OSError: h5py gives none; EINVAL: there is no such place in the file


def load(path: str | Path) -> keras.Model:
    """A .keras file -> its network, for inference. Raises ValueError if the file is damaged or could run code.

    It checks more than Keras's safe mode: the file holds only the three members that Keras writes, only a functional
    model of Keras's own layers, and weights that lie in the file itself and are not larger than the file says.

    What is no fault of the file is not a ValueError: full memory, a missing library, a file that cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if {info.filename for info in infos} - MEMBERS or len(infos) != len(MEMBERS):
                raise ValueError("it does not have the members of a .keras file")
            if sum(info.file_size for info in infos) > MAX_BYTES:
                raise ValueError("it is too large")
            sizes = {info.filename: info.file_size for info in infos}
            _inspect_config(json.loads(_member(archive, "config.json", sizes)))
            _inspect_weights(_member(archive, "model.weights.h5", sizes))
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, MemoryError, ImportError):
        raise
    except RecursionError as fault:
        raise ValueError("its layers are nested too deeply") from fault
    except Exception as fault:  # Keras, h5py and zipfile raise many kinds of errors on a damaged file
        if isinstance(fault, OSError) and fault.errno not in OF_DAMAGE:
            raise
        raise ValueError(f"{type(fault).__name__} while reading it") from fault
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ValueError("it has several inputs or outputs")
    return network


def _member(archive: zipfile.ZipFile, name: str, sizes: Mapping[str, int]) -> bytes:
    with archive.open(name) as member:
        return member.read(sizes[name])  # read() without a size would unpack more than the size says


def _inspect_config(config: Any) -> None:
    """Raise ValueError if a layer is not one of Keras's own, or can contain code."""
    if not isinstance(config, dict) or config.get("class_name") != "Functional":
        raise ValueError("it is not a functional model")
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            name, module = value.get("class_name"), value.get("module")
            tensor = name == "__keras_tensor__" and module is None
            known = (module, name) == NETWORK or (module in MODULES and name not in CODE)
            if name is not None and not tensor and not known:
                raise ValueError(f"it asks for {module}.{name}, which may run code")
            if value.get("registered_name") not in (None, name):
                raise ValueError(f"it asks for {value['registered_name']}, which may run code")
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _inspect_weights(data: bytes) -> None:
    """Raise ValueError if the weights link to other files, or would unpack to more bytes than the file has."""

    def visit(group):
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError("its weights are links to another place")
            item = group[name]
            if isinstance(item, h5py.Group):
                visit(item)
            elif item.external or item.is_virtual or item.size * item.dtype.itemsize > len(data):
                raise ValueError("its weights are not in the file")

    with h5py.File(io.BytesIO(data), "r") as file:
        visit(file)


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
