"""The learned encoder on photos: from a face to the z that the generator draws it with."""

import csv
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from animefaces import images, latents, runs, tables
from animefaces.batches import Order, Part, is_test_photo
from animefaces.files import written_whole
from animefaces.problems import Problem
from animefaces.progress import Bar
from drawing.generator import draw
from drawing.opening import opened, read_moments
from models import build, encoder, layouts, saved
from models.batches import in_batches
from training.frozen import announce, keep_beside, open_frozen
from training.task import Targets

COLUMNS = 16  # faces in a row of a sample
DRAWINGS = 24_000  # from which the sketch of the generator is made


def wanted_traits(photos: np.ndarray, path: Path | None) -> np.ndarray:
    """Names of photos, and a table of their ages and sexes or None -> wanted traits, float32 (N, 3).

    The traits are those of models.layouts.traits. Who draws makes eyes smaller with age, and in men; men have shorter
    hair; age makes hair grey. Each trait is standardised over the photos; it is nan where the table lacks the photo.
    """
    wanted = np.full((len(photos), 3), np.nan, np.float32)
    if path is None:
        return wanted
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = tables.rows(file, "file", "age", "male")
            table = {row["file"]: (float(row["age"]), float(row["male"])) for row in rows}
    except (KeyError, TypeError, ValueError, csv.Error) as fault:
        raise Problem(f"{path} is no table with columns file, age and male ({fault}): check --labels") from fault
    known = np.array([table.get(Path(name).name, (np.nan, np.nan)) for name in photos])
    if np.isnan(known).all():
        raise Problem(f"{path} names none of the photos: its column file must hold their file names")
    age, male = ((known - np.nanmean(known, axis=0)) / (np.nanstd(known, axis=0) + 1e-6)).T
    eyes, hair = -(age + 0.5 * male), -male
    return np.stack([eyes / (np.nanstd(eyes) + 1e-6), hair, -age], axis=1).astype(np.float32)


class Task:
    """The learned encoder on photos, for a frozen generator. A tenth of the photos is never trained on."""

    many_machines: ClassVar = False
    trial: ClassVar = False
    shown: ClassVar = {"loss": "loss", "right": "right"}
    curves: ClassVar = {
        "loss": {"loss": "loss"},
        "nats": {"colour": "colour", "structure": "structure"},
        "squared distance": {"skin": "skin", "traits": "traits", "prior": "prior"},
        "share": {"right": "right photo of its batch"},
    }
    use = "a photo's face: python encode.py photo.jpg --encoder learned --run "

    def __init__(self, options: Any, faces: Any, run: Path, targets: Targets):
        """See training.task.Task. `faces` are photos."""
        names = np.array(faces.names())
        test = is_test_photo(names)
        if test.all():
            raise Problem("all photos are test photos, because the number in each name ends in 9: give more photos")
        self.options, self.run = options, run
        self.photos, self.test_photos = Part(faces, np.flatnonzero(~test)), Part(faces, np.flatnonzero(test))
        self.wanted = wanted_traits(names[~test], options.labels)
        self.generator = open_frozen(options, run)
        sketch, self.moments = self.sketch()
        self.player = build.build_encoding(options, sketch, self.moments["photo"])
        self.order = Order(len(self.photos), options.batch_size, options.seed)
        self.networks = {"sketch": sketch, "encoder": self.player.encoder}

    def sketch(self) -> tuple[Any, dict[str, np.ndarray]]:
        """The run's own sketch and moments, or new ones, which take a minute or two."""
        if (self.run / runs.MOMENTS).exists():
            return opened(self.run / runs.SKETCH, "sketch").keras, read_moments(self.run)
        build.prepare(self.options)
        z, parts = latents.from_seeds(range(DRAWINGS), self.generator.latent), []
        print(f"sketch     of the generator, from {DRAWINGS:,} drawings: some minutes")
        for start in Bar(range(0, DRAWINGS, 240), desc="drawing", unit="batch"):
            parts.append(layouts.of_drawings(self.generator.network(z[start : start + 240])))
        count = min(len(self.photos), DRAWINGS)
        photos = images.to_network(self.photos[np.arange(count) * len(self.photos) // count])
        rows = {"photo": encoder.measured(layouts.of_photos, photos), "drawn": np.concatenate(parts)}
        moments = {name: np.stack([of.mean(0), of.std(0) + 1e-6]) for name, of in rows.items()}
        with Bar(total=encoder.EPOCHS, desc="sketching", unit="epoch") as bar:
            standard = (rows["drawn"] - moments["drawn"][0]) / moments["drawn"][1]
            return encoder.fit_sketch(z, standard, advance=bar.update), moments

    def begin(self, new: bool) -> None:
        """Keep the sketch, the moments and what belongs to the generator with a new run."""
        announce(self.generator, self.options, new)
        if new:
            keep_beside(self.generator, self.run)
            with written_whole(self.run / runs.SKETCH) as temporary:
                saved.save(self.player.sketch, temporary)
            with written_whole(self.run / runs.MOMENTS) as temporary:  # last: it says that both are there
                np.savez(temporary, **self.moments)  # type: ignore[arg-type]

    def measure(self, progress: Any, last: bool = False) -> dict[str, float]:
        """Nothing: the losses tell enough. benchmarks/likeness.py measures more."""
        return {}

    def trouble(self, entries: list[dict[str, Any]]) -> str | None:
        """Nothing is known to go wrong."""
        return None

    def batch(self, step: int) -> tuple[Any, ...]:
        """What one step is fed: (step, photos, wanted traits), a function of (seed, step)."""
        indices = self.order.indices(step)
        return np.int32(step), images.to_network(self.photos[indices]), self.wanted[indices]

    def files(self) -> dict[str, Any]:
        """What is written beside each saved state: file name -> network."""
        return {runs.ENCODERS["learned"]: self.player.average, runs.GENERATOR: self.generator.network.keras}

    def sample(self) -> np.ndarray:
        """Rows of photos, test photos if there are any, each above a row of their drawings."""
        photos = self.test_photos if len(self.test_photos) else self.photos
        pixels = photos[np.arange(min(3 * COLUMNS, len(photos)))]
        means = in_batches(self.player.average, images.to_network(pixels))[:, : self.generator.latent]
        drawn = draw(self.generator.network, means)
        rows = [side[i : i + COLUMNS] for i in range(0, len(pixels), COLUMNS) for side in (pixels, drawn)]
        return images.grid(np.concatenate(rows), columns=COLUMNS)
