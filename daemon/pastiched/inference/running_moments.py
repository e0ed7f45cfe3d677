"""Means, deviations and covariances of what is only ever seen in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from pastiched.networks.double_precision import double
from pastiched.networks.statistics import EPSILON, Moments

DOUBLES = 300_000
"""At a time."""


class RunningMoments:
    """Of feature maps 1 x C x H x W, whose pieces are added in any order.

    All in double precision, so that pieces give the very moments that the whole gives: where layers are computed in
    8-bit integers the least difference becomes whole steps, and pictures in pieces would differ from those at once.
    """

    def __init__(self) -> None:
        self._count = 0
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        count = x.shape[2] * x.shape[3]
        sums, norms = [], []
        # A few channels at a time: doubles of all of them would be four times as large as the map.
        for part in torch.split(x, max(1, DOUBLES // count), 1):
            doubles = double(part)
            sums.append(doubles.sum((2, 3), keepdim=True))
            norms.append(torch.linalg.vector_norm(doubles, dim=(2, 3), keepdim=True))
        self._count += count
        self._sum = self._sum + torch.cat(sums, 1).cpu()
        self._squares = self._squares + torch.cat(norms, 1).cpu().square()

    def moments(self) -> Moments:
        mean = torch.as_tensor(self._sum) / self._count
        variance = (torch.as_tensor(self._squares) / self._count - mean.square()).clamp_min(0)
        return Moments(mean.float(), (variance + EPSILON).sqrt().float())


class RunningCovariance:
    """The same for the covariance of the channels."""

    def __init__(self) -> None:
        self._count = 0
        self._sum: Tensor | float = 0.0
        self._products: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        flat = double(x.flatten(2)).cpu()
        self._count += flat.shape[2]
        self._sum = self._sum + flat.sum(2, keepdim=True)
        self._products = self._products + flat @ flat.transpose(1, 2)

    def covariance(self) -> Tensor:
        """1 x C x C, float32."""
        mean = torch.as_tensor(self._sum) / self._count
        return (torch.as_tensor(self._products) / self._count - mean @ mean.transpose(1, 2)).float()
