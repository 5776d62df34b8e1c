"""A detector: a picture of any size -> at each of its cells, whether a drawn face is there, its box and its points.

It has one stage and no anchors, as CenterNet has none (Zhou et al. 2019, arXiv 1904.07850). And its training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models import ema
from models.engine import apply_at, compiled, gradients, keras, layers, ops
from models.schedules import half_cosine
from models.state import State

CELL = 8  # side of a cell, in pixels
POINTS = 4  # left eye, right eye, mouth, chin
OUTPUTS = 1 + 4 + 2 * POINTS  # of a cell: the logit of a face, its box, its points (animefaces/boxes.py reads them)
WIDTHS, BLOCKS = (24, 48, 64, 96, 108, 108), (0, 1, 2, 2, 3, 2)  # one for each halving of the resolution
MIDDLE = 64  # channels where coarse and fine are added
RARE = -4.6  # logit at the beginning: one cell in a hundred has a face
PLACES = (-0.25, -0.1, 0.25, -0.1, 0.0, 0.25, 0.0, 0.5)  # of the points at the beginning, in a face seen from ahead
NARROW, LEAST = 0.09, 0.35  # deviation of a face's spot: a part of its box, but at least so many cells
NEAR = 0.2  # cells where a face's spot is stronger than this learn its box and points
BOX, POINT = 4.0, 3.0  # weights of their losses
WEIGHT_DECAY = 0.02


def build_detector(widths: Sequence[int] = WIDTHS, blocks: Sequence[int] = BLOCKS, middle: int = MIDDLE) -> keras.Model:
    """-> a detector: images (B, H, W, 3) in [-1, 1] -> (B, H / CELL, W / CELL, OUTPUTS).

    H and W must be multiples of 64, since each width halves them once.
    What a cell says: the logit of a face whose centre is in the cell; the logarithms of the distances from the cell's
    middle to the left, upper, right and lower side of its box, in cells; and the points, from the cell's middle, x as
    a part of the box's width and y of its height.
    """
    images = x = keras.Input((None, None, 3), name="images")
    kept = []
    for i, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        last = i + 1 == len(widths)  # there, a kernel of 3 would be a tenth of all weights
        x = _convolution(layers.AveragePooling2D(2)(x), width, 1) if last else _convolution(x, width, strides=2)
        for _ in range(count):
            x = layers.Add()([x, _wide(x, width) if i >= 4 else _convolution(_convolution(x, width), width)])
        kept.append(x)
    x = _convolution(kept[-1], middle, 1)
    for finer in kept[-2:1:-1]:
        x = layers.Add()([layers.UpSampling2D()(x), _convolution(finer, middle, 1)])
        x = _convolution(x, middle) if finer is not kept[4] else x
    x = _convolution(x, middle)
    begin = keras.initializers.RandomNormal(stddev=0.01)
    logit = layers.Conv2D(1, 1, kernel_initializer=begin, bias_initializer=keras.initializers.Constant(RARE),
                          dtype="float32")(x)  # fmt: skip
    box = layers.Conv2D(4, 1, kernel_initializer=begin, dtype="float32")(x)
    points = layers.Conv2D(2 * POINTS, 1, kernel_initializer=begin, dtype="float32", name="points")(x)
    network = keras.Model(images, layers.Concatenate(dtype="float32")([logit, box, points]), name="detector")
    network.get_layer("points").bias.assign(PLACES)
    return network


def _convolution(x, channels, kernel=3, strides=1):
    start = "he_normal"
    x = layers.Conv2D(channels, kernel, strides, padding="same", use_bias=False, kernel_initializer=start)(x)
    return layers.LeakyReLU(0.1)(layers.BatchNormalization()(x))


def _wide(x, channels):
    """What sees far, with few weights: where cells are coarse."""
    x = _convolution(_convolution(x, channels // 4, 1), channels // 4, 5)
    return _convolution(x, channels, 1)


class Detecting:
    """A detector in training, with the interface of models.gan.GAN.

    `steps(step, pixels, faces, changes)` does K training steps, one for each entry of the leading axis: step (K,)
    int32, counted from 0; pixels uint8 (K, B, S, S, 3); faces (K, B, M, 1 + 4 + 2 * POINTS): 1 for a face, 0 for none
    and -1 for one that may be found or not; its left, upper, right and lower side in pixels; its points in pixels, nan
    where they are unknown; changes (K, B, 7): 1 to mirror the image, factors of its three colours and what is added to
    them. It returns the figures of the steps, a dict of float32 (K,):

    - loss: what is minimised;
    - heat: cross-entropy of the logits, in nats for each face, mostly of what is hard (focal);
    - overlap: mean intersection over union of the boxes near the centres of faces;
    - off: mean distance of the points, as a part of the box.

    The learning rate falls to 0 along half a cosine in `total` steps.
    """

    def __init__(
        self,
        detector: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        total: int,
        average_decay: float = 0.99,
    ) -> None:
        self.detector, self.optimizer, self.total = detector, optimizer, total
        self.average, self.average_decay = ema.copy_in_float32(detector), average_decay
        optimizer.build(detector.trainable_variables)
        networks = {"detector": detector, "average": self.average}
        self.state = State(networks, {"optimizer": (optimizer, detector.trainable_variables)})
        self.steps = compiled(self._step, self.state.variables)

    def _step(self, step, pixels, faces, changes):
        images, faces = changed(pixels, faces, changes)
        trained = self.detector.trainable_variables
        loss, figures, grads = gradients(lambda: self._loss(images, faces), trained, self.optimizer.scale_loss)
        apply_at(self.optimizer, grads, trained, half_cosine(step, self.total))
        ema.update(self.average, self.detector, self.average_decay, step)
        return {"loss": loss, **figures}

    def _loss(self, images, faces):
        return detection_loss(self.detector(images, training=True), faces)


def changed(pixels: Any, faces: Any, changes: Any) -> tuple[Any, Any]:
    """What `Detecting.steps` gets -> images in [-1, 1] and their faces, mirrored and in another light."""
    images = ops.cast(pixels, "float32") / 127.5 - 1
    side = images.shape[2]
    turned = changes[:, :1] > 0
    images = ops.where(turned[:, :, None, None], ops.flip(images, 2), images)
    images = ops.clip(images * changes[:, None, None, 1:4] + changes[:, None, None, 4:], -1, 1)
    kind, left, top, right, bottom, *points = ops.split(faces, faces.shape[2], axis=2)
    (x0, y0), (x1, y1), *others = zip(points[::2], points[1::2], strict=True)
    mirrored = [kind, side - right, top, side - left, bottom, side - x1, y1, side - x0, y0]
    mirrored += [value for x, y in others for value in (side - x, y)]
    return images, ops.where(turned[:, :, None], ops.concatenate(mirrored, axis=2), faces)


def detection_loss(said: Any, faces: Any) -> tuple[Any, dict[str, Any]]:
    """What the detector says of images, and their faces as `Detecting.steps` gets them -> (loss, its figures)."""
    middles = (np.arange(said.shape[1], dtype="float32") + 0.5) * CELL
    x, y = middles[None, None, :, None], middles[None, :, None, None]
    kind = faces[:, None, None, :, 0]  # (B, 1, 1, M)
    left, top, right, bottom = (faces[:, None, None, :, i] for i in range(1, 5))
    real = ops.cast(kind > 0, "float32")
    spots = real * _spot(x, left, right) * _spot(y, top, bottom)  # (B, h, w, M)
    heat = ops.max(spots, axis=3)
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    asked = 1 - ops.max(ops.cast(inside & (kind < 0), "float32"), axis=3)
    logit = said[..., 0]
    p = ops.sigmoid(logit)
    hit = ops.cast(heat > 0.999, "float32")
    nats = hit * ops.square(1 - p) * ops.softplus(-logit)
    nats = nats + (1 - hit) * asked * (1 - heat) ** 4 * ops.square(p) * ops.softplus(logit)
    heat_loss = ops.sum(nats) / ops.maximum(ops.sum(hit), 1.0)

    mine = ops.one_hot(ops.argmax(spots, axis=3), faces.shape[1])  # (B, h, w, M)
    known = ops.where(ops.isnan(faces), 0.0, faces)
    target = ops.einsum("bhwm,bmk->bhwk", mine, known)
    missing = ops.einsum("bhwm,bmk->bhwk", mine, ops.cast(ops.isnan(faces), "float32"))
    weight = ops.where(heat > NEAR, heat, 0.0)
    weights = ops.maximum(ops.sum(weight), 1.0)
    middle = ops.stack([ops.broadcast_to(x[..., 0], heat.shape), ops.broadcast_to(y[..., 0], heat.shape)], axis=-1)
    sides = CELL * ops.exp(ops.clip(said[..., 1:5], -4, 5))
    box = ops.concatenate([middle - sides[..., :2], middle + sides[..., 2:]], axis=-1)
    common, generalised = _overlap(box, target[..., 1:5])
    size = ops.maximum(target[..., 3:5] - target[..., 1:3], 1.0)
    wanted = (ops.reshape(target[..., 5:], (*heat.shape, POINTS, 2)) - middle[..., None, :]) / size[..., None, :]
    off = ops.abs(ops.reshape(said[..., 5:], (*heat.shape, POINTS, 2)) - wanted)
    there = weight[..., None, None] * (1 - ops.reshape(missing[..., 5:], (*heat.shape, POINTS, 2)))
    distance = ops.sum(off * there) / ops.maximum(ops.sum(there), 1.0)
    loss = heat_loss + BOX * ops.sum(weight * (1 - generalised)) / weights + POINT * distance
    return loss, {"heat": heat_loss, "overlap": ops.sum(weight * common) / weights, "off": distance}


def _spot(place, start, stop):
    """Where the cells are, and sides of the boxes along one axis -> how near the centre, 1 in the centre's cell."""
    middle = (ops.floor((start + stop) / 2 / CELL) + 0.5) * CELL
    deviation = ops.maximum(NARROW * (stop - start), LEAST * CELL)
    return ops.exp(-ops.square((place - middle) / deviation) / 2)


def _overlap(a, b):
    """Two sets of boxes (..., 4) -> their intersection over union, and the generalised one, which shows the way to b.

    (Rezatofighi et al. 2019, arXiv 1902.09630)
    """

    def area(start, stop):
        return ops.prod(ops.maximum(stop - start, 0.0), axis=-1)

    common = area(ops.maximum(a[..., :2], b[..., :2]), ops.minimum(a[..., 2:], b[..., 2:]))
    union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - common
    hull = area(ops.minimum(a[..., :2], b[..., :2]), ops.maximum(a[..., 2:], b[..., 2:]))
    both = common / ops.maximum(union, 1e-6)
    return both, both - (hull - union) / ops.maximum(hull, 1e-6)
