"""Networks in use without Keras: their layers, ONNX Runtime, the detector of faces; and programs without TensorFlow."""

import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import PROJECT, python
from PIL import Image

from animefaces import images, latents, runs
from animefaces.problems import Problem
from drawing import cascade, photos
from drawing.layers import of_file
from drawing.networks import Network, Session
from models import contents, saved
from models.batches import in_batches

ASTRONAUT = PROJECT / "docs" / "images" / "astronaut.jpg"
SHIPPED = sorted(path for path in runs.PRETRAINED.glob("*.keras"))
HEAVY = ("tensorflow", "keras", "jax", "matplotlib", "filelock", "jinja2", "pebble", "tensorboard")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_networks_need_no_keras(path):
    network = Network(path)
    assert network.session is not None
    assert network.input_shape == network.keras.input_shape
    assert network.output_shape[-1] == network.keras.output_shape[-1]
    rng, shape = np.random.default_rng(0), [side or 64 for side in network.input_shape[1:]]
    inputs = (rng.standard_normal if len(shape) == 1 else lambda size: rng.uniform(-1, 1, size))((2, *shape))
    inputs = inputs.astype(np.float32)
    wanted = np.asarray(network.keras(inputs, training=False))
    assert np.abs(network(inputs) - wanted).max() < 1e-4 * max(1, np.abs(wanted).max())


def test_a_face_is_the_same_in_any_company():
    network, z = Network(runs.PRETRAINED / runs.GENERATOR), latents.from_seeds(range(5), 100)
    together = network(z)
    for count in (1, 2, 4):
        assert np.array_equal(network(z[:count]), together[:count])
    assert network(z[:0]).shape == (0, 64, 64, 3)


def test_a_layer_that_is_used_twice():
    pictures = keras.Input((4, 4, 3))
    twice = keras.layers.Conv2D(3, 1)
    saved.save(keras.Model(pictures, keras.layers.Add()([twice(twice(pictures)), pictures])), "twice.keras")
    network, inputs = Network(Path("twice.keras")), np.random.default_rng(0).random((2, 4, 4, 3), np.float32)
    assert network.session is not None
    assert np.allclose(network(inputs), in_batches(network.keras, inputs), atol=1e-5)


@pytest.mark.parametrize("side", [16, 12])  # a multiple of the side before, and none
def test_the_size_of_what_is_resized_is_known(side):
    z = keras.Input((3,))
    x = keras.layers.Reshape((8, 8, 3))(keras.layers.Dense(8 * 8 * 3)(z))
    saved.save(keras.Model(z, keras.layers.Resizing(side, side, interpolation="nearest")(x)), "resized.keras")
    network, rows = Network(Path("resized.keras")), np.eye(3, dtype=np.float32)
    assert network.session is not None
    assert network.output_shape == (None, side, side, 3)
    assert np.allclose(network(rows), in_batches(network.keras, rows), atol=1e-5)


def test_what_leads_nowhere_is_left_out():
    pictures = keras.Input((4, 4, 3))
    whole = keras.Model(pictures, [keras.layers.ReLU()(pictures), keras.layers.LayerNormalization()(pictures)])
    saved.save(keras.Model(whole.inputs, whole.outputs[0]), "part.keras")
    assert [layer.kind for layer in of_file(contents.read("part.keras"))] == ["InputLayer", "ReLU"]


@pytest.mark.parametrize(
    "layer",
    [keras.layers.LayerNormalization(), keras.layers.Activation("elu"), keras.layers.Conv2D(2, 1, dtype="bfloat16"),
     keras.layers.BatchNormalization(axis=1), keras.layers.Reshape((-1, 3))],
)  # fmt: skip
def test_keras_computes_what_onnx_is_not_told(layer):
    pictures = keras.Input((4, 4, 3))
    saved.save(keras.Model(pictures, layer(pictures)), "other.keras")
    network, inputs = Network(Path("other.keras")), np.random.default_rng(0).random((2, 4, 4, 3), np.float32)
    assert network.session is None and network.layers == []
    assert np.array_equal(network(inputs), in_batches(network.keras, inputs))


def test_a_sum_of_different_ranks_is_left_to_keras():
    pictures = keras.Input((4, 4, 4))
    rows = keras.layers.GlobalAveragePooling2D()(pictures)
    saved.save(keras.Model(pictures, keras.layers.Add()([pictures, rows])), "sum.keras")
    assert Network(Path("sum.keras")).session is None


def damaged(change):
    """The shipped encoder, with a changed config."""
    with zipfile.ZipFile(runs.PRETRAINED / "encoder.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config["config"])
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile("damaged.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return contents.read("damaged.keras")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("layers"),
        lambda config: config["layers"].pop(3),
        lambda config: config.update(output_layers=[["nobody", 0, 0]]),
        lambda config: config.update(output_layers=[]),
        lambda config: config["layers"][2].update(inbound_nodes=[{}]),
        lambda config: config["layers"][2].update(class_name=7),
        lambda config: config["layers"][0]["config"].update(batch_shape=3),
        lambda config: config["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(
            keras_history=[config["layers"][2]["name"], 0, 0]),
        lambda config: config["layers"][1]["config"].update(strides="many"),
        lambda config: config["layers"][1]["config"].update(padding=None),
        lambda config: config["layers"][1]["config"].update(strides=[-1, 10**30]),
    ],
)  # fmt: skip
def test_a_damaged_description_is_one_kind_of_error(change):
    with pytest.raises(ValueError):
        Session(of_file(damaged(change)))


def test_a_network_that_cannot_be_computed():
    network = Network(runs.PRETRAINED / runs.GENERATOR)
    with pytest.raises(Problem, match=r"generator.keras cannot be computed .*: train it again, or name another run"):
        network(np.zeros((1, 7), np.float32))


def test_the_detector_finds_what_the_package_finds():
    """Its steps are ours, because the package needs TensorFlow."""
    stages = pytest.importorskip("mtcnn").MTCNN().stages
    photo = np.asarray(Image.open(ASTRONAUT).convert("RGB"))
    crowd = np.asarray(Image.fromarray(np.hstack([photo, photo[:, ::-1]])).resize((430, 215)))
    for pixels in (photo, crowd, np.full((80, 90, 3), 127, np.uint8)):
        seen, rows = photos._prepared(pixels)[0], None
        for stage in stages:
            rows = stage(bboxes_batch=rows, images_normalized=(seen[None].astype(np.float32) - 127.5) / 128,
                         images_oshapes=np.array([seen.shape]), threshold_onet=photos.SURE)  # fmt: skip
            if not len(rows):
                break
        found = cascade.Cascade()(seen, photos.SURE)
        assert len(found) == len(rows)
        assert not len(rows) or np.abs(found - rows[:, 1:]).max() < 0.02
    assert len(found) == 0


def test_programs_that_draw_need_no_tensorflow(tmp_path):
    """What requirements-draw.txt does not name is not there."""
    code = (
        f"import sys\nfor name in {HEAVY}: sys.modules[name] = None\n"
        "import encode, generate, page\n"
        "assert generate.main(['--run', sys.argv[1], '--count', '1', '--output', 'faces.png']) == 0\n"
        "assert encode.main([sys.argv[2], '--run', sys.argv[1], '--into-photo', '--output', 'photo.png']) == 0\n"
    )
    done = python("-W", "error", "-c", code, runs.PRETRAINED, ASTRONAUT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert images.dimensions(tmp_path / "faces.png") == (256, 256)


def test_what_needs_keras_says_so(tmp_path):
    shutil.copy(ASTRONAUT, tmp_path / "photo.jpg")
    code = (
        "import importlib.util, sys\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'tensorflow' else found(name, *more)\n"
        "import encode\n"
        "sys.exit(encode.main(['photo.jpg', '--encoder', 'learned', '--run', sys.argv[1]]))"
    )
    done = python("-c", code, runs.PRETRAINED, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: tensorflow is not installed, and this needs it: pip install -r requirements.txt\n"
