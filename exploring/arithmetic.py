"""Faces added and taken away."""

import numpy as np

from animefaces import latents, sheets
from animefaces.problems import Misuse


def arithmetic(networks):
    """Means of z added and taken away, as in the DCGAN paper's figure; or the grid to choose seeds from."""
    options = networks.options
    names = ("these", "minus", "plus")
    texts = [getattr(options, name) for name in names]
    seeds, z = networks.chosen()
    if not any(texts):
        networks.report(sheets.numbered(networks.draw(z), seeds), seeds=" ".join(map(str, seeds)))
        print("choose among these numbers: --these 1,2,3 --minus 4,5,6 --plus 7,8,9")
        return
    if not texts[0]:
        raise Misuse("--minus and --plus need --these to start from: give seeds from the numbered grid")
    lines, result = [], 0
    for sign, name, text in zip((1, -1, 1), names, texts, strict=True):
        if text:
            chosen = latents.parse_seeds(text, f"--{name}")
            rows = pick(seeds, z, chosen) if options.latents else latents.from_seeds(chosen, networks.dimensions)
            result = result + sign * rows.mean(axis=0)
            drawn = networks.draw(np.concatenate([rows, rows.mean(axis=0, keepdims=True)]))
            lines.append((f"{'+-'[sign < 0]} {text}", [*drawn[:-1], None, drawn[-1]]))
    # The paper adds U(-0.25, 0.25) to z from U(-1, 1), whose spread is 0.58: here z has a spread of 1.
    nine = networks.draw(latents.around(result, 9, 0.43, options.seed)).reshape(3, 3, *networks.shape)
    lines += [("=" if i == 1 else "", list(row)) for i, row in enumerate(nine)]
    networks.report(sheets.rows(lines), these=options.these, minus=options.minus, plus=options.plus)


def pick(places, z, chosen):
    """The rows of --latents that were chosen by their place."""
    if max(chosen) >= len(places):
        raise Misuse(f"--latents has faces 0 to {len(places) - 1}: there is no {max(chosen)}")
    return z[chosen]
