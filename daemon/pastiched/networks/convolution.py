"""3x3 convolutions whose edges reflect, and those that go with nearest upsampling, folded."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Convolution(nn.Conv2d):
    """B x I x H x W -> B x O x H/s x W/s, 3x3."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.weight, self.bias, self.stride)


# How row k of a 3x3 kernel falls on rows of the smaller picture, seen from the corners between its pixels. At the
# corner between small rows c - 1 and c lie the large rows 2c - 1 (s = 0) and 2c (s = 1); large row 2c - 1 + s reads the
# large rows 2c - 2 + s + k. UPSAMPLE[s, d, k]: of nearest upsampling these are the small row c - 1 + d. PHASES[a, s, d,
# k]: from the corners of a large picture back to its rows 2y + a: it is phase s of the corner y + d.
UPSAMPLE = torch.zeros(2, 2, 3)
PHASES = torch.zeros(2, 2, 2, 3)
for _s in range(2):
    for _k in range(3):
        UPSAMPLE[_s, (_s + _k) // 2, _k] = 1
        PHASES[_s, (_s + _k) % 2, (_s + _k) // 2, _k] = 1


class UpConvolution(Convolution):
    """Nearest upsampling by 2, then a 3x3 convolution: see `upsampled`.

    Two of the three taps always meet on one small pixel: so this is, exactly, one 2x2 convolution at the small size
    with 4/9 of the multiplications. A freely learned sub-pixel convolution would leave a grid, this one cannot.
    Replicated edges at the small size are reflected ones at the large size.
    """

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight 4O x I x 2 x 2 and bias 4O of that convolution."""
        fold = UPSAMPLE.to(self.weight)
        weight = torch.einsum("adk,bel,oikl->oabide", fold, fold, self.weight).flatten(0, 2)
        assert self.bias is not None
        return weight, self.bias.repeat_interleave(4)

    def corners(self, x: Tensor) -> Tensor:
        """B x 4O x (H + 1) x (W + 1): around each corner of the small pixels the four large ones that meet there, in
        the order of pixel_shuffle(2). With what is beyond the edges of the large picture."""
        around: Tensor = self(F.pad(x, (1, 1, 1, 1), "replicate"))
        return around

    def spread(self, x: Tensor) -> Tensor:
        """With one large pixel more beyond each edge: B x O x (2H + 2) x (2W + 2)."""
        return F.pixel_shuffle(self.corners(x), 2)

    def upsampled(self, x: Tensor) -> Tensor:
        """B x O x 2H x 2W."""
        return self.spread(x)[:, :, 1:-1, 1:-1]

    def forward(self, x: Tensor) -> Tensor:
        """`corners` without those at the edges: B x 4O x (H - 1) x (W - 1)."""
        return F.conv2d(x, *self.folded())


class PhaseConvolution(Convolution):
    """A 3x3 convolution at full size, from what `UpConvolution.corners` gives to phases in the order of
    pixel_shuffle(2): B x 4I x (H + 1) x (W + 1) -> B x 4O x H x W.

    Few channels at full size are slow on every processor; four times as many at half size are not.
    """

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight 4O x 4I x 2 x 2 and bias 4O of the convolution that does it."""
        fold = PHASES.to(self.weight)
        weight = torch.einsum("apdk,bqel,oikl->oabipqde", fold, fold, self.weight).flatten(3, 5).flatten(0, 2)
        assert self.bias is not None
        return weight, self.bias.repeat_interleave(4)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, *self.folded())
