"""Whose colours the pastiche has."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
LARGEST_STRETCH = 1.5
CONTRASTS = (2 / 3, 1.5)
"""How far the contrast of strokes may go along with the photograph's."""


def luminance(x: Tensor) -> Tensor:
    """Rec. 601 luma of 1 x 3 x H x W: 1 x 1 x H x W."""
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


def keep_light(pastiche: Tensor, photograph: Tensor) -> Tensor:
    """The pastiche with the mean of the photograph's luma and a spread nearer to it (as in Gatys et al. 2016).

    Both 1 x 3 x H x W in [0, 1]; the result may go beyond.
    """
    luma, wanted = luminance(pastiche), luminance(photograph)
    gain = float(wanted.std(unbiased=False) / luma.std(unbiased=False).clamp_min(1e-4))
    gain = min(max(gain, CONTRASTS[0]), CONTRASTS[1])
    return pastiche + ((luma - luma.mean()) * (gain - 1) + (wanted.mean() - luma.mean()))


def match_colours(style: Tensor, photograph: Tensor) -> Tensor:
    """The style picture recoloured: its mean and covariance of RGB become the photograph's, moved as little as can be.

    The linear Monge-Kantorovich map of Pitie & Kokaram 2007; nothing is amplified more than 1.5 times, which would show
    the style's grain. Both 1 x 3 x H x W in [0, 1]; the sizes may differ.
    """
    (mean_s, cov_s), (mean_p, cov_p) = _gaussian(style), _gaussian(photograph)
    root = _power(cov_s, 0.5)
    inverse = torch.linalg.inv(root)
    transform = _power(inverse @ _power(root @ cov_p @ root, 0.5) @ inverse, 1.0, LARGEST_STRETCH)
    flat = style.double().flatten(2)[0] - mean_s
    matched: Tensor = transform @ flat + mean_p
    return matched.view_as(style[0])[None].float().clamp_(0, 1)


def _gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.double().flatten(2)[0]
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.t() / flat.shape[1] + 1e-5 * torch.eye(3, dtype=torch.float64)


def _power(a: Tensor, exponent: float, largest: float = math.inf) -> Tensor:
    """Of a symmetric matrix; no eigenvalue of the result is greater than `largest`."""
    values, vectors = torch.linalg.eigh(a)
    power: Tensor = vectors @ (values.clamp_min(1e-10).pow(exponent).clamp_max(largest)[:, None] * vectors.t())
    return power
