"""Sizes: at which size the network works, and the way there and back with sharp edges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NATIVE_PIXELS = 1_000_000
"""At brush size 100 the network works on this many pixels: strokes have the same size in proportion to any picture."""
LARGEST_ENLARGEMENT = 4.0
LARGEST_AREA = 16_000_000
"""Pixels that the network works on at most: brush size 25, on a picture of any size."""
SNAP = 0.03
SMALLEST_SIDE = 16
GUIDE_RADIUS = 4
GUIDE_EPSILON = 1e-3
LARGEST_GAIN = 1.25


@dataclass(frozen=True)
class WorkingSize:
    """The size at which the network works, before padding."""

    width: int
    height: int


def working_size(width: int, height: int, brush_size: float, wrap: tuple[bool, bool], multiple: int) -> WorkingSize:
    """From the picture's size and the brush size in percent. Wrapped sides are multiples of `multiple`.

    The factor is sqrt(1 megapixel / pixels) x 100 / brush size, at most 4; within 3 % of 1 it is 1.
    """
    factor = min(math.sqrt(NATIVE_PIXELS / (width * height)) * 100 / brush_size, LARGEST_ENLARGEMENT)
    if abs(factor - 1) < SNAP:
        factor = 1.0
    sides = []
    for side, wrapped in ((width, wrap[0]), (height, wrap[1])):
        wanted = max(SMALLEST_SIDE, round(side * factor))
        sides.append(max(SMALLEST_SIDE, round(wanted / multiple) * multiple) if wrapped else wanted)
    longest = LARGEST_AREA // min(sides) // multiple * multiple
    return WorkingSize(*(min(side, max(longest, SMALLEST_SIDE)) for side in sides))


def resize(x: Tensor, width: int, height: int) -> Tensor:
    """1 x C x H x W to another size: averaging where it shrinks, bicubic where it grows; values stay in [0, 1]."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp_(0, 1)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Reflects the right and lower edge until both sides are multiples."""
    right, below = -x.shape[3] % multiple, -x.shape[2] % multiple
    return F.pad(x, (0, right, 0, below), "reflect") if right or below else x


def pad_wrapped(x: Tensor, margin: int, wrap: tuple[bool, bool]) -> Tensor:
    """`margin` pixels more on the sides that meet their opposite (horizontally, vertically)."""
    right, below = margin * wrap[0], margin * wrap[1]
    return F.pad(x, (right, right, below, below), "circular") if right or below else x


def detail_gain(pastiche: Tensor, photograph: Tensor, wrap: tuple[bool, bool] = (False, False)) -> Tensor:
    """How much of the photograph's fine detail belongs on the pastiche, 1 x 1 x H x W in [0, 1.25].

    The slope of the local linear model between both luminances, as in the guided filter (He et al. 2010): 1 at edges
    that the pastiche kept, 0 on even areas, where the photograph has only grain.
    """
    height, width = photograph.shape[-2:]
    p, c = (pad_wrapped(x.mean(1, keepdim=True), GUIDE_RADIUS, wrap) for x in (pastiche, photograph))
    left, above = GUIDE_RADIUS * wrap[0], GUIDE_RADIUS * wrap[1]

    def local_mean(x: Tensor) -> Tensor:
        r = min(GUIDE_RADIUS, (min(x.shape[-2:]) - 1) // 2)
        return F.avg_pool2d(x, 2 * r + 1, 1, r, count_include_pad=False)

    mean_p, mean_c = local_mean(p), local_mean(c)
    covariance = local_mean(p * c) - mean_p * mean_c
    variance = local_mean(c * c) - mean_c.square()
    gain = (covariance / (variance + GUIDE_EPSILON)).clamp_(0, LARGEST_GAIN)
    return gain[:, :, above : above + height, left : left + width]


def _cubic_taps(source: int, target: int, wrap: bool) -> tuple[Tensor, Tensor]:
    """For each target position four source positions and their weights (cubic convolution, Keys 1981, a = -0.5)."""
    at = (torch.arange(target, dtype=torch.float64) + 0.5) * (source / target) - 0.5
    base = at.floor()
    t = (at - base)[:, None] - torch.arange(-1, 3, dtype=torch.float64)
    d = t.abs()
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
    index = base.long()[:, None] + torch.arange(-1, 3)
    index = index % source if wrap else index.clamp(0, source - 1)
    return index, weights.float()


class Enlargement:
    """A small picture that gives its enlarged rows, strip by strip, so that the large one never exists as floats.

    `wrap`: whether (horizontally, vertically) opposite edges meet.
    """

    def __init__(self, small: Tensor, width: int, height: int, wrap: tuple[bool, bool]) -> None:
        columns, across = _cubic_taps(small.shape[3], width, wrap[0])
        wide = small[0].index_select(2, columns[:, 0]) * across[:, 0]
        for k in range(1, 4):
            wide.addcmul_(small[0].index_select(2, columns[:, k]), across[:, k])
        self._wide = wide
        self._index, self._weights = _cubic_taps(small.shape[2], height, wrap[1])

    def rows(self, first: int, count: int) -> Tensor:
        """1 x C x count x width: a product with the few small rows that these rows touch."""
        index, weights = self._index[first : first + count], self._weights[first : first + count]
        touched, position = torch.unique(index, return_inverse=True)
        matrix = torch.zeros(count, len(touched)).scatter_add_(1, position, weights)
        return (matrix @ self._wide.index_select(1, touched))[None]


def strips(height: int, width: int, pixels: int = 1_000_000) -> Iterator[tuple[int, int]]:
    """(first row, rows) of strips of about `pixels` pixels from top to bottom."""
    step = max(1, pixels // width)
    for first in range(0, height, step):
        yield first, min(step, height - first)
