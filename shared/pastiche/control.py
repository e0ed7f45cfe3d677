"""The control socket of the daemon, as its client sees it: requests that are answered at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from pastiche.channel import Channel
from pastiche.connection import Connection, Home, daemon_alive
from pastiche.errors import ErrorCode, PasticheError, error_from_wire
from pastiche.liveness import process_alive, process_namespace
from pastiche.protocol import (
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
    Thumbnail,
    ThumbnailReply,
    Welcome,
    compatible,
)
from pastiche.transport import Port, open_transport
from pastiche.version import PROTOCOL, VERSION

ANSWER_SECONDS = 10.0
"""The control socket answers at once; later than this the daemon hangs."""
RETIRE_SECONDS = 600.0
"""How long an upgrade waits for the old daemon's jobs."""
STOP_SECONDS = 15.0
EXIT_SECONDS = 1.0
"""So long a daemon's process may still be seen after it has given its lock back."""
LOOK_SECONDS = 0.1
"""How often a wait for an answer looks up: whether the daemon lives, and whether the user still wants to wait."""
THUMBNAILS_SINCE = (1, 1)

AnswerT = TypeVar("AnswerT", bound=Body)


class ControlClient:
    """What can be asked of a daemon without a job. Not thread-safe."""

    def __init__(self, connection: Connection, home: Home) -> None:
        self.connection = connection
        self.home = home
        self.welcome: Welcome | None = None
        self.on_wait: Callable[[], None] | None = None
        """Called about every 0.1 s while an answer is waited for; may raise to end the wait."""
        self._session = uuid.uuid4().hex
        self._peer_version: tuple[int, int] = PROTOCOL
        self._transport = open_transport(connection, home)
        try:
            self._control = self._open("control")
        except BaseException:
            self._transport.close()
            raise

    def close(self) -> None:
        """Closes the sockets at once; nothing is waited for. May be called twice."""
        self._control.close()
        self._transport.close()

    def greet(self, same_version: bool) -> bool:
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
        """The library: maps of name, title, description, method, source ("gallery", "user").

        Trained models follow, from a daemon since 1.3: method "trained", source "shipped" or "user".
        """
        return self._request(StylesRequest(), Styles).styles

    def thumbnail(self, name: str) -> bytes:
        """The JPEG file of a style's or trained model's thumbnail; empty where it has none, and before 1.1.

        Raises PasticheError(UNKNOWN_STYLE).
        """
        if self._peer_version < THUMBNAILS_SINCE:
            return b""
        return bytes(self._ask(Thumbnail(name), ThumbnailReply).frames[0])

    def stop(self, when_idle: bool = False) -> None:
        """Asks the daemon to leave, at once or after its jobs. Returns before it has."""
        self._request(Stop(when_idle), Done)

    def wait_until_gone(self, seconds: float = STOP_SECONDS, on_wait: Callable[[], None] | None = None) -> bool:
        """Whether the daemon ended within `seconds`; its process too, where its number means anything here."""
        deadline = time.monotonic() + seconds
        while self._alive():
            if time.monotonic() > deadline:
                return False
            if on_wait:
                on_wait()
            time.sleep(0.03)
        if self.connection.namespace in ("", process_namespace()):
            deadline = time.monotonic() + EXIT_SECONDS
            while process_alive(self.connection.pid) and time.monotonic() < deadline:
                time.sleep(0.03)
        return True

    def wait_for_successor(self, on_note: Callable[[str], None] | None) -> None:
        """Waits for the end of a daemon that finishes its jobs; `on_note` is told where that takes over a second.

        Raises PasticheError(STOPPING) if it is still there after ten minutes.
        """
        if self.wait_until_gone(1.0, self.on_wait):
            return
        if on_note:
            version = self.welcome.daemon if self.welcome else self.connection.daemon
            on_note(f"Waiting for the running daemon (version {version}) to finish its jobs; a new one follows.")
        if not self.wait_until_gone(RETIRE_SECONDS, self.on_wait):
            raise PasticheError(ErrorCode.STOPPING, "The running daemon is still finishing its jobs.")

    def _alive(self) -> bool:
        return daemon_alive(self.home, self.connection)

    def _open(self, port: Port) -> Channel:
        return Channel(self._transport.open(port), self._session)

    def _request(self, body: Body, answer: type[AnswerT]) -> AnswerT:
        answered = self._ask(body, answer).body
        assert isinstance(answered, answer)
        return answered

    def _ask(self, body: Body, answer: type[Body]) -> Message:
        deadline = time.monotonic() + ANSWER_SECONDS
        identity = self._control.send(body, version=self._peer_version)
        gone = False
        while time.monotonic() < deadline:
            if not self._control.poll(LOOK_SECONDS):
                if gone:
                    raise PasticheError(ErrorCode.DAEMON_GONE)
                if self.on_wait:
                    self.on_wait()
                gone = not self._alive()
                continue
            message = self._control.receive()
            if message is None or message.parent != identity:
                continue
            self._peer_version = message.version
            if isinstance(message.body, answer):
                return message
            if isinstance(message.body, Failed):
                raise error_from_wire(message.body.code, message.body.sentence, message.body.hint)
        raise PasticheError(ErrorCode.TIMEOUT)
