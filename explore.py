"""Look inside a trained generator and its discriminator: a picture or a film, and figures.

    python explore.py walk --count 6 --output walk.webp                # a looping film at constant visible speed
    python explore.py walk --count 32 --walks 16 --output walks.mp4    # sixteen of them side by side
    python explore.py walk --latents faces/latents.npz                 # between the faces that encode.py found
    python explore.py arithmetic --count 100                           # first a numbered grid to choose from,
    python explore.py arithmetic --these 1,2,3 --minus 4,5,6 --plus 7,8,9    # then the numbers that you chose
    python explore.py attributes                                       # directions for generate.py --edit
    python explore.py features --data faces.zip                        # what the discriminator responds to
    python explore.py forget --object mouth                            # a generator that no longer draws mouths
    python explore.py neighbours --data faces.zip                      # copies, mode collapse, what is never drawn

docs/how-to/explore.md says what each picture shows.
"""

import importlib
import pkgutil
import sys
from types import ModuleType

import exploring
from animefaces.commands import Command, run_commands

DEFAULT = "walk"


def commands() -> list[Command]:
    """A command for each view: every module in exploring/ is one. The default one comes first."""
    names = [module.name for module in pkgutil.iter_modules(exploring.__path__)]
    views = {name: importlib.import_module(f"exploring.{name}") for name in names}
    listed = "\n".join(f"    {name:<11} {summary(view)}" for name, view in views.items())
    program = f"{__doc__}\nviews (python explore.py VIEW --help shows the options of each):\n{listed}"
    text = {name: view.__doc__ or "" for name, view in views.items()}
    text[DEFAULT] = f"{program}\n\n{DEFAULT}: {text[DEFAULT]}"
    made = [Command(view.Options, view.show, text[name], name, noun="view") for name, view in views.items()]
    return sorted(made, key=lambda command: command.name != DEFAULT)


def summary(view: ModuleType) -> str:
    """A view -> the first line of its docstring, for a list."""
    return (view.__doc__ or "").partition("\n")[0]


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_commands(commands(), argv)


if __name__ == "__main__":
    sys.exit(main())
