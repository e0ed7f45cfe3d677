"""What the discriminators see of a picture: its texture without colours, its colours without texture (White-box
Cartoonization, Wang & Yu 2020), and the style's pictures with their edges taken away (CartoonGAN, Chen et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.imaging.colour import LUMA, luminance

SPREAD = 0.1
"""How far the weights of the colours in the grey view vary, each way."""
RADIUS, EPSILON = 2, 0.01
EDGES, NEAR = 0.2, 5
"""The share of a picture, its steepest, that counts as edges; and how broad the smoothed band along them is, px."""


def grey_view(x: Tensor) -> Tensor:
    """x, B x 3 x H x W in [0, 1] -> B x 1 x H x W in [-1, 1], with weights that differ from call to call.

    So no grey can be learned that only one colour gives.
    """
    weights = torch.tensor(LUMA) * (1 + SPREAD * (2 * torch.rand(3) - 1))
    weights = (weights / weights.sum()).to(x)
    return 2 * (x * weights.view(1, 3, 1, 1)).sum(1, keepdim=True) - 1


def surface_view(x: Tensor) -> Tensor:
    """x, B x 3 x H x W in [0, 1], sides at least 16 -> B x 3 x H/4 x W/4 in [-1, 1]: smoothed but for edges.

    By a guided filter (He et al. 2013) with the picture as its own guide, at a quarter of the size.
    """
    small = F.avg_pool2d(x.float(), 4)
    mean = _box(small)
    share = (variance := _box(small * small) - mean * mean) / (variance + EPSILON)
    return 2 * (_box(share) * small + _box(mean * (1 - share))) - 1


def without_edges(x: Tensor) -> Tensor:
    """x, B x 3 x H x W in [0, 1]: blurred in a band along its edges. To a discriminator that is not the style."""
    padded = F.pad(luminance(x), (1, 1, 1, 1), "reflect")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]).abs()
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]).abs()
    slopes = torch.maximum(across, down)
    steep = slopes[..., ::2, ::2].flatten(1).quantile(1 - EDGES, 1).view(-1, 1, 1, 1)
    edges = (slopes > steep).to(x)
    band = F.max_pool2d(edges, NEAR, 1, NEAR // 2)
    smooth = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), "reflect"), 5, 1)
    return torch.lerp(x, F.avg_pool2d(F.pad(smooth, (1, 1, 1, 1), "reflect"), 3, 1), band)


def _box(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (RADIUS,) * 4, "reflect"), 2 * RADIUS + 1, 1)
