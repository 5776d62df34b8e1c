"""A film from face to face and back to the first."""

import numpy as np

from animefaces import images, latents, sheets
from animefaces.problems import Misuse


def walk(networks):
    """A film of closed walks, each at constant visible speed."""
    options = networks.options
    _, z = networks.chosen()
    each = len(z) // options.walks
    if each < 2 or len(z) > 100:
        raise Misuse(f"{len(z)} faces for {options.walks} walks: give each walk two or more, and 100 in all")
    films = []
    for i in range(options.walks):
        part, count = z[i * each : (i + 1) * each], each * options.frames
        rough = np.arange(2 * count) / (2 * options.frames)
        steps = latents.changes(networks.draw(latents.along(part, rough), "measuring"))
        films.append(networks.draw(latents.along(part, latents.even(steps, count) / (2 * options.frames)), "drawing"))
        pairs = (steps[::2] + steps[1::2], latents.changes(films[-1]))
        before, after = (100 * x.std() / max(x.mean(), 1e-9) for x in pairs)
        print(f"walk {i + 1}: visible speed varies by {after:.0f} %, with equal steps of z by {before:.0f} %")
    least = 192 if options.walks == 1 else 96
    frames = (images.grid(sheets.enlarge(np.stack(tiles), least)) for tiles in zip(*films, strict=True))
    images.save_film(networks.output, frames, seconds=0.04)
    print(f"{networks.output}: {count} frames, {count / 25:.1f} seconds, and over again")
