"""Client: the synchronous way to the daemon, for the command line and for the GIMP plug-in.

with Client.connect() as client:
    outcome = client.submit(photograph, [StyleRef("wave")]).wait()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pastiche.channel import Channel
from pastiche.connection import (
    Connection,
    Home,
    build_stamp,
    can_start_daemon,
    ensure_daemon,
    find_home,
    read_connection,
)
from pastiche.control import RETIRE_SECONDS, STOP_SECONDS, ControlClient
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import ConnectCancelled, Event, Job, StyleRef, let_go
from pastiche.options import BY_NAME, MAX_STYLES, TRAINED, check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    OPTIONS_SINCE,
    STREAM_ABOVE,
    TRAINED_SINCE,
    Body,
    Done,
    Failed,
    Hello,
    Message,
    Submit,
)
from pastiche.state_files import check_names
from pastiche.transport import HelperGone
from pastiche.version import VERSION

SILENT_SECONDS = 30.0
QUIET_SECONDS = 1.0
"""After so much silence of a job (its heartbeat comes every 0.5 s) the client looks whether the daemon lives."""
EVENTS_AT_ONCE = 64
STATES_SINCE = (1, 2)


class Client(ControlClient):
    """A connection to the running daemon. Use it as a context manager, or call `close()`.

    Not thread-safe, but one thread may hand it on to another. Closing with jobs under way makes the daemon cancel them.
    """

    def __init__(self, connection: Connection, home: Home) -> None:
        super().__init__(connection, home)
        self._active: dict[str, Job] = {}
        self._heard = 0.0
        self._jobs: Channel | None = None

    @classmethod
    def connect(
        cls,
        home: Home | None = None,
        start: bool = True,
        arguments: tuple[str, ...] = (),
        on_note: Callable[[str], None] | None = None,
        on_stage: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Client:
        """A client whose daemon has answered `hello`.

        With `start` a daemon is started where none runs (with `arguments` for `pastiched serve`), and one of another
        version, or of other files with the same version, is let finish and then replaced; `on_note` is told of such a
        wait. Without `start`, and where none can be started (in a sandbox), any daemon of this major protocol version
        will do. `on_stage` is told "starting" and "connecting". `should_stop` is asked about every 0.1 s; once it says
        so, ConnectCancelled is raised. Raises PasticheError: NO_DAEMON, VERSION, TIMEOUT.
        """

        def tell(stage: str) -> None:
            if on_stage:
                on_stage(stage)

        def look_up() -> None:
            if should_stop and should_stop():
                raise ConnectCancelled

        home = home or find_home()
        start_here = start and can_start_daemon(home)
        silent: Connection | None = None
        build = build_stamp() if start_here else ""
        for _ in range(3):
            look_up()
            connection = (
                ensure_daemon(home, arguments, silent, lambda: tell("starting"), look_up)
                if start
                else read_connection(home)
            )
            if connection is None:
                raise PasticheError(
                    ErrorCode.NO_DAEMON,
                    "The Pastiche daemon is not running.",
                    "It starts by itself with `pastiche apply`.",
                )
            tell("connecting")
            client = cls(connection, home)
            client.on_wait = look_up
            try:
                if client.greet(start_here) and not (build and connection.build and build != connection.build):
                    client.on_wait = None
                    return client
                # Once: a daemon that this client cannot make its own by starting it anew is taken as it is.
                build = ""
                client.stop(when_idle=True)
                client.wait_for_successor(on_note)
            except PasticheError as error:
                again = error.code is ErrorCode.DAEMON_GONE and not isinstance(error, HelperGone)
                again |= error.code is ErrorCode.TIMEOUT and start_here and silent is None
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
        super().close()
        self._active.clear()

    def control(self, body: Body) -> None:
        """Sends `cancel` or `finish`. That the job has ended already is no error."""
        try:
            self._request(body, Done)
        except PasticheError as error:
            if error.code is not ErrorCode.UNKNOWN_JOB:
                raise

    def submit(
        self,
        content: PixelBuffer,
        styles: Sequence[StyleRef],
        options: Mapping[str, Any] | None = None,
        mask: PixelBuffer | None = None,
        preview: bool = False,
        state: Path | None = None,
        resume: Path | None = None,
    ) -> Job:
        """Sends a job; the pixels must not change until it has ended. `RenewablePixels` among content and mask are let
        go of as soon as they are handed over.

        `content` has the role "content", the styles' pixels "style", the mask "mask". `preview` puts the job before
        full ones. `state` is the file in which a Fine run is kept where it is interrupted, `resume` one to go on from
        (absolute paths, see state_files.py; they may be the same). With the method trained `styles` is empty. Raises
        PasticheError before anything is sent: BAD_OPTION, and VERSION where the daemon is too old for the method, or
        for `state` and `resume`.
        """
        values = check_options(options or {})
        self.check_method(str(values["method"]))
        kept, begun = str(state or ""), str(resume or "")
        check_names(kept, begun, str(values["method"]))
        if (kept or begun) and self._peer_version < STATES_SINCE:
            raise self._too_old("cannot keep a run in a file or go on from one")
        if values["method"] in TRAINED:
            if styles:
                raise PasticheError(ErrorCode.BAD_OPTION, "A trained model takes no styles.", "Leave the styles out.")
        elif not 1 <= len(styles) <= MAX_STYLES:
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
        body = Submit(self._known_options(values), wire_styles, list(streams), preview, kept, begun)
        buffers: tuple[PixelFormat, ...] = tuple(p.format for p in pictures)
        channel = self._open_jobs()
        frames = tuple(p.data for i, p in enumerate(pictures) if i not in streams)
        self._heard = time.monotonic()
        job = Job(channel.send(body, buffers=buffers, frames=frames), self, channel, streams)
        self._active[job.id] = job
        for picture in (content, mask):
            if picture and picture.format.nbytes <= STREAM_ABOVE:
                let_go(picture)
        return job

    def check_method(self, method: str) -> None:
        """Raises PasticheError(VERSION) where the daemon is known to be too old for the method."""
        if method in TRAINED and self._peer_version < TRAINED_SINCE:
            raise self._too_old("knows no trained models")

    def _too_old(self, what: str) -> PasticheError:
        version = self.welcome.daemon if self.welcome else self.connection.daemon
        said = f"The running daemon (version {version}) {what}."
        return PasticheError(ErrorCode.VERSION, said, "Stop it with `pastiche stop` and update Pastiche.")

    def _known_options(self, values: dict[str, float | int | str]) -> dict[str, float | int | str]:
        """An older daemon does not know options, and methods with theirs, that came after it; it would refuse them."""
        peer = self._peer_version
        values = {n: v for n, v in values.items() if n not in OPTIONS_SINCE or peer >= OPTIONS_SINCE[n]}
        if peer >= TRAINED_SINCE:
            return values
        method = values["method"]
        return {n: v for n, v in values.items() if not BY_NAME[n].methods or method in BY_NAME[n].methods}

    @property
    def fd(self) -> int:
        """Descriptor of the jobs socket for a main loop (edge-triggered): `pump()` when it fires and every 0.5 s.

        -1 where the daemon is reached through a helper process: then `pump()` by the clock, about every 0.1 s.
        """
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
        try:
            if self._take_in(channel, seconds) and self._waiting:
                self._check_alive(channel)
        except HelperGone:
            # Jobs whose last message came before its end are complete.
            if self._waiting:
                self._give_up()
                raise

    def _take_in(self, channel: Channel, seconds: float) -> bool:
        """Whether everything that had arrived is read now."""
        for _ in range(EVENTS_AT_ONCE):
            if not channel.poll(seconds):
                return True
            seconds = 0.0
            self._heard = time.monotonic()
            message = channel.receive()
            if message:
                self._dispatch(message)
        return False

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
        if not self._alive() and not channel.poll(0.1):
            self._give_up()
            raise PasticheError(ErrorCode.DAEMON_GONE)
        if silent > SILENT_SECONDS:
            self._give_up()
            raise PasticheError(ErrorCode.TIMEOUT)

    def _give_up(self) -> None:
        for job in self._active.values():
            job.done = True

    def _open_jobs(self) -> Channel:
        if self._jobs is None:
            self._jobs = self._open("jobs")
            self._jobs.send(Hello(client=f"pastiche {VERSION}"))
        return self._jobs


def stop_daemon(home: Home | None = None, when_idle: bool = False) -> int | None:
    """Stops the running daemon of any version and waits for its end: its pid, or None where none ran.

    Raises PasticheError(TIMEOUT) if it is still there after 15 s (with `when_idle`, 600 s).
    """
    home = home or find_home()
    connection = read_connection(home)
    if connection is None:
        return None
    with Client(connection, home) as client:
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
