"""How long the warm-up of a new run may be. It must not take most of a short training, which would end with blurs."""

from dataclasses import replace
from typing import Any

from animefaces import hardware
from animefaces.words import counted
from models import build
from training import check
from training.task import Targets

SHARE = 1 / 8  # of a training that its warm-up may take, of its steps and of its minutes
TRIED = 3  # seconds in which the pace of the warm-up is measured
ENDLESS = 10**9  # steps


def shortened(options: Any, targets: Targets) -> tuple[Any, str]:
    """Options of a new run -> the same with a warm-up of at most SHARE of the training, and words about it.

    With --minutes, the pace of the warm-up is measured first. The words are "" if the warm-up keeps its length.
    """
    full = build.warm_up_steps(options)
    allowed, remedy = options.steps * SHARE, f"--steps {full / SHARE:.0f}"
    limit = counted(options.steps, "step")
    if full and allowed >= 1 and options.minutes and hardware.machines()[1] == 1:  # several would have to agree
        print("warm-up    how fast it goes is measured first: about 10 seconds")
        pace = check.measured(replace(options, warm_up=ENDLESS), targets, TRIED, first=0)
        if options.minutes * 60 * SHARE * pace < allowed:
            allowed = options.minutes * 60 * SHARE * pace
            needed = int(full / SHARE / pace / 60) + 1
            limit, remedy = f"{options.minutes:g} minutes", f"--minutes {needed}"
    if allowed >= full:
        return options, ""
    words = f"{limit} are short for this recipe: its warm-up has {counted(int(allowed), 'step')} instead of {full:,}"
    return replace(options, warm_up=int(allowed)), f"{words}; {remedy} gives it all"
