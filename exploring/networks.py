"""A run's networks and training faces, as what was asked for needs them."""

import numpy as np
from tqdm import tqdm

from animefaces import images, latents, runs
from animefaces.dataset import open_faces
from animefaces.images import to_pixels
from animefaces.problems import Misuse, Problem
from models import saved

AT_ONCE = 48  # faces in hand at a time
COUNTS = {"walk": 8, "arithmetic": 64, "attributes": 2, "forget": 10, "neighbours": 12}  # faces shown


class Networks:
    """A run's networks, opened when they are asked for, and its training faces."""

    def __init__(self, options, output):
        """`output`: the file to write."""
        self.options, self.output, self._load = options, output, saved.load
        self.generator, self.path = runs.open_generator(options.run, saved.load)
        self.dimensions, self.shape = self.generator.input_shape[1], self.generator.output_shape[1:]

    def draw(self, z, label="drawing"):
        """z (N, D) -> uint8 (N, H, W, C), with a bar."""
        return np.concatenate(list(self.batches(z, label)))

    def batches(self, z, label):
        """z (N, D) -> uint8 (n, H, W, C) of a few faces at a time, with a bar."""
        with tqdm(total=len(z), desc=label, unit="face", disable=None) as bar:
            for i in range(0, len(z), AT_ONCE):
                yield to_pixels(saved.draw(self.generator, z[i : i + AT_ONCE]))
                bar.update(min(AT_ONCE, len(z) - i))

    def chosen(self):
        """The faces asked for -> (their seeds or places in --latents, z (N, D))."""
        options = self.options
        if options.latents:
            z = latents.read(options.latents, self.dimensions)
            return range(len(z)), z
        count = options.count or COUNTS[options.what]
        seeds = latents.parse_seeds(options.seeds) if options.seeds else range(options.seed, options.seed + count)
        if len(seeds) > 400:
            raise Misuse(f"{len(seeds):,} faces are too many: give up to 400")
        return seeds, latents.from_seeds(seeds, self.dimensions)

    def fresh(self, count, first):
        """`count` latents of seeds far from those that people choose, those of --seed apart: a function of both."""
        return latents.from_seeds(range(first + self.options.seed, first + self.options.seed + count), self.dimensions)

    def discriminator(self):
        """The run's discriminator. Raises Problem if it has none."""
        return runs.open_discriminator(self.path, self._load)

    def faces(self):
        """The training faces, at the generator's size."""
        height, width, channels = self.shape
        if height != width:
            raise Problem(f"{self.path} draws {width}x{height}, which no set of faces has: name another --run")
        paths = self.options.data or runs.data_of(self.path)
        return open_faces(paths, height, channels, self.options.cache)

    def report(self, pixels, **notes):
        """Write the picture, and say where it is."""
        images.save(self.output, pixels, run=self.path.parent.name or self.path.name, **notes)
        print(f"{self.output}: {pixels.shape[1]}x{pixels.shape[0]} pixels")


def choose_layer(names, asked, default):
    """The layer that --layer names, or the default one. Raises Misuse."""
    if not names:
        raise Problem("this network has no layers with feature maps: name another --run")
    if asked is None:
        return names[default] if isinstance(default, int) else default
    if asked not in names:
        raise Misuse(f"there is no layer {asked}: choose among {', '.join(names)}")
    return asked
