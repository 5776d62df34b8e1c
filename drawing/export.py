"""Trained networks -> files for other programs: ONNX, LiteRT or a SavedModel, each compared with Keras before it stays.

To add a format: a function in WRITERS that writes a network, one in OPENERS that opens the file with the runtime it is
for, and its ending in ENDINGS.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from animefaces import directions, images, latents, looks, runs
from animefaces.files import write_json, write_text, written_whole
from animefaces.problems import Misuse, Problem
from animefaces.progress import Bar
from drawing import cascade, finishing, photos
from drawing.enlarging import open_upscaler
from drawing.generator import Generator
from drawing.layers import Layer, Shape
from drawing.networks import Network, Session
from drawing.opening import opened
from drawing.reading import OF_DRAWINGS, OF_PHOTOS
from drawing.touches import Places
from models.regions import PARTS

if TYPE_CHECKING:
    import keras

CHECKED = 64  # inputs on which an export is compared with Keras
OFF, OFTEN = 1e-3, 0.05  # an export may differ by so much; one of half precision by 1 of 255 in this share of values
BATCH = 8  # inputs of one comparison
ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "saved_model": ""}
DESCRIPTION, CARD = "model.json", "README.md"


class Part(NamedTuple):
    """A network to export."""

    layers: list[Layer]
    keras: Callable[[], "keras.Model"]  # opens it in Keras
    input_shape: Shape
    output_shape: Shape
    takes: str  # what its input is, in words
    gives: str  # what its output is


def _part(network: Network, takes: str, gives: str) -> Part:
    return Part(network.layers, lambda: network.keras, network.input_shape, network.output_shape, takes, gives)


def _part_of_layers(layers: list[Layer], takes: str, gives: str) -> Part:
    ends = Session(layers)
    return Part(layers, lambda: to_keras(layers), ends.input_shape, ends.output_shape, takes, gives)


def layers_of(part: Part, file: Path, remedy: str) -> list[Layer]:
    """A part -> its layers, for an ONNX file. Raises Problem for a network that only Keras can compute."""
    if not part.layers:
        raise Problem(f"{file.name} would need a layer that cannot be exported to onnx: {remedy}")
    return part.layers


def to_keras(layers: Sequence[Layer]) -> "keras.Model":
    """The layers of a network -> the network in Keras."""
    from models.engine import keras

    tensors: dict[str, Any] = {}
    for layer in layers:
        if layer.kind == "InputLayer":
            tensors[layer.name] = first = keras.Input(layer.shapes[0][1:])
            continue
        made = getattr(keras.layers, layer.kind)(**layer.settings)
        below = [tensors[name] for name in layer.inputs]
        tensors[layer.name] = made(below if len(below) > 1 else below[0])
        made.set_weights(layer.weights)
    return keras.Model(first, tensors[layers[-1].name])


def parts_of(generator: Generator, encoder: bool = True) -> dict[str, Part]:
    """A generator -> it and what works with it, by name: upscaler, readers, parts, detector.

    Its `encoder`, too, if it has one and it is wanted.
    """
    found = {"generator": _part(generator.network, "z: numbers from N(0, 1); the same z is the same face",
                               "a face: pixel = round(127.5 * value + 127.5), within 0 to 255")}  # fmt: skip
    beside = generator.file.parent / runs.ENCODERS["learned"]
    if encoder and beside.exists():
        found["encoder"] = _part(opened(beside, "encoder"), "a photo of a face in the crop tight, pixel / 127.5 - 1",
                                "means of z, then their log-variances")  # fmt: skip
    probabilities = "probabilities of the looks, in their order"
    if generator.shape[-1] == 3:
        found["upscaler"] = _part(
            open_upscaler(), "a drawn face, as the generator gives it", "the same, four times as large"
        )
        found["photo_reader"] = _part(opened(OF_PHOTOS, "reader"), "a photo of a face in the crop loose, "
                                     "pixel / 127.5 - 1", probabilities)  # fmt: skip
        found["drawing_reader"] = _part(opened(OF_DRAWINGS, "reader"), "a drawn face", probabilities)
        found["parts"] = _part(opened(finishing.FILE, "network of parts"), "a drawn face", "64 * 64 probabilities of "
                              f"{', '.join(PARTS)}, then x and y of {', '.join(Places._fields)}")  # fmt: skip
        takes = "a part of a photo, (pixel - 127.5) / 128; mtcnn's, MIT licence"
        gives = "box (4), points (10; face_points alone), probabilities of something else and of a face"
        found |= {name: _part_of_layers(layers, takes, gives) for name, layers in cascade.networks().items()}
    return found


def write(generator: Generator, folder: Path, form: str, half: bool) -> list[Path]:
    """A generator and what works with it -> files in a folder, in a format of ENDINGS. Raises Problem.

    A file that differs too much from Keras is not written. The description comes last. Raises Misuse if the folder
    has a README.md that is not of an export.
    """
    if (folder / CARD).exists() and not (folder / DESCRIPTION).exists():
        raise Misuse(f"--output {folder} has a {CARD}, which the model card would replace: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    parts, files = parts_of(generator), {}
    drawn = generator.draw(latents.from_seeds(range(CHECKED), generator.latent))
    for name, part in Bar(list(parts.items()), desc="exporting", unit="network"):
        files[name] = folder / (name + ENDINGS[form])
        network = part.keras() if form == "onnx" else fixed(part.keras(), generator.shape)
        source = layers_of(part, files[name], "choose another --format") if form == "onnx" else network
        _write_checked(source, network, files[name], form, half, inputs_for(network, drawn))
    write_json(folder / DESCRIPTION, described(generator, parts, files, form, half))
    write_text(folder / CARD, card(generator, files, form))
    return [*files.values(), folder / DESCRIPTION, folder / CARD]


def fixed(network: "keras.Model", shape: tuple[int, ...]) -> "keras.Model":
    """A network -> the same for pictures of one size: TensorFlow's exports of a network for any size cannot run."""
    from models.engine import keras

    if None not in network.input_shape[1:]:
        return network
    pictures = keras.Input(shape)
    return keras.Model(pictures, network(pictures), name=network.name)


def inputs_for(network: "keras.Model", drawn: np.ndarray) -> np.ndarray:
    """A network, and drawn faces uint8 (N, H, W, C) -> inputs for it, float32 (N, ...)."""
    shape = network.input_shape[1:]
    if len(shape) == 1:
        return latents.from_seeds(range(len(drawn)), shape[0])
    side = shape[0] or drawn.shape[1]
    resized = [images.to_array(images.to_image(face), side, shape[2]) for face in drawn]
    return images.to_network(np.stack(resized))


def _write_checked(source, network, path, form, half, inputs):
    if ENDINGS[form]:
        with written_whole(path) as temporary:
            WRITERS[form](source, temporary, half)
            compare(network, OPENERS[form](temporary), inputs, half, path)
        return
    place = Path(tempfile.mkdtemp(dir=path.parent, prefix="."))
    try:
        WRITERS[form](source, place / "new", half)
        compare(network, OPENERS[form](place / "new"), inputs, half, path)
        if path.exists():
            path.rename(place / "old")
        (place / "new").rename(path)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def compare(network: "keras.Model", export: Callable, inputs: np.ndarray, half: bool, path: Path) -> None:
    """Raise Problem if an opened export gives other outputs than the network in Keras, or none."""
    from models import engine

    wanted, given = engine.forward(network), []
    for start in range(0, len(inputs), BATCH):
        some = inputs[start : start + BATCH]
        try:
            made = export(some)
        except RuntimeError as fault:
            raise Problem(f"{path.name} would have an operation that the runtime of this format does not know: "
                          "choose another --format") from fault  # fmt: skip
        given.append(np.abs(made - wanted(some)))
    off = np.concatenate([part.ravel() for part in given])
    if not np.isfinite(off).all() or (np.mean(127.5 * off > 1) > OFTEN if half else off.max() > OFF):
        raise Problem(f"{path.name} would differ from the network by up to {np.max(off):.2g}: export it in another "
                      f"format{' or without --half' if half else ''}")  # fmt: skip


def described(
    generator: Generator, parts: Mapping[str, Part], files: Mapping[str, Path], form: str, half: bool
) -> dict[str, Any]:
    """What a program must know to use the files, for model.json."""
    networks = {name: {"file": files[name].name, "input": list(part.input_shape),
                       "takes": part.takes, "output": list(part.output_shape), "gives": part.gives}
                for name, part in parts.items()}  # fmt: skip
    beside = directions.beside(generator.file)
    edits = directions.load(beside, generator.latent) if beside.exists() else {}
    crops = {"tight": photos.TIGHT, "loose": photos.LOOSE}
    return {
        "name": generator.name, "format": form, "half": half, "values": "float32, channels last", "networks": networks,
        "looks": {look.name: list(look.words) for look in looks.LOOKS},
        "crops": {name: {"eyes": frame.eyes, "eye_distance": frame.distance} for name, frame in crops.items()}
        | {"meaning": "the eyes are level, at `eyes` of the crop's side from its top, the middle between them in the "
                      "middle of its width, and `eye_distance` of the side apart"},
        "edits": {name: {"limit": limit, "z": [round(float(n), 5) for n in row]}
                  for name, (row, limit) in edits.items()},
        "seed": "z of seed s: numpy.random.default_rng(s).standard_normal(latent, dtype=float32)",
        "licence": "the code is under the MIT licence; the faces that the networks learned from belong to their makers",
    }  # fmt: skip


def card(generator: Generator, files: Mapping[str, Path], form: str) -> str:
    """A model card in the form of Hugging Face: README.md with a block of metadata."""
    size = f"{generator.shape[1]}x{generator.shape[0]}"
    listed = "\n".join(f"- `{file.name}`" for file in files.values())
    return f"""---
license: other
license_name: see-below
pipeline_tag: unconditional-image-generation
tags:
- anime
- gan
- {form}
---

# Anime faces: {generator.name}

A GAN that draws anime faces of {size}, and what works with it, as {form}. `model.json` says what each network takes and
gives.

{listed}

## Licence and limits

The code is under the MIT licence. The faces that the networks learned from belong to the people who drew them: say
here which ones, and under which terms you may share networks that learned from them. Readers and encoders learned from
photos for non-commercial research. A drawing says nothing about a person.
"""


def _write_onnx(layers, path, half):
    from drawing.onnx import to_onnx

    path.write_bytes(to_onnx(layers, half).SerializeToString())


def _write_by_keras(form):
    def write(network, path, half):
        from models import engine

        engine.export(network, path, form)

    return write


def _opened_by_keras(form):
    def open_export(path):
        from models import engine

        return engine.open_export(path, form)

    return open_export


WRITERS: dict[str, Callable[[Any, Path, bool], None]] = {  # onnx takes layers, the others a network of Keras
    "onnx": _write_onnx,
    "litert": _write_by_keras("litert"),
    "saved_model": _write_by_keras("tf_saved_model"),
}
OPENERS: dict[str, Callable[[Path], Callable[[np.ndarray], np.ndarray]]] = {
    "onnx": lambda path: Session(path.read_bytes()),
    "litert": _opened_by_keras("litert"),
    "saved_model": _opened_by_keras("tf_saved_model"),
}
