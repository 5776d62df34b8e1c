"""The labels, and one step of both players."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import recipes
import train
from animefaces import images
from models import build, dcgan, engine, warm
from models.gan import GAN
from training import gan as gan_task

B = 6


def batch(seed=0, size=16, steps=1, first=0, latent=8):
    """Inputs of GAN.steps for `steps` steps."""
    rng = np.random.default_rng(seed)
    return [
        np.arange(first, first + steps, dtype=np.int32),
        rng.integers(0, 256, (steps, B, size, size, 3), np.uint8),
        rng.standard_normal((steps, B, latent), "float32"),
        rng.uniform(0.7, 1.2, (steps, B, 1)).astype("float32"),
        rng.uniform(0, 0.3, (steps, B, 1)).astype("float32"),
    ]


def joined(calls):
    """What several calls of GAN.steps gave back, as lists."""
    names = dict.fromkeys(name for call in calls for name in call)
    return {name: [x for call in calls if name in call for x in call[name].tolist()] for name in names}


ALL = ("translation", "mirror", "cutout")


def tiny_gan(pooled=False, augmentation=(), average=0.0, seed=0, warm_up=0, chroma=False, mirrored=False, **settings):
    engine.seed(1)
    generator = dcgan.build_generator(16, 3, 8, (16, 8))
    if chroma:
        generator = keras.Model(generator.input, dcgan.subsample_chroma(generator.output))
    discriminator = dcgan.build_pooled_discriminator(16, 3, (8,)) if pooled else None
    discriminator = discriminator or dcgan.build_discriminator(16, 3, (8, 16), mirrored=mirrored)
    adam = engine.Adam(1e-3, beta_1=0.5)
    autoencoder = warm.Autoencoder(generator, discriminator, adam, steps=warm_up) if warm_up else None
    return GAN(
        generator,
        discriminator,
        engine.Adam(1e-3, beta_1=0.5),
        engine.Adam(1e-3, beta_1=0.5),
        average_decay=average,
        augmentation=augmentation,
        seed=seed,
        warm_up=autoencoder,
        **settings,
    )


@pytest.fixture(scope="module")
def plain_gan():
    """Without dropout and augmentation. Compiling takes long, so tests share it, each from the same start."""
    return tiny_gan()


@pytest.fixture(scope="module")
def random_gan():
    """With dropout and every augmentation."""
    return tiny_gan(pooled=True, augmentation=ALL)


STARTS = {}


def fresh(gan):
    """A shared GAN, as it was at first."""
    gan.state.restore(STARTS.setdefault(id(gan), gan.state.arrays()))
    return gan


def labels(epoch=0, **settings):
    options = replace(recipes.BASE, batch_size=2000, **settings)
    return train.label_targets(options, epoch, np.random.default_rng(0))


def test_labels_are_1_and_0_unless_told_otherwise():
    real, fake = labels()
    assert real.shape == fake.shape == (2000, 1)
    assert real.dtype == fake.dtype == np.float32
    assert set(real.ravel()) == {1}
    assert set(fake.ravel()) == {0}


def test_labels_fill_their_ranges():
    real, fake = labels(real_label=(0.7, 1.2), fake_label=(0.0, 0.3))
    assert (real.min(), real.max()) == pytest.approx((0.7, 1.2), abs=0.01)
    assert (fake.min(), fake.max()) == pytest.approx((0.0, 0.3), abs=0.01)


def test_every_third_epoch_is_flipped():
    swapped = []
    for epoch in range(9):
        real, fake = labels(epoch, real_label=(0.9, 0.9), fake_label=(0.1, 0.1), flip_every=3)
        assert {real.mean().round(1), fake.mean().round(1)} == {np.float32(0.9), np.float32(0.1)}
        swapped.append(bool(real.mean() < fake.mean()))
    assert swapped == [False, False, True] * 3
    real, fake = labels(epoch=2)
    assert real.mean() > fake.mean()  # never, unless told to


def test_a_batch_is_a_function_of_seed_and_step(faces):
    from animefaces.dataset import open_faces

    pictures = open_faces([faces], 16, 3, "cache")
    options = replace(
        recipes.BASE,
        batch_size=4,
        size=16,
        latent=8,
        generator_widths=(8, 8),
        discriminator_widths=(8, 8),
        real_label=(0.7, 1.2),
        fake_label=(0, 0.3),
        seed=5,
    )

    def make(step, options=options):
        return gan_task.Task(options, pictures, Path("run"), train.label_targets).batch(step)

    for once, again in zip(make(7), make(7), strict=True):
        assert np.array_equal(once, again)
    step, real, z, real_target, _ = make(7)
    assert (step, real.shape, z.shape) == (7, (4, 16, 16, 3), (4, 8))
    for other in (make(8), make(7, replace(options, seed=6))):
        assert not any(np.array_equal(a, b) for a, b in zip((real, z, real_target), other[1:4], strict=True))


def test_the_generators_target_is_exactly_1(plain_gan):
    gan, inputs = fresh(plain_gan), batch()
    fake = gan.generator(inputs[2][0], training=True)
    figures = gan.steps(*inputs)
    # Only D has learned since, and nothing that counts in training mode has changed in it after that.
    logits = np.asarray(gan.discriminator(fake, training=True))
    assert figures["g_loss"][0] == pytest.approx(np.logaddexp(0, -logits).mean(), rel=1e-5)


def test_the_discriminators_loss_is_on_its_targets(plain_gan):
    gan = fresh(plain_gan)
    _, real, z, real_target, fake_target = batch()
    start = gan.state.arrays()
    fake = gan.generator(z[0], training=True)
    judged = [np.asarray(gan.discriminator(x, training=True)) for x in (images.to_network(real[0]), fake)]
    losses = [np.mean(np.logaddexp(0, x) - t * x) for x, t in zip(judged, (real_target, fake_target), strict=True)]
    gan.state.restore(start)
    figures = gan.steps(*batch())
    assert figures["d_loss"][0] == pytest.approx(np.mean(losses), rel=1e-5)
    assert figures["real_right"][0] == pytest.approx((judged[0] > 0).mean())
    assert figures["fake_right"][0] == pytest.approx((judged[1] < 0).mean())


def brightness_gan(**settings):
    """D's logit is ten times the mean pixel; G draws pixels tanh(z), one z per picture."""
    z = keras.Input((1,))
    x = layers.Dense(4 * 4 * 3, use_bias=False, kernel_initializer="ones")(z)
    generator = keras.Model(z, layers.Activation("tanh")(layers.Reshape((4, 4, 3))(x)))
    images = keras.Input((4, 4, 3))
    dense = layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(10 / 48))
    discriminator = keras.Model(images, dense(layers.Flatten()(images)))
    return GAN(generator, discriminator, keras.optimizers.SGD(1e-6), keras.optimizers.SGD(1e-6), **settings)


def test_what_the_figures_mean():
    gan = brightness_gan()

    def figures(real, z):
        real, z = images.to_pixels(real), np.asarray(z, np.float32)
        pictures = np.broadcast_to(real[:, None, None, None], (4, 4, 4, 3))
        targets = np.ones((1, 4, 1), np.float32)
        done = gan.steps(np.int32([0]), pictures[None], z[None, :, None], targets, 0 * targets)
        return {name: float(value[0]) for name, value in done.items()}

    some = np.arctanh(0.6)
    right = figures(real=[0.6] * 4, z=[-some] * 4)  # logits 6 and -6, every picture the same
    assert (right["real_right"], right["fake_right"]) == (1, 1)
    assert right["d_loss"] == pytest.approx(np.log1p(np.exp(-6)), rel=1e-3)
    assert right["g_loss"] == pytest.approx(np.log1p(np.exp(6)), rel=1e-3)
    assert right["spread"] == 0
    mixed = figures(real=[-0.6, 0.6, 0.6, 0.6], z=[some, some, -some, -some])
    assert (mixed["real_right"], mixed["fake_right"]) == (0.75, 0.5)
    assert mixed["spread"] == pytest.approx(np.std([1, 1, -1, -1]) / np.std([-1, 1, 1, 1]), rel=1e-3)


def test_relativistic_pairs_and_penalties_in_closed_form():
    gan = brightness_gan(
        loss="relativistic", penalty=lambda step: 0.3 + keras.ops.cast(step, "float32"), penalty_every=3
    )
    real, z = np.full((3, 4, 4, 4, 3), images.to_pixels(0.6)), np.full((3, 4, 1), np.arctanh(-0.6), np.float32)
    steps = np.arange(2, 5, dtype=np.int32)
    figures = gan.steps(steps, real, z, *np.zeros((2, 3, 4, 1), np.float32))  # logits 6 and -6
    slope = 48 * (10 / 48) ** 2  # of D, everywhere
    pairs = np.log1p(np.exp(-12))
    # Penalised is step 3 alone, thrice as much; half of it for real, half for fake.
    assert figures["d_loss"].tolist() == pytest.approx([pairs, pairs + 3 * 3.3 * slope, pairs], rel=1e-2)
    assert figures["g_loss"].tolist() == pytest.approx([12] * 3, rel=1e-2)
    assert figures["real_right"].tolist() == figures["fake_right"].tolist() == [1] * 3


def test_the_hinge_loss_asks_for_logits_beyond_one():
    gan = brightness_gan(loss="hinge")

    def losses(real, fake):
        pictures = np.full((1, 4, 4, 4, 3), images.to_pixels(real))
        z = np.full((1, 4, 1), np.arctanh(fake), np.float32)
        figures = gan.steps(np.int32([0]), pictures, z, *np.zeros((2, 1, 4, 1), np.float32))
        return float(figures["d_loss"][0]), float(figures["g_loss"][0])

    assert losses(0.6, -0.6) == pytest.approx((0, 6), abs=0.1)  # logits 6 and -6
    assert losses(0.05, -0.6) == pytest.approx((0.25, 6), abs=0.1)
    assert losses(-0.2, 0.4) == pytest.approx((4, -4), abs=0.1)  # 1 + 2 and 1 + 4, on average


def test_calls_may_begin_anywhere_between_two_penalties():
    def trained(*calls):
        engine.seed(1)
        networks = dcgan.build_generator(16, 3, 8, (16, 8)), dcgan.build_discriminator(16, 3, (8, 16), batch_norm=False)
        optimizers = [engine.Adam(1e-3) for _ in networks]
        gan = GAN(
            *networks, *optimizers, augmentation=ALL, loss="relativistic", penalty=lambda step: 1.0, penalty_every=2
        )
        inputs = batch(steps=3)
        for rows in calls:
            gan.steps(*(x[rows] for x in inputs))
        return gan.state.arrays()

    together, apart = trained(slice(0, 3)), trained(slice(0, 1), slice(1, 3))
    assert [name for name in together if not np.array_equal(together[name], apart[name])] == []


def test_learning_rate_decay_scales_each_update_and_the_learning_rate_stays():
    def moved(decay):
        gan = brightness_gan(rate_decay=decay)
        gan.state.scale_learning_rates(1e4)  # to 0.01
        before = gan.state.arrays()
        targets = np.ones((1, 4, 1), np.float32)
        gan.steps(np.int32([6]), np.full((1, 4, 4, 4, 3), 191, np.uint8), 0 * targets, targets, 0 * targets)
        after = gan.state.arrays()
        assert [float(o.learning_rate) for o in (gan.g_optimizer, gan.d_optimizer)] == pytest.approx([0.01, 0.01])
        return after["discriminator/dense/kernel"] - before["discriminator/dense/kernel"]

    whole = moved(None)
    assert np.abs(whole).min() > 1e-5
    assert np.allclose(moved(lambda step: keras.ops.cast(step, "float32") / 24), whole / 4, rtol=1e-3)


def test_a_recipe_slows_down_like_the_square_root_of_its_steps():
    assert build.rate_decay_schedule(replace(recipes.BASE, slow_after=0)) is None
    decay = build.rate_decay_schedule(replace(recipes.BASE, slow_after=100))
    assert [float(decay(step)) for step in (0, 100, 300, 9_900)] == pytest.approx([1, 2**-0.5, 0.5, 0.1])
    decay = build.rate_decay_schedule(replace(recipes.BASE, slow_after=100, warm_up=50))
    assert [float(decay(step)) for step in (50, 150)] == pytest.approx([1, 2**-0.5])
    decay = build.rate_decay_schedule(replace(recipes.BASE, slow_after=50, warm_up=50, init_from=Path("run")))
    assert [float(decay(step)) for step in (0, 50)] == pytest.approx([1, 2**-0.5])  # no warm-up, and none is waited for


def test_the_discriminator_may_learn_faster():
    small = {"size": 16, "latent": 8, "generator_widths": (8, 8), "discriminator_widths": (8, 8)}
    gan = build.build_gan(replace(recipes.BASE, learning_rate=1e-3, discriminator_rate=4.0, **small))
    assert [float(o.learning_rate) for o in (gan.g_optimizer, gan.d_optimizer)] == pytest.approx([1e-3, 4e-3])


def test_several_steps_in_one_call_are_the_same_steps(random_gan):
    inputs = batch(steps=2)
    figures = fresh(random_gan).steps(*inputs)
    together = random_gan.state.arrays()
    fresh(random_gan)
    one_by_one = [random_gan.steps(*(x[i : i + 1] for x in inputs)) for i in range(2)]
    single = random_gan.state.arrays()
    for name, values in figures.items():
        assert values.shape == (2,)
        assert values.tolist() == [figure[name].item() for figure in one_by_one]
    assert [name for name in single if not np.array_equal(together[name], single[name])] == []


def test_faces_kept_on_the_device_are_those_that_are_fed(plain_gan):
    inputs = batch(steps=2)
    fed = fresh(plain_gan).steps(*inputs)
    faces = inputs[1].reshape(-1, 16, 16, 3)
    gan = tiny_gan(faces=faces[::-1])
    gan.state.restore(STARTS[id(plain_gan)])
    rows = len(faces) - 1 - np.arange(len(faces), dtype=np.int32).reshape(2, B)
    kept = gan.steps(inputs[0], rows, *inputs[2:])
    assert {name: values.tolist() for name, values in kept.items()} == {n: v.tolist() for n, v in fed.items()}
    assert "faces" not in "".join(gan.state.arrays())  # a state is for what changes


@pytest.mark.parametrize(
    ("device", "room", "kept"), [("CPU", 2**30, False), ("GPU", 2**30, True), ("GPU", 2000, False)]
)
def test_a_device_with_its_own_memory_keeps_faces_that_fit(device, room, kept, monkeypatch):
    monkeypatch.setattr(engine, "device", lambda: device)
    monkeypatch.setattr(build, "RESIDENT", room)
    faces = np.arange(3 * 16 * 16 * 3, dtype=np.uint8).reshape(3, 16, 16, 3)
    options = replace(recipes.BASE, size=16, latent=8, generator_widths=(8, 8), discriminator_widths=(8, 8))
    player = build.build_gan(options, faces)
    assert (player.faces is not None) == kept
    assert not kept or np.array_equal(player.faces, faces)


def scaling_gan():
    """Compiled once for float16: the gradients are made larger, and divided again where they are used."""
    gan = tiny_gan()
    scaled = [keras.optimizers.LossScaleOptimizer(o) for o in (gan.g_optimizer, gan.d_optimizer)]
    return GAN(gan.generator, gan.discriminator, *scaled)


def test_scaled_gradients_make_the_same_steps(plain_gan):
    inputs = batch(steps=3)
    expected = fresh(plain_gan).steps(*inputs)
    figures = scaling_gan().steps(*inputs)
    for name, values in expected.items():
        assert figures[name] == pytest.approx(values, rel=1e-4), name


def test_a_gradient_too_large_for_float16_is_passed_over_and_the_next_smaller():
    gan = scaling_gan()
    gan.d_optimizer.dynamic_scale.assign(3.4e38)  # the largest float32: times a gradient it is infinite
    before = gan.state.arrays()
    gan.steps(*batch())
    after = gan.state.arrays()
    kernels = [name for name in before if name.startswith("discriminator/") and before[name].ndim == 4]
    assert kernels
    assert all(np.array_equal(before[name], after[name]) for name in kernels)
    assert float(gan.d_optimizer.dynamic_scale) == pytest.approx(1.7e38)
    name = "generator/dense/kernel"  # the generator has learned: its own gradients were finite
    assert not np.array_equal(before[name], after[name])


def test_chance_is_a_function_of_seed_and_step(random_gan):
    def losses(step):
        figures = fresh(random_gan).steps(*batch(first=step))
        return {name: value.item() for name, value in figures.items()}

    fifth, sixth = losses(5), losses(6)
    assert losses(5) == fifth  # whatever was drawn in between
    assert sixth["d_loss"] != fifth["d_loss"]
    other = tiny_gan(pooled=True, augmentation=ALL, seed=1)
    other.state.restore(STARTS[id(random_gan)])
    assert other.steps(*batch(first=5))["d_loss"].item() != fifth["d_loss"]


def test_without_chance_the_step_number_does_not_matter(plain_gan):
    first = fresh(plain_gan).steps(*batch(first=200))
    assert fresh(plain_gan).steps(*batch(first=300)) == first


def test_one_step_changes_everything_that_learns(random_gan):
    before = fresh(random_gan).state.arrays()
    random_gan.steps(*batch())
    after = random_gan.state.arrays()
    same = [name for name in before if np.array_equal(before[name], after[name])]
    assert [name for name in same if "optimizer" not in name] == []
    assert len(same) == 2  # the learning rates


def test_a_state_comes_back_and_goes_on_the_same(random_gan):
    fresh(random_gan).steps(*batch())
    kept = random_gan.state.arrays()
    onwards = random_gan.steps(*batch(first=1))
    random_gan.state.restore(kept)
    assert random_gan.steps(*batch(first=1)) == onwards


def test_the_average_follows_the_generator(plain_gan):
    fresh(plain_gan).steps(*batch())  # its decay is 0
    for slow, fast in zip(plain_gan.average.get_weights(), plain_gan.generator.get_weights(), strict=True):
        assert np.allclose(slow, fast, atol=1e-7)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_another_networks_state_is_refused_before_anything_changes(change):
    gan = tiny_gan()
    before, arrays = gan.state.arrays(), {name: value + 1 for name, value in gan.state.arrays().items()}
    last = max(arrays)
    if change == "missing":
        del arrays[last]
    elif change == "extra":
        arrays["generator/999"] = np.zeros(1)
    else:
        arrays[last] = np.zeros((7, 7, 7))
    with pytest.raises(ValueError, match="other networks"):
        gan.state.restore(arrays)
    assert all(np.array_equal(before[name], value) for name, value in gan.state.arrays().items())


def test_learning_rates_are_scaled_and_part_of_the_state():
    gan = tiny_gan()
    gan.state.scale_learning_rates(0.5)
    other = tiny_gan()
    other.state.restore(gan.state.arrays())
    assert float(other.g_optimizer.learning_rate) == pytest.approx(5e-4)
    assert float(other.d_optimizer.learning_rate) == pytest.approx(5e-4)


def test_a_mirrored_discriminator_sees_both_images_shifted_together(monkeypatch):
    gan, images = tiny_gan(mirrored=True), keras.random.uniform((4, 16, 16, 3), -1, 1, seed=0)
    assert np.allclose(gan._judge(images)[0], gan.discriminator(images, training=True), atol=1e-6)
    gan = tiny_gan(augmentation=("translation",), mirrored=True)
    half = np.random.default_rng(0).standard_normal((4, 16, 8, 3)).astype("float32")
    faces, seen = np.concatenate([half, half[:, :, ::-1]], axis=2), []
    judge = gan._after_mirror
    monkeypatch.setattr(gan, "_after_mirror", lambda x, training: seen.append(np.asarray(x)) or judge(x))
    gan._judge(keras.ops.convert_to_tensor(faces))
    assert not np.array_equal(seen[0][..., :3], faces)  # shifted
    assert np.array_equal(seen[0][..., :3], seen[0][..., 3:])  # a symmetric face is its own mirror image, then too
