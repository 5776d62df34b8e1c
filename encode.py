"""Turn photos of people into their anime faces.

    python encode.py photo.jpg                          # anime.png: the photo's face and its anime face
    python encode.py *.jpg --variants 4 --output card.png
    python encode.py photos/*.jpg --output faces/       # a folder: one file per face, and latents.npz
    python encode.py photo.jpg --refine 0               # the encoder's guess as it is, a second sooner
    python encode.py photo.jpg --encoder vae            # the dense VAE: its code is just fed to the generator
    python encode.py crop.png --no-detect               # the picture is a tight crop of a face already

A photo may show several people: they are numbered from left to right.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from animefaces.commands import run_script
from animefaces.files import written_whole
from animefaces.options import option, within
from animefaces.problems import Misuse, Problem

MAX_ROWS = 100  # faces on one card
REFINE = 4  # steps: more make it more like the photo, and less like a drawing (docs/encode.md)
GAP = 16  # pixels between the faces of a card


@dataclass(frozen=True)
class Options:
    """Whose face to draw, with what, and where to."""

    photos: tuple[Path, ...] = option((), "pictures of people, any format and size", positional=True)
    encoder: str = option("learned", "made for this generator, or the dense VAE", choices=("learned", "vae"))
    run: Path | None = option(None, "run folder or .keras file in one (default: the newest run that holds "
                                    "such an encoder, else the shipped weights)")  # fmt: skip
    variants: int = option(0, "further faces that the photo could mean as well", within(0, 20))
    refine: int | None = option(None, "steps of search for a z whose face is more like the photo (default: "
                                      f"{REFINE}; of the VAE 0)", within(0, 10_000))  # fmt: skip
    seed: int = option(0, "of the variants", within(0, 2**31 - 1))
    detect: bool = option(True, "look for faces; --no-detect: the picture's centre square is a tight crop of a face")
    output: str = option("anime.png", "FILE.png: a card of photo, face and variants; DIR/: one PNG file per face")


class Face(NamedTuple):
    """A face that was found. `name` is unique."""

    name: str
    small: object  # uint8 (size, size, channels), as the encoder takes it
    large: object  # uint8 (4 * size, 4 * size, 3), or None where no card is drawn


def output_kind(text):
    """--output -> (path, "card" or "folder"). Raises Misuse for anything else."""
    path = Path(text)
    if text.endswith(("/", "\\")) or path.is_dir():
        return path, "folder"
    if path.suffix.lower() != ".png" or text.startswith("-"):
        raise Misuse(f"--output {text} will not do: name a FILE.png or a folder ending in /")
    return path, "card"


def load_network(path):
    """A .keras file -> its network. Imports Keras, which takes seconds, only here."""
    from models import saved

    return saved.load(path)


def encode(options, _):
    """Draw the anime faces of the people on the photos."""
    from animefaces import runs
    from drawing import photos

    path, kind = output_kind(options.output)
    if not options.photos:
        raise Misuse("there is no photo: name one or more, python encode.py photo.jpg")
    if options.refine and options.encoder == "vae":
        raise Misuse("--refine is for the learned encoder, which knows how photos and drawings compare: leave it out")
    steps = options.refine if options.refine is not None else REFINE * (options.encoder == "learned")
    options = replace(options, refine=steps)
    encoder, generator, file = runs.open_encoder(options.encoder, options.run, load_network)
    moments = runs.read_moments(file.parent) if options.refine else None
    find = photos.detector() if options.detect else None
    faces = find_faces(options.photos, encoder.input_shape[1:], find, kind == "card")
    if kind == "card" and len(faces) > MAX_ROWS:
        raise Problem(f"{len(faces)} faces are too many for one picture: --output faces/ writes one file per face")
    z = encoded(encoder, generator, moments, faces, options)
    notes = {"encoder": options.encoder, "run": file.parent.name, "refine": options.refine}
    {"card": write_card, "folder": write_folder}[kind](path, faces, draw(generator, z), z, notes)


def find_faces(paths, shape, find, large):
    """Photos -> a list of Face. Those without one are named on stderr; raises Problem if none has one."""
    from tqdm import tqdm

    from drawing import photos

    faces, names, reasons = [], set(), []
    with tqdm(paths, desc="looking", unit="photo", disable=None) as bar:
        for path in bar:
            try:
                crops = photos.crops(path, *shape[1:], find)
            except Problem as fault:
                reasons.append(str(fault))
                if len(paths) > 1:
                    bar.write(f"warning: {fault}", file=sys.stderr)
                continue
            if len(crops) > 1:
                bar.write(f"{path}: {len(crops)} faces, numbered from left to right")
            for number, (small, crop) in enumerate(crops, 1):
                name = unique(path.stem if number == 1 else f"{path.stem}_{number}", names)
                faces.append(Face(name, small, crop if large else None))
    if not faces:
        raise Problem(reasons[0] if len(paths) == 1 else f"none of {len(paths)} photos gave a face: see the warnings")
    if reasons:
        print(f"skipped {len(reasons)} of {len(paths)} photos")
    return faces


def unique(name, names):
    """A name that is not yet among `names`, to which it is added; two files may have the same."""
    number, result = 1, name
    while result.lower() in names:  # lower: to some file systems A.png is a.png
        number += 1
        result = f"{name}-{number}"
    names.add(result.lower())
    return result


def encoded(encoder, generator, moments, faces, options):
    """Faces -> z, float32 (N, 1 + variants, latent): first the likeliest one, refined, then draws around it."""
    import numpy as np
    from tqdm import tqdm

    from animefaces import latents
    from animefaces.images import to_network
    from models import saved
    from models.refine import refine

    crops, latent = to_network(np.stack([face.small for face in faces])), generator.input_shape[1]
    posterior = saved.draw(encoder, crops)
    mean, spread = posterior[:, :latent], np.exp(posterior[:, latent:] / 2)
    if options.refine:
        batches = -(-len(faces) // saved.ROWS)
        with tqdm(total=options.refine * batches, desc="refining", unit="step", disable=None) as bar:
            mean = refine(generator, moments, crops, mean, options.refine, bar.update)
    # The same deviations for every face: what a variant shows does not hang on the company.
    noise = latents.from_seeds(range(options.seed, options.seed + options.variants), latent)
    noise = np.concatenate([np.zeros((1, latent), np.float32), noise])
    z = mean[:, None] + spread[:, None] * noise
    if not np.isfinite(z).all():
        raise Problem("the encoder gives numbers that are not finite: train it again, or name another run")
    return z.astype(np.float32)


def draw(generator, z):
    """z (N, K, latent) -> uint8 (N, K, H, W, C)."""
    from animefaces.images import to_pixels
    from models import saved

    pixels = to_pixels(saved.draw(generator, z.reshape(-1, z.shape[-1])))
    return pixels.reshape(*z.shape[:2], *pixels.shape[1:])


def write_card(path, faces, drawn, z, notes):
    """One PNG: a row for each face with its photo, its anime face and the variants."""
    import numpy as np
    from PIL import Image

    from animefaces import images

    side, columns = len(faces[0].large), 1 + z.shape[1]
    sheet = np.full((GAP + len(faces) * (side + GAP), GAP + columns * (side + GAP), 3), 255, np.uint8)
    for row, (face, pictures) in enumerate(zip(faces, drawn, strict=True)):
        large = [images.to_image(p).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for p in pictures]
        for column, picture in enumerate([face.large, *large]):
            top, left = GAP + row * (side + GAP), GAP + column * (side + GAP)
            sheet[top : top + side, left : left + side] = picture
    images.save(path, sheet, faces=" ".join(face.name for face in faces), **notes)
    print(f"{path}: {len(faces)} faces")


def write_folder(folder, faces, drawn, z, notes):
    """NAME.png for each face, NAME_v1.png and so on for its variants, and latents.npz with a row for each."""
    import numpy as np

    from animefaces import images

    taken = {face.name.lower() for face in faces}
    rows = [[face.name, *(unique(f"{face.name}_v{k}", taken) for k in range(1, z.shape[1]))] for face in faces]
    names = [name for row in rows for name in row]
    for name, pixels in zip(names, drawn.reshape(-1, *drawn.shape[2:]), strict=True):
        images.save(folder / f"{name}.png", pixels, face=name, **notes)
    with written_whole(folder / "latents.npz") as temporary:
        np.savez(temporary, z=z.reshape(-1, z.shape[-1]), names=np.array(names))
    print(f"{folder}/: {len(faces)} faces and latents.npz")


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, encode, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
