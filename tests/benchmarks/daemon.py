"""What the daemon promises in figures: `python tests/benchmarks/daemon.py`. Prints JSON; milliseconds unless named."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import psutil
from PIL import Image
from wire import (
    Daemon,
    Wire,
    job,
    picture,
    slow_job,
    spawn_daemon,
    start_daemon,
    started,
    stream_in,
    stream_out,
    wait_for,
)

from pastiche.client import stop_daemon
from pastiche.connection import Home, read_connection
from pastiche.protocol import Cancel, Cancelled, Done, Result, Status, StatusRequest

RUNS = 7


def milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 2)


def cold_starts(folder: Path) -> dict[str, Any]:
    """From the start of the process to the answer to `hello`, and to the first result."""
    to_hello, to_result = [], []
    for run in range(RUNS):
        home = Home(folder / f"cold-{run}", Path(sys.executable))
        began = time.perf_counter()
        process = spawn_daemon(home.folder)
        connection = wait_for(lambda home=home: read_connection(home), "the connection file")  # type: ignore[misc]
        with Wire(connection) as wire:
            wire.hello()
            to_hello.append(milliseconds(began))
            outcome = wire.outcome(wire.send(job(512, 512, session=wire.session)))
            assert isinstance(outcome.body, Result)
            to_result.append(milliseconds(began))
        process.terminate()
        process.wait()
    return {"cold to hello": summary(to_hello), "cold to first result (512 x 512)": summary(to_result)}


def commands(folder: Path, daemon: Daemon) -> dict[str, Any]:
    """The command `pastiche` as a user waits for it: `status` of a warm daemon, `apply` that has to start its own."""
    photo = folder / "photo.png"
    Image.effect_noise((512, 512), 60).convert("RGB").save(photo)
    asked, painted = [], []
    for run in range(RUNS):
        asked.append(command(daemon.home.folder, "status"))
        home = Home(folder / f"apply-{run}", Path(sys.executable))
        output = folder / f"painted-{run}.png"
        painted.append(command(home.folder, "apply", str(photo), "-s", str(photo), "-o", str(output)))
        stop_daemon(home)
    return {"pastiche status": summary(asked), "cold pastiche apply (512 x 512)": summary(painted)}


def command(home: Path, *arguments: str) -> float:
    environment = os.environ | {"PASTICHE_HOME": str(home)}
    began = time.perf_counter()
    line = [sys.executable, "-m", "pastiche.cli", *arguments]
    subprocess.run(line, env=environment, stdout=subprocess.DEVNULL, check=True)
    return milliseconds(began)


def during_a_job(daemon: Daemon) -> dict[str, Any]:
    """`status` while the worker computes, and cancel from the request to the outcome."""
    answers, acknowledged, effective = [], [], []
    with Wire(daemon.connection) as jobs, Wire(daemon.connection, "control", session=jobs.session) as control:
        control.hello()
        for _ in range(RUNS):
            running = jobs.send(slow_job(jobs.session))
            started(jobs, running)
            for _ in range(20):
                began = time.perf_counter()
                control.ask(StatusRequest(), Status)
                answers.append(milliseconds(began))
            began = time.perf_counter()
            control.ask(Cancel(running), Done)
            acknowledged.append(milliseconds(began))
            assert isinstance(jobs.outcome(running).body, Cancelled)
            effective.append(milliseconds(began))
    return {
        "status during a job": summary(answers),
        "cancel acknowledged": summary(acknowledged),
        "cancel effective": summary(effective),
    }


def transport(daemon: Daemon, megapixels: int) -> dict[str, Any]:
    """A streamed picture there and back, and what the front process took of memory meanwhile."""
    content = picture("content", 10_000, megapixels * 100)
    server = psutil.Process(daemon.pid)
    with Wire(daemon.connection) as jobs:
        began = time.perf_counter()
        sent = jobs.send(job(session=jobs.session, content=content, options={"brush_size": 400.0}))
        stream_out(jobs, sent, content)
        there = milliseconds(began)
        held = server.memory_info().rss
        result = jobs.outcome(sent)
        assert isinstance(result.body, Result), result.body
        began = time.perf_counter()
        stream_in(jobs, sent, result)
        return {
            "bytes": content.format.nbytes,
            "there": there,
            "computed": result.body.report["timings"]["run"],
            "back": milliseconds(began),
            "front process MB": round(max(held, server.memory_info().rss) / 1e6, 1),
            "worker MB": round(result.body.report["memory"]["process"] / 1e6, 1),
        }


def summary(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "most": max(values)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=int, default=30, help="of the streamed picture (default: 30)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = cold_starts(Path(folder))
        daemon = start_daemon(Path(folder) / "home")
        try:
            daemon.worker_pid()
            found |= commands(Path(folder), daemon)
            found |= during_a_job(daemon)
            found["streamed picture"] = transport(daemon, given.megapixels)
        finally:
            daemon.stop()
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
