"""Perceptual losses behind the linear maps of the compact feature network. All take B x C x H x W and give a scalar."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.features import FeatureNetwork
from pastiched.networks.statistics import moments


def normalised(x: Tensor) -> Tensor:
    """Features without their own mean and deviation: what is where, not what colour (SaMam, 2025)."""
    own = moments(x, 1e-3)
    return (x.float() - own.mean) / own.deviation


def content_loss(own: list[Tensor], photograph: list[Tensor]) -> Tensor:
    """Squared distance of normalised relu4_1 and, by half, relu5_1."""
    at4, at5 = (F.mse_loss(normalised(own[k]), normalised(photograph[k])) for k in (3, 4))
    return at4 + 0.5 * at5


def gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B x C) and covariance (B x C x C) over space, float32."""
    flat = x.float().flatten(2)
    mean = flat.mean(2)
    centred = flat - mean[:, :, None]
    return mean, centred @ centred.transpose(1, 2) / flat.shape[2]


def mapped_moments(network: FeatureNetwork, level: int, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation behind a linear map from the moments before it: the wide features are never built."""
    weight, bias = network.linear(level)
    variance = ((weight @ covariance) * weight).sum(2)
    return mean @ weight.t() + bias, variance.clamp_min(1e-4).sqrt()


def style_losses(network: FeatureNetwork, own: list[Tensor], style: list[Tensor]) -> tuple[Tensor, Tensor]:
    """(distance of means and deviations, relu1_1..5_1; distance of covariances, relu2_1..5_1).

    The second is balanced: divided by the sum of both squared norms, its upper bound (Style-Aware Normalized Loss,
    Cheng et al. 2021), so that strong and pale styles count alike.
    """
    first, second = torch.zeros(()), torch.zeros(())
    for level, (a, b) in enumerate(zip(own, style, strict=True)):
        mean, covariance = gaussian(a)
        with torch.no_grad():
            wanted_mean, wanted_covariance = gaussian(b)
            target = mapped_moments(network, level, wanted_mean, wanted_covariance)
        got = mapped_moments(network, level, mean, covariance)
        first = first + F.mse_loss(got[0], target[0]) + F.mse_loss(got[1], target[1])
        if level:
            norms = covariance.square().sum((1, 2)) + wanted_covariance.square().sum((1, 2))
            second = second + ((covariance - wanted_covariance).square().sum((1, 2)) / norms).mean() / 4
    return first, second


def repetition_loss(y: Tensor, period: int) -> Tensor:
    """Share of the fine detail of y that repeats with `period` pixels inside blocks of 8 periods.

    About 1/64 for free texture, 1 for a grid: period 4 sees checkerboards, 8 the marks that a network with three
    halvings stamps on even areas.
    """
    grey = y.mean(1, keepdim=True)
    detail = grey - F.avg_pool2d(F.pad(grey, (period // 2,) * 4, "reflect"), period + 1, 1)
    block = 8 * period
    h, w = detail.shape[2] // block, detail.shape[3] // block
    cut = detail[..., : h * block, : w * block]
    mean = cut.reshape(-1, h, 8, period, w, 8, period).mean((2, 5))
    return mean.square().mean() / (detail.square().mean() + 1e-4)
