"""The running average of a network's weights, which is steadier than they are (Polyak & Juditsky 1992)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def follow(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    """Brings `average`, tensors by name, on by one step of `network`."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            average[name].lerp_(value, 1 - decay)


def early(decay: float, step: int) -> float:
    """`decay`, but less in the first steps: random weights are to be forgotten."""
    return min(decay, (step + 1) / (step + 10))
