"""evaluate.py from end to end, on drawn faces in the features of a small random network."""

import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import evaluate
from animefaces import images, metrics, runs
from animefaces.dataset import open_faces
from animefaces.problems import Problem
from demo import cartoons
from drawing import features
from models import dcgan, saved
from models.batches import ROWS

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def random_network(sides=(None, None), channels=3, numbers=12):
    """Pictures -> (N, numbers), by layers with random weights, which tell pictures apart well enough."""
    keras.utils.set_random_seed(0)
    images = keras.Input((*sides, channels))
    x = keras.layers.Resizing(16, 16, interpolation="bilinear")(images)
    for width in (16, numbers):
        x = keras.layers.BatchNormalization()(keras.layers.Conv2D(width, 3, strides=2, activation="relu")(x))
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    file = tmp_path_factory.mktemp("features") / "random.keras"
    saved.save(random_network(), file)
    return file


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """npz files by name: 60 real faces; 30 fakes that are others, the same ones with noise; 30 with 10 copies."""
    folder = tmp_path_factory.mktemp("sets")
    real, fresh = cartoons.draw_many(60, 16), cartoons.draw_many(30, 16, first=1000)
    noise = np.random.default_rng(0).normal(0, 60, fresh.shape)
    copied = np.concatenate([real[:10], fresh[10:]])
    noisy = np.clip(fresh + noise, 0, 255).astype(np.uint8)
    for name, pixels in {"real": real, "fresh": fresh, "noisy": noisy, "copied": copied, "few": real[:5]}.items():
        np.savez(folder / f"{name}.npz", x=pixels)
    return folder


@pytest.fixture
def run(sets, network):
    """evaluate.main on sets by name -> its exit code."""

    def call(fake, *flags, real="real", features=network):
        real, fake = (sets / f"{x}.npz" if (sets / f"{x}.npz").exists() else x for x in (real, fake))
        words = ["--real", real, "--fake", fake, "--features", features, *flags]
        return evaluate.main([str(word) for word in words])

    return call


@pytest.fixture
def measure(run, capsys):
    """The figures that --json prints, and nothing else beside them."""

    def call(*words, **settings):
        capsys.readouterr()
        assert run(*words, "--json", **settings) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return json.loads(printed.out)

    return call


@pytest.fixture
def extracted(monkeypatch):
    """(label, number of faces) of each time that features are computed."""
    calls, original = [], features.extract

    def extract(network, faces, indices, label):
        calls.append((label, len(indices)))
        return original(network, faces, indices, label)

    monkeypatch.setattr(features, "extract", extract)
    return calls


def test_the_floor_compares_real_faces_with_others(measure, monkeypatch):
    compared, compare = [], metrics.compare
    monkeypatch.setattr(metrics, "compare", lambda *sets: compared.append(sets) or compare(*sets))
    measure("fresh", "--size", "16")
    one, other = ({row.tobytes() for row in part} for part in compared[1])
    assert len(one) == len(other) == 30 and not one & other


def test_noise_is_further_than_fresh_faces(measure):
    fresh, noisy = (measure(name, "--size", "16") for name in ("fresh", "noisy"))
    assert fresh["count"] == fresh["floor"]["count"] == 30
    for name in ("frechet_distance", "kernel_distance"):
        assert noisy[name] > 3 * fresh[name]
        assert noisy[name] > 3 * noisy["floor"][name]
    assert noisy["precision"] < fresh["precision"]
    assert noisy["floor"] == fresh["floor"]


def test_what_is_passed_over_is_told_beside_the_figures(run, sets, tmp_path, capsys):
    with zipfile.ZipFile("real.zip", "w") as archive:
        for number, face in enumerate(cartoons.draw_many(8, 16)):
            images.save("face.png", face)
            archive.write("face.png", f"{number}.png")
        archive.writestr("page.jpg", "<html>")
    assert run("fresh", "--json", real="real.zip") == 0
    said = capsys.readouterr()
    assert (
        said.err == "warning: passed over 1 file: page.jpg (an HTML page)\n" and json.loads(said.out)["real_faces"] == 8
    )


def test_the_figures_in_words(run, sets, capsys):
    assert run("fresh", "--count", "20") == 0
    lines = capsys.readouterr().out.splitlines()
    start = [line.split("  ")[0] for line in lines if line]
    assert start == [
        "real", "fake", "features", "resize", "floor", "", "Fréchet distance", "kernel distance x1000", "precision",
        "recall", "another eye fits better", "nearest of 40 real", "the closest", "the closest 1 % within", "median",
        "results/drawn/nearest.png: 20 pairs, each a generated face and the real face nearest to it",
    ]  # fmt: skip
    text = "\n".join(lines)
    assert "20 of 60 faces from" in text and "20 of 30 faces from" in text and str(sets / "fresh.npz") in text
    assert "random.keras, 12 per face" in text
    assert "to 64x64: 60 real and 30 fake; then, in the network, to 16x16, bilinear" in text
    assert "20 of the real faces against 20 others\n" in text
    assert "FID" not in text


def test_too_few_real_faces_for_the_floor_are_told(run, capsys):
    assert run("real", real="fresh") == 0
    assert "15 of the real faces against 15 others; too few" in capsys.readouterr().out


def test_it_says_which_generator_it_took(sets, network, trained, monkeypatch, capsys):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", trained)
    words = ["--real", str(sets / "real.npz"), "--features", str(network), "--count", "20"]
    assert evaluate.main(words) == 0
    line = f"network    {trained}/generator.keras, the shipped weights (name another one with --run)"
    assert capsys.readouterr().out.splitlines()[0] == line


def test_a_run_is_drawn(run, measure, trained):
    figures = measure(trained, "--count", "20")
    assert figures["fake"] == f"{trained / 'generator.keras'}, seeds from 0"
    assert (figures["size"], figures["count"], figures["resized_real"]) == (16, 20, 0)
    file = measure(trained / "generator.keras", "--count", "20")
    assert file == figures


def test_the_newest_run_is_the_default(measure, trained, sets, network, capsys):
    Path("results").mkdir()
    Path("results/00000-tutorial").symlink_to(trained)
    assert evaluate.main(["--real", str(sets / "real.npz"), "--features", str(network), "--count", "8"]) == 0
    assert "8 of 8 faces from results/00000-tutorial/generator.keras" in capsys.readouterr().out


def test_a_run_is_named_as_in_the_other_programs(measure, trained, sets, network, capsys):
    figures = measure(trained, "--count", "8")
    words = ["--real", str(sets / "real.npz"), "--features", str(network), "--count", "8", "--json"]
    assert evaluate.main([*words, "--run", str(trained)]) == 0
    assert json.loads(capsys.readouterr().out) == figures


def test_the_real_faces_are_those_of_the_run(trained, faces, network, refused, capsys):
    """A run of one's own is compared with its own training faces, never silently with others."""
    run = Path(shutil.copytree(trained, "results/00000-tutorial"))
    shutil.copytree(faces, "data/faces")
    assert evaluate.main(["--features", str(network), "--count", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["real"] == [str(faces)]
    text = (run / "options.json").read_text().replace(str(faces), "gone.zip")
    (run / "options.json").write_text(text)
    line = refused(evaluate.main, ["--features", network], 1)
    assert line == "the training faces are not at gone.zip: give their path with --real"


def test_the_shipped_weights_are_compared_with_data_faces(trained, faces, network, refused, monkeypatch, capsys):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", trained)
    words = ["--features", str(network), "--count", "4", "--json"]
    assert refused(evaluate.main, words, 1) == "there are no real faces in data/faces: name them with --real"
    shutil.copytree(faces, "data/faces")
    assert evaluate.main(words) == 0
    assert json.loads(capsys.readouterr().out)["real"] == ["data/faces"]


def test_nothing_is_downloaded_by_default(sets, monkeypatch, capsys):
    """The default network ships with the project, and says what to take for figures of other projects."""
    monkeypatch.setattr(keras.applications, "InceptionV3", None)
    words = ["--real", str(sets / "real.npz"), "--fake", str(sets / "fresh.npz"), "--count", "8"]
    assert evaluate.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("resize") and line.endswith("in the network, to 64x64, bilinear") for line in lines)
    line = next(line for line in lines if line.startswith("features"))
    assert line.startswith("features   discriminator, 192 per face: the shipped one")
    assert line.endswith("give --features inception")


def test_a_damaged_shipped_discriminator_is_one_line(copied, sets, monkeypatch, refused):
    monkeypatch.setattr("animefaces.runs.PRETRAINED", copied)
    (copied / "discriminator.keras").write_bytes(b"nonsense")
    words = ["--real", sets / "real.npz", "--fake", sets / "fresh.npz"]
    assert "cannot be opened as a trusted discriminator" in refused(evaluate.main, words, 1)
    (copied / "discriminator.keras").unlink()
    assert "discriminator.keras: No such file" in refused(evaluate.main, words, 1)


def test_copies_are_found_and_drawn(measure):
    near = measure("copied", "--size", "16")["nearest"]
    assert near["among"] == 60
    assert near["fake"]["least"] == 0 < near["real"]["least"]
    with Image.open("results/drawn/nearest.png") as picture:
        sheet, pairs = np.asarray(picture), picture.text["pairs"].split("; ")
    assert sheet.shape == (5 * (16 + 4), 6 * (32 + 4), 3)  # 30 pairs
    distances = [float(pair.split()[2]) for pair in pairs]
    assert distances == sorted(distances) and np.count_nonzero(distances) == 20
    assert np.array_equal(sheet[:16, :16], sheet[:16, 16:32])
    last = sheet[-20:-4, -36:-4]
    assert not np.array_equal(last[:, :16], last[:, 16:])


def test_the_picture_shows_what_its_notes_say(measure, sets):
    measure("fresh", "--size", "16", "--output", "pairs.png")
    with Image.open("pairs.png") as picture:
        sheet, (fake, real, _) = np.asarray(picture), picture.text["pairs"].split("; ")[0].split()
    with np.load(sets / "fresh.npz") as fresh, np.load(sets / "real.npz") as file:
        assert np.array_equal(sheet[:16, :16], fresh["x"][int(fake)])
        assert np.array_equal(sheet[:16, 16:32], file["x"][int(real)])


def test_features_of_real_faces_are_kept(measure, extracted):
    first = measure("fresh", "--count", "20")
    assert extracted == [("real faces", 40), ("fake faces", 20)]
    assert measure("fresh", "--count", "20") == first
    assert extracted[2:] == [("fake faces", 20)]
    measure("fresh", "--count", "10")
    assert extracted[3:] == [("fake faces", 10)]
    measure("fresh", "--count", "30")  # only what is lacking
    assert extracted[4:] == [("real faces", 20), ("fake faces", 30)]


def test_features_are_those_of_one_network_and_one_size(measure, extracted, tmp_path):
    measure("fresh", "--count", "10")
    saved.save(random_network(numbers=9), tmp_path / "random.keras")
    assert measure("fresh", "--count", "10", features=tmp_path / "random.keras")["dimensions"] == 9
    measure("fresh", "--count", "10", "--size", "16")
    measure("fresh", "--count", "10", real="copied")
    assert [label for label, _ in extracted].count("real faces") == 4


def test_damaged_features_are_computed_again(measure, extracted):
    first = measure("fresh")
    (file,) = Path("data/cache").glob("features-*.npy")
    for damaged in (b"", file.read_bytes()[:-100], b"nonsense"):
        file.write_bytes(damaged)
        assert measure("fresh") == first
    assert [label for label, _ in extracted].count("real faces") == 4


def test_an_interrupted_extraction_leaves_no_cache(run, monkeypatch):
    monkeypatch.setattr(np, "save", lambda path, rows: (Path(path).write_bytes(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        run("fresh")
    assert list(Path("data/cache").glob("*features*")) == []


def test_a_face_has_the_same_features_in_any_company(network):
    opened = features.open_features(network)
    faces = images.to_network(cartoons.draw_many(ROWS + 5, 16))
    assert opened(faces).shape == (ROWS + 5, 12)
    np.testing.assert_allclose(opened(faces[:3]), opened(faces)[:3], atol=1e-6)


def test_measuring_does_not_train_the_network(network):
    """A plain call of a network that was saved for training goes on adapting its batch norms."""
    opened = features.open_features(network)
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in opened._network.weights]
    opened(images.to_network(cartoons.draw_many(5, 16)))
    opened._network(images.to_network(cartoons.draw_many(5, 16)), training=True)
    after = [keras.ops.convert_to_numpy(v) for v in opened._network.weights]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_grey_faces_in_a_network_for_colour(network):
    opened = features.open_features(network)
    grey = images.to_network(cartoons.draw_many(4, 16)[..., :1])
    opened.check(16, 1)
    assert np.array_equal(opened(grey), opened(np.repeat(grey, 3, axis=-1)))


def small_inception(**settings):
    assert settings == {"include_top": False, "pooling": "avg", "input_shape": (299, 299, 3)}
    print("Downloading data from somewhere")
    return random_network((299, 299))


def test_inception_is_named(run, capsys, monkeypatch):
    monkeypatch.setattr(keras.applications, "InceptionV3", small_inception)
    assert run("fresh", features="inception") == 0
    printed = capsys.readouterr()
    assert "features   inception, 12 per face: Keras's InceptionV3; the network of published FIDs is TensorFlow's" in (
        printed.out
    )
    assert "to 299x299, bilinear" in printed.out
    assert "Downloading" not in printed.out and "Downloading" in printed.err


def test_inception_without_a_network(refused, sets, monkeypatch):
    def fail(**settings):
        raise Exception("URL fetch failure on https://a.b/c: None -- Name or service not known")

    monkeypatch.setattr(keras.applications, "InceptionV3", fail)
    words = ["--real", sets / "real.npz", "--fake", sets / "fresh.npz", "--features", "inception"]
    line = refused(evaluate.main, words, 1)
    assert line.startswith("the Inception network cannot be fetched (URL fetch failure")
    assert line.endswith("connect to the internet once, or leave out --features")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--features", "vgg"], 2, "give inception, discriminator or a .keras file"),
        (["--features", "nowhere.keras"], 1, "nowhere.keras: No such file"),
        (["--features", "damaged.keras"], 1, "cannot be opened as a trusted network"),
        (["--features", "lambda.keras"], 1, "may run code"),
        (["--features", "{trained}/generator.keras"], 1, "does not turn pictures into rows of numbers"),
        (["--features", "fixed.keras"], 1, "takes pictures of 32 x 32 x 3, not 64 x 64 x 3"),
        (["--fake", "nowhere"], 1, "nowhere does not exist"),
        (["--fake", "{sets}"], 1, "no pictures in"),
        (["--fake", "started"], 1, "holds no generator.keras"),
        (["--fake", "damaged.keras"], 1, "cannot be opened as a trusted generator"),
        (["--fake", "{network}"], 1, "does not turn z into pictures"),
        (["--fake", "{trained}", "--size", "32"], 2, "draws 16x16: leave out --size"),
        (["--real", "nowhere"], 1, "nowhere does not exist"),
        (["--real", "{sets}/few.npz"], 1, "5 real faces and 30 fake ones are too few"),
        (["--output", "pairs.jpg"], 2, "name a FILE.png"),
        (["--output", "fixed.keras/pairs.png"], 2, "fixed.keras is a file"),
        (["--run", "{trained}"], 2, "--run and --fake exclude each other"),
        (["--count", "2"], 2, "--count 2 will not do"),
        (["--counts", "20"], 2, "unrecognized arguments: --counts"),
    ],
)
def test_bad_input_is_one_line(refused, sets, network, trained, words, code, says):
    Path("damaged.keras").write_bytes(b"PK nonsense")
    saved.save(random_network((32, 32)), "fixed.keras")
    function = keras.layers.Lambda(lambda x: x)
    pictures = keras.Input((None, None, 3))
    saved.save(keras.Model(pictures, keras.layers.GlobalAveragePooling2D()(function(pictures))), "lambda.keras")
    Path("started").mkdir()
    Path("started/options.json").write_text("{}")
    given = {"--real": sets / "real.npz", "--fake": sets / "fresh.npz", "--features": network}
    words = [word.format(sets=sets, network=network, trained=trained) for word in words]
    rest = [word for flag, value in given.items() if flag not in words for word in (flag, value)]
    assert says in refused(evaluate.main, [*words, *rest], code)


def test_features_that_are_no_numbers(sets):
    broken = random_network()
    broken.layers[2].set_weights([np.full_like(w, np.nan) for w in broken.layers[2].get_weights()])
    opened = features.FeatureNetwork(broken, "broken.keras", "", "")
    faces = open_faces([sets / "real.npz"], 16, 3, "cache")
    with pytest.raises(Problem, match="not finite"):
        features.extract(opened, faces, np.arange(10), "faces")


def test_grey_faces_have_no_figure_of_eyes(measure, tmp_path):
    saved.save(dcgan.build_generator(16, 1, 4, (8, 8)), tmp_path / "grey.keras")
    figures = measure(tmp_path / "grey.keras")
    assert figures["eye_mismatch"] is None and figures["floor"]["eye_mismatch"] is None
    assert not any(line.startswith("another eye") for line in evaluate.report(figures))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_known_distances(measure):
    """Real faces against others: 0, within its error. With noise of 12/255: 0.152 among 1,000 faces."""
    with zipfile.ZipFile(SHARED / "anime_faces_a.zip") as archive:
        faces = np.stack([images.read(archive.open(name)) for name in sorted(archive.namelist())[:300]])
    known, new = faces[:200], faces[200:]
    noise = np.random.default_rng(0).normal(0.5, 12, new.shape)
    np.savez("known.npz", x=known)
    np.savez("noisy.npz", x=np.clip(new + noise, 0, 255).astype(np.uint8))
    settings = {"real": "known.npz", "features": SHARED / "anime_features.keras"}
    figures = measure("noisy.npz", **settings)
    assert figures["floor"]["count"] == 100
    assert abs(figures["floor"]["kernel_distance"]) < 4 * figures["floor"]["kernel_error"] < 0.02
    assert figures["kernel_distance"] == pytest.approx(0.152, abs=0.05)
    assert figures["precision"] < 0.7 < figures["floor"]["precision"]


def test_the_shipped_weights_by_their_path_have_no_faces_of_their_own(refused, monkeypatch):
    monkeypatch.chdir(runs.PROJECT)
    monkeypatch.setattr(runs, "FACES", Path("nowhere"))
    line = refused(evaluate.main, ["--run", "models/pretrained", "--count", "100"], 1)
    assert line == "there are no real faces in nowhere: name them with --real"
