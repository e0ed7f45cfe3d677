"""The daemon's sockets: keys, who is let in (ZAP), where they are bound, and sends that never wait."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import zmq
import zmq.asyncio
from zmq.utils import z85

from pastiche.connection import LONGEST_IPC_PATH
from pastiche.protocol import MAX_HEADER, STREAM_ABOVE

CLIENTS = b"clients"
CONTROL_MESSAGE = MAX_HEADER + 1024
JOBS_MESSAGE = STREAM_ABOVE + 1024
"""Largest frames that are taken in; the margin is for CURVE. A larger one ends the connection before it is read."""
HANDSHAKE_MILLISECONDS = 10_000
WAITING_MESSAGES = 1000
TRACK_ABOVE = 64 * 1024

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyPair:
    public: bytes
    secret: bytes

    @classmethod
    def create(cls) -> KeyPair:
        return cls(*zmq.curve_keypair())


class Doorman:
    """The ZAP handler: lets in exactly the public keys of a domain. Without one a CURVE server accepts everyone."""

    def __init__(self, context: zmq.asyncio.Context) -> None:
        self._allowed: dict[bytes, set[bytes]] = {}
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind("inproc://zeromq.zap.01")

    def allow(self, domain: bytes, public: bytes) -> None:
        """From now on `public` (Z85) alone is let in to sockets of that domain."""
        self._allowed[domain] = {z85.decode(public)}

    def forget(self, domain: bytes) -> None:
        self._allowed.pop(domain, None)

    async def run(self) -> None:
        while True:
            parts = await self._socket.recv_multipart()
            if b"" not in parts:
                continue
            split = parts.index(b"") + 1
            answer = self._answer(parts[split:])
            if answer:
                with contextlib.suppress(zmq.ZMQError):
                    await self._socket.send_multipart([*parts[:split], *answer])

    def _answer(self, request: list[bytes]) -> list[bytes]:
        if len(request) < 6 or request[0] != b"1.0":
            return []
        domain, mechanism = request[2], request[5]
        welcome = mechanism == b"CURVE" and len(request) == 7 and request[6] in self._allowed.get(domain, ())
        verdict = (b"200", b"OK", b"pastiche") if welcome else (b"400", b"Unknown key", b"")
        return [b"1.0", request[1], *verdict, b""]

    def close(self) -> None:
        self._socket.close(0)


def at_once(answer: Awaitable[T]) -> T:
    """What a NOBLOCK call of an asyncio socket gives: with that flag its future is done already. Raises zmq.Again."""
    assert isinstance(answer, asyncio.Future)
    result: T = answer.result()
    return result


class Delivery(Enum):
    SENT = "sent"
    FULL = "full"
    GONE = "gone"


class Port:
    """A ROUTER for clients. Sending never waits: a client that does not read is told from one that has gone."""

    def __init__(self, context: zmq.asyncio.Context, keys: KeyPair, largest: int) -> None:
        socket = context.socket(zmq.ROUTER)
        secure(socket, keys, CLIENTS)
        socket.router_mandatory = True
        socket.maxmsgsize = largest
        socket.rcvhwm = 64
        socket.sndhwm = WAITING_MESSAGES
        self._socket = socket
        self._tracked: list[tuple[zmq.MessageTracker, int, bytes]] = []

    def bind(self, run_folder: Path, host: str) -> tuple[str, str]:
        """Binds ipc, where there is such a thing, and tcp: (preferred endpoint, tcp endpoint)."""
        private = bind_ipc(self._socket, run_folder)
        public = bind_tcp(self._socket, host)
        return private or public, public

    async def receive(self) -> list[zmq.Frame]:
        parts: list[zmq.Frame] = await self._socket.recv_multipart(copy=False)
        return parts

    def send(self, route: bytes, parts: Sequence[Any], follow: bool = False) -> Delivery:
        """Sends [header][frame]* to a client; large frames are not copied, and counted until they have left.

        `follow`: small ones too.
        """
        frames = [self._track(part, route, 0 if follow else TRACK_ABOVE) for part in parts[1:]]
        try:
            at_once(self._socket.send_multipart([route, parts[0], *frames], flags=zmq.NOBLOCK, copy=False))
        except zmq.Again:
            return Delivery.FULL
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                log.warning("A message could not be sent: %s", error)
            return Delivery.GONE
        return Delivery.SENT

    def _track(self, part: Any, route: bytes, above: int) -> Any:
        buffer = part.buffer if isinstance(part, zmq.Frame) else memoryview(part)
        if buffer.nbytes < above:
            return part
        frame = zmq.Frame(buffer, track=True, copy=False)
        if frame.tracker is not None:
            self._tracked.append((frame.tracker, buffer.nbytes, route))
        return frame

    @property
    def undelivered(self) -> int:
        """Bytes of large frames that have been sent but not yet left this process."""
        self._tracked = [entry for entry in self._tracked if not entry[0].done]
        return sum(size for _, size, _ in self._tracked)

    def undelivered_to(self, route: bytes) -> int:
        """Those to one client."""
        return sum(size for tracker, size, to in self._tracked if to == route and not tracker.done)

    def close(self, linger: int) -> None:
        self._socket.close(linger)


def secure(socket: zmq.asyncio.Socket, keys: KeyPair, domain: bytes) -> None:
    """Makes a socket a CURVE server of a ZAP domain; a connection that does not finish its handshake is dropped."""
    socket.linger = 0
    socket.curve_server = True
    socket.curve_publickey = keys.public
    socket.curve_secretkey = keys.secret
    socket.zap_domain = domain
    socket.handshake_ivl = HANDSHAKE_MILLISECONDS


def bind_ipc(socket: zmq.asyncio.Socket, run_folder: Path) -> str:
    """Binds a fresh name in the 0700 folder; "" where that cannot be done."""
    path = run_folder / f"{secrets.token_hex(6)}.ipc"
    longest = min(LONGEST_IPC_PATH, 103) if sys.platform == "darwin" else LONGEST_IPC_PATH
    if os.name == "nt" or not zmq.has("ipc") or len(os.fsencode(path)) > longest:
        return ""
    try:
        socket.bind(f"ipc://{path}")
        path.chmod(0o600)
    except (OSError, UnicodeError) as error:
        log.warning("No ipc socket can be made (%s); tcp alone is used.", type(error).__name__)
        return ""
    return f"ipc://{path}"


def bind_tcp(socket: zmq.asyncio.Socket, host: str) -> str:
    """Binds a port that the system chooses."""
    address = ipaddress.ip_address(host)
    if address.version == 6:
        socket.ipv6 = True
    socket.bind(f"tcp://[{address}]:*" if address.version == 6 else f"tcp://{address}:*")
    port = socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0").rpartition(":")[2]
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    return f"tcp://[{address}]:{port}" if address.version == 6 else f"tcp://{address}:{port}"


def remove_socket(endpoint: str) -> None:
    """Removes an ipc socket's file; libzmq forgets that at times."""
    if endpoint.startswith("ipc://"):
        Path(endpoint.removeprefix("ipc://")).unlink(missing_ok=True)
