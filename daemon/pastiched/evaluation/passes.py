"""What is broader or finer than a given size in a luminance."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def low_pass(field: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of 1 x 1 x H x W by `sigma` pixels; the outermost pixels go on beyond the edges."""
    radius = math.ceil(3 * sigma)
    line = torch.exp(-((torch.arange(-radius, radius + 1, dtype=field.dtype) / sigma) ** 2) / 2)
    line = (line / line.sum()).to(field.device)
    field = F.conv2d(F.pad(field, (radius, radius, 0, 0), "replicate"), line.view(1, 1, 1, -1))
    return F.conv2d(F.pad(field, (0, 0, radius, radius), "replicate"), line.view(1, 1, -1, 1))


def high_pass(field: Tensor, sigma: float) -> Tensor:
    """What `low_pass` takes away."""
    return field - low_pass(field, sigma)


def slopes(field: Tensor) -> tuple[Tensor, Tensor]:
    """Differences per pixel to the right and downwards (central; one-sided at the edges), each 1 x 1 x H x W."""
    down, right = torch.gradient(field, dim=(2, 3))
    return right, down
