"""A lock file that one process holds at a time. The system gives the lock back when the process dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO


def try_lock(path: Path) -> IO[bytes] | None:
    """The file, locked until it is closed; None while another process holds it.

    On POSIX the holder may unlink the file before it closes it.
    """
    while True:
        file = path.open("ab")
        if not _lock(file):
            file.close()
            return None
        if _same_file(file, path):
            return file
        file.close()


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _same_file(file: IO[bytes], path: Path) -> bool:
    """Whether the locked file is still the one of that name: its last holder may have removed it in between."""
    if os.name != "posix":
        return True
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
