"""Total variation: how much neighbouring pixels differ."""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = (((0, 1), 2.0), ((1, 0), 2.0), ((1, 1), 1.0), ((1, -1), 1.0))
"""Distance (rows, columns) and weight of each of the four directions of the nine-point star."""
SCALE = 100.0


def total_variation(x: Tensor, wrap: tuple[bool, bool]) -> tuple[float, Tensor]:
    """100 x the mean squared difference to the eight neighbours, and its gradient; x is 1 x 3 x H x W in [0, 1].

    The nine-point star of style-transfer-pytorch, which treats all directions alike. `wrap` as everywhere.
    """
    gradient = torch.zeros_like(x)
    value = torch.zeros((), dtype=torch.float64, device=x.device)
    share = SCALE / (6 * x.numel())
    for (down, right), weight in NEIGHBOURS:
        difference = x - torch.roll(x, (-down, -right), (2, 3))
        if down and not wrap[1]:
            difference[:, :, -down:] = 0
        if right and not wrap[0]:
            edge = slice(-right, None) if right > 0 else slice(None, -right)
            difference[..., edge] = 0
        value += difference.square().sum(dtype=torch.float64) * (weight * share)
        difference.mul_(2 * weight * share)
        gradient.add_(difference).sub_(torch.roll(difference, (down, right), (2, 3)))
    return float(value), gradient
