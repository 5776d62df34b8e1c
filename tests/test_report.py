"""The report of preprocess.py: whatever a name, a tag or a manifest holds, it is text in the page and nothing else."""

import base64
import hashlib
import html.parser
import json
import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from PIL import Image

from animefaces.words import visible
from demo import cartoons
from gathering import crops, decisions, manifest, report
from gathering.pictures import Picture

NAMES = [
    "a onmouseover=alert(1) b.png", "' onload='alert(1).png", '" onload="alert(1).png', "><script>alert(1)<\\x>.png",
    "<!-- .png", "]]>.png", "</style><b>.png", "&lt;b&gt;&#39;.png", "{{ 7 * 7 }}{% raw %}.png", "javascript:alert(1)",
    "new\nline\tand\x00\x1b[2J.png", "\u202egnp.exe", os.fsdecode(b"caf\xe9.jpg"), "%41 #?.png", "😀e\u0301.png",
    "x" * 250,
]  # fmt: skip
# What the template itself writes: nothing else may come out.
ALLOWED = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"}, "title": set(),
    "link": {"rel", "href"}, "style": set(), "body": set(), "header": set(), "h1": set(), "h2": {"id"}, "p": set(),
    "table": set(), "tr": set(), "td": {"class"}, "a": {"href"}, "section": set(), "figure": {"title"},
    "div": {"class", "id"}, "img": {"alt", "src"}, "figcaption": set(), "bdi": set(),
}  # fmt: skip


class Page(html.parser.HTMLParser):
    """The elements of a page, as (name, attributes), and its texts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.other = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.other.append(data)

    handle_pi = unknown_decl = handle_comment

    def values(self, tag, name):
        return [attributes[name] for element, attributes in self.elements if element == tag and name in attributes]


def written(folder, lines):
    folder.mkdir(exist_ok=True)
    (folder / manifest.NAME).write_text("".join(map(manifest.to_text, lines)))
    report.write(folder, Counter(line["verdict"] for line in lines), margin=0.45, upright=True)
    return Page((folder / report.NAME).read_text(encoding="utf-8"))


def line(verdict, source="/pictures/a.png", tags=(), detail="", **changes):
    return manifest.line(Picture(source, None, tags=tags), crops.Crop(verdict, detail)) | changes


def test_what_comes_from_outside_is_text_only(tmp_path):
    lines = [line("unreadable", f"/a b/{name}", (name, "hair"), name) for name in NAMES]
    page = written(tmp_path / "faces", [*lines, *(line(name) for name in NAMES)])
    assert page.other == []
    for tag, attributes in page.elements:
        assert tag in ALLOWED and attributes.keys() <= ALLOWED[tag], (tag, attributes)
    assert sorted(page.values("figure", "title")) == sorted(
        [f"/a b/{visible(name)}" for name in NAMES] + ["/pictures/a.png"] * len(NAMES)
    )
    for name in NAMES[:-1]:
        assert page.texts.count(visible(name)) >= 3  # as a name, as a detail, and as a verdict
        assert f"{visible(name)} hair" in page.texts
    assert "default-src 'none'" in page.values("meta", "content")[0]
    # One style, and no script where there is no crop: what a name brings must not become a part of it.
    assert [tag for tag, _ in page.elements].count("style") == 1


@pytest.mark.parametrize("name", [name.replace("/", "|") for name in NAMES[:-1] if "\x00" not in name])
def test_crops_reach_the_script_as_data_whatever_their_names_are(tmp_path, name):
    folder = tmp_path / "faces"
    folder.mkdir()
    with open(folder / name, "wb") as file:
        Image.fromarray(cartoons.draw(0)).save(file, "PNG")
    (folder / decisions.NAME).write_text(json.dumps({"accepted": ["<!--<script>.png"]}))
    written(folder, [line("kept", f"/a b/{name}", file=name)])
    text = (folder / report.NAME).read_text(encoding="utf-8")
    policy = Page(text).values("meta", "content")[0]
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy and "<" not in data
    known = json.loads(data)
    assert known["names"] == [name] and known["sources"] == [report._short(name)]
    assert unquote_to_bytes(known["addresses"].get("0", name)) == os.fsencode(name)


@pytest.mark.parametrize("name", NAMES[:7] + NAMES[8:10] + NAMES[11:13] + NAMES[13:15])
def test_a_link_leads_to_the_file_whatever_its_name_is(tmp_path, name):
    folder = tmp_path / "faces"
    folder.mkdir()
    name = name.replace("/", "|")
    with open(folder / name, "wb") as file:
        Image.fromarray(cartoons.draw(0)).save(file, "PNG")
    source = str(folder / name)
    lines = [line("kept", source, file=name), line("small", source), line("duplicate", duplicate_of=name)]
    page = written(folder, lines)
    links = [link for link in page.values("a", "href") if not link.startswith("#")]
    kept, small, twin = links
    assert kept == twin and small.startswith("file:///") and kept.isascii() and small.isascii()
    assert not set(kept + small) & set(" <>'\"&\n")
    assert unquote_to_bytes(kept) == b"./" + os.fsencode(name)
    assert unquote_to_bytes(small.removeprefix("file://")) == os.fsencode(source)
    assert len(page.values("img", "src")) == 3


def test_only_verdicts_with_faces_are_listed(tmp_path):
    page = written(tmp_path, [line("kept"), line("small")])
    assert [text for text in page.texts if text in crops.REASONS] == ["kept", "small"] * 2
    assert page.values("h2", "id") == ["verdict-1", "verdict-2"]


def test_long_texts_do_not_stretch_the_page(tmp_path):
    page = written(tmp_path, [line("small", tags=("x" * 5000, *"abcdefghij"), detail="y" * 5000)])
    shown = [text for text in page.texts if "xx" in text or "yy" in text]
    assert [len(text) for text in shown] == [203, 203 + len(" a b c d e f g")]
    (style,) = (text for text in page.texts if "figcaption {" in text)
    assert "overflow-wrap: anywhere" in style and "min-width: 0" in style


@pytest.mark.parametrize("size", [(1, 900), (8, 1700), (900, 1), (1700, 8), (1, 1), (3, 40_000)])
def test_thin_pictures_are_shown(tmp_path, size):
    path = tmp_path / "thin.png"
    Image.new("RGB", size, "teal").save(path)
    page = written(tmp_path, [line("small", str(path))])
    assert len(page.values("img", "src")) == 1


def test_a_sample_that_fails_costs_only_its_picture(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such eye")

    Image.fromarray(cartoons.draw(0)).save(tmp_path / "a.png")
    monkeypatch.setattr(report.images, "read", fail)
    page = written(tmp_path, [line("small", str(tmp_path / "a.png"))])
    assert page.values("img", "src") == [] and "a.png" in page.texts


def test_a_box_far_larger_than_its_picture_takes_no_memory(tmp_path):
    Image.fromarray(cartoons.draw(0)).save(tmp_path / "a.png")
    page = written(tmp_path, [line("cut-off", str(tmp_path / "a.png"), box=[-(10**6), -(10**6), 2 * 10**6, 2 * 10**6])])
    assert len(page.values("img", "src")) == 1


def test_what_cannot_be_seen_becomes_its_escape():
    assert visible("a\nb\u202ec\x1b" + os.fsdecode(b"\xe9")) == "a\\nb\\u202ec\\x1b\\udce9"
    assert visible("ü 日本 👩\u200d🎨") == "ü 日本 👩\u200d🎨"


def damaged(folder, text):
    (folder / manifest.NAME).write_bytes(text)
    numbers = []
    return list(manifest.lines(folder / manifest.NAME, numbers)), numbers


@pytest.mark.parametrize(
    "change",
    [
        {"source": 3}, {"verdict": ["kept"]}, {"tags": "abc"}, {"tags": [1]}, {"box": [1, 2]}, {"box": ["a"] * 4},
        {"hashes": {"perceptual": "zz"}}, {"hashes": "x"}, {"file": "../secret.png"}, {"file": "/etc/passwd"},
        {"duplicate_of": "../x.png"}, {"duplicate_of": "\ud800.png"}, {"picture": {}}, {"detail": None},
    ],
)  # fmt: skip
def test_a_line_that_is_not_ours_is_passed_over(tmp_path, change):
    good = json.dumps(line("kept")).encode()
    bad = json.dumps(line("kept") | change).encode()
    assert damaged(tmp_path, b"\n".join([good, bad, good])) == ([line("kept")] * 2, [2])


def test_only_a_whole_path_has_an_address(tmp_path):
    Path("photo.png").touch()
    assert report._absolute("photo.png") == ""
    assert report._absolute(str(Path("photo.png").resolve())).startswith("file:///")


def test_a_manifest_that_was_edited_or_cut(tmp_path):
    good = json.dumps(line("kept", "/ü.png"), ensure_ascii=False).encode()
    text = b"\xef\xbb\xbf" + good + b"\r\n\n\0\0\0\0\n[1]\nnull\n" + b"[" * 100_000 + b"\n\xff\xfe\n" + good
    lines, numbers = damaged(tmp_path, text)
    assert [found["source"] for found in lines] == ["/ü.png"] * 2 and numbers == [3, 4, 5, 6, 7]
