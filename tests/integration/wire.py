"""A client made of nothing but a socket and the protocol, for tests of the daemon: it can also misbehave."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import zmq

from pastiche.connection import Connection, Home, read_connection
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    STREAM_ABOVE,
    Body,
    Cancelled,
    Credit,
    Failed,
    Hello,
    Message,
    Pixels,
    Progress,
    Result,
    Status,
    StatusRequest,
    Stop,
    Submit,
    Welcome,
    decode_header,
    decode_message,
)
from pastiched.flow import Flow

T = TypeVar("T")
B = TypeVar("B", bound=Body)
PATIENCE = 60.0
"""Seconds; only a broken daemon needs them."""


@dataclass
class Daemon:
    """A real daemon process in a home of its own."""

    home: Home
    process: subprocess.Popen[bytes]
    connection: Connection
    arguments: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        return self.connection.pid

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()

    def log(self) -> str:
        return self.home.log_file.read_text("utf-8")

    def worker_pid(self) -> int:
        with Wire(self.connection, "control") as control:
            return wait_for(lambda: ready_worker(control), "a worker that is ready")


def spawn_daemon(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pastiched.cli", "serve", "--device", "cpu", "--home", str(home), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
    )


def start_daemon(home: Path, *arguments: str) -> Daemon:
    process = spawn_daemon(home, *arguments)
    place = Home(home, Path(sys.executable))

    def connected() -> Connection | None:
        assert process.poll() is None, process.stdout and process.stdout.read()
        found = read_connection(place)
        return found if found and found.pid == process.pid else None

    return Daemon(place, process, wait_for(connected, "the connection file"), arguments)


def wait_for(ask: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Asks until there is an answer."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"Waited {patience:g} s in vain for {what}.")


def ready_worker(control: Wire) -> int | None:
    status = control.ask(StatusRequest(), Status)
    return next((w["pid"] for w in status.workers if w["state"] in ("idle", "busy", "unloaded")), None)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class Wire:
    """One DEALER. `port` is "jobs" or "control"; `tcp` forces the tcp endpoint."""

    connection: Connection
    port: str = "jobs"
    tcp: bool = False
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    secure: bool = True
    keys: tuple[bytes, bytes] | None = None

    def __post_init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        if self.secure:
            public, secret = self.keys or (
                self.connection.client_public.encode(), self.connection.client_secret.encode(),
            )  # fmt: skip
            self.socket.curve_serverkey = self.connection.server_public.encode()
            self.socket.curve_publickey, self.socket.curve_secretkey = public, secret
        self.monitor = self.socket.get_monitor_socket()
        self.monitor.linger = 0
        self.socket.connect(getattr(self.connection, f"tcp_{self.port}" if self.tcp else self.port))

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)
        self.context.term()

    def send(self, message: Message) -> str:
        self.socket.send_multipart(message.encode(), copy=False)
        return message.id

    def send_body(self, body: Body, **fields: Any) -> str:
        return self.send(Message(body, session=self.session, **fields))

    def receive(self, patience: float = PATIENCE) -> Message:
        assert self.socket.poll(patience * 1000), f"Waited {patience:g} s in vain for a message."
        parts = self.socket.recv_multipart(copy=False)
        message = decode_message(decode_header(parts[0].buffer), [p.buffer for p in parts[1:]])
        assert message is not None
        return message

    def ask(self, body: Body, wanted: type[B]) -> B:
        """Sends a request and returns the answer of that type; what it answers otherwise is a failed test."""
        request = self.send_body(body)
        while True:
            answer = self.receive()
            if answer.parent == request:
                assert isinstance(answer.body, wanted), answer.body
                return answer.body

    def hello(self) -> Welcome:
        return self.ask(Hello("a test"), Welcome)

    def until(self, parent: str, *wanted: type[Body], seen: list[Message] | None = None) -> Message:
        """The next message about `parent` of one of the types."""
        while True:
            message = self.receive()
            if seen is not None:
                seen.append(message)
            if message.parent == parent and isinstance(message.body, wanted):
                return message

    def outcome(self, job: str, seen: list[Message] | None = None) -> Message:
        return self.until(job, Result, Failed, Cancelled, seen=seen)

    def refused(self, kind: zmq.Event, patience: float = PATIENCE) -> bool:
        """Whether the handshake ends with that event of the socket's monitor."""
        from zmq.utils.monitor import recv_monitor_message

        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.monitor.poll(200) and recv_monitor_message(self.monitor)["event"] == kind:
                return True
        return False


def picture(role: str, width: int, height: int, channels: int = 3, depth: str = "u8") -> PixelBuffer:
    """A smooth picture with some noise in it, the same every time."""
    form = PixelFormat(role, width, height, channels, depth)
    if depth == "f32":
        return PixelBuffer(form, bytes(form.nbytes))
    row = bytes((x * 7 + (x * x) // 91) & 0xFF for x in range(form.row_bytes))
    return PixelBuffer(form, row * height)


def job(
    width: int = 64, height: int = 48, *, preview: bool = False, options: dict[str, Any] | None = None,
    session: str = "", mask: PixelBuffer | None = None, content: PixelBuffer | None = None, job_id: str = "",
) -> Message:  # fmt: skip
    """A `submit` with one style picture; a content over the limit is left to be streamed."""
    pictures = [content or picture("content", width, height), picture("style", 64, 64), *([mask] if mask else [])]
    streams = [i for i, p in enumerate(pictures) if p.format.nbytes > STREAM_ABOVE]
    return Message(
        Submit(options or {}, [{"weight": 1.0, "buffer": 1}], streams, preview),
        id=job_id or uuid.uuid4().hex,
        session=session,
        buffers=tuple(p.format for p in pictures),
        frames=tuple(p.data for i, p in enumerate(pictures) if i not in streams),
    )


def slow_job(session: str, preview: bool = False) -> Message:
    """One that takes long enough for something to happen meanwhile."""
    return job(4000, 4000, session=session, options={"brush_size": 50.0}, preview=preview)


def started(wire: Wire, job_id: str) -> Message:
    """The first progress that shows the engine at work on it."""
    while True:
        message = wire.until(job_id, Progress)
        assert isinstance(message.body, Progress)
        if message.body.stage not in ("queued", "receive", "load"):
            return message


def stream_out(wire: Wire, job_id: str, content: PixelBuffer, index: int = 0) -> None:
    """Sends a picture strip by strip, as far as the daemon allows."""
    flow = Flow(content.format)
    while not flow.complete:
        message = wire.until(job_id, Credit, Failed)
        assert isinstance(message.body, Credit), message.body
        flow.allow(message.body.rows)
        while flow.row < flow.allowed:
            count = min(flow.strip_rows, flow.allowed - flow.row)
            strip = Pixels(index, flow.row, count)
            data = content.rows(flow.row, count)
            wire.send_body(strip, parent=job_id, frames=(data,))
            flow.take(strip, data.nbytes)


def stream_in(wire: Wire, job_id: str, result: Message) -> PixelBuffer:
    """Takes a streamed result, a window ahead."""
    flow = Flow(result.buffers[0])
    data = bytearray(flow.format.nbytes)
    taken = PixelBuffer(flow.format, data)
    while not flow.complete:
        if flow.window > flow.allowed:
            flow.allow(flow.window)
            wire.send_body(Credit(0, flow.allowed), parent=job_id)
        message = wire.until(job_id, Pixels, Failed)
        assert isinstance(message.body, Pixels), message.body
        first = flow.row
        flow.take(message.body, len(message.frames[0]))
        taken.rows(first, message.body.rows)[:] = message.frames[0]
    return taken


def stop_politely(connection: Connection) -> None:
    with Wire(connection, "control") as control:
        control.send_body(Stop())
