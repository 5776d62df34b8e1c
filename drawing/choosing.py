"""Which network, and which of its faces: the options that several programs share, and what they choose.

This module is read by --help, so it imports nothing heavy before it is used.
"""

from typing import Any

from animefaces import looks
from animefaces.options import flag, option, within
from animefaces.problems import Misuse

NETWORK, FACES, LOOKS = "which network", "which faces", "what they look like"  # headings of --help
SIZE = "how large they are"
SCALES = (1, 2, 4)
WIDE, FEW = 256, 24  # by default faces are made so wide, unless more than these are in one picture
MORE = "more"  # --smile more: with an open mouth
MOST = 400  # faces of one sheet
ASKABLE = ("hair", "length", "fringe", "sex", "glasses", "beard", "mouth", "smile", "turn", "skin", "age")


def run_option() -> Any:
    """--run: where the network is."""
    text = "run folder or .keras file (default: the newest run, else the shipped weights)"
    return option(None, text, group=NETWORK)


def count_option(default: int, most: int = MOST) -> Any:
    """--count: how many faces."""
    return option(default, "number of faces: seed --seed and the seeds after it", within(1, most), group=FACES)


def seed_option(of: str = "first seed") -> Any:
    """--seed: the first one."""
    return option(0, of, within(0, 2**31 - 1), group=FACES)


def seeds_option() -> Any:
    """--seeds: these and no others."""
    return option(None, "the seeds of the faces, instead of --seed and --count, for example 0-7,12", group=FACES)


def latents_option() -> Any:
    """--latents: a file instead of seeds."""
    return option(None, ".npz file with latent vectors, an array z (N, latent), instead of seeds", group=FACES)


def look_option(name: str) -> Any:
    """--hair, --glasses and so on: a look that a user asks for."""
    words = tuple(word for word in looks.BY_NAME[name].words if (name, word) != ("hair", "none"))
    words += (MORE,) * (name == "smile")
    text = {"hair": "colour of the hair", "length": "length of the hair", "fringe": "hair on the forehead",
            "sex": "woman (f) or man (m)", "turn": "where the face points, as the viewer sees it",
            "smile": "a smile; more: with an open mouth"}.get(name, name)  # fmt: skip
    return option(None, text, choices=words, group=LOOKS)


def asked_looks(options: Any) -> dict[str, str]:
    """Options with some of ASKABLE -> the words that the user asks for, by the names of their looks.

    Raises Misuse if two of them contradict each other.
    """
    asked = {name: word for name in ASKABLE if (word := getattr(options, name, None)) is not None}
    if asked.get("smile") == MORE:
        if asked.get("mouth") == "closed":
            raise Misuse("--smile more opens the mouth: leave out --mouth closed")
        asked |= {"smile": looks.YES, "mouth": "open"}
    return asked


def scale_option() -> Any:
    """--scale: how large the pictures are."""
    text = ("size of the faces, as a multiple of what the network draws; 2 and 4 give fine lines "
            f"(default: up to {WIDE} pixels; 1 for a picture of more than {FEW} faces)")  # fmt: skip
    return option(None, text, choices=SCALES, group=SIZE)


def upscaler_option() -> Any:
    """--upscaler: what makes them larger."""
    text = "what draws the larger faces: a run folder of train.py upscaler, or a .keras file (default: the shipped one)"
    return option(None, text, group=SIZE)


def scale_for(size: int, asked: int | None, faces: int = 1) -> int:
    """Side of what the network draws, --scale, and the faces of one picture -> how many times larger they become."""
    if asked is not None:
        return asked
    return 1 if faces > FEW else max(scale for scale in SCALES if scale == 1 or scale * size <= WIDE)


def samples_option(default: int, what: str) -> Any:
    """--samples: how many faces a view measures."""
    return option(default, f"number of {what}", within(16, 20_000), group=FACES)


def alone(given: set[str], *choices: tuple[str, ...]) -> None:
    """Raise Misuse if options of more than one of the `choices` were typed."""
    typed = [choice for choice in choices if given & set(choice)]
    if len(typed) > 1:
        words = [" with ".join(map(flag, choice)) for choice in choices]
        raise Misuse(f"{', '.join(words[:-1])} and {words[-1]} exclude each other: give one of them")


class Chosen:
    """The faces that a user chose: seeds, or rows of a file of latents."""

    def __init__(self, options: Any, latent: int, most: int = MOST):
        """`options` has count, seed, seeds and latents. Raises Misuse for more than `most` faces, and Problem."""
        from animefaces import latents

        self._latent, self._rows = latent, None
        if options.latents:
            self._rows = latents.read(options.latents, latent)
            self.places: Any = range(len(self._rows))
        elif options.seeds is not None:
            self.places = latents.parse_seeds(options.seeds)
        else:
            self.places = range(options.seed, options.seed + options.count)
        if len(self.places) > most:
            raise Misuse(f"{len(self.places):,} faces are too many: give up to {most:,}")

    def __len__(self) -> int:
        return len(self.places)

    def names(self, start: int = 0, stop: int | None = None) -> list[str]:
        """The names of the faces from `start` to `stop`: seed_000007, or latent_000007 for a row of a file."""
        kind = "seed" if self._rows is None else "latent"
        return [f"{kind}_{place:06d}" for place in self.places[start:stop]]

    def z(self, start: int = 0, stop: int | None = None) -> Any:
        """The latents of the faces from `start` to `stop`, float32 (n, latent)."""
        from animefaces import latents

        if self._rows is not None:
            return self._rows[start:stop]
        return latents.from_seeds(self.places[start:stop], self._latent)
