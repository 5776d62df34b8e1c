"""A .keras file comes from anyone: whatever is in it, nothing of it runs, and the user reads one line."""

import io
import json
import os
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import generate
from models import contents, saved

MARKER = Path("it-ran")
PAYLOAD = f"touch {MARKER}"


@pytest.fixture
def refuse(refused):
    """generate.py must refuse the file in one line, and nothing may have run."""

    def check(path):
        line = refused(generate.main, ["--run", path, "--count", "1"], 1)
        assert str(path) in line
        assert "cannot be opened as a trusted generator" in line
        assert not MARKER.exists()
        return line

    return check


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def good(trained):
    """The members of a good file."""
    return members_of(trained / "generator.keras")


def with_config(good, change):
    """A good file whose config.json went through `change`."""
    config = json.loads(good["config.json"])
    return written("evil.keras", {**good, "config.json": json.dumps(change(config) or config)})


def layer(network, number, /, **entries):
    network["config"]["layers"][number].update(entries)


def test_the_good_file_is_accepted(good):
    assert generate.main(["--run", str(written("good.keras", good)), "--count", "1"]) == 0


@pytest.mark.parametrize("kept", [0, 100, -2000, -10])
def test_truncated(trained, refuse, kept):
    Path("cut.keras").write_bytes((trained / "generator.keras").read_bytes()[:kept])
    refuse("cut.keras")


def test_a_flipped_bit(trained, refuse):
    data = bytearray((trained / "generator.keras").read_bytes())
    data[len(data) // 2] ^= 1
    Path("flipped.keras").write_bytes(data)
    refuse("flipped.keras")


def test_no_keras_file_at_all(refuse):
    Path("text.keras").write_text("hello")
    refuse("text.keras")


def test_a_lambda_layer(refuse):
    z = keras.Input((8,))
    code = compile(f"__import__('os').system({PAYLOAD!r})", "evil", "eval")
    evil = keras.layers.Lambda(lambda x: x, output_shape=(8,))
    evil.function = type(evil.function)(code, {})
    keras.Model(z, keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48)(z))).save("lambda.keras")
    members = members_of("lambda.keras")

    def change(config):
        layer(config, 1, class_name="Lambda", module="keras.layers", config=evil.get_config())

    assert "Lambda" in refuse(with_config(members, change))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("keras.src.utils", "get_file"),
        ("keras.utils", "get_file"),
        ("keras.src.models.functional", "serialization_lib"),
        ("keras.models", "load_model"),
        ("keras.layers", "TFSMLayer"),
        ("models.evil", "Layer"),
        (None, "evil>Layer"),
        (None, "function"),
    ],
)
def test_a_config_that_names_code(good, refuse, module, name):
    def as_layer(config):
        layer(config, 1, class_name=name, module=module, registered_name=name, config={"args": PAYLOAD, "name": "x"})

    def deep_inside(config):
        config["config"]["layers"][1]["config"]["kernel_initializer"] = {
            "class_name": name, "module": module, "registered_name": name, "config": PAYLOAD,
        }  # fmt: skip

    def as_function(config):
        config["config"]["layers"][1]["config"]["activation"] = {
            "class_name": "function", "module": module, "registered_name": name, "config": name,
        }  # fmt: skip

    def as_network(config):
        config.update(class_name=name, module=module, registered_name=name)

    for change in (as_layer, deep_inside, as_function, as_network):
        refuse(with_config(good, change))


def test_a_registered_name_of_somebody_else(good, refuse):
    refuse(with_config(good, lambda config: layer(config, 1, registered_name="evil>Dense")))


def test_a_module_on_the_path_is_not_imported(good, refuse, monkeypatch):
    Path("evilmodule.py").write_text(f"import os; os.system({PAYLOAD!r})")
    monkeypatch.syspath_prepend(os.getcwd())
    refuse(with_config(good, lambda config: layer(config, 1, module="evilmodule", class_name="Dense")))


@pytest.mark.parametrize("config", [[], None, "text", 7, {}, {"class_name": "Functional"}, {"class_name": ["a"]}])
def test_a_config_that_is_none(good, refuse, config):
    refuse(written("odd.keras", {**good, "config.json": json.dumps(config)}))


def test_a_config_nested_too_deeply(good, refuse):
    deep = b'{"class_name": "Functional", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    refuse(written("deep.keras", {**good, "config.json": deep}))


def test_extra_members(good, refuse):
    for name in ("assets/vocabulary.txt", "evil.py", "../evil", "model.weights.npz"):
        refuse(written("extra.keras", {**good, name: b"x"}))
    assert not Path("../evil").exists()


def test_missing_members(good, refuse):
    for name in good:
        refuse(written("less.keras", {k: v for k, v in good.items() if k != name}))


def with_weights(good, change):
    """A good file whose weights went through `change(h5 file, name of a data set)`."""
    data = io.BytesIO(good["model.weights.h5"])
    with h5py.File(data, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        change(file, names[0])
    return written("weights.keras", {**good, "model.weights.h5": data.getvalue()})


def replaced(link):
    def change(file, name):
        del file[name]
        file[name] = link

    return change


def test_weights_that_point_elsewhere(good, refuse):
    with h5py.File("secret.h5", "w") as file:
        file["secret"] = np.zeros((8, 256), np.float32)
    for link in (h5py.ExternalLink("secret.h5", "/secret"), h5py.SoftLink("/layers")):
        assert "are links" in refuse(with_weights(good, replaced(link)))


def test_weights_in_another_file(good, refuse):
    Path("secret.bin").write_bytes(bytes(1 << 20))

    def external(file, name):
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, "f4", external=[("secret.bin", 0, 1 << 20)])

    def virtual(file, name):
        layout = h5py.VirtualLayout(file[name].shape, "f4")
        layout[...] = h5py.VirtualSource("secret.h5", "secret", file[name].shape)
        del file[name]
        file.create_virtual_dataset(name, layout)

    for change in (external, virtual):
        assert "not in the file" in refuse(with_weights(good, change))


def test_weights_that_unpack_to_more_than_the_file(good, refuse):
    def bomb(file, name):
        del file[name]
        file.create_dataset(name, (1 << 14, 1 << 14), "f4", compression="gzip", chunks=(1 << 10, 1 << 10))

    refuse(with_weights(good, bomb))


def test_groups_that_hold_themselves_are_walked_once(good):
    def cycle(file, name):
        file["layers/again"] = file["layers"]

    usual = contents.read(written("usual.keras", good)).weights
    assert set(contents.read(with_weights(good, cycle)).weights) == set(usual)


def test_groups_in_groups_without_end(good, refuse):
    """HDF5 itself would crash."""
    refuse(with_weights(good, lambda file, name: file.create_group("/".join(["a"] * 20_000))))


def test_many_names_for_one_array(good, refuse):
    def often(file, name):
        file["large"] = np.zeros(100_000)
        for number in range(5):
            file[f"again{number}"] = file["large"]

    refuse(with_weights(good, often))


def test_weights_of_another_shape(good, refuse):
    def other(file, name):
        del file[name]
        file[name] = np.zeros((3, 3), np.float32)

    refuse(with_weights(good, other))


def test_members_that_lie_of_their_size(good, refuse):
    size = 64 << 20
    with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**good, "config.json": b" " * size}.items():
            archive.writestr(name, data)
    data = Path("bomb.keras").read_bytes()
    Path("bomb.keras").write_bytes(data.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    refuse("bomb.keras")


def test_init_from_trusts_no_more_than_generate(good, train, refused):
    path = with_config(good, lambda config: layer(config, 1, class_name="system", module="os", config=PAYLOAD))
    line = refused(lambda argv: train(*argv), ["--init-from", path, "--run", "run", "--steps", "1"], 1)
    assert "os.system" in line
    assert not MARKER.exists()


@pytest.mark.parametrize("fault", [MemoryError(), ModuleNotFoundError("No module named 'x'"), OSError(24, "too many")])
def test_a_fault_of_the_computer_is_not_one_of_the_file(fault, trained, monkeypatch):
    def load_model(*args, **settings):
        raise fault

    monkeypatch.setattr(keras.saving, "load_model", load_model)
    with pytest.raises(type(fault)):
        saved.load(trained / "generator.keras")


@pytest.mark.parametrize("fault", [OSError("of h5py"), OSError(22, "Invalid argument"), KeyError("layer")])
def test_a_fault_of_the_file_is_a_value_error(fault, trained, monkeypatch):
    def load_model(*args, **settings):
        raise fault

    monkeypatch.setattr(keras.saving, "load_model", load_model)
    with pytest.raises(ValueError, match="while reading it"):
        saved.load(trained / "generator.keras")


def test_what_onnx_runtime_draws_and_keras_cannot_open(good):
    from animefaces.problems import Problem
    from drawing.networks import Network

    network = Network(Path(with_config(good, lambda config: layer(config, 1, config={
        **config["config"]["layers"][1]["config"], "surprise": 1}))))  # fmt: skip
    assert network(np.zeros((1, *network.input_shape[1:]))).shape[-1] == 3
    with pytest.raises(Problem, match=r"evil\.keras cannot be opened by Keras \(.*\): train it again"):
        network.keras  # noqa: B018 - it is read when it is first asked for
