"""Mean and covariance of features, accumulated block by block, and what a loss of them means for every feature."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """Mean (C) and covariance (C x C) of features over all positions."""

    mean: Tensor
    covariance: Tensor

    def mapped(self, matrix: Tensor, offset: Tensor) -> Gaussian:
        """Of the features behind the linear map `matrix` x f + `offset`."""
        return Gaussian(matrix @ self.mean + offset, matrix @ self.covariance @ matrix.t())

    def blended(self, other: Gaussian, share: float) -> Gaussian:
        """`share` of the other's moments, the rest of one's own."""
        return Gaussian(torch.lerp(self.mean, other.mean, share), torch.lerp(self.covariance, other.covariance, share))


def blend(gaussians: list[Gaussian], weights: list[float]) -> Gaussian:
    """The mean of the moments by `weights` (positive, any sum)."""
    total = sum(weights)
    pairs = list(zip(gaussians, weights, strict=True))
    mean = torch.stack([g.mean * (w / total) for g, w in pairs]).sum(0)
    return Gaussian(mean, torch.stack([g.covariance * (w / total) for g, w in pairs]).sum(0))


class Accumulator:
    """Sums over positions of features that arrive in pieces, C x N each; in the type `exact` of the sums."""

    def __init__(self, exact: torch.dtype = torch.float64) -> None:
        self._exact = exact
        self._count = 0
        self._shift = self._first = self._second = torch.zeros(())

    def add(self, features: Tensor) -> None:
        if not features.shape[1]:
            return
        if not self._count:
            # About any point the sums give the same covariance; about the mean they keep the most digits.
            self._shift = features.to(torch.promote_types(features.dtype, torch.float32)).mean(1)
            self._first = torch.zeros_like(self._shift, dtype=self._exact)
            self._second = torch.zeros(len(features), len(features), dtype=self._exact, device=features.device)
        centred = features.to(self._shift.dtype) - self._shift[:, None]
        self._count += features.shape[1]
        self._first += centred.sum(1)
        self._second += centred @ centred.t()

    def gaussian(self) -> Gaussian:
        mean = self._first / self._count
        covariance = self._second / self._count - mean[:, None] * mean
        return Gaussian(self._shift.to(self._exact) + mean, covariance)

    @property
    def count(self) -> int:
        return self._count
