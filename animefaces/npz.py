"""Arrays in .npz files: written whole, and read without trust."""

import errno
import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from animefaces.files import written_whole

# What numpy and zipfile raise on a file that is damaged, encrypted, of another kind, or holds objects. TokenError:
# numpy reads the head of an array as Python does.
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, struct.error,
           zipfile.BadZipFile, zlib.error, TokenError)  # fmt: skip
# Numbers of an OSError that a damaged file raises: libraries give none; EINVAL: there is no such place in the file.
OF_DAMAGE = (None, errno.EINVAL)
MOST = 1 << 30  # bytes of the arrays that are read from a file at once


def read(path: Path, *names: str, most: int = MOST) -> list[np.ndarray]:
    """An .npz file and names of arrays in it -> these arrays.

    Raises OSError if the file cannot be opened, and ValueError if it does not hold these arrays, or if they have more
    than `most` bytes: a small file may unpack to any size.
    """
    with open(path, "rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("no whole .npz file")
            with zipfile.ZipFile(file) as archive:
                sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
            if sum(sizes.get(name, 0) for name in names) > most:
                raise ValueError("its arrays are too large")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                found = [arrays[name] for name in names]
                if not all(isinstance(array, np.ndarray) for array in found):
                    raise ValueError("something else than arrays")  # numpy gives the bytes of other members
                return found
        except (*DAMAGED, MemoryError) as fault:
            raise ValueError(" ".join(str(fault).split()) or type(fault).__name__) from fault


def write(path: Path, **arrays: Any) -> None:
    """Write arrays by their names to an .npz file, whole or not at all."""
    with written_whole(path) as temporary:
        np.savez_compressed(temporary, **arrays)
