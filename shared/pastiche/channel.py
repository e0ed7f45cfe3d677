"""One socket to the daemon: a DEALER with CURVE, messages in and out, nothing that waits without an end."""

from __future__ import annotations

import os
from typing import Any

import zmq

from pastiche.connection import Connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import STREAM_ABOVE, Body, Message, decode_header, decode_message
from pastiche.version import PROTOCOL

SEND_SECONDS = 10.0
ZERO_COPY_ABOVE = 65_536
"""Frames of fewer bytes are copied: that is cheaper than keeping track of them."""


class Channel:
    """A DEALER socket. Not thread-safe; close it in the thread that made it."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, keys: Connection, session: str) -> None:
        self.session = session
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.sndtimeo = int(SEND_SECONDS * 1000)
        self._socket.setsockopt(zmq.MAXMSGSIZE, 2 * STREAM_ABOVE)
        self._socket.curve_serverkey = keys.server_public.encode("ascii")
        self._socket.curve_publickey = keys.client_public.encode("ascii")
        self._socket.curve_secretkey = keys.client_secret.encode("ascii")
        self._socket.connect(endpoint)

    @property
    def fd(self) -> int:
        """ZeroMQ's descriptor for a main loop. It is edge-triggered: after it fires, read until nothing is left."""
        return int(self._socket.getsockopt(zmq.FD))

    def send(
        self,
        body: Body,
        parent: str = "",
        buffers: tuple[Any, ...] = (),
        frames: tuple[Any, ...] = (),
        version: tuple[int, int] = PROTOCOL,
    ) -> str:
        """The new message's id. Frames go out without a copy and must not change any more.

        Raises PasticheError: BAD_MESSAGE for a header over 64 KiB, TIMEOUT where the socket takes nothing for 10 s.
        """
        message = Message(body, session=self.session, parent=parent, buffers=buffers, frames=frames, version=version)
        parts = message.encode()
        try:
            for i, part in enumerate(parts):
                more = zmq.SNDMORE if i + 1 < len(parts) else 0
                self._socket.send(part, more, copy=memoryview(part).nbytes < ZERO_COPY_ABOVE)
        except zmq.Again:
            raise PasticheError(ErrorCode.TIMEOUT) from None
        return message.id

    def poll(self, seconds: float) -> bool:
        """Whether a message has come, or comes within `seconds`."""
        return bool(self._socket.poll(int(seconds * 1000)))

    def receive(self) -> Message | None:
        """The message that `poll` saw; None for one of a type that this version does not know.

        Frames are views into ZeroMQ's memory and live as long as they are held. Raises PasticheError(BAD_MESSAGE).
        """
        parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        header = decode_header(parts[0].buffer)
        return decode_message(header, [part.buffer for part in parts[1:]])

    def close(self) -> None:
        self._socket.close(0)


def endpoint(preferred: str, tcp: str) -> str:
    """The ipc endpoint where this process can see its file (a sandbox may not), else the tcp one."""
    return preferred if not preferred.startswith("ipc://") or os.path.exists(preferred[6:]) else tcp  # noqa: PTH110
