"""Pictures of faces -> the regions of hair, skin and background, found by their colours.

Each picture is modelled as a mixture of three colours and "anything else". How likely each of them is depends on the
place: skin is likely in the middle, hair above and around it, background in the corners. The places give only the
start; expectation maximisation (Dempster et al. 1977) then finds which pixels belong together by their colours. The
places in a drawing are different from those in a tightly cropped photo. docs/research/likeness.md says how often the
result is wrong.
"""

import numpy as np

from animefaces.colour import to_lab
from benchmarks import resemblance as likeness

NAMES = ("hair", "skin", "background")
SIDE = 32  # side of the pictures in which the regions are sought, in pixels
STEPS = 12  # iterations of expectation maximisation
LEAST = 0.025  # a region with a smaller share of the picture counts as not found
SURE = 0.75  # a pixel belongs to a region if its probability is larger
APART = 12  # two regions whose colours have a smaller distance in Lab count as one
# Smallest and largest standard deviation of the colours of a region: pixels are noisy, but a region has one colour.
DEVIATION = (4, 16)
ANYTHING = 2e-6  # uniform density over Lab of anything else: eyes, mouths, clothes, shadows
# Two ellipses (centre x, y; radius x, y; as shares of the side): the skin below the eyes, and the head with its hair.
DRAWN = (0.5, 0.69, 0.24, 0.22), (0.5, 0.44, 0.46, 0.5)
PHOTO = (0.5, 0.58, 0.36, 0.46), (0.5, 0.5, 0.52, 0.62)


def places(skin, head):
    """Two ellipses -> (SIDE * SIDE, 4): how likely hair, skin, background and anything else are at each pixel."""
    v, u = (np.mgrid[:SIDE, :SIDE].reshape(2, -1) + 0.5) / SIDE
    inner, outer = (((u - x) / a) ** 2 + ((v - y) / b) ** 2 for x, y, a, b in (skin, head))
    low = np.clip((v - 0.7) / 0.15, 0, 1)  # neck and clothes: hair and background are less likely here
    logits = [
        np.clip(3 * (1 - outer), -3, 1.5) - np.clip(3 * (1 - inner), 0, 3) - low,
        np.clip(4 * (1 - inner), -4, 3),
        np.clip(4 * (outer - 1), -5, 2.5) - low,
        np.zeros_like(u) + low,
    ]
    shares = np.exp(np.stack(logits, axis=1))
    return shares / shares.sum(axis=1, keepdims=True)


def find(pixels, ellipses):
    """Pictures uint8 (N, S, S, 3) and DRAWN or PHOTO -> (masks bool (N, SIDE, SIDE, 3), Lab colours (N, 3, 3)).

    S must be a multiple of SIDE. Masks and colours are in the order of NAMES. A region that was not found has an empty
    mask, and its colour is nan.
    """
    small = likeness.averaged(to_lab(pixels), SIDE).reshape(len(pixels), -1, 3)
    weights = _explained(small, places(*ellipses))[..., :3]
    masks = weights > SURE
    counts = masks.sum(axis=1)[..., None]
    colours = np.einsum("npk,npc->nkc", masks, small) / np.maximum(counts, 1)
    found = counts[..., 0] >= LEAST * SIDE * SIDE
    hair, skin, background = np.moveaxis(colours, 1, 0)
    # On a bald head, "hair" has the colour of the skin: it is a part of the skin. The same is true of a background.
    found[:, 0] &= np.linalg.norm(hair - skin, axis=1) > APART
    found[:, 2] &= np.linalg.norm(background - skin, axis=1) > APART
    # If there is only one colour around the skin, also above the forehead, it is hair that fills a tight crop.
    above = masks[:, :, 2].reshape(-1, SIDE, SIDE)[:, : SIDE // 16, SIDE // 4 : -SIDE // 4].mean(axis=(1, 2))
    full = ~found[:, 0] & found[:, 2] & (above > 0.25)
    for values in (masks.swapaxes(1, 2), colours, found):
        values[full, 0], values[full, 2] = values[full, 2], values[full, 0]
    # If no hair was found, or hair of the same colour, the "background" is just as often hair.
    found[:, 2] &= found[:, 0] & (np.linalg.norm(background - hair, axis=1) > APART)
    masks &= found[:, None]
    return masks.reshape(-1, SIDE, SIDE, 3), np.where(found[..., None], colours, np.nan)


def _explained(values, prior):
    """Lab (N, P, 3) and probabilities by place (P, 4) -> probabilities (N, P, 4) after STEPS of fitting the mixture."""
    weights = _begun(values, prior)
    for _ in range(STEPS):
        known = weights[..., :3]
        means, spread = _colours(values, known)
        off = (values[:, :, None] - means[:, None]) ** 2 / spread[:, None]
        density = np.exp(-off.sum(axis=-1) / 2) / np.sqrt((2 * np.pi) ** 3 * spread.prod(axis=-1))[:, None]
        joint = prior * np.concatenate([density, np.full_like(density[..., :1], ANYTHING)], axis=-1)
        weights = joint / joint.sum(axis=-1, keepdims=True)
    return weights


def _begun(values, prior):
    """Lab (N, P, 3) and probabilities by place (P, 4) -> the same, with less hair and background where skin is seen.

    This is needed because the forehead is at a place where hair is likely.
    """
    core = prior[:, 1:2] >= 0.9 * prior[:, 1].max()
    means, spread = _colours(values, np.broadcast_to(core, (len(values), *core.shape)))
    off = np.sum((values - means) ** 2 / spread, axis=-1, keepdims=True)
    return prior * np.where(np.arange(4) % 2 == 0, 1 - np.exp(-off / 8), 1)


def _colours(values, weights):
    """Lab (N, P, 3) and weights (N, P, K) -> means and variances (N, K, 3)."""
    mass = weights.sum(axis=1)[..., None] + 1e-6
    means = np.einsum("npk,npc->nkc", weights, values) / mass
    spread = np.einsum("npk,npc->nkc", weights, values**2) / mass - means**2
    return means, np.clip(spread, DEVIATION[0] ** 2, DEVIATION[1] ** 2)
