"""Fine jobs, which take long: watched, interrupted, kept and gone on with, through a real daemon and a real worker."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from wire import Daemon, Wire, is_gone, job, picture, start_daemon, started, wait_for

from pastiche.protocol import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Finish,
    Message,
    Preview,
    Progress,
    Result,
    Status,
    StatusRequest,
)

QUICK = {"method": "fine", "effort": "draft", "megapixels": 0.02, "scales": 2, "iterations": 60}
"""The first scale has twice as many steps."""
ENDLESS = {"method": "fine", "effort": "draft", "megapixels": 0.005, "scales": 1, "iterations": 100_000}


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """On pictures this small a second thread gains nothing, and loses a lot where others want the processor too."""
    daemon = start_daemon(tmp_path_factory.mktemp("home"), "--threads", "1")
    daemon.worker_pid()
    yield daemon
    daemon.stop()


def submit(wire: Wire, options: dict[str, Any], **files: Path) -> str:
    message = job(160, 120, session=wire.session, options=options)
    body = message.body.__class__(**message.body.to_wire() | {name: str(path) for name, path in files.items()})
    return wire.send(Message(body, message.id, message.session, buffers=message.buffers, frames=message.frames))


def details(seen: list[Message]) -> list[dict[str, Any]]:
    return [m.body.detail for m in seen if isinstance(m.body, Progress) and m.body.detail]


def first_detail(wire: Wire, job_id: str, seen: list[Message] | None = None) -> dict[str, Any]:
    while True:
        body = wire.until(job_id, Progress, seen=seen).body
        if isinstance(body, Progress) and body.detail:
            return body.detail


def most_addresses(pid: int) -> int:
    """Bytes of address space that a process has had at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmPeak:"))


def test_a_run_is_told_step_by_step_and_shown(jobs: Wire) -> None:
    seen: list[Message] = []
    running = submit(jobs, QUICK)
    outcome = jobs.outcome(running, seen)
    assert isinstance(outcome.body, Result), outcome.body
    assert (outcome.buffers[0].width, outcome.buffers[0].height) == (160, 120)
    told = details(seen)
    assert {(d["scale"], d["iteration"]) for d in told} == {(1, 100), (1, 120), (2, 60)}
    assert all(d["scales"] == 2 and d["content"] >= 0 and d["style"] >= 0 for d in told)
    assert len(told) == 3, "none is repeated"
    fractions = [m.body.fraction for m in seen if isinstance(m.body, Progress)]
    assert fractions == sorted(fractions)
    shown = [m for m in seen if isinstance(m.body, Preview)]
    assert shown and all(max(m.buffers[0].width, m.buffers[0].height) <= 512 for m in shown)
    assert outcome.body.report["method"] == "fine" and outcome.body.report["models"]


def test_it_can_be_watched_at_least_once_a_second_and_not_too_often(jobs: Wire, control: Wire) -> None:
    running = submit(jobs, ENDLESS)
    jobs.until(running, Preview)
    times = [time.monotonic()]
    while times[-1] - times[0] < 3:
        jobs.until(running, Preview)
        times.append(time.monotonic())
    control.ask(Cancel(running, jobs.session), Done)
    jobs.outcome(running)
    assert max(b - a for a, b in itertools.pairwise(times)) < 2
    assert 3 <= len(times) <= 40


def test_a_preview_is_answered_in_between(jobs: Wire, control: Wire) -> None:
    running = submit(jobs, ENDLESS)
    before = first_detail(jobs, running)
    began = time.monotonic()
    preview = jobs.send(job(session=jobs.session, preview=True, options={"brush_size": 400.0}))
    answer = jobs.outcome(preview)
    assert isinstance(answer.body, Result) and answer.body.report["method"] == "fast"
    assert time.monotonic() - began < 3
    assert first_detail(jobs, running)["iteration"] > before["iteration"], "the run goes on"
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)


def test_a_run_with_a_preview_in_between_paints_the_same(jobs: Wire) -> None:
    pictures = []
    for disturbed in (False, True):
        running = submit(jobs, QUICK)
        if disturbed:
            started(jobs, running)
            jobs.outcome(jobs.send(job(session=jobs.session, preview=True, options={"brush_size": 400.0})))
        outcome = jobs.outcome(running)
        assert isinstance(outcome.body, Result)
        pictures.append(bytes(outcome.frames[0]))
    assert pictures[0] == pictures[1]


def test_cancel_ends_a_run_within_a_step_and_the_worker_stays(jobs: Wire, control: Wire, shared_daemon: Daemon) -> None:
    worker = shared_daemon.worker_pid()
    running = submit(jobs, ENDLESS)
    first_detail(jobs, running)
    began = time.monotonic()
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert time.monotonic() - began < 1.5
    assert shared_daemon.worker_pid() == worker


def test_finish_gives_the_picture_as_it_is(jobs: Wire, control: Wire) -> None:
    running = submit(jobs, ENDLESS)
    first_detail(jobs, running)
    began = time.monotonic()
    control.ask(Finish(running, jobs.session), Done)
    outcome = jobs.outcome(running)
    assert isinstance(outcome.body, Result) and len(set(bytes(outcome.frames[0]))) > 10
    assert time.monotonic() - began < 5


def test_a_cancelled_run_is_kept_and_gone_on_with(jobs: Wire, control: Wire, tmp_path: Path) -> None:
    kept = tmp_path / "run.pastiche-state"
    running = submit(jobs, ENDLESS, state=kept)
    before = first_detail(jobs, running)
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert kept.is_file()
    assert list(tmp_path.iterdir()) == [kept], "nothing else is left behind"
    again = submit(jobs, ENDLESS, state=kept, resume=kept)
    after = first_detail(jobs, again)
    assert after["iteration"] > before["iteration"]
    control.ask(Finish(again, jobs.session), Done)
    assert isinstance(jobs.outcome(again).body, Result)


def test_the_log_does_not_name_the_file_of_a_run(shared_daemon: Daemon, jobs: Wire, control: Wire) -> None:
    kept = shared_daemon.home.folder.parent / "secret-holiday.pastiche-state"
    running = submit(jobs, ENDLESS, state=kept)
    first_detail(jobs, running)
    control.ask(Cancel(running, jobs.session), Done)
    jobs.outcome(running)
    kept.write_bytes(b"something else")
    refused = jobs.outcome(submit(jobs, ENDLESS, state=kept)).body
    assert isinstance(refused, Failed) and refused.code == "unwritable"
    assert kept.read_bytes() == b"something else"
    assert "secret-holiday" not in shared_daemon.log()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("victim", ["worker", "daemon"])
def test_a_run_outlives_a_sudden_death(launch: Callable[..., Daemon], tmp_path: Path, victim: str) -> None:
    kept = tmp_path / "run.pastiche-state"
    daemon = launch("--threads", "1")
    with Wire(daemon.connection) as wire:
        worker = daemon.worker_pid()
        running = submit(wire, ENDLESS, state=kept)
        while not kept.exists():
            assert isinstance(wire.until(running, Progress).body, Progress)
        before = first_detail(wire, running)
        os.kill(worker if victim == "worker" else daemon.pid, signal.SIGKILL)
        if victim == "worker":
            failed = wire.outcome(running).body
            assert isinstance(failed, Failed) and failed.code == "worker_died"
    if victim == "daemon":
        wait_for(lambda: is_gone(worker) and not psutil.pid_exists(worker), "the end of the worker")
        daemon.process.wait(10)
        daemon = launch("--threads", "1")
    assert list(tmp_path.glob("*.pastiche-state")) == [kept]
    with Wire(daemon.connection) as wire:
        again = submit(wire, ENDLESS, resume=kept)
        # It was saved some time before it died, and that is where it goes on.
        after = first_detail(wire, again)
        assert after["iteration"] > 100 and before["iteration"] > 100
        with Wire(daemon.connection, "control", session=wire.session) as control:
            control.ask(Finish(again), Done)
        assert isinstance(wire.outcome(again).body, Result)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_want_of_memory_is_told_and_soon_forgotten(launch: Callable[..., Daemon]) -> None:
    daemon = launch("--threads", "1")
    worker = psutil.Process(daemon.worker_pid())
    with Wire(daemon.connection) as wire:
        content = picture("content", 1600, 1200)
        options = QUICK | {"megapixels": 1.9, "iterations": 6, "scales": 3}
        running = wire.send(job(session=wire.session, content=content, options=options))
        # The first step is done, so nothing native is being made just now. What is left is far too little for the full
        # size, however small its blocks become, and sometimes already for a later step at this one.
        wire.until(running, Preview)
        worker.rlimit(psutil.RLIMIT_AS, (most_addresses(worker.pid) + 150_000_000, psutil.RLIM_INFINITY))
        outcome = wire.outcome(running)
        if isinstance(outcome.body, Result):
            assert any("memory ran out" in note for note in outcome.body.report["notes"])
        else:
            # Where there is not even enough to bring the picture so far to its size.
            assert isinstance(outcome.body, Failed) and outcome.body.code == "out_of_memory", outcome.body
        worker.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        done = wire.outcome(submit(wire, QUICK | {"iterations": 10}))
        assert isinstance(done.body, Result), done.body
        assert daemon.worker_pid() == worker.pid, "the process is none the worse"


def test_what_is_no_run_of_this_picture_is_a_sentence(jobs: Wire, control: Wire, tmp_path: Path) -> None:
    kept = tmp_path / "run.pastiche-state"
    running = submit(jobs, ENDLESS, state=kept)
    first_detail(jobs, running)
    control.ask(Cancel(running, jobs.session), Done)
    jobs.outcome(running)
    # Cut off in the middle of its data, as by a full disk.
    kept.write_bytes(kept.read_bytes()[:-1000])
    refused = jobs.outcome(submit(jobs, ENDLESS, resume=kept)).body
    assert isinstance(refused, Failed) and refused.sentence.endswith(".") and "Traceback" not in refused.sentence


def test_accepted_and_status_heed_the_effort(jobs: Wire, control: Wire) -> None:
    known = control.ask(StatusRequest(), Status).estimates
    efforts = [entry["options"].get("effort") for entry in known if entry["method"] == "fine"]
    assert efforts[0] is None and {"draft", "best"} <= set(efforts)
