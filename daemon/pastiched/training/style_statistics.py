"""What a whole folder of style pictures has in common: the Gaussian of its features, and how far others are from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.imaging.colour import luminance
from pastiched.networks.double_precision import double
from pastiched.networks.features import FeatureNetwork
from pastiched.training.lab import to_lab
from pastiched.training.losses import gaussian
from pastiched.training.precision import mixed_precision
from pastiched.training.wasserstein import WassersteinTarget

LEVELS = 4
"""relu1_1 to relu4_1."""
LEAST_WAY, TINY = 0.05, 1e-4


def desaturated(x: Tensor, share: float) -> Tensor:
    """x, B x 3 x H x W, `share` (0..1) of the way to grey."""
    if share <= 0:
        return x
    return torch.lerp(x, luminance(x).expand_as(x), share)


def pooled_gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean 1 x C and covariance (centred Gram matrix) 1 x C x C of all places of all pictures, B x C x H x W."""
    return gaussian(features.transpose(0, 1)[None])


class StyleStatistics:
    """Of the styles in `pairs`, batches of photographs and styles, B x 3 x S x S in [0, 1] each; the way to them from
    the photographs counts as 1."""

    def __init__(self, network: FeatureNetwork, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        self._network = network
        of_photos, of_styles = Pool(self._looks), Pool(self._looks)
        for photos, styles in pairs:
            of_photos.add(photos)
            of_styles.add(styles)
        wanted, given = of_styles.moments(), of_photos.moments()
        self._targets = [WassersteinTarget(*moments) for moments in wanted]
        self._ways = [
            target.distance(*moments) + LEAST_WAY * _size(*aim) + TINY
            for target, moments, aim in zip(self._targets, given, wanted, strict=True)
        ]

    def _looks(self, x: Tensor) -> list[Tensor]:
        """Chroma, then the features of the levels."""
        return [chroma(x), *_levels(self._network, x)]

    def losses(self, x: Tensor, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What is left of the way for a batch of pictures x with these features, by features and by the colours
        themselves: 1 nothing done, 0 arrived. Features alone leave a tint that they hardly see.

        Squared Gaussian Wasserstein-2 distances of the batch as one, level by level: no picture of it has to be dark
        and bright as the folder is.
        """
        looks = [chroma(x), *features[:LEVELS]]
        palette, *levels = (
            (target.distance(*pooled_gaussian(own)) / way).mean()
            for own, target, way in zip(looks, self._targets, self._ways, strict=True)
        )
        return torch.stack(levels).mean(), palette


def chroma(x: Tensor) -> Tensor:
    """x, B x 3 x H x W in [0, 1] -> a* and b* of Lab / 100, of squares of two pixels: B x 2 x H/2 x W/2."""
    return to_lab(F.avg_pool2d(x.float(), 2))[:, 1:] / 100


def _levels(network: FeatureNetwork, x: Tensor) -> list[Tensor]:
    with mixed_precision(x.device):
        return list(network(x)[:LEVELS])


def _size(mean: Tensor, covariance: Tensor) -> Tensor:
    return mean.square().sum(1) + covariance.diagonal(dim1=1, dim2=2).sum(1)


class Pool:
    """Mean and covariance of what is seen of many batches of equal size, look by look."""

    def __init__(self, looks: Callable[[Tensor], list[Tensor]]) -> None:
        self._looks = looks
        self._sums: list[tuple[Tensor, Tensor]] = []
        self._count = 0

    @torch.no_grad()
    def add(self, batch: Tensor) -> None:
        found = []
        for look in self._looks(batch):
            mean, covariance = (double(x) for x in pooled_gaussian(look))
            found.append((mean, covariance + mean.t() @ mean))
        pairs = zip(self._sums, found, strict=True)
        self._sums = [(a + c, b + d) for (a, b), (c, d) in pairs] if self._sums else found
        self._count += 1

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """Mean 1 x C and covariance 1 x C x C, float32."""
        means = [(mean / self._count, second / self._count) for mean, second in self._sums]
        return [(mean.float(), (second - mean.t() @ mean).float()) for mean, second in means]


def pooled(network: FeatureNetwork, batches: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """See Pool; of the network's levels."""
    pool = Pool(partial(_levels, network))
    for batch in batches:
        pool.add(batch)
    return pool.moments()
