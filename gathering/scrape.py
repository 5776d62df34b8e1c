"""Tags or a URL -> a folder of pictures from a gallery site. gallery-dl downloads them, as a program of its own.

It reads its own configuration files: a user sets an account, a proxy or a further site there.
"""

import contextlib
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from animefaces import images
from animefaces.files import write_json
from animefaces.problems import Misuse, Problem
from animefaces.progress import Bar
from animefaces.words import counted, visible

RAW = Path("data/raw")
SITE = "https://danbooru.donmai.us"
ARCHIVE = ".archive.sqlite3"  # in the folder of a search: gallery-dl's list of what it has downloaded
SEARCH = ".search.json"  # in the folder of a search: what was asked for
# What sites call pictures that were made by networks.
OF_AI = ("ai-generated", "ai-assisted", "ai_generated", "ai_assisted", "stable_diffusion", "novelai", "midjourney")
FREE_TAGS = 2  # tags that SITE lets a visitor without an account search for; "rating:" does not count
# What sites call their ratings. "s" is "sensitive" on some sites and "safe" on others. Here it counts as sensitive.
RATINGS = {"general": ("g", "general", "safe"), "sensitive": ("g", "general", "safe", "s", "sensitive")}

SLOWER = "wait some minutes, then run the same command with --pause 5"
# A pattern in what gallery-dl says -> what is wrong and what to do. The first pattern that fits counts.
FAULTS = [
    (r"\b429\b", f"the site asks to slow down (429): {SLOWER}"),
    (r"\b403\b|challenge|captcha", f"the site refuses (403): {SLOWER}, or give gallery-dl an account for it"),
    (r"\b401\b|credentials|login", "the site wants an account: give gallery-dl one, as its documentation says"),
    (r"\b422\b", "the site refuses this search (422): give fewer or simpler tags, or give gallery-dl an account"),
    (r"\b(404|410)\b|could not be found", "the site has no such page (404): check the URL"),
    (r"\b5\d\d\b", "the site has trouble of its own: run the same command again later"),
    (r"time-?out|timed out", "the site does not answer in time: check the network, then run the same command again"),
    (
        r"NameResolution|NewConnection|ConnectionError|refused|unreachable|resolve|Max retries|reset|aborted",
        "the site cannot be reached: check the network and its proxy, then run the same command again",
    ),
    (r"No space left", "the disk is full: free some space, then run the same command again"),
    (r"Permission denied|Read-only", f"a picture cannot be written: change the permissions in {RAW}"),
    (r"Unsupported URL", "gallery-dl does not know this site: give tags, or the URL of a site that it knows"),
]


def scrape(
    target: str,
    limit: int,
    rating: str = "general",
    pause: float = 1.0,
    raw: Path | None = None,
    without: Sequence[str] = OF_AI,
) -> tuple[Path, str | None]:
    """Tags or a URL -> (the folder of the pictures, None), or what went wrong instead of None if some are missing.

    The folder gets the first `limit` pictures of the search, with their tags beside them; pictures that were
    downloaded before are not downloaded again. `rating`: "general", "sensitive" or "any". `pause`: the shortest wait
    between two requests, in seconds; the longest is twice that. `raw`: the folder of all searches (default: RAW).
    `without`: tags, names of artists among them, whose pictures are left out. Raises Problem if there is no picture at
    all, and if the user stops it.
    """
    if importlib.util.find_spec("gallery_dl") is None:
        raise Problem("gallery-dl is not installed: pip install -r requirements.txt")
    folder = Path(raw or RAW, _name(target, rating, without))
    words = command(target, limit, rating, pause, folder, without)
    _make(folder)
    with tempfile.TemporaryFile("w+", errors="replace") as messages:
        code, seen = _run(words, messages, limit, folder)
        messages.seek(0)
        lost, why, fault = explain(code, messages)
    here = _pictures(folder)
    if not here:
        with contextlib.suppress(OSError):  # it may hold something else
            folder.rmdir()
        raise Problem(fault or why or _nothing_found(target, rating, seen and folder / ARCHIVE))
    write_json(folder / SEARCH, {"search": target, "rating": rating, "without": sorted(without)})
    if lost and not fault:
        fault = f"{lost} of the pictures could not be fetched: {why}"
    return folder, f"{fault} ({folder} has {counted(here, 'picture')}; it goes on where it stopped)" if fault else None


def _make(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise Problem(f"the pictures of --scrape go to {folder}, which cannot be made ({fault.strerror}): change the "
                      "permissions there, or run preprocess.py in another folder") from fault  # fmt: skip


def _nothing_found(target, rating, archive):
    if archive:
        return f"the pictures for {target!r} were downloaded before and moved: delete {archive} to download them again"
    rated = "" if rating == "any" else ", or give another --rating"
    return f"there are no pictures for {target!r}: check the spelling of the tags (hair_ribbon is one tag){rated}"


def command(
    target: str, limit: int, rating: str, pause: float, folder: Path, without: Sequence[str] = OF_AI
) -> list[str]:
    """What `scrape` is asked for -> the words of gallery-dl's command line. Raises Misuse for a wrong target."""
    try:
        target.encode()
    except UnicodeEncodeError as fault:  # no site has a tag that is not UTF-8
        raise Misuse(f"--scrape {visible(target)} will not do, because it is not UTF-8: type it anew") from fault
    allowed = f"extension in {tuple(sorted(s[1:] for s in images.SUFFIXES))!r}"
    if rating != "any":
        # abort(): if the site has no ratings, the search ends at once, else gallery-dl would read all of its pages.
        allowed += f" and ('rating' in locals() or abort()) and rating in {RATINGS[rating]!r}"
    if without:  # sites give tags as a list or as one text, and some give none
        tags = "set(tags.split() if isinstance(tags, str) else tags)"
        allowed += f" and ('tags' not in locals() or {tags}.isdisjoint({tuple(sorted(without))!r}))"
    if "://" in target:
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misuse(f"--scrape {target} will not do: it must be tags, or a URL with http or https")
        url = target
    else:
        searched, filtered = split_tags(target)
        if rating != "any":
            searched.append("rating:" + ",".join(r for r in RATINGS[rating] if len(r) == 1))
        url = f"{SITE}/posts?tags={quote(' '.join(searched))}"
        for tag in filtered:
            allowed += f" and {tag.removeprefix('-')!r} {'not in' if tag.startswith('-') else 'in'} tags"
    return [
        sys.executable, "-m", "gallery_dl", "--no-input", "--no-colors", "-D", str(folder), "--write-metadata",
        "--download-archive", str(folder / ARCHIVE), "--range", f"1-{limit}", "--filter", allowed,
        "--sleep-request", f"{pause:f}-{2 * pause:f}", "--sleep", f"{pause / 2:f}-{pause:f}", "--", url,
    ]  # fmt: skip


def split_tags(text: str) -> tuple[list[str], list[str]]:
    """Tags in one text -> (the tags that the site searches for, the tags that gallery-dl compares afterwards)."""
    tags = text.split()
    if not tags:
        raise Misuse("--scrape will not do without a tag or a URL: see preprocess.py --help")
    special = [tag for tag in tags if re.search(r"[:*~()]", tag)]  # only the site understands these
    plain = sorted((tag for tag in tags if tag not in special), key=lambda tag: tag.startswith("-"))
    free = max(0, FREE_TAGS - len(special))
    return special + plain[:free], plain[free:]


def explain(code: int, messages: Iterable[str]) -> tuple[int, str, str | None]:
    """gallery-dl's exit code and lines on stderr -> (pictures lost, why the last one was, what ended the search).

    Both reasons are in plain words. The last one is None if the search came to its end.
    """
    lost, why, fault = 0, "", None
    for line in messages:
        if "Failed to download" in line:
            lost += 1
        elif "[error]" in line:
            fault = fault or _in_words(line)
        elif "[downloader" in line:
            why = _in_words(line)
    if fault is None and code and not lost:
        fault = f"gallery-dl failed with exit code {code}: run the same command again"
    return lost, why, fault


def _in_words(line):
    text = re.sub(r"^(\[[^]]*\])+ *", "", line.strip())
    blamed = text.partition(" for 'http")[0]  # an address may contain any number or word
    for pattern, words in FAULTS:
        if re.search(pattern, blamed, re.IGNORECASE):
            return words
    return f"gallery-dl failed ({text}): run the same command again"


def _run(command, messages, limit, folder):
    """Run gallery-dl to its end -> (its exit code, how many pictures of the search it has by now)."""
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, text=True, errors="replace") as process,
        Bar(total=limit, desc="scraping", unit="img") as bar,
    ):
        try:
            seen = 0
            for _ in process.stdout or ():  # one line for each picture
                seen += 1
                bar.update()
            return process.wait(), seen
        except KeyboardInterrupt:
            raise Problem(
                f"stopped: {folder} has {counted(_pictures(folder), 'picture')}; run the same command again to go on"
            ) from None
        finally:
            if process.poll() is None:
                process.terminate()


def _pictures(folder):
    """The number of pictures in a folder."""
    return sum(path.suffix.lower() in images.SUFFIXES for path in folder.iterdir())


def _name(target, rating, without):
    """What `scrape` is asked for -> the name of a folder, the same one each time."""
    more = "" if tuple(without) == OF_AI else " ".join(["", *sorted(without)])
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", target.partition("://")[2] or target).strip("._")[:60]
    return f"{readable}-{hashlib.sha256(f'{target} {rating}{more}'.encode(errors='replace')).hexdigest()[:6]}"
