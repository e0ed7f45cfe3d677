"""How much of the photograph's structure is left: structural similarity of luminance and of its edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, DEVIATION = 11, 1.5
LIGHT, CONTRAST = 1e-4, 9e-4
"""(0.01)^2 and (0.03)^2 for values in [0, 1]."""


def similarity(a: Tensor, b: Tensor) -> float | None:
    """Structural similarity (SSIM, Wang et al. 2004) of two fields 1 x 1 x H x W in [0, 1]: Gaussian window of 11
    pixels, only where it lies inside. 1 = the same. None where the fields are smaller than the window."""
    if min(a.shape[2:]) < WINDOW:
        return None
    line = torch.exp(-((torch.arange(WINDOW, dtype=a.dtype) - WINDOW // 2) ** 2) / (2 * DEVIATION**2))
    window = (line[:, None] * line / line.sum() ** 2)[None, None].to(a.device)

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(x, window)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a.square(), mean(b * b) - mean_b.square()
    covariance = mean(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + LIGHT) / (mean_a.square() + mean_b.square() + LIGHT)
    return float((light * (2 * covariance + CONTRAST) / (variance_a + variance_b + CONTRAST)).mean())


def edge_strength(field: Tensor) -> Tensor:
    """Magnitude of the differences to the right and lower neighbour (0 beyond the edges), 1 x 1 x H x W."""
    right = F.pad(field[..., 1:] - field[..., :-1], (0, 1))
    down = F.pad(field[..., 1:, :] - field[..., :-1, :], (0, 0, 0, 1))
    return (right.square() + down.square()).sqrt()
