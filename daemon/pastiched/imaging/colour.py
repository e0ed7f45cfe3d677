"""Whose colours the pastiche has."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def luminance(x: Tensor) -> Tensor:
    """Rec. 601 luma of 1 x 3 x H x W: 1 x 1 x H x W."""
    return (x * torch.tensor(LUMA, device=x.device).view(3, 1, 1)).sum(1, keepdim=True)


def keep_chroma(pastiche: Tensor, photograph: Tensor) -> Tensor:
    """The pastiche's luma with the photograph's chroma (YCbCr), as in Gatys et al. 2016, "Preserving Color"."""
    return photograph + (luminance(pastiche) - luminance(photograph))


def match_colours(style: Tensor, photograph: Tensor) -> Tensor:
    """The style picture recoloured: its mean and covariance of RGB become the photograph's (Gatys et al. 2016, CORAL).

    Both 1 x 3 x H x W in [0, 1]; the sizes may differ.
    """
    (mean_s, cov_s), (mean_p, cov_p) = _gaussian(style), _gaussian(photograph)
    transform = _root(cov_p) @ torch.linalg.inv(_root(cov_s))
    flat = style.double().flatten(2)[0] - mean_s
    matched: Tensor = transform @ flat + mean_p
    return matched.view_as(style[0])[None].float().clamp_(0, 1)


def _gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.double().flatten(2)[0]
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.t() / flat.shape[1] + 1e-5 * torch.eye(3, dtype=torch.float64)


def _root(a: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(a)
    root: Tensor = vectors @ (values.clamp_min(1e-10).sqrt()[:, None] * vectors.t())
    return root
