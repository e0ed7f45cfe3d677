"""What every training run has: an end, a clock, metrics, checkpoints to go on from."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pastiched.training.data import PictureFolder
from pastiched.training.interrupt import postponed_interrupt

CHECKPOINT = "checkpoint.pt"
SAVE_EVERY, TELL_EVERY = 250, 50
FROM_NOTHING = "random weights"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is asked for. The run ends after `steps`, or after `minutes` of training (over all its resumptions)."""

    out: Path
    photos: PictureFolder
    styles: PictureFolder
    held_photos: PictureFolder
    held_styles: PictureFolder
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


class Run(ABC):
    """A training in progress."""

    def __init__(self, plan: Training) -> None:
        plan.out.mkdir(parents=True, exist_ok=True)
        self.plan = plan
        self.step, self.started_from = 0, plan.init.stem if plan.init else FROM_NOTHING
        self._seconds, self._clock = 0.0, time.monotonic()
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)

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
        if not self.plan.resume or not path.exists():
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
        except (KeyError, TypeError):
            raise ValueError(f"{self.plan.out.name} holds a run of another method, or of an older version") from None

    def go(self, say: Callable[[str], None] = print) -> Path:
        """Trains to the end, with metrics every 50 steps and a checkpoint every 250; returns what was exported.

        Ctrl+C raises KeyboardInterrupt after the step that is being made, when there is a checkpoint of it.
        """
        with (self.plan.out / "metrics.jsonl").open("a", encoding="utf-8") as metrics, postponed_interrupt() as wanted:
            for photos, styles in self.supply():
                if (done := self._done()) >= 1:
                    break
                losses = self.advance(photos.to(self.plan.device), styles.to(self.plan.device), done)
                self.step += 1
                self._count(losses)
                if self.step % TELL_EVERY == 0:
                    metrics.write(json.dumps(line := self._take_means()) + "\n")
                    metrics.flush()
                    say(" ".join(f"{name} {value:.4g}" for name, value in line.items()))
                if self.step % SAVE_EVERY == 0 or wanted():
                    self.save()
                if wanted():
                    raise KeyboardInterrupt
        self.save()
        return self.export()

    def save(self) -> None:
        """The checkpoint, written beside and moved into place."""
        state = self.state() | {
            "step": self.step, "seconds": self._elapsed(), "random": torch.get_rng_state(),
            "started_from": self.started_from,
        }  # fmt: skip
        part = self.plan.out / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.plan.out / CHECKPOINT)

    def _done(self) -> float:
        if self.plan.steps is not None:
            return self.step / self.plan.steps
        return self._elapsed() / (60 * self.plan.minutes)

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._clock

    def _count(self, losses: Mapping[str, Tensor]) -> None:
        for name, loss in losses.items():
            self._sums[name] += float(loss.detach())
            self._counts[name] += 1

    def _take_means(self) -> dict[str, float]:
        means = {name: round(total / self._counts[name], 5) for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return {"step": self.step, "seconds": round(self._elapsed(), 1)} | means
