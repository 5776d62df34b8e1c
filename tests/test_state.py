"""The names in a state, and states of the format before."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from test_gan import batch, tiny_gan

import recipes
from models import build, dcgan, vae
from models.gan import GAN
from models.state import State

SMALL = {"size": 16, "latent": 8, "generator_widths": (8, 8), "discriminator_widths": (8, 8)}
OPTIONS = {
    "strided, warmed up, float16": replace(recipes.RECIPES["modern"], warm_up=2, precision="float16", **SMALL),
    "residual": replace(recipes.RECIPES["large"], warm_up=0, **SMALL),
    "fastgan": replace(recipes.RECIPES["fastgan"], **SMALL),
    "pooled": replace(recipes.RECIPES["pooled"], **{**SMALL, "generator_widths": (8, 8, 8)}),
}


@pytest.fixture(params=OPTIONS)
def options(request):
    yield OPTIONS[request.param]
    keras.config.set_dtype_policy("float32")


def parts_of(gan):
    """What is in the state of a GAN, by the names of format 1."""
    parts = {"generator": gan.generator, "discriminator": gan.discriminator, "average": gan.average,
             "g_optimizer": gan.g_optimizer, "d_optimizer": gan.d_optimizer}  # fmt: skip
    parts |= {"decoders": gan.decoders.network} if gan.decoders else {}
    return parts | ({"posterior": gan.warm_up.posterior, "w_optimizer": gan.warm_up.optimizer} if gan.warm_up else {})


def by_position(parts):
    """The arrays of format 1, as they were written before there were names."""
    arrays = {}
    for part, owner in parts.items():
        variables = owner.weights if hasattr(owner, "weights") else owner.variables
        arrays |= {f"{part}/{i:03d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    return arrays


def scrambled(gan):
    """The same GAN, each of whose variables has other values."""
    for i, variable in enumerate(v for part in parts_of(gan).values() for v in part.variables):
        variable.assign(np.random.default_rng(i).integers(1, 1000, variable.shape).astype(variable.dtype))
    return gan


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_names_say_what_an_array_is():
    gan = build.build_gan(OPTIONS["strided, warmed up, float16"])
    keras.config.set_dtype_policy("float32")
    names = gan.state.arrays().keys()
    assert names >= {
        "generator/dense/kernel",
        "generator/conv2d_transpose_1/kernel",
        "average/batch_normalization_1/moving_mean",
        "discriminator/conv2d/kernel",
        "posterior/bias",
        "g_optimizer/iteration",
        "g_optimizer/learning_rate",
        "g_optimizer/momentum/generator/conv2d_transpose_1/kernel",
        "d_optimizer/velocity/discriminator/conv2d/kernel",
        "d_optimizer/loss_scale/dynamic_scale",
        "d_optimizer/loss_scale/step_counter",
        "w_optimizer/momentum/posterior/kernel",
        "w_optimizer/momentum/generator/dense/kernel",
    }


def test_every_weight_has_a_name(options):
    gan = build.build_gan(options)
    assert len(gan.state.arrays()) == len(by_position(parts_of(gan)))


def test_two_builds_in_one_process_give_the_same_names(options):
    arrays = [scrambled(build.build_gan(options)).state.arrays() for _ in range(2)]
    assert same(*arrays)


def test_each_moment_has_the_name_of_its_weight():
    gan = tiny_gan(warm_up=1)
    gan.steps(*batch(steps=2))
    arrays = gan.state.arrays()
    slots = [name.split("/", 2) for name in arrays if "/momentum/" in name or "/velocity/" in name]
    assert {part for part, *_ in slots} == {"g_optimizer", "d_optimizer", "w_optimizer"}
    for part, slot, weight in slots:
        assert arrays[f"{part}/{slot}/{weight}"].shape == arrays[weight].shape
    trained = {"generator": len(gan.generator.trainable_variables), "w": len(gan.warm_up.trained)}
    assert sum(part == "g_optimizer" for part, *_ in slots) == 2 * trained["generator"]
    assert sum(part == "w_optimizer" for part, *_ in slots) == 2 * trained["w"]


def test_weights_of_the_same_path_are_told_apart():
    def network(name):
        x = keras.Input((2,))
        return keras.Model(x, keras.layers.Dense(2, name="same")(x), name=name)

    networks = {"one": network("one"), "other": network("other")}
    weights = [w for n in networks.values() for w in n.weights]
    optimizer = keras.optimizers.Adam()
    optimizer.build(weights)
    for i, variable in enumerate(optimizer.variables):
        variable.assign(np.full(variable.shape, i))
    arrays = State(networks, {"optimizer": (optimizer, weights)}).arrays()
    assert len(arrays) == 4 + len(optimizer.variables)
    # Keras's Adam: iteration, learning rate; then for each weight its momentum and its velocity.
    firsts = [arrays[f"optimizer/momentum/{part}/same/kernel"].flat[0] for part in networks]
    assert firsts == [2, 6]


def test_after_the_warm_up_its_parts_are_not_saved():
    source, gan = scrambled(tiny_gan(warm_up=3)), tiny_gan(warm_up=3)
    during, after = source.state.arrays(2), source.state.arrays(3)
    for step, arrays in ((2, during), (3, after)):
        assert source.state.nbytes(step) == sum(array.nbytes for array in arrays.values())
    passed = {name for name in during if name.split("/")[0] in ("posterior", "w_optimizer")}
    assert during.keys() - after.keys() == passed != set()
    gan.state.restore(after)
    assert same(gan.state.arrays(3), after)
    gan.state.restore(during)  # a state of the format before held them to the end
    assert same(gan.state.arrays(2), during)
    with pytest.raises(ValueError, match="other networks"):
        tiny_gan(warm_up=3).state.restore({n: a for n, a in after.items() if n != "generator/dense/kernel"})


def test_a_state_by_position_is_read(options):
    source = scrambled(build.build_gan(options))
    gan = build.build_gan(options)
    gan.state.restore(by_position(parts_of(source)))
    assert same(gan.state.arrays(), source.state.arrays())


def test_a_state_by_position_of_other_networks_is_refused_before_anything_changes():
    gan = tiny_gan()
    before, arrays = gan.state.arrays(), by_position(parts_of(scrambled(tiny_gan())))
    last = max(arrays)
    wrong = [{n: a for n, a in arrays.items() if n != last}, {**arrays, last: np.zeros((7, 7))},
             {**arrays, "generator/dense/kernel": np.zeros(1)}, {}]  # fmt: skip
    for broken in wrong:
        with pytest.raises(ValueError, match="other networks"):
            gan.state.restore(broken)
        assert same(gan.state.arrays(), before)


@pytest.mark.parametrize("old", [False, True])
def test_the_networks_alone_may_come_from_a_training_with_a_warm_up(old):
    source, gan = scrambled(tiny_gan(warm_up=1)), tiny_gan()
    before = gan.state.arrays()
    arrays = by_position(parts_of(source)) if old else source.state.arrays()
    gan.state.restore_networks(arrays)
    theirs = source.state.arrays()
    for name, array in gan.state.arrays().items():
        assert np.array_equal(array, (before if "optimizer" in name else theirs)[name]), name


def test_the_networks_of_another_kind_are_refused():
    gan = tiny_gan()
    encoder, decoder = vae.build_encoder(16, 3, 4), vae.build_decoder(4)
    other = GAN(dcgan.build_generator(16, 3, 8, (16, 16)), dcgan.build_discriminator(16, 3, (8, 16)),
                keras.optimizers.Adam(), keras.optimizers.Adam())  # fmt: skip
    before = gan.state.arrays()
    for state in vae.VAE(encoder, decoder, keras.optimizers.Adam()).state, other.state:
        for arrays in state.arrays(), {}:
            with pytest.raises(ValueError, match="other networks"):
                gan.state.restore_networks(arrays)
    assert same(gan.state.arrays(), before)
