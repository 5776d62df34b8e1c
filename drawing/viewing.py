"""What the views of explore.py share: options, latents to measure, training faces, layers, and sheets to write.

This module is read by --help, so it imports nothing heavy before it is used.
"""

from pathlib import Path
from typing import Any

from animefaces.options import option
from animefaces.problems import Misuse, Problem

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
        None, "name of the layer (default: the program chooses one); an unknown name lists all layers", group=SHEET
    )


def sheet_option(name: str) -> Any:
    """--output: the picture that the view writes."""
    return option(Path(name), "FILE.png", group=SHEET)


def check_png(path: Path) -> None:
    """Raise Misuse if the sheet is to be another file than a PNG."""
    if path.suffix.lower() != ".png":
        raise Misuse(f"--output {path} will not do: name a FILE.png")


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
    return open_faces(data or runs.data_of(generator.file), height, channels, cache)


def choose_layer(names: list[str], asked: str | None, default: int | str | None) -> Any:
    """The layer that --layer names, or the default one: a place in `names`, or a name. Raises Misuse and Problem."""
    if not names:
        raise Problem("this network has no layers with feature maps: name another --run")
    if asked is None:
        return names[default] if isinstance(default, int) else default
    if asked not in names:
        raise Misuse(f"there is no layer {asked}: choose among {', '.join(names)}")
    return asked
