"""Train the upscaler on the generator's faces, as a larger network enlarges them.

    python -m training.upscaler --teacher realesr-animevideov3-x4.onnx --output models/pretrained/upscaler.keras

The teacher is an ONNX network that enlarges pictures four times: RGB in [0, 1], (1, 3, H, W). It is Real-ESRGAN's
animevideov3 (BSD-3), which is not a part of this project. The upscaler has half of its parameters. It learns from
patches: the mean absolute difference of the colours, and half that of the steps from pixel to pixel.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animefaces import images, latents, runs
from animefaces.commands import run_script
from animefaces.files import check_input, written_whole
from animefaces.options import at_least, option
from animefaces.progress import Bar
from drawing.opening import open_generator

PATCH, BATCH, RATE, WARM_UP = 32, 12, 1e-3, 100
EDGES = 0.5  # weight of the steps from pixel to pixel


@dataclass(frozen=True)
class Options:
    """From which teacher, for how long, and where to."""

    teacher: Path = option(Path("teacher.onnx"), "the network that enlarges, .onnx")
    faces: int = option(2_000, "faces that it enlarges", at_least(1))
    steps: int = option(5_000, "training steps", at_least(1))
    output: Path = option(Path("results/upscaler.keras"), "file of the upscaler")


def enlarged(teacher: Path, faces: np.ndarray) -> np.ndarray:
    """Faces, uint8 (N, 64, 64, 3) -> as the teacher enlarges them, uint8 (N, 256, 256, 3)."""
    import cv2

    network, large = cv2.dnn.readNetFromONNX(str(teacher)), []
    for face in Bar(faces, desc="enlarging", unit="face"):
        network.setInput(face.astype(np.float32).transpose(2, 0, 1)[None] / 255)
        large.append((np.clip(network.forward()[0].transpose(1, 2, 0), 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.stack(large)


def fit(small: np.ndarray, large: np.ndarray, steps: int):
    """Faces, uint8 (N, S, S, 3) and (N, 4 * S, 4 * S, 3) -> the trained upscaler."""
    import keras
    from keras import ops

    from models.engine import apply, compiled, gradients
    from models.upscaler import SCALE, build_upscaler

    keras.utils.set_random_seed(0)
    network, rng = build_upscaler(), np.random.default_rng(0)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=RATE, warmup_steps=min(WARM_UP, steps // 2))
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)

    def loss(inputs, targets):
        off = network(inputs, training=True) - targets
        steps_off = ops.mean(ops.abs(off[:, 1:] - off[:, :-1])) + ops.mean(ops.abs(off[:, :, 1:] - off[:, :, :-1]))
        return ops.mean(ops.abs(off)) + EDGES * steps_off, None

    def step(inputs, targets):
        value, _, grads = gradients(lambda: loss(inputs, targets), network.trainable_variables)
        apply(optimizer, grads, network.trainable_variables)
        return {"loss": value}

    run = compiled(step, [*network.variables, *optimizer.variables])
    for _ in Bar(range(steps), desc="training", unit="step"):
        inputs, targets = [], []
        for face in rng.integers(0, len(small), BATCH):
            top, left = rng.integers(0, small.shape[1] - PATCH + 1, 2)
            inputs.append(small[face, top : top + PATCH, left : left + PATCH])
            top, left, side = SCALE * top, SCALE * left, SCALE * PATCH
            targets.append(large[face, top : top + side, left : left + side])
        run(images.to_network(np.stack(inputs))[None], images.to_network(np.stack(targets))[None])
    return network


def work(options: Options, given: set[str]) -> None:
    """Enlarge faces, train the upscaler, and write it."""
    from models import saved

    check_input(options.teacher, "--teacher")
    generator = open_generator(runs.PRETRAINED)
    faces = generator.drawn(latents.from_seeds(range(options.faces), generator.latent))
    network = fit(faces, enlarged(options.teacher, faces), options.steps)
    with written_whole(options.output) as temporary:
        saved.save(network, temporary, half=True)
    print(f"{options.output}: trained on {options.faces:,} faces for {options.steps:,} steps")


def main(argv: list[str] | None = None) -> int:
    """Command line -> exit code."""
    return run_script(Options, work, argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
