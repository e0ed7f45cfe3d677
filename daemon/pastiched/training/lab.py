"""CIELAB, for losses of colour: equal distances look equally far."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PLACE = 8
"""Colours are compared as the means of squares of this side, px: strokes may differ within."""
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE = (0.95047, 1.0, 1.08883)
DELTA = 6 / 29


def to_lab(x: Tensor) -> Tensor:
    """sRGB, B x 3 x H x W in [0, 1] -> L* (0..100), a*, b* (about -110..110) for D65 (IEC 61966-2-1, CIE 15)."""
    x = x.float().clamp(0, 1)
    linear = torch.where(x <= 0.04045, x / 12.92, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(TO_XYZ, device=x.device) / torch.tensor(WHITE, device=x.device)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    f = torch.where(xyz > DELTA**3, xyz.clamp_min(DELTA**3) ** (1 / 3), xyz / (3 * DELTA**2) + 4 / 29)
    lightness = 116 * f[:, 1:2] - 16
    return torch.cat([lightness, 500 * (f[:, 0:1] - f[:, 1:2]), 200 * (f[:, 1:2] - f[:, 2:3])], 1)


def colour_loss(y: Tensor, photograph: Tensor) -> Tensor:
    """Mean distance of local colours in Lab / 100; both B x 3 x H x W in [0, 1]. Lightness counts a quarter."""
    difference = to_lab(F.avg_pool2d(y.float(), PLACE)) - to_lab(F.avg_pool2d(photograph.float(), PLACE))
    return (difference.abs() * torch.tensor([0.25, 1, 1], device=y.device).view(1, 3, 1, 1)).mean() / 100
