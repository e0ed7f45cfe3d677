"""Statistics of feature maps: the only global quantities of the networks, so that pictures can be done in tiles."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

EPSILON = 1e-5
"""Added to variances, so that even maps can be divided by their deviation."""


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation over space, each B x C x 1 x 1, float32."""

    mean: Tensor
    deviation: Tensor

    def to(self, device: torch.device) -> Moments:
        return Moments(self.mean.to(device), self.deviation.to(device))


def moments(x: Tensor, epsilon: float = EPSILON) -> Moments:
    """Moments of x, B x C x H x W, in float32 whatever x is."""
    x = x.float()
    mean = x.mean((2, 3), keepdim=True)
    return Moments(mean, ((x - mean).pow(2).mean((2, 3), keepdim=True) + epsilon).sqrt())


def standardization(own: Moments, name: str) -> dict[str, Tensor]:
    """The scale and the shift, by name, that make a map's mean 0 and its deviation 1."""
    return {f"{name}.scale": 1 / own.deviation, f"{name}.shift": -own.mean / own.deviation}


@dataclass(frozen=True)
class StyleCode:
    """Everything that the content path takes from a style picture; B x ..., float32, 16 kB a picture.

    Codes can be blended: between style pictures by weight, and towards the photograph's own code by strength.
    """

    mean4: Tensor
    deviation4: Tensor
    mean8: Tensor
    deviation8: Tensor
    covariance: Tensor
    modulation: Tensor

    def tensors(self) -> list[Tensor]:
        return [getattr(self, f.name) for f in fields(self)]

    def cpu(self) -> StyleCode:
        return StyleCode(*(t.cpu() for t in self.tensors()))


def blend_codes(codes: list[StyleCode], weights: list[float]) -> StyleCode:
    """The mean of `codes` by `weights` (positive, any sum). Raises ValueError where there is nothing to blend."""
    if not codes or len(codes) != len(weights) or sum(weights) <= 0:
        raise ValueError("codes and positive weights must go in pairs")
    total = sum(weights)
    parts = zip(*(code.tensors() for code in codes), strict=True)
    blended = [
        sum((t * (w / total) for t, w in zip(ts[1:], weights[1:], strict=True)), ts[0] * (weights[0] / total))
        for ts in parts
    ]
    return StyleCode(*blended)
