"""What happens to a job from its acceptance to its one outcome: who computes it, who is told, when it is given up."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.estimates import estimate, find_estimate
from pastiche.options import METHODS
from pastiche.protocol import (
    HEARTBEAT_SECONDS,
    STRIP_BYTES,
    WINDOW,
    Accepted,
    Body,
    Cancel,
    Cancelled,
    Credit,
    Failed,
    Finish,
    Message,
    Pixels,
    Preview,
    Progress,
    Result,
    Submit,
    frame_bytes,
)
from pastiched.config import ServeConfig
from pastiched.flow import Flow
from pastiched.jobs import Job, JobQueue, JobState, Key, Order, OutcomeStore, next_tag
from pastiched.link import Begun
from pastiched.sockets import Delivery, Port
from pastiched.supervisor import Worker, WorkerState

CANCEL_SECONDS = 3.0
"""A worker that has not stopped a cancelled job by then is ended."""
SAVING_SECONDS = 60.0
"""So long it may take where it keeps the run in a file first."""
STALL_SECONDS = 30.0
"""A client that neither sends nor takes streamed rows for so long has its job ended."""
DELIVERY_SECONDS = 30.0
SENDING_JOBS = 2
EARLY_BYTES = 32_000_000
"""Pictures of a job that a worker is given before its turn."""
UNSENT_MESSAGES = 256
COMPUTING = (JobState.RUNNING, JobState.CANCELLING)
log = logging.getLogger(__name__)


def failed(error: PasticheError) -> Failed:
    """The message for an error; texts are cut, since they may quote what a client has sent."""
    return Failed(str(error.code), error.sentence[:300], error.hint[:300])


@dataclass(frozen=True)
class _Unsent:
    route: bytes
    parts: list[Any]
    deadline: float


class Dispatcher:
    """All jobs of a daemon. Every method returns at once."""

    def __init__(self, config: ServeConfig, port: Port) -> None:
        self.queue = JobQueue(config.queue, config.queue_bytes)
        self.workers: list[Worker] = []
        self.last_activity = time.monotonic()
        self._port = port
        self._outcomes = OutcomeStore()
        self._running: dict[str, tuple[Job, Worker]] = {}
        """By tag, from the start until the outcome has been sent."""
        self._early: dict[str, tuple[Job, Worker]] = {}
        """By tag, queued jobs whose pictures are at a worker already; their frames are kept until they begin."""
        self._unsent: deque[_Unsent] = deque()

    # From clients

    def repeats(self, route: bytes, key: Key) -> bool:
        """Deals with a `submit` that has come before: attaches to its job, or sends its outcome again."""
        if job := self.queue.get(key):
            if route not in job.routes:
                job.routes.append(route)
            self._send(route, job, Accepted(self.queue.position(job), *self._estimate(job.order)))
            return True
        if not self._outcomes.knows(key):
            return False
        if kept := self._outcomes.get(key):
            self._deliver(route, kept.encode())
        else:
            body = failed(PasticheError(ErrorCode.UNKNOWN_JOB, "The result of this job is not kept any more."))
            self._deliver(route, Message(body, session=key[0], parent=key[1]).encode())
        return True

    def check_room(self, message: Message) -> None:
        """Raises BUSY, or why there is no worker."""
        self.queue.check_room(sum(frame_bytes(frame) for frame in message.frames), self._port.undelivered)
        now = time.monotonic()
        if not any([worker.wake(now) for worker in self.workers]):
            why = self.workers[0].failure
            raise PasticheError(why.code, why.sentence, why.hint)

    def add(self, route: bytes, message: Message, order: Order) -> None:
        now = self.last_activity = time.monotonic()
        job = Job(message, order, [route], arrived=now, told=now)
        position = self.queue.add(job)
        self._send(route, job, Accepted(position, *self._estimate(order)))
        self._dispatch()

    def cancel(self, key: Key) -> bool:
        """Whether there is such a job; its outcome follows."""
        job = self.queue.get(key)
        if job is None:
            return False
        self._cancel(job)
        return True

    def finish(self, key: Key) -> bool:
        job = self.queue.get(key)
        if job is None:
            return False
        job.finish = True
        if entry := self._running.get(job.tag) or self._early.get(job.tag):
            entry[1].send(Message(Finish(job.tag)))
        return True

    def take_pixels(self, route: bytes, message: Message, strip: Pixels) -> None:
        """Passes rows of a streamed picture on to the worker. Raises BAD_MESSAGE, and UNKNOWN_JOB."""
        job = self._streaming_job(message)
        if job is None:
            return
        flow = job.inflows.get(strip.buffer)
        if flow is None or route != job.source:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "These rows belong to no streamed picture of this connection.")
        flow.take(strip, frame_bytes(message.frames[0]))
        job.moved = time.monotonic()
        if job.tag in self._running and job.state is JobState.RUNNING:
            self._running[job.tag][1].send(Message(strip, parent=job.tag, frames=message.frames))
            if job.has_all_rows:
                self._dispatch()

    def take_credit(self, route: bytes, message: Message, credit: Credit) -> None:
        """A client is ready for more rows of a streamed result. Raises BAD_MESSAGE, and UNKNOWN_JOB."""
        job = self._streaming_job(message)
        if job is None:
            return
        if job.outflow is None or credit.buffer != 0 or route != job.sink:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "No picture is streamed to this connection.")
        job.outflow.allow(credit.rows)
        job.moved = time.monotonic()
        self._pump(job)

    def _streaming_job(self, message: Message) -> Job | None:
        """The job that rows or a credit belong to; None for what was under way when the job ended."""
        key = message.session, message.parent
        job = self.queue.get(key)
        if job is None and not self._outcomes.knows(key):
            raise PasticheError(ErrorCode.UNKNOWN_JOB)
        return job

    # From workers

    def worker_ready(self, worker: Worker) -> None:
        self._dispatch()

    def worker_said(self, worker: Worker, message: Message) -> None:
        if message.parent in self._early:
            self._said_of_early(worker, message)
            return
        job, its_worker = self._running.get(message.parent, (None, None))
        if job is None or its_worker is not worker:
            return
        match message.body:
            case Progress() as progress:
                self._progress(job, progress)
            case Preview():
                job.shown, job.unshown = message, set(job.routes)
                self._show(job)
            case Credit() as credit if credit.buffer in job.inflows:
                job.inflows[credit.buffer].allow(credit.rows)
                job.moved = time.monotonic()
                self._send(job.source, job, credit)
            case Pixels() as strip if job.outflow:
                self._pass_on(job, strip, message)
            case Result() as result if job.state is JobState.RUNNING and result.streams:
                self._start_sending(job, message)
            case Result() | Failed() if job.state is JobState.CANCELLING:
                worker.send(Message(Cancel(job.tag)))
                self._end(job, Cancelled())
            case Result() | Failed() | Cancelled() as outcome:
                self._end(job, outcome, message)

    def _said_of_early(self, worker: Worker, message: Message) -> None:
        job, its_worker = self._early[message.parent]
        if its_worker is not worker:
            return
        match message.body:
            case Begun():
                del self._early[job.tag]
                self._runs(job, worker)
                self._dispatch()
            case Failed():
                # Perhaps it was only too early, as memory was short: its own turn decides.
                self._take_back(job)
                job.may_be_early = False
                self._dispatch()

    def worker_lost(self, worker: Worker, why: PasticheError) -> None:
        """Its jobs have an outcome now, and where it will not come back, so have those that wait."""
        for job, its_worker in list(self._early.values()):
            if its_worker is worker:
                self._take_back(job)
        for job, its_worker in list(self._running.values()):
            if its_worker is worker:
                self._end(job, Cancelled() if job.state is JobState.CANCELLING else failed(why))
        if all(other.state is WorkerState.FAILED for other in self.workers):
            for job in self.queue.waiting():
                self._end(job, failed(why))

    # By the clock

    def tick(self, now: float) -> None:
        """To be called several times a second."""
        for job in self.queue:
            if now - job.told >= HEARTBEAT_SECONDS * 0.7 and job.state is not JobState.SENDING:
                self._tell_progress(job, now)
            self._check_deadlines(job, now)
            self._show(job)
            if job.state is JobState.SENDING:
                self._pump(job)
        self._outcomes.expire(now)
        full: set[bytes] = set()
        for unsent in list(self._unsent):
            if unsent.route not in full and self._port.send(unsent.route, unsent.parts) is not Delivery.FULL:
                self._unsent.remove(unsent)
            elif now > unsent.deadline:
                self._unsent.remove(unsent)
                self._lost(unsent.route)
            else:
                full.add(unsent.route)

    def end_all(self, why: PasticheError) -> None:
        for job in self.queue:
            self._end(job, failed(why), dispatch=False)

    def busy(self, worker: Worker) -> bool:
        """Whether the worker's computing thread has something to do."""
        if self._has_early(worker):
            return True
        return any(w is worker and job.state in COMPUTING and not job.receiving for job, w in self._running.values())

    def estimates(self) -> list[dict[str, Any]]:
        """What is known of each method's time and memory, as `status_reply` tells it."""
        known = next((worker.estimates for worker in self.workers if worker.estimates), [])
        return [entry for entry in known if entry["method"] in METHODS]

    def _check_deadlines(self, job: Job, now: float) -> None:
        entry = self._running.get(job.tag)
        if entry is None:
            return
        worker = entry[1]
        if job.state is JobState.CANCELLING and job.cancelled_at is not None:
            if now - job.cancelled_at > (SAVING_SECONDS if job.order.state else CANCEL_SECONDS):
                worker.kill(PasticheError(ErrorCode.WORKER_HUNG, "The computing process did not stop when asked to."))
            return
        if (job.receiving or job.state is JobState.SENDING) and now - job.moved > STALL_SECONDS:
            worker.send(Message(Cancel(job.tag)))
            stalled = "sending its picture" if job.receiving else "taking the result"
            self._end(job, failed(PasticheError(ErrorCode.TIMEOUT, f"The client stopped {stalled}.", "Try again.")))

    # Within

    def _dispatch(self) -> None:
        for job in self.queue.waiting():
            if job.tag in self._early:
                continue
            worker = next((w for w in self.workers if w.usable and self._has_room(w, job)), None)
            if worker:
                self._start(job, worker)
            elif job.preview:
                # A worker that had a full job already would begin it as soon as it can.
                self._recall()
                return
            else:
                worker = next((w for w in self.workers if w.usable and self._takes_early(w, job)), None)
                if worker is None:
                    return
                self._hand_over(job, worker)
                self._early[job.tag] = (job, worker)

    def _has_room(self, worker: Worker, job: Job) -> bool:
        """One full job computes at a time; one preview may come in between."""
        jobs, computing = self._jobs_of(worker)
        if len(jobs) - len(computing) >= SENDING_JOBS:
            return False
        if not job.preview and self._has_early(worker):
            return False
        return not any(other.preview or not job.preview for other in computing)

    def _takes_early(self, worker: Worker, job: Job) -> bool:
        """One further full job may be at the worker while one computes, so that it can be begun at once."""
        if not job.may_be_early or job.inflows or job.nbytes > EARLY_BYTES:
            return False
        if self._has_early(worker):
            return False
        jobs, computing = self._jobs_of(worker)
        # The one that computes may have a result to be streamed too.
        if len(jobs) - len(computing) >= SENDING_JOBS - 1:
            return False
        return any(not other.preview and not other.receiving for other in computing)

    def _jobs_of(self, worker: Worker) -> tuple[list[Job], list[Job]]:
        """All that it has begun, and those of them that compute."""
        jobs = [job for job, its_worker in self._running.values() if its_worker is worker]
        return jobs, [job for job in jobs if job.state in COMPUTING]

    def _has_early(self, worker: Worker) -> bool:
        return any(its_worker is worker for _, its_worker in self._early.values())

    def _recall(self) -> None:
        """What workers were given before its turn goes back into the queue."""
        for job, worker in list(self._early.values()):
            worker.send(Message(Cancel(job.tag)))
            self._take_back(job)

    def _take_back(self, job: Job) -> None:
        """As if it had never been handed over: what is still said under its old tag means nobody."""
        del self._early[job.tag]
        job.tag = next_tag()

    def _start(self, job: Job, worker: Worker) -> None:
        if not self.busy(worker):
            worker.work_begins()
        self._hand_over(job, worker)
        self._runs(job, worker)

    def _runs(self, job: Job, worker: Worker) -> None:
        job.state = JobState.RUNNING
        job.started = job.moved = time.monotonic()
        self._running[job.tag] = (job, worker)
        job.release()

    def _hand_over(self, job: Job, worker: Worker) -> None:
        order = job.order
        styles, state, resume = order.styles_to_wire(), str(order.state or ""), str(order.resume or "")
        body = Submit(dict(order.options), styles, sorted(job.inflows), job.preview, state, resume)
        worker.send(Message(body, parent=job.tag, buffers=job.message.buffers, frames=job.message.frames))
        if job.finish:
            worker.send(Message(Finish(job.tag)))

    def _cancel(self, job: Job) -> None:
        if job.state is JobState.QUEUED:
            if entry := self._early.get(job.tag):
                entry[1].send(Message(Cancel(job.tag)))
            self._end(job, Cancelled())
        elif job.state is JobState.RUNNING:
            job.state, job.cancelled_at = JobState.CANCELLING, time.monotonic()
            self._running[job.tag][1].send(Message(Cancel(job.tag)))
        elif job.state is JobState.SENDING:
            self._running[job.tag][1].send(Message(Cancel(job.tag)))
            self._end(job, Cancelled())

    def _end(self, job: Job, body: Body, message: Message | None = None, dispatch: bool = True) -> None:
        """The one outcome: sent, kept for whoever asks again, and the next job starts."""
        self.queue.remove(job)
        self._running.pop(job.tag, None)
        self._early.pop(job.tag, None)
        job.state = JobState.ENDED
        self.last_activity = time.monotonic()
        buffers, frames = (message.buffers, message.frames) if message else ((), ())
        outcome = Message(body, session=job.session, parent=job.id, buffers=buffers, frames=frames)
        self._outcomes.put(job.key, outcome, self.last_activity)
        parts = outcome.encode()
        for route in job.routes:
            self._deliver(route, parts)
        job.release()
        if dispatch:
            self._dispatch()

    def _start_sending(self, job: Job, message: Message) -> None:
        """The worker keeps a large result and streams it; meanwhile it may compute the next job."""
        job.state, job.moved = JobState.SENDING, time.monotonic()
        job.outflow, job.sink, job.shown = Flow(message.buffers[0]), job.routes[-1], None
        elsewhere = failed(PasticheError(ErrorCode.UNKNOWN_JOB, "The result was sent to another connection."))
        for route in job.routes[:-1]:
            self._send(route, job, elsewhere)
        job.routes = [job.sink]
        self._broadcast(job, message.body, message)
        self._dispatch()

    def _pump(self, job: Job) -> None:
        """Allows the worker more rows, as the client takes them and as they leave this process."""
        entry = self._running.get(job.tag)
        if entry is None or job.outflow is None or self._port.undelivered > WINDOW * STRIP_BYTES:
            return
        rows = min(job.outflow.allowed, job.outflow.window)
        if rows > job.granted:
            job.granted = rows
            entry[1].send(Message(Credit(0, rows), parent=job.tag))

    def _pass_on(self, job: Job, strip: Pixels, message: Message) -> None:
        assert job.outflow is not None
        job.outflow.take(strip, frame_bytes(message.frames[0]))
        # What is sent here is below the client's credit, so that its pipe has room for it.
        self._send(job.sink, job, strip, message)
        if job.state is not JobState.SENDING:
            return
        if not job.outflow.complete:
            self._pump(job)
            return
        self.queue.remove(job)
        self._running.pop(job.tag, None)
        job.state = JobState.ENDED
        self.last_activity = time.monotonic()
        self._outcomes.put(job.key, None, self.last_activity)
        self._dispatch()

    def _estimate(self, order: Order) -> tuple[float, int]:
        entry = find_estimate(self.estimates(), order.options)
        if entry is None:
            return 0.0, 0
        seconds, memory = estimate(entry, order.megapixels)
        return round(seconds, 2), memory

    def _show(self, job: Job) -> None:
        """A preview is sent to whoever has taken the one before; the others get the newest one when they have."""
        shown = job.shown
        if shown is None:
            return
        for route in list(job.unshown):
            if self._port.undelivered_to(route) or any(unsent.route == route for unsent in self._unsent):
                continue
            about = Message(Preview(), session=job.session, parent=job.id, buffers=shown.buffers, frames=shown.frames)
            delivery = self._port.send(route, about.encode(), follow=True)
            if delivery is Delivery.FULL:
                continue
            job.unshown.discard(route)
            if delivery is Delivery.GONE:
                self._lost(route)
        if not job.unshown:
            job.shown = None

    def _progress(self, job: Job, progress: Progress) -> None:
        """Details are told once each and none is left out, the rest is repeated and only the last one counts."""
        job.progress = replace(progress, detail={})
        if not progress.detail:
            self._tell_progress(job, time.monotonic())
            return
        job.told = time.monotonic()
        self._broadcast(job, progress)

    def _tell_progress(self, job: Job, now: float) -> None:
        job.told = now
        self._broadcast(job, job.progress, must_arrive=False)

    def _broadcast(self, job: Job, body: Body, message: Message | None = None, must_arrive: bool = True) -> None:
        for route in list(job.routes):
            self._send(route, job, body, message, must_arrive)

    def _send(
        self, route: bytes, job: Job, body: Body, message: Message | None = None, must_arrive: bool = True
    ) -> None:
        buffers, frames = (message.buffers, message.frames) if message else ((), ())
        about = Message(body, session=job.session, parent=job.id, buffers=buffers, frames=frames)
        self._deliver(route, about.encode(), must_arrive)

    def _deliver(self, route: bytes, parts: list[Any], must_arrive: bool = True) -> None:
        behind = any(unsent.route == route for unsent in self._unsent)
        delivery = Delivery.FULL if behind else self._port.send(route, parts)
        if delivery is Delivery.GONE:
            self._lost(route)
        elif delivery is Delivery.FULL and must_arrive and len(self._unsent) < UNSENT_MESSAGES:
            self._unsent.append(_Unsent(route, parts, time.monotonic() + DELIVERY_SECONDS))

    def _lost(self, route: bytes) -> None:
        """A client has vanished: jobs that nobody else listens to, or that need its rows, are cancelled."""
        for job in self.queue:
            if route not in job.routes:
                continue
            job.routes.remove(route)
            if not job.routes or route == job.sink or (route == job.source and not job.has_all_rows):
                self._cancel(job)
