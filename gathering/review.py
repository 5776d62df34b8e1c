"""A small host for one folder of crops: report.html in the browser saves decisions.json straight into the folder.

It listens on this computer alone. Other pages in the same browser could still ask it, so its address has a random
part, and each request must say that it comes from this very address. Only files of the folder are read, and only
decisions.json is written.
"""

import hashlib
import http.server
import secrets
import stat
import threading
import urllib.parse
from pathlib import Path
from typing import Any

from animefaces.formats import SUFFIXES
from animefaces.problems import Problem
from gathering import decisions, report

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
           "Cross-Origin-Resource-Policy": "same-origin"}  # fmt: skip
PATIENCE = 20  # seconds that a connection may be silent


class Host(http.server.ThreadingHTTPServer):
    """The server of a folder; `serve_forever` starts it, and `address` is where the page is."""

    def __init__(self, folder: Path, port: int):
        """`port`: 0 for any free one. Raises Problem if it is taken."""
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as fault:
            raise Problem(
                f"--port {port} cannot be used ({fault.strerror}): give another one, or 0 for any free one"
            ) from fault
        self.folder, self.writing = Path(folder), threading.Lock()
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.root = f"/{secrets.token_urlsafe(16)}/"
        self.address = f"{self.origin}{self.root}{report.NAME}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that goes away in the middle of an answer is no fault."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Host
    protocol_version = "HTTP/1.1"  # one connection for many crops
    timeout = PATIENCE
    disable_nagle_algorithm, wbufsize = True, 1 << 16  # an answer is one packet, at once

    def do_GET(self) -> None:
        """Answer with a file of the folder."""
        name = self._name()
        data = self._read(name) if name else None
        if data is None:
            self._answer(404)
        else:
            self._answer(200, data, _kind(name or ""), _tag(data) if name == decisions.NAME else None)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

    def do_PUT(self) -> None:
        """Write decisions.json, if it is one, and if nobody else has written it since the page read it."""
        length = self.headers.get("Content-Length", "")
        self.close_connection = True  # what is refused may not have been read
        if self._name() != decisions.NAME:
            self._answer(404)
        elif self.headers.get("Origin") != self.server.origin:
            self._answer(403)
        elif self.headers.get_content_type() != "application/json":
            self._answer(415)
        elif not length.isascii() or not length.isdigit():
            self._answer(411)
        elif int(length) > decisions.LARGEST:
            self._answer(413)
        else:
            data = self.rfile.read(int(length))
            self._answer(*self._written(data) if len(data) == int(length) else (400,))

    def _written(self, data):
        """What is to be decisions.json -> the answer, as the words of `_answer`."""
        try:
            decided = decisions.parse(data)
        except ValueError as fault:
            return 400, str(fault).encode("utf-8", "replace"), "text/plain"
        with self.server.writing:
            if self.headers.get("If-Match") != _tag(self._read(decisions.NAME) or b""):
                return (412,)
            try:
                decisions.write(self.server.folder, decided)
            except OSError as fault:
                return 507, str(fault.strerror).encode("utf-8", "replace"), "text/plain"
            return 200, b"", "text/plain", _tag(self._read(decisions.NAME) or b"")

    def _name(self):
        """The path that is asked for -> the file's name in the folder, or None if nobody may ask for it."""
        host = self.server.origin.removeprefix("http://")
        path = self.path.encode("latin-1", "replace")
        root = self.server.root.encode()
        if self.headers.get("Host") != host or not secrets.compare_digest(path[: len(root)], root):
            return None
        name = urllib.parse.unquote(path[len(root) :].decode("latin-1"), errors="surrogateescape")
        aside, _, plain = name.rpartition("/")
        if aside not in ("", decisions.ASIDE) or not decisions.is_plain(plain):
            return None
        known = Path(plain).suffix.lower() in SUFFIXES or (not aside and plain in (report.NAME, decisions.NAME))
        return name if known else None

    def _read(self, name):
        """The name of a file -> its bytes; None if it is not there. A link may lead out of the folder: it is none."""
        path = self.server.folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode) or ("/" in name and path.parent.is_symlink()):
                raise FileNotFoundError
            return path.read_bytes()
        except (OSError, ValueError):
            return b"" if name == decisions.NAME else None

    def _answer(self, status, data=b"", kind="text/plain", tag=None):
        self.send_response(status)
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.send_header("Cache-Control", "max-age=3600" if kind.startswith("image/") else "no-store")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if tag:
            self.send_header("ETag", tag)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def version_string(self) -> str:
        """Nothing about this computer."""
        return "preprocess.py"

    def log_message(self, *words: Any) -> None:
        """Nothing: the terminal says only where the page is."""


def _kind(name):
    if name == report.NAME:
        return "text/html; charset=utf-8"
    return "application/json" if name == decisions.NAME else f"image/{Path(name).suffix[1:].lower()}"


def _tag(data):
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
