"""Pieces of a picture that give exactly the features and gradients of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.networks.features import MULTIPLE

SMALLEST_INNER = 128


@dataclass(frozen=True)
class Span:
    """One axis of a block: it owns `first`..`last` (exclusive) and is computed from `start`..`stop`.

    `start` is negative, and `stop` beyond the side, where opposite edges meet.
    """

    first: int
    last: int
    start: int
    stop: int

    def owned(self, stride: int, side: int) -> slice:
        """The features of the crop, at `stride` pixels each, that this block answers for."""
        first = (self.first - self.start) // stride
        if self.last == side:
            return slice(first, first + side // stride - self.first // stride)
        return slice(first, (self.last - self.start) // stride)


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
        return self.rows.owned(stride, self.height), self.columns.owned(stride, self.width)

    def at(self, stride: int) -> tuple[slice, slice]:
        """Where the owned features lie in the whole picture's."""
        places = []
        for span, side in ((self.rows, self.height), (self.columns, self.width)):
            owned, first = span.owned(stride, side), span.first // stride
            places.append(slice(first, first + owned.stop - owned.start))
        return places[0], places[1]


def split(height: int, width: int, wrap: tuple[bool, bool], pixels: int, margin: int) -> list[Block]:
    """Blocks that own every pixel once, each computed from about `pixels` pixels at most; one where that suffices.

    A block sees `margin` pixels (a multiple of 16) beyond those that it owns.

    Wrapped sides (horizontally, vertically) must be multiples of 16 where there is more than one block.
    """
    if height * width <= pixels:
        return [Block(Span(0, height, 0, height), Span(0, width, 0, width), height, width)]
    inner = max(SMALLEST_INNER, int(math.sqrt(pixels)) - 2 * margin)
    rows = list(_spans(height, inner, wrap[1], margin))
    columns = list(_spans(width, inner, wrap[0], margin))
    return [Block(row, column, height, width) for row in rows for column in columns]


def _spans(side: int, inner: int, wrapped: bool, margin: int) -> Iterator[Span]:
    count = max(1, math.ceil(side / inner))
    step = math.ceil(side / count / MULTIPLE) * MULTIPLE
    for first in range(0, side, step):
        last = min(first + step, side)
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
    runs = [x.narrow(axis, outer.start, outer.stop - outer.start) for _, outer in _pieces_of(x, span, axis)]
    return runs[0] if len(runs) == 1 else torch.cat(runs, axis)


def _pieces_of(x: Tensor, span: Span, axis: int) -> Iterator[tuple[slice, slice]]:
    return _pieces(span, x.shape[axis])
