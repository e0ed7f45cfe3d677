"""Mutation fuzzing of a running daemon by several clients at once: `python tests/benchmarks/fuzz.py --messages 100000`.

At least half of the messages are valid ones with one field changed, sent after a correct handshake; the others are
noise, correct messages whose answers are checked, half-open and foreign connections, wrong keys, and sizes that lie.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import msgpack
import psutil
import zmq
from wire import PATIENCE, Daemon, Wire, job, picture, start_daemon

from pastiche.protocol import (
    BODIES,
    Cancel,
    Credit,
    Failed,
    Finish,
    Hello,
    Message,
    Pixels,
    Result,
    Status,
    StatusRequest,
    Stop,
    StylesRequest,
    Thumbnail,
    Welcome,
    decode_header,
)
from pastiche.version import PROTOCOL

CLIENTS = 8
BATCH = 20
MOST_GROWTH = 50_000_000
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63 - 1, -(2**63), 1.5, -0.0, math.nan, math.inf, "", "x", "x" * 64,
    "x" * 65, "x" * 5000, "\0", "ünï", "../../etc", b"", b"\xff" * 9, [], [[]], [0], [0, 0], [-1], [1] * 300, {},
    {"a": 1}, {"buffer": 1}, {"weight": math.nan, "buffer": 1}, {"name": "wave"}, [[[[[[[[1]]]]]]]], "submit", "pixels",
    "credit", "content", "style", "mask", "u16", "f32", 4, 400_000_001, "fast",
)  # fmt: skip


@dataclass
class Tally:
    """What was sent and what came back."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def templates(rng: random.Random, session: str, control: bool) -> Message:
    """A correct message for one of the sockets."""
    if control:
        asked = [StatusRequest(), StylesRequest(), Thumbnail("rose-window"), Cancel("job-x"), Finish("job-x")]
        body = rng.choice([Hello("fuzz"), *asked])
        return Message(body, session=session)
    chosen = rng.randrange(8)
    if chosen == 0:
        return Message(Hello("fuzz"), session=session)
    if chosen == 1:
        return Message(Credit(0, 5), session=session, parent="job-x")
    if chosen == 2:
        return Message(Pixels(0, 0, 2), session=session, parent="job-x", frames=(bytes(48),))
    mask = picture("mask", 8, 8, 1) if rng.random() < 0.3 else None
    options = {"strength": 50.0, "brush_size": 400.0, "colour": "keep", "seed": 1, "wrap": "none", "depth": "8"}
    return job(8, 8, session=session, mask=mask, options=options, preview=rng.random() < 0.5)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a header."""
    found: list[tuple[Any, Any]] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found.append((value, key))
        found += places(inner)
    return found


def mutate(rng: random.Random, message: Message) -> list[bytes]:
    """The message with one field changed, removed, doubled, or one frame that is not what it says."""
    parts = [bytes(part) for part in message.encode()]
    header = msgpack.unpackb(parts[0])
    frames = parts[1:]
    if frames and rng.random() < 0.15:
        index = rng.randrange(len(frames))
        change = rng.randrange(4)
        if change == 0:
            frames[index] = frames[index][: rng.randrange(len(frames[index]))]
        elif change == 1:
            frames[index] += b"\0" * rng.choice([1, 4096])
        elif change == 2:
            del frames[index]
        else:
            frames.insert(index, b"more")
        return [parts[0], *frames]
    container, key = rng.choice(places(header))
    if rng.random() < 0.15:
        del container[key]
    elif isinstance(container, list) and rng.random() < 0.2:
        container.append(container[key])
    else:
        container[key] = rng.choice(VALUES)
    if header.get("type") == Stop.TYPE:
        return parts
    return [msgpack.packb(header), *frames]


def noise(rng: random.Random, message: Message) -> list[bytes]:
    """No message at all, or one with a byte changed."""
    chosen = rng.randrange(4)
    if chosen == 0:
        return [rng.randbytes(rng.randrange(200))]
    if chosen == 1:
        return [b""] * rng.randrange(1, 12)
    if chosen == 2:
        return [msgpack.packb(rng.choice(VALUES)), rng.randbytes(10)]
    header, *frames = (bytes(part) for part in message.encode())
    place = rng.randrange(len(header))
    broken = header[:place] + bytes([rng.randrange(256)]) + header[place + 1 :]
    return [header if Stop.TYPE.encode() in broken else broken, *frames]


def strangers(rng: random.Random, daemon: Daemon, tally: Tally) -> None:
    """Somebody without the key, or who never finishes the handshake."""
    chosen = rng.randrange(4)
    port = rng.choice(["jobs", "control"])
    if chosen == 0:
        tally.sent["wrong key"] += 1
        with Wire(daemon.connection, port, keys=zmq.curve_keypair()) as wire:
            wire.send_body(Hello())
            if wire.socket.poll(50):
                tally.problems.append("a wrong key was answered")
        return
    address = getattr(daemon.connection, f"tcp_{port}").removeprefix("tcp://").split(":")
    with contextlib.suppress(OSError), socket.create_connection((address[0], int(address[1])), timeout=5) as raw:
        tally.sent["half-open"] += 1
        if chosen == 1:
            raw.sendall(rng.randbytes(rng.randrange(1, 300)))
        elif chosen == 2:
            raw.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32))
            raw.sendall(b"\x06\xff\xff\xff\xff\xff\xff\xff\xff")


class FuzzClient(threading.Thread):
    """One client with two sockets, that reconnects now and then."""

    def __init__(self, daemon: Daemon, seed: int, messages: int) -> None:
        super().__init__(name=f"fuzz-{seed}", daemon=True)
        self.daemon_process, self.rng, self.messages = daemon, random.Random(seed), messages
        self.tally = Tally()

    def run(self) -> None:
        try:
            left = self.messages
            while left > 0:
                rounds = min(left, BATCH * self.rng.randrange(5, 40))
                connection, tcp = self.daemon_process.connection, self.rng.random() < 0.3
                with Wire(connection, "jobs", tcp) as jobs, Wire(connection, "control", tcp) as control:
                    for start in range(0, rounds, BATCH):
                        self._batch(jobs, control, min(BATCH, rounds - start))
                left -= rounds
        except BaseException as error:
            self.tally.problems.append(f"{type(error).__name__}: {error}")

    def _batch(self, jobs: Wire, control: Wire, count: int) -> None:
        for _ in range(count):
            chance = self.rng.random()
            on_control = self.rng.random() < 0.4
            wire = control if on_control else jobs
            message = templates(self.rng, jobs.session, on_control)
            if chance < 0.70:
                wire.socket.send_multipart(mutate(self.rng, message))
                self.tally.sent["one field changed"] += 1
            elif chance < 0.85:
                wire.socket.send_multipart(noise(self.rng, message))
                self.tally.sent["noise"] += 1
            elif chance < 0.97:
                wire.send(message)
                self.tally.sent["correct"] += 1
            elif chance < 0.995:
                strangers(self.rng, self.daemon_process, self.tally)
            elif chance < 0.9975:
                jobs.socket.send_multipart([b"\0" * 100_000, bytes(1000)])
                self.tally.sent["too large"] += 1
            else:
                control.socket.send(bytes(1_000_000))
                self.tally.sent["too large"] += 1
        for wire in (jobs, control):
            self._must_answer(wire)

    def _must_answer(self, wire: Wire) -> None:
        """A correct hello is answered, whatever has been sent before; a dropped connection has come back for it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            asked = wire.send_body(Hello("fuzz"))
            again = time.monotonic() + 5
            while wire.socket.poll(max(0, (again - time.monotonic()) * 1000)):
                header = decode_header(wire.socket.recv_multipart()[0])
                self._count(header.type, header.body)
                if header.parent == asked:
                    if header.type != Welcome.TYPE:
                        self.tally.problems.append(f"hello was answered by {header.type}: {header.body}")
                    return
        self.tally.problems.append("hello was not answered")

    def _count(self, kind: str, body: dict[str, Any]) -> None:
        self.tally.answers[f"failed: {body['code']}" if kind == Failed.TYPE else kind] += 1
        if kind not in BODIES:
            self.tally.problems.append(f"an answer of the unknown type {kind}")
        if body.get("sentence", "").startswith("The daemon could not deal"):
            self.tally.problems.append("a message was not foreseen")


def fuzz(daemon: Daemon, messages: int, seed: int = 1) -> dict[str, Any]:
    """Sends `messages`; what was sent, answered, and how far the server's memory grew (bytes). Problems are listed."""
    server = psutil.Process(daemon.pid)
    warm_up = FuzzClient(daemon, seed + 1000, max(400, messages // 20))
    warm_up.start()
    warm_up.join()
    before, began = server.memory_info().rss, time.monotonic()
    clients = [FuzzClient(daemon, seed + number, messages // CLIENTS) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    problems = [problem for client in [*clients, warm_up] for problem in client.tally.problems]
    problems += still_correct(daemon)
    growth = server.memory_info().rss - before
    if growth > MOST_GROWTH:
        problems.append(f"the server has grown by {growth / 1e6:.0f} MB")
    if daemon.process.poll() is not None:
        problems.append("the daemon is gone")
    if "could not be" in daemon.log():
        problems.append("the log has an unforeseen failure")
    return {
        "sent": dict(sum((client.tally.sent for client in clients), Counter())),
        "answers": dict(sum((client.tally.answers for client in clients), Counter())),
        "seconds": round(time.monotonic() - began, 1),
        "growth": growth,
        "rss": server.memory_info().rss,
        "problems": problems,
        "protocol": list(PROTOCOL),
    }


def still_correct(daemon: Daemon) -> list[str]:
    """What no longer works; the jobs of the vanished clients end first."""
    with Wire(daemon.connection) as jobs, Wire(daemon.connection, "control") as control:
        deadline = time.monotonic() + PATIENCE
        while (left := control.ask(StatusRequest(), Status).jobs) and time.monotonic() < deadline:
            time.sleep(0.1)
        problems = ["jobs of vanished clients are still there"] if left else []
        outcome = jobs.outcome(jobs.send(job(64, 48, session=jobs.session)))
        if not isinstance(outcome.body, Result):
            problems.append(f"a correct job ended with {outcome.body}")
        return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        daemon = start_daemon(Path(folder) / "home")
        try:
            daemon.worker_pid()
            found = fuzz(daemon, given.messages, given.seed)
        finally:
            daemon.stop()
    print(json.dumps(found, indent=1))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
