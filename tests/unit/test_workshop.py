"""What becomes of a job in the worker: one outcome whatever the engine does, previews only where they may come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

import pastiched.engines
from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import Body, Failed, Message, Result, Submit
from pastiche.protocol import Cancelled as CancelledBody
from pastiched.courier import Courier
from pastiched.device import Device
from pastiched.engines.base import Callbacks, EngineJob, EngineResult
from pastiched.link import Estimates, Setup
from pastiched.task import Task
from pastiched.workshop import Workshop

CONTENT = PixelFormat("content", 4, 4, 3, "u8")
STYLE = PixelFormat("style", 4, 4, 3, "u8")
RESULT = EngineResult(PixelBuffer(PixelFormat("pastiche", 4, 4, 3, "u8"), bytes(48)), {"stylize": 1.0})

Behaviour = Callable[[EngineJob, Callbacks], EngineResult]


class Frame:
    def __init__(self, data: bytes) -> None:
        self.buffer = memoryview(data)


class Outbox:
    """Stands for the io thread."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Body]] = []
        self.previews: deque[Task] = deque()
        self.state, self.ticks = "starting", 0

    def post(self, body: Body, tag: str = "", picture: PixelBuffer | None = None) -> None:
        self.posted.append((tag, body))

    def take_preview(self) -> Task | None:
        return self.previews.popleft() if self.previews else None

    def outcomes(self) -> list[tuple[str, Body]]:
        return [(tag, body) for tag, body in self.posted if isinstance(body, Result | Failed | CancelledBody)]


class Engine:
    method = "fast"

    def __init__(self, behave: Behaviour) -> None:
        self.behave, self.loads, self.unloads = behave, 0, 0

    def load(self) -> None:
        self.loads += 1

    def unload(self) -> None:
        self.unloads += 1

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        return 0.5 + 2.0 * width * height / 1e6, 1000 + width * height * 4

    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        return self.behave(job, callbacks)


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outbox, self.engine = Outbox(), Engine(lambda job, callbacks: RESULT)
        monkeypatch.setattr(pastiched.engines, "create_engine", lambda *_: self.engine)
        setup = Setup("", "", "", "", "cpu", 0, False, 100.0, "info")
        device = Device(torch.device("cpu"), "cpu", "")
        self.workshop = Workshop(setup, device, cast(Courier, self.outbox))

    def work(self, behave: Behaviour, task: Task) -> Body:
        self.engine.behave = behave
        self.workshop.work_on(task)
        (outcome,) = [body for tag, body in self.outbox.outcomes() if tag == task.tag]
        return outcome


def make(tag: str, preview: bool = False) -> Task:
    body = Submit({"method": "fast"}, [{"weight": 1.0, "buffer": 1}], [], preview)
    frames = (Frame(bytes(48)), Frame(bytes(48)))
    task = Task(Message(body, parent=tag, buffers=(CONTENT, STYLE), frames=frames))
    task.complete()
    return task


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def raising(error: BaseException) -> Behaviour:
    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        raise error

    return behave


FAILURES = {
    "memory": (MemoryError(), ErrorCode.OUT_OF_MEMORY),
    "torch's memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), ErrorCode.OUT_OF_MEMORY),
    "its own": (PasticheError(ErrorCode.BAD_PICTURE, "Too odd."), ErrorCode.BAD_PICTURE),
    "a bug": (KeyError("x"), ErrorCode.ENGINE),
    "an exit": (SystemExit(3), ErrorCode.ENGINE),
}


@pytest.mark.parametrize(("error", "code"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_told_in_a_sentence_and_the_next_job_works(
    bench: Bench, error: BaseException, code: ErrorCode
) -> None:
    said = bench.work(raising(error), make("one"))
    assert isinstance(said, Failed) and said.code == code and "Traceback" not in said.sentence
    assert isinstance(bench.work(lambda job, callbacks: RESULT, make("two")), Result)
    assert not bench.workshop.broken


def test_a_lost_device_ends_the_worker(bench: Bench) -> None:
    bench.work(raising(RuntimeError("CUDA error: device-side assert triggered")), make("one"))
    assert bench.workshop.broken


def test_a_cancelled_job_stops_at_the_next_check(bench: Bench) -> None:
    task = make("one")

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        task.cancel.set()
        callbacks.check()
        raise AssertionError("went on")

    assert isinstance(bench.work(behave, task), CancelledBody)


def test_a_job_cancelled_while_it_waited_is_not_begun(bench: Bench) -> None:
    task = make("one")
    task.cancel.set()
    assert isinstance(bench.work(raising(AssertionError()), task), CancelledBody)


def test_pictures_are_let_go_after_the_outcome(bench: Bench) -> None:
    task = make("one")
    bench.work(lambda job, callbacks: RESULT, task)
    assert task.pictures == {}


def test_a_preview_is_let_through_between_steps_and_nowhere_else(bench: Bench) -> None:
    order: list[str] = []

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        if job.preview:
            callbacks.between_steps()
            order.append("preview")
            return RESULT
        bench.outbox.previews += [make("preview", True), make("second preview", True)]
        callbacks.check()
        callbacks.progress("stylize", 0.5)
        order.append("first step")
        callbacks.between_steps()
        order.append("second step")
        return RESULT

    bench.work(behave, make("full"))
    # A preview itself lets none through.
    assert order == ["first step", "preview", "second step"]
    assert [tag for tag, _ in bench.outbox.outcomes()] == ["preview", "full"]


def test_a_preview_that_fails_leaves_the_full_job_alone(bench: Bench) -> None:
    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        if job.preview:
            raise MemoryError
        bench.outbox.previews.append(make("preview", True))
        callbacks.between_steps()
        return RESULT

    assert isinstance(bench.work(behave, make("full")), Result)
    assert {tag: type(body) for tag, body in bench.outbox.outcomes()} == {"preview": Failed, "full": Result}


def test_every_callback_is_a_tick_and_the_fraction_never_falls(bench: Bench) -> None:
    task = make("one")

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        for fraction in (0.1, 0.5, 0.3, float("nan"), 7.0):
            callbacks.progress("stylize", fraction)
        callbacks.check()
        assert callbacks.finishing() is False
        task.finish.set()
        assert callbacks.finishing() is True
        return RESULT

    assert isinstance(bench.work(behave, task), Result)
    assert bench.outbox.ticks >= 8 and task.fraction == 1.0


def test_estimates_are_a_line_through_the_engines_own(bench: Bench) -> None:
    bench.work(lambda job, callbacks: RESULT, make("one"))
    sent = [body for _, body in bench.outbox.posted if isinstance(body, Estimates)]
    seconds, slope, memory, slope_memory = sent[-1].methods["fast"]
    assert slope / seconds == pytest.approx(4.0) and (memory, slope_memory) == (1000, 4_000_000)
    # The job took no time at all: the next estimate is half of the first.
    assert seconds == pytest.approx(0.25, rel=0.1)


def test_idle_engines_are_unloaded_and_loaded_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.work(lambda job, callbacks: RESULT, make("one"))
    bench.workshop._unload_idle()
    assert bench.engine.unloads == 0
    later = time.monotonic() + 101
    monkeypatch.setattr(time, "monotonic", lambda: later)
    bench.workshop._unload_idle()
    assert (bench.engine.unloads, bench.outbox.state) == (1, "unloaded")
    bench.work(lambda job, callbacks: RESULT, make("two"))
    assert bench.engine.loads == 2


def test_a_style_of_the_library_comes_as_a_path(bench: Bench) -> None:
    body = Submit({"method": "fast"}, [{"weight": 2.0, "path": "/gallery/wave.png"}])
    task = Task(Message(body, parent="one", buffers=(CONTENT,), frames=(Frame(bytes(48)),)))
    (style,) = task.engine_job().styles
    assert (style.path, style.pixels, style.weight) == (Path("/gallery/wave.png"), None, 2.0)
