"""The page, in a real browser: it draws what generate.py and encode.py draw, and asks nobody else for anything."""

import contextlib
import http.client
import io
import json
import threading
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, violations
from PIL import Image

import encode
import generate
import page as program
from animefaces import images, runs
from drawing import page
from drawing.opening import open_generator

ASTRONAUT = PROJECT / "docs" / "images" / "astronaut.jpg"
SHOWN = "The drawing is ready."
PATIENCE = 60_000  # ms
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}

pytestmark = pytest.mark.skipif(not page.RUNTIME.exists(), reason="needs ONNX Runtime Web: make page")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page with the shipped weights, built."""
    folder = tmp_path_factory.mktemp("page")
    page.build(open_generator(runs.PRETRAINED), folder)
    return folder


@pytest.fixture(scope="module")
def address(site):
    """Where it is served."""
    with page.host(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(browser, address):
    """A function: what comes after the address, and settings of the browser -> the page, ready.

    At the end of a test nobody else was asked for anything, and nothing went wrong aloud.
    """
    contexts, asked, said = [], [], []

    def open_page(path="", **settings):
        context = browser.new_context(accept_downloads=True, **settings)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        context.on("request", lambda request: asked.append(request.url))  # of the worker, too
        tab.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda fault: said.append(str(fault)))
        tab.goto(address + path)
        tab.get_by_text("Ready. You can go offline now, but keep this page open.").first.wait_for(state="attached")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert any(url.endswith("generator.onnx") for url in asked)
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []


def pixels_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def saved(tab, button):
    """The picture that a button saves."""
    with tab.expect_download() as download:
        button.click()
    return pixels_of(Path(download.value.path()).read_bytes())


def give(tab, *files):
    tab.locator("input[type=file]:not([webkitdirectory])").first.set_input_files(list(files))


def alike(ours, theirs):
    """Two pictures are one to the eye: hardly a value is off by more than 2 of 255."""
    off = np.abs(ours - theirs)
    return ours.shape == theirs.shape and np.mean(off > 2) < 0.003


def test_a_photo_becomes_the_face_that_encode_draws(opened):
    assert encode.main([str(ASTRONAUT), "--run", str(runs.PRETRAINED), "--output", "faces/"]) == 0
    tab = opened()
    later = []
    tab.context.on("request", lambda request: later.append(request.url))
    give(tab, ASTRONAUT)
    tab.get_by_role("img", name="Anime face: a woman").wait_for()
    download = tab.get_by_role("button", name="Download PNG")
    face = saved(tab, download)
    assert alike(face, images.read("faces/astronaut.png").astype(int))
    assert tab.get_by_text("a woman, young, brown long hair, fringe, smiling, mouth open").count()
    tab.get_by_role("radio", name="blue").check(force=True)
    tab.get_by_role("img", name="blue long hair").wait_for()
    blue = saved(tab, download)
    assert not alike(blue, face)
    tab.get_by_role("slider", name="How freely it is drawn").fill("1")
    tab.locator(".result .stage:not([aria-busy])").wait_for()
    assert not alike(saved(tab, download), blue)
    tab.get_by_role("radio", name="Sticker").check(force=True)
    tab.locator(".result .stage:not([aria-busy])").wait_for()
    sticker = saved(tab, download)
    assert sticker.shape == (512, 512, 3) and sticker.std() > 20
    assert [url for url in later if not url.startswith(("blob:", "data:"))] == []  # without a connection, too
    assert violations(tab) == []


def test_a_seed_is_the_face_that_generate_draws(opened):
    words = ["--run", str(runs.PRETRAINED), "--seeds", "12", "--edit", "hair-dark=2", "--output", "faces/"]
    assert generate.main(words) == 0
    tab = opened("#seed=12&edit=hair-dark:2", **PHONE)
    tab.get_by_role("img", name="Face 12, large").wait_for()
    tab.wait_for_function("document.querySelector('canvas[aria-label=\"Face 12, large\"]').width === 256")
    tab.locator("[aria-busy=true]").wait_for(state="detached")
    face = saved(tab, tab.get_by_role("button", name="Download PNG"))
    assert alike(face, images.read("faces/seed_000012.png").astype(int))
    assert violations(tab) == []
    tab.goto(tab.url.partition("#")[0] + "#game")
    tab.get_by_role("heading", name="Is it me?").wait_for()
    assert violations(tab) == []


def test_the_grid_shows_well_drawn_faces_or_all(opened, site):
    well = json.loads((site / "models" / "model.json").read_text())["well"]
    tab = opened("#faces")
    cells, begin = tab.locator(".grid .cell"), tab.get_by_label("Begin with seed")

    def shown():
        return [int(cells.nth(place).get_attribute("data-seed")) for place in range(4)]

    tab.locator(".grid .cell canvas").first.wait_for()
    assert shown() == well[:4]
    begin.fill("1000")  # the face that somebody asks for comes first, however it is drawn
    begin.press("Enter")
    assert shown() == [1000, *[seed for seed in well if seed > 1000][:3]]
    cells.first.focus()
    cells.first.press("ArrowRight")
    assert tab.evaluate("document.activeElement.dataset.seed") == str(shown()[1])
    tab.get_by_role("radio", name="All").check(force=True)
    assert shown() == [1000, 1001, 1002, 1003]
    begin.fill(str(well[-1] + 5))  # nobody has looked at these
    begin.press("Enter")
    tab.get_by_role("radio", name="Well drawn").check(force=True)
    assert shown() == well[:4]
    begin.fill(str(well[-1] + 5))
    begin.press("Enter")
    assert tab.get_by_role("radio", name="All").is_checked()
    assert shown()[3] == well[-1] + 8
    assert violations(tab) == []


def test_what_is_no_photo_has_its_sentence(opened):
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    Path("phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    images.save("sea.png", np.full((300, 400, 3), (40, 90, 140), np.uint8))
    tab = opened()
    for file, words in (("broken.jpg", "broken: This is no picture that your browser can read."),
                        ("phone.heic", "phone: This is a HEIC picture, and your browser cannot read it."),
                        ("sea.png", "No face was found in sea.")):  # fmt: skip
        give(tab, file)
        tab.get_by_text(words).first.wait_for()


def test_a_browser_without_webassembly_is_told(browser, address):
    context = browser.new_context()
    context.add_init_script("delete globalThis.WebAssembly")
    tab = context.new_page()
    tab.route("**/worker.js", lambda route: route.fulfill(
        content_type="text/javascript", body="delete globalThis.WebAssembly;" + route.fetch().text()))  # fmt: skip
    tab.goto(address)
    tab.get_by_text("This browser cannot run the networks").wait_for(timeout=PATIENCE)
    context.close()


def test_a_file_of_another_version_is_fetched_again(browser, address):
    """A proxy, or the browser, may still have the file of an older page under the same name."""
    context, asked = browser.new_context(), []

    def older(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(body=b"an older network")
        else:
            route.continue_()

    context.route("**/face_points.onnx", older)
    tab = context.new_page()
    tab.goto(address)
    tab.get_by_text("Ready. You can go offline now").first.wait_for(state="attached", timeout=PATIENCE)
    assert len(asked) == 2
    context.close()


def test_without_its_runtime_the_page_offers_to_be_loaded_again(browser, address):
    context = browser.new_context()
    context.route("**/ort/*.mjs", lambda route: route.abort())
    tab = context.new_page()
    tab.goto(address)
    tab.get_by_text("Some files of this page could not be loaded.").wait_for(timeout=PATIENCE)
    context.unroute("**/ort/*.mjs")
    tab.get_by_role("button", name="Try again").click()
    tab.get_by_text("Ready. You can go offline now").first.wait_for(state="attached", timeout=PATIENCE)
    context.close()


def test_a_photo_that_is_removed_is_missed_by_nobody(opened):
    """The game still draws the people of two photos when one of them is removed."""
    tab = opened()
    give(tab, ASTRONAUT, ASTRONAUT)
    tab.get_by_role("group", name="Your photos").get_by_role("button").nth(1).click()  # shows the second one
    tab.locator(".result button:enabled", has_text="Download PNG").wait_for()
    tab.goto(tab.url.partition("#")[0] + "#game")
    tab.evaluate("""() => {
        const button = (text) => [...document.querySelectorAll("button")].find(
            (one) => `${one.textContent} ${one.title} ${one.ariaLabel}`.includes(text));
        button("Use the people of Animify").click();
        button("Remove this photo").click();
    }""")
    tab.get_by_text("1 person found.").wait_for()
    assert not tab.get_by_text("Something went wrong").is_visible()


def test_a_look_that_is_chosen_beside_the_sticker_is_drawn_on_the_face_too(opened):
    tab = opened()
    give(tab, ASTRONAUT)
    tab.get_by_text(SHOWN).first.wait_for(state="attached")
    tab.get_by_text("Sticker", exact=True).click()
    tab.get_by_role("group", name="Hair", exact=True).get_by_label("blue").check(force=True)
    tab.locator('canvas[aria-label*="blue"]').wait_for(state="attached")


def test_the_folder_is_complete_and_says_what_is_in_it(site):
    told = json.loads((site / "models" / "model.json").read_text())
    assert {"generator", "upscaler", "parts", "face_points"} < set(told["networks"])
    assert "encoder" not in told["networks"]
    assert all((site / "models" / network["file"]).stat().st_size == network["bytes"]
               for network in told["networks"].values())  # fmt: skip
    assert told["known"] == page._told(site / "models" / "looks.json")
    html = (site / "index.html").read_text()
    assert page.policy(site).startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; ")
    assert "http" not in html.replace("http-equiv", "")
    assert not list(site.rglob("node_modules"))


def test_the_host_serves_the_folder_and_nothing_else(site, address):
    (site.parent / "secret").write_text("secret")
    port = urllib.parse.urlsplit(address).port

    def answer(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    response, body = answer("/")
    assert response.status == 200 and b"main.js" in body
    assert response.headers["Content-Security-Policy"] == page.policy(site)
    assert answer("/main.js")[0].headers["Content-Type"].startswith("text/javascript")
    assert answer("/ort/" + page.RUNTIME_FILES[-1], "HEAD")[0].headers["Content-Type"] == "application/wasm"
    for path in ("/../secret", "/%2e%2e/secret", "//secret", "/models/../../secret"):
        assert answer(path)[0].status == 404
    assert answer("/", "POST")[0].status == 501


def test_a_port_that_is_taken(refused, free_ports):
    (port,) = free_ports(1)
    with page.host(Path(), port):
        assert f"--port {port} cannot be used" in refused(program.main, ["--port", str(port), "--output", "o"], 1)


def test_ctrl_c_ends_it_well(monkeypatch, free_ports, capsys):
    monkeypatch.setattr(page, "build", lambda *_: None)
    monkeypatch.setattr(page, "host", lambda *_: Interrupted())
    assert program.main(["--output", "o"]) == 0
    assert "Ctrl-C ends it" in capsys.readouterr().out


class Interrupted(contextlib.nullcontext):
    """A server that Ctrl-C ends at once."""

    server_port = 8765

    def serve_forever(self):
        raise KeyboardInterrupt


def test_without_what_npm_brings(refused, monkeypatch):
    monkeypatch.setattr(page, "RUNTIME", Path("gone"))
    assert "lacks ONNX Runtime Web: run make page" in refused(program.main, ["--build"], 1)


def test_a_generator_that_the_page_cannot_use(refused, trained):
    assert "the page draws faces of 64x64 pixels in colour" in refused(program.main, [str(trained), "--build"], 2)


@pytest.mark.parametrize(
    ("words", "line"),
    [(["one", "two"], "one run at a time: name one"), (["--build", "--port", "80"], "--build shows nothing")],
)
def test_bad_input(refused, words, line):
    assert line in refused(program.main, words, 2)
