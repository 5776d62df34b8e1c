"""What the discriminator's feature maps respond to in training faces, before and after the training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animefaces.options import option, within
from drawing.choosing import run_option, samples_option, seed_option
from drawing.viewing import (
    SHEET,
    as_judged,
    cache_option,
    choose_layer,
    data_option,
    layer_option,
    save_sheet,
    sheet_option,
    sheet_path,
    training_faces,
)

FACES = 8  # shown of each map


@dataclass(frozen=True)
class Options:
    """Which maps to look at, on which faces."""

    run: Path | None = run_option()
    data: tuple[Path, ...] | None = data_option()
    cache: Path = cache_option()
    samples: int = samples_option(2000, "training faces that the network sees")
    seed: int = seed_option("seed of the choice of these faces, and of the network before training")
    layer: int | None = layer_option()
    maps: int = option(6, "number of feature maps shown", within(1, 64), group=SHEET)
    output: str = sheet_option("features.png")


def show(options: Options, given: set[str]) -> None:
    """Write a sheet: for each map the faces that it answers to most, and what in them."""
    output = sheet_path(options.output, given)
    import numpy as np

    from animefaces import sheets
    from drawing.opening import open_discriminator, open_generator, told
    from models import inside

    generator = open_generator(options.run)
    judge, seen_by = open_discriminator(generator).keras, as_judged(generator)
    faces = training_faces(generator, options.data, options.cache)
    told(generator)
    names = inside.feature_layers(judge)
    layer, words = choose_layer(judge, names, options.layer, names[-1] if names else None)
    print(f"layer      {words}; {len(faces):,} training faces, of which it sees up to {options.samples:,}")
    order = np.random.default_rng(options.seed).permutation(len(faces))[: options.samples]
    blocks = []
    for network, label in ((judge, "trained"), (inside.with_random_weights(judge, options.seed), "before training")):
        strengths, places = strongest(network, layer, lambda part: seen_by(faces[part]), order, label)
        spread = strengths.std(axis=0) + 1e-9
        best = np.argsort(-strengths, axis=0, kind="stable")[:FACES]
        special = (np.take_along_axis(strengths, best, 0).mean(axis=0) - strengths.mean(axis=0)) / spread
        maps = np.sort(np.argsort(-np.where(strengths.max(axis=0) > 0, special, -1), kind="stable")[: options.maps])
        blocks.append(
            [(m, looked_at(network, layer, faces[order[best[:, m]]], seen_by, m, places[best[:, m], m])) for m in maps]
        )
    lines = []
    for (m, (seen, why)), (_, (random_seen, random_why)) in zip(*blocks, strict=False):
        lines += [(f"map {m}", [*seen, None, *random_seen]), ("", [*why, None, *random_why])]
    heads = ["trained", *[""] * len(seen), "before training"]
    save_sheet(output, sheets.rows(lines, heads), generator, layer=words)


def strongest(network: Any, layer: str, seen: Any, order: Any, label: str) -> tuple[Any, Any]:
    """The strongest answer of each map to each face, and its place in the map: two (N, C).

    `seen`: indices -> these faces as the network takes them.
    """
    import numpy as np

    from animefaces.progress import Bar
    from models import inside
    from models.batches import ROWS, in_batches

    top = inside.peaks(network, layer)
    parts = []
    with Bar(total=len(order), desc=label, unit="face") as bar:
        for i in range(0, len(order), ROWS):
            part = order[i : i + ROWS]
            parts.append(in_batches(top, seen(part)))
            bar.update(len(part))
    answers = np.concatenate(parts)
    return answers[:, 0], answers[:, 1].astype(int)


def looked_at(network: Any, layer: str, pixels: Any, seen_by: Any, chosen: int, places: Any) -> tuple:
    """One map and its best faces -> (the faces with a box around what it looks at, guided backpropagation of each).

    `seen_by`: pixels -> as the network takes them. `places`: where in the map it answers to each face.
    """
    import numpy as np

    from animefaces import sheets
    from models import inside

    maps = np.full(len(pixels), chosen)
    gradients = inside.gradients_at(inside.guided(network, layer), seen_by(pixels), maps, places)
    return sheets.boxed(pixels, sheets.focus(gradients)), sheets.from_gradients(gradients)
