"""Folders: empty, closed, linked, deep; and files in them that are no files."""

import functools
import os
import socket
from pathlib import Path

from tests.corpus import archives, made, pictures, readers
from tests.corpus.case import Case, as_everybody, must, refused, run, warned

CLOSED = "Permission denied|permission|may not be read|not allowed|closed"


def _closed_inside(folder):
    made.good(folder / "closed", 3)
    (folder / "closed").chmod(0)


def _closed_file(folder):
    (folder / "x.png").write_bytes(made.encoded("PNG"))
    (folder / "x.png").chmod(0)


def _loop(folder):
    (folder / "sub").mkdir()
    (folder / "sub/above").symlink_to("..")
    (folder / "here").symlink_to(".")


def _itself(folder):
    (folder / "x.png").symlink_to("x.png")


def _nowhere(folder):
    (folder / "x.png").symlink_to("nowhere.png")


def _linked_folder(folder):
    made.good("elsewhere", 5)
    (folder / "more").symlink_to(Path("elsewhere").resolve())


def _linked_twice(folder):
    _linked_folder(folder)
    (folder / "again").symlink_to(Path("elsewhere").resolve())


def _linked_file(folder):
    made.good("elsewhere", 1)
    (folder / "x.png").symlink_to(Path("elsewhere/good_00.png").resolve())


def _pipe(folder):
    os.mkfifo(folder / "x.png")


def _socket(folder):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(f"{folder}/x.png")


def _device(folder):
    (folder / "x.png").symlink_to("/dev/zero")


def _terminal(folder):
    (folder / "x.png").symlink_to("/dev/stdin")


def _called_picture(folder):
    made.good(folder / "a.jpg", 5)


def _deep(folder):
    made.good(folder.joinpath(*["d"] * 100), 5)


def _hidden(folder):
    made.good(folder / ".thumbnails", 5)
    (folder / ".x.png").write_bytes(made.encoded("PNG"))


def _usual(folder):
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt", "x.json", "captions.csv"):
        (folder / name).write_bytes(b"\0\1 nothing to see" * 20)


def _captions(folder):
    for number in range(10):
        (folder / f"good_{number:02d}.txt").write_text("1girl, solo")


def _half_done(folder):
    for name in ("x.jpg.part", "x.jpg.crdownload", "x.jpg.tmp", "x.jpg~"):
        (folder / name).write_bytes(made.encoded("JPEG")[:900])


def _large(folder):
    with open(folder / "x.png", "wb") as file:
        file.truncate(600 << 20)


def _zip_in_folder(folder):
    (folder / "x.zip").write_bytes(archives.zipped())


def _many_broken(folder):
    for number in range(300):
        (folder / f"x{number:03d}.png").write_bytes(b"broken")


def _html(folder):
    for number in range(30):
        (folder / f"x{number:03d}.jpg").write_bytes(pictures.HTML)


# what, what is added to a folder of ten good pictures, how many are used, words that must be said of the others.
FOLDERS = [
    ("a closed folder inside", _closed_inside, 10, ("closed", CLOSED)),
    ("a closed file inside", _closed_file, 10, ("x.png", CLOSED)),
    ("links in a loop", _loop, 10, ()),
    ("a link to itself", _itself, 10, ("x.png",)),
    ("a link to nowhere", _nowhere, 10, ("x.png",)),
    ("a link to a folder", _linked_folder, 15, ()),
    ("two links to a folder", _linked_twice, 15, ()),
    ("a link to a picture", _linked_file, 11, ()),
    ("a pipe", _pipe, 10, ("x.png",)),
    ("a socket", _socket, 10, ("x.png",)),
    ("a link to an endless device", _device, 10, ("x.png",)),
    ("a link to the keyboard", _terminal, 10, ("x.png",)),
    ("a folder named a.jpg", _called_picture, 15, ()),
    ("100 folders in each other", _deep, 15, ()),
    ("hidden files and folders", _hidden, 10, ()),
    ("what Windows and macOS leave in folders", _usual, 10, ()),
    ("texts beside the pictures", _captions, 10, ()),
    ("downloads that are not done", _half_done, 10, ()),
    ("a file of 600 MB", _large, 10, ("x.png",)),
    ("a zip", _zip_in_folder, 20, ()),
    ("300 broken pictures", _many_broken, 10, ("300",)),
    ("30 HTML pages", _html, 10, ("30", "HTML")),
]  # fmt: skip
SHORT = ("links in a loop", "30 HTML pages")


def cases(short: bool = False) -> list[Case]:
    """Each folder with three programs, and what is wrong with the path itself."""
    found = []
    for what, change, used, words in FOLDERS:
        for program in ("train.py", "preprocess.py", "encode.py"):
            found.append(Case("folders", f"{what}, {program}", functools.partial(_tried, program, change, used, words),
                              what in SHORT and program == "train.py"))  # fmt: skip
    for program, (flag, _) in PATHS.items():
        for what, make, words in WRONG:
            tried = functools.partial(_wrong, program, make, words)
            found.append(Case("paths", f"{what}, {program} {flag}", tried, what == "no such path"))
        found.append(Case("paths", f"a pattern that the shell left as it is, {program}",
                          functools.partial(_pattern, program), program == "encode.py"))  # fmt: skip
    for program, what, make, words in OUTPUTS:
        tried = functools.partial(_output, program, make, words)
        found.append(Case("outputs", f"{what}, {' '.join(map(str, words[:1]))} {program}", tried, what == "a file"))
    found.append(Case("outputs", "crops inside the folder of pictures, preprocess.py", _inside))
    found.append(Case("outputs", "preprocess.py twice", _twice, True))
    return found


def _tried(program, change, used, words):
    folder = made.good("set", 10)
    change(folder)
    made.trained(), made.probe()
    flags = PATHS[program][1](folder)
    with as_everybody():
        if program == "train.py":
            done, faces = readers.train(folder)
            count = len(faces) if faces else 0
        elif program == "preprocess.py":
            done = run("preprocess", *flags)
            count, words = len(list(Path("crops").glob("*.png"))), ()
        else:
            done = run("encode", *flags)
            count, words = len(list(Path("out").glob("*.png"))), words[:1]
    warned(done, *words)
    must(count == used, f"{count} pictures are used instead of {used}", done)
    return "used"


def _empty(name):
    Path(name).mkdir()


def _closed(name):
    made.good(name, 3)
    Path(name).chmod(0)


def _text(name):
    Path(name).write_text("hello")


def _only_hidden(name):
    made.good(Path(name, ".hidden"), 3)


def _a_pipe(name):
    os.mkfifo(name)


WRONG = [
    ("no such path", lambda name: None, ("does not exist|no such",)),
    ("an empty folder", _empty, ("no pictures|empty|no photo",)),
    ("a closed folder", _closed, (CLOSED,)),
    ("a text", _text, ("no picture|text",)),
    ("only hidden pictures", _only_hidden, ("no pictures|no photo",)),
    ("a pipe", _a_pipe, ("pipe|no file|not a file|no picture",)),
]
PATHS = {
    "train.py": ("--data", lambda path: ["--data", path, "--cache", "cache", "--run", "run", *made.TINY]),
    "preprocess.py": ("--input", lambda path: ["--input", path, "--output", "crops", *made.WHOLE]),
    "encode.py": ("photos", lambda path: [path, "--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe(),
                                          "--output", "out/"]),
    "evaluate.py": ("--real", lambda path: ["--real", path, "--fake", made.good("fake", 10), "--features",
                                            "discriminator", "--cache", "cache"]),
}  # fmt: skip


def _wrong(program, make, words):
    make("thing")
    flags = PATHS[program][1]("thing")
    with as_everybody():
        return refused(run(program.removesuffix(".py"), *flags), "thing", *words, anywhere=True)


def _pattern(program):
    made.good(Path(), 10)
    flags = PATHS[program][1]("*.png")
    return warned(run(program.removesuffix(".py"), *flags))


def _a_file(name):
    Path(name).write_text("mine")


def _a_folder(name):
    Path(name).mkdir()
    Path(name, "mine").write_text("mine")


def _shut(name):
    place = Path(name)
    (place.parent if place.suffix else place).mkdir(exist_ok=True)
    (place.parent if place.suffix else place).chmod(0o555)


def _nothing(name):
    pass


def _generate(path):
    return ["--count", "2", "--run", made.trained(), "--output", path]


LONG = "o" * 300 + ".png"
OUTPUTS = [
    ("train.py", "a file", _a_file, ("--cache", "thing")),
    ("train.py", "in a folder that nobody may write to", _shut, ("--cache", "thing")),
    ("train.py", "a file", _a_file, ("--run", "thing")),
    ("train.py", "a folder of something else", _a_folder, ("--run", "thing")),
    ("train.py", "a closed folder", _shut, ("--run", "thing")),
    ("preprocess.py", "a file", _a_file, ("--output", "thing")),
    ("preprocess.py", "a closed folder", _shut, ("--output", "thing")),
    ("generate.py", "a folder that nobody may write to", _shut, ("--output", "shut/a.png")),
    ("generate.py", "a name that is too long", _nothing, ("--output", LONG)),
    ("generate.py", "below a file", _a_file, ("--output", "thing/a.png")),
    ("generate.py", "an unknown ending", _nothing, ("--output", "a.jpg")),
    ("encode.py", "a folder that nobody may write to", _shut, ("--output", "shut/a.png")),
    ("encode.py", "a name that is too long", _nothing, ("--output", LONG)),
    ("encode.py", "below a file", _a_file, ("--output", "thing/a.png")),
    ("explore.py", "a folder that nobody may write to", _shut, ("--output", "shut/a.gif")),
    ("explore.py", "a name that is too long", _nothing, ("--output", LONG.replace("png", "gif"))),
    ("evaluate.py", "a folder that nobody may write to", _shut, ("--output", "shut/a.png")),
    ("evaluate.py", "a name that is too long", _nothing, ("--output", LONG)),
    ("evaluate.py", "a file", _a_file, ("--cache", "thing")),
]  # fmt: skip


def _output(program, make, words):
    """Where the results should go: refused before the work, with the flag or the path, and nothing is lost."""
    flag, path = words
    make(path.split("/")[0] if make is _a_file else path)
    made.good("set", 10)
    made.trained(), made.probe()
    flags = {
        "train.py": ["--data", "set", *made.TINY], "preprocess.py": ["--input", "set", *made.WHOLE],
        "generate.py": ["--run", made.trained(), "--count", "2"],
        "encode.py": ["set/good_00.png", "--no-detect", "--refine", "0", *made.PROBED, "--run", made.probe()],
        "explore.py": ["walk", "--run", made.trained(), "--count", "2", "--frames", "2"],
        "evaluate.py": ["--real", "set", "--fake", made.good("fake", 10), "--features", "discriminator"],
    }[program]  # fmt: skip
    others = {"--cache": "cache", "--run": "run"} if program == "train.py" else {}
    more = [word for other, value in others.items() if other != flag for word in (other, value)]
    with as_everybody():
        done = run(program.removesuffix(".py"), *flags, *more, flag, path)
    result = refused(done, f"{flag}|{path}", code=2 if flag == "--output" else None)
    if make is _a_file:
        must(Path(path.split("/")[0]).read_text() == "mine", "the file that was there is lost", done)
    return result


def _inside():
    """The crops are not taken for pictures, in the first run and in the second one."""
    folder = made.good("set", 10)
    for _ in range(2):
        warned(run("preprocess", "--input", folder, "--output", folder / "faces", *made.WHOLE))
        must(len(list(Path("set/faces").glob("*.png"))) == 10, "crops are taken for pictures")
    return "used"


def _twice():
    folder = made.good("set", 10)
    for _ in range(2):
        done = run("preprocess", "--input", folder, "--output", "crops", *made.WHOLE)
        warned(done)
    must(len(list(Path("crops").glob("*.png"))) == 10, "pictures are added twice", done)
    must(len(Path("crops/manifest.jsonl").read_text().splitlines()) == 10, "lines are added twice", done)
    return "used"
