"""Look into a trained generator and its discriminator: a picture or a film, and figures.

    python explore.py walk --seeds 3,14,15,92 --output walk.webp       # a looping film at constant visible speed
    python explore.py walk --count 32 --walks 16 --output walks.mp4    # sixteen of them side by side
    python explore.py walk --latents latents.npz                       # between the faces that encode.py found
    python explore.py arithmetic --count 100                           # a numbered grid to choose from; then
    python explore.py arithmetic --these 42,44,65 --minus 53,83,94 --plus 67,82,85
    python explore.py attributes                                       # edit directions, for generate.py --edit
    python explore.py features --data faces.zip                        # what the discriminator's maps answer to
    python explore.py forget --object mouth                            # a generator that no longer draws it
    python explore.py neighbours --data faces.zip                      # copies, collapse, and what is never drawn

docs/explore.md says what each picture shows.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.options import option, within
from animefaces.problems import Misuse

OUTPUTS = {"walk": "walk.gif", "arithmetic": "arithmetic.png", "attributes": "attributes.png",
           "features": "features.png", "forget": "forget.png", "neighbours": "neighbours.png"}  # fmt: skip
FILMS = (".gif", ".webp", ".mp4")
CHOICE = {"seeds", "count", "seed", "latents"}
USES = {
    "walk": CHOICE | {"frames", "walks"},
    "arithmetic": CHOICE | {"these", "minus", "plus"},
    "attributes": CHOICE | {"samples"},
    "features": {"data", "cache", "layer", "maps", "samples", "seed"},
    "forget": CHOICE | {"layer", "object", "box", "share", "samples"},
    "neighbours": {"data", "cache", "count", "seed", "samples"},
}


@dataclass(frozen=True)
class Options:
    """What to look at."""

    what: str = option("walk", "what to look at", choices=tuple(USES), positional=True)
    run: Path | None = option(None, "run folder or .keras file (default: the newest run, else the shipped weights)")
    data: tuple[Path, ...] | None = option(None, "features, neighbours: the training faces (default: those the run was "
                                                 "trained on, else data/faces)")  # fmt: skip
    count: int | None = option(None, "faces shown, with the seeds from --seed on", within(1, 400))
    seed: int = option(0, "first seed, and of all else that is drawn by chance", within(0, 2**31 - 1))
    seeds: str | None = option(None, "these seeds instead: 0-7,12")
    latents: Path | None = option(None, "an .npz with z (N, latent), instead of seeds")
    frames: int = option(24, "walk: frames per face", within(2, 200))
    walks: int = option(1, "walk: so many walks side by side, which share the faces", within(1, 64))
    these: str | None = option(None, "arithmetic: seeds whose mean z is the start")
    minus: str | None = option(None, "arithmetic: seeds whose mean z is taken away")
    plus: str | None = option(None, "arithmetic: seeds whose mean z is added")
    samples: int | None = option(None, "faces measured, beside those shown (default: enough, within a minute)",
                                 within(16, 20_000))  # fmt: skip
    layer: str | None = option(None, "features, forget: name of the layer; a wrong one lists them")
    maps: int = option(6, "features: feature maps shown", within(1, 64))
    object: str = option("eyes", "forget: what", choices=("eyes", "mouth", "fringe"))
    box: tuple[str, ...] | None = option(None, "forget: boxes around it instead, x,y,width,height in pixels of every "
                                               "face, or SEED:x,y,width,height of one")  # fmt: skip
    share: float = option(0.25, "forget: share of the layer's maps that is dropped", within(0.001, 1))
    output: Path | None = option(None, "FILE.png; of a walk FILE.gif, .webp or .mp4 (default: named like the command)")
    cache: Path = option(Path("data/cache"), "folder for the decoded pictures")


def explore(options, given):
    """Do what was asked for."""
    unfit = sorted(given - USES[options.what] - {"what", "run", "output"})
    if unfit:
        raise Misuse(f"--{unfit[0]} says nothing to {options.what}: leave it out")
    if sum(bool(given & kind) for kind in ({"count"}, {"seeds"}, {"latents"})) > 1:
        raise Misuse("--count, --seeds and --latents exclude each other: give one of them")
    endings = FILMS if options.what == "walk" else (".png",)
    if options.output and options.output.suffix.lower() not in endings:
        raise Misuse(f"--output {options.output} will not do: name a FILE{' or FILE'.join(endings)}")
    from exploring.networks import Networks

    show = getattr(importlib.import_module(f"exploring.{options.what}"), options.what)
    show(Networks(options, options.output or Path(OUTPUTS[options.what])))


def main(argv=None):
    """Command line -> exit code."""
    return run_script(Options, explore, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
