"""Which options of train.py fit together, and what the program decides itself when a run begins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from animefaces import resuming, runs
from animefaces.dataset import are_grey
from animefaces.problems import Misuse, Problem
from training.task import Targets


def validate(options: Any, given: set[str]) -> None:
    """Raise Misuse for options that do not fit together, those of the named run or of --init-from among them."""
    if {"warm_up", "init_from"} <= given and options.warm_up:
        raise Misuse("--warm-up is for networks that begin with random weights: leave out --warm-up or --init-from")
    if "from_scratch" in given and options.from_scratch and options.init_from:
        raise Misuse("--from-scratch begins with random weights: leave it out, or leave out --init-from")
    if options.anchor and options.init_from is None:
        raise Misuse("--anchor keeps faces near those of trained networks: name them with --init-from")
    if (options.anchor or options.patches) and options.architecture != "residual":
        asked = "--anchor" if options.anchor else "--patches"
        raise Misuse(f"{asked} is for residual networks: leave it out, or give --architecture residual")
    if options.flaws and not options.anchor:
        raise Misuse("--flaws compares faces with those that the anchor keeps: give --flaws 0, or an --anchor")
    if options.flaws and options.channels == 1:
        raise Misuse("--flaws sees flaws in colours only: give --flaws 0")
    if options.patches and options.warm_up and options.init_from is None:
        raise Misuse("--patches judges parts of a picture, and a warm-up needs a discriminator that sees all of it: "
                     "leave out --patches, or give --warm-up 0")  # fmt: skip
    if options.projected and options.architecture != "fastgan":
        raise Misuse("--projected is for networks of FastGAN: leave it out, or give --architecture fastgan")
    if options.projected:
        from drawing.reading import OF_DRAWINGS, open_reader

        _whole(lambda: open_reader(OF_DRAWINGS), OF_DRAWINGS, "--no-projected")
    if options.flaws:
        from drawing import finishing

        _whole(finishing.Finisher, finishing.FILE, "--flaws 0")


def _whole(opening: Callable[[], Any], file: Path, without: str) -> None:
    """Open a shipped network that a training needs. Raises Problem, which says how to train without it."""
    try:
        opening()
    except (Problem, OSError) as fault:
        raise Problem(f"{file} is missing or damaged: get the project again, or give {without}") from fault


def settled(options: Any, given: set[str], faces: Any, run: Path, targets: Targets) -> tuple[Any, list[str]]:
    """Options -> the same with what the program decides itself, and a line about each decision.

    A run that goes on keeps what was decided when it began, so that it is the same training. Raises Misuse for --grey
    with pictures in colours.
    """
    from training import check, warm_up

    lines: list[str] = []
    begun, in_colours = runs.read_record(run) is not None, options.network == "gan" and options.channels == 3
    options = check.settled(resuming.settled(run, options), targets)
    if in_colours and not begun:
        grey = are_grey(faces)
        if options.grey and not grey and "grey" in given:
            raise Misuse("--grey is for grey pictures, and those of --data have colours: leave it out")
        options = replace(options, grey=grey and (options.grey or "grey" not in given))
    if in_colours and options.grey:
        lines.append("the pictures are grey, and so are the faces (faces in colours: --no-grey)")
    if not begun and "warm_up" not in given:
        options, words = warm_up.shortened(options, targets)
        lines += [words] if words else []
    return options, lines
