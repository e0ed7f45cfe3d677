"""Where a worker's computing thread spends its life: engines kept warm, one job at a time, previews in between."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import describe_failure
from pastiche.options import METHODS
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Cancelled as CancelledBody
from pastiche.protocol import Failed, Result
from pastiche.version import VERSION
from pastiched.courier import Courier
from pastiched.device import Device
from pastiched.engines.base import Cancelled
from pastiched.link import Begun, Estimates, Ready, Setup
from pastiched.memory import free_unused, is_broken_device, is_out_of_memory, peak_bytes, reset_peak
from pastiched.pace import Pace, estimates
from pastiched.task import Task

if TYPE_CHECKING:
    from pastiched.engines.base import Engine, EngineResult

WARM_METHOD = METHODS[0]
TELLING_SECONDS = 0.2
"""Shorter jobs say little about the pace of long ones."""
ESTIMATES_SECONDS = 10.0
"""How often new estimates are sent while jobs follow each other; working them out holds the next job up."""
log = logging.getLogger(__name__)


class Workshop:
    """Everything that the computing thread does."""

    def __init__(self, setup: Setup, device: Device, courier: Courier) -> None:
        self.setup, self.device, self.courier = setup, device, courier
        self._engines: dict[str, Engine] = {}
        self._loaded: dict[str, float] = {}
        """When each loaded engine was last used."""
        self._pace = Pace()
        self._told = 0.0
        """When estimates were last sent,"""
        self._untold = False
        """and whether something has been learned since."""
        self.broken = False

    def run(self) -> None:
        """Works until the process is ended from outside, or its device is lost."""
        self.courier.post(Ready(self.device.to_wire(self.setup.device)))
        try:
            self._engine(WARM_METHOD)
        except Exception as error:
            log.error("The %s method could not be loaded.\n%s", WARM_METHOD, describe_failure(error))
        self._send_estimates()
        self._rest()
        while not self.broken:
            task = self.courier.next_task(0.0 if self._untold else 1.0)
            if task:
                self.work_on(task)
                self._rest()
            elif self._untold:
                self._send_estimates()
            else:
                self._unload_idle()

    def _rest(self) -> None:
        self.courier.state = "idle" if self._loaded else "unloaded"

    def work_on(self, task: Task) -> None:
        """Runs a job to its one outcome; nothing it raises gets out."""
        self.courier.state = "busy"
        self.courier.post(Begun(), task.tag)
        try:
            result, report, lesson = self._compute(task)
        except Cancelled:
            self.courier.post(CancelledBody(), task.tag)
        except BaseException as error:
            self._fail(task, error)
        else:
            self.courier.post(Result(report), task.tag, result.pastiche)
            self.broken |= result.broken
            lesson()
        finally:
            task.release()

    def _compute(self, task: Task) -> tuple[EngineResult, dict[str, Any], Callable[[], None]]:
        """The result, its report, and what is to be learned from it once it is on its way."""
        task.started = time.monotonic()
        reset_peak(self.device.torch_device)
        calls = JobCalls(self, task)
        calls.check()
        job = task.engine_job()
        method = str(job.options["method"])
        calls.progress("load", 0.0)
        engine = self._engine(method)
        loaded = time.monotonic()
        width, height = job.content.format.width, job.content.format.height
        estimated, _ = engine.estimate(width, height, job.options)
        task.expected = estimated * self._pace.of(method, job.options)
        result = engine.run(job, calls)
        ended = time.monotonic()
        self._loaded[method] = ended
        whole = not job.resume and not task.finish.is_set()
        options, seconds = dict(job.options), ended - loaded - calls.lent

        def lesson() -> None:
            if whole:
                self._learn(engine, width, height, options, seconds)

        timings = {
            "receive": (task.completed - task.arrived) * 1000,
            "wait": (task.started - task.completed) * 1000,
            "load": (loaded - task.started) * 1000,
            "run": (ended - loaded) * 1000,
            **result.timings,
        }
        return result, self._report(job.options, result, timings, calls.peak()), lesson

    def _learn(self, engine: Engine, width: int, height: int, options: dict[str, Any], seconds: float) -> None:
        """Engines learn too: what is left to be learned here is how far they are off by now."""
        try:
            estimated, _ = engine.estimate(width, height, options)
        except PasticheError as error:
            # A feature network that was removed meanwhile, for instance.
            log.info("Nothing is learned of a job: %s", error.sentence)
            return
        if estimated > TELLING_SECONDS:
            self._pace.learn(engine.method, options, seconds / estimated)
            self._untold = True
            if time.monotonic() - self._told > ESTIMATES_SECONDS:
                self._send_estimates()

    def _report(
        self, options: dict[str, Any], result: EngineResult, timings: dict[str, float], memory: dict[str, int]
    ) -> dict[str, Any]:
        import torch

        return {
            "method": options["method"],
            "options": options,
            "timings": {stage: round(float(ms), 2) for stage, ms in timings.items()},
            "device": self.device.to_wire(self.setup.device),
            "memory": memory,
            "models": result.models,
            "notes": result.notes,
            "versions": {"pastiche": VERSION, "torch": str(torch.__version__), "python": platform.python_version()},
        }

    def _fail(self, task: Task, error: BaseException) -> None:
        if isinstance(error, PasticheError):
            failure = error
        elif is_out_of_memory(error):
            log.error("A job ran out of memory.\n%s", describe_failure(error))
            failure = PasticheError(ErrorCode.OUT_OF_MEMORY)
            self.broken |= is_broken_device(error)
        else:
            log.error("A job failed.\n%s", describe_failure(error))
            failure = PasticheError(ErrorCode.ENGINE)
            self.broken |= is_broken_device(error)
        error.__traceback__ = None
        free_unused(self.device.torch_device)
        self.courier.post(Failed(str(failure.code), failure.sentence, failure.hint), task.tag)

    def _engine(self, method: str) -> Engine:
        engine = self._known_engine(method)
        if method not in self._loaded:
            engine.load()
        self._loaded[method] = time.monotonic()
        return engine

    def _known_engine(self, method: str) -> Engine:
        """Loaded or not."""
        from pastiched.engines import create_engine

        if method not in self._engines:
            self._engines[method] = create_engine(method, self.device.torch_device)
        return self._engines[method]

    def _unload_idle(self) -> None:
        if not self.setup.idle_unload:
            return
        old = time.monotonic() - self.setup.idle_unload
        idle = [method for method, used in self._loaded.items() if used < old]
        for method in idle:
            self._engines[method].unload()
            del self._loaded[method]
        if idle:
            free_unused(self.device.torch_device)
            self._rest()

    def _send_estimates(self) -> None:
        """Of every method, loaded or not."""
        self._told, self._untold = time.monotonic(), False
        entries = []
        for method in METHODS:
            try:
                entries += estimates(self._known_engine(method), self._pace)
            except Exception as error:
                log.error("The %s method could not be asked.\n%s", method, describe_failure(error))
        self.courier.post(Estimates(entries))


class JobCalls:
    """An engine's callbacks for one job."""

    def __init__(self, workshop: Workshop, task: Task) -> None:
        self._workshop, self._task = workshop, task
        self._peak: dict[str, int] = {}
        self.lent = 0.0
        self._lending = False
        """Whether one of them is being computed."""

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        self._workshop.courier.ticks += 1
        self._task.advance(stage, fraction if math.isfinite(fraction) else 0.0)
        if detail:
            self._workshop.courier.post(self._task.progress(time.monotonic(), plain(detail)), self._task.tag)

    def check(self) -> None:
        self._workshop.courier.ticks += 1
        # Networks may still be watched for this job while they compute a preview, which is not to be cancelled with it.
        if self._task.cancel.is_set() and not self._lending:
            raise Cancelled

    def between_steps(self) -> None:
        self.check()
        if not self._task.preview and (waiting := self._workshop.courier.take_preview()):
            # The preview's own measure starts anew.
            self._peak = self.peak()
            began, self._lending = time.monotonic(), True
            self._workshop.work_on(waiting)
            self._lending = False
            self.lent += time.monotonic() - began
            self.check()

    def preview(self, pixels: PixelBuffer) -> None:
        self._workshop.courier.ticks += 1
        self._workshop.courier.show(self._task.tag, pixels)

    def finishing(self) -> bool:
        self._workshop.courier.ticks += 1
        return self._task.finish.is_set()

    def peak(self) -> dict[str, int]:
        """Bytes that the job has taken at most."""
        now = peak_bytes(self._workshop.device.torch_device)
        return {place: max(nbytes, self._peak.get(place, 0)) for place, nbytes in now.items()}


def plain(detail: dict[str, Any]) -> dict[str, int | float]:
    """What of a detail can be sent: numbers of Python's own."""
    numbers: dict[str, int | float] = {}
    for name, value in detail.items():
        if isinstance(value, int) and not isinstance(value, bool):
            numbers[str(name)] = int(value)
        elif isinstance(value, float) and math.isfinite(value):
            numbers[str(name)] = float(value)
    return numbers
