"""Colour profiles: the numbers of a picture in any colour space -> the same colours in sRGB, which the networks see."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

NEARLY = 2  # a profile that changes no value by more than this is sRGB by another name
MAX_PROFILE = 16 << 20  # bytes
_STEPS = np.linspace(0, 255, 9).round().astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A Pillow image of mode L, RGB or CMYK and its ICC profile -> the image in sRGB, of mode RGB.

    The image stays as it is if it has no profile, one of sRGB, or one that cannot be used.
    """
    if not profile or len(profile) > MAX_PROFILE or image.mode not in ("L", "RGB", "CMYK"):
        return image
    transform = _transform(profile, image.mode)
    return ImageCms.applyTransform(image, transform) or image if transform else image


@functools.lru_cache(maxsize=4)  # a set of pictures has few profiles, and to prepare one takes milliseconds
def _transform(profile: bytes, mode: Any) -> ImageCms.ImageCmsTransform | None:
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):  # damaged, or a profile of another mode
        return None
    if mode == "CMYK":
        return transform
    samples = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), axis=-1).reshape(-1, 1, 3)
    image = Image.fromarray(samples).convert(mode)
    changed = np.asarray(ImageCms.applyTransform(image, transform), int) - np.asarray(image.convert("RGB"))
    return transform if abs(changed).max() > NEARLY else None
