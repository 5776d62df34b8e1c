"""Environments: variables, settings of Keras, places that may not be written to, streams that are closed."""

import functools
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.corpus import made
from tests.corpus.case import PROJECT, Case, Done, look_at, must, refused, run, run_apart, warned

# What Jupyter, Colab and PyCharm set, for packages that this Python does not have.
NOTEBOOKS = ("inline", "module://matplotlib_inline.backend_inline", "module://backend_interagg")
KERAS = {
    "channels first": '{"image_data_format": "channels_first", "floatx": "float32", "backend": "tensorflow"}',
    "PyTorch as its backend": '{"backend": "torch"}',
    "JAX as its backend": '{"backend": "jax"}',
    "an unknown backend": '{"backend": "theano"}',
    "float16": '{"floatx": "float16"}',
    "float64": '{"floatx": "float64"}',
    "another epsilon": '{"epsilon": 0.1}',
    "no JSON": "{oops",
    "nothing": "",
    "a list": "[]",
    "an unknown format of pictures": '{"image_data_format": "diagonal"}',
}
UNREADABLE = ("a list", "an unknown format of pictures")  # to Keras, which only train.py needs


def cases(short: bool = False) -> list[Case]:
    """Programs in each environment. Each runs in a process of its own."""
    found = []

    def add(name, tried, short=False):
        found.append(Case("environments", name, tried, short))

    for program in ("train.py", "generate.py", "encode.py", "explore.py walk", "explore.py features", "preprocess.py",
                    "evaluate.py", "train.py vae"):  # fmt: skip
        for value in NOTEBOOKS[: 1 if program != "train.py" else 3]:
            add(f"MPLBACKEND={value}, {program}", functools.partial(_works, program, {"MPLBACKEND": value}),
                program == "generate.py")  # fmt: skip
    for value in ("TkAgg", "nonsense"):
        add(f"MPLBACKEND={value} without a screen, train.py", functools.partial(
            _works, "train.py", {"MPLBACKEND": value}))  # fmt: skip
    for what, text in KERAS.items():
        for program in ("generate.py", "train.py"):
            broken = what in UNREADABLE and program == "train.py"
            add(f"keras.json with {what}, {program}", functools.partial(_keras, program, text, broken))
    for name in ("nonsense", "torch", "theano", ""):
        add(f"KERAS_BACKEND={name}", functools.partial(_backend, name))
    add("KERAS_BACKEND=jax, generate.py", functools.partial(_works, "generate.py", {"KERAS_BACKEND": "jax"}))
    for variables in ({"LANG": "C", "LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
                      {"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "xx_YY.nonsense"}):  # fmt: skip
        for program in ("train.py", "encode.py", "preprocess.py"):
            add(f"{' '.join(f'{k}={v}' for k, v in variables.items())}, {program}",
                functools.partial(_named, program, variables))  # fmt: skip
    for variables in ({"PYTHONOPTIMIZE": "2"}, {"COLUMNS": "1"}, {"COLUMNS": "0"}, {"TERM": "dumb"},
                      {"TMPDIR": "/nowhere"}, {"PYTHONHASHSEED": "7"}, {"OMP_NUM_THREADS": "1"},
                      {"CUDA_VISIBLE_DEVICES": "7"}, {"HOME": "/nowhere"}, {"HOME": ""}, {"KERAS_HOME": "/nowhere"},
                      {"MPLCONFIGDIR": "/nowhere"}, {"TZ": "nonsense"}, {"PYTHONUNBUFFERED": "1"}):  # fmt: skip
        add(f"{' '.join(f'{k}={v}' for k, v in variables.items())}, train.py", functools.partial(
            _works, "train.py", variables))  # fmt: skip
    add("PYTHONOPTIMIZE=2, --help of all programs", _help)
    add("no HOME, train.py", functools.partial(_works, "train.py", {}, without=("HOME", "USER", "LOGNAME")))
    for text in ("{oops", "[]", "{}", '{"cluster": {"worker": ["a:1"]}}', '{"task": {"type": "worker", "index": 9}}'):
        add(f"TF_CONFIG={text}", functools.partial(_tf_config, text))
    for program in ("train.py", "generate.py", "encode.py", "explore.py walk", "preprocess.py"):
        add(f"a current folder that may not be written to, {program}", functools.partial(_read_only, program))
        add(f"a user without a home, {program}", functools.partial(_no_home, program))
    for program in ("generate.py", "preprocess.py", "train.py"):
        add(f"the disk is full, {program}", functools.partial(_full, program))
    add("a current folder that is gone", _gone)
    for program in ("generate.py", "train.py"):
        add(f"closed stdout, {program}", functools.partial(_stream, program, ">&-"))
        add(f"stdout that is full, {program}", functools.partial(_stream, program, ">/dev/full"))
        add(f"closed stderr, {program}", functools.partial(_stream, program, "2>&-"))
        add(f"closed stdin, {program}", functools.partial(_stream, program, "<&-"))
        add(f"a reader that leaves, {program}", functools.partial(_stream, program, "| true"))
    return found


def _words(program):
    """The program's name and the words with which it works."""
    name, *command = program.replace(".py", "").split()
    if command == ["walk"]:
        return name, ["walk", "--run", made.trained(), "--count", "2", "--frames", "2", "--output", "o.gif"]
    if command == ["features"]:
        return name, ["features", "--run", made.trained(), "--data", made.good("set", 10), "--cache", "cache",
                      "--output", "o.png"]  # fmt: skip
    if command == ["vae"]:
        return name, ["vae", "--data", made.good("set", 10), "--cache", "cache", "--run", "run", "--init-from",
                      made.trained(), "--size", str(made.SIZE), "--steps", "2", "--batch-size", "4"]  # fmt: skip
    return name, {
        "train": lambda: ["--data", made.good("set", 10), "--cache", "cache", "--run", "run", *made.TINY],
        "generate": lambda: ["--run", made.trained(), "--count", "2", "--output", "o.png"],
        "encode": lambda: [made.good("set", 1) / "good_00.png", "--no-detect", *made.PROBED, "--run", made.probe(),
                           "--output", "o/"],
        "preprocess": lambda: ["--input", made.good("set", 4), "--output", "o", *made.WHOLE],
        "evaluate": lambda: ["--real", made.good("set", 10), "--fake", made.good("fake", 10), "--features",
                             "discriminator", "--cache", "cache", "--output", "o.png"],
    }[name]()  # fmt: skip


def _works(program, variables, without=("MPLBACKEND",)):
    without = tuple(name for name in without if name not in variables)
    name, words = _words(program)
    done = run_apart(name, *words, without=without, **variables)
    must("trusted" not in done.said, "an environment's fault is called an untrusted file", done)
    return warned(done)


def _keras(program, text, broken):
    """With any settings of Keras the program does the same as without them; of `broken` ones it names the file."""
    Path("home/.keras").mkdir(parents=True)
    Path("home/.keras/keras.json").write_text(text)
    name, words = _words(program)
    done = run_apart(name, *words, without=("KERAS_HOME", "KERAS_BACKEND"), HOME=os.path.abspath("home"))
    if broken:
        return refused(done, "delete", "keras.json")
    warned(done)
    if name == "generate":
        seen = Path("o.png").read_bytes()
        warned(run("generate", *words))
        must(seen == Path("o.png").read_bytes(), "the faces are others than without keras.json", done)
    return "used"


def _backend(value):
    name, words = _words("train.py")
    done = run_apart(name, *words, KERAS_BACKEND=value)
    return warned(done) if not value else refused(done, "KERAS_BACKEND", value)


def _named(program, variables):
    """A picture and a folder with names that the terminal cannot show."""
    folder = made.good("\U0001f600 caf\u00e9", 10)
    (folder / "\u521d\u97f3.png").write_bytes(b"broken")
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(made.encoded("PNG"))
    name, words = _words(program)
    place = {"train": 1, "encode": 0, "preprocess": 1}[name]
    given = sorted(folder.iterdir()) if name == "encode" else [folder]
    done = run_apart(name, *words[:place], *given, *words[place + 1 :], **variables)
    return warned(done)


def _help():
    for program in ("train", "preprocess", "generate", "encode", "explore", "evaluate"):
        warned(run_apart(program, "--help", PYTHONOPTIMIZE="2"))
    return "used"


def _tf_config(text):
    name, words = _words("train.py")
    done = run_apart(name, *words, TF_CONFIG=text, seconds=60)
    return warned(done) if done.code == 0 else refused(done, "TF_CONFIG|--run|machine")


def _read_only(program):
    """Without an --output, results would go into the current folder, where this user may not write."""
    name, words = _words(program)
    for flag in ("--output", "--run" if name == "train" else "", "--cache"):
        if flag in words:
            place = words.index(flag)
            words = words[:place] + words[place + 2 :]
    os.chmod(".", 0o555)
    try:
        done = run_apart(name, *words, everybody=True)
    finally:
        os.chmod(".", 0o777)
    return refused(done, "permission|read-only|cannot be written|may not")


def _no_home(program):
    """No HOME that exists, so no settings and no caches: it works, and nobody is told of it at length."""
    name, words = _words(program)
    return warned(run_apart(name, *words, everybody=True, HOME="/nowhere"))


def _full(program):
    """A file may have 30,000 bytes at most. What was there before stays whole."""
    name, words = _words(program)
    old = Path("o.png")
    old.write_bytes(made.encoded("PNG"))
    if name == "generate":
        words = ["--run", made.trained(), "--count", "400", "--output", "o.png"]
    if name == "preprocess":
        big = made.image(64, 64)
        (Path("set") / "x.png").write_bytes(made.encoded("PNG", big))
        words = [word if word != made.SIZE else 512 for word in words] + ["--min-face", "1"]
    before = old.read_bytes()
    done = _limited(name, words, 30_000 if name == "train" else 15_000)
    must(old.read_bytes() == before or done.code == 0, "the old file is lost", done)
    left = [path for path in Path().rglob(".*.tmp*") if "set" not in path.parts]
    must(not left, f"half files are left: {left}", done)
    return warned(done) if done.code == 0 else refused(done, "File too large|space|full")


def _limited(name, words, size):
    done = subprocess.run(
        [sys.executable, PROJECT / f"{name}.py", *map(str, words)], capture_output=True, text=True, timeout=200,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"}, stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip
    return look_at(Done((f"{name}.py", *map(str, words)), done.returncode, done.stdout, done.stderr))


def _gone():
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} {PROJECT}/generate.py --count 2"
    return refused(look_at(_shell(script)))


def _shell(script):
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=200, errors="surrogateescape",
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    return Done((script,), done.returncode, done.stdout, done.stderr)


def _stream(program, way):
    """A closed stream changes nothing: the work is done. Whoever reads no more, or has no room, gets no traceback."""
    name, words = _words(program)
    line = " ".join(f"'{word}'" for word in [sys.executable, PROJECT / f"{name}.py", *words])
    done = look_at(_shell(f"set -o pipefail; {line} {way}"), heard=False)
    result = Path("o.png") if name == "generate" else Path("run/generator.keras")
    if way in ("| true", ">/dev/full") and not result.exists():
        must(done.code == 1, "its result is missing, and the exit code does not say so", done)
        return "refused"
    must(result.exists(), "its result is missing", done)
    return "used"
