"""A streamed picture on its way: which rows the receiver allows and which have passed. Pure bookkeeping, both sides."""

from __future__ import annotations

from dataclasses import dataclass

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelFormat
from pastiche.protocol import STRIP_BYTES, WINDOW, Pixels


@dataclass
class Flow:
    """Rows [0, `row`) have passed, rows below `allowed` may be sent."""

    format: PixelFormat
    allowed: int = 0
    row: int = 0

    @property
    def complete(self) -> bool:
        return self.row >= self.format.height

    @property
    def strip_rows(self) -> int:
        """Rows of a strip of about 8 MB."""
        return max(1, STRIP_BYTES // self.format.row_bytes)

    @property
    def window(self) -> int:
        """The credit of a receiver that has dealt with everything up to `row`."""
        return min(self.format.height, self.row + WINDOW * self.strip_rows)

    def allow(self, rows: int) -> None:
        """Takes a `credit`; one that takes rows back has no effect. Raises BAD_MESSAGE beyond the picture."""
        if not 0 <= rows <= self.format.height:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A credit goes beyond the picture.")
        self.allowed = max(self.allowed, rows)

    def take(self, strip: Pixels, nbytes: int) -> None:
        """Takes the next strip. Raises BAD_MESSAGE: out of order, beyond the credit, or not of the declared size."""
        if strip.row != self.row or strip.rows < 1:
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"Rows from {self.row} are expected, not from {strip.row}.")
        if strip.row + strip.rows > self.allowed:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "The rows go beyond the credit.")
        if nbytes != strip.rows * self.format.row_bytes:
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"{strip.rows} rows cannot have {nbytes} bytes.")
        self.row += strip.rows
