"""Distances between Gaussians of features, with their slopes in closed form. All are shares of the target's own size.

0 is the style itself; a picture without any of it is of the order of 1, whatever the layer, the network or the size of
the picture (after Style-Aware Normalized Loss, Cheng et al. 2021), so that weights mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.optimization.moments import Gaussian

RIDGE = 1e-4
"""Share of the mean variance that is added to each, so that directions without any have a slope."""
LEAST = 1e-8
"""Of it, for a picture of one colour."""


@dataclass(frozen=True)
class Slope:
    """A distance and its derivatives: by the mean (C), and by the covariance (C x C, symmetric)."""

    value: float
    by_mean: Tensor
    by_covariance: Tensor


StyleLoss = Callable[[Gaussian], Slope]


def gram_loss(target: Gaussian) -> StyleLoss:
    """Squared Frobenius distance of Gram matrices, E[f f^T] (Gatys et al. 2016)."""
    wanted = _gram(target)
    size = wanted.square().sum()

    def loss(own: Gaussian) -> Slope:
        difference = _gram(own) - wanted
        value = difference.square().sum() / size
        by_gram = difference * (2 / size)
        return Slope(float(value), 2 * by_gram @ own.mean, by_gram)

    return loss


def moments_loss(target: Gaussian) -> StyleLoss:
    """Squared distance of means and of standard deviations, channel by channel (Huang & Belongie 2017)."""
    floor = RIDGE * target.covariance.diagonal().mean() + LEAST
    wanted = (target.covariance.diagonal() + floor).sqrt()
    size = target.mean.square().sum() + wanted.square().sum()

    def loss(own: Gaussian) -> Slope:
        deviation = (own.covariance.diagonal() + floor).clamp_min(floor / 2).sqrt()
        by_mean, by_deviation = own.mean - target.mean, deviation - wanted
        value = (by_mean.square().sum() + by_deviation.square().sum()) / size
        return Slope(float(value), by_mean * (2 / size), torch.diag(by_deviation / deviation / size))

    return loss


def wasserstein_loss(target: Gaussian) -> StyleLoss:
    """Squared 2-Wasserstein distance of the Gaussians: |m - m*|^2 + tr(S + S* - 2 (S*^1/2 S S*^1/2)^1/2).

    Used for style by style-transfer-pytorch. The slope by S is 1 - T, with T the optimal transport map
    S*^1/2 (S*^1/2 S S*^1/2)^-1/2 S*^1/2 (Dowson & Landau 1982; Bhatia et al. 2019).
    """
    eye = torch.eye(len(target.mean)).to(target.mean)
    ridge = RIDGE * target.covariance.diagonal().mean() + LEAST
    covariance = target.covariance + ridge * eye
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.t()
    size = target.mean.square().sum() + covariance.diagonal().sum()

    def loss(own: Gaussian) -> Slope:
        by_mean = own.mean - target.mean
        mine = own.covariance + ridge * eye
        values, vectors = torch.linalg.eigh(root @ mine @ root)
        roots = values.clamp_min(float(ridge) ** 2 * 1e-2).sqrt()
        between = roots.sum()
        through = root @ vectors
        transport = (through / roots) @ through.t()
        value = by_mean.square().sum() + mine.diagonal().sum() + covariance.diagonal().sum() - 2 * between
        return Slope(float(value / size), by_mean * (2 / size), (eye - transport) / size)

    return loss


def _gram(gaussian: Gaussian) -> Tensor:
    return gaussian.covariance + gaussian.mean[:, None] * gaussian.mean


STYLE_LOSSES: dict[str, Callable[[Gaussian], StyleLoss]] = {
    "gram": gram_loss,
    "moments": moments_loss,
    "wasserstein": wasserstein_loss,
}
