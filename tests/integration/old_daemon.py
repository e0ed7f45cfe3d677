"""A daemon of another version, as an upgrade finds it running: it greets, refuses or not, and leaves when asked to.

Usage: old_daemon.py HOME MAJOR SECONDS (it takes that long to finish its jobs once `stop` has come)
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import zmq

from pastiche.connection import Connection, Home
from pastiche.errors import SENTENCES, ErrorCode
from pastiche.protocol import Body, Done, Failed, Hello, Message, Stop, Welcome, decode_header, decode_message

VERSION = "0.0.1"


def main(folder: Path, major: int, seconds: float) -> None:
    home = Home(folder, Path(sys.executable))
    home.create()
    context = zmq.Context()
    public, secret = zmq.curve_keypair()
    client_public, client_secret = zmq.curve_keypair()
    sockets = []
    for _ in range(2):
        socket = context.socket(zmq.ROUTER)
        socket.curve_server, socket.curve_secretkey, socket.curve_publickey = True, secret, public
        socket.bind("tcp://127.0.0.1:*")
        sockets.append(socket)
    jobs, control = (s.last_endpoint.decode().rstrip("\0") for s in sockets)
    keys = (public.decode(), client_public.decode(), client_secret.decode())
    Connection(os.getpid(), time.time(), jobs, control, jobs, control, *keys, daemon=VERSION).write(
        home.connection_file
    )
    while True:
        route, *parts = sockets[1].recv_multipart()
        header = decode_header(parts[0])
        message = decode_message(header, parts[1:])
        assert message is not None
        answer: Body
        if header.version[0] != major:
            answer = Failed(str(ErrorCode.VERSION), *SENTENCES[ErrorCode.VERSION])
        elif isinstance(message.body, Hello):
            answer = Welcome(VERSION, [major, 0], os.getpid(), ["fast"], [], {})
        else:
            assert isinstance(message.body, Stop)
            assert message.body.when_idle
            answer = Done()
        reply = Message(answer, parent=header.id, session=header.session, version=(major, 0))
        sockets[1].send_multipart([route, *reply.encode()])
        if isinstance(answer, Done):
            time.sleep(seconds)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
