"""Unexpected failures written down so that they help to find a fault and tell nothing about the user's pictures."""

from __future__ import annotations

import contextlib
import re
import time
import traceback
from pathlib import Path

from pastiche.connection import find_home
from pastiche.version import VERSION

LOG_BYTES = 500_000
LONGEST_TEXT = 2000
_PATH = re.compile(r"""(?:[A-Za-z]:)?[\\/][^\s'"]*[\\/][^'"\n]*""")


def describe_failure(error: BaseException) -> str:
    """An exception with the lines it came through; paths in its text are left out, they may be the user's pictures."""
    frames = [f"  {Path(f.filename).name}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    said = _PATH.sub("<path>", str(error))[:LONGEST_TEXT]
    return "\n".join([f"{type(error).__name__}: {said}", *frames[-12:]])


def log_failure(error: BaseException) -> None:
    """Appends a client's failure to log/client.log in the home folder; where that is impossible, nothing happens."""
    with contextlib.suppress(Exception):
        path = find_home().log_file.with_name("client.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} pastiche {VERSION}\n{describe_failure(error)}\n")
