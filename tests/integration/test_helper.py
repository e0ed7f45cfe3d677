"""Promises of the helper process, through which a client without ZeroMQ talks to the daemon."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from wire import PATIENCE, Daemon, is_gone, wait_for

from pastiche import control, helper_transport
from pastiche.client import Client
from pastiche.connection import Connection, Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.helper_transport import HelperTransport
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import STREAM_ABOVE, Result
from pastiche.transport import HelperGone
from pastiched.styles import GALLERY

SCRIPT = Path(__file__).with_name("without_zmq.py")
PIECE = bytes(4_000_000)
MOST_HELD = 30
"""Pieces on their way in one direction: the window, the queues of ZeroMQ, the system's buffers."""


def picture(width: int, height: int, role: str = "content") -> PixelBuffer:
    form = PixelFormat(role, width, height, 3, "u8")
    return PixelBuffer(form, bytes(form.nbytes))


STYLE = StyleRef(pixels=picture(64, 64, "style"))


def start(daemon: Daemon, what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SCRIPT), str(daemon.home.folder), what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"MSGPACK_PUREPYTHON": "1"})


def run(daemon: Daemon, what: str) -> Any:
    process = start(daemon, what)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return json.loads(said)


@pytest.fixture
def client(shared_daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """One that takes the helper although it could do without."""
    monkeypatch.setattr(control, "open_transport", HelperTransport)
    with Client.connect(shared_daemon.home, start=False) as connected:
        yield connected


def helpers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if is_helper(child)]


def is_helper(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE or "pastiche.bridge" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def test_without_zmq_jobs_run_tell_progress_and_can_be_cancelled(shared_daemon: Daemon) -> None:
    found = run(shared_daemon, "jobs")
    assert found["size"] == [300, 200] and "stylize" in found["told"]
    assert found["cancelled"]
    assert found["pid"] == shared_daemon.pid and found["fd"] == -1
    file = GALLERY / "thumbnails" / "rose-window.jpg"
    assert found["thumbnail"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_without_zmq_large_pictures_are_streamed_both_ways(shared_daemon: Daemon) -> None:
    found = run(shared_daemon, "picture")
    assert min(found["bytes"]) > max(STREAM_ABOVE, 90_000_000)
    assert found["same"]


def test_a_helper_that_is_killed_ends_the_job_at_once_and_leaves_no_zombie(client: Client) -> None:
    job = client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
    next(job.events())
    (helper,) = helpers()
    helper.kill()
    began = time.monotonic()
    with pytest.raises(HelperGone) as caught:
        job.wait()
    assert time.monotonic() - began < 3
    assert caught.value.code is ErrorCode.DAEMON_GONE and "helper" in caught.value.sentence
    for ask in (client.status, client.pump, lambda: client.submit(picture(8, 8), [STYLE])):
        try:
            ask()
        except HelperGone:
            continue
        assert ask == client.pump, "nothing is waited for any more"
    assert helpers() == []
    with Client.connect(client.home, start=False) as again:
        wait_for(lambda: not again.status().jobs, "the end of the lost client's job")


def test_a_helper_that_is_killed_while_a_picture_is_sent_is_noticed(client: Client) -> None:
    job = client.submit(picture(5600, 5400), [STYLE], {"strength": 0, "brush_size": 400})
    (helper,) = helpers()
    began = 0.0
    with pytest.raises(PasticheError) as caught:
        for event in job.events():
            if not began and getattr(event.body, "stage", "") == "receive":
                began = time.monotonic()
                helper.kill()
            if event.final:
                event.outcome()
    assert began and time.monotonic() - began < 3
    assert caught.value.code is ErrorCode.DAEMON_GONE
    assert helpers() == []


def test_a_result_that_came_before_the_helpers_end_is_not_lost(client: Client) -> None:
    job = client.submit(picture(64, 48), [STYLE])
    next(job.events())
    wait_for(lambda: not client.status().jobs, "the outcome")
    time.sleep(0.5)
    (helper,) = helpers()
    helper.kill()
    wait_for(lambda: not helpers(), "the helper's end")
    events = client.pump()
    assert isinstance(events[-1].body, Result) and job.done


def test_closing_ends_the_helper_at_once_and_twice_is_no_error(client: Client) -> None:
    client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
    assert len(helpers()) == 1
    began = time.monotonic()
    client.close()
    client.close()
    assert time.monotonic() - began < 1
    assert helpers() == []


def test_a_killed_client_takes_its_helper_along(shared_daemon: Daemon) -> None:
    process = start(shared_daemon, "hold")
    assert process.stdout
    assert process.stdout.readline()
    (helper,) = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    wait_for(lambda: is_gone(helper.pid), "the helper's end", 5)


def test_keys_stand_in_no_command_line_and_no_environment(client: Client) -> None:
    (helper,) = helpers()
    told = " ".join([*helper.cmdline(), *helper.environ().values()])
    assert client.connection.client_secret not in told and "tcp://" not in told


def test_variables_of_gimp_do_not_reach_the_helper(shared_daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "open_transport", HelperTransport)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    with Client.connect(shared_daemon.home, start=False) as client:
        assert client.status().pid == shared_daemon.pid


def test_a_helper_that_cannot_be_started_is_a_sentence(
    shared_daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(control, "open_transport", HelperTransport)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
    broken.chmod(0o755)
    for python, code in ((tmp_path / "none", ErrorCode.NO_DAEMON), (broken, ErrorCode.DAEMON_GONE)):
        began = time.monotonic()
        with pytest.raises(HelperGone) as caught:
            Client.connect(Home(shared_daemon.home.folder, python), start=False)
        assert caught.value.code is code and time.monotonic() - began < 3
    assert "no such module" in (shared_daemon.home.log_file.parent / helper_transport.LOG).read_text()


class Mute:
    """Stands for a daemon: two sockets that do as they are told."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        public, secret = zmq.curve_keypair()
        self.sockets = []
        for _ in range(2):
            socket = self.context.socket(zmq.ROUTER)
            socket.linger = 0
            socket.sndhwm = socket.rcvhwm = 2
            socket.router_mandatory = True
            socket.curve_server, socket.curve_publickey, socket.curve_secretkey = True, public, secret
            socket.bind("tcp://127.0.0.1:*")
            self.sockets.append(socket)
        jobs, control = (s.last_endpoint.decode().rstrip("\0") for s in self.sockets)
        client_public, client_secret = (key.decode() for key in zmq.curve_keypair())
        self.connection = Connection(
            os.getpid(), 0.0, jobs, control, jobs, control, public.decode(), client_public, client_secret
        )

    def close(self) -> None:
        for socket in self.sockets:
            socket.close()
        self.context.term()


@pytest.fixture
def mute() -> Iterator[Mute]:
    made = Mute()
    yield made
    made.close()


@pytest.fixture
def transport(mute: Mute, tmp_path: Path) -> Iterator[HelperTransport]:
    home = Home(tmp_path / "home", Path(sys.executable))
    home.create()
    made = HelperTransport(mute.connection, home)
    yield made
    made.close()


def test_what_the_client_does_not_take_stays_with_the_daemon(mute: Mute, transport: HelperTransport) -> None:
    jobs, control = transport.open("jobs"), transport.open("control")
    router, other = mute.sockets
    jobs.send([b"hello"])
    route = router.recv_multipart()[0]
    (helper,) = helpers()
    before, sent, stuck = helper.memory_info().rss, 0, 0.0
    while stuck < 1:
        try:
            router.send_multipart([route, sent.to_bytes(4, "big"), PIECE], zmq.NOBLOCK)
            sent, stuck = sent + 1, 0.0
        except zmq.Again:
            time.sleep(0.05)
            stuck += 0.05
        assert sent < MOST_HELD
    assert helper.memory_info().rss - before < MOST_HELD * len(PIECE)
    # What waits on one socket holds the other one up in neither direction.
    control.send([b"are you there"])
    other.send_multipart([other.recv_multipart()[0], b"yes"])
    assert control.poll(5) and bytes(control.receive()[0]) == b"yes"
    for number in range(sent):
        assert jobs.poll(5)
        head, body = jobs.receive()
        assert int.from_bytes(head, "big") == number and len(body) == len(PIECE)
    assert not jobs.poll(0)


def test_what_the_daemon_does_not_take_stays_with_the_client(
    mute: Mute, transport: HelperTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_transport, "SEND_SECONDS", 1.0)
    jobs = transport.open("jobs")
    (helper,) = helpers()
    sent = 0
    with pytest.raises(PasticheError) as caught:
        while sent < MOST_HELD:
            jobs.send([sent.to_bytes(4, "big"), PIECE])
            sent += 1
    assert caught.value.code is ErrorCode.TIMEOUT
    assert helper.memory_info().rss < MOST_HELD * len(PIECE) + 60_000_000
    for number in range(sent):
        assert mute.sockets[0].poll(5000)
        assert int.from_bytes(mute.sockets[0].recv_multipart()[1], "big") == number
    jobs.send([b"more"])
    assert mute.sockets[0].poll(5000)


def test_noise_on_the_pipe_ends_the_helper_and_is_no_message(transport: HelperTransport) -> None:
    line = transport.open("jobs")
    assert transport._process.stdin
    line.send([b"hello"])
    wait_for(lambda: transport._outbox.empty(), "the writing thread")
    transport._process.stdin.write(b"\x07" * 100)
    with pytest.raises(HelperGone):
        line.poll(5)
    assert helpers() == []
