"""What `pastiched serve` was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from pastiche.connection import Home

QUEUE_BYTES = 1_000_000_000
"""Pixels that waiting jobs and results not yet picked up may hold in the front process together."""


@dataclass(frozen=True)
class ServeConfig:
    """One daemon. Times are in seconds; `idle_stop` and `idle_unload` 0 = never; `threads` 0 = torch decides."""

    home: Home
    device: str = "auto"
    threads: int = 0
    low_priority: bool = False
    idle_stop: float = 1800.0
    idle_unload: float = 600.0
    queue: int = 16
    queue_bytes: int = QUEUE_BYTES
    bind: str = "127.0.0.1"
    log_level: str = "info"
    hang_seconds: float = 180.0
