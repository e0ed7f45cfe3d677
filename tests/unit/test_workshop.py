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
from pastiche.options import METHODS, defaults
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import Body, Failed, Message, Progress, Result, Submit
from pastiche.protocol import Cancelled as CancelledBody
from pastiched.courier import Courier
from pastiched.device import Device
from pastiched.engines.base import Callbacks, EngineJob, EngineResult
from pastiched.link import Begun, Estimates, Setup
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
        self.shown: list[str] = []
        self.previews: deque[Task] = deque()
        self.next_task: Callable[[float], Task | None] = lambda timeout: None
        self.state, self.ticks = "starting", 0

    def post(self, body: Body, tag: str = "", picture: PixelBuffer | None = None) -> None:
        self.posted.append((tag, body))

    def show(self, tag: str, picture: PixelBuffer) -> None:
        self.shown.append(tag)

    def take_preview(self) -> Task | None:
        return self.previews.popleft() if self.previews else None

    def outcomes(self) -> list[tuple[str, Body]]:
        return [(tag, body) for tag, body in self.posted if isinstance(body, Result | Failed | CancelledBody)]


class Engine:
    def __init__(self, method: str, behave: Behaviour) -> None:
        self.method, self.behave, self.loads, self.unloads = method, behave, 0, 0

    def load(self) -> None:
        self.loads += 1

    def unload(self) -> None:
        self.unloads += 1

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        if options["features"] == "vgg19":
            raise PasticheError(ErrorCode.ENGINE, "VGG-19 is not here.")
        times = {"draft": 1, "normal": 2, "best": 20}[options["effort"]] if self.method == "fine" else 1
        megapixels = min(16.0, width * height / 1e6)
        return (0.5 + 2.0 * megapixels) * times, 1000 + int(megapixels * 4e6)

    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        return self.behave(job, callbacks)


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outbox = Outbox()
        self.engines = {method: Engine(method, lambda job, callbacks: RESULT) for method in METHODS}
        self.engine = self.engines["fast"]
        monkeypatch.setattr(pastiched.engines, "create_engine", lambda method, _: self.engines[method])
        setup = Setup("", "", "", "", "cpu", 0, False, 100.0, "info")
        device = Device(torch.device("cpu"), "cpu", "")
        self.workshop = Workshop(setup, device, cast(Courier, self.outbox))

    def work(self, behave: Behaviour, task: Task) -> Body:
        for engine in self.engines.values():
            engine.behave = behave
        self.workshop.work_on(task)
        (outcome,) = [body for tag, body in self.outbox.outcomes() if tag == task.tag]
        return outcome


def make(tag: str, preview: bool = False, options: dict[str, Any] | None = None, **files: str) -> Task:
    values = defaults() | (options or {})
    body = Submit(values, [{"weight": 1.0, "buffer": 1}], [], preview, **files)
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


def test_a_worker_that_can_compute_nothing_more_says_what_it_lacked_and_leaves(bench: Bench) -> None:
    said = bench.work(raising(RuntimeError("could not create a primitive")), make("one"))
    assert isinstance(said, Failed) and said.code == "out_of_memory" and bench.workshop.broken


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


def test_a_preview_is_not_cancelled_with_the_job_that_let_it_through(bench: Bench) -> None:
    full, hosts = make("full"), list[Callbacks]()

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        if job.preview:
            full.cancel.set()
            hosts[0].check()
            callbacks.check()
            return RESULT
        hosts.append(callbacks)
        bench.outbox.previews.append(make("preview", True))
        callbacks.between_steps()
        return RESULT

    assert isinstance(bench.work(behave, full), CancelledBody)
    assert {tag: type(body) for tag, body in bench.outbox.outcomes()} == {"preview": Result, "full": CancelledBody}


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


def test_a_detail_is_sent_by_itself_and_only_its_numbers(bench: Bench) -> None:
    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        callbacks.progress("stylize", 0.25)
        callbacks.progress("stylize", 0.5, {"iteration": 100, "style": 0.5, "tv": float("nan"), "odd": torch.ones(1)})
        callbacks.preview(PixelBuffer(PixelFormat("preview", 4, 4, 3, "u8"), bytes(48)))
        return RESULT

    bench.work(behave, make("one"))
    (told,) = [(tag, body) for tag, body in bench.outbox.posted if isinstance(body, Progress)]
    assert told == ("one", Progress("stylize", 0.5, told[1].seconds_left, {"iteration": 100, "style": 0.5}))
    assert bench.outbox.shown == ["one"]


def test_the_engine_is_given_the_files_of_the_run(bench: Bench, tmp_path: Path) -> None:
    kept = str(tmp_path / "run.pastiche-state")
    given: list[EngineJob] = []

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        given.append(job)
        return RESULT

    bench.work(behave, make("one", options={"method": "fine"}, state=kept))
    bench.work(behave, make("two"))
    assert [(job.state, job.resume) for job in given] == [(Path(kept), None), (None, None)]
    # Something else has come to lie there while the job waited.
    Path(kept).write_bytes(b"a letter")
    said = bench.work(behave, make("three", options={"method": "fine"}, state=kept))
    assert isinstance(said, Failed) and said.code == "unwritable" and len(given) == 2


def estimates(bench: Bench, method: str) -> list[dict[str, Any]]:
    sent = [body for _, body in bench.outbox.posted if isinstance(body, Estimates)]
    return [entry for entry in sent[-1].entries if entry["method"] == method]


def test_estimates_are_a_line_through_the_engines_own(bench: Bench) -> None:
    bench.work(lambda job, callbacks: RESULT, make("one"))
    (fast,) = estimates(bench, "fast")
    assert fast["seconds_per_megapixel"] / fast["seconds"] == pytest.approx(4.0)
    assert (fast["memory"], fast["memory_per_megapixel"], fast["options"]) == (1000, 4_000_000, {})
    # The job took no time at all: the next estimate is half of the first.
    assert fast["seconds"] == pytest.approx(0.25, rel=0.1)


def test_estimates_of_every_method_heed_the_options_that_tell_and_leave_out_what_is_not_here(bench: Bench) -> None:
    bench.work(lambda job, callbacks: RESULT, make("one", options={"effort": "draft"}))
    fine = estimates(bench, "fine")
    assert fine[0]["options"] == {} and bench.engines["fine"].loads == 0
    assert [entry["options"] for entry in fine[1:]] == [
        {"features": "compact"},
        {"effort": "draft"},
        {"effort": "draft", "features": "compact"},
        {"effort": "best"},
        {"effort": "best", "features": "compact"},
    ]
    best = next(entry for entry in fine if entry["options"] == {"effort": "best"})
    assert best["seconds"] == 10.0 and best["points"][-1][1:] == [650.0, 1000 + 64e6]


def test_what_is_learned_is_told_when_no_job_waits_for_it(bench: Bench) -> None:
    """Working it out would hold the next job up."""
    waiting = deque([make("one"), make("two"), make("three")])

    def next_task(timeout: float) -> Task | None:
        bench.workshop.broken = not waiting and timeout > 0
        return waiting.popleft() if waiting else None

    bench.outbox.next_task = next_task
    bench.workshop.run()
    kinds = [type(body) for _, body in bench.outbox.posted if isinstance(body, Result | Estimates)]
    assert kinds == [Estimates, Result, Result, Result, Estimates]
    (fast,) = estimates(bench, "fast")
    assert fast["seconds"] < 0.1


def test_the_server_hears_when_a_job_begins(bench: Bench) -> None:
    begun: list[bool] = []

    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        begun.append(("one", Begun()) in bench.outbox.posted)
        return RESULT

    bench.work(behave, make("one"))
    assert begun == [True]


def test_the_pace_is_learned_for_each_effort_and_first_taken_from_the_other(bench: Bench) -> None:
    bench.work(lambda job, callbacks: RESULT, make("one", options={"method": "fine"}))
    paces = [bench.workshop._pace.of("fine", defaults() | {"effort": effort}) for effort in ("normal", "best")]
    assert paces == pytest.approx([0.5, 0.5], abs=0.1)
    bench.workshop._pace.learn("fine", defaults() | {"effort": "best"}, 3.5)
    assert bench.workshop._pace.of("fine", defaults() | {"effort": "best"}) == pytest.approx(2.0, abs=0.1)
    assert bench.workshop._pace.of("fine", defaults()) == pytest.approx(0.5, abs=0.1)


def test_the_time_left_of_a_run_that_goes_on_is_measured_from_where_it_had_been_left() -> None:
    task = make("one", options={"method": "fine"}, resume="/run.pastiche-state")
    task.started, task.expected = time.monotonic() - 10, 100.0
    task.advance("style", 0.05)
    task.advance("stylize", 0.6)
    now = time.monotonic()
    assert task.seconds_left(now) == pytest.approx(40.0, abs=0.5)
    task.advance("stylize", 0.8)
    assert task.seconds_left(now + 30) == pytest.approx(30.0, abs=0.5)


def test_a_run_that_ended_early_teaches_nothing(bench: Bench) -> None:
    task = make("one", options={"method": "fine"})
    task.finish.set()
    bench.work(lambda job, callbacks: RESULT, task)
    assert bench.workshop._pace.of("fine", defaults()) == 1.0


def test_a_preview_in_between_costs_the_full_job_nothing_in_its_pace(bench: Bench) -> None:
    def behave(job: EngineJob, callbacks: Callbacks) -> EngineResult:
        if job.preview:
            time.sleep(0.5)
            return RESULT
        bench.outbox.previews.append(make("preview", True))
        callbacks.between_steps()
        return RESULT

    bench.work(behave, make("full", options={"method": "fine"}))
    assert bench.workshop._pace.of("fine", defaults()) == pytest.approx(0.5, abs=0.1)


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


def test_a_trained_model_comes_as_a_path_and_is_no_style() -> None:
    body = Submit(defaults() | {"method": "trained", "model": "ink"}, [{"model": "/models/ink.safetensors"}])
    engine_job = Task(Message(body, parent="one", buffers=(CONTENT,), frames=(Frame(bytes(48)),))).engine_job()
    assert (engine_job.styles, engine_job.model) == ([], Path("/models/ink.safetensors"))
    assert engine_job.options["model"] == "ink"


def test_a_style_of_the_library_comes_as_a_path(bench: Bench) -> None:
    body = Submit(defaults(), [{"weight": 2.0, "path": "/gallery/wave.png"}])
    task = Task(Message(body, parent="one", buffers=(CONTENT,), frames=(Frame(bytes(48)),)))
    (style,) = task.engine_job().styles
    assert (style.path, style.pixels, style.weight) == (Path("/gallery/wave.png"), None, 2.0)
