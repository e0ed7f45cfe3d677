"""What a feature network sees of a picture, and the distances of style and content that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.networks.features import TAPS, FeatureNetwork
from pastiched.optimization.moments import Gaussian

CONTENT_LEVELS = (3, 4)
"""relu4_1 and relu5_1 of TAPS."""
DEVIATION_FLOOR = 1e-5
"""Added to variances behind the linear maps, as AdaIN does."""
SAME = 1e-9
"""A photograph that is nearer to the style than this has no way to go there."""


@dataclass(frozen=True)
class Observation:
    """Features of one picture: their moments at the five TAPS (C and C x C, float64), the positions that were counted,
    and the features of relu4_1 and relu5_1 themselves (C x positions)."""

    moments: tuple[Gaussian, ...]
    positions: tuple[int, ...]
    deep: tuple[Tensor, ...]


class Observer:
    """A feature network as a measuring device. Where the network has linear maps, distances of means and deviations and
    of content are taken behind them; else they are taken of the features themselves."""

    def __init__(self, network: FeatureNetwork) -> None:
        self._network = network

    @torch.inference_mode()
    def observe(self, picture: Tensor) -> Observation:
        """Of 1 x 3 x H x W in [0, 1], at least 32 pixels a side."""
        features = [f[0].flatten(1) for f in self._network(picture.to(self._network.dtype), TAPS)]
        deep = tuple(features[level] for level in CONTENT_LEVELS)
        return Observation(tuple(_moments(f) for f in features), tuple(f.shape[1] for f in features), deep)

    @torch.inference_mode()
    def style_left(self, pastiche: Observation, photograph: Observation, style: Observation) -> float | None:
        """style%: 100 x distance(pastiche, style) / distance(photograph, style), of means and deviations at relu1_1 to
        relu5_1 (AdaIN, Huang & Belongie 2017). None where the photograph is the style."""
        whole = self._style_distance(photograph, style)
        return 100 * self._style_distance(pastiche, style) / whole if whole > SAME else None

    @torch.inference_mode()
    def texture_left(self, pastiche: Observation, photograph: Observation, style: Observation) -> float | None:
        """w2%: the mean over the levels of the same ratio for the squared Wasserstein-2 distance of Gaussians with the
        full covariance of the features before the maps. None where the photograph is the style."""
        total = 0.0
        for own, from_, to in zip(pastiche.moments, photograph.moments, style.moments, strict=True):
            whole = wasserstein(from_, to)
            if whole <= SAME:
                return None
            total += wasserstein(own, to) / whole
        return 100 * total / len(TAPS)

    @torch.inference_mode()
    def content_distance(self, pastiche: Observation, photograph: Observation) -> float:
        """content: mean squared difference at relu4_1 and relu5_1, mean of both."""
        total = 0.0
        for level, a, b in zip(CONTENT_LEVELS, pastiche.deep, photograph.deep, strict=True):
            difference = (a - b).double()
            second = difference @ difference.t() / difference.shape[1]
            if self._network.has_maps:
                matrix = self._network.linear(level)[0].double()
                second = matrix @ second @ matrix.t()
            total += float(second.diagonal().mean())
        return total / len(CONTENT_LEVELS)

    def _style_distance(self, a: Observation, b: Observation) -> float:
        total = 0.0
        for level in range(len(TAPS)):
            mean_a, deviation_a = self._mapped(a, level)
            mean_b, deviation_b = self._mapped(b, level)
            total += float((mean_a - mean_b).square().mean() + (deviation_a - deviation_b).square().mean())
        return total / len(TAPS)

    def _mapped(self, seen: Observation, level: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation behind the map of a level."""
        moments, count = seen.moments[level], seen.positions[level]
        if self._network.has_maps:
            matrix, offset = (tensor.double() for tensor in self._network.linear(level))
            moments = moments.mapped(matrix, offset)
        variance = moments.covariance.diagonal() * (count / (count - 1))
        return moments.mean, (variance + DEVIATION_FLOOR).sqrt()


def _moments(features: Tensor) -> Gaussian:
    exact = features.double()
    mean = exact.mean(1)
    centred = exact - mean[:, None]
    return Gaussian(mean, centred @ centred.t() / exact.shape[1])


def wasserstein(a: Gaussian, b: Gaussian) -> float:
    """Squared Wasserstein-2 distance of two Gaussians (Dowson & Landau 1982)."""
    values, vectors = torch.linalg.eigh(a.covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.t()
    common = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp(min=0).sqrt().sum()
    spread = a.covariance.trace() + b.covariance.trace() - 2 * common
    return max(0.0, float((a.mean - b.mean).square().sum() + spread))
