"""RGB -> CIE L*a*b*, in which distances are close to the differences that people see."""

import numpy as np


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB (..., W, 3) -> CIE L*a*b*, float32 of the same shape: L in [0, 100], a and b around 0."""
    import cv2

    values = np.ascontiguousarray(pixels, np.float32).reshape(-1, pixels.shape[-2], 3) / 255
    return cv2.cvtColor(values, cv2.COLOR_RGB2LAB).reshape(pixels.shape)
