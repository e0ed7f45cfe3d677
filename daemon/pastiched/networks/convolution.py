"""3x3 convolutions whose edges reflect, or wrap round where opposite edges of the picture meet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pad_edges(x: Tensor, wrap: tuple[bool, bool], mode: str = "reflect") -> Tensor:
    """x, B x C x H x W, with one pixel more on each side. `wrap` = (horizontally, vertically) circular, else `mode`."""
    horizontal, vertical = wrap
    if horizontal == vertical:
        return F.pad(x, (1, 1, 1, 1), "circular" if horizontal else mode)
    x = F.pad(x, (1, 1, 0, 0), "circular" if horizontal else mode)
    return F.pad(x, (0, 0, 1, 1), "circular" if vertical else mode)


class Convolution(nn.Conv2d):
    """B x I x H x W -> B x O x H/s x W/s, 3x3. `wrap` is set from outside (see PasticheNet.set_wrap)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride)
        self.wrap = (False, False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(pad_edges(x, self.wrap), self.weight, self.bias, self.stride)


# How kernel row k of a 3x3 kernel falls on rows of the smaller picture. UPSAMPLE[a, d, k]: the output row 2y+a of a
# convolution after nearest upsampling reads small row y+d-1. PHASES[a, p, d, k]: the same where the picture before the
# convolution is kept as its four phases (p = 0, 1), as pixel_unshuffle(2) gives them.
UPSAMPLE = torch.zeros(2, 3, 3)
PHASES = torch.zeros(2, 2, 3, 3)
for _a in range(2):
    for _k in range(3):
        _row = _a + _k - 1
        UPSAMPLE[_a, _row // 2 + 1, _k] = 1
        PHASES[_a, _row % 2, _row // 2 + 1, _k] = 1


class UpConvolution(Convolution):
    """Nearest upsampling by 2, then a 3x3 convolution: B x I x H x W -> B x O x 2H x 2W.

    Computed exactly as one convolution at the small size; what leaves `phases` is B x 4O x H x W in the order of
    pixel_shuffle(2). A freely learned sub-pixel convolution of that shape would leave a grid, this one cannot.
    Replicated edges at the small size are reflected ones at the large size.
    """

    def phases(self, x: Tensor) -> Tensor:
        fold = UPSAMPLE.to(self.weight)
        weight = torch.einsum("adk,bel,oikl->oabide", fold, fold, self.weight).flatten(0, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.conv2d(pad_edges(x, self.wrap, "replicate"), weight, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.phases(x), 2)


class PhaseConvolution(Convolution):
    """A full-size 3x3 convolution whose input and output are kept as four phases: B x 4I x H x W -> B x 4O x H x W.

    Few channels at full size are slow on every processor; four times as many at half size are not.
    """

    def forward(self, x: Tensor) -> Tensor:
        fold = PHASES.to(self.weight)
        weight = torch.einsum("apdk,bqel,oikl->oabipqde", fold, fold, self.weight).flatten(3, 5).flatten(0, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.conv2d(pad_edges(x, self.wrap, "replicate"), weight, bias)
