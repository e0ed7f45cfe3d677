"""The one small interface behind which every method of making a pastiche stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pastiche.pixels import PixelBuffer


class Cancelled(Exception):
    """The job is no longer wanted; raised by `Callbacks.check` and let through by the engine."""


class Callbacks(Protocol):
    """How a running engine talks to the worker. Every call shows that the engine gets on (else it counts as hung)."""

    lent: float
    """Seconds that went to previews in between."""

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        """`stage` "load", "style", "stylize" or "finish"; `fraction` 0..1 of the whole job.

        `detail` (scale, scales, iteration, iterations, and the losses by name) goes out at once and is never skipped.
        """

    def check(self) -> None:
        """Raises Cancelled."""

    def between_steps(self) -> None:
        """Raises Cancelled; lets a waiting preview through. An engine that calls it bears being entered again."""

    def preview(self, pixels: PixelBuffer) -> None:
        """Shows a reduced picture of role "preview"."""

    def finishing(self) -> bool:
        """Whether the user wants the picture as it is now."""
        ...


@dataclass
class StyleInput:
    """A style picture: raw pixels, or the path of a library picture, which the engine decodes. Weights are > 0."""

    pixels: PixelBuffer | None
    path: Path | None
    weight: float


@dataclass
class EngineJob:
    """Raw pictures as they came, and complete options. `mask`: 0 = keep the photograph."""

    content: PixelBuffer
    styles: list[StyleInput]
    mask: PixelBuffer | None
    options: dict[str, Any]
    preview: bool = False
    state: Path | None = None
    """Where a method that can be interrupted keeps what it needs to go on."""
    resume: Path | None = None
    """Such a file, to go on from."""
    model: Path | None = None
    """The file of a trained model, for the method that takes one."""


@dataclass
class EngineResult:
    """The pastiche (role "pastiche", the content's size). `timings` in milliseconds by stage."""

    pastiche: PixelBuffer
    timings: dict[str, float] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: bool = False
    """Whether the device cannot be used any more by this process, although there is a picture."""


class Engine(Protocol):
    """A method on one device: loaded once, then run many times."""

    method: str

    def load(self) -> None: ...

    def unload(self) -> None: ...

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        """(seconds, bytes) that a picture would take."""
        ...

    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        """Raises Cancelled, PasticheError, or whatever went wrong."""
        ...
