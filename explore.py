"""Look into a trained generator and its discriminator: a picture or a film, and figures.

    python explore.py walk --seeds 3,14,15,92 --output walk.webp       # a looping film at constant visible speed
    python explore.py walk --count 32 --walks 16 --output walks.mp4    # sixteen of them side by side
    python explore.py walk --latents latents.npz                       # between the faces that encode.py found
    python explore.py arithmetic --count 64                            # a numbered grid to choose from; then
    python explore.py arithmetic --these 5,37,55 --minus 1,14,26 --plus 15,38,60
    python explore.py attributes                                       # edit directions, for generate.py --edit
    python explore.py features --data faces.zip                        # what the discriminator's maps answer to
    python explore.py forget --object mouth                            # a generator that no longer draws it
    python explore.py neighbours --data faces.zip                      # copies, collapse, and what is never drawn

docs/explore.md says what each picture shows.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.options import Misuse, Problem, option, run_script, within

OUTPUTS = {"walk": "walk.gif", "arithmetic": "arithmetic.png", "attributes": "attributes.png",
           "features": "features.png", "forget": "forget.png", "neighbours": "neighbours.png"}  # fmt: skip
FILMS = (".gif", ".webp", ".mp4")
COUNTS = {"walk": 8, "arithmetic": 64, "attributes": 2, "forget": 10, "neighbours": 12}
SAMPLES = {"attributes": 2000, "features": 2000, "forget": 96, "neighbours": 1000}
CHOICE = {"seeds", "count", "seed", "latents"}
USES = {
    "walk": CHOICE | {"frames", "walks"},
    "arithmetic": CHOICE | {"these", "minus", "plus"},
    "attributes": CHOICE | {"samples"},
    "features": {"data", "cache", "layer", "maps", "samples", "seed"},
    "forget": CHOICE | {"layer", "object", "box", "share", "samples"},
    "neighbours": {"data", "cache", "count", "seed", "samples"},
}
AT_ONCE = 48  # faces in hand at a time
FOUND = 5  # directions of each unsupervised kind
STRENGTHS = (-3, -2, -1, 0, 1, 2, 3)


@dataclass(frozen=True)
class Options:
    """What to look at."""

    what: str = option("walk", "what to look at", choices=tuple(USES), positional=True)
    run: Path | None = option(None, "run folder or .keras file (default: the newest run, else the shipped weights)")
    data: tuple[Path, ...] | None = option(None, "features, neighbours: the training faces (default: those the run was "
                                                 "trained on, else data/faces)")  # fmt: skip
    count: int | None = option(None, "faces shown, with the seeds from --seed on", within(1, 400))
    seed: int = option(0, "first seed, and of all else that is drawn by chance", within(0, 2**31 - 1))
    seeds: str | None = option(None, "these seeds instead: 0-7,12")
    latents: Path | None = option(None, "an .npz with z (N, latent), instead of seeds")
    frames: int = option(24, "walk: frames per face", within(2, 200))
    walks: int = option(1, "walk: so many walks side by side, which share the faces", within(1, 64))
    these: str | None = option(None, "arithmetic: seeds whose mean z is the start")
    minus: str | None = option(None, "arithmetic: seeds whose mean z is taken away")
    plus: str | None = option(None, "arithmetic: seeds whose mean z is added")
    samples: int | None = option(None, "faces measured, beside those shown (default: enough, within a minute)",
                                 within(16, 20_000))  # fmt: skip
    layer: str | None = option(None, "features, forget: name of the layer; a wrong one lists them")
    maps: int = option(6, "features: feature maps shown", within(1, 64))
    object: str = option("eyes", "forget: what", choices=("eyes", "mouth", "fringe"))
    box: tuple[str, ...] | None = option(None, "forget: boxes around it instead, x,y,width,height in pixels of every "
                                               "face, or SEED:x,y,width,height of one")  # fmt: skip
    share: float = option(0.25, "forget: share of the layer's maps that is dropped", within(0.001, 1))
    output: Path | None = option(None, "FILE.png; of a walk FILE.gif, .webp or .mp4 (default: named like the command)")
    cache: Path = option(Path("data/cache"), "folder for the decoded pictures")


class Networks:
    """A run's networks, opened when they are asked for, and its training faces."""

    def __init__(self, options):
        from animefaces import runs
        from models import saved

        self.options, self._load = options, saved.load
        self.generator, self.path = runs.open_generator(options.run, saved.load)
        self.dimensions, self.shape = self.generator.input_shape[1], self.generator.output_shape[1:]

    def draw(self, z, label="drawing"):
        """z (N, D) -> uint8 (N, H, W, C), with a bar."""
        import numpy as np

        return np.concatenate(list(self.batches(z, label)))

    def batches(self, z, label):
        """z (N, D) -> uint8 (n, H, W, C) of a few faces at a time, with a bar."""
        from tqdm import tqdm

        from animefaces.images import to_pixels
        from models import saved

        with tqdm(total=len(z), desc=label, unit="face", disable=None) as bar:
            for i in range(0, len(z), AT_ONCE):
                yield to_pixels(saved.draw(self.generator, z[i : i + AT_ONCE]))
                bar.update(min(AT_ONCE, len(z) - i))

    def chosen(self):
        """The faces asked for -> (their seeds or places in --latents, z (N, D))."""
        from animefaces import latents

        options = self.options
        if options.latents:
            z = latents.read(options.latents, self.dimensions)
            return range(len(z)), z
        count = options.count or COUNTS[options.what]
        seeds = latents.parse_seeds(options.seeds) if options.seeds else range(options.seed, options.seed + count)
        if len(seeds) > 400:
            raise Misuse(f"{len(seeds):,} faces are too many: give up to 400")
        return seeds, latents.from_seeds(seeds, self.dimensions)

    def fresh(self, count, first):
        """`count` latents of seeds far from those that people choose, those of --seed apart: a function of both."""
        from animefaces import latents

        return latents.from_seeds(range(first + self.options.seed, first + self.options.seed + count), self.dimensions)

    def discriminator(self):
        """The run's discriminator. Raises Problem if it has none."""
        from animefaces import runs

        return runs.open_discriminator(self.path, self._load)

    def faces(self):
        """The training faces, at the generator's size."""
        from animefaces import runs
        from animefaces.dataset import open_faces

        height, width, channels = self.shape
        if height != width:
            raise Problem(f"{self.path} draws {width}x{height}, which no set of faces has: name another --run")
        paths = self.options.data or runs.data_of(self.path)
        return open_faces(paths, height, channels, self.options.cache)

    def report(self, pixels, **notes):
        """Write the picture, and say where it is."""
        from animefaces import images

        output = self.options.output or Path(OUTPUTS[self.options.what])
        images.save(output, pixels, run=self.path.parent.name or self.path.name, **notes)
        print(f"{output}: {pixels.shape[1]}x{pixels.shape[0]} pixels")


def walk(networks):
    """A film of closed walks, each at constant visible speed."""
    import numpy as np

    from animefaces import images, latents, sheets

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
    output = options.output or Path(OUTPUTS["walk"])
    images.save_film(output, frames, seconds=0.04)
    print(f"{output}: {count} frames, {count / 25:.1f} seconds, and over again")


def arithmetic(networks):
    """Means of z added and taken away, as in the DCGAN paper's figure; or the grid to choose seeds from."""
    import numpy as np

    from animefaces import latents, sheets

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


def attributes(networks):
    """Directions that change one attribute each, and what they change besides; kept beside the generator."""
    import numpy as np

    from animefaces import directions, plots, sheets
    from animefaces.attributes import measure

    def measured(z, label):
        parts = [measure(pixels) for pixels in networks.batches(np.asarray(z, np.float32), label)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    _, shown = networks.chosen()
    z = networks.fresh(networks.options.samples or SAMPLES["attributes"], 1_000_000)
    values = measured(z, "measuring")
    names, values = list(values), np.stack(list(values.values()), axis=1)
    rows, explained = directions.of_attributes(z, values)
    checked, spread = networks.fresh(48, 2_000_000), np.maximum(values.std(axis=0), 1e-9)
    stacked = np.concatenate([checked + sign * row for row in rows for sign in (1, -1)])
    matrix = directions.effects(measured(stacked, "checking"), names, len(checked), spread)
    works = directions.that_work(matrix)
    print_matrix(names, matrix, explained, works)
    others = found(networks, z[:512])
    kept = [name for name, good in zip(names, works, strict=True) if good]
    rows = np.concatenate([rows[works], *others.values()])
    every = kept + [f"{kind}-{i + 1}" for kind, some in others.items() for i in range(len(some))]
    limits = reach(networks, rows)
    directions.save(directions.beside(networks.path), every, rows, limits)
    strips = [
        networks.draw((shown[:, None] + np.outer(STRENGTHS, row)).reshape(-1, networks.dimensions)) for row in rows
    ]
    words = [f"{name}\nto {limit:g}" for name, limit in zip(every, limits, strict=True)]
    lines = [(word, with_gaps(strip, len(STRENGTHS))) for word, strip in zip(words, strips, strict=True)]
    heads = [f"{s:+d}" if s else "0" for s in STRENGTHS]
    networks.report(sheets.rows(lines, ([*heads, ""] * len(shown))[:-1]))
    output = networks.options.output or Path(OUTPUTS["attributes"])
    plots.matrix(output.with_name(f"{output.stem}-matrix.png"), names, matrix)
    print(f'{directions.beside(networks.path)}: {len(every)} directions, for generate.py --edit "{every[0]}=+2"')


def with_gaps(strip, count):
    """Pictures -> a list of them with None after each `count`, but for the last."""
    parts = [[*strip[i : i + count], None] for i in range(0, len(strip), count)]
    return [picture for part in parts for picture in part][:-1]


def print_matrix(names, matrix, explained, works):
    """The matrix in words: one line per direction."""
    print("one step along a direction changes, in spreads of the attribute, over 48 fresh faces:\n")
    print(f"{'direction':<20}{'itself':>8}{'most of the others':>28}{'linear part':>14}")
    for i, name in enumerate(names):
        others = abs(matrix[i]).copy()
        others[i] = 0
        most = f"{names[others.argmax()]} {matrix[i, others.argmax()]:+.2f}" if len(names) > 1 else ""
        note = "" if works[i] else "   left out: it does not do what it says, or not that alone"
        print(f"{name:<20}{matrix[i, i]:>8.2f}{most:>28}{explained[i]:>13.0%}{note}")
    print()


def found(networks, z):
    """Directions found without looking: of the first linear map, and of a layer in the middle."""
    from animefaces import directions
    from models import inside

    generator, kinds = networks.generator, {}
    kernel = inside.first_kernel(generator)
    if kernel is not None:
        kinds["singular"] = directions.singular(kernel, min(FOUND, *kernel.shape))
    cuts = inside.cuts(generator)
    if cuts:
        layer = next((n for n in cuts if generator.get_layer(n).output.shape[1] >= 8), cuts[-1])
        seen = inside.apply(inside.pooled(generator, layer), z)
        kinds["principal"] = directions.principal(z, seen, min(FOUND, *seen.shape, networks.dimensions))
    return kinds


def reach(networks, rows):
    """Directions (K, D) -> the strength (K,) up to which faces still look right, 3 if there is no discriminator.

    Right: D's median logit, both ways, is no lower than that of one unchanged face in six.
    """
    import numpy as np

    from animefaces.images import to_network
    from models import inside

    limits = np.full(len(rows), 3.0)
    try:
        judge = networks.discriminator()
    except Problem:
        return limits
    z, tried = networks.fresh(12, 3_000_000), (2, 3)
    usual = inside.apply(judge, to_network(networks.draw(networks.fresh(96, 4_000_000), "judging")))
    moved = np.concatenate([z + sign * strength * row for row in rows for strength in tried for sign in (1, -1)])
    logits = inside.apply(judge, to_network(networks.draw(moved.astype(np.float32), "judging")))
    medians = np.median(logits.reshape(len(rows), len(tried), 2, len(z)), axis=3).min(axis=2)
    for i, good in enumerate(medians >= np.percentile(usual, 16)):
        limits[i] = next((s for s, right in zip((3, 2), good[::-1], strict=True) if right), 1)
    return limits


def features(networks):
    """For a discriminator's layer, the faces its maps answer to most and what in them; beside it, before training."""
    import numpy as np

    from animefaces import sheets
    from models import inside

    options, judge, faces = networks.options, networks.discriminator(), networks.faces()
    layer = choose_layer(inside.feature_layers(judge), options.layer, default=-1)
    order = np.random.default_rng(options.seed).permutation(len(faces))[: options.samples or SAMPLES["features"]]
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


def choose_layer(names, asked, default):
    """The layer that --layer names, or the default one. Raises Misuse."""
    if not names:
        raise Problem("this network has no layers with feature maps: name another --run")
    if asked is None:
        return names[default] if isinstance(default, int) else default
    if asked not in names:
        raise Misuse(f"there is no layer {asked}: choose among {', '.join(names)}")
    return asked


def strongest(network, layer, faces, order, label):
    """The strongest answer of each map to each face, and where: two (N, C)."""
    import numpy as np
    from tqdm import tqdm

    from animefaces.images import to_network
    from models import inside

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
    import numpy as np

    from animefaces import sheets
    from animefaces.images import to_network
    from models import inside

    pixels = faces[order[best]]
    maps = np.full(len(best), chosen)
    gradients = inside.gradients_at(inside.guided(network, layer), to_network(pixels), maps, places[best, chosen])
    return sheets.boxed(pixels, sheets.focus(gradients)), sheets.from_gradients(gradients)


def forget(networks):
    """The maps of a generator's layer that draw an object, dropped; the same faces before and after."""
    from animefaces import forgetting, latents, sheets
    from animefaces.images import to_pixels
    from models import inside

    options, (height, width, _) = networks.options, networks.shape
    seeds, z = networks.chosen()
    layer = choose_layer(inside.cuts(networks.generator), options.layer, inside.middle(networks.generator, height // 4))
    boxes = forgetting.parse_boxes(options.box) if options.box else forgetting.boxes_of(options.object, height, width)
    learned = [seed for seed, _ in boxes if seed is not None] or range(options.samples or SAMPLES["forget"])
    lower, upper = inside.split(networks.generator, layer)
    maps = inside.apply(lower, latents.from_seeds(learned, networks.dimensions))
    marked = forgetting.inside(boxes, learned, maps.shape[1:3], (height, width))
    found = forgetting.Detector(maps, marked, options.seed)
    chosen = found.strongest(options.share)
    ours = inside.apply(lower, z)
    drawn = [to_pixels(inside.apply(upper, x)) for x in (ours, found.without(ours, chosen), found.hidden(ours))]
    print(f"layer      {layer}, {maps.shape[1]}x{maps.shape[2]}, {maps.shape[3]} maps; {len(chosen)} dropped")
    print(f"regression right at {found.accuracy:.0%} of the places inside and outside the boxes")
    shown = forgetting.inside([(None, box) for _, box in boxes], seeds, (height, width), (height, width))
    words = ("as it draws", "maps dropped", "where it is found")
    for name, after in zip(words[1:], drawn[1:], strict=True):
        change, elsewhere = forgetting.losses(drawn[0], after, shown)
        print(f"{name:<18} changes a value by {change:.1f} of 255 inside the boxes, by {elsewhere:.1f} elsewhere")
    networks.report(sheets.rows(list(zip(words, map(list, drawn), strict=True)), [str(s) for s in seeds]), layer=layer)


def neighbours(networks):
    """Nearest training faces of generated ones, the most alike among a thousand, and hair colours never drawn."""
    import numpy as np

    from animefaces import metrics, sheets
    from animefaces.images import to_network
    from models import inside

    options, faces, judge = networks.options, networks.faces(), networks.discriminator()
    seen = inside.pooled(judge, choose_layer(inside.feature_layers(judge), None, -1))
    order = np.random.default_rng(options.seed).permutation(len(faces))
    count, shown = min(options.samples or SAMPLES["neighbours"], len(faces)), options.count or COUNTS["neighbours"]
    if count < 2:
        raise Problem(f"{len(faces)} training face has no neighbours: give more with --data")
    drawn = networks.draw(networks.fresh(max(count, shown), 0))
    real = faces[order[:count]]
    rows = [inside.apply(seen, to_network(pixels)) for pixels in (drawn, real)]
    near = closest(faces, drawn[:shown], rows[0][:shown], lambda pixels: inside.apply(seen, to_network(pixels)))
    pairs = []
    for words, pixels, own in (("drawn", drawn, rows[0]), ("real", real, rows[1])):
        indices, distances = metrics.nearest(own[:count], own[:count], others=True)
        i = int(distances.argmin())
        pairs += [pixels[i], pixels[indices[i]], None]
        print(f"most alike of {count:,} {words:<6} faces: distance {distances[i]:.3g}; median to the nearest "
              f"{np.median(distances):.3g}")  # fmt: skip
    lines = [("drawn", list(drawn[:shown]))]
    lines += [
        (word, [faces[[k]][0] for k in near[:, j]])
        for j, word in enumerate(("nearest", "second", "third")[: near.shape[1]])
    ]
    networks.report(sheets.rows([*lines, ("most alike:\ndrawn, real", pairs[:-1])]))
    if faces.shape[-1] == 3:
        print_hair(faces, order, drawn)


def closest(faces, drawn, rows, features):
    """The three training faces (N, 3) most like each drawn one: 60 by small pictures, of these three by features."""
    import numpy as np
    from tqdm import tqdm

    from animefaces import metrics

    small, distances = metrics.thumbnails(drawn), []
    for i in tqdm(range(0, len(faces), 10 * AT_ONCE), desc="searching", unit="batch", disable=None):
        part = metrics.thumbnails(faces[np.arange(i, min(i + 10 * AT_ONCE, len(faces)))])
        distances.append(np.linalg.norm(small[:, None] - part[None], axis=2))
    likely = np.argsort(np.concatenate(distances, axis=1), axis=1, kind="stable")[:, :60]
    near = []
    for row, candidates in zip(rows, likely, strict=True):
        apart = np.linalg.norm(features(faces[candidates]) - row, axis=1)
        near.append(candidates[np.argsort(apart, kind="stable")[:3]])
    return np.stack(near)


def print_hair(faces, order, drawn):
    """Shares of hair colours in training faces and in drawn ones, and how far they overlap."""
    import numpy as np

    from animefaces import attributes as measures

    def shares(pixels):
        names = measures.colour_names(measures.hair_colour(measures.to_lab(pixels)))
        return np.bincount(names, minlength=len(measures.COLOURS)) / len(names)

    half = min(len(order) // 2, len(drawn))
    one, two, ours = shares(faces[order[:half]]), shares(faces[order[half : 2 * half]]), shares(drawn)
    print(f"\n{'hair':<10}{'training':>10}{'drawn':>10}")
    for name, known, new in zip(measures.COLOURS, (one + two) / 2, ours, strict=True):
        print(f"{name:<10}{known:>10.1%}{new:>10.1%}")
    print(f"overlap with {half:,} training faces: drawn {measures.coverage(one, ours):.1%}, "
          f"other training faces {measures.coverage(one, two):.1%}")  # fmt: skip


COMMANDS = {"walk": walk, "arithmetic": arithmetic, "attributes": attributes, "features": features, "forget": forget,
            "neighbours": neighbours}  # fmt: skip


def explore(options, given):
    """Do what was asked for."""
    unfit = sorted(given - USES[options.what] - {"what", "run", "output"})
    if unfit:
        raise Misuse(f"--{unfit[0]} says nothing to {options.what}: leave it out")
    if sum(bool(given & kind) for kind in ({"count"}, {"seeds"}, {"latents"})) > 1:
        raise Misuse("--count, --seeds and --latents exclude each other: give one of them")
    endings = FILMS if options.what == "walk" else (".png",)
    if options.output and options.output.suffix.lower() not in endings:
        raise Misuse(f"--output {options.output} will not do: name a FILE{' or FILE'.join(endings)}")
    COMMANDS[options.what](Networks(options))


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, explore, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
