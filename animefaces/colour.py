"""RGB <-> CIE L*a*b*, in which distances are close to the differences that people see."""

import numpy as np


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB (..., W, 3) -> CIE L*a*b*, float32 of the same shape: L in [0, 100], a and b around 0."""
    import cv2

    values = np.ascontiguousarray(pixels, np.float32).reshape(-1, pixels.shape[-2], 3) / 255
    return cv2.cvtColor(values, cv2.COLOR_RGB2LAB).reshape(pixels.shape)


def from_lab(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (..., W, 3), float32 -> uint8 RGB of the same shape. What no RGB can show gets the nearest values."""
    import cv2

    values = np.ascontiguousarray(lab, np.float32).reshape(-1, lab.shape[-2], 3)
    rgb = cv2.cvtColor(values, cv2.COLOR_LAB2RGB).reshape(lab.shape)
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
