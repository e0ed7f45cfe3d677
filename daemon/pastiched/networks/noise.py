"""Noise, the only way in which a convolutional network can paint an even sky without repeating one mark (StyleGAN,
Karras et al. 2019; several breadths: Texture Networks, Ulyanov et al. 2016)."""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CELL = 8
"""Pixels from one place of the noise, and of the networks' trunks, to the next."""
BREADTHS = (0.0, 0.0, 0.0, 0.0, 1.5, 1.5, 4.0, 4.0)
"""Of the channels of noise, in cells: the deviation of the Gaussian that smooths it, 0 for white noise."""

KEPT_PIXELS = 4_000_000


class NoiseInput(nn.Module):
    """x B x C x H x W plus a mixture of the channels of noise, B x 8 x H x W, of its own for each channel of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.randn(channels, len(BREADTHS), 1, 1) / math.sqrt(len(BREADTHS)))

    def forward(self, x: Tensor, noise: Tensor, gain: Tensor) -> Tensor:
        """`gain`: B x C, how much of it the style wants."""
        mixed = F.conv2d(noise.to(x.dtype), self.mixture.to(x.dtype))
        return torch.addcmul(x, gain[:, :, None, None].to(x.dtype), mixed)


def noise_fields(height: int, width: int, count: int = 1, generator: torch.Generator | None = None) -> Tensor:
    """The noise of `count` whole pictures of height x width pixels: count x 8 x height/8 x width/8 of variance 1.

    Channels are smoothed as BREADTHS says; opposite edges meet, so that it suits wrapped pictures too.
    """
    rows, columns = height // CELL, width // CELL
    white = torch.randn(count, len(BREADTHS), rows, columns, generator=generator)
    across, down = torch.fft.rfftfreq(columns), torch.fft.fftfreq(rows)
    squares = down[:, None].square() + across.square()
    spectrum = torch.exp(-2 * (math.pi * torch.tensor(BREADTHS)[:, None, None]).square() * squares)
    smooth = torch.fft.irfft2(torch.fft.rfft2(white) * spectrum, (rows, columns))
    fields: Tensor = smooth / torch.fft.irfft2(spectrum.square(), (rows, columns))[:, :1, :1].sqrt()
    return fields


def noise_field(seed: int, height: int, width: int) -> Tensor:
    """The noise of one picture, 1 x 8 x height/8 x width/8: the same for a seed, on every device. Not to be changed:
    the last few are kept, for pictures of one size follow each other."""
    made = _kept_field if height * width <= KEPT_PIXELS else _field
    return made(seed, height, width)


def _field(seed: int, height: int, width: int) -> Tensor:
    # Not one that only inference may use: others are given it too.
    with torch.inference_mode(False):
        return noise_fields(height, width, generator=torch.Generator().manual_seed(seed))


_kept_field = functools.lru_cache(4)(_field)
