"""Find the parts of drawn faces (skin, hair, eyes), from the shipped generator alone: nobody draws a mask.

    python -m training.parts --output models/pretrained/parts.keras      # some ten minutes on two cores

1. In faces whose hair and skin differ, colours and places give labels to the pixels that are sure (`sure`).
2. A small network learns the labels from the generator's own feature maps, which know what they draw (as in
   DatasetGAN: Zhang et al. 2021, arXiv 2104.06490). It labels all pixels of new faces.
3. A U-Net learns these labels from the pixels alone, with hair and skin in many colours. So it needs no feature maps,
   and takes faces of other generators.
4. A linear map of its shares of skin and eyes gives the places of eyes, nose, mouth, chin and jaw. It is fitted to
   training/places.csv, the places in the faces of 96 seeds, found by eye.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import images, latents, runs
from animefaces.colour import to_lab
from animefaces.commands import run_script
from animefaces.files import written_whole
from animefaces.options import at_least, option
from animefaces.progress import Bar
from drawing.opening import open_generator

PLACES = Path(__file__).with_name("places.csv")
SKIN, HAIR, OTHER, EYES = range(4)
SURE_SEEDS, SEEDS = range(1_000, 1_480), range(2_000, 4_400)  # faces of step 2 and of step 3
PIXELS = (150, 200, 90, 90)  # of each part, taken from a face in step 2
BATCH, ROUNDS, EPOCHS = 48, (5, 4), 14
RIDGE = 3.0
SIDE = 64
ACROSS, DOWN = np.meshgrid(*[np.arange(SIDE) / (SIDE / 2) - 1] * 2)  # from -1 to 1


@dataclass(frozen=True)
class Options:
    """Where to."""

    output: Path = option(Path("results/parts.keras"), "file of the network")
    epochs: int = option(EPOCHS, "epochs of the U-Net", at_least(1))


def sure(lab: np.ndarray) -> np.ndarray | None:
    """Lab (64, 64, 3) of a drawn face -> int8 (64, 64): the part where it is sure, else -1. None: too much alike."""
    import cv2

    labels = np.full((SIDE, SIDE), -1, np.int8)
    skin = np.median(lab[40:52, 20:44].reshape(-1, 3), axis=0)
    hair = np.median(lab[:12, 16:48].reshape(-1, 3), axis=0)
    if np.linalg.norm(skin - hair) < 30:
        return None
    from_skin, from_hair = np.linalg.norm(lab - skin, axis=-1), _away(lab, hair, 3.0)
    shaded = _away(lab, skin, 2.5)
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    white = ((lightness > 95) & (chroma < 5)).astype(np.uint8)
    _, spots = cv2.connectedComponents(white, connectivity=4)
    outside = [spot for spot in {*spots[:40, 0], *spots[:40, -1], *spots[0]} if spot]
    ground = np.isin(spots, outside)
    labels[(from_hair < 7) & (np.abs(lightness - hair[0]) < 35) & (from_skin > 18) & ~ground] = HAIR
    labels[(from_skin < 8) & (np.abs(ACROSS) < 0.8) & (DOWN > -0.55) & ~ground] = SKIN
    labels[ground] = OTHER
    neck = (DOWN > 0.55) & (np.abs(ACROSS) < 0.6) & (shaded < 9) & (from_hair > 9) & ~ground
    labels[neck & (lightness < skin[0]) & (lightness > skin[0] - 38)] = SKIN
    labels[(DOWN > 0.75) & (shaded > 14) & (from_hair > 15) & ~ground] = OTHER
    box = (DOWN > -0.1) & (DOWN < 0.28) & (np.abs(ACROSS) > 0.15) & (np.abs(ACROSS) < 0.6)
    labels[box & (shaded < 10) & (labels < 0)] = SKIN
    labels[box & (from_skin > 20) & (from_hair > 14)] = EYES
    return labels


def _away(lab, colour, soft):
    """Distance from a colour, in which lightness counts `soft` times less."""
    return np.sqrt(((lab[..., 0] - colour[0]) / soft) ** 2 + np.sum((lab[..., 1:] - colour[1:]) ** 2, axis=-1))


class Maps:
    """The feature maps of a generator, and the faces that it draws of them."""

    def __init__(self, network: Any):
        from models.engine import keras

        last = [layer.output for layer in network.layers if isinstance(layer, keras.layers.Add)][-3:]
        self.network, self.latent = keras.Model(network.input, [*last, network.output]), network.input_shape[1]

    def of(self, seeds: range) -> tuple[np.ndarray, np.ndarray]:
        """Seeds -> (features of every pixel (N, 64, 64, F), pixels uint8 (N, 64, 64, 3))."""
        import cv2

        z = latents.from_seeds(seeds, self.latent)
        *maps, drawn = (np.asarray(x) for x in self.network(z, training=False))
        large = [np.stack([cv2.resize(x, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for x in m]) for m in maps]
        place = np.stack([ACROSS, DOWN, ACROSS**2, DOWN**2, ACROSS * DOWN], axis=-1)
        place = np.broadcast_to(place, (len(seeds), *place.shape))
        return np.concatenate([*large, place], axis=-1).astype(np.float32), images.to_pixels(drawn)


class Labeller:
    """A small network: the features of a pixel -> its part."""

    def __init__(self, maps: Maps):
        """Train it on the pixels that are sure."""
        from models.engine import keras

        rng, rows, parts = np.random.default_rng(0), [], []
        for start in Bar(SURE_SEEDS[::BATCH], desc="labels that are sure", unit="batch"):
            features, pixels = maps.of(range(start, start + BATCH))
            for of_face, face in zip(features, pixels, strict=True):
                labels = sure(to_lab(face))
                if labels is None:
                    continue
                for part, most in enumerate(PIXELS):
                    places = np.flatnonzero(labels.ravel() == part)
                    places = rng.choice(places, min(len(places), most), replace=False)
                    rows.append(of_face.reshape(-1, of_face.shape[-1])[places])
                    parts.append(np.full(len(places), part))
        inputs, targets = np.concatenate(rows), np.concatenate(parts)
        self.mean, self.deviation = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
        inputs = (inputs - self.mean) / self.deviation
        dense = [keras.layers.Dense(48, activation="gelu"), keras.layers.Dropout(0.2), keras.layers.Dense(4)]
        self.network = keras.Sequential(dense)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.network.compile(keras.optimizers.AdamW(2e-3, weight_decay=0.01), loss)
        self.network.fit(inputs, targets, batch_size=512, epochs=ROUNDS[0], verbose=0)
        # What it takes for another part by far was no sure label.
        said = self.network.predict(inputs, batch_size=8192, verbose=0)
        right = said[np.arange(len(targets)), targets] > said.max(axis=1) - 2
        self.network.fit(inputs[right], targets[right], batch_size=512, epochs=ROUNDS[1], verbose=0)

    def labels(self, features: np.ndarray, pixels: np.ndarray) -> tuple[list, list]:
        """What Maps.of gives -> (faces whose labels are whole, their labels uint8 (64, 64))."""
        rows = ((features - self.mean) / self.deviation).reshape(-1, features.shape[-1])
        labels = self.network.predict(rows, batch_size=8192, verbose=0).argmax(axis=1).reshape(-1, SIDE, SIDE)
        faces, kept = [], []
        for face, parts in zip(pixels, labels, strict=True):
            lab = to_lab(face)
            cheeks = (parts == SKIN) & (DOWN > 0.1) & (DOWN < 0.6)
            if cheeks.sum() < 30:
                continue
            skin = np.median(lab[cheeks], axis=0)
            white = (lab[..., 0] > 95) & (np.hypot(lab[..., 1], lab[..., 2]) < 5)
            low = (np.abs(ACROSS) < 0.65) & (DOWN > 0.4)
            parts[(parts == OTHER) & (_away(lab, skin, 2.5) < 9) & low & ~white] = SKIN
            parts[(parts == EYES) & (np.linalg.norm(lab - skin, axis=-1) < 9)] = SKIN
            faces.append(face)
            kept.append(parts.astype(np.uint8))
        return faces, kept


def recoloured(face: np.ndarray, parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face and its parts -> float32 (64, 64, 3), often with hair, sometimes with skin, of another colour."""
    made = face.astype(np.float32)
    if rng.random() < 0.5:
        hair = np.clip(made[parts == HAIR] / 255, 0, 1) ** np.exp(rng.normal(0, 0.5))
        grey = hair.mean(axis=-1, keepdims=True)
        made[parts == HAIR] = (0.6 * grey + 0.4 * hair) * rng.uniform(0.4, 1.3, 3) * 255
    if rng.random() < 0.25:
        warmth = np.array([1, rng.uniform(0.85, 1), rng.uniform(0.75, 1)])
        made[parts == SKIN] = made[parts == SKIN] * rng.uniform(0.35, 1) * warmth
    return np.clip(made * np.exp(rng.normal(0, 0.08)), 0, 255)


def fit_unet(faces: np.ndarray, parts: np.ndarray, epochs: int) -> Any:
    """Faces uint8 (N, 64, 64, 3) and their labels uint8 (N, 64, 64) -> the trained U-Net."""
    from models.engine import keras
    from models.parts import build_parts

    network, rng = build_parts(), np.random.default_rng(0)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(faces) // 64))
    network.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), "sparse_categorical_crossentropy")
    for _ in Bar(range(epochs), desc="learning the parts", unit="epoch"):
        order = rng.permutation(len(faces))
        flips = np.where(rng.random(len(faces)) < 0.5, -1, 1)
        turned = list(zip(order, flips, strict=True))
        inputs = np.stack([recoloured(faces[i], parts[i], rng)[:, ::flip] for i, flip in turned])
        targets = np.stack([parts[i][:, ::flip] for i, flip in turned])
        network.fit(images.to_network(inputs), targets, batch_size=64, epochs=1, verbose=0)
    return keras.Model(network.input, network.output, name="parts")  # without the optimizer


def fit_places(network: Any, generator: Any) -> tuple[np.ndarray, np.ndarray]:
    """A U-Net and the generator -> kernel and bias of the places, fitted to training/places.csv by ridge regression."""
    from models.batches import in_batches
    from models.parts import coarse

    with open(PLACES, encoding="utf-8", newline="") as file:
        rows = np.array([[float(value) for value in line] for line in list(csv.reader(file))[1:]])
    seeds, places = rows[:, 0].astype(int), rows[:, 1:]
    faces = images.to_network(generator.draw(latents.from_seeds(seeds, generator.latent)))
    inputs = in_batches(coarse(network), faces).astype(np.float64)
    mean, middle = inputs.mean(axis=0), places.mean(axis=0)
    centred = inputs - mean
    kernel = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(centred.shape[1]), centred.T @ (places - middle))
    return kernel.astype(np.float32), (middle - mean @ kernel).astype(np.float32)


def work(options: Options, given: set[str]) -> None:
    """Train the network and write it."""
    from models import engine, saved
    from models.parts import with_places

    engine.seed(0)
    generator = open_generator(runs.PRETRAINED)
    maps = Maps(generator.network.keras)
    labeller = Labeller(maps)
    faces: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    for start in Bar(SEEDS[::BATCH], desc="labelling", unit="batch"):
        for many, new in zip((faces, parts), labeller.labels(*maps.of(range(start, start + BATCH))), strict=True):
            many.extend(new)
    network = fit_unet(np.stack(faces), np.stack(parts), options.epochs)
    network = with_places(network, *fit_places(network, generator))
    with written_whole(options.output) as temporary:
        saved.save(network, temporary, half=True)
    print(f"{options.output}: the parts of {len(faces):,} faces")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
