"""A .keras file -> what it holds, without Keras. A file may come from anyone, so nothing in it is trusted."""

import errno
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import h5py
import numpy as np

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
DEEPEST = 16  # groups within groups of a file of weights; Keras makes four
OF_DAMAGE = (None, errno.EINVAL)  # numbers of an OSError: h5py gives none; EINVAL: there is no such place in the file


class Contents(NamedTuple):
    """What a .keras file holds."""

    config: dict[str, Any]  # the layers, their settings, and what leads where
    weights: dict[str, np.ndarray]  # by their paths in the HDF5 file, layers/conv2d/vars/0 for example


def read(path: str | Path) -> Contents:
    """A .keras file -> its contents. Raises ValueError if the file is damaged or could run code.

    It checks more than Keras's safe mode: the file holds only the three members that Keras writes, only a functional
    model of Keras's own layers, and weights that lie in the file itself and are not larger than the file says.

    What is no fault of the file is not a ValueError: full memory, a file that cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if {info.filename for info in infos} - MEMBERS or len(infos) != len(MEMBERS):
                raise ValueError("it does not have the members of a .keras file")
            if sum(info.file_size for info in infos) > MAX_BYTES:
                raise ValueError("it is too large")
            sizes = {info.filename: info.file_size for info in infos}
            config = json.loads(_member(archive, "config.json", sizes))
            _inspect_config(config)
            weights = _weights(_member(archive, "model.weights.h5", sizes))
    except (ValueError, MemoryError, ImportError):
        raise
    except Exception as fault:
        raise_as_damage(fault)
    return Contents(config, weights)


def raise_as_damage(fault: Exception) -> NoReturn:
    """A fault while a .keras file was read -> ValueError, which says that the file is damaged, or the same fault."""
    if isinstance(fault, RecursionError):
        raise ValueError("its layers are nested too deeply") from fault
    if isinstance(fault, OSError) and fault.errno not in OF_DAMAGE:
        raise fault
    # Keras, h5py and zipfile raise many kinds of errors on a damaged file.
    raise ValueError(f"{type(fault).__name__} while reading it") from fault


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


def _weights(data: bytes) -> dict[str, np.ndarray]:
    """The bytes of an HDF5 file -> its arrays by their paths.

    Raises ValueError if they link to other files, or would unpack to more bytes than the file has.
    """
    arrays: dict[str, np.ndarray] = {}
    links: list[tuple[bytes, Any]] = []
    total = 0

    def found(name, link):
        links.append((name, link.type))
        return name.count(b"/") > DEEPEST or None  # what is not None ends the visit; HDF5 itself would crash far below

    with h5py.File(io.BytesIO(data), "r") as file:
        if file.id.links.visit(found, info=True):
            raise ValueError("its weights are nested too deeply")
        if any(kind != h5py.h5l.TYPE_HARD for _, kind in links):
            raise ValueError("its weights are links to another place")
        for name, _ in links:
            item = h5py.h5o.open(file.id, name)
            if not isinstance(item, h5py.h5d.DatasetID):
                continue
            dataset = h5py.Dataset(item)
            total += dataset.size * dataset.dtype.itemsize  # an array may have several names
            if dataset.external or dataset.is_virtual or dataset.dtype.hasobject or total > len(data):
                raise ValueError("its weights are not in the file")
            arrays[name.decode()] = dataset[()]
    return arrays
