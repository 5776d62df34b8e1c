"""Turn photos of people into their anime faces.

    python encode.py photo.jpg                          # a card: the photo's face and its anime face
    python encode.py *.jpg --variants 4 --output card.png
    python encode.py photos/ --output faces/            # a folder: one file per face, and latents.npz
    python encode.py photo.jpg --hair blue --glasses no # a look that you ask for, instead of the photo's
    python encode.py photo.jpg --encoder learned        # another way: a network that finds the z of a photo
    python encode.py crop.png --no-detect               # the picture is a tight crop of a face already

A reader, which is a network, says what anybody can see in the photo: black hair, glasses, a smile and so on. The anime
face is one that shows the same. A photo may show several people: they are numbered from left to right.
"""

import contextlib
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from animefaces.commands import run_script
from animefaces.options import option, within
from animefaces.problems import Misuse, Problem
from animefaces.words import counted, visible
from drawing.choosing import ASKABLE, LOOKS, NETWORK, asked_looks, look_option, scale_option
from drawing.outputs import FOLDER, chosen_output, kept, output_option

MAX_ROWS = 100  # faces on one card
REFINE = 4  # steps: more make it more like the photo, and less like a drawing (docs/research/encode.md)
SCALE = 4  # faces of a card are enlarged so many times, and then fitted to the photo
GAP = 16  # pixels between the faces of a card
LONGEST = 120  # bytes of a name: with "_v20-12.png" behind it, it fits into the 143 bytes of an encrypted folder
KINDS = {".png": "card", FOLDER: "folder"}
GIVE = "name photos, or folders and zips of them"
NO_FACE = "none was found: if it is a tight crop of a face, add --no-detect"


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
    scale: int = scale_option()
    output: str = output_option("anime.png", "FILE.png: a card with photo, face and variants; FOLDER/: one PNG file "
                                "per face, and latents.npz", "where they go")  # fmt: skip


class PhotoFace(NamedTuple):
    """A face that was found on a photo. `name` is unique."""

    name: str
    small: Any  # uint8 (size, size, channels), as the encoder takes it
    large: Any  # uint8 (4 * size, 4 * size, 3), or None where no card is drawn


class Drawn(NamedTuple):
    """Faces that were found, and what was drawn of them."""

    people: list[PhotoFace]
    z: Any  # float32 (n, 1 + variants, latent)
    pixels: Any  # uint8 (n, 1 + variants, H, W, C)
    told: list[dict[str, Any]]  # what was read and drawn, by name; empty if nothing was read
    finish: Any = None  # what was drawn onto the faces, a finishing.Finish with n * (1 + variants) rows, or None


def encode(options: Options, given: set[str]) -> None:
    """Draw the anime faces of the people on the photos."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        draw(options, given, out)


def draw(options: Options, given: set[str], out: Any) -> None:
    """As `encode`. JSON goes to `out`, if it is asked for."""
    path, kind = chosen_output(options.output, given, KINDS)
    if kind == "card" and options.scale > 1:
        raise Misuse("--scale is for files of single faces: add --output faces/, or leave it out")
    if not options.photos:
        raise Misuse("there is no photo: name one or more, python encode.py photo.jpg")
    way = Looks(options, given) if options.encoder == "looks" else Codes(options, given)
    from drawing import opening, photos

    opening.told(way.generator)
    find = photos.open_photo_detector() if options.detect else None
    people = find_people(options.photos, way, find, kind == "card")
    if kind == "card" and len(people) > MAX_ROWS:
        raise Problem(f"{len(people)} faces are too many for one picture: write one file per face with --output faces/")
    parts = told(way.drawn(people), out if options.json else None)
    if kind == "card":
        write_card(path, parts, way.notes)
    else:
        write_folder(path, parts, way.notes, len(people), way.generator.mark, options.scale)


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

    def drawn(self, people: list[PhotoFace]) -> Iterator[Drawn]:
        """Draw them -> some dozen faces at a time, so that they can be written before the next ones are made."""
        from drawing import portraits
        from models.batches import ROWS

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

    def drawn(self, people: list[PhotoFace]) -> Iterator[Drawn]:
        """Encode and draw them -> some dozen faces at a time, so that they can be written before the next are made."""
        import numpy as np

        from drawing import encoding, opening
        from models.batches import ROWS

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


def told(parts: Iterator[Drawn], out: Any) -> Iterator[Drawn]:
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


def find_people(paths: tuple[Path, ...], way: Any, find: Any, large: bool) -> list[PhotoFace]:
    """Photos, folders, zips -> the people. What shows no face is named on stderr; Problem if there is nobody at all."""
    from animefaces import sources
    from animefaces.progress import Bar

    faces: list[PhotoFace] = []
    names: set[str] = set()
    entries, skipped = listed(paths)
    count = len(entries) + len(skipped)
    with Bar(total=len(entries), desc="looking", unit="photo") as bar:
        for read, entry in ((read, entry) for read, together in sources.readers(entries) for entry in together):
            photo, why = looked_at(read, entry, way, find)
            bar.update()
            if why:
                skipped.append((entry.name, why))
                continue
            if photo.turned:
                bar.write(f"{visible(entry.name)}: turned {photo.turned}, so that the faces are upright")
            if len(photo.faces) > 1:
                bar.write(f"{visible(entry.name)}: {len(photo.faces)} faces, numbered from left to right")
            for number, (small, crop) in enumerate(photo.faces, 1):
                name = Path(entry.name).stem + (f"_{number}" if number > 1 else "")
                faces.append(PhotoFace(unique(name, names), small, crop if large else None))
    if not faces and len(skipped) == 1:
        what, _, remedy = skipped[0][1].partition(": ")
        raise Problem(f"{visible(skipped[0][0])} gave no face ({what}): {remedy or GIVE}")
    for line in sources.passed_over(skipped):
        print(f"warning: {line}", file=sys.stderr)
    if not faces:
        raise Problem(f"none of {counted(len(skipped), 'photo')} gave a face: see the warnings")
    if skipped:
        print(f"skipped {len(skipped)} of {counted(count, 'photo')}")
    return faces


def looked_at(read: Any, entry: Any, way: Any, find: Any) -> tuple[Any, str]:
    """A function that reads an Entry, and the Entry -> (its Photo or None, why it gives no face or "")."""
    from animefaces import sources
    from drawing import photos

    try:
        photo = photos.faces_on(io.BytesIO(read(entry)), way.size, way.channels, find, way.frame)
    except sources.FAULTS as fault:
        return None, sources.reason(fault)
    except MemoryError:
        return None, "more memory is needed than there is: make it smaller"
    return photo, "" if photo.faces else NO_FACE


def listed(paths: tuple[Path, ...]) -> tuple[list[Any], list[tuple[str, str]]]:
    """What the user named -> (an Entry for each photo, named as the user sees it; names and reasons of what is none).

    Raises Problem if there is nothing at all.
    """
    from animefaces import sources

    entries, skipped = [], []
    for path in paths:
        matches = sources.matches(path)
        if not matches and len(paths) == 1:
            raise Problem(f"{path} {sources.GONE}")
        if not matches:
            skipped.append((str(path), sources.GONE))
        for match in matches:
            for entry in sources.found(match):
                itself = entry.member is None and entry.file == os.path.abspath(match)
                entries.append(entry._replace(name=match if itself else str(Path(match, entry.name))))
    if not entries and not skipped:
        raise Problem(f"there is no photo in {', '.join(map(str, paths))}: {GIVE}")
    return entries, skipped


def unique(name: str, names: set[str]) -> str:
    """A name, made short enough, that is not yet among `names`, to which it is added; two files may have the same."""
    while len(os.fsencode(name)) > LONGEST:
        name = name[:-1]
    number, result = 1, name
    while _alike(result) in names:
        number += 1
        result = f"{name}-{number}"
    names.add(_alike(result))
    return result


def _alike(name):
    """What two names have in common that are one to some file systems: A.png and a.png, two ways to write an accent."""
    return unicodedata.normalize("NFC", name).lower()


def write_card(path: Path, parts: Iterator[Drawn], notes: dict[str, Any]) -> None:
    """One PNG: a row for each face with its photo, its anime face and the variants."""
    import numpy as np
    from PIL import Image

    from animefaces import images
    from drawing.enlarging import Enlarger

    enlarger = Enlarger()
    rows = [row for part in parts for row in zip(part.people, part.pixels, strict=True)]
    side, columns = len(rows[0][0].large), 1 + len(rows[0][1])
    sheet = np.full((GAP + len(rows) * (side + GAP), GAP + columns * (side + GAP), 3), 255, np.uint8)
    for row, (face, pictures) in enumerate(rows):
        enlarged = enlarger.enlarged(pictures, SCALE if pictures.shape[1] < side else 1)
        large = [images.to_image(p).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for p in enlarged]
        for column, picture in enumerate([face.large, *large]):
            top, left = GAP + row * (side + GAP), GAP + column * (side + GAP)
            sheet[top : top + side, left : left + side] = picture
    images.save(path, sheet, faces=" ".join(face.name for face, _ in rows), **notes)
    print(f"{path}: {kept(len(rows), len(rows))}")


def write_folder(
    folder: Path, parts: Iterator[Drawn], notes: dict[str, Any], count: int, mark: Any, scale: int = 1
) -> None:
    """NAME.png for each face, NAME_v1.png and so on for its variants, and latents.npz with a row for each.

    If it ends early, the faces that are written stay, and latents.npz has their rows. It says how many there are of
    `count`. `mark` is the mark of the generator. `scale`: how many times larger than it draws them.
    """
    import numpy as np

    from animefaces import images, latents
    from drawing.enlarging import Enlarger

    enlarger = Enlarger() if scale > 1 else None

    names: list[str] = []
    rows: list[Any] = []
    more: dict[str, list[Any]] = {}
    taken: set[str] = set()
    done = 0
    try:
        for part in parts:
            taken |= {_alike(face.name) for face in part.people}
            try:
                for place, (face, z, pictures) in enumerate(zip(*part[:3], strict=True)):
                    own = [face.name, *(unique(f"{face.name}_v{k}", taken) for k in range(1, len(z)))]
                    larger = enlarger.enlarged(pictures, scale) if enlarger else pictures
                    for name, pixels in zip(own, larger, strict=True):
                        images.save(folder / f"{name}.png", pixels, face=name, **notes)
                    names, rows, done = names + own, [*rows, z], done + 1
                    if part.finish:
                        drawn_on = part.finish.part(place * len(z), (place + 1) * len(z))
                        for name, array in drawn_on._asdict().items():
                            more.setdefault(name, []).append(array)
            finally:
                if rows:
                    arrays = {name: np.concatenate(several) for name, several in more.items()}
                    latents.save(folder / "latents.npz", np.concatenate(rows), names, mark, **arrays)
    finally:
        print(f"{folder}/: {kept(done, count)}{' and latents.npz' if done else ''}")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, encode, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
