"""The generator that an encoder is trained for: the training changes nothing of it."""

import shutil
from pathlib import Path
from typing import Any

from animefaces import directions, runs
from animefaces.files import written_whole
from animefaces.problems import Misuse
from drawing.generator import Generator
from drawing.opening import open_generator


def open_frozen(options: Any, run: Path) -> Generator:
    """The generator to find z for: the run's own one if the run goes on, else the one that --init-from names.

    Raises Misuse if it draws pictures of another size than the options say, and Problem.
    """
    kept = run / runs.GENERATOR
    generator = open_generator(kept if kept.exists() else options.init_from)
    if generator.shape != (options.size, options.size, options.channels):
        side, channels = generator.shape[1:]
        raise Misuse(
            f"{generator.file} draws other pictures: give --size {side} --channels {channels}, or name another "
            "generator with --init-from"
        )
    generator.network.keras.trainable = False
    return generator


def announce(generator: Generator, options: Any, new: bool) -> None:
    """Say which generator it is, and how to name another one."""
    how = "" if options.init_from or not new else " (name another one with --init-from)"
    print(f"generator  of {generator.file.parent}{how}")


def keep_beside(generator: Generator, run: Path) -> None:
    """Copy what else there is of the generator into the run folder: its discriminator and its edit directions."""
    for name in (runs.DISCRIMINATOR, directions.FILE):
        source = generator.file.with_name(name)
        if source.exists():
            with written_whole(run / name) as temporary:
                shutil.copyfile(source, temporary)
