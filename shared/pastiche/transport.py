"""How messages get to the daemon's sockets: by ZeroMQ, in this process or, where it cannot be loaded, in a helper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from pastiche.connection import Connection, Home
from pastiche.errors import PasticheError

Port = Literal["jobs", "control"]
SEND_SECONDS = 10.0


class HelperGone(PasticheError):
    """The helper process ended or cannot be started; code DAEMON_GONE or NO_DAEMON. A new client starts a new one."""


class Line(Protocol):
    """Raw multipart messages to and from one of the daemon's sockets. Not thread-safe."""

    @property
    def fd(self) -> int:
        """ZeroMQ's descriptor for a main loop, edge-triggered: after it fires, read until nothing is left.

        -1 where there is none: then poll by the clock.
        """

    def send(self, parts: Sequence[Any]) -> None:
        """Large parts go out without a copy and must not change any more.

        Raises PasticheError: TIMEOUT where nothing is taken for 10 s; HelperGone.
        """

    def poll(self, seconds: float) -> bool:
        """Whether a message has come, or comes within `seconds`. Raises HelperGone once nothing is left to read."""

    def receive(self) -> list[memoryview]:
        """The message that `poll` saw."""

    def close(self) -> None: ...


class Transport(Protocol):
    """Opens lines to one daemon."""

    def open(self, port: Port) -> Line: ...

    def close(self) -> None:
        """Ends everything at once; nothing is waited for. May be called twice."""


def open_transport(connection: Connection, home: Home) -> Transport:
    """ZeroMQ itself where it can be imported, else a helper process. Raises HelperGone where that cannot be started."""
    try:
        from pastiche.zmq_transport import ZmqTransport
    except (ImportError, OSError):
        from pastiche.helper_transport import HelperTransport

        return HelperTransport(connection, home)
    return ZmqTransport(connection)
