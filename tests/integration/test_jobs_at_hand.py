"""The next job's pictures are at the worker before its turn, and its client notices nothing of it but the speed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from wire import Daemon, Wire, job, slow_job, started, wait_for

from pastiche.protocol import (
    Accepted,
    Body,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Finish,
    Progress,
    Result,
    Status,
    StatusRequest,
)


def states(control: Wire) -> dict[str, str]:
    return {entry["id"]: entry["state"] for entry in control.ask(StatusRequest(), Status).jobs}


def endings(wire: Wire, count: int) -> list[tuple[str, type[Body]]]:
    """The next outcomes of any jobs, in their order."""
    ended: list[tuple[str, type[Body]]] = []
    while len(ended) < count:
        message = wire.receive()
        if isinstance(message.body, Result | Failed | Cancelled):
            ended.append((message.parent, type(message.body)))
    return ended


def one_and_next(wire: Wire) -> tuple[str, str]:
    """Two jobs, of which the first is being computed."""
    running, waiting = wire.send(slow_job(wire.session)), wire.send(job(session=wire.session))
    started(wire, running)
    return running, waiting


def test_it_is_queued_until_its_turn_and_begins_with_its_pictures_there(jobs: Wire, control: Wire) -> None:
    running, waiting = one_and_next(jobs)
    assert states(control) == {running: "running", waiting: "queued"}
    for _ in range(3):
        said = jobs.until(waiting, Progress).body
        assert isinstance(said, Progress) and said.stage == "queued"
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    outcome = jobs.outcome(waiting).body
    assert isinstance(outcome, Result)
    # Three signs of life came while its pictures were at the worker, at least 0.35 s apart.
    assert outcome.report["timings"]["wait"] > 350


def test_jobs_come_back_in_the_order_in_which_they_were_sent(jobs: Wire) -> None:
    sent = [jobs.send(job(200, 150 + number, session=jobs.session)) for number in range(8)]
    assert endings(jobs, len(sent)) == [(one, Result) for one in sent]


def test_its_cancel_comes_at_once_and_the_one_behind_is_painted(jobs: Wire, control: Wire) -> None:
    running, waiting = one_and_next(jobs)
    behind = jobs.send(job(session=jobs.session))
    # Else the status, by another socket, may be asked for before it has come.
    jobs.until(behind, Accepted)
    control.ask(Cancel(waiting, jobs.session), Done)
    assert isinstance(jobs.outcome(waiting).body, Cancelled)
    assert states(control) == {running: "running", behind: "queued"}
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert isinstance(jobs.outcome(behind).body, Result)


def test_previews_pass_it(jobs: Wire, control: Wire) -> None:
    running, waiting = one_and_next(jobs)
    previews = [jobs.send(job(session=jobs.session, preview=True)) for _ in range(3)]
    wait_for(lambda: set(previews) <= states(control).keys(), "the previews")
    control.ask(Cancel(running, jobs.session), Done)
    ended = endings(jobs, 5)
    # The running job may have let some of them through before it was cancelled.
    ended.remove((running, Cancelled))
    assert ended == [(one, Result) for one in (*previews, waiting)]


def test_a_wish_to_finish_early_does_not_begin_it(jobs: Wire, control: Wire) -> None:
    running, waiting = one_and_next(jobs)
    control.ask(Finish(waiting, jobs.session), Done)
    assert states(control) == {running: "running", waiting: "queued"}
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(waiting).body, Result)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_worker_that_dies_again_and_again_costs_one_job_each_time(launch: Callable[..., Daemon]) -> None:
    daemon = launch()
    with Wire(daemon.connection) as jobs:
        first, second = (jobs.send(slow_job(jobs.session)) for _ in range(2))
        small = jobs.send(job(session=jobs.session))
        for one in (first, second):
            started(jobs, one)
            os.kill(daemon.worker_pid(), signal.SIGKILL)
            said = jobs.outcome(one).body
            assert isinstance(said, Failed) and said.code == "worker_died"
        assert isinstance(jobs.outcome(small).body, Result)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_it_is_cancelled_while_its_worker_stands_still(launch: Callable[..., Daemon]) -> None:
    daemon = launch()
    with Wire(daemon.connection) as jobs, Wire(daemon.connection, "control") as control:
        running, waiting = one_and_next(jobs)
        worker = daemon.worker_pid()
        os.kill(worker, signal.SIGSTOP)
        control.ask(Cancel(waiting, jobs.session), Done)
        assert isinstance(jobs.outcome(waiting).body, Cancelled)
        os.kill(worker, signal.SIGCONT)
        assert states(control) == {running: "running"} and daemon.worker_pid() == worker
        control.ask(Cancel(running, jobs.session), Done)
        assert isinstance(jobs.outcome(running).body, Cancelled)
