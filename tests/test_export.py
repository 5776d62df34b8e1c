"""export.py: the same networks in other formats."""

import json
import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

import export as program
import recipes
from animefaces import images, latents, runs
from drawing import cascade, export
from drawing.layers import of_file
from drawing.networks import Session
from drawing.onnx import Unknown, to_onnx
from drawing.opening import open_generator
from models import build, contents, encoder, parts, reader, saved, upscaler, vae

PROJECT = Path(__file__).resolve().parent.parent
SMALL = {"size": 16, "latent": 8, "generator_widths": (8, 8), "discriminator_widths": (8, 8)}


GANS = {
    name: recipes.RECIPES[name]
    for name in ("light", "modern", "fastgan", "large", "pooled", "noisy", "soft", "paper", "mnist")
}
GANS["mirrored"] = replace(GANS["light"], mirrored=True)
CODERS = {
    "encoder": lambda: encoder.build_encoder(16, 3, 8),
    "vae": lambda: vae.build_encoder(20, 3, 4),
    "reader": lambda: reader.build_reader(16, 3, (2, 3), widths=(8, 8, 8)),
    "parts": lambda: parts.build_parts((8, 8)),
    "upscaler": lambda: upscaler.build_upscaler(8, 1),
}
KINDS = [*(f"{name} {part}" for name in GANS for part in ("generator", "discriminator")), *CODERS, *cascade.SIDES]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Exports are compared on a few faces."""
    monkeypatch.setattr(export, "CHECKED", 8)


def small(kind):
    """A small network of a kind, with weights that are not those it begins with."""
    name, _, part = kind.partition(" ")
    if part:
        widths = {"generator_widths": (8, 8, 8)} if name == "pooled" else {}
        both = build.build_networks(replace(GANS[name], **{**SMALL, **widths}))
        network = both[part == "discriminator"]
    else:
        network = CODERS[kind]() if kind in CODERS else export.to_keras(cascade.networks()[kind])
    rng = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign(weight + 0.02 * np.abs(rng.standard_normal(weight.shape)))
    return network


def layers_of(network):
    """The layers of a network, by way of its file."""
    saved.save(network, "network.keras")
    return of_file(contents.read("network.keras"))


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_gives_the_same(kind):
    network = small(kind)
    rng, shape = np.random.default_rng(1), [side or 20 for side in network.input_shape[1:]]
    inputs = rng.uniform(-1, 1, (3, *shape)).astype(np.float32)
    wanted = np.asarray(network(inputs, training=False))
    if None not in network.input_shape[1:]:
        assert Session(layers_of(network)).output_shape[1:] == network.output_shape[1:]
    for half, off in ((False, 1e-4), (True, 0.02)):
        model = to_onnx(layers_of(network), half).SerializeToString()
        given = onnxruntime.InferenceSession(model).run(None, {"input": inputs})[0]
        assert given.shape == wanted.shape and given.dtype == np.float32
        assert np.abs(given - wanted).max() < off * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("shape", [(4, 6, 3), (5, 3)])
def test_dense_layers_on_more_than_rows(shape):
    x = keras.Input(shape)
    network = keras.Model(x, keras.layers.Dense(2, activation="softmax", bias_initializer="normal")(x))
    inputs = np.random.default_rng(0).random((2, *shape), np.float32)
    model = to_onnx(layers_of(network)).SerializeToString()
    given = onnxruntime.InferenceSession(model).run(None, {"input": inputs})[0]
    assert np.allclose(given, network(inputs), atol=1e-5)


def test_half_of_the_weights_is_half_the_file():
    network = build.build_networks(replace(recipes.RECIPES["light"], size=16, generator_widths=(64, 64)))[0]
    whole, half = (len(to_onnx(layers_of(network), half).SerializeToString()) for half in (False, True))
    assert half < 0.52 * whole


def test_layers_that_are_not_known():
    pictures = keras.Input((8, 8, 3))
    for layer in (keras.layers.LayerNormalization(), keras.layers.Activation("elu"), keras.layers.ReLU(threshold=1.0),
                  keras.layers.UpSampling2D(interpolation="lanczos3")):  # fmt: skip
        with pytest.raises(Unknown):
            to_onnx(layers_of(keras.Model(pictures, layer(pictures))))


def test_a_folder_that_explains_itself(trained, capsys):
    assert program.main([str(trained), "--half"]) == 0
    folder = Path("results/exported/00000-tutorial-onnx")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "drawing_reader.onnx", "face_points.onnx", "face_proposals.onnx", "face_refinement.onnx",
        "generator.onnx", "model.json", "parts.onnx", "photo_reader.onnx", "upscaler.onnx",
    ]  # fmt: skip
    assert f"{folder}/: generator.onnx, " in capsys.readouterr().out
    kinds = {tensor.data_type for tensor in onnx.load(folder / "generator.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    told = json.loads((folder / "model.json").read_text())
    assert (told["format"], told["half"]) == ("onnx", True)
    assert told["networks"]["generator"]["output"] == [None, 16, 16, 3]
    assert {f"{name}.onnx" for name in told["networks"]} == {path.name for path in folder.glob("*.onnx")}
    assert told["looks"]["hair"][0] == "black" and told["crops"]["loose"]["eyes"] == 0.46
    assert (folder / "README.md").read_text().startswith("---\nlicense: other\n")
    assert "results/exported" not in str(runs.newest())  # it is no run


def test_the_examples_of_the_page_work(capsys):
    """They are run as they stand there, on a generator of the size of the shipped one."""
    page = (PROJECT / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    narrow = replace(recipes.RECIPES["large"], generator_widths=(8,) * 5, discriminator_widths=(8,) * 5)
    saved.save(build.build_networks(narrow)[0], "narrow.keras")
    generator = open_generator(Path("narrow.keras"))
    only = {name: part for name, part in export.parts_of(generator).items() if name in ("generator", "upscaler")}
    with pytest.MonkeyPatch.context() as patch:
        for form in ("onnx", "litert", "saved_model"):
            patch.setattr(export, "parts_of", lambda generator: only)
            export.write(generator, program.WHOLE / f"pretrained-{form}", form, half=False)
            only.pop("upscaler", None)
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *words, **more: None)  # the interpreter's, that it will move
        for block in blocks:
            exec(block, names)
    seven = generator.draw(latents.from_seeds([7], 100))
    assert np.array_equal(names["z"], latents.from_seeds([7], 100))
    assert np.abs(names["pixels"].astype(int) - seven).max() <= 1
    for again in (names["same"], names["third"], names["fourth"]):
        assert np.abs(again - names["face"]).max() < 1e-3
    assert names["large"].shape == (1, 256, 256, 3)


def test_litert_computes_the_networks_of_fastgan(tmp_path):
    network, _ = build.build_networks(replace(GANS["fastgan"], **{**SMALL, "generator_widths": (8, 8, 4)}))
    export.WRITERS["litert"](network, tmp_path / "generator.tflite", False)
    opened = export.OPENERS["litert"](tmp_path / "generator.tflite")
    export.compare(network, opened, latents.from_seeds(range(3), 8), False, tmp_path / "generator.tflite")


def test_what_a_runtime_does_not_know_is_told(trained, refused, monkeypatch):
    def broken(path):
        raise RuntimeError("Select TensorFlow op(s)")

    monkeypatch.setitem(export.OPENERS, "onnx", lambda path: broken)
    line = refused(program.main, [str(trained), "--output", "out"], 1)
    assert line.startswith("generator.onnx would have an operation that the runtime of this format does not know")
    assert not list(Path("out").iterdir())


def test_the_edits_of_the_shipped_weights_are_described():
    edits = export.described(open_generator(runs.PRETRAINED), {}, {}, "onnx", False)["edits"]
    assert len(edits["hair-dark"]["z"]) == 100 and edits["hair-dark"]["limit"] > 0


def test_what_differs_is_not_kept(trained, refused, monkeypatch):
    words, whole = [str(trained), "--output", "out"], export.parts_of
    monkeypatch.setattr(export, "parts_of", lambda *of, **more: {"generator": whole(*of, **more)["generator"]})
    assert program.main(words) == 0
    before = Path("out/generator.onnx").read_bytes()
    right = export.OPENERS["onnx"]
    monkeypatch.setitem(export.OPENERS, "onnx", lambda path: lambda inputs: right(path)(inputs) + 0.002)
    line = refused(program.main, words, 1)
    assert "generator.onnx would differ from the network by up to 0.002: export it in another format" in line
    assert Path("out/generator.onnx").read_bytes() == before
    assert not list(Path("out").glob(".*"))
    monkeypatch.setitem(export.OPENERS, "onnx", lambda path: lambda inputs: right(path)(inputs) * np.nan)
    assert "would differ" in refused(program.main, [*words, "--half"], 1)


def test_a_grey_generator_goes_alone():
    z = keras.Input((4,))
    pixels = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="tanh")(z))
    saved.save(keras.Model(z, pixels), "grey.keras")
    assert program.main(["grey.keras", "--output", "out/"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["README.md", "generator.onnx", "model.json"]
    session = onnxruntime.InferenceSession("out/generator.onnx")
    given = session.run(None, {"input": latents.from_seeds([1], 4)})[0]
    assert np.abs(images.to_pixels(given).astype(int) - open_generator(Path("grey.keras")).draw(
        latents.from_seeds([1], 4))).max() <= 1  # fmt: skip


def test_a_readme_of_somebody_else_stays(trained, refused):
    Path("mine").mkdir()
    Path("mine/README.md").write_text("precious")
    line = refused(program.main, [str(trained), "--output", "mine"], 2)
    assert line == "--output mine has a README.md, which the model card would replace: name another folder"
    assert [path.name for path in Path("mine").iterdir()] == ["README.md"]
    assert Path("mine/README.md").read_text() == "precious"


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["one", "two"], "one run at a time: name one", 2),
        (["--half", "--format", "litert"], "--half is for --format onnx, not for litert", 2),
        (["--format", "pickle"], "invalid choice", 2),
        (["gone"], "gone does not exist", 1),
        (["--output", "/dev/full"], "--output /dev/full", 2),
    ],
)
def test_bad_input(refused, flags, words, code):
    assert words in refused(program.main, flags, code)
