"""Squared 2-Wasserstein distance of batches of Gaussians, with its slope in closed form."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pastiched.networks.double_precision import double

RIDGE = 1e-3
"""Share of the mean variance of the target that is added to each: directions without any have no slope."""
LEAST = 1e-6


class _Bures(torch.autograd.Function):
    """tr(S + T - 2 (T^1/2 S T^1/2)^1/2) for symmetric S, T: B x C x C -> B.

    The slope by S is 1 - T^1/2 (T^1/2 S T^1/2)^-1/2 T^1/2 (Bhatia et al. 2019), so that nothing is differentiated
    through the eigenvectors.
    """

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, target: Tensor, root: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(root @ covariance @ root)
        sides = values.clamp_min(1e-12).sqrt()
        inverse = (vectors / sides[:, None]) @ vectors.transpose(1, 2)
        ctx.save_for_backward(torch.eye(root.shape[1]).to(root) - root @ inverse @ root)
        distance: Tensor = _trace(covariance) + _trace(target) - 2 * sides.sum(1)
        return distance

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        by_covariance: Tensor = slope * slopes[0][:, None, None]
        return by_covariance, None, None


class WassersteinTarget:
    """Gaussians that others are compared with: means B x C, covariances B x C x C. Their root is taken once.

    Everything inside is float64: single precision has no room for the small variances.
    """

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, covariance = double(mean), double(covariance)
        ridge = RIDGE * _trace(covariance) / mean.shape[1] + LEAST
        self.lift = torch.diag_embed(ridge[:, None].expand_as(self.mean))
        self.covariance = covariance + self.lift
        values, vectors = torch.linalg.eigh(self.covariance)
        self.root = (vectors * values.clamp_min(0).sqrt()[:, None]) @ vectors.transpose(1, 2)

    def distance(self, mean: Tensor, covariance: Tensor) -> Tensor:
        """B, of the type of `mean`."""
        bures: Tensor = _Bures.apply(double(covariance) + self.lift, self.covariance, self.root)
        return ((double(mean) - self.mean).square().sum(1) + bures.clamp_min(0)).to(mean)


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=1, dim2=2).sum(1)
