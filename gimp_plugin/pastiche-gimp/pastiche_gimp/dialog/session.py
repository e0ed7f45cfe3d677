"""The daemon inside GLib's main loop: one connection, jobs with callbacks, and a new start where the daemon is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from gi.repository import GLib

from pastiche.client import Client
from pastiche.connection import Connection, Home
from pastiche.errors import ErrorCode, PasticheError, error_from_wire
from pastiche.job import Event, Job, StyleRef
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Accepted, Cancelled, Failed, Preview, Progress, Result
from pastiche_gimp.dialog.connecting import WAITING_STAGE, Connecting, Greeting
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.thumbnails import edition_of, missing_thumbnails, thumbnail_of

TICK_MS = 50
REFRESH_SECONDS = 5.0
LIBRARY_SECONDS = 2.0
CONNECT_SECONDS = 60.0
RESTARTS = 1
"""The daemon is started again by itself this often, until a job has succeeded."""
GONE = (ErrorCode.DAEMON_GONE, ErrorCode.TIMEOUT, ErrorCode.STOPPING)


class Phase(Enum):
    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"


@dataclass(frozen=True)
class Order:
    """What a job is asked for."""

    content: PixelBuffer
    styles: tuple[StyleRef, ...]
    options: Mapping[str, Any]
    preview: bool = False


def _ignore(_news: Any) -> None:
    pass


@dataclass(eq=False)
class Run:
    """An order under way. Exactly one of `on_result` and `on_failed` is called, neither after `Session.cancel`."""

    order: Order
    on_result: Callable[[PixelBuffer, dict[str, Any]], None]
    on_failed: Callable[[PasticheError], None]
    on_progress: Callable[[Progress], None] = _ignore
    on_preview: Callable[[PixelBuffer], None] = _ignore
    seconds: float | None = None
    """Its deadline from the moment of sending; without one only the daemon's silence ends it."""
    job: Job | None = None
    sent: float = 0.0
    is_next: bool = False
    """No other job is before it."""


class Session:
    """Everything happens in the main thread except the connecting itself. `on_change` is told of phases and stages."""

    def __init__(self, home: Home, guard: Guard, on_change: Callable[[], None]) -> None:
        self.phase = Phase.CONNECTING
        self.stage = "connecting"
        self.failure: PasticheError | None = None
        self.greeting: Greeting | None = None
        self._home, self._guard, self._on_change = home, guard, on_change
        self._client: Client | None = None
        self._connecting: Connecting | None = None
        self._began = 0.0
        self._refreshed = 0.0
        self._looked = 0.0
        self._restarts = 0
        self._waiting: list[Run] = []
        self._running: dict[str, Run] = {}
        self._watch = 0
        self._tick = 0
        self._patience = 0

    @property
    def seconds_connecting(self) -> float:
        return time.monotonic() - self._began

    def connect(self) -> None:
        """Starts connecting, again after a failure too."""
        self._restarts = 0
        self._connect()

    def close(self) -> None:
        """Lets go of everything; the daemon cancels what was under way."""
        self._waiting.clear()
        if self._connecting:
            self._connecting.stop(wait=True)
            self._connecting = None
        self._disconnect()
        self._stop_source("_patience")

    def refresh_status(self) -> None:
        """Asks anew how long jobs take: the daemon learns it from each."""
        if self._client is None or self.greeting is None or time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        try:
            self.greeting = replace(self.greeting, status=self._client.status())
        except PasticheError as error:
            if error.code in GONE:
                self._lost(error)

    def refresh_styles(self) -> bool:
        """Whether the daemon's library is another one by now; asked at most every two seconds."""
        greeting, client = self.greeting, self._client
        if client is None or greeting is None or time.monotonic() - self._looked < LIBRARY_SECONDS:
            return False
        self._looked = time.monotonic()
        try:
            styles = client.styles()
            if styles == greeting.styles:
                return False
            here = set(map(edition_of, styles))
            known = {edition: data for edition, data in greeting.thumbnails.items() if edition in here}
            added = {edition: thumbnail_of(client, edition[0]) for edition in missing_thumbnails(styles, known)}
        except PasticheError as error:
            if error.code in GONE:
                self._lost(error)
            return False
        self.greeting = replace(greeting, styles=styles, thumbnails=known | added)
        return True

    # Jobs

    def submit(self, run: Run) -> Run:
        """Sends it now, or as soon as there is a daemon."""
        if self.phase is Phase.LOST:
            failure = self.failure or PasticheError(ErrorCode.NO_DAEMON)
            GLib.idle_add(self._guard(lambda: run.on_failed(failure)))
        else:
            self._waiting.append(run)
            self._send_waiting()
        return run

    def cancel(self, run: Run) -> None:
        """Its callbacks are not called any more."""
        if run in self._waiting:
            self._waiting.remove(run)
        if run.job is None or self._running.pop(run.job.id, None) is None:
            return
        try:
            run.job.cancel()
        except PasticheError as error:
            self._lost(error)

    def finish(self, run: Run) -> None:
        """It is to end early with the picture so far; its result comes as always."""
        if run.job is None:
            return
        try:
            run.job.finish()
        except PasticheError as error:
            self._lost(error)

    def _send_waiting(self) -> None:
        while self._client and self._waiting:
            run = self._waiting.pop(0)
            order = run.order
            try:
                run.job = self._client.submit(order.content, order.styles, order.options, preview=order.preview)
            except PasticheError as error:
                if error.code not in GONE:
                    run.on_failed(error)
                    continue
                self._waiting.insert(0, run)
                self._lost(error)
                return
            run.sent = time.monotonic()
            self._running[run.job.id] = run
        if self._running:
            self._start_ticking()
            self._pump()

    def _pump(self) -> None:
        """Also after every submit: the socket's descriptor tells of changes only."""
        if self._client is None:
            return
        try:
            events = self._client.pump()
        except PasticheError as error:
            self._lost(error)
            return
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        run = self._running.get(event.job.id)
        if run is None:
            return
        match event.body:
            case Accepted(position=position):
                run.is_next = position == 0
            case Progress(stage="queued") as progress if run.is_next:
                # It waits for the computing process alone, which has just been started.
                run.on_progress(replace(progress, stage="load"))
            case Progress() as progress:
                run.on_progress(progress)
            case Preview() if event.pixels:
                run.on_preview(event.pixels)
            case Result(report=report) if event.pixels:
                del self._running[event.job.id]
                self._restarts = 0
                run.on_result(event.pixels, report)
            case Failed(code=code, sentence=sentence, hint=hint):
                self._failed(run, error_from_wire(code, sentence, hint))
            case Cancelled():
                self._failed(run, PasticheError(ErrorCode.STOPPING))

    def _failed(self, run: Run, error: PasticheError) -> None:
        if error.code is ErrorCode.STOPPING:
            self._lost(error)
            return
        self._forget(run)
        run.on_failed(error)

    def _forget(self, run: Run) -> None:
        if run.job:
            self._running.pop(run.job.id, None)
            run.job = None

    # The connection

    def _connect(self, leaving: Connection | None = None) -> None:
        if self._connecting:
            self._connecting.stop()
        known = self.greeting.thumbnails if self.greeting else {}
        self._connecting = Connecting(
            self._home,
            known,
            leaving,
            self._guard(self._staged),
            self._guard(self._connected),
            self._guard(self._unconnected),
        )
        self._began = time.monotonic()
        self._set(Phase.CONNECTING, "connecting")
        self._connecting.start()
        self._stop_source("_patience")
        self._patience = GLib.timeout_add(1000, self._guard(self._be_patient))

    def _be_patient(self) -> bool:
        if self.phase is not Phase.CONNECTING:
            self._patience = 0
            return False
        # While another daemon finishes its jobs the client has a deadline of its own.
        if self.stage != WAITING_STAGE and self.seconds_connecting > CONNECT_SECONDS:
            self._patience = 0
            self._unconnected(PasticheError(ErrorCode.TIMEOUT))
            return False
        self._on_change()
        return True

    def _staged(self, stage: str) -> None:
        self._set(Phase.CONNECTING, stage)

    def _connected(self, greeting: Greeting) -> None:
        self._connecting = None
        self._client = greeting.client
        if self.greeting:
            greeting.thumbnails.update(self.greeting.thumbnails)
        self.greeting = greeting
        self._looked = time.monotonic()
        if greeting.client.fd >= 0:
            channel = GLib.IOChannel.unix_new(greeting.client.fd)
            self._watch = GLib.io_add_watch(
                channel, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, self._guard(self._readable, True)
            )
        self._set(Phase.READY, "")
        self._send_waiting()

    def _unconnected(self, error: PasticheError) -> None:
        if self._connecting:
            self._connecting.stop()
            self._connecting = None
        self.failure = error
        runs, self._waiting = self._waiting, []
        self._set(Phase.LOST, "")
        for run in runs:
            run.on_failed(error)

    def _lost(self, error: PasticheError) -> None:
        """The daemon is gone: once a new one is started and everything sent again."""
        runs = list(self._running.values())
        leaving = self._client.connection if self._client and error.code is ErrorCode.STOPPING else None
        self._disconnect()
        self._waiting = runs + self._waiting
        for run in self._waiting:
            run.job, run.is_next = None, False
        if self._restarts < RESTARTS:
            self._restarts += 1
            self._connect(leaving)
        else:
            self._unconnected(error)

    def _disconnect(self) -> None:
        self._stop_source("_watch")
        self._stop_source("_tick")
        self._running.clear()
        client, self._client = self._client, None
        if client:
            with contextlib.suppress(PasticheError, OSError):
                client.close()

    def _readable(self, *_channel: Any) -> bool:
        self._pump()
        return self._watch != 0

    def _start_ticking(self) -> None:
        if not self._tick:
            self._tick = GLib.timeout_add(TICK_MS, self._guard(self._ticked))

    def _ticked(self) -> bool:
        self._pump()
        now = time.monotonic()
        for run in list(self._running.values()):
            if run.seconds is not None and now - run.sent > run.seconds:
                self.cancel(run)
                run.on_failed(PasticheError(ErrorCode.TIMEOUT))
        if not self._running:
            self._tick = 0
            return False
        return self._tick != 0

    def _stop_source(self, name: str) -> None:
        source = getattr(self, name)
        setattr(self, name, 0)
        if source:
            GLib.source_remove(source)

    def _set(self, phase: Phase, stage: str) -> None:
        if (phase, stage) != (self.phase, self.stage):
            self.phase, self.stage = phase, stage
            self._on_change()
