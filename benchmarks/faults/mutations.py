"""Files that are changed at random: bytes, blocks, lengths and numbers; and what is within .keras and .npz files."""

import copy
import io
import json
import zipfile
from typing import Any

import numpy as np

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
VALUES = (None, True, 0, -1, 2**31, 10**12, 1e308, -1e308, "", "x", [], {}, [[]], {"class_name": "x"}, "\ud800")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes -> the same with one to three changes, of which each is one of `CHANGES`."""
    for _ in range(rng.integers(1, 4)):
        if data:
            data = bytes(CHANGES[rng.integers(len(CHANGES))](bytearray(data), rng))
    return data


def _flip(data, rng):
    """Some bits."""
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def _cut(data, rng):
    """The end is missing."""
    return data[: rng.integers(len(data))]


def _block(data, rng):
    """Where a block begins and ends. Most blocks are short."""
    length = int(min(len(data), 2 ** rng.uniform(0, np.log2(len(data) + 1))))
    start = int(rng.integers(len(data) - length + 1))
    return start, start + length


def _empty(data, rng):
    """A hole of zeros."""
    start, end = _block(data, rng)
    data[start:end] = bytes(end - start)
    return data


def _swapped(data, rng):
    """Two blocks change places."""
    start, end = _block(data, rng)
    other = int(rng.integers(len(data) - (end - start) + 1))
    block, data[start:end] = data[start:end], data[other : other + end - start]
    data[other : other + end - start] = block
    return data


def _doubled(data, rng):
    """A block is there twice, and what follows is moved."""
    start, end = _block(data, rng)
    return data[:end] + data[start:end] + data[end:]


def _number(data, rng):
    """A number says something else. Half of them are in the first bytes, where a header lies about its file."""
    width = int(rng.choice([1, 2, 4]))
    place = int(rng.integers(min(len(data), 64) if rng.random() < 0.5 else len(data)))
    value = (EXTREMES[rng.integers(len(EXTREMES))] & (256**width - 1)).to_bytes(width, rng.choice(["little", "big"]))
    data[place : place + width] = value
    return data


CHANGES = (_flip, _flip, _cut, _empty, _swapped, _doubled, _number, _number)


def mutated_members(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of a zip (.keras, .npz) -> the same with one changed member, whose checksum is right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(members)[rng.integers(len(members))]
    change = other_values if name.endswith(".json") and rng.random() < 0.7 else mutated
    members[name] = change(members[name], rng)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return result.getvalue()


def other_values(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of a JSON file -> the same with one to three other values, or with entries that are missing."""
    value = json.loads(data)
    for _ in range(rng.integers(1, 4)):
        places = list(_places(value))
        if places:
            owner, key = places[rng.integers(len(places))]
            if rng.random() < 0.2:
                del owner[key]
            else:
                owner[key] = _other(owner[key], rng)
    return json.dumps(value).encode()


def _places(value: Any):
    """Each (owner, key) within a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _other(value, rng):
    if isinstance(value, int | float) and rng.random() < 0.5:
        return type(value)(value * 2 + rng.integers(-2, 3))
    return copy.deepcopy(VALUES[rng.integers(len(VALUES))])  # later changes must not be of VALUES
