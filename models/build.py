"""What a script's options describe, ready to train. Options are read by name, whoever declares them."""

import math

import keras
from keras import ops

from models import dcgan, encoder, engine, residual, vae, warm
from models.gan import GAN

RESIDENT = 2**30  # bytes of faces: 87,000 of 64x64; a quarter of the smallest GPU that anyone trains on


def prepare(options):
    """Seed Keras, and set the precision of the networks that are built from here on."""
    keras.utils.set_random_seed(options.seed)
    mixed = options.precision in ("bfloat16", "float16")  # "auto": nobody has found another one quicker
    keras.config.set_dtype_policy(f"mixed_{options.precision}" if mixed else "float32")


def adam(options, **settings):
    """A new optimizer; `settings` go before those of the options."""
    own = {"learning_rate": options.learning_rate, "beta_1": options.beta1, "beta_2": options.beta2}
    optimizer = engine.Adam(**{**own, **settings})
    # float16 has no small numbers: gradients are multiplied until they just fit.
    return keras.optimizers.LossScaleOptimizer(optimizer) if options.precision == "float16" else optimizer


def build_gan(options, faces=None):
    """A generator and a discriminator, on all devices -> GAN. Raises ValueError if sizes and widths do not fit.

    `faces`: the uint8 (N, H, W, C) to train on, or what is indexed like them. A device with memory of its own keeps
    them, if they take no more than RESIDENT of it.
    """
    prepare(options)
    with engine.everywhere():
        networks = build_networks(options)
        d_rate = options.learning_rate * options.discriminator_rate
        optimizers = adam(options), adam(options, learning_rate=d_rate)
        fits = faces is not None and len(faces) * options.size**2 * options.channels <= RESIDENT
        return GAN(
            *networks,
            *optimizers,
            average_decay=options.average,
            augmentation=tuple(kind for kind in options.augment if kind != "none"),
            seed=options.seed,
            loss=options.loss,
            penalty=penalty_schedule(options),
            penalty_every=options.penalty_every,
            pace=pace_schedule(options),
            faces=faces[:] if fits and engine.device() != "CPU" else None,
            warm_up=_autoencoder(networks, options) if warm_up_steps(options) else None,
        )


def _autoencoder(networks, options):
    optimizer = adam(options, learning_rate=warm.RATE, beta_1=0.9, beta_2=0.999)
    return warm.Autoencoder(*networks, optimizer, steps=warm_up_steps(options))


def warm_up_steps(options):
    """How many steps of warm-up there are: none for networks that have begun."""
    return 0 if options.init_from else options.warm_up


def build_networks(options):
    """(generator, discriminator) as the options have them. Raises ValueError if sizes and widths do not fit."""
    generator, discriminator = _of_architecture(options)
    if options.chroma_subsampling and options.channels == 3:
        images = dcgan.subsample_chroma(generator.output)
        generator = keras.Model(generator.input, images, name=generator.name)
    return generator, discriminator


def _of_architecture(options):
    sizes = options.size, options.channels
    g_sizes, d_sizes = (*sizes, options.latent, options.generator_widths), (*sizes, options.discriminator_widths)
    kernel, kernels = options.generator_kernel, options.discriminator_kernels
    if options.architecture == "residual":
        return residual.build_generator(*g_sizes), residual.build_discriminator(*d_sizes)
    if options.architecture == "pooled":
        generator = dcgan.build_generator(*g_sizes, kernel, options.generator_slope, last_stride=1)
        return generator, dcgan.build_pooled_discriminator(*d_sizes, kernels[0], options.discriminator_slope)
    generator = dcgan.build_generator(*g_sizes, kernel, options.generator_slope)
    slope, norm = options.discriminator_slope, options.discriminator_norm
    return generator, dcgan.build_discriminator(*d_sizes, kernels, slope, norm)


def penalty_schedule(options):
    """The weight of the gradient penalties: step -> from the first value to the last, along a cosine. Or None."""
    first, last = options.penalty
    if not first and not last:
        return None
    steps = options.steps  # not minutes: a resumed run must see the same weights

    def weight(step):
        share = ops.minimum(ops.cast(step, "float32") / steps, 1.0)
        return last + (first - last) * (1 + ops.cos(math.pi * share)) / 2

    return weight


def pace_schedule(options):
    """What the learning rates are multiplied by: step -> 1 / sqrt(1 + n / --slow-after), n since warm-up. Or None."""
    if not options.slow_after:
        return None
    # Not by the length of the training: raising --steps later is the longer uninterrupted training.
    first = warm_up_steps(options)
    return lambda step: ops.rsqrt(1 + ops.cast(step - first, "float32") / options.slow_after)


def build_vae(options, latent):
    """The dense VAE -> VAE, with z of `latent` numbers."""
    prepare(options)
    parts = vae.build_encoder(options.size, options.channels, latent), vae.build_decoder(latent)
    return vae.VAE(*parts, adam(options), seed=options.seed)


def build_encoding(options, sketch, moments):
    """The learned encoder -> Encoding. `sketch` and `moments`: as Encoding takes them."""
    prepare(options)
    network = encoder.build_encoder(options.size, options.channels, sketch.input_shape[1])
    return encoder.Encoding(
        network, sketch, adam(options), moments=moments, average_decay=options.average, seed=options.seed
    )
