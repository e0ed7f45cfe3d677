"""Whose colours the pastiche has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
LARGEST_STRETCH = 1.5
CONTRASTS = (2 / 3, 1.5)
"""How far the contrast of strokes may go along with the photograph's."""


def luminance(x: Tensor) -> Tensor:
    """Rec. 601 luma of B x 3 x H x W: B x 1 x H x W."""
    return (x * torch.tensor(LUMA, device=x.device).view(3, 1, 1)).sum(1, keepdim=True)


def keep_chroma(pastiche: Tensor, photograph: Tensor) -> Tensor:
    """The pastiche's luma with the photograph's hues (YCbCr), after Gatys et al. 2016, "Preserving Color".

    Both 1 x 3 x H x W in [0, 1], and so is the result, with the pastiche's luma exactly. The photograph's chroma is
    taken over as it is where that fits; where the pastiche is darker, in proportion, so that shadows do not glow.
    """
    luma, own = luminance(pastiche), luminance(photograph)
    chroma = photograph - own
    room = torch.where(chroma > 0, 1 - luma, luma).div_(chroma.abs().clamp_min_(1e-6)).amin(1, keepdim=True)
    return torch.minimum(room, luma / own.clamp_min(1e-6)).clamp_(max=1).mul(chroma).add_(luma)


class Light:
    """Mean and spread of a picture's luma, gathered from its parts."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, x: Tensor) -> None:
        """1 x 3 x H x W."""
        luma = luminance(x).double()
        self._count += luma.numel()
        self._sum += float(luma.sum())
        self._squares += float(luma.square().sum())

    @property
    def mean(self) -> float:
        return self._sum / self._count

    @property
    def spread(self) -> float:
        return math.sqrt(max(0.0, self._squares / self._count - self.mean**2))


def light_of(x: Tensor) -> Light:
    """Of a whole picture, 1 x 3 x H x W."""
    light = Light()
    light.add(x)
    return light


def keep_light(pastiche: Tensor, own: Light, wanted: Light) -> Tensor:
    """A part of the pastiche, 1 x 3 x H x W, so that the whole has the mean of the photograph's luma and a spread
    nearer to it (as in Gatys et al. 2016); may go beyond [0, 1]. `own`: the whole pastiche's light.
    """
    gain = min(max(wanted.spread / max(own.spread, 1e-4), CONTRASTS[0]), CONTRASTS[1])
    return pastiche + ((luminance(pastiche) - own.mean) * (gain - 1) + (wanted.mean - own.mean))


@dataclass(frozen=True)
class Gaussian:
    """Mean, 3 x 1, and covariance, 3 x 3, of a picture's RGB; float64."""

    mean: Tensor
    covariance: Tensor


def gaussian(parts: Iterable[Tensor]) -> Gaussian:
    """Of a picture whose parts are 1 x 3 x H x W."""
    count, total, products = 0, torch.zeros(3, 1, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    for part in parts:
        # From the middle of the range, so that little is lost in the difference.
        flat = part.double().flatten(2)[0] - 0.5
        count += flat.shape[1]
        total += flat.sum(1, keepdim=True)
        products += flat @ flat.t()
    mean = total / count
    return Gaussian(mean + 0.5, products / count - mean @ mean.t() + 1e-5 * torch.eye(3, dtype=torch.float64))


class ColourMatch:
    """Gives pictures of one Gaussian that of the photograph, moving colours as little as can be.

    The linear Monge-Kantorovich map of Pitie & Kokaram 2007; nothing is amplified more than 1.5 times, which would show
    grain.
    """

    def __init__(self, own: Gaussian, photograph: Gaussian) -> None:
        root = _power(own.covariance, 0.5)
        inverse = torch.linalg.inv(root)
        between = _power(root @ photograph.covariance @ root, 0.5)
        self._transform = _power(inverse @ between @ inverse, 1.0, LARGEST_STRETCH)
        self._shift = photograph.mean - self._transform @ own.mean

    def __call__(self, x: Tensor) -> Tensor:
        """1 x 3 x H x W in [0, 1] -> the same."""
        matched: Tensor = self._transform @ x.double().flatten(2)[0] + self._shift
        return matched.view_as(x[0])[None].float().clamp_(0, 1)


def match_colours(style: Tensor, photograph: Tensor) -> Tensor:
    """The style picture with the photograph's colours; both 1 x 3 x H x W in [0, 1], the sizes may differ."""
    return ColourMatch(gaussian([style]), gaussian([photograph]))(style)


def _power(a: Tensor, exponent: float, largest: float = math.inf) -> Tensor:
    """Of a symmetric matrix; no eigenvalue of the result is greater than `largest`."""
    values, vectors = torch.linalg.eigh(a)
    power: Tensor = vectors @ (values.clamp_min(1e-10).pow(exponent).clamp_max(largest)[:, None] * vectors.t())
    return power
