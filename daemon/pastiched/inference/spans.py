"""How a side of a picture is divided among pieces, and what each must see beyond what it answers for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """A piece of one side answers for [first, last) and sees [begin, end), which reaches beyond 0 and `length` only
    where opposite edges meet."""

    first: int
    last: int
    begin: int
    end: int
    length: int

    def at(self, cell: int) -> Span:
        """The same in cells of so many pixels; all numbers are multiples of it."""
        return Span(*(n // cell for n in (self.first, self.last, self.begin, self.end, self.length)))

    def cut(self, x: Tensor, axis: int) -> Tensor:
        """What the piece sees of x."""
        if self.begin >= 0 and self.end <= self.length:
            return x.narrow(axis, self.begin, self.end - self.begin)
        places = torch.arange(self.begin, self.end, device=x.device) % self.length
        return x.index_select(axis, places)

    def core(self, x: Tensor, axis: int) -> Tensor:
        """What it answers for, of what was computed from what it sees."""
        return x.narrow(axis, self.first - self.begin, self.last - self.first)

    def place(self, x: Tensor, axis: int) -> Tensor:
        """Where that belongs in the whole."""
        return x.narrow(axis, self.first, self.last - self.first)


def spans(length: int, longest: int, halo: int, wrapped: bool, multiple: int) -> list[Span]:
    """About equal pieces of at most `longest`, but at least `multiple`, of which `length` and `halo` are multiples."""
    count = math.ceil(length / max(multiple, longest // multiple * multiple))
    step = math.ceil(length / count / multiple) * multiple
    pieces = []
    for first in range(0, length, step):
        last = min(first + step, length)
        begin, end = first - halo, last + halo
        if not wrapped:
            begin, end = max(0, begin), min(length, end)
        pieces.append(Span(first, last, begin, end, length))
    return pieces
