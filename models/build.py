"""The options of train.py -> networks, optimizers and schedules, ready to train. recipes.py declares the options."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import anchor, dcgan, detector, encoder, engine, fastgan, reader, residual, saved, upscaler, vae, warm
from models.engine import keras, ops
from models.flaws import Flaws
from models.gan import GAN
from models.schedules import half_cosine

PRETRAINED = Path(__file__).parent / "pretrained"
READER, PARTS = PRETRAINED / "drawing_reader.keras", PRETRAINED / "parts.keras"
RESIDENT = 2**30  # bytes of faces that a device keeps: 87,000 of 64x64; a quarter of the memory of a small GPU


def prepare(options: Any) -> None:
    """Seed Keras, and set the precision of all networks that are built afterwards."""
    engine.seed(options.seed)
    mixed = options.precision in ("bfloat16", "float16")  # "auto" is float32 until a trial finds another one faster
    keras.config.set_dtype_policy(f"mixed_{options.precision}" if mixed else "float32")


def adam(options: Any, **settings: float) -> keras.optimizers.Optimizer:
    """Options -> a new Adam. `settings` of Adam replace those of the options."""
    own = {"learning_rate": options.learning_rate, "beta_1": options.beta1, "beta_2": options.beta2}
    optimizer = engine.Adam(**{**own, **settings})
    # Small gradients are 0 in float16, so the loss is multiplied by a scale that grows until gradients overflow.
    return keras.optimizers.LossScaleOptimizer(optimizer) if options.precision == "float16" else optimizer


def build_gan(options: Any, faces: Any = None) -> GAN:
    """Options -> a GAN on all devices. Raises ValueError if sizes and widths do not fit.

    `faces`: uint8 (N, H, W, C) to train on, an array or anything indexed like one. A device with its own memory keeps
    them, if they take no more than RESIDENT bytes.
    """
    prepare(options)
    with engine.everywhere():
        networks = build_networks(options)
        d_rate = options.learning_rate * options.discriminator_rate
        optimizers = adam(options), adam(options, learning_rate=d_rate)
        return GAN(
            *networks,
            *optimizers,
            average_decay=options.average,
            augmentation=tuple(kind for kind in options.augment if kind != "none"),
            seed=options.seed,
            loss=options.loss,
            coarse_chroma=options.coarse_chroma and options.channels == 3,
            coarse_luma=options.coarse_luma,
            penalty=penalty_schedule(options),
            penalty_every=options.penalty_every,
            rate_decay=rate_decay_schedule(options),
            faces=resident(options, faces),
            warm_up=_autoencoder(networks, options) if warm_up_steps(options) else None,
            anchor=_anchor(networks, options) if options.anchor else None,
            decoders=options.architecture == "fastgan",
        )


def resident(options: Any, faces: Any) -> np.ndarray | None:
    """Options and faces as for `build_gan` -> those that the device keeps: all of them, or None."""
    if faces is None or engine.device() == "CPU" or len(faces) * options.size**2 * options.channels > RESIDENT:
        return None
    return faces[:]


def _autoencoder(networks: tuple[keras.Model, keras.Model], options: Any) -> warm.Autoencoder:
    optimizer = adam(options, learning_rate=warm.RATE, beta_1=0.9, beta_2=0.999)
    return warm.Autoencoder(*networks, optimizer, steps=warm_up_steps(options))


def _anchor(networks: tuple[keras.Model, keras.Model], options: Any) -> anchor.Anchor:
    seen = Flaws(saved.load(PARTS), options.flaws) if options.flaws else None
    return anchor.Anchor(*networks, options.anchor, seen)


def warm_up_steps(options: Any) -> int:
    """Options -> the number of warm-up steps: 0 if the networks come from an earlier training."""
    return 0 if options.init_from else options.warm_up


def build_networks(options: Any) -> tuple[keras.Model, keras.Model]:
    """Options -> (generator, discriminator). Raises ValueError if sizes and widths do not fit."""
    generator, discriminator = _of_architecture(options)
    if options.chroma_subsampling and options.channels == 3:
        images = dcgan.subsample_chroma(generator.output)
        generator = keras.Model(generator.input, images, name=generator.name)
    if options.grey and options.channels == 3:
        generator = keras.Model(generator.input, dcgan.grey(generator.output), name=generator.name)
    return generator, discriminator


def _of_architecture(options: Any) -> tuple[keras.Model, keras.Model]:
    sizes = options.size, options.channels
    g_sizes, d_sizes = (*sizes, options.latent, options.generator_widths), (*sizes, options.discriminator_widths)
    kernel, kernels = options.generator_kernel, options.discriminator_kernels
    slope, mirrored = options.discriminator_slope, options.mirrored
    if options.architecture == "residual":
        return residual.build_generator(*g_sizes), residual.build_discriminator(*d_sizes, options.patches, mirrored)
    if options.architecture == "fastgan":
        known = shipped_reader() if options.projected else None
        return fastgan.build_generator(*g_sizes), fastgan.build_discriminator(*d_sizes, mirrored, known)
    if options.architecture == "pooled":
        generator = dcgan.build_generator(*g_sizes, kernel, options.generator_slope, last_stride=1)
        return generator, dcgan.build_pooled_discriminator(*d_sizes, kernels[0], slope, mirrored)
    generator = dcgan.build_generator(*g_sizes, kernel, options.generator_slope)
    return generator, dcgan.build_discriminator(*d_sizes, kernels, slope, options.discriminator_norm, mirrored)


def shipped_reader() -> keras.Model:
    """The reader of drawings that comes with the project: images (B, 64, 64, 3) in [-1, 1] -> looks (B, 39).

    Raises OSError if its file cannot be read, and ValueError if it is damaged.
    """
    return saved.load(READER)


def penalty_schedule(options: Any) -> Callable[[Any], Any] | None:
    """Options -> the weight of the gradient penalties R1 and R2, step -> weight; None without penalties.

    It goes from the first value of --penalty to the last one, along half a cosine.
    """
    first, last = options.penalty
    if not first and not last:
        return None
    steps = options.steps  # --minutes does not matter here: a resumed run must have the same penalties

    def weight(step):
        return last + (first - last) * half_cosine(step, steps)

    return weight


def rate_decay_schedule(options: Any) -> Callable[[Any], Any] | None:
    """Options -> the learning rate decay, step -> factor; None without decay.

    The factor is 1 / sqrt(1 + n / --slow-after), n steps after the warm-up.
    """
    if not options.slow_after:
        return None
    # It does not depend on the length of the training: a run that goes on with more --steps is the same training.
    first = warm_up_steps(options)
    return lambda step: ops.rsqrt(1 + ops.cast(step - first, "float32") / options.slow_after)


def build_vae(options: Any, latent: int) -> vae.VAE:
    """Options and the size of z -> the dense VAE."""
    prepare(options)
    parts = vae.build_encoder(options.size, options.channels, latent), vae.build_decoder(latent)
    return vae.VAE(*parts, adam(options), seed=options.seed)


def build_encoding(options: Any, sketch: keras.Model, moments: np.ndarray) -> encoder.Encoding:
    """Options, and the sketch and moments that Encoding needs -> the learned encoder."""
    prepare(options)
    network = encoder.build_encoder(options.size, options.channels, sketch.input_shape[1])
    return encoder.Encoding(
        network, sketch, adam(options), moments=moments, average_decay=options.average, seed=options.seed
    )


def build_reading(options: Any, groups: Sequence[int]) -> reader.Reading:
    """Options and the number of classes of each look -> a reader."""
    prepare(options)
    network = reader.build_reader(options.size, options.channels, groups)
    optimizer = adam(options, weight_decay=reader.WEIGHT_DECAY)
    return reader.Reading(network, optimizer, groups=groups, total=options.steps, average_decay=options.average)


def build_upscaling(options: Any) -> upscaler.Upscaling:
    """Options -> an upscaler and its discriminator."""
    prepare(options)
    network = upscaler.build_upscaler()
    d_rate = options.learning_rate * options.discriminator_rate
    optimizers = adam(options), adam(options, learning_rate=d_rate, beta_1=0.5)
    discriminator = upscaler.build_discriminator(options.discriminator_widths)
    return upscaler.Upscaling(network, discriminator, *optimizers, total=options.steps, average_decay=options.average)


def build_detecting(options: Any) -> detector.Detecting:
    """Options -> a detector."""
    prepare(options)
    network = detector.build_detector()
    optimizer = adam(options, weight_decay=detector.WEIGHT_DECAY)
    return detector.Detecting(network, optimizer, total=options.steps, average_decay=options.average)
