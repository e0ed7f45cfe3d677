"""The way to the daemon through a helper process (`pastiche.bridge`), for a Python that cannot load ZeroMQ.

Pipes block, and on Windows nothing can wait for several: one thread reads, one writes, and the client sees queues.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from io import FileIO
from typing import IO, Any, cast

from pastiche.connection import Connection, Home, clean_environment
from pastiche.errors import ErrorCode, PasticheError
from pastiche.framing import CONTROL, JOBS, SETUP, read_message, write_message
from pastiche.liveness import NO_WINDOW
from pastiche.transport import SEND_SECONDS, HelperGone, Port

NUMBERS: dict[Port, int] = {"jobs": JOBS, "control": CONTROL}
UNSENT_MESSAGES = 4
LOOK_SECONDS = 0.1
LEAVE_SECONDS = 2.0
LOG = "bridge.log"

Outgoing = tuple[int, Sequence[Any]]


class HelperTransport:
    """The helper process and its pipes. Ended by `close`, and by the end of this process."""

    def __init__(self, connection: Connection, home: Home) -> None:
        self._process = _start(home)
        self.gone = threading.Event()
        self._outbox: queue.SimpleQueue[Outgoing | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(UNSENT_MESSAGES)
        self._inboxes: dict[int, queue.SimpleQueue[list[memoryview] | None]] = {
            number: queue.SimpleQueue() for number in NUMBERS.values()
        }
        self._outbox.put((SETUP, [json.dumps(asdict(connection)).encode()]))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def open(self, port: Port) -> HelperLine:
        number = NUMBERS[port]
        return HelperLine(self, number, self._inboxes[number])

    def send(self, port: int, parts: Sequence[Any]) -> None:
        """Waits while earlier messages have not left. Raises PasticheError: TIMEOUT; HelperGone."""
        deadline = time.monotonic() + SEND_SECONDS
        while not self._room.acquire(timeout=LOOK_SECONDS):
            if self.gone.is_set():
                break
            if time.monotonic() > deadline:
                raise PasticheError(ErrorCode.TIMEOUT)
        if self.gone.is_set():
            raise helper_gone()
        self._outbox.put((port, parts))

    def taken(self, port: int) -> None:
        """Lets the helper pass on more of that port. These words are few: as many as messages that it passed on."""
        self._outbox.put((port, ()))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(LEAVE_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not any(thread.is_alive() for thread in self._threads):
                pipe.close()

    def _read(self) -> None:
        pipe = _raw(self._process.stdout)
        try:
            while True:
                port, parts = read_message(pipe)
                self._inboxes[port].put(parts)
        except (EOFError, OSError, ValueError, KeyError, MemoryError):
            self._leave()

    def _write(self) -> None:
        pipe = _raw(self._process.stdin)
        try:
            while (outgoing := self._outbox.get()) is not None:
                write_message(pipe, *outgoing)
                if outgoing[1] and outgoing[0] != SETUP:
                    self._room.release()
        except OSError:
            # The reading thread sees the end as well, once what has come is read.
            return

    def _leave(self) -> None:
        """After the helper's end: nothing of it is left, and whoever waits is told."""
        self._process.kill()
        self._process.wait()
        self.gone.set()
        for inbox in self._inboxes.values():
            inbox.put(None)


class HelperLine:
    """A `transport.Line`."""

    fd = -1

    def __init__(
        self, transport: HelperTransport, port: int, inbox: queue.SimpleQueue[list[memoryview] | None]
    ) -> None:
        self._transport, self._port, self._inbox = transport, port, inbox
        self._next: list[memoryview] | None = None

    def send(self, parts: Sequence[Any]) -> None:
        self._transport.send(self._port, parts)

    def poll(self, seconds: float) -> bool:
        if self._next is not None:
            return True
        try:
            self._next = self._inbox.get(timeout=seconds) if seconds > 0 else self._inbox.get_nowait()
        except queue.Empty:
            return False
        if self._next is None:
            self._inbox.put(None)
            raise helper_gone()
        return True

    def receive(self) -> list[memoryview]:
        assert self._next is not None, "poll first"
        parts, self._next = self._next, None
        self._transport.taken(self._port)
        return parts

    def close(self) -> None:
        """The transport's end is the line's."""


def helper_gone() -> HelperGone:
    return HelperGone(
        ErrorCode.DAEMON_GONE, "The helper process that talks to the Pastiche daemon ended unexpectedly.", "Try again."
    )


def _start(home: Home) -> subprocess.Popen[bytes]:
    try:
        log: IO[bytes] | int = (home.log_file.parent / LOG).open("wb")
    except OSError:
        log = subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [str(home.python), "-P", "-m", "pastiche.bridge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            # Ctrl+C in a terminal is the client's; it may still want to cancel.
            start_new_session=os.name == "posix",
            cwd=str(home.folder),
            env=clean_environment(),
            creationflags=NO_WINDOW,
        )
    except OSError as error:
        raise HelperGone(
            ErrorCode.NO_DAEMON,
            f"The helper process that talks to the Pastiche daemon could not be started: {error.strerror or error}.",
            "Run the installer again.",
        ) from None
    finally:
        if not isinstance(log, int):
            log.close()


def _raw(pipe: IO[bytes] | None) -> FileIO:
    return cast(FileIO, pipe)
