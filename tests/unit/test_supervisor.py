"""When a worker counts as hung, when it is started again, and when it is given up. No processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest

from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import Failed, Message, Progress, Result
from pastiched.config import ServeConfig
from pastiched.link import Beat, Estimates, Ready
from pastiched.supervisor import Events, Worker, WorkerState
from pastiched.worker_process import WorkerProcess

DEVICE = {"name": "cpu", "kind": "cpu", "state": "ready", "detail": ""}


class Process:
    """Stands for a process."""

    pid = 4711

    def __init__(self) -> None:
        self.killed = self.closed = False
        self.exit_code = -11

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        self.closed = True

    def cause_of_death(self) -> PasticheError:
        return PasticheError(ErrorCode.WORKER_DIED, "It died.")


class Watch:
    """A worker with its processes, what it told, and a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.processes: list[Process] = []
        self.said: list[Message] = []
        self.losses: list[PasticheError] = []
        events = Events(lambda _: None, lambda _, m: self.said.append(m), lambda _, why: self.losses.append(why))
        config = ServeConfig(Home(Path("home"), Path("python")), hang_seconds=60.0)
        self.worker = Worker("cpu", config, self._start, events)

    def _start(self, _: Worker) -> WorkerProcess:
        self.processes.append(Process())
        return cast(WorkerProcess, self.processes[-1])

    def hear(self, body: Any, parent: str = "") -> None:
        self.worker.hear(cast(WorkerProcess, self.processes[-1]), Message(body, parent=parent))

    def die(self) -> None:
        self.worker.bury(cast(WorkerProcess, self.processes[-1]))

    def wait(self, seconds: float, busy: bool = False, late: float = 0.0) -> None:
        self.now += seconds
        self.worker.check(self.now, busy, late)

    def get_ready(self) -> None:
        self.worker.start()
        self.hear(Ready(DEVICE))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_a_worker_is_usable_once_its_device_works(watch: Watch) -> None:
    watch.worker.start()
    assert not watch.worker.usable and watch.worker.info["state"] == "probing"
    watch.hear(Beat("starting", 0))
    assert not watch.worker.usable
    watch.hear(Ready(DEVICE))
    assert watch.worker.usable and watch.worker.info == DEVICE


def test_silence_is_hanging(watch: Watch) -> None:
    watch.get_ready()
    watch.wait(9.0)
    assert not watch.processes[0].killed
    watch.wait(2.0)
    assert watch.processes[0].killed and not watch.worker.usable
    watch.die()
    assert [why.code for why in watch.losses] == [ErrorCode.WORKER_HUNG]


def test_a_computing_thread_that_does_not_tick_hangs_though_the_worker_speaks(watch: Watch) -> None:
    watch.get_ready()
    for second in range(55):
        watch.hear(Beat("busy", 1))
        watch.wait(1.0, busy=True)
        assert not watch.processes[0].killed, second
    for _ in range(10):
        watch.hear(Beat("busy", 1))
        watch.wait(1.0, busy=True)
    assert watch.processes[0].killed


def test_ticks_show_that_it_gets_on(watch: Watch) -> None:
    watch.get_ready()
    for ticks in range(200):
        watch.hear(Beat("busy", ticks))
        watch.wait(1.0, busy=True)
    assert not watch.processes[0].killed


def test_an_idle_worker_need_not_tick(watch: Watch) -> None:
    watch.get_ready()
    for _ in range(200):
        watch.hear(Beat("idle", 0))
        watch.wait(1.0)
    assert not watch.processes[0].killed


def test_a_server_that_was_held_up_itself_blames_nobody(watch: Watch) -> None:
    watch.get_ready()
    watch.wait(3600.0, late=3599.9)
    assert not watch.processes[0].killed


def test_loading_may_take_long_but_not_for_ever(watch: Watch) -> None:
    watch.worker.start()
    watch.wait(170.0)
    assert not watch.processes[0].killed
    watch.hear(Beat("starting", 0))
    watch.wait(20.0)
    assert watch.processes[0].killed


def test_after_its_first_death_it_is_back_at_once_then_with_pauses(watch: Watch) -> None:
    watch.get_ready()
    watch.die()
    watch.wait(0.1)
    assert len(watch.processes) == 2 and watch.processes[0].closed
    pauses = []
    for _ in range(6):
        watch.hear(Ready(DEVICE))
        watch.die()
        died, count = watch.now, len(watch.processes)
        while len(watch.processes) == count:
            watch.wait(0.25)
        pauses.append(watch.now - died)
    assert pauses == sorted(pauses) and pauses[0] < 1 and 10 < pauses[-1] <= 31


def test_a_finished_job_clears_the_record(watch: Watch) -> None:
    watch.get_ready()
    for _ in range(10):
        watch.hear(Result({}), parent="job-1")
        watch.die()
        watch.wait(0.1)
        watch.hear(Ready(DEVICE))
    assert watch.worker.usable


def test_one_that_never_gets_ready_is_given_up_with_the_reason_and_tried_again_for_a_new_job(watch: Watch) -> None:
    watch.worker.start()
    for _ in range(3):
        watch.die()
        for _ in range(20):
            watch.wait(0.25)
    assert watch.worker.state is WorkerState.FAILED and len(watch.processes) == 3
    assert [why.sentence for why in watch.losses] == ["The computing process cannot be started. It died."]
    assert watch.worker.info["state"] == "failed" and watch.worker.condition(False) == "failed"
    watch.wait(10.0)
    assert len(watch.processes) == 3
    assert watch.worker.wake(watch.now) and len(watch.processes) == 4


def test_one_that_was_given_up_just_now_is_not_tried_again_yet(watch: Watch) -> None:
    watch.worker.start()
    watch.hear(Failed("no_device", "There is no such device.", ""))
    watch.die()
    assert not watch.worker.wake(watch.now + 1)
    assert watch.worker.failure.code is ErrorCode.NO_DEVICE and len(watch.processes) == 1


def test_the_reason_given_for_killing_it_is_the_reason_told(watch: Watch) -> None:
    watch.get_ready()
    watch.worker.kill(PasticheError(ErrorCode.WORKER_HUNG, "It did not stop."))
    watch.worker.kill(PasticheError(ErrorCode.ENGINE))
    watch.die()
    assert [why.sentence for why in watch.losses] == ["It did not stop."]


def test_what_an_old_process_says_is_not_heard(watch: Watch) -> None:
    watch.get_ready()
    old = watch.processes[0]
    watch.die()
    watch.wait(0.1)
    watch.worker.hear(cast(WorkerProcess, old), Message(Progress("load", 0.0), parent="job-1"))
    watch.worker.bury(cast(WorkerProcess, old))
    assert watch.said == [] and watch.worker.state is WorkerState.STARTING


def test_words_about_jobs_are_passed_on_and_estimates_kept(watch: Watch) -> None:
    watch.get_ready()
    watch.hear(Progress("load", 0.0), parent="job-1")
    known = {"method": "fast", "seconds": 0.1, "seconds_per_megapixel": 0.2, "memory": 3, "memory_per_megapixel": 4}
    watch.hear(Estimates([known, {"method": "bad"}]))
    assert [m.parent for m in watch.said] == ["job-1"] and watch.worker.estimates == [known]


def test_its_condition_is_told(watch: Watch) -> None:
    watch.worker.start()
    assert watch.worker.condition(False) == "starting"
    watch.hear(Ready(DEVICE))
    watch.hear(Beat("idle", 0))
    assert (watch.worker.condition(False), watch.worker.condition(True)) == ("idle", "busy")
    watch.hear(Beat("unloaded", 0))
    assert watch.worker.condition(False) == "unloaded"
