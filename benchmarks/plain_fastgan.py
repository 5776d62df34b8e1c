"""For benchmarks.plain_torch: the networks of models.fastgan in PyTorch."""

import itertools

import torch
from torch import nn
from torch.nn import functional

SLOPE, PLACES = 0.2, 4


def convolution(a, b, kernel, stride=1, padding=0):
    """Without bias, as all convolutions here."""
    return nn.Conv2d(a, b, kernel, stride, padding, bias=False)


def activated(a, b, kernel, stride=1, padding=0):
    """A convolution, batch normalisation and LeakyReLU."""
    return nn.Sequential(convolution(a, b, kernel, stride, padding), nn.BatchNorm2d(b), nn.LeakyReLU(SLOPE))


class Gated(nn.Module):
    """Two modules that `make` gives, each with batch normalisation: values and gates."""

    def __init__(self, make, channels):
        super().__init__()
        self.values, self.gates = (nn.Sequential(make(), nn.BatchNorm2d(channels)) for _ in range(2))

    def forward(self, x):
        """What the modules take -> (B, C, H, W)."""
        return self.values(x) * self.gates(x).sigmoid()


def larger(a, b, times=1):
    """(B, a, H, W) -> (B, b, 2 * H, 2 * W)."""
    ends = [(a, b), *[(b, b)] * (times - 1)]
    return nn.Sequential(nn.Upsample(scale_factor=2), *(Gated(lambda e=e: convolution(*e, 3, 1, 1), b) for e in ends))


class Smaller(nn.Module):
    """The mean of two ways."""

    def __init__(self, a, b):
        super().__init__()
        self.one = nn.Sequential(nn.AvgPool2d(2), activated(a, b, 1))
        self.two = nn.Sequential(activated(a, b, 4, 2, 1), activated(b, b, 3, 1, 1))

    def forward(self, x):
        """(B, a, 2 * H, 2 * W) -> (B, b, H, W)."""
        return (self.one(x) + self.two(x)) / 2


class Excited(nn.Module):
    """Skip-layer excitation."""

    def __init__(self, channels, others, side):
        super().__init__()
        pool = [nn.AvgPool2d(side // 4)] if side > 4 else []
        first = convolution(others, channels, min(4, side))
        self.weights = nn.Sequential(*pool, first, nn.SiLU(), convolution(channels, channels, 1), nn.Sigmoid())

    def forward(self, x, others):
        """(B, C, H, W) and other features (B, C', side, side) -> (B, C, H, W)."""
        return x * self.weights(others)


class Generator(nn.Module):
    """The network of models.fastgan.build_generator."""

    def __init__(self, options):
        super().__init__()
        first, *others = options.generator_widths
        base = options.size >> len(others)

        def start():
            return nn.Sequential(nn.Linear(options.latent, first * base * base, bias=False),
                                 nn.Unflatten(1, (first, base, base)))  # fmt: skip

        self.start = Gated(start, first)
        ends = zip(options.generator_widths, others, strict=False)
        self.body = nn.Sequential(*(larger(a, b, 1 if i % 2 else 2) for i, (a, b) in enumerate(ends)))
        self.excited = Excited(options.generator_widths[-1], first, base)
        self.end = convolution(options.generator_widths[-1], options.channels, 3, 1, 1)

    def forward(self, z):
        """(B, latent) -> images (B, C, H, W)."""
        small = self.start(z)
        return self.end(self.excited(self.body(small), small)).tanh()


class Discriminator(nn.Module):
    """The network of models.fastgan.build_discriminator. It keeps the maps that the decoders draw from."""

    def __init__(self, options):
        super().__init__()
        widths = options.discriminator_widths
        self.first, self.coarse = (nn.Sequential(convolution(options.channels, widths[0], 4, 2, 1), nn.LeakyReLU(SLOPE))
                                   for _ in range(2))  # fmt: skip
        pairs = list(itertools.pairwise(widths))
        self.blocks = nn.ModuleList(Smaller(a, b) for a, b in pairs)
        self.coarse.extend(Smaller(a, b) for a, b in pairs[:-1])
        self.excited = Excited(widths[-1], widths[0], options.size // 2)
        places = min(PLACES, options.size >> len(widths))
        self.heads = nn.ModuleList(
            nn.Sequential(activated(width, width, 1), convolution(width, 1, places), nn.Flatten())
            for width in (widths[-1], widths[-2])
        )

    def forward(self, images):
        """(B, C, H, W) -> logits (B, N)."""
        maps = [self.first(images)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        last = self.excited(maps[-1], maps[0])
        self.maps = last, maps[-2]
        coarse = self.coarse(functional.avg_pool2d(images, 2))
        return torch.cat([head(x) for head, x in zip(self.heads, (last, coarse), strict=True)], 1)


class Decoders(nn.Module):
    """The network of models.fastgan.Decoders, and what it lacks."""

    def __init__(self, options):
        super().__init__()
        widths = options.discriminator_widths
        times = 2 ** len(widths)  # how much larger the picture is than the last maps
        self.whole = self.decoder(widths[-1], options.channels, times)
        self.part = self.decoder(widths[-2], options.channels, times // 2)

    @staticmethod
    def decoder(width, channels, times):
        """Width of the maps, and how much larger the pictures are at most -> a decoder."""
        doublings = [larger(width >> i, width >> (i + 1)) for i in range(min(2, times.bit_length() - 1))]
        return nn.Sequential(*doublings, convolution(width >> len(doublings), channels, 3, 1, 1), nn.Tanh())

    def forward(self, maps, images):
        """The discriminator's maps of images (B, C, H, W) -> the mean absolute difference of what is drawn."""
        last, before = maps
        rows, columns = (slice(None, x // 2) for x in before.shape[2:])
        corner = images[:, :, : images.shape[2] // 2, : images.shape[3] // 2]
        drawn = (self.whole(last), images), (self.part(before[:, :, rows, columns]), corner)
        return sum((x.float() - functional.adaptive_avg_pool2d(y, x.shape[2:])).abs().mean() for x, y in drawn) / 2
