"""The helper process `python -m pastiche.bridge`: ZeroMQ for a client that cannot load it, over the standard pipes.

It passes messages on and understands none. The first one on standard input is the connection, keys and all, so that
nothing secret stands in a command line. Three threads, as pipes block: one reads standard input, one writes standard
output, the main one owns the sockets to the daemon. It ends when standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from io import FileIO
from typing import NoReturn

import zmq

from pastiche.connection import Connection
from pastiche.framing import CONTROL, JOBS, MOST_PARTS, SETUP, read_message, write_message
from pastiche.protocol import STRIP_BYTES, WINDOW
from pastiche.transport import Port
from pastiche.zmq_transport import dealer

UNTAKEN_BYTES = WINDOW * STRIP_BYTES
"""So much of a socket is passed on before the client has taken it; the other socket has a window of its own."""
UNTAKEN_MESSAGES = 64
WAITING_MESSAGES = 2
"""In ZeroMQ's own queues, in each direction: what finds no room there stays with the client, or with the daemon."""
FROM_CLIENT, TO_CLIENT = "inproc://from-client", "inproc://to-client"
NAMES: dict[int, Port] = {JOBS: "jobs", CONTROL: "control"}

Context = zmq.Context[zmq.Socket[bytes]]


class Relay:
    """The main thread's work: messages from the client to the daemon's sockets and back."""

    def __init__(self, context: Context, connection: Connection) -> None:
        self._context, self._connection = context, connection
        self._from_client, self._to_client = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self._from_client.rcvhwm = 1
        # Bounded by what the client has not taken.
        self._to_client.sndhwm = 0
        self._from_client.bind(FROM_CLIENT)
        self._to_client.bind(TO_CLIENT)
        self._sockets: dict[int, zmq.Socket[bytes]] = {}
        self._untaken: dict[int, deque[int]] = {}

    def run(self) -> NoReturn:
        poller = zmq.Poller()
        poller.register(self._from_client, zmq.POLLIN)
        while True:
            for port, socket in self._sockets.items():
                poller.register(socket, zmq.POLLIN if self._has_room(port) else 0)
            ready = {socket for socket, _ in poller.poll()}
            for port, socket in list(self._sockets.items()):
                if socket in ready:
                    self._pass_down(port, socket)
            if self._from_client in ready:
                self._pass_up()

    def _has_room(self, port: int) -> bool:
        untaken = self._untaken[port]
        return sum(untaken) < UNTAKEN_BYTES and len(untaken) < UNTAKEN_MESSAGES

    def _pass_up(self) -> None:
        head, *parts = self._from_client.recv_multipart(copy=False)
        port = head.bytes[0]
        if not parts:
            self._untaken[port].popleft()
            return
        if port not in self._sockets:
            self._sockets[port] = dealer(self._context, self._connection, NAMES[port], WAITING_MESSAGES)
            self._untaken[port] = deque()
        self._sockets[port].send_multipart(parts, copy=False)

    def _pass_down(self, port: int, socket: zmq.Socket[bytes]) -> None:
        parts = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        if len(parts) > MOST_PARTS:
            return
        self._untaken[port].append(sum(part.buffer.nbytes for part in parts))
        self._to_client.send_multipart([bytes([port]), *parts], copy=False)


def _read_client(pipe: FileIO, context: Context) -> NoReturn:
    socket = context.socket(zmq.PAIR)
    socket.sndhwm = 1
    socket.connect(FROM_CLIENT)
    while True:
        port, parts = read_message(pipe)
        socket.send_multipart([bytes([port]), *parts], copy=False)


def _write_client(pipe: FileIO, context: Context) -> NoReturn:
    socket = context.socket(zmq.PAIR)
    socket.rcvhwm = 0
    socket.connect(TO_CLIENT)
    while True:
        head, *parts = socket.recv_multipart(copy=False)
        write_message(pipe, head.bytes[0], [part.buffer for part in parts])


def _thread(work: Callable[[FileIO, Context], NoReturn], pipe: FileIO, context: Context) -> None:
    def run() -> None:
        try:
            work(pipe, context)
        except (EOFError, OSError):
            # The client has gone: nothing is left to do, and nobody to tell.
            os._exit(0)
        except BaseException as error:
            _end(f"{type(error).__name__}: {error}")

    threading.Thread(target=run, daemon=True).start()


def _end(reason: str) -> NoReturn:
    print(f"The helper process ends: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


def _take_pipes() -> tuple[FileIO, FileIO]:
    """Standard input and output for messages alone: what a library prints goes to the log."""
    incoming, outgoing = FileIO(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    return incoming, outgoing


def main() -> NoReturn:
    incoming, outgoing = _take_pipes()
    try:
        port, parts = read_message(incoming)
        if port != SETUP:
            _end("it was told nothing")
        context: Context = zmq.Context()
        relay = Relay(context, Connection(**json.loads(bytes(parts[0]))))
        _thread(_read_client, incoming, context)
        _thread(_write_client, outgoing, context)
        relay.run()
    except EOFError:
        os._exit(0)
    except zmq.Again:
        _end("the daemon takes no messages")
    except BaseException as error:
        _end(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
