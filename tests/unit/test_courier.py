"""What the worker's io thread says about a running job, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from pastiche.options import defaults
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import Body, Message, Preview, Progress, Result, Submit
from pastiched.courier import PREVIEW_SECONDS, Courier
from pastiched.link import Setup, decode
from pastiched.task import Task

CONTENT, STYLE = PixelFormat("content", 4, 4, 3, "u8"), PixelFormat("style", 4, 4, 3, "u8")
SHOWN, PAINTED = PixelFormat("preview", 64, 64, 3, "u8"), PixelFormat("pastiche", 4, 4, 3, "u8")


class Line:
    """A courier, and the server's end of its socket."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        endpoint = f"ipc://{folder}/link"
        self.socket.bind(endpoint)
        self.courier = Courier(Setup(endpoint, "", "", "", "cpu", 0, False, 0.0, "info"), self.context)
        self.courier.start()

    def hand_in(self, tag: str) -> Task:
        body = Submit(defaults(), [{"weight": 1.0, "buffer": 1}])
        message = Message(body, parent=tag, buffers=(CONTENT, STYLE), frames=(bytes(48), bytes(48)))
        self.socket.send_multipart(message.encode())
        task = self.courier.next_task(10)
        assert task
        return task

    def hear(self, *kinds: type[Body], seconds: float) -> list[Message]:
        """What of these kinds comes within so many seconds."""
        heard, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.socket.poll(left * 1000):
                message = decode(self.socket.recv_multipart(copy=False))
                if message and isinstance(message.body, kinds):
                    heard.append(message)
        return heard

    def close(self) -> None:
        self.courier.close()
        self.socket.close(0)
        self.context.term()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


def picture(shade: int) -> PixelBuffer:
    return PixelBuffer(SHOWN, bytes([shade]) * SHOWN.nbytes)


def shade(message: Message) -> int:
    return int(message.frames[0].bytes[0])


def test_every_detail_arrives_in_order(line: Line) -> None:
    line.hand_in("job-1")
    for number in range(300):
        line.courier.post(Progress("stylize", 0.5, None, {"iteration": number}), "job-1")
    told = [m.body for m in line.hear(Progress, seconds=1.0)]
    assert [body.detail["iteration"] for body in told if isinstance(body, Progress) and body.detail] == list(range(300))


def test_of_many_pictures_in_between_some_arrive_and_the_newest_always_does(line: Line) -> None:
    line.hand_in("job-1")
    began = time.monotonic()
    for number in range(200):
        line.courier.show("job-1", picture(number))
        time.sleep(0.005)
    shown = line.hear(Preview, seconds=0.5)
    most = (time.monotonic() - began) / PREVIEW_SECONDS + 1
    assert 3 <= len(shown) <= most
    shades = [shade(message) for message in shown]
    assert shades == sorted(shades) and shades[-1] == 199


def test_no_picture_in_between_follows_the_outcome(line: Line) -> None:
    line.hand_in("job-1")
    line.courier.show("job-1", picture(1))
    line.courier.show("job-1", picture(2))
    line.courier.post(Result({}), "job-1", PixelBuffer(PAINTED, bytes(48)))
    heard = [type(m.body) for m in line.hear(Preview, Result, seconds=0.5)]
    assert heard[-1] is Result and heard.count(Result) == 1


def test_two_jobs_show_their_own_pictures(line: Line) -> None:
    for tag in ("job-1", "job-2"):
        line.hand_in(tag)
    line.courier.show("job-1", picture(1))
    line.courier.show("job-2", picture(2))
    assert {(m.parent, shade(m)) for m in line.hear(Preview, seconds=0.5)} == {("job-1", 1), ("job-2", 2)}
