"""Perceptual losses behind the linear maps of the compact feature network. All take B x C x H x W and give a scalar."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.features import FeatureNetwork
from pastiched.networks.statistics import moments
from pastiched.training.detail import detail
from pastiched.training.wasserstein import WassersteinTarget


def normalised(x: Tensor) -> Tensor:
    """Features without their own mean and deviation: what is where, not what colour (SaMam, 2025)."""
    own = moments(x, 1e-3)
    return (x.float() - own.mean) / own.deviation


def content_loss(own: list[Tensor], photograph: list[Tensor]) -> Tensor:
    """Squared distance of normalised relu4_1 and, by half, relu5_1."""
    at4, at5 = (F.mse_loss(normalised(own[k]), normalised(photograph[k])) for k in (3, 4))
    return at4 + 0.5 * at5


def likeness_loss(network: FeatureNetwork, own: list[Tensor], photograph: list[Tensor]) -> Tensor:
    """Squared distance of relu4_1 and relu5_1 behind the linear maps, colours and light included (AdaIN's content)."""
    total = torch.zeros(())
    for level in (3, 4):
        weight, _ = network.linear(level)
        difference = own[level].float() - photograph[level].float()
        total = total + F.conv2d(difference, weight[:, :, None, None]).square().mean() / 2
    return total


def gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B x C) and covariance (B x C x C) over all that follows the channels, float32."""
    flat = x.float().flatten(2)
    mean = flat.mean(2)
    centred = flat - mean[:, :, None]
    return mean, centred @ centred.transpose(1, 2) / flat.shape[2]


def mapped_moments(network: FeatureNetwork, level: int, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation behind a linear map from the moments before it: the wide features are never built."""
    weight, bias = network.linear(level)
    variance = ((weight @ covariance) * weight).sum(2)
    return mean @ weight.t() + bias, variance.clamp_min(1e-4).sqrt()


def style_losses(
    network: FeatureNetwork, own: list[Tensor], style: list[Tensor], photograph: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """What is left of the way from the photograph to the style, 1 nothing done, 0 arrived, mean over the batch.

    (of means and deviations behind the linear maps, relu1_1..5_1 together; of Gaussian Wasserstein-2 distances, level
    by level). As shares, near and far styles count alike (after Style-Aware Normalized Loss, Cheng et al. 2021).
    """
    left, way = torch.zeros(()), torch.zeros(())
    second = torch.zeros(())
    for level, (y, s, c) in enumerate(zip(own, style, photograph, strict=True)):
        got = gaussian(y)
        with torch.no_grad():
            wanted, given = gaussian(s), gaussian(c)
            target = mapped_moments(network, level, *wanted)
            way = way + _squared(mapped_moments(network, level, *given), target)
            size = wanted[0].square().sum(1) + wanted[1].diagonal(dim1=1, dim2=2).sum(1)
            arrival = WassersteinTarget(*wanted)
            floor = arrival.distance(*given) + NEAR * size
        left = left + _squared(mapped_moments(network, level, *got), target)
        second = second + (arrival.distance(*got) / floor).mean() / len(own)
    return (left / (way + NEAR_MOMENTS)).mean(), second.float()


NEAR, NEAR_MOMENTS = 0.05, 1.0
"""Photographs that are close to the style from the start would otherwise count most."""


def _squared(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared differences of means and of deviations, B."""
    return (a[0] - b[0]).square().mean(1) + (a[1] - b[1]).square().mean(1)


def grid_loss(y: Tensor) -> Tensor:
    """Share of the fine detail of y that repeats with period 4 inside blocks of 32 pixels.

    About 1/64 for free texture, 1 for a checkerboard.
    """
    fine = detail(y, 5)
    h, w = fine.shape[2] // 32, fine.shape[3] // 32
    mean = fine[..., : h * 32, : w * 32].reshape(-1, h, 8, 4, w, 8, 4).mean((2, 5))
    return mean.square().mean() / (fine.square().mean() + 1e-4)


def detail_blocks(y: Tensor) -> Tensor:
    """The detail of y in overlapping blocks, B x blocks x 64 x 64."""
    return detail(y, 17).unfold(2, 64, 32).unfold(3, 64, 32).flatten(1, 3)


def lattice_loss(y: Tensor) -> Tensor:
    """How alike the detail is at distances of whole cells of the network's own grid of 8 pixels: 0 free, 1 stamped.

    Squared autocorrelation of blocks of 64 x 64 pixels, where it is positive, mean over the shortest such distances.
    """
    blocks = detail_blocks(y)
    energy = blocks.square().mean((2, 3)) + 1e-5
    total = torch.zeros((), device=y.device)
    for below, right in LATTICE:
        here = blocks[..., : 64 - below, max(0, -right) : 64 - max(0, right)]
        there = blocks[..., below:, max(0, right) : 64 + min(0, right)]
        total = total + F.relu((here * there).mean((2, 3)) / energy).square().mean()
    return total / len(LATTICE)


LATTICE = ((0, 8), (8, 0), (8, 8), (8, -8), (0, 16), (16, 0), (16, 16), (16, -16))


def concentration(y: Tensor) -> Tensor:
    """How few waves make up the detail of each block of 64 x 64 pixels: B x blocks, the sum of squared shares.

    About 0.01 for paintings and free texture, 0.03 and more where one mark is stamped at even distances.
    """
    blocks = detail_blocks(y)
    window = torch.hann_window(64, device=y.device)
    power = torch.fft.rfft2(blocks * window * window[:, None]).abs().square().flatten(2)
    shares: Tensor = power.square().sum(2) / (power.sum(2).square() + PALE**2)
    return shares


PALE = 4.0
"""Detail of less power than this (about 1/250 in amplitude) may repeat: nobody sees it."""


def repetition_loss(y: Tensor, style: Tensor) -> Tensor:
    """Concentration of the blocks of y beyond the mean of the style picture's own, which may be hatched or tiled."""
    return F.relu(concentration(y) - concentration(style).mean(1, keepdim=True)).mean()


def rim_loss(y: Tensor, photograph: Tensor) -> Tensor:
    """How the colours along the four edges differ from those further in, but for what the photographs have there.

    Squared, mean over pictures, edges, colours and widths. Networks know where the edges are, and paint there what the
    style still lacks: a coloured rim.
    """
    difference = y.float() - photograph.float()
    steps = [
        (side[..., :width].mean((2, 3)) - side[..., width : 2 * width].mean((2, 3))).square().mean()
        for side in (difference, difference.flip(3), difference.transpose(2, 3), difference.flip(2).transpose(2, 3))
        for width in RIMS
    ]
    return torch.stack(steps).mean()


RIMS = (8, 24)
"""Pixels."""
