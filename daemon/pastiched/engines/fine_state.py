"""Keeping a Fine painting's state in a file, and taking one up only for what it was made of."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiched.engines.base import EngineJob
from pastiched.engines.inputs import content_hash, pixels_hash
from pastiched.models import Model
from pastiched.optimization.painter import Recipe
from pastiched.optimization.state import State, read_state, write_state

EVERY_SECONDS = 30.0
log = logging.getLogger(__name__)


class StateFile:
    """The file of a job that wants one (`path` None: nothing is written)."""

    def __init__(self, path: Path | None, description: dict[str, Any]) -> None:
        self._path, self._description = path, description
        self._written = time.monotonic()
        self.trouble = ""
        """Why the last state could not be written."""

    def read(self, path: Path) -> State:
        """Raises PasticheError(UNREADABLE), or BAD_OPTION where it belongs to another job."""
        state = read_state(path)
        for part, value in self._description.items():
            if state.job.get(part) != value:
                raise PasticheError(
                    ErrorCode.BAD_OPTION,
                    f"{path.name} was painted with another {part}.",
                    "Resume with the same pictures and options.",
                )
        return state

    def offer(self, state: Callable[[], State]) -> None:
        """Writes now and then."""
        if self._path and time.monotonic() - self._written > EVERY_SECONDS:
            self.write(state)

    def write(self, state: Callable[[], State]) -> None:
        """What cannot be written is no reason to lose the picture: `trouble` and the log tell of it."""
        if self._path is None:
            return
        self._written = time.monotonic()
        try:
            write_state(self._path, replace(state(), job=self._description))
            self.trouble = ""
        except PasticheError as error:
            self.trouble = error.sentence
            log.warning("A state could not be written: %s", error.__cause__ or type(error).__name__)


def job_description(job: EngineJob, model: Model, recipe: Recipe) -> dict[str, Any]:
    """What a state holds for: the pictures, the feature network, every option, and what this version makes of them."""
    styles = [[content_hash(style), style.weight] for style in job.styles]
    return {
        "photograph": pixels_hash(job.content),
        "set of styles": styles,
        "feature network": model.sha256,
        **{f"--{name.replace('_', '-')}": value for name, value in sorted(job.options.items())},
        "version of Pastiche": hashlib.sha256(repr(recipe).encode()).hexdigest(),
    }
