"""Transparent pixels: their colour is arbitrary, so it is replaced by that of their neighbours before stylizing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def fill_transparent(rgba: Tensor) -> Tensor:
    """1 x 4 x H x W -> 1 x 3 x H x W: colours flow in from opaque neighbours (push-pull over a pyramid).

    Mean grey where nothing is opaque. Every pixel with some alpha keeps its own colour.
    """
    rgb, alpha = rgba[:, :3], rgba[:, 3:]
    filled = _push_pull(rgb * alpha, alpha)
    return torch.where(alpha > 0, rgb, filled)


def fill_premultiplied(reduced: Tensor) -> Tensor:
    """The same for a reduced picture whose first three channels are multiplied by its alpha, the fourth."""
    return _push_pull(reduced[:, :3], reduced[:, 3:]).clamp_(0, 1)


def _push_pull(premultiplied: Tensor, weight: Tensor) -> Tensor:
    height, width = weight.shape[-2:]
    if max(height, width) == 1:
        return torch.where(weight > 0, premultiplied / weight.clamp_min(1e-6), torch.full_like(premultiplied, 0.5))
    down = [F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) for x in (premultiplied, weight)]
    coarse = F.interpolate(_push_pull(*down), (height, width), mode="bilinear", align_corners=False)
    known = weight.clamp(0, 1)
    own = premultiplied / weight.clamp_min(1e-6)
    return own * known + coarse * (1 - known)
