"""What every training run has: an end, a clock, metrics, checkpoints to go on from."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pastiched.storage import write_atomically
from pastiched.training.collection import Collection
from pastiched.training.diary import EVENT_KEY, PROGRESS
from pastiched.training.interrupt import postponed_interrupt
from pastiched.training.progress_line import ProgressLine

CHECKPOINT = "checkpoint.pt"
SAVE_EVERY, TELL_EVERY = 250, 50
SAVE_SECONDS = 180
"""Steps can take long: no more than this is lost."""
SNAPSHOT_EVERY = 100
"""Steps between the states in memory to which a run goes back when its numbers are none any more."""
PATIENCE = 5
"""So many times without a step of progress in between."""
FROM_NOTHING = "random weights"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is asked for. The run ends after `steps`, or after `minutes` of training (over all its resumptions)."""

    out: Path
    photos: Collection
    styles: Collection
    held_photos: Collection
    held_styles: Collection
    device: str = "cpu"
    steps: int | None = None
    minutes: float
    size: int
    batch: int = 8
    seed: int = 0
    init: Path | None = None
    resume: bool = False
    command: str = ""
    data_note: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The pictures, as model cards tell them."""
        held_out = [len(self.held_photos), len(self.held_styles)]
        counts = {"photographs": len(self.photos), "styles": len(self.styles), "held_out": held_out}
        return counts | {"note": self.data_note}


def falling(done: float, least: float) -> float:
    """1 at the beginning of a run, `least` at its end, by a cosine; `done` 0..1."""
    return least + (1 - least) * (1 + math.cos(math.pi * done)) / 2


class Run(ABC):
    """A training in progress."""

    def __init__(self, plan: Training) -> None:
        plan.out.mkdir(parents=True, exist_ok=True)
        self.plan = plan
        self.step, self.started_from = 0, plan.init.stem if plan.init else FROM_NOTHING
        self._seconds, self._clock, self._saved = 0.0, time.monotonic(), time.monotonic()
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._line = ProgressLine(sys.stdout, plan.steps, None if plan.steps else 60 * plan.minutes)
        self._snapshot: dict[str, Any] | None = None
        self._setbacks = 0

    @abstractmethod
    def supply(self) -> Iterable[tuple[Tensor, Tensor]]:
        """Photographs and styles without end, each B x 3 x S x S in [0, 1]."""

    @abstractmethod
    def advance(self, photos: Tensor, styles: Tensor, done: float) -> Mapping[str, Tensor]:
        """One step; `done` is the share of the run that is behind us, 0..1. Returns the losses."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What else a checkpoint holds."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Raises KeyError where the checkpoint is of another method."""

    @abstractmethod
    def export(self) -> Path:
        """The weights, with their model card."""

    def resume(self) -> None:
        """Goes on from the checkpoint, where one is asked for and there. Raises ValueError."""
        path = self.plan.out / CHECKPOINT
        if not self.plan.resume:
            return
        if not path.exists():
            self._line.say(f"There is nothing to go on from in {self.plan.out.name}: beginning anew.")
            return
        try:
            state = torch.load(path, weights_only=True, map_location=self.plan.device)
        except OSError:
            raise
        except Exception:
            # A damaged file fails anywhere in torch, pickle or zipfile.
            raise ValueError(f"the checkpoint in {self.plan.out.name} is damaged") from None
        try:
            self.restore(state)
            self.step, self._seconds, self.started_from = state["step"], state["seconds"], state["started_from"]
            torch.set_rng_state(state["random"].cpu())
        except (KeyError, TypeError, ValueError, RuntimeError):
            # The latter two are how torch says that weights are those of another network.
            raise ValueError(f"{self.plan.out.name} holds a run of another method, or of an older version") from None

    @property
    def phase(self) -> str:
        """What the run is about at the moment, "" where it has no phases."""
        return ""

    @property
    def due(self) -> bool:
        """Whether this step is one to save."""
        return self.step % SAVE_EVERY == 0

    def go(self) -> Path:
        """Trains to the end; returns what was exported. progress.jsonl gets a line every 50 steps.

        Ctrl+C raises KeyboardInterrupt after the step that is being made, when there is a checkpoint of it. Raises
        StorageError where the disk is full, ValueError where the numbers of the losses are none again and again.
        """
        try:
            self._train()
        finally:
            self._line.close()
        self.save()
        return self.export()

    def settle(self) -> None:
        """Takes the state as it is for the one to go back to."""
        self._snapshot = copy.deepcopy(self.state())

    def _train(self) -> None:
        self._clock = self._saved = time.monotonic()
        self.settle()
        with postponed_interrupt() as wanted:
            for photos, styles in self.supply():
                if (done := self._done()) >= 1:
                    return
                latest = self._advance(photos, styles, done)
                self.step += 1
                if not all(map(math.isfinite, latest.values())):
                    self._go_back()
                    continue
                self._count(latest)
                self._line.show(self.step, self._elapsed(), self.phase, latest, len(photos))
                if self.step % TELL_EVERY == 0:
                    self.note(self._take_means())
                if self.step % SNAPSHOT_EVERY == 0:
                    self.settle()
                    self._setbacks = 0
                if self.due or wanted() or time.monotonic() - self._saved > SAVE_SECONDS:
                    self.save()
                if wanted():
                    raise KeyboardInterrupt

    def _advance(self, photos: Tensor, styles: Tensor, done: float) -> dict[str, float]:
        try:
            losses = self.advance(photos.to(self.plan.device), styles.to(self.plan.device), done)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            # A matrix of what are no numbers has no eigenvalues.
            return {"loss": math.nan}
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def note(self, figures: Mapping[str, float] | Mapping[str, str]) -> None:
        """A line in progress.jsonl, with the step and the time."""
        told: dict[str, Any] = {"step": self.step, "seconds": round(self._elapsed(), 1)}
        told |= {"phase": self.phase} if self.phase else {}
        with (self.plan.out / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told | dict(figures)) + "\n")

    def warn(self, sentence: str) -> None:
        """Says what a guard has to say, and keeps it in progress.jsonl."""
        self._line.say(sentence)
        self.note({EVENT_KEY: sentence})

    def _go_back(self) -> None:
        """The state of up to 100 steps ago, or the one of the beginning, and on with other pictures."""
        self._setbacks += 1
        if self._setbacks > PATIENCE:
            raise ValueError("the losses are no numbers again and again: try a smaller --rate, or begin anew")
        self.warn(f"Step {self.step}: a loss is no number any more; going back and on.")
        assert self._snapshot is not None
        self.restore(copy.deepcopy(self._snapshot))

    def save(self) -> None:
        """The checkpoint, written beside and moved into place."""
        state = self.state() | {
            "step": self.step, "seconds": self._elapsed(), "random": torch.get_rng_state(),
            "started_from": self.started_from,
        }  # fmt: skip
        write_atomically(self.plan.out / CHECKPOINT, lambda part: torch.save(state, part))
        self._saved = time.monotonic()

    def _done(self) -> float:
        if self.plan.steps is not None:
            return self.step / self.plan.steps
        return self._elapsed() / (60 * self.plan.minutes)

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._clock

    def _count(self, losses: Mapping[str, float]) -> None:
        for name, loss in losses.items():
            self._sums[name] += loss
            self._counts[name] += 1

    def _take_means(self) -> dict[str, float]:
        means = {name: round(total / self._counts[name], 5) for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means
