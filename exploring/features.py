"""What the maps of a discriminator answer to."""

import numpy as np
from tqdm import tqdm

from animefaces import sheets
from animefaces.images import to_network
from exploring.networks import AT_ONCE, choose_layer
from models import inside

SAMPLES = 2000  # training faces looked at


def features(networks):
    """For a discriminator's layer, the faces its maps answer to most and what in them; beside it, before training."""
    options, judge, faces = networks.options, networks.discriminator(), networks.faces()
    layer = choose_layer(inside.feature_layers(judge), options.layer, default=-1)
    order = np.random.default_rng(options.seed).permutation(len(faces))[: options.samples or SAMPLES]
    blocks = []
    for network, words in ((judge, "trained"), (inside.with_random_weights(judge, options.seed), "before training")):
        strengths, places = strongest(network, layer, faces, order, words)
        spread = strengths.std(axis=0) + 1e-9
        best = np.argsort(-strengths, axis=0, kind="stable")[:8]
        special = (np.take_along_axis(strengths, best, 0).mean(axis=0) - strengths.mean(axis=0)) / spread
        maps = np.sort(np.argsort(-np.where(strengths.max(axis=0) > 0, special, -1), kind="stable")[: options.maps])
        blocks.append([looked_at(network, layer, faces, order, m, best[:, m], places) for m in maps])
        blocks[-1] = list(zip(maps, blocks[-1], strict=True))
    lines = []
    for (m, (seen, why)), (_, (random_seen, random_why)) in zip(*blocks, strict=False):
        lines += [(f"map {m}", [*seen, None, *random_seen]), ("", [*why, None, *random_why])]
    heads = ["trained", *[""] * len(seen), "before training"]
    print(f"layer {layer} of {', '.join(inside.feature_layers(judge))}; {len(order):,} faces of {len(faces):,}")
    networks.report(sheets.rows(lines, heads), layer=layer)


def strongest(network, layer, faces, order, label):
    """The strongest answer of each map to each face, and where: two (N, C)."""
    top, answers = inside.peaks(network, layer), []
    with tqdm(total=len(order), desc=label, unit="face", disable=None) as bar:
        for i in range(0, len(order), AT_ONCE):
            part = order[i : i + AT_ONCE]
            answers.append(inside.apply(top, to_network(faces[part])))
            bar.update(len(part))
    answers = np.concatenate(answers)
    return answers[:, 0], answers[:, 1].astype(int)


def looked_at(network, layer, faces, order, chosen, best, places):
    """One map and its best faces -> (those with a box around what it looks at, guided backpropagation for each)."""
    pixels = faces[order[best]]
    maps = np.full(len(best), chosen)
    gradients = inside.gradients_at(inside.guided(network, layer), to_network(pixels), maps, places[best, chosen])
    return sheets.boxed(pixels, sheets.focus(gradients)), sheets.from_gradients(gradients)
