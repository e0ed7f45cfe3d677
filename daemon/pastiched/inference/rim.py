"""A picture as a network is given it: with some of it mirrored beyond its edges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.imaging.scale import Rows
from pastiched.inference.spans import Span

RIM = 8
"""Pixels mirrored beyond each edge: networks colour the edges of what they see, a few pixels wide."""


@dataclass(frozen=True)
class Rim:
    """A picture of `width` x `height` inside a larger one whose sides are multiples of what the network wants.

    To the right and below there is as much as to the left and above, and what is missing to a multiple. Sides that meet
    their opposite have none; they must be multiples themselves.
    """

    width: int
    height: int
    left: int
    above: int
    full_width: int
    full_height: int
    wrap: tuple[bool, bool]
    multiple: int

    @classmethod
    def of(cls, width: int, height: int, wrap: tuple[bool, bool], multiple: int, rim: int = RIM) -> Rim:
        if any(wrapped and side % multiple for wrapped, side in zip(wrap, (width, height), strict=True)):
            raise ValueError(f"a side that meets its opposite must be a multiple of {multiple}")
        left, above = (0 if wrapped else rim for wrapped in wrap)
        full_width, full_height = (
            -(-(side + 2 * before) // multiple) * multiple for side, before in ((width, left), (height, above))
        )
        return cls(width, height, left, above, full_width, full_height, wrap, multiple)


class RimmedPicture:
    """A picture with its rim, to be cut into pieces. Pieces that lie beside each other share their rows."""

    def __init__(self, picture: Rows, rim: Rim) -> None:
        """`picture` is asked for its rows when a piece needs them, once for each band of pieces."""
        self._picture, self._rim = picture, rim
        self._newest: tuple[Span, Tensor] | None = None

    def cut(self, rows: Span, columns: Span) -> Tensor:
        """What a piece sees, 1 x 3 x H x W."""
        return _taken(self._band(rows), 3, _places(columns, self._rim.left, self._rim.width, self._rim.wrap[0]))

    def _band(self, rows: Span) -> Tensor:
        if self._newest is None or self._newest[0] != rows:
            self._newest = None
            down = _places(rows, self._rim.above, self._rim.height, self._rim.wrap[1])
            jumps = (down.diff().abs() > 1).nonzero().flatten() + 1
            parts = [_read_near(self._picture, part) for part in down.tensor_split(jumps)]
            self._newest = rows, torch.cat(parts, 2) if len(parts) > 1 else parts[0]
        return self._newest[1]


def _places(span: Span, offset: int, side: int, wrapped: bool) -> Tensor:
    """Where the pixels of a span lie in the picture without its rim."""
    at = torch.arange(span.begin, span.end) - offset
    if wrapped:
        return at % side
    period = max(1, 2 * (side - 1))
    at = at % period
    return torch.minimum(at, period - at) if side > 1 else torch.zeros_like(at)


def _read_near(picture: Rows, rows: Tensor) -> Tensor:
    """Rows that lie next to each other, in whatever order."""
    first, last = int(rows.min()), int(rows.max())
    return _taken(picture(first, last - first + 1), 2, rows - first)


def _taken(x: Tensor, dimension: int, places: Tensor) -> Tensor:
    """As index_select, but what lies in order is copied at once, and not at all if it is everything."""
    begin = int(places.argmin())
    disorder = (places[begin:].diff() != 1).nonzero()
    count = int(disorder[0]) + 1 if len(disorder) else len(places) - begin
    ordered = x.narrow(dimension, int(places[begin]), count)
    if count == len(places):
        return ordered
    # `torch.cat` takes many times as long.
    shape = list(x.shape)
    shape[dimension] = len(places)
    out, end = x.new_empty(shape), begin + count
    out.narrow(dimension, begin, count).copy_(ordered)
    out.narrow(dimension, 0, begin).copy_(x.index_select(dimension, places[:begin]))
    out.narrow(dimension, end, len(places) - end).copy_(x.index_select(dimension, places[end:]))
    return out
