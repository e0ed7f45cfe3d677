"""Sizes: at which size the network works, and the way there and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NATIVE_PIXELS = 750_000
"""At brush size 100 the network works on this many pixels: strokes have the same size in proportion to any picture."""
LARGEST_ENLARGEMENT = 4.0
LARGEST_AREA = 16_000_000
"""Pixels that the network works on at most, whatever the shape; brush size 25 asks for 12 million."""
LEAST_STEP = 1.5
"""In pixels from one size to the next, for an underpainting to be worth its time."""
SNAP = 0.03
SMALLEST_SIDE = 32
Rows = Callable[[int, int], Tensor]
"""(first row, rows) -> 1 x 3 x rows x width of a picture in [0, 1]."""
TAPS = 4
BLOCK = 128
"""Enlarged rows or columns of one product: more would multiply by too many zeros."""


def rows_of(picture: Tensor) -> Rows:
    """Of 1 x 3 x H x W."""
    return lambda first, count: picture[:, :, first : first + count]


@dataclass(frozen=True)
class WorkingSize:
    """The size at which the network works, before padding."""

    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height


def working_size(
    width: int, height: int, brush_size: float, wrap: tuple[bool, bool], multiple: int, native: int = NATIVE_PIXELS
) -> WorkingSize:
    """From the picture's size and the brush size in percent. Wrapped sides are multiples of `multiple`.

    The factor is sqrt(native / pixels) x 100 / brush size, at most 4; within 3 % of 1 it is 1. `native` is the area in
    pixels on which strokes have the size that the network was trained for. Above 16 megapixels only the picture's own
    size can be worked at: then it is that or 16 megapixels, whichever is nearer.
    """
    factor = min(math.sqrt(native / (width * height)) * 100 / brush_size, LARGEST_ENLARGEMENT)
    limit = math.sqrt(LARGEST_AREA / (width * height))
    factor = 1.0 if abs(factor - 1) < SNAP or factor > math.sqrt(limit) > limit else min(factor, limit)
    sides = []
    for side, wrapped in ((width, wrap[0]), (height, wrap[1])):
        wanted = max(SMALLEST_SIDE, round(side * factor))
        sides.append(max(SMALLEST_SIDE, round(wanted / multiple) * multiple) if wrapped else wanted)
    if factor == 1:
        return WorkingSize(*sides)
    longest = LARGEST_AREA // min(sides) // multiple * multiple
    return WorkingSize(*(min(side, max(longest, SMALLEST_SIDE)) for side in sides))


def working_sizes(
    width: int, height: int, brush_size: float, wrap: tuple[bool, bool], multiple: int
) -> list[WorkingSize]:
    """From coarse to fine: the size of a brush twice as broad, for the underpainting, and that of the brush.

    Tiny pictures are not painted in broad strokes that are hardly broader.
    """
    coarse, fine = (working_size(width, height, brush, wrap, multiple) for brush in (2 * brush_size, brush_size))
    return [coarse, fine] if fine.area > LEAST_STEP * coarse.area else [fine]


def resize(x: Tensor, width: int, height: int) -> Tensor:
    """1 x C x H x W to another size: averaging where it shrinks, bicubic where it grows; values stay in [0, 1]."""
    return x if x.shape[-2:] == (height, width) else resample(x, width, height).clamp_(0, 1)


def resample(x: Tensor, width: int, height: int) -> Tensor:
    """The same for any values: bicubic goes a little beyond them."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Reflects the right and lower edge until both sides are multiples."""
    right, below = -x.shape[3] % multiple, -x.shape[2] % multiple
    return F.pad(x, (0, right, 0, below), "reflect") if right or below else x


def pad_wrapped(x: Tensor, margin: int, wrap: tuple[bool, bool]) -> Tensor:
    """`margin` pixels more on the sides that meet their opposite (horizontally, vertically)."""
    right, below = margin * wrap[0], margin * wrap[1]
    return F.pad(x, (right, right, below, below), "circular") if right or below else x


def _cubic_taps(source: int, target: int) -> tuple[Tensor, Tensor]:
    """For each target position the first of four source positions, TAPS / 2 further because of what is beyond the
    edge, and the weights of the four (cubic convolution, Keys 1981, a = -0.5)."""
    at = (torch.arange(target, dtype=torch.float64) + 0.5) * (source / target) - 0.5
    base = at.floor()
    d = ((at - base)[:, None] - torch.arange(-1, TAPS - 1, dtype=torch.float64)).abs()
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
    return base.long() - 1 + TAPS // 2, weights.float()


class Enlargement:
    """A small picture that gives its enlarged rows, strip by strip, so that the large one never exists as floats.

    `wrap`: whether (horizontally, vertically) opposite edges meet.
    """

    def __init__(self, small: Tensor, width: int, height: int, wrap: tuple[bool, bool]) -> None:
        self._small, self._wrap, self._width = small, wrap, width
        self._across = list(_matrices(*_cubic_taps(small.shape[3], width)))
        self._down = _cubic_taps(small.shape[2], height)

    def rows(self, first: int, count: int) -> Tensor:
        """1 x C x count x width."""
        begin, weights = (x[first : first + count] for x in self._down)
        columns = self._columns(int(begin[0]), int(begin[-1]) + TAPS)
        across, channels, beyond = columns.shape
        # Products are fast with many rows on their left side: so both have all channels there.
        flat, high = columns.view(-1, beyond), columns.new_empty(across * channels, count)
        for at, source, matrix in _matrices(begin - begin[0], weights):
            part = high[:, at : at + len(matrix)]
            torch.mm(flat[:, source : source + matrix.shape[1]], matrix.t(), out=part)
        high = high.view(across, -1)
        out = columns.new_empty(channels * count, self._width)
        for at, source, matrix in self._across:
            torch.mm(high[source : source + matrix.shape[1]].t(), matrix.t(), out=out[:, at : at + len(matrix)])
        return out.view(1, channels, count, self._width)

    def _columns(self, begin: int, end: int) -> Tensor:
        """Columns x C x rows of these rows of the small picture, of which some are beyond its edges, as columns are."""
        height, beyond = self._small.shape[2], TAPS // 2
        rows = torch.arange(begin, end) - beyond
        rows = rows % height if self._wrap[1] else rows.clamp(0, height - 1)
        mode = "circular" if self._wrap[0] else "replicate"
        part = F.pad(self._small.index_select(2, rows).float(), (beyond, beyond, 0, 0), mode)
        return part[0].permute(2, 0, 1).contiguous()


def _matrices(begin: Tensor, weights: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """(first target, first source, weights: targets x sources) of a block of targets at a time."""
    for at in range(0, len(begin), BLOCK):
        places, taps = begin[at : at + BLOCK], weights[at : at + BLOCK]
        source, last = int(places[0]), int(places[-1])
        matrix = torch.zeros(len(places), last - source + TAPS)
        yield at, source, matrix.scatter_(1, (places - source)[:, None] + torch.arange(TAPS), taps)


def strips(height: int, width: int, pixels: int = 1_000_000) -> Iterator[tuple[int, int]]:
    """(first row, rows) of strips of about `pixels` pixels from top to bottom."""
    step = max(1, pixels // width)
    for first in range(0, height, step):
        yield first, min(step, height - first)
