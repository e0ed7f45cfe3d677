"""A picture as a Laplacian pyramid, so that one step can move large shapes and fine marks alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_SIDE = 8


class Pyramid:
    """`levels`: the parameters, from full size inwards, each half the one before. Used for optimization after STROTSS
    (Kolkin et al. 2019)."""

    def __init__(self, picture: Tensor, depth: int) -> None:
        """`picture` 1 x 3 x H x W; at least one level, at most as many as its sides allow."""
        self.levels: list[Tensor] = []
        while len(self.levels) + 1 < depth and min(picture.shape[-2:]) >= 2 * SMALLEST_SIDE:
            half = [-(-side // 2) for side in picture.shape[-2:]]
            small = F.interpolate(picture, half, mode="bilinear", antialias=True, align_corners=False)
            self.levels.append(picture - _enlarge(small, picture))
            picture = small
        self.levels.append(picture.clone())

    def picture(self) -> Tensor:
        """1 x 3 x H x W."""
        whole = self.levels[-1]
        for level in reversed(self.levels[:-1]):
            whole = _enlarge(whole, level).add_(level)
        return whole

    def gradients(self, gradient: Tensor) -> list[Tensor]:
        """What the picture's gradient, 1 x 3 x H x W, means for each level: the adjoint of `picture`."""
        found = [gradient]
        for level in self.levels[1:]:
            found.append(_enlarge_adjoint(found[-1], level))
        return found

    def clamp(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Changes the finest level so that the picture lies within these bounds; returns it."""
        whole = self.picture()
        bounded = whole.clamp(low, high)
        self.levels[0] += bounded - whole
        return bounded


def _enlarge(small: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(small, like.shape[-2:], mode="bilinear", align_corners=False)


def _enlarge_adjoint(large: Tensor, like: Tensor) -> Tensor:
    adjoint: Tensor = torch.ops.aten.upsample_bilinear2d_backward(
        large.contiguous(), list(large.shape[-2:]), list(like.shape), False
    )
    return adjoint
