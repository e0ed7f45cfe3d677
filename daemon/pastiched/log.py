"""The daemon's log: one file with rotation, no picture content, no paths of the user's pictures."""

from __future__ import annotations

import logging
import re
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1_000_000
BACKUPS = 3
LONGEST_LINE = 2000
LEVELS = ("debug", "info", "warning", "error")
_PATH = re.compile(r"""(?:[A-Za-z]:)?[\\/][^\s'"]*[\\/][^'"\n]*""")


def start_log(path: Path, level: str) -> None:
    """Sends this process's log to `path`: 1 MB, and three older ones."""
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="replace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.raiseExceptions = False


def describe_failure(error: BaseException) -> str:
    """An exception with the lines it came through; paths in its text are left out, they may be the user's pictures."""
    frames = [f"  {Path(f.filename).name}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    said = _PATH.sub("<path>", str(error))[:LONGEST_LINE]
    return "\n".join([f"{type(error).__name__}: {said}", *frames[-12:]])
