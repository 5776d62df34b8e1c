"""Measure how similar anime faces are to photos that no training has seen, and whether the faces still look drawn.

    python -m benchmarks.percentiles --photos photos.zip --labels photos.csv --faces faces.zip --features network.keras
    python -m benchmarks.percentiles ... --run results/00001-light --refine 50
    python -m benchmarks.percentiles ... --encoded faces.npz    # arrays faces uint8 (N, S, S, 3) and, if any, z (N, D)

Without --run and --encoded, it measures only faces to compare with: faces that do not depend on the photo, the nearest
real face, and the photo itself. docs/research/likeness.md says what the columns mean. The sheet shows real people: do
not publish it.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.options import at_least, option
from animefaces.problems import Misuse, Problem

OLD = 45  # people above this age count as old
GROUPS = 5  # number of groups of skin lightness
RANDOM = 2000  # number of random faces of the generator
PHOTO, NEAREST = "the photo itself", "the nearest real face by layout"


@dataclass(frozen=True)
class Options:
    """What to measure, and on what."""

    photos: Path = option(Path("photos.zip"), "photos of faces, cut as the encoder expects: a folder or zip")
    labels: Path = option(Path("photos.csv"), "a table with columns file, age, male")
    faces: tuple[Path, ...] = option((Path("data/faces"),), "the anime faces the generator was trained on")
    features: str = option("inception", "network to compare in: inception, or a .keras file, pictures to (N, D)")
    run: Path | None = option(None, "run whose encoder draws the faces")
    encoded: Path | None = option(None, "an .npz file of faces that were drawn before: measure these")
    encoder: str = option("learned", "encoder of the run", choices=("learned", "vae"))
    refine: int | None = option(None, "refining steps (default: encode.py's own)", at_least(0))
    output: Path = option(Path("results/percentiles"), "folder for the figures and the sheet")
    cache: Path = option(Path("data/cache"), "folder for decoded pictures and features")


class Pixels:
    """Pictures uint8 (N, S, S, C) as a set with shape and fingerprint, which `features.extract_cached` needs."""

    def __init__(self, pixels):
        import hashlib

        self._pixels, self.shape = pixels, pixels.shape
        self.fingerprint = hashlib.sha256(pixels.tobytes()).hexdigest()

    def __getitem__(self, indices):
        return self._pixels[indices]


def contestants(options, names, photos):
    """Options and photos -> (contestants, reference faces, random faces of the generator).

    Contestants are the rows of the table: a dict of name: (faces in the order of the photos, z or None).
    """
    import numpy as np

    from animefaces import latents, runs
    from animefaces.dataset import open_faces
    from benchmarks import resemblance as likeness
    from benchmarks.encoded import SIZE, encode, read_encoded
    from drawing.opening import open_generator

    count = len(photos)
    drawn = open_faces(options.faces, SIZE, 3, options.cache)
    kept = likeness.reference(len(drawn))
    trained = np.setdiff1d(np.arange(len(drawn)), kept)
    generator = open_generator(options.run or runs.PRETRAINED)
    z = latents.from_seeds(range(RANDOM), generator.latent)
    samples = generator.draw(z)
    if samples.shape[1:] != (SIZE, SIZE, 3) or len(trained) < count:
        raise Problem(f"faces of {SIZE}x{SIZE} in colour and more of them than photos are needed: name others")
    layouts = likeness.layouts(drawn[trained])
    nearest = trained[likeness.nearest_layout(likeness.layouts(photos), layouts)]
    rows = {}
    if options.encoded or options.run:
        rows["encoded"] = read_encoded(options.encoded, count) if options.encoded else encode(options, names, photos)
    rows["a random sample of the generator"] = samples[:count], z[:count]
    rows["a random real face"] = drawn[np.random.default_rng(1).permutation(trained)[:count]], None
    rows[NEAREST] = drawn[nearest], None
    rows[PHOTO] = photos, None
    return rows, drawn[kept], samples


def measure(options, given):
    """Measure the contestants, print the table, write percentiles.json and draw the sheet."""
    if options.run and options.encoded and given & {"encoder", "refine"}:
        raise Misuse("--encoded is already drawn: leave out --encoder and --refine")
    import numpy as np

    from benchmarks import regions
    from benchmarks import resemblance as likeness
    from benchmarks.encoded import SIZE, read_photos, save_sheet
    from drawing import features

    network = features.open_features(options.features)
    network.check(SIZE, 3)
    names, photos, male, age = read_photos(options)
    rows, reference, samples = contestants(options, names, photos)

    def extract(pixels, label):
        pixels = Pixels(pixels)
        return features.extract_cached(network, pixels, np.arange(pixels.shape[0]), label, options.cache)

    known = extract(reference, "anime faces"), extract(samples, "samples")
    of_photos = [*likeness.layouts(photos), *colours_of(photos, regions.PHOTO)]
    groups = groups_of(photos, male, age)
    figures = {"photos": len(photos), "features": network.name, "reference": len(reference), "rows": {}}
    for name, (faces, z) in rows.items():
        seen = extract(faces, name)
        here = of_photos if name == PHOTO else [*likeness.layouts(faces), *colours_of(faces, regions.DRAWN)]
        each = per_face(here, of_photos, seen, {"sex": male, "age": age > OLD})
        figures["rows"][name] = row = {"all": summary(each, seen, known, male, age > OLD, slice(None))}
        if z is not None:
            row["all"]["codes"] = likeness.prior_fit(z)
        if name in ("encoded", NEAREST):
            row.update({g: summary(each, seen, known, male, age > OLD, part) for g, part in groups.items()})
    options.output.mkdir(parents=True, exist_ok=True)
    if "encoded" in rows:
        save_sheet(options.output, names, photos, rows["encoded"][0])
    (options.output / "percentiles.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("\n".join(report(figures)))


def colours_of(pixels, ellipses):
    """Faces -> the colours of their hair, skin and background, (N, 3) each; nan where a region is not visible."""
    from benchmarks import regions

    return list(regions.find(pixels, ellipses)[1].swapaxes(0, 1))


def per_face(faces, photos, seen, labels):
    """Layouts and colours of faces and of their photos, features of the faces, and labels -> a dict of figures.

    The figures of the faces are (N,); the scores of the labels are (R, N).
    """
    from benchmarks import regions
    from benchmarks import resemblance as likeness

    names = ("colour", "structure", *regions.NAMES)
    figures = {n: likeness.percentiles(f, p) for n, f, p in zip(names, faces, photos, strict=True)}
    figures["first tenth"] = 100.0 * ((figures["colour"] >= 90) & (figures["structure"] >= 90))
    return figures | {name: likeness.readable(seen, label) for name, label in labels.items()}


def groups_of(photos, male, age):
    """Photos, male (N,) and age (N,) -> groups by lightness of skin, by sex and by age: a dict of name: bool (N,)."""
    import numpy as np

    from animefaces.colour import to_lab

    light = np.median(to_lab(photos)[:, 24:48, 20:44, 0], axis=(1, 2))  # below the fringe, within the cheeks
    rank = light.argsort().argsort() * GROUPS // len(light)
    ends = [light[rank == i] for i in range(GROUPS)]
    groups = {f"skin {i + 1}/{GROUPS}, L {x.min():.0f}-{x.max():.0f}": rank == i for i, x in enumerate(ends)}
    groups |= {"women": ~male, "men": male}
    limits = [0, 30, OLD, 60, 200]
    words = ["age up to 30", f"age 31-{OLD}", f"age {OLD + 1}-60", "age above 60"]
    return groups | {w: (limits[i] < age) & (age <= limits[i + 1]) for i, w in enumerate(words)}


def summary(each, seen, known, male, old, part):
    """Figures of each face -> figures of the faces in `part`: a dict of numbers, None where there are too few faces."""
    import numpy as np

    from animefaces import metrics
    from benchmarks import resemblance as likeness

    def number(value):
        return float(value) if np.isfinite(value) else None

    faces = len(seen[part])
    figures = {"count": faces}
    figures |= {n: number(np.nanmean(v[part])) for n, v in each.items() if v.ndim == 1 and np.isfinite(v[part]).any()}
    figures["skipped"] = {n: int(np.isnan(each[n][part]).sum()) for n in REGIONS}
    for name, labels in (("sex", male), ("age", old)):
        figures[f"kept {name}"] = number(np.mean([likeness.roc_area(s[part], labels[part]) for s in each[name]]))
    if faces >= 20:
        reference, samples = known
        (near, error), (usual, _) = (metrics.kernel_distance(x, reference) for x in (seen[part], samples))
        figures |= {"kernel": 1000 * near, "kernel error": 1000 * error, "ratio": near / usual}
    return figures


REGIONS = ("hair", "skin", "background")
COLUMNS = ("colour", "structure", "first tenth", *REGIONS, "kept sex", "kept age", "kernel", "ratio")


def report(figures):
    """Figures -> lines of text: a table in Markdown."""
    yield f"{figures['photos']} held-out photos; features {figures['features']}; {figures['reference']:,} anime faces"
    yield "\n| faces | n | " + " | ".join(COLUMNS) + " | shell, spread |"
    yield "|---" * (len(COLUMNS) + 3) + "|"
    for name, groups in figures["rows"].items():
        for group, row in groups.items():
            cells = [cell(row, column) for column in COLUMNS]
            codes = row.get("codes")
            cells.append(f"{codes['shell']:.2f}, {codes['spread']:.2f}" if codes else "")
            yield f"| {name if group == 'all' else '&nbsp; ' + group} | {row['count']} | " + " | ".join(cells) + " |"


def cell(row, column):
    """A row and a column of the table -> the figure as text."""
    value = row.get(column)
    if value is None:
        return ""
    if row["skipped"].get(column):
        return f"{value:.0f} ({row['skipped'][column]} skipped)"
    if column == "kernel":
        return f"{value:.3g} +- {row['kernel error']:.2g}"
    return f"{value:.2f}" if column in ("kept sex", "kept age", "ratio") else f"{value:.0f}"


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, measure, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
