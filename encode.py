"""Turn photos of people into their anime faces.

    python encode.py photo.jpg                          # a card: the photo's face and its anime face
    python encode.py *.jpg --variants 4 --output card.png
    python encode.py photos/ --output faces/            # a folder: one file per face, and latents.npz
    python encode.py photo.jpg --hair blue --glasses no # a look that you ask for, instead of the photo's
    python encode.py photo.jpg --into-photo --paint     # the drawn heads in the photo, the rest painted
    python encode.py photo.jpg --sticker                # the drawn head alone, on transparency
    python encode.py photo.jpg --encoder learned        # another way: a network that finds the z of a photo
    python encode.py crop.png --no-detect               # the picture is a tight crop of a face already

A reader, which is a network, says what anybody can see in the photo: black hair, glasses, a smile and so on. The anime
face is one that shows the same. A photo may show several people: they are numbered from left to right.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animefaces.commands import run_script
from animefaces.options import option, within
from animefaces.problems import Misuse, Problem
from animefaces.words import visible
from drawing.choosing import ASKABLE, LOOKS, NETWORK, asked_looks, look_option, scale_for, scale_option, upscaler_option
from drawing.outputs import FOLDER, chosen_output, output_option

if TYPE_CHECKING:
    from drawing.people import PhotoFace
    from drawing.pictures import Drawn

SHOWN = "how they are shown"  # a heading of --help
MAX_ROWS = 100  # faces on one card
REFINE = 4  # steps: more make it more like the photo, and less like a drawing (docs/research/encode.md)
KINDS = {".png": "file", FOLDER: "folder"}
PHOTOS = {".png": "file", ".jpg": "file", ".jpeg": "file", FOLDER: "folder"}


@dataclass(frozen=True)
class Options:
    """Whose face to draw, what it should look like, with what, and where to."""

    photos: tuple[Path, ...] = option(
        (), "pictures of people, and folders and zips of them; any format and size", positional=True
    )
    detect: bool = option(True, "look for faces on the photos; with --no-detect the centre square of each picture is "
                          "taken as a tight crop of a face", group="the photos")  # fmt: skip
    encoder: str = option("looks", "looks: a face with the looks of the photo; learned: the z that a network finds, "
                          "which was trained on photos for this generator; vae: the z of the dense VAE, which is older",
                          choices=("looks", "learned", "vae"), group=NETWORK)  # fmt: skip
    run: Path | None = option(None, "run folder, or a .keras file in it (default: the newest run that encode.py has "
                              "used before; with --encoder learned or vae, the newest run that holds such an encoder; "
                              "else the shipped weights)", group=NETWORK)  # fmt: skip
    reader: Path | None = option(None, "reader of photos, a .keras file or a run of train.py reader (default: the "
                                 "shipped one)", group=NETWORK)  # fmt: skip
    variants: int = option(
        0, "number of variants: further faces for each face on a photo", within(0, 20), group="the faces"
    )
    refine: int | None = option(None, "with --encoder learned: number of refinement steps, which make the face more "
                                f"like the photo (default: {REFINE})", within(0, 10_000),
                                group="the faces")  # fmt: skip
    seed: int = option(0, "seed of the variants", within(0, 2**31 - 1), group="the faces")
    hair: str | None = look_option("hair")
    length: str | None = look_option("length")
    fringe: str | None = look_option("fringe")
    sex: str | None = look_option("sex")
    glasses: str | None = look_option("glasses")
    beard: str | None = look_option("beard")
    mouth: str | None = look_option("mouth")
    smile: str | None = look_option("smile")
    turn: str | None = look_option("turn")
    skin: str | None = look_option("skin")
    age: str | None = look_option("age")
    json: bool = option(False, "print nothing but what was read and drawn, as JSON, one line for each face; everything "
                        "else goes to stderr", group=LOOKS)  # fmt: skip
    into_photo: bool = option(False, "put each drawn head back into the photo, where the person's head is", group=SHOWN)
    paint: bool = option(False, "with --into-photo: the rest of the photo as if it were painted", group=SHOWN)
    sticker: bool = option(False, "the drawn head alone on transparency, 512 pixels, with a white rim", group=SHOWN)
    scale: int | None = scale_option()
    upscaler: Path | None = upscaler_option()
    output: str = output_option("anime.png", "FILE.png: a card with photo, face and variants; FOLDER/: one PNG file "
                                "per face, and latents.npz; with --into-photo: FILE.png or FILE.jpg, the photo; "
                                "FOLDER/: one JPEG per photo", "where they go")  # fmt: skip


def encode(options: Options, given: set[str]) -> None:
    """Draw the anime faces of the people on the photos."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        draw(options, given, out)


def draw(options: Options, given: set[str], out: Any) -> None:
    """As `encode`. JSON goes to `out`, if it is asked for."""
    path, kind = chosen_output(options.output, given, PHOTOS if options.into_photo else KINDS)
    validate(options, kind)
    way = Looks(options, given) if options.encoder == "looks" else Codes(options, given)
    from drawing import opening, photos, pictures
    from drawing.enlarging import Enlarger
    from drawing.people import find_people

    if way.generator.shape[-1] != 3 and (options.into_photo or options.sticker):
        raise Misuse(f"{way.generator.name} draws in grey: leave out --into-photo and --sticker, or name another --run")
    opening.told(way.generator)
    find = photos.open_photo_detector() if options.detect else None
    card = kind == "file" and not (options.into_photo or options.sticker)
    people = find_people(options.photos, way, find, card, path)
    single = len({face.photo for face in people} if options.into_photo else people) == 1
    if kind == "file" and not single and not card:
        raise Problem(f"{len(people)} faces do not fit into {path.name}: name a folder with --output faces/")
    if card and len(people) > MAX_ROWS:
        raise Problem(f"{len(people)} faces are too many for one picture: write one file per face with --output faces/")
    parts = told(way.drawn(people), out if options.json else None)
    enlarge = Enlarger(scale_for(way.generator.shape[0], options.scale), options.upscaler)
    if options.into_photo:
        pictures.write_photos(path, parts, pictures.Cutter(enlarge), options.paint, kind == "folder")
    elif kind == "folder":
        make = pictures.Stickers(pictures.Cutter(enlarge)) if options.sticker else enlarge
        pictures.write_folder(path, parts, way.notes, people, way.generator.mark, make)
    elif options.sticker:
        pictures.write_sticker(path, parts, way.notes, pictures.Cutter(enlarge))
    else:
        pictures.write_card(path, parts, way.notes, enlarge)


def validate(options: Options, kind: str) -> None:
    """Raise Misuse for options that do not fit together. `kind`: "file" or "folder"."""
    if options.into_photo and options.sticker:
        raise Misuse("--into-photo and --sticker exclude each other: give one of them")
    if options.paint and not options.into_photo:
        raise Misuse("--paint is for photos with drawn heads: add --into-photo, or leave it out")
    chosen = "--into-photo" if options.into_photo else "--sticker" if options.sticker else ""
    if options.variants and (options.into_photo or (options.sticker and kind == "file")):
        raise Misuse(f"{chosen} shows one face of each person: leave out --variants")
    if options.scale and chosen:
        raise Misuse(f"{chosen} has a size of its own: leave out --scale")
    if options.scale and kind == "file":
        raise Misuse("--scale is for files of single faces: add --output faces/, or leave it out")
    if not options.photos:
        raise Misuse("there is no photo: name one or more, python encode.py photo.jpg")


class Looks:
    """Faces that are drawn with the looks of the photos."""

    def __init__(self, options: Options, given: set[str]):
        if options.refine:
            raise Misuse("--refine is for the learned encoder only: leave it out, or add --encoder learned")
        self.asked = asked_looks(options)
        from drawing import photos, portraits, reading

        self.reader = reading.open_reader(options.reader or reading.OF_PHOTOS)
        self.critic = reading.open_reader(reading.OF_DRAWINGS)
        self.generator = portraits.find_generator(options.run)
        self.portraits = portraits.open_portraits(self.generator)
        self.options, self.frame = options, photos.LOOSE
        self.size, self.channels = self.reader.size, self.reader.channels
        self.notes = {"encoder": options.encoder, "run": self.generator.name}

    def drawn(self, people: list["PhotoFace"]) -> Iterator["Drawn"]:
        """Draw them -> some dozen faces at a time, so that they can be written before the next ones are made."""
        from drawing import portraits
        from drawing.networks import ROWS
        from drawing.pictures import Drawn

        for start in range(0, len(people), ROWS):
            some = people[start : start + ROWS]
            yield Drawn(some, *portraits.drawn(self.portraits, self.reader, self.critic, [p.small for p in some],
                                               self.asked, self.options.variants, self.options.seed))  # fmt: skip


class Codes:
    """Faces that are drawn from the z that an encoder finds."""

    def __init__(self, options: Options, given: set[str]):
        if options.refine and options.encoder == "vae":
            raise Misuse("--refine is for the learned encoder only: leave out --refine or --encoder vae")
        for name in ("reader", "json", *ASKABLE):
            if name in given:
                raise Misuse(f"--{name} is for faces that are drawn by their looks: leave out --encoder "
                             f"{options.encoder}, or --{name}")  # fmt: skip
        from drawing import opening, photos

        self.steps = options.refine if options.refine is not None else REFINE * (options.encoder == "learned")
        self.encoder, self.generator = opening.open_encoder(options.encoder, options.run)
        self.options, self.frame = options, photos.TIGHT
        self.size, self.channels = self.encoder.input_shape[2:]
        self.notes = {"encoder": options.encoder, "run": self.generator.name, "refine": self.steps}

    def drawn(self, people: list["PhotoFace"]) -> Iterator["Drawn"]:
        """Encode and draw them -> some dozen faces at a time, so that they can be written before the next are made."""
        import numpy as np

        from drawing import encoding, opening
        from drawing.networks import ROWS
        from drawing.pictures import Drawn

        generator, crops = self.generator, np.stack([person.small for person in people])
        mean, deviation = encoding.posteriors(self.encoder, crops)
        means = iter(np.split(mean, range(ROWS, len(mean), ROWS)))
        if self.steps:
            moments = opening.read_moments(generator.file.parent)
            means = encoding.refined(generator, moments, crops, mean, self.steps)
        for start, part in zip(range(0, len(people), ROWS), means, strict=True):
            variants, seed = self.options.variants, self.options.seed
            z = encoding.with_variants(part, deviation[start : start + ROWS], variants, seed)
            pixels = generator.draw(z.reshape(-1, generator.latent)).reshape(*z.shape[:2], *generator.shape)
            yield Drawn(people[start : start + ROWS], z, pixels, [])


def told(parts: Iterator["Drawn"], out: Any) -> Iterator["Drawn"]:
    """The parts, as they come. What was read and drawn is printed in sentences, or to `out` as JSON."""
    from animefaces import looks

    for part in parts:
        for face, facts in zip(part.people, part.told, strict=False):
            if out:
                print(json.dumps({"face": face.name, **facts}), file=out, flush=True)
            else:
                missed = f", without {', '.join(facts['missed'])}" if facts["missed"] else ""
                kept_looks = f"drawn {facts['of'] - len(facts['missed'])} of {facts['of']}{missed}"
                print(f"{visible(face.name)}: {looks.sentence(facts['photo'])}: {kept_looks}")
        yield part


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, encode, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
