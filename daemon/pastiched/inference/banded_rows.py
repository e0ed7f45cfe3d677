"""Rows of a picture that is computed piece by piece, when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pastiched.inference.pieces import Piece, bands
from pastiched.inference.rim import Rim


class BandedRows:
    """Pieces that lie beside each other are computed together and kept until others are wanted: quickest from top to
    bottom."""

    def __init__(self, rim: Rim, parts: list[Piece], compute: Callable[[Piece], Tensor]) -> None:
        """`compute` gives what a piece answers for, 1 x 3 x H x W."""
        self._rim, self._bands, self._compute = rim, bands(parts), compute
        self._newest: tuple[list[Piece], Tensor] | None = None

    def rows(self, first: int, count: int) -> Tensor:
        """1 x 3 x count x width, without the rim."""
        begin, end = first + self._rim.above, first + self._rim.above + count
        out: Tensor | None = None
        for band in self._bands:
            span = band[0].rows
            at, to = max(begin, span.first), min(end, span.last)
            if at >= to:
                continue
            part = self._computed(band)[:, :, at - span.first : to - span.first]
            if to - at == count:
                return part
            # Not gathered first: a large picture would be there twice.
            out = part.new_empty(1, 3, count, self._rim.width) if out is None else out
            out.narrow(2, at - begin, to - at).copy_(part)
        assert out is not None
        return out

    def _computed(self, band: list[Piece]) -> Tensor:
        if self._newest is None or self._newest[0] is not band:
            self._newest = None
            x = self._compute(band[0])
            if len(band) > 1:
                first, x = x, x.new_empty(1, 3, x.shape[2], self._rim.full_width)
                for piece in band:
                    into = piece.columns.place(x, 3)
                    into.copy_(first if piece is band[0] else self._compute(piece))
            self._newest = band, x[:, :, :, self._rim.left : self._rim.left + self._rim.width]
        return self._newest[1]
