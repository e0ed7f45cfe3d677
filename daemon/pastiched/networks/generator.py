"""The network of the Trained method: photographs in the one style that it was trained for.

The U-Net shape of White-box Cartoonization (Wang & Yu 2020): a residual trunk at 1/8, skips that are added, and no
normalisation anywhere: nothing depends on the whole picture, so that any size can be done in tiles with a plain halo.
Noise enters before every block, and a branch at 1/16 sees and paints what is broad, as in PasticheNet.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiched.networks.convolution import Convolution, PhaseConvolution, UpConvolution
from pastiched.networks.generator_layout import BLOCKS, BROAD, FINE, MIDDLE, NARROW, WIDE
from pastiched.networks.noise import NoiseInput

MULTIPLE = 16
"""Sides of the input are multiples of this."""
RADIUS = 112
"""A pixel of the output depends on no pixel of the input further away."""
SLOPE = 0.2
FAINT = 0.1


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


class Block(nn.Module):
    """Noise, then a residual block: x B x C x H x W, noise B x 8 x H x W -> the shape of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.noise, self.gain = NoiseInput(channels), nn.Parameter(torch.full((1, channels), FAINT))
        self.a, self.b = Convolution(channels, channels), Convolution(channels, channels)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        x = self.noise(x, noise, self.gain)
        added: Tensor = x + self.b(_leaky(self.a(x)))
        return added


class Generator(nn.Module):
    """x B x 3 x H x W in [0, 1], sides multiples of 16 from 32 on, noise B x 8 x H/8 x W/8 (see `noise_field`) -> the
    shape of x, in [0, 1], float32. 1.2 million parameters, 25 k multiply-adds a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.level2, self.level4 = Convolution(12, NARROW), Convolution(NARROW, MIDDLE, 2)
        self.level8, self.level16 = Convolution(MIDDLE, WIDE, 2), Convolution(WIDE, BROAD, 2)
        self.broad, self.up8 = Block(BROAD), UpConvolution(BROAD, WIDE)
        self.trunk = nn.ModuleList(Block(WIDE) for _ in range(BLOCKS))
        self.up4, self.up2 = UpConvolution(WIDE, MIDDLE), UpConvolution(MIDDLE, NARROW)
        self.up1 = UpConvolution(NARROW, FINE)
        self.skip4, self.skip2 = nn.Conv2d(MIDDLE, MIDDLE, 1), nn.Conv2d(NARROW, NARROW, 1)
        self.out = PhaseConvolution(FINE, 3)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, SLOPE)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for residual in (self.broad, *self.trunk):
            assert isinstance(residual, Block)
            nn.init.normal_(residual.b.weight, std=FAINT / residual.b.weight[0].numel() ** 0.5)
        nn.init.normal_(self.out.weight, std=FAINT / self.out.weight[0].numel() ** 0.5)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        half = _leaky(self.level2(F.pixel_unshuffle(x * 2 - 1, 2)))
        quarter = _leaky(self.level4(half))
        eighth = _leaky(self.level8(quarter))
        broad = self.broad(_leaky(self.level16(eighth)), noise[:, :, ::2, ::2])
        h = eighth + self.up8.upsampled(_leaky(broad))
        for block in self.trunk:
            h = block(h, noise)
        h = _leaky(self.up4.upsampled(_leaky(h)) + self.skip4(quarter))
        h = _leaky(self.up2.upsampled(h) + self.skip2(half))
        h = self.out(_leaky(self.up1.corners(h)))
        return F.pixel_shuffle(torch.tanh(h.float()) * 0.5 + 0.5, 2)
