"""The network of the Fast method: any photograph in the style of any picture.

Two encoders of its own and no VGG at inference, as in MicroAST (Wang et al. 2023), whose per-channel filter
modulation it takes too; at 1/8 the style's covariance is given to the photograph's features, after LinearWCT (Li et
al. 2019) and CCPL (Wu et al. 2022). A branch at 1/16 in the middle of the trunk sees and paints what is broad. Noise
enters before every block (StyleGAN, Karras et al. 2019): a convolutional network has no other way to paint an even sky
without repeating one mark with the period of its own grid. It has several channels, fine and broad (Texture Networks,
Ulyanov et al. 2016), which each feature channel mixes in its own way: with one there is one mark all over the sky.
Three global moments at two depths (1/4 twice, 1/8), nothing else looks further than RADIUS pixels. They part the
network into three stages: encode, paint, decode. What the style and the moments say to a stage are its *controls*,
small tensors by name; so a stage can be computed piece by piece, and by another library (see `pastiched.inference`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiched.networks.convolution import Convolution, PhaseConvolution, UpConvolution
from pastiched.networks.noise import NoiseInput
from pastiched.networks.peaks import hold_peaks
from pastiched.networks.statistics import Moments, StyleCode, moments, standardization

MULTIPLE = 16
"""Sides of the input are multiples of this."""
ENCODER_RADIUS, PAINTER_RADIUS, DECODER_RADIUS = 16, 128, 16
"""In pixels of the picture: what a stage computes depends on nothing that it is given from further away."""
STYLE_RADIUS = 48
"""The same for the style encoder."""
RADIUS = ENCODER_RADIUS + PAINTER_RADIUS + DECODER_RADIUS
"""A pixel of the output depends on no pixel of the input further away, but for the global moments."""
TRUNK = 4
BROAD, WIDE, MIDDLE, NARROW, FINE = 128, 96, 48, 32, 8
RANK = 32
HIDDEN = 160
MODULATION = [4 * WIDE] * TRUNK + [4 * MIDDLE] + [WIDE] * TRUNK + [5 * BROAD]
"""How a code's modulation is divided: blocks of the trunk, the fine block, noise of the trunk, noise and block of the
branch."""
PEAKS = [f"content.{name}" for name in ("level2", "level4", "residual.a", "residual.b", "level8")]
PEAKS += [f"trunk.{i}.{part}" for i in range(TRUNK) for part in "ab"]
PEAKS += [f"branch.{name}" for name in ("down", "block.a", "block.b", "up")]
PEAKS += ["up4", "fine.a", "fine.b", "up2", "up1", "out"]
"""Layers that can be computed in 8-bit integers: all but those of one pixel, which have little to compute."""
Controls = dict[str, Tensor]
"""B x C x 1 x 1 each, but for "covariance", B x 32 x 32; float32."""


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
    """A residual block whose channels the style scales and shifts: x B x C x H x W."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = Convolution(channels, channels), Convolution(channels, channels)

    def forward(self, x: Tensor, controls: Controls, name: str) -> Tensor:
        h = F.relu(affine(self.a(x), controls, f"{name}.a"))
        return x + affine(self.b(h), controls, f"{name}.b")


def modulation_controls(modulation: Tensor, name: str) -> Controls:
    """Those of a Modulated block; `modulation`: B x 4C."""
    w1, b1, w2, b2 = modulation[:, :, None, None].chunk(4, 1)
    return {f"{name}.a.scale": 1 + w1, f"{name}.a.shift": b1, f"{name}.b.scale": 1 + w2, f"{name}.b.shift": b2}


def affine(x: Tensor, controls: Controls, name: str) -> Tensor:
    """x B x C x H x W, each channel with the scale and the shift of that name; the type of x is kept."""
    return torch.addcmul(controls[f"{name}.shift"].to(x.dtype), controls[f"{name}.scale"].to(x.dtype), x)


def precise_affine(x: Tensor, controls: Controls, name: str) -> Tensor:
    """The same in float32 in between: where means and deviations are those of all the picture."""
    return torch.addcmul(controls[f"{name}.shift"], controls[f"{name}.scale"], x.float()).to(x.dtype)


class Branch(nn.Module):
    """Down to 1/16, one modulated block, and back: x B x 96 x H x W -> what is added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.block, self.up = Convolution(WIDE, BROAD, 2), Modulated(BROAD), UpConvolution(BROAD, WIDE)
        self.noise = NoiseInput(BROAD)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        """`noise`: B x 8 x H x W."""
        h = self.noise(F.relu(self.down(x)), noise[:, :, ::2, ::2], controls["branch.gain"].flatten(1))
        painted: Tensor = self.up.upsampled(self.block(h, controls, "branch"))
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
        to_modulation = nn.Linear(HIDDEN, sum(MODULATION))
        nn.init.normal_(to_modulation.weight, std=0.005)
        nn.init.zeros_(to_modulation.bias)
        self.modulation = nn.Sequential(nn.Linear(2 * (WIDE + MIDDLE), HIDDEN), nn.ReLU(), to_modulation)
        self.up4, self.skip = UpConvolution(WIDE, MIDDLE), nn.Conv2d(MIDDLE, MIDDLE, 1)
        self.up2, self.up1 = UpConvolution(MIDDLE, NARROW), UpConvolution(NARROW, FINE)
        self.out = PhaseConvolution(FINE, 3)
        self.gain = nn.Parameter(torch.tensor(0.5))
        nn.init.eye_(self.covariance.weight)
        hold_peaks(self, PEAKS)

    def encode_style(self, y: Tensor) -> StyleCode:
        """The code of style pictures y, B x 3 x H x W in [0, 1], sides multiples of 8."""
        quarter, eighth, z = self.style_features(y)
        z = z.flatten(2)
        z = z - z.mean(2, keepdim=True)
        return self.style_code(moments(quarter), moments(eighth), z @ z.transpose(1, 2) / z.shape[2])

    def style_features(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """y B x 3 x H x W in [0, 1] -> what a code is made of: at 1/4 and at 1/8, and the latter in 32 channels."""
        quarter, eighth = self.style(y * 2 - 1)
        return quarter, eighth, self.style_squeeze(eighth).float()

    def style_code(self, at4: Moments, at8: Moments, covariance: Tensor) -> StyleCode:
        """Of the features' moments and the covariance, B x 32 x 32, of the 32 channels."""
        covariance = covariance / (covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] + 1e-4)
        a = self.covariance.weight.float()
        flat = [t.flatten(1) for t in (at4.mean, at4.deviation, at8.mean, at8.deviation)]
        modulation = self.modulation(torch.cat(flat, 1)).float()
        return StyleCode(at4.mean, at4.deviation, at8.mean, at8.deviation, a @ covariance @ a.t(), modulation)

    def forward(self, x: Tensor, code: StyleCode, noise: Tensor) -> Tensor:
        """`noise`: B x 8 x H/8 x W/8 (see `noise_fields`)."""
        quarter, eighth = self.content(x * 2 - 1)
        controls = painter_controls(code, moments(quarter), moments(eighth))
        h = self.paint(quarter, eighth, noise, controls)
        return F.pixel_shuffle(self.decode(h, decoder_controls(code, moments(h))), 2).float() * 0.5 + 0.5

    def paint(self, quarter: Tensor, eighth: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        """B x 48 x H/4 x W/4, from what `content` gave."""
        h = self._transform(eighth, controls)
        for i, (block, add_noise) in enumerate(zip(self.trunk, self.noises, strict=True)):
            if i == TRUNK // 2:
                h = h + self.branch(h, noise, controls)
            h = block(add_noise(h, noise, controls[f"trunk{i}.gain"].flatten(1)), controls, f"trunk{i}")
        painted: Tensor = F.relu(self.up4.upsampled(h)) + self.skip(precise_affine(quarter, controls, "quarter"))
        return painted

    def decode(self, h: Tensor, controls: Controls) -> Tensor:
        """Phases in the order of pixel_shuffle(2), B x 12 x H/2 x W/2 in [-1, 1] and beyond, from what `paint` gave."""
        h = self.fine(precise_affine(h, controls, "painted"), controls, "fine")
        painted: Tensor = self.out(F.relu(self.up1(F.relu(self.up2.spread(h)))))
        return painted

    def _transform(self, x: Tensor, controls: Controls) -> Tensor:
        normal = precise_affine(x, controls, "eighth")
        z = self.squeeze(normal)
        z = (controls["covariance"].to(z.dtype) @ z.flatten(2)).view_as(z)
        h = normal.float() + self.gain * self.unsqueeze(z).float()
        transformed: Tensor = torch.addcmul(controls["style.shift"], controls["style.scale"], h).to(x.dtype)
        return transformed


def painter_controls(code: StyleCode, at4: Moments, at8: Moments) -> Controls:
    """For `PasticheNet.paint`, from the moments of what the content encoder gave, all of the picture."""
    *blocks, branch = torch.split(code.modulation, MODULATION, 1)
    gain, block = torch.split(branch, [BROAD, 4 * BROAD], 1)
    controls = standardization(at4, "quarter") | standardization(at8, "eighth")
    controls |= {"style.scale": code.deviation8, "style.shift": code.mean8, "covariance": code.covariance}
    controls |= {"branch.gain": gain[:, :, None, None]} | modulation_controls(block, "branch")
    for i in range(TRUNK):
        controls |= {f"trunk{i}.gain": blocks[TRUNK + 1 + i][:, :, None, None]}
        controls |= modulation_controls(blocks[i], f"trunk{i}")
    return controls


def decoder_controls(code: StyleCode, at4: Moments) -> Controls:
    """For `PasticheNet.decode`, from the moments of what `paint` gave, all of the picture."""
    fine = torch.split(code.modulation, MODULATION, 1)[TRUNK]
    scale = code.deviation4 / at4.deviation
    painted = {"painted.scale": scale, "painted.shift": code.mean4 - at4.mean * scale}
    return painted | modulation_controls(fine, "fine")
