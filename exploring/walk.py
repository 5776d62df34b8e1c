"""A looping film that goes from face to face at constant visible speed."""

from dataclasses import dataclass
from pathlib import Path

from animefaces.options import option, within
from animefaces.problems import Misuse
from animefaces.words import counted
from drawing.choosing import (
    Chosen,
    alone,
    count_option,
    latents_option,
    run_option,
    scale_for,
    scale_option,
    seed_option,
    seeds_option,
    upscaler_option,
)
from drawing.outputs import FILMS, chosen_output, output_option

MOST = 100  # faces of one film


@dataclass(frozen=True)
class Options:
    """What to walk through."""

    run: Path | None = run_option()
    count: int = count_option(8)
    seed: int = seed_option()
    seeds: str | None = seeds_option()
    latents: Path | None = latents_option()
    frames: int = option(24, "frames per face", within(2, 200), group="the film")
    walks: int = option(
        1, "number of walks side by side; the faces are divided among them", within(1, 64), group="the film"
    )
    scale: int | None = scale_option()
    upscaler: Path | None = upscaler_option()
    output: str = output_option("walk.gif", "FILE.gif, .webp or .mp4", "the film")


def show(options: Options, given: set[str]) -> None:
    """Write a film of closed walks."""
    alone(given, ("count",), ("seeds",), ("latents",))
    output, _ = chosen_output(options.output, given, FILMS)
    import numpy as np

    from animefaces import images, latents
    from animefaces.progress import Bar
    from drawing.enlarging import Enlarger
    from drawing.opening import open_generator, told

    generator = open_generator(options.run, options.latents)
    chosen = Chosen(options, generator.latent)
    z, each = chosen.z(), len(chosen) // options.walks
    if each < 2 or len(z) > MOST:
        flag = next((flag for flag in ("latents", "seeds") if getattr(options, flag)), "count")
        raise Misuse(f"{counted(len(z), 'face')} for {counted(options.walks, 'walk')}: give each walk two or more "
                     f"with --{flag}, and {MOST} in all")  # fmt: skip
    told(generator)
    enlarge = Enlarger(scale_for(generator.shape[0], options.scale, options.walks), options.upscaler)
    films = []
    for i in range(options.walks):
        part, count = z[i * each : (i + 1) * each], each * options.frames
        rough = np.arange(2 * count) / (2 * options.frames)
        steps = latents.changes(generator.drawn(latents.along(part, rough), "measuring"))
        films.append(generator.drawn(latents.along(part, latents.even(steps, count) / (2 * options.frames))))
        pairs = (steps[::2] + steps[1::2], latents.changes(films[-1]))
        before, after = (100 * x.std() / max(x.mean(), 1e-9) for x in pairs)
        print(f"walk {i + 1}: visible speed varies by {after:.0f} %, with equal steps of z by {before:.0f} %")
    frames = (images.grid(enlarge(np.stack(tiles))) for tiles in Bar(list(zip(*films, strict=True)), desc="enlarging"))
    images.save_film(output, frames, seconds=0.04)
    print(f"{output}: {count} frames, {count / 25:.1f} seconds, then it repeats")
