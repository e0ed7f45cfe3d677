"""The daemon's log: one file with rotation, no picture content, no paths of the user's pictures."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1_000_000
BACKUPS = 3
LONGEST_LINE = 2000
LEVELS = ("debug", "info", "warning", "error")


def start_log(path: Path, level: str) -> None:
    """Sends this process's log to `path`: 1 MB, and three older ones."""
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="replace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.raiseExceptions = False
