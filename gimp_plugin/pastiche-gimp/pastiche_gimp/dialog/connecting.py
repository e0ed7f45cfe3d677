"""Finding the daemon in the background, started where none runs: the window stays alive meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from gi.repository import GLib

from pastiche.client import Client
from pastiche.connection import Connection, Home, daemon_alive
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import ConnectCancelled
from pastiche.protocol import Status
from pastiche_gimp.dialog.thumbnails import Edition, missing_thumbnails, thumbnail_of
from pastiche_gimp.failures import log

JOIN_SECONDS = 2.0
LEAVE_SECONDS = 15.0
"""How long a daemon that says it is stopping is waited for."""
WAITING_STAGE = "waiting"


@dataclass(frozen=True)
class Greeting:
    """What a daemon told on connecting; `thumbnails` are picture files."""

    client: Client
    styles: list[dict[str, Any]]
    status: Status
    thumbnails: dict[Edition, bytes] = field(default_factory=dict)


class Connecting:
    """One attempt, in a thread of its own. The callbacks come in the main thread, none of them after `stop`.

    `leaving` is a daemon that is about to end.
    """

    def __init__(
        self,
        home: Home,
        known_thumbnails: Collection[Edition],
        leaving: Connection | None,
        on_stage: Callable[[str], None],
        on_done: Callable[[Greeting], None],
        on_failed: Callable[[PasticheError], None],
    ) -> None:
        self._home, self._known, self._leaving = home, frozenset(known_thumbnails), leaving
        self._on_stage, self._on_done, self._on_failed = on_stage, on_done, on_failed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pastiche-connecting", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait: bool = False) -> None:
        """Gives the attempt up; with `wait` until its thread has let go of its sockets (two seconds at most)."""
        self._stopped.set()
        if wait and self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def _work(self) -> None:
        client: Client | None = None
        try:
            self._wait_for_the_old()
            client = Client.connect(
                self._home,
                on_note=lambda _note: self._tell_stage(WAITING_STAGE),
                on_stage=self._tell_stage,
                should_stop=self._stopped.is_set,
            )
            greeting = Greeting(client, client.styles(), client.status(), {})
            self._fetch_thumbnails(greeting)
        except ConnectCancelled:
            pass
        except PasticheError as error:
            self._give_up(client, error)
        except Exception as error:
            log(error)
            self._give_up(client, PasticheError(ErrorCode.NO_DAEMON))
        else:
            GLib.idle_add(self._hand_over, greeting)

    def _wait_for_the_old(self) -> None:
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._leaving and daemon_alive(self._home, self._leaving) and time.monotonic() < deadline:
            self._tell_stage(WAITING_STAGE)
            if self._stopped.wait(0.2):
                return

    def _fetch_thumbnails(self, greeting: Greeting) -> None:
        for edition in missing_thumbnails(greeting.styles, self._known):
            if self._stopped.is_set():
                return
            greeting.thumbnails[edition] = thumbnail_of(greeting.client, edition[0])

    def _give_up(self, client: Client | None, error: PasticheError) -> None:
        if client:
            client.close()
        if not self._stopped.is_set():
            GLib.idle_add(self._call, self._on_failed, error)

    def _tell_stage(self, stage: str) -> None:
        GLib.idle_add(self._call, self._on_stage, stage)

    def _hand_over(self, greeting: Greeting) -> bool:
        if self._stopped.is_set():
            greeting.client.close()
        else:
            self._on_done(greeting)
        return False

    def _call(self, callback: Callable[[Any], None], argument: Any) -> bool:
        if not self._stopped.is_set():
            callback(argument)
        return False
