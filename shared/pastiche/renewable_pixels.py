"""Pixels that need not be kept: let go of once they are handed over, and had again from where they came from."""

from __future__ import annotations

from collections.abc import Callable

from pastiche.pixels import PixelBuffer, PixelFormat

Data = bytes | bytearray | memoryview


class RenewablePixels(PixelBuffer):
    """A `PixelBuffer` that costs no memory after `let_go`. Whoever asks for `data` then has them made anew.

    `renew` returns `format.nbytes` bytes, the same as the first time; it raises PasticheError where that is not
    possible any more.
    """

    def __init__(self, format: PixelFormat, data: Data, renew: Callable[[], Data]) -> None:
        self._renew = renew
        self._data: Data | None = None
        super().__init__(format, data)

    @property
    def data(self) -> Data:
        if self._data is None:
            self._data = self._renew()
        return self._data

    @data.setter
    def data(self, data: Data) -> None:
        self._data = data

    def let_go(self) -> None:
        """The memory is free as soon as no strip of it is under way any more."""
        self._data = None
