"""Workers that die, hang or do not listen: the job says why, the next one works."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire import Daemon, Wire, is_gone, job, ready_worker, slow_job, start_daemon, started, wait_for

from pastiche.protocol import Cancel, Cancelled, Done, Failed, Result

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = start_daemon(tmp_path_factory.mktemp("home"))
    yield daemon
    daemon.stop()


@pytest.fixture
def jobs(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.connection) as wire:
        yield wire


@pytest.fixture
def worker(daemon: Daemon) -> int:
    return daemon.worker_pid()


def failure(wire: Wire, job_id: str) -> Failed:
    body = wire.outcome(job_id).body
    assert isinstance(body, Failed), body
    return body


def works(wire: Wire) -> bool:
    return isinstance(wire.outcome(wire.send(job(session=wire.session))).body, Result)


def test_a_killed_worker_is_explained_and_the_next_job_works(daemon: Daemon, jobs: Wire, worker: int) -> None:
    running, waiting = jobs.send(slow_job(jobs.session)), jobs.send(job(session=jobs.session))
    started(jobs, running)
    os.kill(worker, signal.SIGKILL)
    said = failure(jobs, running)
    assert said.code == "worker_died" and "SIGKILL" in said.sentence and "memory" in said.sentence
    assert isinstance(jobs.outcome(waiting).body, Result)
    assert daemon.worker_pid() != worker and is_gone(worker)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_the_signal_a_worker_died_of_is_named(jobs: Wire, worker: int, number: signal.Signals) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    os.kill(worker, number)
    said = failure(jobs, running)
    assert said.code == "worker_died" and number.name in said.sentence


def test_an_idle_worker_that_dies_is_replaced(daemon: Daemon, jobs: Wire, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)
    with Wire(daemon.connection, "control") as control:
        wait_for(lambda: (ready_worker(control) or worker) != worker, "another worker")
    assert works(jobs)


def test_a_worker_that_does_not_listen_to_cancel_is_ended(daemon: Daemon, jobs: Wire, worker: int) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    os.kill(worker, signal.SIGSTOP)
    with Wire(daemon.connection, "control") as control:
        assert control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    wait_for(lambda: is_gone(worker), "its end")
    assert works(jobs)


def test_a_worker_that_hangs_is_noticed_and_replaced(jobs: Wire, worker: int) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    os.kill(worker, signal.SIGSTOP)
    assert failure(jobs, running).code == "worker_hung"
    assert works(jobs)


def test_the_log_names_no_picture_and_shows_no_traceback(daemon: Daemon, jobs: Wire) -> None:
    assert works(jobs)
    log = daemon.log()
    assert "Worker" in log and "Traceback" not in log
    assert str(Path(daemon.home.folder)) not in log
