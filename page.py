"""A page in the browser that turns photos into anime faces and draws new ones. Nothing leaves the computer.

    python page.py                              # builds the page, and shows it at http://127.0.0.1:8765
    python page.py results/00001-soft           # with a generator of your own
    python page.py --build --output public/     # only builds it: a folder for any web host

`make page` fetches what the page needs from npm before it builds it.
"""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from animefaces.commands import run_script
from animefaces.files import check_output
from animefaces.options import option, within
from animefaces.problems import Misuse

WHOLE = Path("results/page")


@dataclass(frozen=True)
class Options:
    """Whose faces the page draws, and where it is."""

    run: tuple[Path, ...] = option((), "run folder or .keras file (default: the newest run whose faces encode.py has "
                                   "read, else the shipped weights)", positional=True)  # fmt: skip
    build: bool = option(False, "only build the page, and do not show it")
    port: int = option(8765, "port of the page on this computer; 0 for any free one", within(0, 65_535))
    output: Path = option(WHOLE, "folder of the page")


def show(options: Options, given: set[str]) -> None:
    """Build the page, and show it until Ctrl-C."""
    if len(options.run) > 1:
        raise Misuse("one run at a time: name one")
    if options.build and "port" in given:
        raise Misuse("--build shows nothing: leave out --port")
    check_output(options.output, folder=True)
    from drawing import page, portraits
    from drawing.opening import told

    server = None if options.build else page.host(options.output, options.port)
    generator = portraits.find_generator(options.run[0] if options.run else None)
    told(generator)
    page.build(generator, options.output)
    total = sum(file.stat().st_size for file in options.output.rglob("*") if file.is_file())
    print(f"{options.output}/: the page, {total / 1e6:.0f} MB; any web host can serve this folder")
    if server:
        with server:
            print(f"open http://127.0.0.1:{server.server_port} in a browser; Ctrl-C ends it", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, show, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
