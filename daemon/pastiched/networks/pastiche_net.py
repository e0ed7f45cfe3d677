"""The network of the Fast method: any photograph in the style of any picture.

Two encoders of its own and no VGG at inference, as in MicroAST (Wang et al. 2023), whose per-channel filter
modulation it takes too; at 1/8 the style's covariance is given to the photograph's features, after LinearWCT (Li et
al. 2019) and CCPL (Wu et al. 2022). A branch at 1/16 in the middle of the trunk sees and paints what is broad. Noise
enters before every block (StyleGAN, Karras et al. 2019): a convolutional network has no other way to paint an even sky
without repeating one mark with the period of its own grid. It has several channels, fine and broad (Texture Networks,
Ulyanov et al. 2016), which each feature channel mixes in its own way: with one there is one mark all over the sky.
Three global moments at two depths (1/4 twice, 1/8), nothing else looks further than RADIUS pixels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiched.networks.convolution import Convolution, PhaseConvolution, UpConvolution
from pastiched.networks.statistics import StyleCode, moments, replace_moments

MULTIPLE = 16
"""Sides of the input are multiples of this."""
CELL = 8
"""Pixels from one place of the trunk to the next."""
RADIUS = 160
"""A pixel of the output depends on no pixel of the input further away, but for the global moments."""
TRUNK = 4
BREADTHS = (0.0, 0.0, 0.0, 0.0, 1.5, 1.5, 4.0, 4.0)
"""Of the channels of noise, in cells: the deviation of the Gaussian that smooths it, 0 for white noise."""
BROAD, WIDE, MIDDLE, NARROW, FINE = 128, 96, 48, 32, 8
RANK = 32
HIDDEN = 160


class Residual(nn.Module):
    """B x C x H x W -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = Convolution(channels, channels), Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.b(F.relu(self.a(x)))
        return added


class Encoder(nn.Module):
    """B x 3 x H x W in [-1, 1] -> features at 1/4 (48 channels) and at 1/8 (96 channels)."""

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.level2, self.level4 = Convolution(12, NARROW), Convolution(NARROW, MIDDLE, 2)
        self.residual, self.level8 = Residual(MIDDLE), Convolution(MIDDLE, WIDE, 2)
        self.extra = nn.Sequential(*(Residual(WIDE) for _ in range(extra)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.level2(F.pixel_unshuffle(x, 2)))
        quarter = self.residual(F.relu(self.level4(x)))
        eighth: Tensor = self.extra(F.relu(self.level8(quarter)))
        return quarter, eighth


class Modulated(nn.Module):
    """A residual block whose channels the style scales and shifts: x B x C x H x W, modulation B x 4C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = Convolution(channels, channels), Convolution(channels, channels)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        w1, b1, w2, b2 = modulation[:, :, None, None].to(x.dtype).chunk(4, 1)
        return x + torch.addcmul(b2, 1 + w2, self.b(F.relu(torch.addcmul(b1, 1 + w1, self.a(x)))))


class NoiseInput(nn.Module):
    """x B x C x H x W plus a mixture of the channels of noise, B x 8 x H x W, of its own for each channel of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.randn(channels, len(BREADTHS), 1, 1) / math.sqrt(len(BREADTHS)))

    def forward(self, x: Tensor, noise: Tensor, gain: Tensor) -> Tensor:
        """`gain`: B x C, how much of it the style wants."""
        mixed = F.conv2d(noise.to(x.dtype), self.mixture.to(x.dtype))
        return torch.addcmul(x, gain[:, :, None, None].to(x.dtype), mixed)


class Branch(nn.Module):
    """Down to 1/16, one modulated block, and back: x B x 96 x H x W -> what is added to it; modulation B x 5 * 128."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.block, self.up = Convolution(WIDE, BROAD, 2), Modulated(BROAD), UpConvolution(BROAD, WIDE)
        self.noise = NoiseInput(BROAD)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, noise: Tensor, modulation: Tensor) -> Tensor:
        """`noise`: B x 8 x H x W."""
        gain, block = torch.split(modulation, [BROAD, 4 * BROAD], 1)
        h = self.noise(F.relu(self.down(x)), noise[:, :, ::2, ::2], gain)
        painted: Tensor = self.up(self.block(h, block))
        return painted


class PasticheNet(nn.Module):
    """Content B x 3 x H x W in [0, 1], sides multiples of 16, and a StyleCode -> the same shape, float32."""

    def __init__(self) -> None:
        super().__init__()
        self.content, self.style = Encoder(), Encoder(extra=2)
        self.trunk, self.fine = nn.ModuleList(Modulated(WIDE) for _ in range(TRUNK)), Modulated(MIDDLE)
        self.squeeze, self.unsqueeze = nn.Conv2d(WIDE, RANK, 1), nn.Conv2d(RANK, WIDE, 1)
        self.style_squeeze, self.covariance = nn.Conv2d(WIDE, RANK, 1), nn.Linear(RANK, RANK, bias=False)
        self.branch, self.noises = Branch(), nn.ModuleList(NoiseInput(WIDE) for _ in range(TRUNK))
        self.sizes = [4 * WIDE] * TRUNK + [4 * MIDDLE] + [WIDE] * TRUNK + [5 * BROAD]
        to_modulation = nn.Linear(HIDDEN, sum(self.sizes))
        nn.init.normal_(to_modulation.weight, std=0.005)
        nn.init.zeros_(to_modulation.bias)
        self.modulation = nn.Sequential(nn.Linear(2 * (WIDE + MIDDLE), HIDDEN), nn.ReLU(), to_modulation)
        self.up4, self.skip = UpConvolution(WIDE, MIDDLE), nn.Conv2d(MIDDLE, MIDDLE, 1)
        self.up2, self.up1 = UpConvolution(MIDDLE, NARROW), UpConvolution(NARROW, FINE)
        self.out = PhaseConvolution(FINE, 3)
        self.gain = nn.Parameter(torch.tensor(0.5))
        nn.init.eye_(self.covariance.weight)

    def set_wrap(self, horizontal: bool, vertical: bool) -> None:
        """Which opposite edges of the content meet, in every convolution but those of the style encoder."""
        for name, module in self.named_modules():
            if isinstance(module, Convolution) and not name.startswith("style."):
                module.wrap = (horizontal, vertical)

    def encode_style(self, y: Tensor) -> StyleCode:
        """The code of style pictures y, B x 3 x H x W in [0, 1], sides multiples of 8."""
        quarter, eighth = self.style(y * 2 - 1)
        at4, at8 = moments(quarter), moments(eighth)
        z = self.style_squeeze(eighth).float().flatten(2)
        z = z - z.mean(2, keepdim=True)
        covariance = z @ z.transpose(1, 2) / z.shape[2]
        covariance = covariance / (covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] + 1e-4)
        a = self.covariance.weight.float()
        flat = [t.flatten(1) for t in (at4.mean, at4.deviation, at8.mean, at8.deviation)]
        modulation = self.modulation(torch.cat(flat, 1)).float()
        return StyleCode(at4.mean, at4.deviation, at8.mean, at8.deviation, a @ covariance @ a.t(), modulation)

    def forward(self, x: Tensor, code: StyleCode, noise: Tensor) -> Tensor:
        """`noise`: B x 8 x H/8 x W/8 (see `noise_fields`)."""
        quarter, eighth = self.content(x * 2 - 1)
        h = self._transform(eighth, code)
        modulation = torch.split(code.modulation, self.sizes, 1)
        for i, (block, add_noise) in enumerate(zip(self.trunk, self.noises, strict=True)):
            if i == TRUNK // 2:
                h = h + self.branch(h, noise, modulation[-1])
            h = block(add_noise(h, noise, modulation[TRUNK + 1 + i]), modulation[i])
        at4 = moments(quarter)
        skipped = replace_moments(quarter, at4, torch.zeros_like(at4.mean), torch.ones_like(at4.mean))
        h = F.relu(self.up4(h)) + self.skip(skipped)
        h = self.fine(replace_moments(h, moments(h), code.mean4, code.deviation4), modulation[TRUNK])
        h = F.relu(self.up1.phases(F.relu(self.up2(h))))
        return F.pixel_shuffle(self.out(h).float() * 0.5 + 0.5, 2)

    def _transform(self, x: Tensor, code: StyleCode) -> Tensor:
        own = moments(x)
        normal = replace_moments(x, own, torch.zeros_like(own.mean), torch.ones_like(own.mean))
        z = self.squeeze(normal)
        z = (code.covariance.to(z.dtype) @ z.flatten(2)).view_as(z)
        h = normal.float() + self.gain * self.unsqueeze(z).float()
        transformed: Tensor = (h * code.deviation8 + code.mean8).to(x.dtype)
        return transformed


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
    """The noise of one picture, 1 x 8 x height/8 x width/8: the same for a seed, on every device."""
    return noise_fields(height, width, generator=torch.Generator().manual_seed(seed))
