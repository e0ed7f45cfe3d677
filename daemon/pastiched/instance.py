"""One daemon a home: the lock that only one process holds, and the connection file that is taken back at the end."""

from __future__ import annotations

import os
import time
from typing import IO, Self

from pastiche.connection import Connection, Home, read_connection
from pastiched.file_lock import try_lock

WAIT_SECONDS = 8.0
"""A daemon that is leaving gives its lock back within this time."""


class AlreadyRunningError(Exception):
    """Another daemon serves this home."""


class Instance:
    """The lock of a home, held while the object is open. The system gives it back when the process dies."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._connection: Connection | None = None
        self._file = self._acquire()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _acquire(self) -> IO[bytes]:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            if file := try_lock(self.home.lock_file):
                return file
            if read_connection(self.home) or time.monotonic() > deadline:
                raise AlreadyRunningError
            time.sleep(0.02)

    def clear_leftovers(self) -> None:
        """Removes what a daemon that was killed has left: with the lock held, nothing in there is in use."""
        self.home.connection_file.unlink(missing_ok=True)
        for left in [*self.home.run_folder.glob("*.ipc"), *self.home.folder.glob(".connection-*")]:
            left.unlink(missing_ok=True)

    def publish(self, connection: Connection) -> None:
        """Writes the connection file; the endpoints must be bound by now."""
        connection.write(self.home.connection_file)
        self._connection = connection

    def withdraw(self) -> None:
        """Removes the connection file, if it is still this daemon's own."""
        mine, self._connection = self._connection, None
        if mine is None:
            return
        try:
            if read_connection(self.home) == mine:
                self.home.connection_file.unlink()
        except Exception:
            # Someone has replaced the file or its rights: then it is not ours to remove.
            return

    def close(self) -> None:
        self.withdraw()
        if os.name == "posix":
            self.home.lock_file.unlink(missing_ok=True)
        self._file.close()
