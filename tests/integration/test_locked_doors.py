"""Who is let in, and what happens to those who are not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
import zmq
from wire import PATIENCE, Daemon, Wire, job

from pastiche.protocol import Failed, Hello, Message, Result, StatusRequest
from pastiche.version import VERSION


@pytest.mark.parametrize("tcp", [False, True], ids=["ipc", "tcp"])
@pytest.mark.parametrize("port", ["jobs", "control"])
class TestEverySocket:
    def test_the_right_key_is_let_in(self, shared_daemon: Daemon, port: str, tcp: bool) -> None:
        with Wire(shared_daemon.connection, port, tcp) as wire:
            assert wire.hello().pid == shared_daemon.pid

    def test_a_wrong_key_is_refused(self, shared_daemon: Daemon, port: str, tcp: bool) -> None:
        with Wire(shared_daemon.connection, port, tcp, keys=zmq.curve_keypair()) as wire:
            wire.send_body(Hello())
            assert wire.refused(zmq.Event.HANDSHAKE_FAILED_AUTH)

    def test_no_key_is_refused(self, shared_daemon: Daemon, port: str, tcp: bool) -> None:
        with Wire(shared_daemon.connection, port, tcp, secure=False) as wire:
            wire.send_body(Hello())
            assert wire.refused(zmq.Event.HANDSHAKE_FAILED_PROTOCOL) or wire.refused(zmq.Event.DISCONNECTED)
            assert not wire.socket.poll(0)

    def test_another_servers_key_is_refused(self, shared_daemon: Daemon, port: str, tcp: bool) -> None:
        mistaken = replace(shared_daemon.connection, server_public=zmq.curve_keypair()[0].decode())
        with Wire(mistaken, port, tcp) as wire:
            wire.send_body(Hello())
            assert wire.refused(zmq.Event.DISCONNECTED) or wire.refused(zmq.Event.HANDSHAKE_FAILED_PROTOCOL)
            assert not wire.socket.poll(0)


def test_plain_text_and_web_requests_are_refused(shared_daemon: Daemon) -> None:
    address = shared_daemon.connection.tcp_jobs.removeprefix("tcp://").split(":")
    for said in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\xff" * 64, bytes(64)):
        with socket.create_connection((address[0], int(address[1])), timeout=PATIENCE) as raw:
            raw.sendall(said)
            heard = b""
            try:
                while piece := raw.recv(4096):
                    heard += piece
            except ConnectionResetError:
                pass
        # At most ZeroMQ's own greeting, which tells nothing.
        assert len(heard) <= 64
    with Wire(shared_daemon.connection) as wire:
        assert wire.hello()


def test_half_open_connections_are_dropped_and_hold_nobody_up(shared_daemon: Daemon) -> None:
    address = shared_daemon.connection.tcp_control.removeprefix("tcp://").split(":")
    held = [socket.create_connection((address[0], int(address[1])), timeout=PATIENCE) for _ in range(50)]
    with Wire(shared_daemon.connection, "control") as wire:
        assert wire.hello()
    for raw in held:
        while raw.recv(4096):
            pass
        raw.close()


@pytest.mark.parametrize("version", [[0, 9], [2, 0], [999, 1]])
def test_another_protocol_version_is_refused_by_name(jobs: Wire, version: list[int]) -> None:
    header = {"version": version, "id": "v", "type": "hello", "session": "s", "body": {"client": "x", "from": "future"}}
    jobs.socket.send(msgpack.packb(header))
    answer = jobs.until("v", Failed).body
    assert isinstance(answer, Failed) and answer.code == "version"
    assert f"{version[0]}.{version[1]}" in answer.sentence and VERSION in answer.sentence
    assert jobs.hello()


def test_a_newer_minor_version_with_unknown_fields_is_understood(jobs: Wire) -> None:
    header = {
        "version": [1, 77],
        "id": "m",
        "type": "hello",
        "session": "s",
        "new": 1,
        "body": {"client": "x", "new": 2},
    }
    jobs.socket.send(msgpack.packb(header))
    assert jobs.receive().parent == "m"


def test_unknown_message_types_are_ignored(jobs: Wire) -> None:
    jobs.socket.send(msgpack.packb({"version": [1, 0], "id": "u", "type": "teleport", "body": {}}))
    assert jobs.hello()


def test_a_message_on_the_wrong_socket_is_refused(jobs: Wire, control: Wire) -> None:
    for wire, message in ((jobs, Message(StatusRequest())), (control, job(session="s"))):
        # The control socket takes no pictures: what is too large for it ends the connection instead.
        wire.send(replace(message, frames=(), buffers=()) if wire is control else message)
        answer = wire.until(message.id, Failed).body
        assert isinstance(answer, Failed) and answer.code == "bad_message"


def test_a_header_over_64_kib_changes_nothing(jobs: Wire, control: Wire) -> None:
    for wire in (jobs, control):
        wire.socket.send(bytes(100_000))
    # The control socket drops such a connection; it comes back by itself.
    control.socket.send_multipart(Message(Hello(), id="again").encode())
    assert jobs.hello()
    with Wire(control.connection, "control") as other:
        assert other.hello()


def test_an_unreadable_message_is_not_answered_and_a_readable_wrong_one_is(jobs: Wire) -> None:
    jobs.socket.send(b"\xc1 not msgpack")
    jobs.socket.send_multipart([b"", b"", b""])
    jobs.socket.send(msgpack.packb({"version": [1, 0], "id": "bad", "type": "hello", "session": 5}))
    answer = jobs.receive()
    assert answer.parent == "bad" and isinstance(answer.body, Failed) and answer.body.code == "bad_message"
    assert isinstance(jobs.outcome(jobs.send(job(session=jobs.session))).body, Result)


def test_a_daemon_that_others_can_reach_writes_no_files_for_clients(
    launch: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = launch("--bind", "0.0.0.0", "--allow-remote")
    with Wire(daemon.connection) as wire:
        submit = job(session=wire.session, options={"method": "fine"})
        asked = replace(submit, body=replace(submit.body, state=str(tmp_path / "run.pastiche-state")))
        refused = wire.until(wire.send(asked), Failed).body
        assert isinstance(refused, Failed) and refused.code == "bad_option"
        assert not list(tmp_path.glob("*.pastiche-state"))
