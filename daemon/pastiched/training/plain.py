"""The textbook form of adversarial training (Goodfellow et al. 2014, with the settings of DCGAN, Radford et al. 2016):
binary cross-entropy, Adam, epochs. Only the content loss is added, without which a generator need not keep the
photograph."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.discriminator import Discriminator
from pastiched.networks.noise import noise_fields
from pastiched.training.generator_run import GeneratorRun, GeneratorTraining
from pastiched.training.guards import collapsed
from pastiched.training.losses import likeness_loss
from pastiched.training.precision import mixed_precision

MOMENTS = (0.5, 0.999)
CONTENT = 1.0


@dataclass(frozen=True, kw_only=True)
class PlainTraining(GeneratorTraining):
    """An epoch shows as many photographs as there are."""

    rate: float = 2e-4
    epochs: int
    recipe: str = "plain"

    @property
    def steps_an_epoch(self) -> int:
        return max(1, len(self.photos) // self.batch)

    def run(self) -> Path:
        return PlainRun(self).go()


class PlainRun(GeneratorRun):
    """The generator and one discriminator of whole colours."""

    plan: PlainTraining

    def __init__(self, plan: PlainTraining) -> None:
        super().__init__(plan)
        self.discriminator = Discriminator(3).to(plan.device)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), plan.rate, MOMENTS) for network in (self.network, self.discriminator)
        ]
        self._sums_of_epoch: dict[str, float] = {}
        self._steps_of_epoch = 0
        self._epoch_began = time.monotonic()
        self.resume()

    @property
    def phase(self) -> str:
        return f"epoch {1 + self.step // self.plan.steps_an_epoch}"

    def state(self) -> dict[str, Any]:
        return super().state() | {
            "discriminator": self.discriminator.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.discriminator.load_state_dict(state["discriminator"])
        for optimizer, its in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(its)

    def advance(self, c: Tensor, s: Tensor, done: float) -> dict[str, Tensor]:
        ours, theirs = self.optimizers
        noise = noise_fields(c.shape[2], c.shape[3], len(c)).to(c.device)
        with mixed_precision(c.device):
            y = self.network(c, noise)
            with torch.no_grad():
                of_content = self.features(c)
            terms = {"content": likeness_loss(self.features, self.features(y), of_content)}
            terms["generator"] = cross_entropy(self.discriminator(2 * y - 1), 1)
        ours.zero_grad()
        torch.autograd.backward(terms["generator"] + CONTENT * terms["content"])
        ours.step()
        with mixed_precision(c.device):
            real, false = self.discriminator(2 * s - 1), self.discriminator(2 * y.detach() - 1)
        terms["discriminator"] = (cross_entropy(real, 1) + cross_entropy(false, 0)) / 2
        theirs.zero_grad()
        torch.autograd.backward(terms["discriminator"])
        theirs.step()
        self.follow()
        self._tell_epoch({name: float(term.detach()) for name, term in terms.items()})
        return terms

    def _tell_epoch(self, latest: Mapping[str, float]) -> None:
        """A line an epoch, with the means over those of its steps that this process made."""
        if all(map(math.isfinite, latest.values())):
            for name, value in latest.items():
                self._sums_of_epoch[name] = self._sums_of_epoch.get(name, 0.0) + value
            self._steps_of_epoch += 1
        steps = self.plan.steps_an_epoch
        if (self.step + 1) % steps:
            return
        means = " ".join(f"{name} {total / self._steps_of_epoch:.4f}" for name, total in self._sums_of_epoch.items())
        seconds = time.monotonic() - self._epoch_began
        self._line.say(f"epoch {(self.step + 1) // steps}/{self.plan.epochs} {means} {seconds:.1f} s")
        self._sums_of_epoch.clear()
        self._steps_of_epoch = 0
        self._epoch_began = time.monotonic()

    def healthy(self, pastiches: list[Tensor]) -> bool:
        if collapsed(pastiches, self._distance.contrast):
            self.warn("The pastiches are becoming a single colour: begin anew, with a smaller --rate or --recipe gan.")
        return True


def cross_entropy(answers: Tensor, wanted: float) -> Tensor:
    """Binary cross-entropy of logits, mean over patches."""
    return F.binary_cross_entropy_with_logits(answers.float(), torch.full_like(answers, wanted, dtype=torch.float32))
