"""The front process knows what of a client's messages has not left it yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from pastiched.sockets import CLIENTS, Delivery, Doorman, KeyPair, Port

PICTURE = 700_000


@pytest.mark.parametrize("size", [PICTURE, 48])
def test_what_a_client_has_not_taken_is_counted_for_it_alone(tmp_path: Path, size: int) -> None:
    async def scene() -> None:
        context = zmq.asyncio.Context()
        doorman, keys, client = Doorman(context), KeyPair.create(), KeyPair.create()
        doorman.allow(CLIENTS, client.public)
        tasks = [asyncio.create_task(doorman.run())]
        port = Port(context, keys, 1_000_000)
        _, endpoint = port.bind(tmp_path, "127.0.0.1")
        readers: dict[bytes, zmq.asyncio.Socket] = {}
        for name in (b"reads", b"sleeps"):
            socket = readers[name] = context.socket(zmq.DEALER)
            socket.routing_id, socket.linger, socket.rcvhwm, socket.rcvbuf = name, 0, 1, 4096
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys.public, *vars(client).values()
            socket.connect(endpoint)
            await socket.send(b"hello")
        routes = [(await port.receive())[0].bytes for _ in readers]
        assert set(routes) == set(readers)
        sent = {name: 0 for name in readers}
        for _ in range(100):
            for name, socket in readers.items():
                if port.undelivered_to(name):
                    continue
                assert port.send(name, [b"header", bytes(size)], follow=True) is Delivery.SENT
                sent[name] += 1
                if name == b"reads":
                    await socket.recv_multipart()
            await asyncio.sleep(0.005)
        assert not port.undelivered_to(b"reads") and sent[b"reads"] > 50
        if size == PICTURE:
            assert port.undelivered_to(b"sleeps") and sent[b"sleeps"] < 20
        for task in tasks:
            task.cancel()
        for socket in readers.values():
            socket.close(0)
        port.close(0)
        doorman.close()
        context.term()

    asyncio.run(scene())
