"""The recipe `adapt`: a discriminator of patches, and an anchor that keeps faces whole."""

import functools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import OFTEN, SIZES, assert_goes_on_exactly, log_of, not_compiled, state_of

import recipes
from animefaces import runs
from drawing import finishing
from models import build, residual, saved
from models.anchor import AROUND, LINES, MIDDLE, REACH, Anchor, importance
from models.augment import blur_luma
from models.flaws import Flaws

TINY = replace(recipes.RECIPES["adapt"], size=16, latent=8, generator_widths=(8, 16, 8), discriminator_widths=(8, 16),
               batch_size=4, precision="float32")  # fmt: skip


def options_of(run):
    return json.loads((run / "options.json").read_text(encoding="utf-8"))["options"]


def anchored_batch(step, seed=0):
    rng = np.random.default_rng((seed, step))
    labels = np.zeros((1, 4, 1), np.float32)
    real = rng.integers(0, 256, (1, 4, 16, 16, 3), np.uint8)
    return np.int32([step]), real, rng.standard_normal((1, 4, 8), np.float32), labels, labels


def anchored(**changes):
    """A GAN with an anchor, at the start of its training. Its steps are all alike: one graph is compiled, not two."""
    gan = build.build_gan(replace(TINY, penalty_every=1, **changes))
    gan.anchor.take(gan.generator)
    return gan


def test_a_logit_of_patches_depends_on_its_patch_alone():
    keras.utils.set_random_seed(0)
    network = residual.build_discriminator(32, 3, (4, 8), patches=True)
    network.set_weights([w + 0.1 * np.random.default_rng(0).standard_normal(w.shape) for w in network.get_weights()])
    faces = np.zeros((2, 32, 32, 3), np.float32)
    faces[1, 9, 20] = 1
    plain, other = np.asarray(network(faces)).reshape(2, 16, 16)
    rows, columns = np.nonzero(plain != other)
    assert 1 < len(rows) <= 7 * 7  # of 256
    assert {4, 10} == {int(np.median(rows)), int(np.median(columns))}


def test_the_penalty_of_patches_does_not_grow_with_their_number():
    gan = build.build_gan(replace(TINY, anchor=0.0, augment=("none",)))
    images = keras.Input((16, 16, 3))
    places = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(0.5))(images)
    gan.discriminator = keras.Model(images, keras.layers.Flatten()(places))
    logits, slope, _ = gan._judge(keras.ops.ones((4, 16, 16, 3)), slope=True)
    assert logits.shape == (4, 256)
    assert float(slope) == pytest.approx(3 * 0.5**2)


def test_the_discriminator_hardly_sees_streaks_of_colour():
    plain = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 16, 16, 3)).astype(np.float32)
    streaks = np.where(np.arange(16) % 2, 0.4, -0.4)[None, None, :, None] * np.float32([1, -1, 0])

    def seen(coarse):
        gan = build.build_gan(replace(TINY, anchor=0.0, flaws=0.0, augment=("none",), coarse_chroma=coarse))
        gan.discriminator = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
        return np.abs(gan._judge((plain + streaks).astype(np.float32))[0] - gan._judge(plain)[0]).mean()

    assert seen(True) < 0.35 * seen(False)
    assert recipes.RECIPES["adapt"].coarse_chroma
    assert not build.build_gan(replace(TINY, channels=1, anchor=0.0, flaws=0.0)).coarse_chroma  # there is no colour


def test_the_discriminator_hardly_sees_how_sharp_pictures_are():
    y, x = np.indices((64, 64)) / 64
    soft = (np.sin(9 * x) * np.cos(7 * y) / 2)[None, :, :, None].repeat(3, -1).astype(np.float32)
    lines = soft + np.where(np.arange(64) % 3 == 0, 0.4, -0.2)[None, None, :, None].astype(np.float32)
    darker, gaudy = soft - 0.3, soft + np.float32(np.arange(64) % 2)[:, None] * np.float32([0.4, -0.4, 0])
    assert np.abs(blur_luma(darker) - blur_luma(soft) + 0.3).max() < 1e-5  # light and dark are seen
    assert np.abs(blur_luma(gaudy) - blur_luma(soft) - (gaudy - soft)).max() < 1e-5  # and so is colour

    def seen(coarse):
        gan = build.build_gan(replace(TINY, size=64, generator_widths=(8,) * 5, anchor=0.0, flaws=0.0,
                                      augment=("none",), coarse_luma=coarse))  # fmt: skip
        gan.discriminator = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten()])
        return np.abs(gan._judge(lines)[0] - gan._judge(soft)[0]).mean()

    assert seen(True) < 0.1 * seen(False)
    assert recipes.RECIPES["adapt"].coarse_luma


def test_the_distance_from_the_anchor():
    keras.utils.set_random_seed(0)
    generator, discriminator = build.build_networks(TINY)
    anchor = Anchor(generator, discriminator, 1.0)
    anchor.take(generator)
    z = anchored_batch(0)[2][0]
    faces, maps = generator(z), anchor.networks["anchor_maps"]
    loss, figures = anchor.pull(faces, z)
    assert float(loss) < 1e-10 > float(figures["moved"]) + float(figures["lines"])
    assert maps.output_shape == (None, 16, 16, 8)  # not the coarser ones
    other = faces + 0.3
    kept, seen = (np.asarray(maps(x)) for x in (faces, other))
    places = ((seen - kept) ** 2).mean((0, 3)) / (kept**2).mean()
    loss, figures = anchor.pull(other, z)
    counts = importance(16, 16, MIDDLE, REACH, AROUND)
    assert float(figures["moved"]) == pytest.approx((places * counts).mean(), rel=1e-4)
    assert float(loss) == pytest.approx(float(figures["moved"]) + LINES * float(figures["lines"]))
    generator.set_weights([2 * w for w in generator.get_weights()])
    assert float(anchor.pull(faces, z)[1]["moved"]) < 1e-10  # it has weights of its own


def test_light_and_colours_may_change_and_the_lines_of_nose_and_mouth_may_not():
    keras.utils.set_random_seed(0)
    anchor = Anchor(*build.build_networks(replace(TINY, size=64, generator_widths=(8, 16, 8, 4, 4))), 1.0)
    anchor._generator = lambda z, training: z  # what it drew is given as it is
    y, x = np.indices((64, 64)) / 63
    face = np.where((abs(x - 0.5) < 0.1) & (abs(y - 0.74) < 0.02), -0.5, 0.5)[None, :, :, None].repeat(3, -1)
    lighter, shaded = 0.9 * face + 0.1, face - 0.3 * x[None, :, :, None]
    crooked, elsewhere = np.roll(face, 3, axis=1), face.copy()
    elsewhere[:, 4:8, 10:20] = -0.5
    moved = [float(anchor.pull(made.astype(np.float32), face.astype(np.float32))[1]["lines"])
             for made in (face, lighter, shaded, elsewhere, crooked)]  # fmt: skip
    assert moved[0] < 1e-8
    assert max(moved[1:4]) < 0.1 * moved[4]


def test_eyes_nose_and_mouth_count_more_than_the_rest():
    counts = importance(16, 16, MIDDLE, REACH, AROUND)
    assert counts.mean() == pytest.approx(1, abs=1e-5)
    assert counts[6:14, 5:11].min() > 1.5
    assert max(counts[:3].max(), counts[:, :2].max(), counts[:, -2:].max()) < 0.5
    assert np.array_equal(counts, counts[:, ::-1])


def test_a_heavier_anchor_keeps_faces_nearer():
    gan = anchored(flaws=0.0, learning_rate=3e-3)
    gan.anchor.weight = weight = keras.Variable(0.0)  # compiled once for both
    start = gan.state.arrays()

    def moved(heavy):
        weight.assign(heavy)
        gan.state.restore(start)
        for step in range(8):
            figures = gan.steps(*anchored_batch(step))
        end = gan.state.arrays()
        changed = {name.split("/")[0] for name in start if not np.array_equal(start[name], end[name])}
        assert changed == {"generator", "discriminator", "average", "g_optimizer", "d_optimizer"}
        return figures["moved"].item()

    assert moved(100.0) < 0.5 * moved(0.01)


@pytest.fixture(scope="module")
def large(tmp_path_factory, faces, cache):
    """A small run of `large`."""
    import train as program

    run = tmp_path_factory.mktemp("large") / "run"
    words = ["--recipe", "large", "--generator-widths", "8,16,8", "--discriminator-widths", "8,16,8", "--steps", "2"]
    with not_compiled():
        assert program.main(["--data", str(faces), "--cache", str(cache), *SIZES, *words, "--run", str(run)]) == 0
    return run


@pytest.fixture
def shipped(eager, large, monkeypatch):
    """This run in the place of the shipped weights."""
    shutil.copytree(large, "models/pretrained")
    monkeypatch.setattr(runs, "PRETRAINED", Path("models/pretrained").absolute())
    return [*SIZES, "--generator-widths", "8,16,8", "--discriminator-widths", "8,16"]


def test_the_shipped_weights_have_a_name(shipped, train):
    run = Path("run")
    flags = ["--run", "run", "--init-from", "pretrained", "--steps", "3", "--log-every", "1"]
    assert train(*flags, tiny=shipped, compiled=True) == 0
    options = options_of(run)
    assert (options["recipe"], options["penalty_every"], options["batch_size"]) == ("adapt", 4, 4)  # 4 was typed
    assert options["init_from"].endswith("pretrained")
    ours, first = (state_of(folder) for folder in (run, Path("models/pretrained")))
    with np.load(run / "state" / "step_000000000.npz") as start:
        for name in first:
            part, _, weight = name.partition("/")
            if part == "average":  # the anchor stays where the training began
                for begun in (start[name], start[f"generator/{weight}"], ours[f"anchor_generator/{weight}"]):
                    assert np.array_equal(begun, first[name])
                assert not weight.endswith("kernel") or not np.array_equal(ours[name], first[name])
        maps = [name for name in start if name.startswith("anchor_maps")]
        for name in maps:  # patches are judged by the first layers of the other discriminator
            assert np.array_equal(start[name], start[name.replace("anchor_maps", "discriminator")])
            assert np.array_equal(start[name], first[name.replace("anchor_maps", "discriminator")])
        assert maps
    for name in ("moved", "lines", "flaws"):
        figures = [entry[name] for entry in log_of(run)]
        assert figures[0] < 1e-5 < figures[-1]


def test_a_run_with_an_anchor_goes_on_exactly(shipped, train):
    assert train("--init-from", "pretrained", "--run", "run", "--steps", "3", *OFTEN, tiny=shipped, compiled=True) == 0
    shutil.rmtree("models/pretrained")  # a run needs only itself
    assert_goes_on_exactly(functools.partial(train, tiny=[], compiled=True), Path("run"), 3)


def test_a_run_of_patches_is_a_start_too(shipped, train):
    assert train("--init-from", "pretrained", "--run", "one", "--steps", "1", tiny=shipped) == 0
    assert train("--init-from", "one", "--run", "two", "--steps", "1", tiny=[]) == 0
    options = options_of(Path("two"))
    kept = options["recipe"], options["anchor"], options["patches"]
    assert kept == ("adapt", recipes.RECIPES["adapt"].anchor, True)
    one, two = state_of(Path("one")), np.load("two/state/step_000000000.npz")
    assert all(np.array_equal(one[name], two[name]) for name in one if name.startswith(("average", "discriminator")))
    assert all(np.array_equal(two[name], one[name.replace("anchor_generator", "average")])
               for name in two if name.startswith("anchor_generator"))  # fmt: skip


PLAIN = {"data", "run", "minutes", "steps", "seed", "precision"}


@pytest.mark.parametrize(("typed", "recipe"), [
    ({}, "adapt"),
    ({"network": "gan"}, "adapt"),
    ({name: getattr(recipes.BASE, name) for name in PLAIN}, "adapt"),
    ({"size": 64, "channels": 3}, "adapt"),
    ({"from_scratch": True}, "modern"),
    ({"size": 32}, "modern"),
    ({"size": 128}, "modern"),
    ({"channels": 1}, "modern"),
    ({"batch_size": 8}, "modern"),
    ({"latent": 50}, "modern"),
    ({"augment": ("none",)}, "modern"),
    ({"recipe": "modern"}, "modern"),
    ({"init_from": Path("mine")}, "modern"),
    ({"init_from": Path("pretrained")}, "adapt"),
    ({"init_from": Path("pretrained"), "batch_size": 8}, "adapt"),
    ({"init_from": Path("pretrained"), "size": 128}, "modern"),
    ({"run": Path("begun")}, "modern"),
])  # fmt: skip
def test_which_trainings_begin_with_the_shipped_weights(typed, recipe, trained):
    shutil.copytree(trained, "begun")
    options, given = recipes.started(replace(recipes.RECIPES["modern"], **typed), set(typed))
    assert options.recipe == recipe
    assert ("recipe" in given) == (recipe == "adapt" or "recipe" in typed)
    assert all(getattr(options, name) == value for name, value in typed.items())


def test_without_the_shipped_weights_a_training_begins_with_random_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "PRETRAINED", tmp_path / "pretrained")
    assert recipes.started(recipes.RECIPES["modern"], set())[0].recipe == "modern"
    assert recipes.started(recipes.RECIPES["encoder"], set())[0].recipe == "encoder"


def test_a_plain_training_says_what_it_begins_with(eager, train, monkeypatch, capsys):
    monkeypatch.setitem(recipes.RECIPES, "adapt", replace(recipes.RECIPES["adapt"], batch_size=4))  # quicker
    assert train("--run", "run", "--steps", "1", "--precision", "float32", tiny=[]) == 0
    assert "random weights instead: --from-scratch" in capsys.readouterr().out
    assert options_of(Path("run"))["recipe"] == "adapt"


def test_what_an_anchor_needs(shipped, trained, train, refused):
    said = lambda *flags, code=2: refused(lambda argv: train(*argv, tiny=[]), list(flags), code)  # noqa: E731
    assert "name them with --init-from" in said("--recipe", "large", "--anchor", "1")
    assert "--patches is for residual networks" in said("--patches")
    assert "give --warm-up 0" in said("--recipe", "large", "--patches", "--warm-up", "5")
    light = ["--init-from", str(trained), "--recipe", "light"]
    assert "--projected is for networks of FastGAN" in said("--projected", "--recipe", "quick")
    assert "--anchor is for residual networks" in said("--anchor", "1", *light)
    assert "--from-scratch begins with random weights" in said("--from-scratch", "--init-from", "pretrained")
    file = ["--init-from", "models/pretrained/generator.keras", *shipped, "--recipe", "adapt", "--precision", "float32"]
    assert "--anchor needs a discriminator" in said(*file)


def test_flaws_are_a_part_of_the_loss():
    flaws = Flaws(saved.load(build.PARTS), 3.0)
    anchor = Anchor(*build.build_networks(TINY), 2.0, flaws)
    anchor._generator = lambda z, training: z  # what it drew is given as it is
    before = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    loss, figures = anchor.pull(-before, before)
    kept = 2 * (figures["moved"] + LINES * figures["lines"])
    assert float(figures["flaws"]) == pytest.approx(float(flaws.more(-before, before)))
    assert float(figures["flaws"]) > 0.01
    assert float(loss) == pytest.approx(float(kept + 3 * figures["flaws"]), rel=1e-5)


def test_a_heavier_weight_leaves_fewer_flaws():
    gan = anchored(learning_rate=3e-3, coarse_luma=False)  # of 16 pixels too little would be seen
    gan.anchor.flaws.weight = weight = keras.Variable(0.0)  # compiled once for both
    start = gan.state.arrays()

    def more(heavy):
        weight.assign(heavy)
        gan.state.restore(start)
        flaws = [gan.steps(*anchored_batch(step))["flaws"].item() for step in range(16)]
        parts = [array for name, array in gan.state.arrays().items() if name.startswith("anchor_parts")]
        assert all(np.array_equal(*pair) for pair in zip(parts, saved.load(build.PARTS).get_weights(), strict=True))
        assert flaws[0] == pytest.approx(0, abs=1e-5)
        return np.mean(flaws[8:])

    assert more(30.0) < 0.7 * more(1e-6)


def test_what_flaws_need(shipped, train, refused, monkeypatch, tmp_path):
    said = lambda *flags, code=2: refused(lambda argv: train(*argv, tiny=[]), list(flags), code)  # noqa: E731
    assert "give --flaws 0, or an --anchor" in said("--recipe", "large", "--flaws", "1")
    start = ["--init-from", "pretrained", *shipped, "--flaws", "1"]
    assert "--flaws sees flaws in colours only: give --flaws 0" in said(*start, "--channels", "1")
    assert "--flaws" in said(*start[:-1], "-1")
    monkeypatch.setattr(finishing, "FILE", tmp_path / "gone.keras")
    finishing._network.cache_clear()
    words = said(*start, code=1)
    assert "gone.keras is missing or damaged: get the project again, or give --flaws 0" in words


def test_networks_without_flaws_have_no_network_of_parts():
    assert "anchor_parts" not in build.build_gan(replace(TINY, flaws=0.0)).anchor.networks
