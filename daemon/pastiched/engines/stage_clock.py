"""How long the stages of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pastiched.engines.base import Callbacks


class StageClock:
    """Milliseconds by stage, without previews in between; told to the callbacks at the start of each."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.timings: dict[str, float] = {}
        self._callbacks = callbacks

    @contextmanager
    def stage(self, name: str, fraction: float) -> Iterator[None]:
        self._callbacks.check()
        self._callbacks.progress(name, fraction)
        start, lent = time.perf_counter(), self._callbacks.lent
        yield
        taken = time.perf_counter() - start - (self._callbacks.lent - lent)
        self.timings[name] = round(taken * 1e3, 1)
