"""Where the client's time and memory went."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Stages:
    """Milliseconds by stage. `start` is the time from the process's start to the making of this object."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seconds: dict[str, float] = {"start": process_age()}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(stage, time.monotonic() - began)

    def add(self, stage: str, seconds: float) -> None:
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def report(self) -> dict[str, float]:
        """All stages and their `total`, in milliseconds."""
        total = self._seconds["start"] + time.monotonic() - self._began
        return {name: round(1000 * seconds, 1) for name, seconds in (self._seconds | {"total": total}).items()}


def process_age() -> float:
    """Seconds since this process was started, to a hundredth; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError):
        return 0.0


def client_memory() -> int:
    """The most bytes of memory that this process has had; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
