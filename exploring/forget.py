"""A generator that no longer draws an object: the feature maps that draw it are dropped."""

from dataclasses import dataclass
from pathlib import Path

from animefaces.options import option, within
from drawing.choosing import (
    Chosen,
    alone,
    count_option,
    latents_option,
    run_option,
    samples_option,
    seed_option,
    seeds_option,
)
from drawing.viewing import choose_layer, layer_option, save_sheet, sheet_option, sheet_path

OBJECT = "what it forgets"


@dataclass(frozen=True)
class Options:
    """What to forget, and on which faces to show it."""

    run: Path | None = run_option()
    count: int = count_option(10)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    samples: int = samples_option(96, "faces from which the regression learns where the object is")
    object: str = option("eyes", "what the generator forgets", choices=("eyes", "mouth", "fringe"), group=OBJECT)
    box: tuple[str, ...] | None = option(None, "boxes around another object instead: x,y,width,height in pixels for "
                                         "all faces, or SEED:x,y,width,height for one face", group=OBJECT)  # fmt: skip
    share: float = option(0.25, "share of the layer's feature maps that is dropped", within(0.001, 1), group=OBJECT)
    layer: int | None = layer_option()
    output: str = sheet_option("forget.png")


def show(options: Options, given: set[str]) -> None:
    """Write a sheet of the same faces before and after."""
    alone(given, ("count",), ("seeds",), ("latents",))
    output = sheet_path(options.output, given)
    from animefaces import forgetting, latents, sheets
    from animefaces.images import to_pixels
    from drawing.opening import open_generator, told
    from models import inside
    from models.batches import in_batches

    generator = open_generator(options.run, options.latents)
    chosen, (height, width, _) = Chosen(options, generator.latent), generator.shape
    seeds, network = chosen.places, generator.network.keras
    layer, words = choose_layer(network, inside.cuts(network), options.layer, inside.middle(network, height // 4))
    boxes = forgetting.parse_boxes(options.box) if options.box else forgetting.boxes_of(options.object, height, width)
    learned = [seed for seed, _ in boxes if seed is not None] or range(options.samples)
    told(generator)
    lower, upper = inside.split(network, layer)
    maps = in_batches(lower, latents.from_seeds(learned, generator.latent))
    marked = forgetting.inside(boxes, learned, maps.shape[1:3], (height, width))
    found = forgetting.Detector(maps, marked, options.seed)
    dropped = found.strongest(options.share)
    ours = in_batches(lower, chosen.z())
    drawn = [to_pixels(in_batches(upper, x)) for x in (ours, found.without(ours, dropped), found.hidden(ours))]
    print(f"layer      {words}; {len(dropped)} dropped")
    print(f"regression right at {found.accuracy:.0%} of the places inside and outside the boxes")
    shown = forgetting.inside([(None, box) for _, box in boxes], seeds, (height, width), (height, width))
    labels = ("as it draws", "maps dropped", "where it is found")
    for name, after in zip(labels[1:], drawn[1:], strict=True):
        change, elsewhere = forgetting.losses(drawn[0], after, shown)
        print(f"{name:<18} changes a value by {change:.1f} of 255 inside the boxes, by {elsewhere:.1f} elsewhere")
    rows = list(zip(labels, map(list, drawn), strict=True))
    save_sheet(output, sheets.rows(rows, [str(seed) for seed in seeds]), generator, layer=words)
