"""Keeps one worker per device alive: starts it, notices death and hanging, restarts it with growing pauses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import zmq.asyncio

from pastiche.errors import ErrorCode, PasticheError, error_from_wire
from pastiche.estimates import is_estimate
from pastiche.protocol import Failed, Message, Result
from pastiched.config import ServeConfig
from pastiched.link import Beat, Estimates, Ready
from pastiched.sockets import Doorman
from pastiched.worker_process import WorkerProcess

SILENCE_SECONDS = 10.0
"""A worker whose io thread says nothing for so long hangs."""
START_SECONDS = 180.0
"""Loading torch from a slow disk may take minutes, in which the io thread cannot speak either."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STABLE_SECONDS = 60.0
STARTS_BEFORE_GIVING_UP = 3
RETRY_SECONDS = 5.0
LATE_SECONDS = 1.0
log = logging.getLogger(__name__)


class WorkerState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True)
class Events:
    """What the supervisor tells the dispatcher."""

    ready: Callable[[Worker], None]
    said: Callable[[Worker, Message], None]
    lost: Callable[[Worker, PasticheError], None]
    """The worker's process is gone, or will not come: its jobs fail with this."""


class Worker:
    """A device's worker, through all its processes."""

    def __init__(
        self, device: str, config: ServeConfig, start: Callable[[Worker], WorkerProcess], tell: Events
    ) -> None:
        self.device, self._config, self._start_process, self._tell = device, config, start, tell
        self.info: dict[str, Any] = {"name": device, "kind": "", "state": "probing", "detail": ""}
        self.estimates: list[dict[str, Any]] = []
        self.state = WorkerState.PAUSED
        self.failure = PasticheError(ErrorCode.WORKER_DIED)
        """Why it was given up, in state FAILED."""
        self._process: WorkerProcess | None = None
        self._doom: PasticheError | None = None
        """Why this process is being killed."""
        self._said: PasticheError | None = None
        """Why this process says it cannot start."""
        self._deaths = 0
        """In a row, without a job done or a quiet minute in between."""
        self._next_start = 0.0
        self._started = self._spoke = self._ticked = 0.0
        self._beat = Beat("starting", 0)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def condition(self, busy: bool) -> str:
        """What status says of it: "starting", "idle", "busy", "unloaded", or "failed"."""
        if self.state is WorkerState.FAILED:
            return "failed"
        if self.state is not WorkerState.READY or self._beat.state == "starting":
            return "starting"
        if busy:
            return "busy"
        return "unloaded" if self._beat.state == "unloaded" else "idle"

    @property
    def usable(self) -> bool:
        return self.state is WorkerState.READY and self._doom is None

    def send(self, message: Message) -> None:
        if self._process:
            self._process.send(message)

    def start(self) -> None:
        now = time.monotonic()
        self.state, self._doom, self._said = WorkerState.STARTING, None, None
        self._beat = Beat("starting", 0)
        self._started = self._spoke = self._ticked = now
        self._process = self._start_process(self)
        log.info("Worker %d started for device %s.", self._process.pid, self.device)

    def wake(self, now: float) -> bool:
        """For a new job: whether there is hope for it. A worker that had been given up is tried again."""
        if self.state is WorkerState.FAILED and now - self._spoke > RETRY_SECONDS:
            self.start()
        return self.state is not WorkerState.FAILED

    def kill(self, why: PasticheError) -> None:
        """Ends the process, whose jobs then fail with `why`; another is started."""
        if self._process and self._doom is None:
            log.warning("Worker %d is ended: %s", self._process.pid, why.sentence)
            self._doom = why
            self._process.kill()

    def work_begins(self) -> None:
        """The computing thread has something to do from now on, so it can hang."""
        self._ticked = time.monotonic()

    def check(self, now: float, busy: bool, late: float) -> None:
        """To be called several times a second. `late`: seconds by which the caller itself was held up."""
        if self.state is WorkerState.PAUSED and now >= self._next_start:
            self.start()
        if self._process is None or self._doom is not None:
            return
        if late > LATE_SECONDS:
            self._started, self._spoke, self._ticked = self._started + late, self._spoke + late, self._ticked + late
        if self.state is WorkerState.STARTING:
            hangs = now - self._started > START_SECONDS
        else:
            hangs = now - self._spoke > SILENCE_SECONDS or (busy and now - self._ticked > self._config.hang_seconds)
        if hangs:
            self.kill(PasticheError(ErrorCode.WORKER_HUNG))

    def hear(self, process: WorkerProcess, message: Message) -> None:
        """A message of the current process."""
        if process is not self._process:
            return
        self._spoke = time.monotonic()
        body = message.body
        if isinstance(body, Beat):
            if body.ticks != self._beat.ticks:
                self._ticked = self._spoke
            self._beat = body
        elif isinstance(body, Ready):
            self.info = dict(body.device)
            self.state = WorkerState.READY
            log.info("Worker %d is ready on %s.", process.pid, self.info.get("kind"))
            self._tell.ready(self)
        elif isinstance(body, Estimates):
            self.estimates = [entry for entry in body.entries if is_estimate(entry)]
        elif isinstance(body, Failed) and not message.parent:
            self._said = error_from_wire(body.code, body.sentence, body.hint)
        else:
            if isinstance(body, Result):
                self._deaths = 0
            self._tell.said(self, message)

    def bury(self, process: WorkerProcess) -> None:
        """The process has ended: says why, and decides when the next one comes."""
        if process is not self._process:
            return
        why = self._doom or process.cause_of_death()
        log.warning("Worker %d is gone (exit code %s): %s", process.pid, process.exit_code, why.sentence)
        process.close()
        self._process = None
        now = time.monotonic()
        was_ready = self.state is WorkerState.READY
        self._deaths = 1 if now - self._started > STABLE_SECONDS else self._deaths + 1
        if not was_ready and (self._said or self._deaths >= STARTS_BEFORE_GIVING_UP):
            self._give_up(self._said or why, now)
            return
        self.state = WorkerState.PAUSED
        self._next_start = now + (min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._deaths - 2)) if self._deaths > 1 else 0)
        self.info = self.info | {"state": "probing"}
        if was_ready:
            self._tell.lost(self, why)

    def _give_up(self, why: PasticheError, now: float) -> None:
        if self._said is None:
            why = PasticheError(why.code, f"The computing process cannot be started. {why.sentence}")
        self.state, self.failure, self._spoke, self._deaths = WorkerState.FAILED, why, now, 0
        self.info = {"name": self.device, "kind": "", "state": "failed", "detail": why.sentence}
        self._tell.lost(self, why)

    def close(self) -> None:
        process, self._process = self._process, None
        if process:
            process.close()
            process.wait()


class Supervisor:
    """All workers of a daemon; one device for now."""

    def __init__(self, config: ServeConfig, context: zmq.asyncio.Context, doorman: Doorman, tell: Events) -> None:
        def start(worker: Worker) -> WorkerProcess:
            return WorkerProcess(config, worker.device, context, doorman, worker.hear, worker.bury)

        self.workers = [Worker(device, config, start, tell) for device in (config.device,)]
        self._checked = 0.0

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def check(self, now: float, busy: Callable[[Worker], bool], interval: float) -> None:
        late = now - self._checked - interval if self._checked else 0.0
        self._checked = now
        for worker in self.workers:
            worker.check(now, busy(worker), late)

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
