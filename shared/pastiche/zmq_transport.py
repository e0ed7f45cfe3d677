"""ZeroMQ in this process: a DEALER with CURVE for each of the daemon's sockets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import zmq

from pastiche.connection import Connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import STREAM_ABOVE
from pastiche.transport import SEND_SECONDS, Port

if not zmq.has("curve"):
    raise ImportError("this ZeroMQ has no CURVE")  # as good as none: then a helper process stands in

ZERO_COPY_ABOVE = 65_536
"""Frames of fewer bytes are copied: that is cheaper than keeping track of them."""


class ZmqTransport:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def open(self, port: Port) -> ZmqLine:
        return ZmqLine(dealer(self._context, self._connection, port))

    def close(self) -> None:
        """Its lines must be closed by now."""
        if not self._context.closed:
            self._context.term()


class ZmqLine:
    """A `transport.Line`. Close it in the thread that made it."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket

    @property
    def fd(self) -> int:
        return int(self._socket.getsockopt(zmq.FD))

    def send(self, parts: Sequence[Any]) -> None:
        try:
            for i, part in enumerate(parts):
                more = zmq.SNDMORE if i + 1 < len(parts) else 0
                self._socket.send(part, more, copy=memoryview(part).nbytes < ZERO_COPY_ABOVE)
        except zmq.Again:
            raise PasticheError(ErrorCode.TIMEOUT) from None

    def poll(self, seconds: float) -> bool:
        return bool(self._socket.poll(int(seconds * 1000)))

    def receive(self) -> list[memoryview]:
        """Views into ZeroMQ's memory, which live as long as they are held."""
        return [part.buffer for part in self._socket.recv_multipart(zmq.NOBLOCK, copy=False)]

    def close(self) -> None:
        self._socket.close(0)


def dealer(
    context: zmq.Context[zmq.Socket[bytes]], connection: Connection, port: Port, waiting: int = 1000
) -> zmq.Socket[bytes]:
    """A connected socket that keeps at most `waiting` messages in each direction."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.sndtimeo = int(SEND_SECONDS * 1000)
    socket.sndhwm = socket.rcvhwm = waiting
    socket.setsockopt(zmq.MAXMSGSIZE, 2 * STREAM_ABOVE)
    socket.curve_serverkey = connection.server_public.encode("ascii")
    socket.curve_publickey = connection.client_public.encode("ascii")
    socket.curve_secretkey = connection.client_secret.encode("ascii")
    socket.connect(reachable(getattr(connection, port), getattr(connection, f"tcp_{port}")))
    return socket


def reachable(preferred: str, tcp: str) -> str:
    """The ipc endpoint where this process can see its file (a sandbox may not), else the tcp one."""
    return preferred if not preferred.startswith("ipc://") or os.path.exists(preferred[6:]) else tcp  # noqa: PTH110
