"""Measure the page in Chromium: bytes until the first face, waiting, and time for each face.

    make page
    python -m benchmarks.page --photo photo.jpg

Times are of this machine and of its Chromium; bytes are as a host sends them that compresses nothing, and as one that
compresses JavaScript and WebAssembly.
"""

import argparse
import gzip
import shutil
import statistics
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from drawing import page

COMPRESSED = (".js", ".mjs", ".wasm", ".css", ".html", ".json")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Visit:
    """A tab, and what it fetched."""

    def __init__(self, context, address, folder):
        self.tab, self.folder, self.fetched = context.new_page(), folder, {}
        self.tab.set_default_timeout(120_000)
        context.on(
            "requestfinished", lambda request: self.count(urlsplit(request.url).path.lstrip("/"))
        )  # of workers, too
        self.start = time.perf_counter()
        self.tab.goto(address)

    def count(self, name):
        file = self.folder / (name or "index.html")
        if file.is_file():
            data = file.read_bytes()
            self.fetched[name] = len(data), len(gzip.compress(data) if file.suffix in COMPRESSED else data)

    def waited(self, locator):
        """Seconds since the start until something is there."""
        locator.wait_for()
        return time.perf_counter() - self.start

    def bytes(self):
        """MB fetched so far: (plain, compressed)."""
        return tuple(sum(sizes) / 1e6 for sizes in zip(*self.fetched.values(), strict=True)) or (0, 0)


def timed(action, locator):
    """Do something -> seconds until something else is there."""
    start = time.perf_counter()
    action()
    locator.wait_for()
    return time.perf_counter() - start


def main():
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=Path("results/page"), help="the built page")
    parser.add_argument("--photo", type=Path, default=Path("docs/images/astronaut.jpg"))
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with page.host(arguments.page, 0) as server, sync_playwright() as driver:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        browser = driver.chromium.launch(executable_path=arguments.browser, args=FLAGS)
        print("| what | figure |\n|---|---|")
        for row in measured(browser, address, arguments):
            print("| {} | {} |".format(*row), flush=True)
        browser.close()
        server.shutdown()


def measured(browser, address, arguments):
    """-> (what, its figure) for each row of the table."""
    context = browser.new_context()
    first = Visit(context, address + "#faces", arguments.page)
    tab = first.tab
    yield "until one can click", f"{first.waited(tab.get_by_role('button', name='Somewhere else')):.1f} s"
    seconds = first.waited(tab.locator(".cell canvas").first)
    yield "until the first new face", f"{seconds:.1f} s, {{:.1f}} MB, {{:.1f}} MB compressed".format(*first.bytes())
    ready = tab.get_by_text("Ready. You can go offline now, but keep this page open.").first
    yield (
        "until all is loaded",
        f"{first.waited(ready):.1f} s, {{:.1f}} MB, {{:.1f}} MB compressed".format(*first.bytes()),
    )
    tab.goto(address + "#animify")
    face = tab.get_by_role("img", name="Anime face:")
    give = tab.locator("input[type=file]:not([webkitdirectory])").first
    yield "from a photo to its anime face", f"{timed(lambda: give.set_input_files(arguments.photo), face):.2f} s"
    times = []
    for colour in ("blue", "green", "pink", "violet", "grey"):
        drawn = tab.get_by_role("img", name=f"{colour} ")
        times.append(timed(lambda colour=colour: tab.get_by_role("radio", name=colour).check(force=True), drawn))
    yield "after a click on another look", f"{statistics.median(times):.2f} s"
    again = Visit(context, address, arguments.page)
    seconds = again.waited(again.tab.get_by_text("Ready. You can go offline now, but keep this page open.").first)
    yield "the second visit, until all is loaded", f"{seconds:.1f} s, {{:.2f}} MB".format(*again.bytes())


if __name__ == "__main__":
    main()
