"""A manifest -> what became of the pictures, for people: a table for the terminal, and report.html.

The page shows all crops, to be looked through (gathering/report.js), and samples of what was left out.
"""

import base64
import hashlib
import heapq
import io
import os
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
import numpy as np
from PIL import Image

from animefaces import images, looks, sources
from animefaces.files import write_text
from animefaces.words import visible
from gathering import crops, decisions, detectors, likeness, manifest

NAME = "report.html"
TEMPLATE, SCRIPT, STYLE = (Path(__file__).with_name(f"report.{ending}") for ending in ("html.j2", "js", "css"))
SAMPLES = 36  # faces or pictures that are shown of each verdict
THUMBNAIL = 96  # pixels
MOSTLY_OUTSIDE = 0.9  # a detector of the user's own may give a box that is far larger than the picture
TAGS_SHOWN = 8
LONGEST = 200  # characters of a name, a reason or a tag that are shown


class Thumbnail(NamedTuple):
    """A small picture in the page."""

    jpeg: str  # in base64
    link: str  # address of the picture itself; "" if there is none


class Sample(NamedTuple):
    """What the page shows of one line of the manifest."""

    source: str
    name: str
    detail: str
    tags: str
    images: list[Thumbnail]


def table(new: Counter[str], totals: Counter[str]) -> str:
    """How often each verdict was given, in this run and in all -> a table in text, with a line for each verdict."""
    rows = [("verdict", "new", "in all", "")]
    rows += [(v, str(new[v]), str(totals[v]), reason) for v, reason in crops.REASONS.items() if totals[v]]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows
    )


def is_old(folder: Path) -> bool:
    """Whether a folder of crops has no report.html, or one that is older than what it is made from."""
    page, *others = (Path(folder, name) for name in (NAME, manifest.NAME, decisions.NAME))
    others += [TEMPLATE, SCRIPT, STYLE]  # of another version of this project
    return not page.exists() or any(
        page.stat().st_mtime_ns < other.stat().st_mtime_ns for other in others if other.exists()
    )


def write(folder: Path, totals: Counter[str], margin: float, upright: bool) -> None:
    """Write report.html into a folder of crops: all crops, how often each verdict was given, and samples of each.

    The samples are inside the page: train.py would take pictures beside the crops for faces. `margin` and `upright`
    are the options.
    """
    verdicts, framing = [], (margin, upright)
    for name, lines in _chosen(Path(folder, manifest.NAME)).items():
        some = f"{len(lines)} of " if len(lines) < totals[name] else ""
        verdicts.append({
            "name": _short(name), "count": f"{totals[name]:,}", "reason": crops.REASONS.get(name, "not known here"),
            "shown": f"{some}{totals[name]:,}", "samples": [_sample(Path(folder), line, framing) for line in lines],
        })  # fmt: skip
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template, script, style = (file.read_text(encoding="utf-8") for file in (TEMPLATE, SCRIPT, STYLE))
    allowed = {"script": _checksum(script), "style": _checksum(style)}
    shown = page.from_string(template).render(
        verdicts=verdicts, faces=_faces(Path(folder)), script=script, style=style, allowed=allowed
    )
    write_text(Path(folder, NAME), shown)


def _checksum(text):
    """A script or a style -> its name in the page's policy: what else gets into the page does not run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _faces(folder) -> dict[str, Any] | None:
    """A folder of crops -> what the page's script knows of them, as JSON-able lists; None without crops."""
    lines = list(decisions.crops(folder))
    aside = [line["verdict"] == decisions.REJECTED for line in lines]
    names = [decisions.name_of(line) for line in lines]
    files = [
        folder / decisions.ASIDE / name if left else folder / name for name, left in zip(names, aside, strict=True)
    ]
    found, seen = likeness.look_at(files, folder)
    if not any(found):
        return None
    lines, aside, names = ([value for value, there in zip(values, found, strict=True) if there]
                           for values in (lines, aside, names))  # fmt: skip
    quoted = {number: quote(os.fsencode(name)) for number, name in enumerate(names)}
    decided, file = decisions.read(folder), folder / decisions.NAME
    flaws = seen.looks[:, looks.PLACES["flaw"]][:, 1] / 2.55  # in per cent
    columns = seen.side, seen.sharpness.round(2), seen.colour.round(1), flaws.round()
    sizes = [max(line["box"][2:]) if line["box"] else 0 for line in lines]
    return {
        "names": names,
        "addresses": {number: address for number, address in quoted.items() if address != names[number]},
        "aside": decisions.ASIDE,
        "sources": [_short(Path(line["source"]).name) for line in lines],
        "looks": [(look.name, look.letters, look.words) for look in looks.LOOKS],
        "letters": [_letters(row) for row in seen.looks],
        "figures": list(zip(sizes, *(column.tolist() for column in columns), map(int, aside), strict=True)),
        "order": likeness.order(seen).tolist(),
        "decisions": {what: sorted(those) for what, those in decided._asdict().items()},
        "saved": file.stat().st_mtime_ns // 10**6 if file.exists() else 0,
    }


def _letters(row):
    """A row of looks -> the letter of the likeliest class of each look, in one text."""
    return "".join(look.letters[int(row[looks.PLACES[look.name]].argmax())] for look in looks.LOOKS)


def _chosen(path):
    """A manifest's path -> SAMPLES lines of each verdict, or all, by verdict. A verdict without lines is not in it.

    They are those with the smallest checksums. So they come from all parts of the manifest, and are always the same.
    """
    heaps: dict[str, list] = {verdict: [] for verdict in crops.REASONS}
    for number, line in enumerate(manifest.lines(path)):
        heap = heaps.setdefault(line["verdict"], [])
        entry = (-zlib.crc32(manifest.to_text(line).encode()), number, line)
        (heapq.heappush if len(heap) < SAMPLES else heapq.heappushpop)(heap, entry)
    return {verdict: [line for _, _, line in sorted(heap)] for verdict, heap in heaps.items() if heap}


def _sample(folder, line, framing):
    """A line of the manifest -> its Sample: the picture, beside it the one that it is like, and what is noted."""
    source, shown = line["source"], []
    if line["verdict"] not in crops.UNUSED:  # whoever opens these once more has the same trouble
        address = _relative(line["file"]) if line["file"] else _absolute(source)
        shown.append(_thumbnail(lambda: _face(folder, line, framing), address))
    if line["duplicate_of"]:
        twin = line["duplicate_of"]
        shown.append(_thumbnail(lambda: Image.fromarray(_opened(folder / twin)), _relative(twin)))
    tags = " ".join(map(_short, line["tags"][:TAGS_SHOWN]))
    return Sample(visible(source), _short(Path(source).name), _short(line["detail"]), tags, list(filter(None, shown)))


def _short(text):
    """Text from outside -> the same in one line, cut off if it is long."""
    return visible(text) if len(text) <= LONGEST else visible(text[:LONGEST]) + "..."


def _relative(name):
    """The name of a file beside the page -> its address."""
    return "./" + quote(os.fsencode(name))


def _absolute(source):
    """The path of a picture -> its address; "" if it is gone, or in a zip."""
    return Path(source).as_uri() if os.path.isabs(source) and os.path.isfile(source) else ""


def _face(folder, line, framing):
    """A line of the manifest -> a Pillow image: the crop, else the face in its picture, else the whole picture."""
    if line["file"]:
        return Image.fromarray(_opened(folder / line["file"]))
    pixels = _opened(line["source"])
    margin, upright = framing
    square = detectors.frame(line["box"], margin, line["eyes"], upright) if line["box"] else None
    if square and detectors.outside(pixels.shape, square) <= MOSTLY_OUTSIDE:
        return Image.fromarray(detectors.cut_square(pixels, square, THUMBNAIL))
    return Image.fromarray(pixels)


def _opened(source):
    return images.read(io.BytesIO(sources.reopen(str(source))))


def _thumbnail(picture: Callable[[], Image.Image], link: str) -> Thumbnail | None:
    """A function that gives a Pillow image -> its Thumbnail; None if the function fails."""
    try:
        image = picture()
        image.thumbnail((2 * THUMBNAIL, THUMBNAIL))
        jpeg = io.BytesIO()
        Image.fromarray(np.asarray(image)).save(jpeg, "JPEG", quality=85)
        return Thumbnail(base64.b64encode(jpeg.getvalue()).decode(), link)
    except Exception:  # moved, deleted or damaged since: its name must do, and the page must be written
        return None
