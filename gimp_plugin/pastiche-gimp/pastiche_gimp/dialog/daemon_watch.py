"""The daemon's state for the settings, looked at in the background; starting and stopping it too."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gi.repository import GLib

from pastiche.client import Client
from pastiche.connection import Home, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import ConnectCancelled
from pastiche.protocol import Status
from pastiche_gimp.failures import log

LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Snapshot:
    """`status` is None while no daemon runs; `memory` in bytes, 0 = not known; `error` is the last action's."""

    status: Status | None = None
    methods: tuple[str, ...] = ()
    memory: int = 0
    error: PasticheError | None = None


class DaemonWatch:
    """`on_snapshot` comes in the main thread, about every two seconds and after each action."""

    def __init__(self, home: Home, on_snapshot: Callable[[Snapshot], None]) -> None:
        self._home, self._on_snapshot = home, on_snapshot
        self._actions: queue.Queue[Callable[[], None]] = queue.Queue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pastiche-settings", daemon=True)
        self._thread.start()

    def start(self) -> None:
        self._actions.put(self._start)

    def stop(self, when_idle: bool = False) -> None:
        self._actions.put(lambda: self._stop(when_idle))

    def close(self) -> None:
        self._closed.set()
        self._actions.put(lambda: None)
        self._thread.join(LOOK_SECONDS)

    def _work(self) -> None:
        error: PasticheError | None = None
        while not self._closed.is_set():
            GLib.idle_add(self._tell, self._look(error))
            try:
                action = self._actions.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            error = self._attempt(action)

    def _attempt(self, action: Callable[[], None]) -> PasticheError | None:
        try:
            action()
        except ConnectCancelled:
            return None
        except PasticheError as error:
            return error
        except Exception as error:
            log(error)
            return PasticheError(ErrorCode.NO_DAEMON)
        return None

    def _look(self, error: PasticheError | None) -> Snapshot:
        try:
            if read_connection(self._home) is None:
                return Snapshot(error=error)
            with Client.connect(self._home, start=False, should_stop=self._closed.is_set) as client:
                status = client.status()
                methods = tuple(client.welcome.methods) if client.welcome else ()
            return Snapshot(status, methods, memory_of(status), error)
        except ConnectCancelled:
            return Snapshot()
        except PasticheError as failure:
            return Snapshot(error=error or failure)
        except Exception as failure:
            log(failure)
            return Snapshot(error=error or PasticheError(ErrorCode.TIMEOUT))

    def _tell(self, snapshot: Snapshot) -> bool:
        if not self._closed.is_set():
            self._on_snapshot(snapshot)
        return False

    def _start(self) -> None:
        Client.connect(self._home, should_stop=self._closed.is_set).close()

    def _stop(self, when_idle: bool) -> None:
        if read_connection(self._home) is None:
            return
        with Client.connect(self._home, start=False, should_stop=self._closed.is_set) as client:
            client.stop(when_idle)
            if not when_idle:
                client.wait_until_gone()


def memory_of(status: Status) -> int:
    """Bytes of main memory that the daemon's processes hold; 0 where the system does not say."""
    return sum(_resident(pid) for pid in {status.pid, *(int(worker.get("pid") or 0) for worker in status.workers)})


def _resident(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 0
