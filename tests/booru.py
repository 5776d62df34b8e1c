"""A small site on this machine that speaks Danbooru's posts.json, and fails where it is told to."""

import contextlib
import http.server
import json
import os
import threading
import urllib.parse


class Booru:
    """The posts of a site: `pictures` is a dict of file name -> bytes, in the order of the search."""

    def __init__(self, pictures, rating="g", tags="1girl portrait smile"):
        self.pictures, self.tags = pictures, tags
        self.ratings = dict.fromkeys(pictures, rating)
        self.more = {}  # file name -> (more tags, artist)
        self.failing = {}  # path, or its beginning -> HTTP status to answer with
        self.asked = []
        self.user_agents = set()
        self.root = None

    def posts(self, query):
        page, count = int(query.get("page", ["1"])[0]), int(query.get("limit", ["200"])[0])
        wanted = [tag for tag in query["tags"][0].split() if ":" not in tag]
        here = [] if set(wanted) - set(self.tags.split()) else list(self.pictures)
        groups = ("artist", "character", "copyright", "general", "meta")
        return [
            {
                "id": number, "rating": self.ratings[name],
                "tag_string": " ".join([self.tags, *self.more.get(name, ())]),
                "created_at": "2026-01-01T00:00:00.000+00:00", "file_url": f"{self.root}/data/{name}",
                **{f"tag_string_{group}": self.tags if group == "general" else "" for group in groups},
                "tag_string_artist": self.more.get(name, ("", ""))[1], "source": f"https://example.org/{name}",
            }
            for number, name in enumerate(here, 1)
        ][(page - 1) * count : page * count]  # fmt: skip

    def answer(self, path):
        """-> (status, content type, body)."""
        parts = urllib.parse.urlsplit(path)
        for beginning, status in self.failing.items():
            if parts.path.startswith(beginning):
                return status, "text/plain", b"no"
        if parts.path == "/posts.json":
            posts = self.posts(urllib.parse.parse_qs(parts.query))
            return 200, "application/json", json.dumps(posts).encode()
        name = parts.path.removeprefix("/data/")
        return (200, "image/png", self.pictures[name]) if name in self.pictures else (404, "text/plain", b"no")


@contextlib.contextmanager
def running(booru, home, monkeypatch):
    """The site on a free port, and a gallery-dl that takes it for Danbooru and does not wait."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            booru.asked.append(self.path)
            booru.user_agents.add(self.headers["User-Agent"])
            status, kind, body = booru.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    booru.root = f"http://127.0.0.1:{server.server_port}"
    site = {"root": booru.root, "pattern": r"danbooru\.donmai\.us"}
    settings = {"Danbooru": {"danbooru": site}, "retries": 1, "sleep-429": 0.01, "sleep-retries": 0.01}
    folder = home / ".config" / "gallery-dl"
    folder.mkdir(parents=True)
    downloader = {"retries": 1, "http": {"sleep-429": 0.01}}
    (folder / "config.json").write_text(json.dumps({"extractor": settings, "downloader": downloader}))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    try:
        yield booru
    finally:
        server.shutdown()
        server.server_close()
