"""preprocess.py --review: faces are rejected in a real browser, and nobody else can write into the folder."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import AXE, PROJECT, violations

import preprocess
from animefaces import images, looks
from demo import cartoons
from gathering import decisions, likeness, manifest, report, review
from gathering.crops import Crop
from gathering.pictures import Picture

FACES = Path("faces")
COUNT = 12
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
GATHER = ["--input", "in", "--detector", "none", "--workers", "1", "--output", str(FACES)]


@pytest.fixture
def faces(tmp_path):
    """A folder of faces with its report, made by preprocess.py."""
    for seed in range(COUNT):
        images.save(tmp_path / f"in/{seed:02}.png", cartoons.draw(seed))
    assert preprocess.main(GATHER) == 0
    return tmp_path / FACES


@contextlib.contextmanager
def hosted(folder):
    with review.Host(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def opened(browser):
    """A function: an address, and settings of the browser -> the page. At the end nothing went wrong aloud."""
    contexts, asked, said = [], [], []

    def open_page(address, **settings):
        context = browser.new_context(accept_downloads=True, **settings)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda fault: said.append(str(fault)))
        tab.goto(address)
        tab.locator("#grid img").first.wait_for()
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "file:", "blob:", "data:"))] == []


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


def decided(folder):
    return json.loads((folder / decisions.NAME).read_text())


def wait_saved(tab):
    tab.get_by_text("saved", exact=True).wait_for()


def order(tab):
    """The names of the crops, in the order of the grid."""
    return [url.rpartition("/")[2] for url in tab.locator("#grid img").evaluate_all("all => all.map(one => one.src)")]


def test_rejected_with_the_keys_and_gone_from_the_set(faces, opened):
    with hosted(faces) as server:
        tab = opened(server.address)
        names = order(tab)
        assert len(names) == COUNT
        press(tab, "ArrowRight", "x", "x", "u", "a")
        assert tab.locator("#rejected").inner_text() == "1 face rejected"
        wait_saved(tab)
        assert decided(faces) == {"rejected": [names[1]], "accepted": [names[2]]}
        tab.reload()  # what was saved is seen again
        tab.get_by_text("1 face rejected").wait_for()
    assert preprocess.main(GATHER) == 0
    lines = {decisions.name_of(line): line["verdict"] for line in manifest.lines(faces / manifest.NAME)}
    assert lines.pop(names[1]) == "rejected" and set(lines.values()) == {"kept"}
    assert not (faces / names[1]).exists() and len(list(faces.glob("*.png"))) == COUNT - 1
    with hosted(faces) as server:  # an accept brings it back
        tab = opened(server.address)
        tab.get_by_role("button", name="rejected", exact=True).click()
        tab.locator("#grid img").nth(1).wait_for(state="detached")
        assert tab.locator("#grid img").evaluate("async image => (await image.decode(), image.naturalWidth)") == 64
        press(tab, "a")
        wait_saved(tab)
    assert preprocess.main(GATHER) == 0
    assert (faces / names[1]).exists() and not (faces / decisions.ASIDE / names[1]).exists()


def test_several_at_once_with_the_mouse(faces, opened):
    with hosted(faces) as server:
        tab = opened(server.address)
        names, tiles = order(tab), tab.locator("#grid > div")
        tiles.nth(0).click()
        tiles.nth(0).click()  # takes it back
        tiles.nth(1).click()
        tiles.nth(4).click(modifiers=["Shift"])
        tab.get_by_text("4 faces selected").wait_for()
        tab.get_by_role("button", name="Accept", exact=True).click()
        box = [tiles.nth(place).bounding_box() for place in (6, 8)]
        tab.mouse.move(box[0]["x"] + 9, box[0]["y"] + 9)
        tab.mouse.down()
        tab.mouse.move(box[1]["x"] + 9, box[1]["y"] + 9, steps=4)
        tab.mouse.up()
        tab.get_by_text("3 faces selected").wait_for()
        press(tab, "Delete")
        wait_saved(tab)
        assert decided(faces) == {"rejected": sorted(names[6:9]), "accepted": sorted(names[1:5])}
        tab.get_by_role("button", name="undecided").click()
        tab.get_by_text(f"{COUNT - 7} of {COUNT} faces").wait_for()


def test_from_the_disk_the_page_is_downloaded_and_forgets_nothing(faces, opened):
    tab = opened((faces / report.NAME).as_uri())
    first = order(tab)[0]
    press(tab, "x")
    tab.reload()
    tab.get_by_text("1 decision to download").wait_for()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == decisions.NAME
    assert json.loads(Path(download.value.path()).read_text()) == {"rejected": [first], "accepted": []}


@pytest.mark.parametrize("settings", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
def test_everybody_can_use_it(faces, opened, settings):
    with hosted(faces) as server:
        tab = opened(server.address, **settings)
        if AXE.exists():
            assert violations(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.get_by_role("link", name="what became of the pictures").click()
        tab.get_by_role("heading", name="kept").wait_for()
        if AXE.exists():
            assert violations(tab) == []


def test_of_thousands_only_those_in_sight_are_in_the_page(opened, monkeypatch):
    number, random = 5000, np.random.default_rng(0)

    def look_at(files, folder):
        looks_of = random.integers(0, 255, (number, looks.SIZE), np.uint8)
        small = random.integers(0, 255, (number, 3 * likeness.SIDE**2), np.uint8)
        return [True] * number, likeness.Seen(looks_of, small, *np.ones((3, number), np.float32))

    monkeypatch.setattr(likeness, "look_at", look_at)
    FACES.mkdir()
    images.save(FACES / "0.png", cartoons.draw(0))
    for seed in range(1, number):
        os.link(FACES / "0.png", FACES / f"{seed}.png")
    kept = [manifest.line(Picture(f"/{seed}.jpg", b""), Crop("kept", name=f"{seed}.png")) for seed in range(number)]
    for line in kept:
        line["hashes"] = None
    (FACES / manifest.NAME).write_text("".join(map(manifest.to_text, kept)))
    report.write(FACES, manifest.counts(FACES / manifest.NAME), 0.45, upright=True)
    tab = opened((FACES / report.NAME).absolute().as_uri())
    assert tab.get_by_text("5,000 faces").count() and tab.locator("#grid img").count() < 400
    press(tab, "End", "x")
    assert tab.locator(f"#face-{number - 1}.rejected.focus").is_visible() and tab.locator("#grid img").count() < 400
    tab.locator("#order").select_option("found")
    assert (
        tab.evaluate("(() => { const start = performance.now(); choose(); return performance.now() - start })()") < 500
    )


@pytest.fixture
def ask(faces):
    """A function: a method, a path and headers -> the status of the answer, its headers and its body."""
    with hosted(faces) as server:

        def answer(method, path, data=None, headers=(), root=server.root):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            usual = {"Origin": server.origin, "Content-Type": "application/json"} if method == "PUT" else {}
            connection.request(method, root + path, data, {**usual, **dict(headers)})
            response = connection.getresponse()
            body = response.read()
            connection.close()
            return response.status, response.headers, body

        yield answer


def test_only_files_of_the_folder_are_given(faces, ask):
    crop = next(faces.glob("*.png"))
    status, headers, body = ask("GET", crop.name)
    assert (status, body, headers["Content-Type"]) == (200, crop.read_bytes(), "image/png")
    status, headers, body = ask("GET", report.NAME)
    assert status == 200 and headers["Content-Type"].startswith("text/html") and headers["X-Frame-Options"] == "DENY"
    assert ask("HEAD", report.NAME)[2] == b"" and ask("GET", decisions.NAME)[2] == b""
    (faces.parent / "secret.png").write_text("secret")
    (faces / "link.png").symlink_to(faces.parent / "secret.png")
    (faces / ".hidden.png").write_text("secret")
    (faces / "folder.png").mkdir()
    for path in ("", "../secret.png", "%2e%2e/secret.png", "..%2fsecret.png", "/etc/passwd", "link.png", ".hidden.png",
                 "manifest.jsonl", ".rejected/../../secret.png", ".rejected/report.html", "gone.png", "folder.png",
                 "a%00.png", "%ff.png"):  # fmt: skip
        assert ask("GET", path)[0] == 404, path
    for root in ("/", "/wrong/", "//"):
        assert ask("GET", crop.name, root=root)[0] == 404
    for host in ("evil.example", "127.0.0.1", "localhost:1"):  # a name of somebody else's that leads here
        assert ask("GET", crop.name, headers={"Host": host})[0] == 404
    for method in ("POST", "DELETE", "OPTIONS", "PATCH"):
        assert ask(method, decisions.NAME)[0] == 501


def test_only_the_page_itself_writes_and_only_decisions(faces, ask):
    good = json.dumps({"rejected": ["a.png"], "accepted": []}).encode()
    tag = ask("GET", decisions.NAME)[1]["ETag"]
    fits = {"If-Match": tag}
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 404),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": str(decisions.LARGEST + 1)}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "*"}, 412),
    ):
        assert ask("PUT", decisions.NAME, good, fits | headers)[0] == status, headers
    for name in ("manifest.jsonl", "a.png", report.NAME):
        assert ask("PUT", name, good, fits)[0] == 404
    assert ask("PUT", decisions.NAME, good, fits, root="/wrong/")[0] == 404
    for bad in (b"{", b'{"rejected": ["../a.png"]}', b""):
        assert ask("PUT", decisions.NAME, bad, fits)[0] == 400
    assert not (faces / decisions.NAME).exists()
    status, headers, _ = ask("PUT", decisions.NAME, good, fits)
    assert status == 200 and decided(faces) == {"rejected": ["a.png"], "accepted": []}
    assert ask("PUT", decisions.NAME, good, fits)[0] == 412  # another page has saved meanwhile
    assert ask("PUT", decisions.NAME, good, {"If-Match": headers["ETag"]})[0] == 200


def test_ctrl_c_carries_out_what_was_decided(faces):
    name = next(faces.glob("*.png")).name
    child = subprocess.Popen([sys.executable, PROJECT / "preprocess.py", "--review", "--output", faces],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    address = child.stdout.readline().split()[1]
    assert address.startswith("http://127.0.0.1:") and address.endswith(report.NAME)
    decisions.write(faces, decisions.Decisions(frozenset({name})))
    child.send_signal(signal.SIGINT)
    said, complaints = child.communicate(timeout=60)
    assert (child.returncode, complaints) == (0, "") and "1 rejected face left the set" in said
    assert not (faces / name).exists() and not report.is_old(faces)


def test_bad_input(faces, refused, free_ports):
    (port,) = free_ports(1)
    assert "leave out --input" in refused(preprocess.main, ["--review", "--input", "in"], 2)
    assert "--port is for --review" in refused(preprocess.main, ["--port", "80"], 2)
    assert "nowhere has no manifest.jsonl: " in refused(preprocess.main, ["--review", "--output", "nowhere"], 1)
    with review.Host(faces, port):
        words = ["--review", "--output", faces, "--port", port]
        assert f"--port {port} cannot be used" in refused(preprocess.main, words, 1)
