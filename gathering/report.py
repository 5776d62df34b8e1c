"""A manifest -> what became of the pictures, for people: a table for the terminal, and report.html with samples."""

import base64
import heapq
import html
import io
import json
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from animefaces import images, sources
from animefaces.files import written_whole
from gathering import crops, detectors, manifest

NAME = "report.html"
SAMPLES = 36  # faces or pictures that are shown of each verdict
THUMBNAIL = 96  # pixels
UNSEEN = {"unreadable", "crashed", "hung"}  # whoever opens these once more has the same trouble

STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em }
td { padding: 0.1em 1.2em 0.1em 0 } td.n { text-align: right }
section { display: flex; flex-wrap: wrap; gap: 8px }
figure { margin: 0; font-size: 11px; max-width: 200px; overflow-wrap: anywhere }
img { height: 96px; display: inline-block }
"""


def table(new: Counter[str], totals: Counter[str]) -> str:
    """How often each verdict was given, in this run and in all -> a table in text, with a line for each verdict."""
    rows = [("verdict", "new", "in all", "")]
    rows += [(v, str(new[v]), str(totals[v]), reason) for v, reason in crops.REASONS.items() if totals[v]]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows
    )


def write(folder: Path, totals: Counter[str]) -> None:
    """Write report.html into a folder of crops: how often each verdict was given, and samples of each.

    The samples are inside the page: train.py would take pictures beside the crops for faces.
    """
    margin = json.loads(Path(folder, manifest.SETTINGS).read_text(encoding="utf-8"))["margin"]
    rows = "".join(
        f"<tr><td><a href='#{v}'>{v}</a><td class=n>{totals[v]}<td>{reason}" for v, reason in crops.REASONS.items()
    )
    parts = [f"<!doctype html><meta charset=utf-8><title>Faces</title><style>{STYLE}</style><h1>Faces</h1>"]
    parts.append(f"<table>{rows}</table>")
    for verdict, lines in _samples(Path(folder, manifest.NAME)).items():
        figures = "".join(_figure(Path(folder), line, margin) for line in lines)
        more = f", {len(lines)} of them" if len(lines) < totals[verdict] else ""
        parts.append(f"<h2 id={verdict}>{verdict}: {totals[verdict]}{more}</h2><section>{figures}</section>")
    with written_whole(Path(folder, NAME)) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8", errors="replace")


def _samples(path):
    """A manifest's path -> SAMPLES lines of each verdict, or all, by verdict.

    They are those with the smallest checksums. So they come from all parts of the manifest, and are always the same.
    """
    heaps: dict[str, list] = {verdict: [] for verdict in crops.REASONS}
    for number, line in enumerate(manifest.lines(path)):
        heap = heaps.setdefault(line["verdict"], [])
        entry = (-zlib.crc32(manifest.to_text(line).encode()), number, line)
        (heapq.heappush if len(heap) < SAMPLES else heapq.heappushpop)(heap, entry)
    return {verdict: [line for _, _, line in sorted(heap)] for verdict, heap in heaps.items() if heap}


def _figure(folder, line, margin):
    """A line of the manifest -> its picture in HTML, beside it the one that it is like, and a note below."""
    shown = _thumbnail(lambda: _face(folder, line, margin))
    if line["duplicate_of"]:
        shown += _thumbnail(lambda: Image.fromarray(images.read(folder / line["duplicate_of"])))
    note = " ".join(filter(None, [Path(line["source"]).name, line["detail"], *line["tags"][:8]]))
    return f"<figure title={html.escape(json.dumps(line['source']))}>{shown}<div>{html.escape(note)}</div></figure>"


def _face(folder, line, margin):
    """A line of the manifest -> a Pillow image: the crop, else the face in its picture, else the whole picture."""
    if line["file"]:
        return Image.fromarray(images.read(folder / line["file"]))
    if line["verdict"] in UNSEEN:
        raise ValueError("not to be opened")
    pixels = images.read(io.BytesIO(sources.reopen(line["source"])))
    square = detectors.frame(line["box"], margin) if line["box"] else None
    if square and detectors.outside(pixels.shape, square) < 1:
        return Image.fromarray(detectors.cut_square(pixels, square, THUMBNAIL))
    return Image.fromarray(pixels)


def _thumbnail(picture):
    """A function that gives a Pillow image -> the image in HTML, made small; "" if the function fails."""
    try:
        image = ImageOps.contain(picture(), (2 * THUMBNAIL, THUMBNAIL))
    except (OSError, ValueError, MemoryError):  # moved, deleted or damaged since: its name must do
        return ""
    jpeg = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(jpeg, "JPEG", quality=85)
    return f"<img src='data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}'>"
