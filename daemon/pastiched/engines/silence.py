"""Callbacks of a run that nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pastiche.pixels import PixelBuffer


class Silent:
    """Says nothing and asks nothing; `check` ends the run by raising, where it can be cancelled."""

    lent = 0.0

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self.check = check

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None: ...

    def between_steps(self) -> None:
        self.check()

    def preview(self, pixels: PixelBuffer) -> None: ...

    def finishing(self) -> bool:
        return False
