"""The documentation: links lead somewhere, modules that it names exist, and every page is in the index."""

import re

import pytest
from conftest import PROJECT

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
ROOMS = "animefaces|gathering|drawing|models|training|exploring|demo|benchmarks|tests"
PLANNED = {"drawing/export.py"}  # CONTRIBUTING.md says where it will be
EXAMPLES = re.compile(r"^(models|training)/NAME\.py$|^exploring/mean\.py$")


def text_of(page):
    return page.read_text(encoding="utf-8")


def anchors(page):
    """The names by which the headings of a page can be linked to."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        if path.startswith(("http:", "https:", "mailto:")):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_files_that_a_page_names_exist(page):
    named = set(re.findall(rf"`((?:{ROOMS})/[\w/]+\.\w+)`", text_of(page)))
    missing = {name for name in named if not (PROJECT / name).exists() and not EXAMPLES.match(name)}
    assert missing <= PLANNED


def test_the_index_has_every_page():
    index = text_of(PROJECT / "docs" / "README.md")
    pages = [page.relative_to(PROJECT / "docs") for page in PAGES if page.parent != PROJECT]
    assert [str(page) for page in pages if page.name != "README.md" and f"({page})" not in index] == []


def test_code_names_pages_that_exist():
    named = set()
    for file in PROJECT.rglob("*.py"):
        if not {".venv", "tests"} & set(file.relative_to(PROJECT).parts):
            named |= set(re.findall(r"docs/[\w/-]+\.md", text_of(file)))
    assert {name for name in named if not (PROJECT / name).exists()} == set()
