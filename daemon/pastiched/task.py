"""A job inside the worker: its pictures, its wishes (cancel, finish) and how far it is."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Message, Progress, Submit
from pastiche.state_files import as_path, check_files, check_names
from pastiched.engines.base import EngineJob, StyleInput

SURE_AFTER_SECONDS = 0.5
SURE_ABOVE = 0.05


class Task:
    """Shared by the worker's two threads: the io thread fills it and sets its wishes, the computing thread runs it."""

    def __init__(self, message: Message) -> None:
        body = message.body
        assert isinstance(body, Submit)
        self.tag = message.parent
        self.body = body
        self.preview = body.preview
        self.method = str(body.options.get("method"))
        frames = iter(message.frames)
        self.pictures = {
            index: PixelBuffer(form, next(frames).buffer)
            for index, form in enumerate(message.buffers)
            if index not in body.streams
        }
        self.cancel = threading.Event()
        self.finish = threading.Event()
        self.arrived = time.monotonic()
        self.completed = 0.0
        self.started = 0.0
        self.expected = 0.0
        """Seconds that the engine expects to need, 0 = unknown."""
        self.stage = "receive"
        self.fraction = 0.0
        self._resumed: tuple[float, float] | None = None
        """When a run that goes on was where it had been left, and how far that was."""
        self.shown: tuple[str, float] | None = None
        self.told = self.previewed = 0.0

    def complete(self) -> None:
        """All pictures are here."""
        self.completed = time.monotonic()

    def advance(self, stage: str, fraction: float) -> None:
        self.stage, self.fraction = stage, min(max(fraction, self.fraction), 1.0)
        if self.body.resume and self._resumed is None and stage == "stylize":
            self._resumed = time.monotonic(), self.fraction

    def seconds_left(self, now: float) -> float | None:
        """Estimated from the fraction, or from what the engine expected while too little has been done."""
        if not self.started:
            return None
        began, before = self._resumed or (self.started, 0.0)
        spent, done = now - began, self.fraction - before
        if spent > SURE_AFTER_SECONDS and done > SURE_ABOVE * (1 - before):
            return round(spent * (1 - self.fraction) / done, 2)
        return round(max(0.0, self.expected * (1 - before) - spent), 2) if self.expected else None

    def progress(self, now: float, detail: dict[str, Any] | None = None) -> Progress:
        """How far it is, as it is told."""
        return Progress(self.stage, round(self.fraction, 4), self.seconds_left(now), detail or {})

    def engine_job(self) -> EngineJob:
        """The engine's view. Raises BAD_MESSAGE if the server sent something else than it promised.

        Files are looked at again, as they may have changed while the job waited: UNREADABLE, UNWRITABLE.
        """
        by_role = {picture.format.role: picture for picture in self.pictures.values()}
        if "content" not in by_role:
            raise PasticheError(ErrorCode.BAD_MESSAGE)
        styles = [
            StyleInput(
                self.pictures[style["buffer"]] if "buffer" in style else None,
                Path(style["path"]) if "path" in style else None,
                style["weight"],
            )
            for style in self.body.styles
            if "model" not in style
        ]
        model = next((Path(style["model"]) for style in self.body.styles if "model" in style), None)
        options = dict(self.body.options)
        check_names(self.body.state, self.body.resume, str(options["method"]))
        state, resume = as_path(self.body.state), as_path(self.body.resume)
        check_files(state, resume)
        return EngineJob(by_role["content"], styles, by_role.get("mask"), options, self.preview, state, resume, model)

    def release(self) -> None:
        """Lets go of the pictures."""
        self.pictures = {}
