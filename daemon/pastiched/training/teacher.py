"""What the compact feature network learns from: the main directions of a larger network's features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.double_precision import double
from pastiched.networks.features import TAPS, FeatureNetwork

LEAST_SHARE = 1e-4
RELATIVE = 1e-6


class Teacher:
    """Each level's features, on the scale of the normalised VGG-19, in `widths` coordinates along their principal axes.

    Every channel counts alike, whatever its variance; axes of small variance, of which there are many and which hold
    texture, are lifted to its square root. The coordinates of a level have a total variance of 1 on `sample`
    (N x 3 x S x S in [0, 1]).
    """

    def __init__(self, network: FeatureNetwork, widths: tuple[int, ...], sample: Tensor) -> None:
        self.network = network
        self._projections: list[tuple[Tensor, Tensor]] = []
        self.bases: list[tuple[Tensor, Tensor]] = []
        """Matrix and offset from the coordinates back to the features, per level."""
        with torch.no_grad():
            for features, width in zip(self.features(sample), widths, strict=True):
                self._find_axes(features.transpose(0, 1).flatten(1), width)

    @torch.no_grad()
    def features(self, x: Tensor) -> list[Tensor]:
        """relu1_1 .. relu5_1 of x behind the linear maps, where the network has them."""
        features: list[Tensor] = self.network(x)
        if not self.network.has_maps:
            return features
        maps = [self.network.linear(level) for level in range(len(TAPS))]
        return [F.conv2d(f, weight[:, :, None, None], bias) for f, (weight, bias) in zip(features, maps, strict=True)]

    def _find_axes(self, flat: Tensor, width: int) -> None:
        device, flat = flat.device, double(flat)
        mean = flat.mean(1)
        centred = flat - mean[:, None]
        covariance = centred @ centred.t() / flat.shape[1]
        scale = (covariance.diagonal() + RELATIVE * covariance.trace() / len(covariance)).sqrt()
        variances, axes = torch.linalg.eigh(covariance / scale[:, None] / scale)
        variances, axes = variances.flip(0)[:width].clamp_min(0), axes.flip(1)[:, :width]
        shares = (variances / variances.sum()).clamp_min(LEAST_SHARE)
        lift = shares.pow(-0.25)
        gain = lift / (variances * lift.square()).sum().sqrt()
        projection = (axes / scale[:, None] * gain).t()
        self._projections.append((projection.float().to(device), (projection @ mean).float().to(device)))
        self.bases.append(((axes * scale[:, None] / gain).float().to(device), mean.float().to(device)))

    @torch.no_grad()
    def __call__(self, x: Tensor) -> list[Tensor]:
        """Coordinates, B x (widths) x H/2^k x W/2^k, float32."""
        maps = []
        for level, (small, (projection, offset)) in enumerate(zip(self.network(x), self._projections, strict=True)):
            matrix = projection
            if self.network.has_maps:
                weight, bias = self.network.linear(level)
                matrix, offset = projection @ weight, offset - projection @ bias
            maps.append(F.conv2d(small.float(), matrix[:, :, None, None].float(), -offset))
        return maps
