"""A picture as a Laplacian pyramid, so that one step can move large shapes and fine marks alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_SIDE = 8


class Pyramid:
    """`levels`: the parameters, from full size inwards, each half the one before. Used for optimization after STROTSS
    (Kolkin et al. 2019)."""

    def __init__(self, picture: Tensor, depth: int, wrap: tuple[bool, bool] = (False, False)) -> None:
        """`picture` 1 x 3 x H x W; at least one level, at most as many as its sides allow.

        Sides that `wrap` (horizontally, vertically) are halved only while they are even.
        """
        self.levels: list[Tensor] = []
        self._wrap = wrap
        while len(self.levels) + 1 < depth and self._can_halve(picture):
            half = [-(-side // 2) for side in picture.shape[-2:]]
            small = F.interpolate(picture, half, mode="bilinear", antialias=True, align_corners=False)
            self.levels.append(picture - _enlarge(small, picture, wrap))
            picture = small
        self.levels.append(picture.clone())

    def _can_halve(self, picture: Tensor) -> bool:
        height, width = picture.shape[-2:]
        odd = (self._wrap[0] and width % 2) or (self._wrap[1] and height % 2)
        return min(height, width) >= 2 * SMALLEST_SIDE and not odd

    def picture(self) -> Tensor:
        """1 x 3 x H x W."""
        whole = self.levels[-1]
        for level in reversed(self.levels[:-1]):
            whole = _enlarge(whole, level, self._wrap).add_(level)
        return whole

    def gradients(self, gradient: Tensor) -> list[Tensor]:
        """What the picture's gradient, 1 x 3 x H x W, means for each level: the adjoint of `picture`."""
        found = [gradient]
        for level in self.levels[1:]:
            found.append(_enlarge_adjoint(found[-1], level, self._wrap))
        return found

    def clamp(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Changes the finest level so that the picture lies within these bounds; returns it."""
        whole = self.picture()
        bounded = whole.clamp(low, high)
        self.levels[0] += bounded - whole
        return bounded


def _enlarge(small: Tensor, like: Tensor, wrap: tuple[bool, bool]) -> Tensor:
    """To the size of `like`; a wrapped side is doubled, and sees the other edge."""
    across, down = int(wrap[0]), int(wrap[1])
    height, width = like.shape[-2:]
    if across or down:
        small = F.pad(small, (across, across, down, down), "circular")
    sides = height + 4 * down, width + 4 * across
    large = F.interpolate(small, sides, mode="bilinear", align_corners=False)
    return large[:, :, 2 * down : 2 * down + height, 2 * across : 2 * across + width]


def _enlarge_adjoint(large: Tensor, like: Tensor, wrap: tuple[bool, bool]) -> Tensor:
    with torch.enable_grad():
        small = torch.zeros_like(like, requires_grad=True)
        (adjoint,) = torch.autograd.grad(_enlarge(small, large, wrap), small, large)
    return adjoint
