"""The generator that an encoder is trained for: nothing of it changes."""

import shutil

from animefaces import directions, runs
from animefaces.files import written_whole
from animefaces.problems import Misuse
from models import saved


def open_frozen(options, run):
    """The generator whose z is to be found: the run's own where it goes on, else --init-from's, as generate.py.

    Returns it and the folder it is from.
    """
    kept = run / runs.GENERATOR
    generator, path = runs.open_generator(kept if kept.exists() else options.init_from, saved.load)
    if generator.output_shape[1:] != (options.size, options.size, options.channels):
        side, channels = generator.output_shape[2:]
        raise Misuse(f"{path} draws other pictures: give --size {side} --channels {channels}")
    generator.trainable = False
    return generator, path.parent


def keep_beside(source, run):
    """What else there is about the generator goes with it: its discriminator, its edit directions."""
    for name in (runs.DISCRIMINATOR, directions.FILE):
        if (source / name).exists():
            with written_whole(run / name) as temporary:
                shutil.copyfile(source / name, temporary)
