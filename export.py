"""Export a trained generator, and what works with it, for other programs.

    python export.py                                           # the newest run, as ONNX
    python export.py results/00001-soft --half                 # weights of 16 bits: half as large
    python export.py models/pretrained --format litert         # for phones
    python export.py models/pretrained --format saved_model --output served/

The folder holds a file for each network, model.json, which says what each one takes and gives, and README.md, a model
card. Each file is opened with the runtime it is for, and compared with the network, before it is kept.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.files import check_output
from animefaces.options import option
from animefaces.problems import Misuse

FORMATS = ("onnx", "litert", "saved_model")
WHOLE = Path("results/exported")


@dataclass(frozen=True)
class Options:
    """What to export, as what, and where to."""

    run: tuple[Path, ...] = option((), "run folder or .keras file (default: the newest run, else the shipped weights)",
                                   positional=True)  # fmt: skip
    format: str = option("onnx", "onnx: for ONNX Runtime, browsers and most programs; litert: for phones; saved_model: "
                         "for TensorFlow", choices=FORMATS)  # fmt: skip
    half: bool = option(False, "store the weights as float16 (onnx only): half as large, and a few values of a face "
                        "differ by more than 1 of 255")  # fmt: skip
    output: Path | None = option(None, f"folder (default: {WHOLE}/NAME-FORMAT)")


def export(options: Options, given: set[str]) -> None:
    """Write the files."""
    if len(options.run) > 1:
        raise Misuse("one run at a time: name one")
    if options.half and options.format != "onnx":
        raise Misuse(f"--half is for --format onnx, not for {options.format}: leave it out")
    if options.output:
        check_output(options.output, folder=True)
    from drawing import export as exporting
    from drawing.opening import open_generator, told
    from models import engine

    if options.format != "onnx" and engine.NAME != "tensorflow":
        raise Misuse(f"--format {options.format} needs TensorFlow: unset KERAS_BACKEND")
    generator = open_generator(options.run[0] if options.run else None)
    told(generator)
    folder = options.output or WHOLE / f"{generator.name}-{options.format}"
    files = exporting.write(generator, folder, options.format, options.half)
    total = sum(_bytes(file) for file in files)
    print(f"{folder}/: {', '.join(file.name for file in files)} ({total / 1e6:.1f} MB)")


def _bytes(path):
    return (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
    )


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, export, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
