"""Pieces of a picture with its rim."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import Tensor

from pastiched.inference.rim import Rim
from pastiched.inference.spans import Span, spans


@dataclass(frozen=True)
class Piece:
    """A part of a picture with its rim."""

    rows: Span
    columns: Span

    def cut(self, x: Tensor, cell: int) -> Tensor:
        """What it sees of a map with one value for each `cell` pixels."""
        return self.columns.at(cell).cut(self.rows.at(cell).cut(x, 2), 3)

    def core(self, x: Tensor, cell: int) -> Tensor:
        """What it answers for, of what was computed from that."""
        return self.columns.at(cell).core(self.rows.at(cell).core(x, 2), 3)

    def put(self, x: Tensor, whole: Tensor, cell: int) -> None:
        """Puts what it answers for into the whole map."""
        place = self.columns.at(cell).place(self.rows.at(cell).place(whole, 2), 3)
        place.copy_(self.core(x, cell))


def pieces(rim: Rim, most: int, halo: int) -> list[Piece]:
    """Of at most about `most` pixels each, without what they see around them; as near to squares as can be."""
    columns = spans(rim.full_width, max(math.isqrt(most), most // rim.full_height), halo, rim.wrap[0], rim.multiple)
    widest = columns[0].last - columns[0].first
    rows = spans(rim.full_height, most // widest, halo, rim.wrap[1], rim.multiple)
    return [Piece(down, across) for down in rows for across in columns]


def bands(parts: list[Piece]) -> list[list[Piece]]:
    """Pieces that lie beside each other, from top to bottom."""
    return [list(band) for _, band in itertools.groupby(parts, key=lambda piece: piece.rows)]
