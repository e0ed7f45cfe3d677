"""A worker's io thread: owns the socket to the server, takes pictures in, sends them out, and shows that it lives."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from typing import Any

import zmq

from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import describe_failure
from pastiche.pixels import PixelBuffer
from pastiche.protocol import (
    STREAM_ABOVE,
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
)  # fmt: skip
from pastiched.flow import Flow
from pastiched.link import Beat, Setup, decode
from pastiched.task import Task

BEAT_SECONDS = 1.0
PROGRESS_SECONDS = 0.4
FRESH_PROGRESS_SECONDS = 0.1
PREVIEW_SECONDS = 0.1
MESSAGES_A_TURN = 32
EXIT_DEAF = 71
AT_ONCE = ("fast", "trained")
log = logging.getLogger(__name__)


class Courier:
    """The computing thread calls `post`, `show`, `next_task`, `take_preview`; all else happens in the io thread."""

    def __init__(self, setup: Setup, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._setup, self._context = setup, context
        self._outbox: deque[Message] = deque()
        self._inbox: deque[Task] = deque()
        self._arrived = threading.Condition()
        self._shown: dict[str, PixelBuffer] = {}
        """For each job the picture in between that has not been sent yet; a newer one takes its place."""
        self._tasks: dict[str, Task] = {}
        self._inflows: dict[str, dict[int, Flow]] = {}
        self._outflows: dict[str, tuple[PixelBuffer, Flow]] = {}
        self._bell_lock = threading.Lock()
        self._bell = context.socket(zmq.PAIR)
        self._bell.linger = 0
        self._bell.bind("inproc://bell")
        self.state = "starting"
        self.ticks = 0
        self.closing = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Sends what is still to be sent and ends the thread."""
        self.closing = True
        self._ring()
        self._thread.join(5)
        self._bell.close()

    def post(self, body: Body, tag: str = "", picture: PixelBuffer | None = None) -> None:
        """Sends a message about the job `tag`; a large result is streamed."""
        buffers, frames = ((picture.format,), (picture.data,)) if picture else ((), ())
        self._outbox.append(Message(body, parent=tag, buffers=buffers, frames=frames))
        self._ring()

    def show(self, tag: str, picture: PixelBuffer) -> None:
        """Sends a picture in between, unless a newer one comes before its turn."""
        self._shown[tag] = picture
        self._ring()

    def next_task(self, timeout: float) -> Task | None:
        """The next job whose pictures are complete, previews first; None after `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._inbox, timeout)
            if not self._inbox:
                return None
            task = next((task for task in self._inbox if task.preview), self._inbox[0])
            self._inbox.remove(task)
            return task

    def take_preview(self) -> Task | None:
        """A preview of a method that is done at once, if one waits."""
        if not self._inbox:
            return None
        with self._arrived:
            task = next((task for task in self._inbox if task.preview and task.method in AT_ONCE), None)
            if task:
                self._inbox.remove(task)
            return task

    def _ring(self) -> None:
        # A bell that has not been heard yet rings on: nothing is lost when no more fit.
        with self._bell_lock, contextlib.suppress(zmq.Again):
            self._bell.send(b"", zmq.NOBLOCK)

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            log.critical("The io thread failed.\n%s", describe_failure(error))
            # Without it the worker is deaf: leave, and be started anew.
            os._exit(EXIT_DEAF)

    def _serve(self) -> None:
        link = self._context.socket(zmq.DEALER)
        link.linger = 2000
        link.sndhwm = link.rcvhwm = 0
        if self._setup.secret:
            link.curve_serverkey = self._setup.server_public.encode()
            link.curve_publickey = self._setup.public.encode()
            link.curve_secretkey = self._setup.secret.encode()
        link.connect(self._setup.endpoint)
        bell = self._context.socket(zmq.PAIR)
        bell.linger = 0
        bell.connect("inproc://bell")
        poller = zmq.Poller()
        poller.register(link, zmq.POLLIN)
        poller.register(bell, zmq.POLLIN)
        beaten = 0.0
        while not (self.closing and not self._outbox):
            ready = dict(poller.poll(100))
            if bell in ready:
                while bell.poll(0):
                    bell.recv()
            for _ in range(MESSAGES_A_TURN):
                if not link.poll(0):
                    break
                self._receive(link, link.recv_multipart(copy=False))
            while self._outbox:
                self._dispatch(link, self._outbox.popleft())
            now = time.monotonic()
            if now - beaten >= BEAT_SECONDS:
                beaten = now
                _send(link, Message(Beat(self.state, self.ticks)))
            for task in list(self._tasks.values()):
                self._tell_progress(link, task, now)
                self._send_preview(link, task, now)
        link.close()
        bell.close()

    def _tell_progress(self, link: zmq.Socket[bytes], task: Task, now: float) -> None:
        fresh = task.shown != (task.stage, task.fraction)
        if now - task.told < (FRESH_PROGRESS_SECONDS if fresh else PROGRESS_SECONDS):
            return
        task.told, task.shown = now, (task.stage, task.fraction)
        _send(link, Message(task.progress(now), parent=task.tag))

    def _send_preview(self, link: zmq.Socket[bytes], task: Task, now: float) -> None:
        if task.tag not in self._shown or now - task.previewed < PREVIEW_SECONDS:
            return
        task.previewed = now
        picture = self._shown.pop(task.tag)
        _send(link, Message(Preview(), parent=task.tag, buffers=(picture.format,), frames=(picture.data,)))

    def _receive(self, link: zmq.Socket[bytes], parts: list[Any]) -> None:
        tag = ""
        try:
            message = decode(parts)
            if message is None:
                return
            tag = message.parent
            match message.body:
                case Submit():
                    self._take_submit(link, message)
                case Pixels():
                    self._take_pixels(link, tag, message.body, message.frames[0])
                case Credit():
                    self._send_strips(link, tag, message.body.rows)
                case Cancel():
                    self._cancel(link, message.body.job)
                case Finish() if task := self._tasks.get(message.body.job):
                    task.finish.set()
        except MemoryError:
            self._drop(link, tag, PasticheError(ErrorCode.OUT_OF_MEMORY))
        except PasticheError as error:
            self._drop(link, tag, error)
        except Exception as error:
            log.error("A message could not be dealt with.\n%s", describe_failure(error))
            self._drop(link, tag, PasticheError(ErrorCode.ENGINE))

    def _take_submit(self, link: zmq.Socket[bytes], message: Message) -> None:
        task = Task(message)
        self._tasks[task.tag] = task
        body = message.body
        assert isinstance(body, Submit)
        flows = {index: Flow(message.buffers[index]) for index in body.streams}
        for index, flow in flows.items():
            task.pictures[index] = PixelBuffer(flow.format, bytearray(flow.format.nbytes))
        if not flows:
            self._ready(task)
            return
        self._inflows[task.tag] = flows
        self._ask_for_rows(link, task.tag)

    def _ask_for_rows(self, link: zmq.Socket[bytes], tag: str) -> None:
        """One buffer after the other, a window ahead."""
        index, flow = next((i, f) for i, f in self._inflows[tag].items() if not f.complete)
        if flow.window > flow.allowed:
            flow.allow(flow.window)
            _send(link, Message(Credit(index, flow.allowed), parent=tag))

    def _take_pixels(self, link: zmq.Socket[bytes], tag: str, strip: Pixels, frame: Any) -> None:
        flows, task = self._inflows.get(tag), self._tasks.get(tag)
        if flows is None or task is None or strip.buffer not in flows:
            return
        flow = flows[strip.buffer]
        flow.take(strip, frame.buffer.nbytes)
        task.pictures[strip.buffer].rows(strip.row, strip.rows)[:] = frame.buffer
        if all(f.complete for f in flows.values()):
            del self._inflows[tag]
            self._ready(task)
            return
        self._ask_for_rows(link, tag)

    def _ready(self, task: Task) -> None:
        task.complete()
        with self._arrived:
            self._inbox.append(task)
            self._arrived.notify()

    def _cancel(self, link: zmq.Socket[bytes], tag: str) -> None:
        task = self._tasks.get(tag)
        if self._outflows.pop(tag, None):
            _send(link, Message(Cancelled(), parent=tag))
            return
        if task is None:
            return
        task.cancel.set()
        with self._arrived:
            waiting = task in self._inbox
            if waiting:
                self._inbox.remove(task)
        if waiting or tag in self._inflows:
            self._inflows.pop(tag, None)
            self._dispatch(link, Message(Cancelled(), parent=tag))

    def _drop(self, link: zmq.Socket[bytes], tag: str, error: PasticheError) -> None:
        self._inflows.pop(tag, None)
        self._outflows.pop(tag, None)
        self._dispatch(link, Message(Failed(str(error.code), error.sentence, error.hint), parent=tag))

    def _dispatch(self, link: zmq.Socket[bytes], message: Message) -> None:
        tag = message.parent
        if isinstance(message.body, Result | Failed | Cancelled):
            self._tasks.pop(tag, None)
            self._shown.pop(tag, None)
        if isinstance(message.body, Progress) and (told := self._tasks.get(tag)):
            told.told = time.monotonic()
        if isinstance(message.body, Result) and message.buffers[0].nbytes > STREAM_ABOVE:
            picture = PixelBuffer(message.buffers[0], message.frames[0])
            self._outflows[tag] = (picture, Flow(picture.format))
            message = Message(Result(message.body.report, [0]), parent=tag, buffers=message.buffers)
        try:
            _send(link, message)
        except PasticheError as error:
            log.error("A report is too long to be sent.")
            self._outflows.pop(tag, None)
            _send(link, Message(Failed(str(ErrorCode.ENGINE), error.sentence, error.hint), parent=tag))

    def _send_strips(self, link: zmq.Socket[bytes], tag: str, rows: int) -> None:
        if tag not in self._outflows:
            return
        picture, flow = self._outflows[tag]
        flow.allow(rows)
        while flow.row < flow.allowed:
            count = min(flow.strip_rows, flow.allowed - flow.row)
            strip = Pixels(0, flow.row, count)
            data = picture.rows(flow.row, count)
            flow.take(strip, data.nbytes)
            _send(link, Message(strip, parent=tag, frames=(data,)))
        if flow.complete:
            del self._outflows[tag]


def _send(link: zmq.Socket[bytes], message: Message) -> None:
    link.send_multipart(message.encode(), copy=False)
