"""For benchmarks.train_speed: our networks in a plain PyTorch loop, as in PyTorch's DCGAN tutorial.

Every step sends the pictures to the device and fetches the losses, and nothing is compiled. There is no augmentation
and no weight averaging: both would make it slower.
"""

import contextlib
import itertools
import math
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import plain_fastgan

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Residual(nn.Module):
    """The block of models.residual.residual."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.second.weight)

    def forward(self, x):
        """(B, C, H, W) -> the same shape."""
        y = self.first(functional.leaky_relu(x, 0.2))
        return x + self.second(functional.leaky_relu(y, 0.2))


class Subsampled(nn.Module):
    """The layer of models.dcgan.subsample_chroma."""

    def forward(self, x):
        """(B, 3, H, W) -> the same shape."""
        colour = functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")
        return (colour + (x - colour).mean(1, keepdim=True)).clamp(-1, 1)


class Beside(nn.Module):
    """The layers of models.dcgan.beside_mirror_image."""

    def forward(self, x):
        """(B, C, H, W) -> (B, 2 * C, H, W)."""
        return torch.cat([x, x.flip(3)], 1)


def build_networks(options):
    """Options -> [generator, discriminator], with the layers of models.build. Raises KeyError for `pooled`."""
    build = {"strided": (strided_generator, strided_discriminator),
             "residual": (residual_generator, residual_discriminator),
             "fastgan": (plain_fastgan.Generator, plain_fastgan.Discriminator)}[options.architecture]  # fmt: skip
    seen = replace(options, channels=2 * options.channels) if options.mirrored else options
    generator, discriminator = build[0](options), build[1](seen)
    return [nn.Sequential(generator, Subsampled()) if options.chroma_subsampling else generator,
            nn.Sequential(Beside(), discriminator) if options.mirrored else discriminator]  # fmt: skip


def strided_generator(options):
    """Options -> the network of models.dcgan.build_generator."""
    widths, kernel = options.generator_widths, options.generator_kernel
    sides = {"kernel_size": kernel, "stride": 2, "padding": (kernel - 1) // 2, "output_padding": kernel % 2}
    base = options.size >> len(widths)
    layers = [nn.ConvTranspose2d(options.latent, widths[0], base, bias=False)]
    for a, b in itertools.pairwise([*widths, options.channels]):
        layers += [nn.BatchNorm2d(a), nn.LeakyReLU(options.generator_slope, inplace=True)]
        layers += [nn.ConvTranspose2d(a, b, bias=False, **sides)]
    return nn.Sequential(nn.Unflatten(1, (options.latent, 1, 1)), *layers, nn.Tanh())


def strided_discriminator(options):
    """Options -> the network of models.dcgan.build_discriminator."""
    widths, kernels = options.discriminator_widths, options.discriminator_kernels
    kernels = [*kernels, *[kernels[-1]] * len(widths)]
    layers = []
    for i, (a, b) in enumerate(itertools.pairwise([options.channels, *widths])):
        layers += [nn.Conv2d(a, b, kernels[i], 2, (kernels[i] - 1) // 2, bias=False)]
        layers += [nn.BatchNorm2d(b)] if options.discriminator_norm and i else []
        layers += [nn.LeakyReLU(options.discriminator_slope, inplace=True)]
    base = options.size >> len(widths)
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, base, bias=False), nn.Flatten())


def residual_generator(options):
    """Options -> the network of models.residual.build_generator."""
    widths = options.generator_widths
    base = options.size >> (len(widths) - 1)
    layers = [nn.Linear(options.latent, widths[0] * base * base), nn.Unflatten(1, (widths[0], base, base))]
    for a, b in itertools.pairwise([widths[0], *widths]):
        layers += [nn.Conv2d(a, b, 1)] if a != b else []
        layers += [nn.Upsample(scale_factor=2, mode="bilinear")] if len(layers) > 2 else []
        layers += [Residual(b)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(widths[-1], options.channels, 1))


def residual_discriminator(options):
    """Options -> the network of models.residual.build_discriminator."""
    widths = options.discriminator_widths
    layers = [nn.Conv2d(options.channels, widths[0], 1)]
    for a, b in itertools.pairwise([widths[0], *widths]):
        layers += [nn.AvgPool2d(2)] if len(layers) > 1 else []
        layers += [nn.Conv2d(a, b, 1)] if a != b else []
        layers += [Residual(b)]
    base = options.size >> (len(widths) - 1)
    depthwise = nn.Conv2d(widths[-1], widths[-1], base, groups=widths[-1])
    return nn.Sequential(*layers, nn.LeakyReLU(0.2), depthwise, nn.Flatten(), nn.Linear(widths[-1], 1))


def parameters(options):
    """Options -> the number of trainable parameters. If the networks are the same as ours, it is the same number."""
    return sum(math.prod(p.shape) for network in build_networks(options) for p in network.parameters())


def loop(options, faces):
    """Options and faces uint8 (N, H, W, C) -> a function that does one training step, on the GPU if there is one.

    It uses the loss and the penalties of the recipe, and returns the losses of discriminator and generator.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator, discriminator = (network.to(device) for network in build_networks(options))
    judge = discriminator[1] if options.mirrored else discriminator
    decoders = plain_fastgan.Decoders(options).to(device) if options.architecture == "fastgan" else None
    trained = generator, nn.ModuleList([discriminator, *([decoders] if decoders else [])])
    adams = [torch.optim.Adam(networks.parameters(), lr=options.learning_rate, betas=(options.beta1, options.beta2))
             for networks in trained]  # fmt: skip
    batch, precision, rng = options.batch_size, PRECISIONS[options.precision], np.random.default_rng(0)
    softplus, gamma = functional.softplus, options.penalty[0]

    def arithmetic():
        mixed = precision != torch.float32
        return torch.autocast(device.type, precision) if mixed else contextlib.nullcontext()

    def slope(images, logits):
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum((1, 2, 3)).mean()

    def step():
        pixels = torch.from_numpy(faces[rng.integers(0, len(faces), batch)]).to(device)
        real = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        with arithmetic():
            fake = generator(torch.randn(batch, options.latent, device=device))
        real_seen, fake_seen = (x.detach().requires_grad_(bool(gamma)) for x in (real, fake.float()))
        with arithmetic():
            told = [discriminator(real_seen).float()]
            redrawn = decoders(judge.maps, real) if decoders else 0
            told.append(discriminator(fake_seen).float())
        if options.loss == "relativistic":
            d_loss = softplus(told[1] - told[0]).mean()
        elif options.loss == "hinge":
            d_loss = (functional.relu(1 - told[0]) + functional.relu(1 + told[1])).mean() / 2 + redrawn
        else:
            d_loss = (softplus(-told[0]) + 0.1 * told[0] + softplus(told[1]) - 0.1 * told[1]).mean() / 2
        if gamma:
            d_loss = d_loss + gamma / 2 * (slope(real_seen, told[0]) + slope(fake_seen, told[1]))
        adams[1].zero_grad()
        d_loss.backward()
        adams[1].step()
        with arithmetic():
            logits = discriminator(fake).float()
            others = discriminator(real).float() if options.loss == "relativistic" else 0
        g_loss = -logits.mean() if options.loss == "hinge" else softplus(others - logits).mean()
        adams[0].zero_grad()
        g_loss.backward()
        adams[0].step()
        return d_loss.item(), g_loss.item()

    return step
