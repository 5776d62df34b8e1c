"""What the views of explore.py share: options, latents to measure, training faces, layers, and sheets to write.

This module is read by --help, so it imports nothing heavy before it is used.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from animefaces.files import check_input
from animefaces.options import at_least, option
from animefaces.problems import Misuse, Problem
from drawing.outputs import PNG, chosen_output, output_option

DATA, SHEET = "training faces", "the sheet"  # headings of --help


def data_option() -> Any:
    """--data: the training faces."""
    text = "the training faces (default: those that the run was trained on; needed with the shipped weights)"
    return option(None, text, group=DATA)


def cache_option() -> Any:
    """--cache: where they are kept decoded."""
    return option(Path("data/cache"), "folder for the decoded pictures", group=DATA)


def layer_option() -> Any:
    """--layer: which layer of a network."""
    return option(
        None, "number of the layer, counted from the input (default: the program chooses one); a number that is too "
        "high lists all layers", at_least(1), group=SHEET
    )  # fmt: skip


def sheet_option(name: str) -> Any:
    """--output: the picture that the view writes."""
    return output_option(name, "FILE.png", SHEET)


def sheet_path(output: str, given: set[str], *beside: str) -> Path:
    """The text of --output -> the path of the sheet, as drawing.outputs chooses it. Raises Misuse."""
    return chosen_output(output, given, PNG, beside)[0]


def save_sheet(path: Path, pixels: Any, generator: Any, **notes: Any) -> None:
    """Write a sheet, uint8 (H, W, C), with the run and the `notes` in it, and say where it is."""
    from animefaces import images

    images.save(path, pixels, run=generator.name, **notes)
    print(f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels")


def fresh(generator: Any, count: int, first: int) -> Any:
    """z (count, latent) of seeds from `first` on, which lies far from the seeds that people choose."""
    from animefaces import latents

    return latents.from_seeds(range(first, first + count), generator.latent)


def training_faces(generator: Any, data: tuple[Path, ...] | None, cache: Path) -> Any:
    """The training faces at the generator's size; `data`: what --data says, or None. Raises Problem."""
    from animefaces import runs
    from animefaces.dataset import open_faces

    height, width, channels = generator.shape
    if height != width:
        raise Problem(f"{generator.file} draws {width}x{height}, and training faces are square: name another --run")
    for path in data or ():
        check_input(path, "--data")
    return open_faces(data or runs.data_of(generator.file), height, channels, cache)


def as_judged(generator: Any) -> Callable[[Any], Any]:
    """A generator -> a function: pixels, uint8 (B, H, W, C), -> float32 in [-1, 1], as its discriminator saw them.

    With --coarse-chroma or --coarse-luma it was trained on blurred colour or brightness. Raises Problem.
    """
    import numpy as np

    from animefaces import runs
    from animefaces.images import to_network
    from models import augment

    run = generator.file.parent
    record = runs.read_record(run) if (run / "options.json").exists() else None
    options = record["options"] if record else {}
    blurred = [bool(options.get(name)) for name in ("coarse_chroma", "coarse_luma")]
    return lambda pixels: np.asarray(augment.coarse(to_network(pixels), *blurred))


def choose_layer(network: Any, names: list[str], asked: int | None, default: str | None) -> tuple[str, str]:
    """A network, names of layers of it, and the number that --layer gives -> (name of a layer, words about it).

    Without --layer it is the layer `default`. Keras numbers the names of layers in each program anew, so for people a
    layer is its place among the `names` and the size of its maps. Raises Misuse and Problem.
    """
    if not names:
        raise Problem("this network has no layers with feature maps: name another --run")
    sizes = ["{1}x{2}, {3} maps".format(*network.get_layer(name).output.shape) for name in names]
    if asked is not None and asked > len(names):
        listed = "; ".join(f"{number}: {size}" for number, size in enumerate(sizes, 1))
        raise Misuse(f"--layer {asked} will not do: give a number from 1 to {len(names)} ({listed})")
    place = asked - 1 if asked is not None else names.index(default or names[0])
    return names[place], f"{place + 1} of {len(names)}, {sizes[place]}"
