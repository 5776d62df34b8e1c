"""Colour profiles: ICC files made from the numbers of the standards."""

import struct

import numpy as np

# CIE XYZ (D50) of red, green and blue, as columns.
SRGB = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
P3 = np.array([[0.5151, 0.2919, 0.1572], [0.2412, 0.6922, 0.0666], [-0.0010, 0.0419, 0.7841]])


def _profile(columns, padding=0):
    """The colours of red, green and blue -> an ICC profile with the curve of sRGB."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">I", 1024)
    curve += b"".join(struct.pack(">H", round(65535 * light)) for light in to_light(np.linspace(0, 255, 1024)))
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"made\0" + bytes(78)
    tags = {
        b"desc": name,
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
    }
    for number, letter in enumerate(b"rgb"):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*columns[:, number])
        tags[bytes([letter]) + b"TRC"] = curve
    if padding:
        tags[b"dmdd"] = b"text" + bytes(4) + np.random.default_rng(0).integers(32, 127, padding, np.uint8).tobytes()
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", start + len(data), len(value))
        data += value
    size = start + len(data)
    head = struct.pack(">I4s4s4s4s4s12s4s4sIIIQI", size, bytes(4), b"\2\x10\0\0", b"mntr", b"RGB ", b"XYZ ", bytes(12),
                       b"acsp", bytes(4), 0, 0, 0, 0, 0) + fixed(0.9642, 1, 0.8249)  # fmt: skip
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + data


def srgb(padding: int = 0) -> bytes:
    """The profile of sRGB, with this many bytes of noise in it."""
    return _profile(SRGB, padding)


def p3() -> bytes:
    """The profile of Display P3, which phones use."""
    return _profile(P3)


def to_light(values: np.ndarray) -> np.ndarray:
    """Values of sRGB, [0, 255] -> light, [0, 1]."""
    x = np.asarray(values, float) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def to_p3(pixels: np.ndarray) -> np.ndarray:
    """Pixels in sRGB, uint8 (H, W, 3) -> the same colours in Display P3."""
    light = np.clip(to_light(pixels) @ (np.linalg.inv(P3) @ SRGB).T, 0, 1)
    x = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(x * 255).astype(np.uint8)
