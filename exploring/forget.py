"""A generator that no longer draws an object."""

from animefaces import forgetting, latents, sheets
from animefaces.images import to_pixels
from exploring.networks import choose_layer
from models import inside

SAMPLES = 96  # faces that the regression learns from


def forget(networks):
    """The maps of a generator's layer that draw an object, dropped; the same faces before and after."""
    options, (height, width, _) = networks.options, networks.shape
    seeds, z = networks.chosen()
    layer = choose_layer(inside.cuts(networks.generator), options.layer, inside.middle(networks.generator, height // 4))
    boxes = forgetting.parse_boxes(options.box) if options.box else forgetting.boxes_of(options.object, height, width)
    learned = [seed for seed, _ in boxes if seed is not None] or range(options.samples or SAMPLES)
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
