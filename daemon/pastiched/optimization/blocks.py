"""Pieces of a picture that give exactly the features and gradients of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from pastiched.networks.features import MULTIPLE
from pastiched.optimization.frame import Frame

SMALLEST_INNER = 128
NO_FRAME = Frame()


@dataclass(frozen=True)
class Span:
    """One axis of a block: it owns `first`..`last` (exclusive) and is computed from `start`..`stop`.

    `start` is negative, and `stop` beyond the side, where opposite edges meet.
    """

    first: int
    last: int
    start: int
    stop: int

    def owned(self, stride: int) -> slice:
        """The features of the crop, at `stride` pixels each, that this block answers for."""
        first = (self.first - self.start) // stride
        return slice(first, first + self.last // stride - self.first // stride)


@dataclass(frozen=True)
class Block:
    """A piece of a picture of `height` x `width`: its rows and columns."""

    rows: Span
    columns: Span
    height: int
    width: int

    @property
    def whole(self) -> bool:
        return (self.rows.start, self.rows.stop, self.columns.start, self.columns.stop) == (
            0, self.height, 0, self.width,
        )  # fmt: skip

    @property
    def pixels(self) -> int:
        """Those that it is computed from."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)

    def crop(self, x: Tensor) -> Tensor:
        """The pixels that it is computed from: ... x H x W -> ... x h x w."""
        if self.whole:
            return x
        return _take(_take(x, self.rows, -2), self.columns, -1)

    def add_to(self, whole: Tensor, piece: Tensor) -> None:
        """Adds what belongs to the pixels of `crop`."""
        if self.whole:
            whole.add_(piece)
            return
        for inner_rows, outer_rows in _pieces(self.rows, self.height):
            for inner_columns, outer_columns in _pieces(self.columns, self.width):
                whole[..., outer_rows, outer_columns] += piece[..., inner_rows, inner_columns]

    def owned(self, stride: int) -> tuple[slice, slice]:
        """Rows and columns of the crop's features that it answers for; `at` says where they lie in the whole."""
        return self.rows.owned(stride), self.columns.owned(stride)

    def at(self, stride: int) -> tuple[slice, slice]:
        """Where the owned features lie in the whole picture's."""
        places = []
        for span in (self.rows, self.columns):
            owned, first = span.owned(stride), span.first // stride
            places.append(slice(first, first + owned.stop - owned.start))
        return places[0], places[1]


def split(
    height: int, width: int, wrap: tuple[bool, bool], pixels: int, margin: int, frame: Frame = NO_FRAME
) -> list[Block]:
    """Blocks that own every pixel within `frame` once, each computed from about `pixels` pixels; one if that suffices.

    A block sees `margin` pixels (a multiple of 16) beyond those that it owns.

    Wrapped sides (horizontally, vertically) must be multiples of 16 where there is more than one block.
    """
    if height * width <= pixels:
        rows, columns = (
            Span(edge, side - edge, 0, side) for side, edge in ((height, frame.down), (width, frame.across))
        )
        return [Block(rows, columns, height, width)]
    inner = max(SMALLEST_INNER, int(math.sqrt(pixels)) - 2 * margin)
    spans = _spans(height, inner, wrap[1], margin, frame.down), _spans(width, inner, wrap[0], margin, frame.across)
    return [Block(rows, columns, height, width) for rows, columns in product(*spans)]


def _spans(side: int, inner: int, wrapped: bool, margin: int, edge: int) -> Iterator[Span]:
    owned = side - 2 * edge
    count = max(1, math.ceil(owned / inner))
    step = math.ceil(owned / count / MULTIPLE) * MULTIPLE
    for first in range(edge, side - edge, step):
        last = min(first + step, side - edge)
        start, stop = first - margin, last + margin
        if wrapped and side > step:
            yield Span(first, last, start, stop)
        else:
            yield Span(first, last, max(0, start), min(side, stop))


def _pieces(span: Span, side: int) -> Iterator[tuple[slice, slice]]:
    """(within the crop, within the whole) of each run that does not cross an edge."""
    at = span.start
    while at < span.stop:
        within = at % side
        count = min(side - within, span.stop - at)
        yield slice(at - span.start, at - span.start + count), slice(within, within + count)
        at += count


def _take(x: Tensor, span: Span, axis: int) -> Tensor:
    runs = [x.narrow(axis, outer.start, outer.stop - outer.start) for _, outer in _pieces(span, x.shape[axis])]
    return runs[0] if len(runs) == 1 else torch.cat(runs, axis)
