"""Client: the synchronous way to the daemon, for the command line and for the GIMP plug-in.

with Client.connect() as client:
    outcome = client.submit(photograph, [StyleRef("wave")]).wait()
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import zmq

from pastiche.channel import Channel, endpoint
from pastiche.connection import Connection, Home, build_stamp, ensure_daemon, find_home, process_alive, read_connection
from pastiche.errors import ErrorCode, PasticheError, error_from_wire
from pastiche.job import Event, Job, StyleRef
from pastiche.options import MAX_STYLES, check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    STREAM_ABOVE,
    Body,
    Done,
    Failed,
    Hello,
    Message,
    Status,
    StatusRequest,
    Stop,
    Styles,
    StylesRequest,
    Submit,
    Welcome,
    compatible,
)
from pastiche.version import PROTOCOL, VERSION

ANSWER_SECONDS = 10.0
"""The control socket answers at once; later than this the daemon hangs."""
SILENT_SECONDS = 30.0
QUIET_SECONDS = 1.0
"""After so much silence of a job (its heartbeat comes every 0.5 s) the client looks whether the daemon lives."""
RETIRE_SECONDS = 600.0
"""How long an upgrade waits for the old daemon's jobs."""
STOP_SECONDS = 15.0
EVENTS_AT_ONCE = 64

AnswerT = TypeVar("AnswerT", bound=Body)


class Client:
    """A connection to the running daemon. Not thread-safe. Use it as a context manager, or call `close()`.

    Closing with jobs under way makes the daemon cancel them.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.welcome: Welcome | None = None
        self._session = uuid.uuid4().hex
        self._peer_version: tuple[int, int] = PROTOCOL
        self._active: dict[str, Job] = {}
        self._heard = 0.0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._jobs: Channel | None = None
        try:
            self._control = self._open(connection.control, connection.tcp_control)
        except BaseException:
            self._context.term()
            raise

    @classmethod
    def connect(
        cls,
        home: Home | None = None,
        start: bool = True,
        arguments: tuple[str, ...] = (),
        on_note: Callable[[str], None] | None = None,
    ) -> Client:
        """A client whose daemon has answered `hello`.

        With `start` a daemon is started where none runs (with `arguments` for `pastiched serve`), and one of another
        version, or of other files with the same version, is let finish and then replaced; `on_note` is told of such a
        wait. Without `start`, any daemon of
        this major protocol version will do. Raises PasticheError: NO_DAEMON, VERSION, TIMEOUT.
        """
        home = home or find_home()
        silent: Connection | None = None
        build = build_stamp() if start else ""
        for _ in range(3):
            connection = ensure_daemon(home, arguments, silent) if start else read_connection(home)
            if connection is None:
                raise PasticheError(
                    ErrorCode.NO_DAEMON,
                    "The Pastiche daemon is not running.",
                    "It starts by itself with `pastiche apply`.",
                )
            client = cls(connection)
            try:
                if client._greet(start) and not (build and connection.build and build != connection.build):
                    return client
                # Once: a daemon that this client cannot make its own by starting it anew is taken as it is.
                build = ""
                client.stop(when_idle=True)
                client.wait_for_successor(on_note)
            except PasticheError as error:
                again = error.code is ErrorCode.DAEMON_GONE
                again |= error.code is ErrorCode.TIMEOUT and start and silent is None
                if not again:
                    client.close()
                    raise
                silent = connection
            except BaseException:
                client.close()
                raise
            client.close()
        raise PasticheError(ErrorCode.NO_DAEMON)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the sockets at once; nothing is waited for. May be called twice."""
        self._give_up()
        if self._jobs:
            self._jobs.close()
            self._jobs = None
        self._control.close()
        if not self._context.closed:
            self._context.term()
        self._active.clear()

    # Control socket

    def _greet(self, same_version: bool) -> bool:
        """Says hello; False where `same_version` is wanted and the daemon has another."""
        try:
            welcome = self.hello()
        except PasticheError as error:
            if error.code is ErrorCode.VERSION and same_version:
                return False
            raise
        return not same_version or welcome.daemon == VERSION

    def hello(self) -> Welcome:
        """Raises PasticheError: VERSION for another major version, DAEMON_GONE, TIMEOUT."""
        self.welcome = self._request(Hello(client=f"pastiche {VERSION}"), Welcome)
        if not compatible(self.welcome.protocol):
            raise PasticheError(ErrorCode.VERSION)
        return self.welcome

    def status(self) -> Status:
        return self._request(StatusRequest(), Status)

    def styles(self) -> list[dict[str, Any]]:
        """The library: maps of name, title, description, method, source ("gallery", "user")."""
        return self._request(StylesRequest(), Styles).styles

    def stop(self, when_idle: bool = False) -> None:
        """Asks the daemon to leave, at once or after its jobs. Returns before it has."""
        self._request(Stop(when_idle), Done)

    def wait_until_gone(self, seconds: float = STOP_SECONDS, on_wait: Callable[[], None] | None = None) -> bool:
        """Whether the daemon's process ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while process_alive(self.connection.pid):
            if time.monotonic() > deadline:
                return False
            if on_wait:
                on_wait()
            time.sleep(0.03)
        return True

    def control(self, body: Body) -> None:
        """Sends `cancel` or `finish`. That the job has ended already is no error."""
        try:
            self._request(body, Done)
        except PasticheError as error:
            if error.code is not ErrorCode.UNKNOWN_JOB:
                raise

    # Jobs socket

    def submit(
        self,
        content: PixelBuffer,
        styles: Sequence[StyleRef],
        options: Mapping[str, Any] | None = None,
        mask: PixelBuffer | None = None,
        preview: bool = False,
    ) -> Job:
        """Sends a job; the pixels must not change until it has ended.

        `content` has the role "content", the styles' pixels "style", the mask "mask". `preview` puts the job before
        full ones. Raises PasticheError(BAD_OPTION) before anything is sent.
        """
        values = check_options(options or {})
        if not 1 <= len(styles) <= MAX_STYLES:
            raise PasticheError(ErrorCode.BAD_OPTION, f"A pastiche takes 1 to {MAX_STYLES} styles, not {len(styles)}.")
        pictures = [content]
        wire_styles: list[dict[str, Any]] = []
        for style in styles:
            if not style.weight > 0:
                raise PasticheError(ErrorCode.BAD_OPTION, f"A style's weight must be above 0, not {style.weight:g}.")
            if style.pixels:
                wire_styles.append({"weight": float(style.weight), "buffer": len(pictures)})
                pictures.append(style.pixels)
            else:
                wire_styles.append({"weight": float(style.weight), "name": style.name})
        if mask:
            pictures.append(mask)
        streams = {i: p for i, p in enumerate(pictures) if p.format.nbytes > STREAM_ABOVE}
        body = Submit(values, wire_styles, list(streams), preview)
        buffers: tuple[PixelFormat, ...] = tuple(p.format for p in pictures)
        channel = self._open_jobs()
        frames = tuple(p.data for i, p in enumerate(pictures) if i not in streams)
        self._heard = time.monotonic()
        job = Job(channel.send(body, buffers=buffers, frames=frames), self, channel, streams)
        self._active[job.id] = job
        return job

    @property
    def fd(self) -> int:
        """Descriptor of the jobs socket for a main loop (edge-triggered): `pump()` when it fires and every 0.5 s."""
        return self._open_jobs().fd

    def pump(self, seconds: float = 0.0) -> list[Event]:
        """What has happened to any job since the last call, waiting up to `seconds` for the first event.

        Raises PasticheError(DAEMON_GONE, TIMEOUT) where jobs wait in vain; then they have ended.
        """
        self.wait_for_events(seconds)
        events = []
        for job in list(self._active.values()):
            while job.queue:
                events.append(job.queue.popleft())
        self._forget()
        return events

    def wait_for_events(self, seconds: float) -> None:
        """Takes in the messages that have arrived, waiting up to `seconds` for the first, into the jobs' queues."""
        channel = self._open_jobs()
        self._forget()
        for _ in range(EVENTS_AT_ONCE):
            if not channel.poll(seconds):
                break
            seconds = 0.0
            self._heard = time.monotonic()
            message = channel.receive()
            if message:
                self._dispatch(message)
        else:
            return
        if self._waiting:
            self._check_alive(channel)

    def _dispatch(self, message: Message) -> None:
        job = self._active.get(message.parent)
        if job is None or job.done:
            return
        try:
            event = job.take(message)
        except PasticheError as error:
            event = Event(job, Failed(error.code, error.sentence, error.hint))
        if event:
            job.queue.append(event)
            job.done = event.final

    @property
    def _waiting(self) -> bool:
        return any(not job.done for job in self._active.values())

    def _forget(self) -> None:
        """Lets go of jobs that have ended and whose events were taken."""
        for job in [job for job in self._active.values() if job.done and not job.queue]:
            del self._active[job.id]

    def _check_alive(self, channel: Channel) -> None:
        silent = time.monotonic() - self._heard
        if silent < QUIET_SECONDS:
            return
        # The last words of a daemon that has just ended may still be on their way through the socket.
        if not process_alive(self.connection.pid) and not channel.poll(0.1):
            self._give_up()
            raise PasticheError(ErrorCode.DAEMON_GONE)
        if silent > SILENT_SECONDS:
            self._give_up()
            raise PasticheError(ErrorCode.TIMEOUT)

    def _give_up(self) -> None:
        for job in self._active.values():
            job.done = True

    def _open(self, preferred: str, tcp: str) -> Channel:
        return Channel(self._context, endpoint(preferred, tcp), self.connection, self._session)

    def _open_jobs(self) -> Channel:
        if self._jobs is None:
            self._jobs = self._open(self.connection.jobs, self.connection.tcp_jobs)
            self._jobs.send(Hello(client=f"pastiche {VERSION}"))
        return self._jobs

    def _request(self, body: Body, answer: type[AnswerT]) -> AnswerT:
        deadline = time.monotonic() + ANSWER_SECONDS
        identity = self._control.send(body, version=self._peer_version)
        gone = False
        while time.monotonic() < deadline:
            if not self._control.poll(0.25):
                if gone:
                    raise PasticheError(ErrorCode.DAEMON_GONE)
                gone = not process_alive(self.connection.pid)
                continue
            message = self._control.receive()
            if message is None or message.parent != identity:
                continue
            self._peer_version = message.version
            if isinstance(message.body, answer):
                return message.body
            if isinstance(message.body, Failed):
                raise error_from_wire(message.body.code, message.body.sentence, message.body.hint)
        raise PasticheError(ErrorCode.TIMEOUT)

    def wait_for_successor(self, on_note: Callable[[str], None] | None) -> None:
        """Waits for the end of a daemon that finishes its jobs; `on_note` is told where that takes over a second.

        Raises PasticheError(STOPPING) if it is still there after ten minutes.
        """
        if self.wait_until_gone(1.0):
            return
        if on_note:
            version = self.welcome.daemon if self.welcome else self.connection.daemon
            on_note(f"Waiting for the running daemon (version {version}) to finish its jobs; a new one follows.")
        if not self.wait_until_gone(RETIRE_SECONDS):
            raise PasticheError(ErrorCode.STOPPING, "The running daemon is still finishing its jobs.")


def stop_daemon(home: Home | None = None, when_idle: bool = False) -> int | None:
    """Stops the running daemon of any version and waits for its end: its pid, or None where none ran.

    Raises PasticheError(TIMEOUT) if it is still there after 15 s (with `when_idle`, 600 s).
    """
    connection = read_connection(home or find_home())
    if connection is None:
        return None
    with Client(connection) as client:
        try:
            client.hello()
        except PasticheError as error:
            if error.code is ErrorCode.DAEMON_GONE:
                return None
            if error.code is not ErrorCode.VERSION:
                raise
        client.stop(when_idle)
        if not client.wait_until_gone(RETIRE_SECONDS if when_idle else STOP_SECONDS):
            raise PasticheError(ErrorCode.TIMEOUT, f"The daemon (process {connection.pid}) has not left yet.")
    return connection.pid
