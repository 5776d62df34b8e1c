"""Good pictures with hostile names; and folders, runs and results with such names."""

import functools
import html.parser
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.corpus import made, readers
from tests.corpus.case import Case, Wrong, must, refused, run, warned

# Each is the name of a file; os.fsdecode gives Python's text for bytes that are no UTF-8.
NAMES = {
    "emoji": "\U0001f600\U0001f469\u200d\U0001f4bb.png",
    "Japanese": "初音ミク.png",
    "Arabic": "صورة.png",
    "a letter and its accent apart": "cafe\u0301.png",
    "right to left": "a\u202egnp.exe.png",
    "no width": "a\u200bb\ufeff.png",
    "a newline": "two\nlines.png",
    "a carriage return": "over\rwritten.png",
    "a tab": "a\tb.png",
    "a line separator": "a\u2028b\x85c.png",
    "colours of a terminal": "\x1b[31mred\x1b[0m.png",
    "a bell": "a\x07b.png",
    "double quotes": 'say "hi".png',
    "a quote": "it's.png",
    "an attribute of HTML": "x onmouseover=alert(1) y.png",
    "an attribute of HTML, quoted": "\" onmouseover='alert(1)' x=\".png",
    "an attribute of HTML after a quote": "' onmouseover=alert(1) x='.png",
    "an element of HTML": "<img src=x onerror=alert(1)>.png",
    "a script of HTML": "<script>alert(1)<script>.png",
    "an entity of HTML": "a&lt;b&amp;amp;.png",
    "a template": "{{ 7*7 }}{% raw %}${7*7}.png",
    "not UTF-8": os.fsdecode(b"caf\xe9.png"),
    "not UTF-8 at all": os.fsdecode(b"\xff\xfe\x80.png"),
    "255 bytes": "a" * 251 + ".png",
    "255 bytes of emoji": "\U0001f600" * 62 + "abc.png",
    "a dash": "-rf.png",
    "a flag": "--output=x.png",
    "spaces": "  two  spaces  .png",
    "a space at its end": "a.png ",
    "points": "a...png",
    "a star": "*.png",
    "a question": "what?.png",
    "brackets": "[a-z].png",
    "braces": "{a,b}.png",
    "a format": "%s%d%n {0}.png",
    "a variable": "$HOME`id`$(id).png",
    "a command": "a;touch it-ran;.png",
    "a backslash": "a\\b.png",
    "a drive": "C:\\a.png",
    "a colon": "12:30.png",
    "a pipe": "a|b>c.png",
    "a hash": "#1.png",
    "a home": "~.png",
    "a word of Windows": "CON.png",
    "the name of a result": "latents.png",
    "two endings": "a.png.png",
    "only digits": "0000000000000000000000000000001.png",
    "a zip in it": "a.zip.png",
    "an at": "@x.png",
    "a percent": "%2e%2e%2fa.png",
}
# Those with which folders are tried too.
FOLDERS = ("emoji", "Arabic", "a newline", "double quotes", "a quote", "an attribute of HTML", "not UTF-8", "a dash",
           "spaces", "a star", "brackets", "a format", "a variable", "a backslash", "a colon", "two endings",
           "a zip in it")  # fmt: skip
SHORT = ("emoji", "a newline", "not UTF-8", "an attribute of HTML", "255 bytes", "a star")


# What the page may show: pictures inside it, crops beside it, its own headings.
OWN = re.compile(r"data:image/|data:,$|#|(\./)?[0-9a-f]+(-\d+)?\.png$")


@dataclass(frozen=True)
class Named:
    what: str
    file: str


def write(folder: Path, item: Named) -> None:
    """Write the picture under a name into a folder."""
    (folder / item.file).write_bytes(made.encoded("PNG"))


def cases(short: bool = False) -> list[Case]:
    """Each name with each program, then reports, command lines, runs and results with such names."""
    chosen = [Named(what, name) for what, name in NAMES.items() if what in SHORT or not short]
    found = []
    for program in readers.READERS:
        together = readers.Together(program, write, chosen)
        for item in chosen:
            tried = functools.partial(_tried, item, together)
            found.append(Case("names of pictures", f"{item.what}, {program}", tried, item.what in SHORT))
    found.append(Case("names in report.html", "all names", functools.partial(_report, NAMES.values()), True))
    found.append(Case("names in report.html", "pictures without a face", functools.partial(_faults, NAMES.values())))
    found.append(Case("names in report.html", "tags beside pictures", _tags))
    for what, name in NAMES.items():
        encoded = functools.partial(_encode_alone, name)
        found.append(
            Case("names of photos", f"{what}, encode.py in its folder", encoded, what in ("a star", "not UTF-8"))
        )
        stem = name.strip().removesuffix(".png")
        if what in FOLDERS:
            runs = functools.partial(_as_run, stem)
            found.append(Case("names of runs", f"{what}, train.py and generate.py", runs, what == "not UTF-8"))
            found.append(Case("names of data and crops", f"{what}, preprocess.py and train.py",
                              functools.partial(_as_folder, stem)))  # fmt: skip
    return found


def _tried(item, together):
    seen = together[item.file]
    if isinstance(seen, Exception):
        raise Wrong(str(seen)) from seen
    must(seen is not None, "passed over without a word")
    must(not isinstance(seen, str), f"is refused: {seen}")
    must(np.abs(seen - made.RIGHT).max() < 5, "its pixels are another picture's")
    return "used"


class _Page(html.parser.HTMLParser):
    """What a browser would see in a page: its elements, attributes, and text."""

    def __init__(self):
        super().__init__()
        self.elements, self.titles, self.texts, self.inside = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        self.elements.append((tag, attrs))
        self.titles += [value for name, value in attrs if name == "title"]

    def handle_data(self, data):
        if self.inside != "script":
            self.texts.append(data)


def _read_report(done, names):
    text = Path("crops/report.html").read_bytes().decode("utf-8", "replace")
    page = _Page()
    page.feed(text)
    for tag, attrs in page.elements:
        odd = [name for name, _ in attrs if name.startswith("on") or name in ("y", "x", "srcdoc", "formaction")]
        must(tag not in ("iframe", "object", "embed", "base"), f"the page has a {tag}", done)
        must(not odd, f"a name became an attribute: {attrs}", done)
        urls = [value for name, value in attrs if name in ("src", "href") and not OWN.match(value)]
        must(not urls, f"the page links elsewhere: {urls}", done)
    scripts = [attrs for tag, attrs in page.elements if tag == "script"]
    must(scripts in ([], [[("type", "application/json"), ("id", "data")], []]), "the page has other scripts", done)
    shown = " ".join([*page.titles, *page.texts])
    whole = [
        name for name in names if name.encode("utf-8", "replace").decode() in shown or json.dumps(name)[1:-1] in shown
    ]
    must(len(whole) >= min(len(names), 36) - 8, f"only {len(whole)} of {len(names)} names stand in the page", done)
    return page


def _report(names):
    folder = Path("set")
    folder.mkdir()
    for name in names:
        write(folder, Named("", name))
    done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
    warned(done)
    page = _read_report(done, list(names))
    must(page.texts.count("hung: 0") == 0, "verdicts that nobody got are listed", done)
    return "used"


def _faults(names):
    """All names, of files that are no pictures: each is named in the report."""
    folder = made.good("set", 2)
    for name in names:
        (folder / name).write_bytes(b"no picture, but long enough to be looked at" * 9)
    done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
    warned(done)
    _read_report(done, list(names))
    return "used"


def _tags():
    folder = made.good("set", 3)
    hostile = ["<script>alert(1)</script>", "x' onmouseover='alert(1)", "y" * 20_000, "\ud800", "a\nb"]
    for file in sorted(folder.glob("*.png")):
        Path(f"{file}.json").write_text(json.dumps({"tags": hostile}))
    done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
    warned(done)
    page = _read_report(done, [])
    longest = max(map(len, " ".join(page.texts).split()), default=0)
    must(longest < 2000, f"a tag of {longest} letters stretches the page", done)
    return "used"


def _encode_alone(name):
    """The photo is in the current folder, and its name is typed as it is, or after -- if it begins with a dash."""
    write(Path(), Named("", name))
    words = ["--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe(), "--output", "out/"]
    if name.startswith("-"):
        refused(run("encode", name, *words), code=2)
        return warned(run("encode", f"./{name}", *words)) and _is_one()
    warned(run("encode", name, *words))
    return _is_one()


def _is_one():
    pngs = sorted(Path("out").glob("*.png"))
    must(len(pngs) == 1, f"one photo gave {len(pngs)} faces")
    with np.load("out/latents.npz", allow_pickle=False) as file:
        must(file["z"].shape == (1, made.LATENT), "latents.npz has other faces")
    must(not Path("it-ran").exists(), "the name was run as a command")
    return "used"


def _as_run(name):
    """A run folder with this name, trained, continued and drawn with."""
    data, folder = made.good("set", 10), Path("runs", name)
    words = ["--data", data, "--cache", "cache", f"--run={folder}"]
    warned(run("train", *words, *made.TINY))
    warned(run("train", f"--run={folder}", "--steps", "4"))
    output = Path("drawn", f"{name}.png")
    warned(run("generate", f"--run={folder}", "--count", "2", f"--output={output}"))
    must(output.exists(), "generate.py writes to another place")
    return "used"


def _as_folder(name):
    """A data folder and a folder of crops with this name."""
    folder, crops = made.good(Path("sets", name), 10), Path("crops", name)
    warned(run("preprocess", f"--input={folder}", f"--output={crops}", *made.WHOLE))
    must((crops / "report.html").exists(), "there is no report.html")
    done, faces = readers.train(crops)
    warned(done)
    must(len(faces) == 10, f"{len(faces)} of 10 crops are used", done)
    return "used"
