"""The learned encoder on photos: from a face to the z that the generator draws it with."""

import csv
from pathlib import Path
from typing import ClassVar

import numpy as np
from tqdm import tqdm

from animefaces import images, latents, runs
from animefaces.batches import Order, Part, is_test_photo
from animefaces.files import written_whole
from animefaces.problems import Problem
from models import build, encoder, saved
from models import layouts as likeness
from training.frozen import keep_beside, open_frozen

COLUMNS = 16  # faces in a row of a sample
DRAWINGS = 24_000  # from which the sketch of the generator is made


def wanted_traits(photos, path):
    """Names of photos, and a table of their ages and sexes or None -> float32 (N, 3), as models.likeness.traits.

    Eyes grow smaller with age and are smaller in men, whose hair is shorter, too, and age makes hair grey: that is
    what drawings have for it. Standardised over the photos; nan where the table has no such photo.
    """
    wanted = np.full((len(photos), 3), np.nan, np.float32)
    if path is None:
        return wanted
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = {row["file"]: (float(row["age"]), float(row["male"])) for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError, csv.Error) as fault:
        raise Problem(f"{path} is no table with columns file, age and male ({fault}): check --labels") from fault
    rows = np.array([table.get(Path(name).name, (np.nan, np.nan)) for name in photos])
    if np.isnan(rows).all():
        raise Problem(f"{path} names none of the photos: its column file must hold their file names")
    age, male = ((rows - np.nanmean(rows, axis=0)) / (np.nanstd(rows, axis=0) + 1e-6)).T
    eyes, hair = -(age + 0.5 * male), -male
    return np.stack([eyes / (np.nanstd(eyes) + 1e-6), hair, -age], axis=1).astype(np.float32)


class EncoderTask:
    """The learned encoder on photos, for a frozen generator. A tenth of the photos is never trained on."""

    shown: ClassVar = {"loss": "loss", "right": "right"}
    curves: ClassVar = {
        "loss": {"loss": "loss"},
        "nats": {"colour": "colour", "structure": "structure"},
        "squared distance": {"skin": "skin", "traits": "traits", "prior": "prior"},
        "share": {"right": "right photo of its batch"},
    }
    use = "a photo's face: python encode.py photo.jpg --run "

    def __init__(self, options, photos, run):
        names = np.array(photos.names())
        held = is_test_photo(names)
        if held.all():
            raise Problem(
                "the number of every photo ends in 9, as of those that are only measured on: give more photos"
            )
        self.options, self.run = options, run
        self.photos, self.held_out = Part(photos, np.flatnonzero(~held)), Part(photos, np.flatnonzero(held))
        self.wanted = wanted_traits(names[~held], options.labels)
        self.generator, self.source = open_frozen(options, run)
        sketch, self.moments = self.sketch()
        self.player = build.build_encoding(options, sketch, self.moments["photo"])
        self.order = Order(len(self.photos), options.batch_size, options.seed)
        self.networks = {"sketch": sketch, "encoder": self.player.encoder}

    def sketch(self):
        """The run's own sketch and moments, or new ones, which take a minute or two."""
        if (self.run / runs.MOMENTS).exists():
            return saved.load(self.run / runs.SKETCH), runs.read_moments(self.run)
        build.prepare(self.options)
        z, rows = latents.from_seeds(range(DRAWINGS), self.generator.input_shape[1]), []
        for start in tqdm(range(0, DRAWINGS, 240), desc="drawing", unit_scale=240, unit="face", disable=None):
            rows.append(likeness.of_drawings(saved.draw(self.generator, z[start : start + 240])))
        count = min(len(self.photos), DRAWINGS)
        photos = images.to_network(self.photos[np.arange(count) * len(self.photos) // count])
        rows = {"photo": encoder.measured(likeness.of_photos, photos), "drawn": np.concatenate(rows)}
        moments = {name: np.stack([of.mean(0), of.std(0) + 1e-6]) for name, of in rows.items()}
        return encoder.fit_sketch(z, (rows["drawn"] - moments["drawn"][0]) / moments["drawn"][1]), moments

    def begin(self, new):
        """Keep with the run what is about its generator, the sketch and the moments."""
        print(f"generator  of {self.source}")
        if new:
            keep_beside(self.source, self.run)
            with written_whole(self.run / runs.SKETCH) as temporary:
                saved.save(self.player.sketch, temporary)
            with written_whole(self.run / runs.MOMENTS) as temporary:  # last: it says that both are there
                np.savez(temporary, **self.moments)

    def measure(self, progress, last=False):
        """The losses tell enough; benchmarks/likeness.py measures more."""

    def batch(self, step):
        """What one step is fed: (step, photos, wanted traits), a function of (seed, step)."""
        indices = self.order.indices(step)
        return np.int32(step), images.to_network(self.photos[indices]), self.wanted[indices]

    def files(self):
        """What is written beside each saved state: file name -> network."""
        return {runs.ENCODERS["learned"]: self.player.average, runs.GENERATOR: self.generator}

    def sample(self):
        """Rows of photos, held out ones if there are any, each above a row of their drawings."""
        photos = self.held_out if len(self.held_out) else self.photos
        pixels = photos[np.arange(min(3 * COLUMNS, len(photos)))]
        means = saved.draw(self.player.average, images.to_network(pixels))[:, : self.generator.input_shape[1]]
        drawn = images.to_pixels(saved.draw(self.generator, means))
        rows = [side[i : i + COLUMNS] for i in range(0, len(pixels), COLUMNS) for side in (pixels, drawn)]
        return images.grid(np.concatenate(rows), columns=COLUMNS)
