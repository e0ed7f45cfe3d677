"""Training of a generator for one style, against a discriminator: the Trained method.

After White-box Cartoonization (Wang & Yu 2020) and AnimeGANv3 (Liu et al. 2024): views of texture and of colour for the
discriminators, a loss of content, one of style by centred Gram matrices, one of colour in Lab. Unlike there, the style
loss compares with the folder as a whole, by Wasserstein-2 distance, and Muon makes the steps.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.noise import noise_fields
from pastiched.training.adversary import Adversary
from pastiched.training.calm import calm_loss, light_loss
from pastiched.training.collection import Collection
from pastiched.training.data import CropSupply, sample_crops
from pastiched.training.generator_run import GeneratorRun, GeneratorTraining
from pastiched.training.guards import Leash, collapsed, memorising
from pastiched.training.lab import colour_loss
from pastiched.training.losses import likeness_loss
from pastiched.training.matrix_optimizer import MatrixOptimizer
from pastiched.training.phases import ADVERSARIAL, RECONSTRUCTION, later, phase
from pastiched.training.precision import mixed_precision
from pastiched.training.run import FROM_NOTHING, falling
from pastiched.training.stamps import stamp_loss
from pastiched.training.style_statistics import StyleStatistics, desaturated

SURVEYED = 40
"""Batches from which the folder's statistics are taken."""
ADVERSARIAL_RATE = 0.5
"""Of the generator's rate in the phases before."""
WARM_STEPS = 100
OPINIONS = 16
"""Pictures of each kind that the discriminator is asked about."""
HALVED = 0.5


@dataclass(frozen=True)
class GanWeights:
    """Terms of the generator's loss. `surface`: the adversary's view of colours beside that of texture."""

    content: float = 1.0
    style: float = 12.0
    palette: float = 8.0
    adversary: float = 2.0
    surface: float = 0.2
    colours: float = 10.0
    tv: float = 1.0
    calm: float = 15.0
    light: float = 20.0
    stamps: float = 3.0
    reconstruction: float = 20.0


@dataclass(frozen=True, kw_only=True)
class GanTraining(GeneratorTraining):
    """`keep_colours` 0..1: 0 the style's colours, 1 the photographs'. Without `adversarial` the last phase goes on as
    the one before: so one sees what the adversary adds."""

    rate: float = 1e-3
    adversary_rate: float = 2e-3
    keep_colours: float = 0.0
    adversarial: bool = True
    weights: GanWeights = field(default_factory=GanWeights)
    recipe: str = "gan"

    def run(self) -> Path:
        return GanRun(self).go()


class GanRun(GeneratorRun):
    """The generator, the adversary, and what keeps them in balance."""

    plan: GanTraining

    def __init__(self, plan: GanTraining) -> None:
        super().__init__(plan)
        self.optimizer = MatrixOptimizer(self.network, plan.rate)
        self.leash = Leash()
        self.adversary = Adversary(plan.device, plan.adversary_rate, plan.weights.surface)
        self.adversary_share = 1.0
        self._phase = ""
        self._doubt = 1.0
        self._healthy: dict[str, Any] | None = None
        self.statistics = StyleStatistics(self.features, self._survey())
        self.resume()

    @property
    def phase(self) -> str:
        return self._phase

    def _survey(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of photographs and styles as the style loss sees them."""
        plan = self.plan
        supply = CropSupply(plan.photos, plan.styles, plan.size, plan.batch, plan.seed + 1, self.shares)
        for photos, styles in islice(supply, SURVEYED):
            yield self._as_seen(photos), self._as_seen(styles)
        supply.close()

    def _as_seen(self, x: Tensor) -> Tensor:
        return desaturated(x.to(self.plan.device), self.plan.keep_colours)

    def state(self) -> dict[str, Any]:
        return self._present() | {"healthy": self._healthy}

    def _present(self) -> dict[str, Any]:
        """The state without the one to go back to."""
        return super().state() | {
            "optimizer": self.optimizer.state_dict(), "adversary": self.adversary.state(), "leash": self.leash.state(),
            "adversary_share": self.adversary_share, "doubt": self._doubt, "phase": self._phase,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._healthy = state.get("healthy", self._healthy)
        self.optimizer.load_state_dict(state["optimizer"])
        self.adversary.restore(state["adversary"])
        self.leash.restore(state["leash"])
        self.adversary_share, self._doubt, self._phase = state["adversary_share"], state["doubt"], state["phase"]

    def advance(self, c: Tensor, s: Tensor, done: float) -> dict[str, Tensor]:
        plan = self.plan
        c, s = (x.contiguous(memory_format=torch.channels_last) for x in (c, s))
        self._phase = later(self._phase, phase(self.step, done, self.started_from != FROM_NOTHING))
        opposed = self._phase == ADVERSARIAL and plan.adversarial
        cosine = falling(done, 0.03)
        warm = min(1, (self.step + 1) / WARM_STEPS)
        self.optimizer.scale_rates(warm * cosine * (ADVERSARIAL_RATE if self._phase == ADVERSARIAL else 1))
        self.adversary.augmentation = self.leash.augmentation
        y, terms = self._terms(c, s)
        if opposed:
            terms["adversary"] = self.adversary.deceive(y)
        loss = sum((self._weight(name) * term for name, term in terms.items()), torch.zeros((), device=c.device))
        self.network.zero_grad()
        torch.autograd.backward(loss)
        slope = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if not slope.isfinite():
            return terms | {"slope": slope}
        self.optimizer.step()
        if opposed and self.step % self.leash.every == 0:
            terms |= (theirs := self.adversary.learn(y, s, cosine))
            self._doubt += 0.02 * (float(theirs["texture_d"].detach()) - self._doubt)
        self.follow()
        return terms

    def _terms(self, c: Tensor, s: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The pastiches, and the terms of the loss that need no adversary."""
        plan = self.plan
        noise = noise_fields(c.shape[2], c.shape[3], len(c)).to(c.device)
        with mixed_precision(c.device):
            y: Tensor = self.network(c, noise)
            with torch.no_grad():
                of_content = self.features(self._as_seen(c))
            seen = self._as_seen(y)
            own = self.features(seen)
        terms = {"content": likeness_loss(self.features, own, of_content)}
        if self._phase == RECONSTRUCTION:
            return y, terms | {"reconstruction": F.l1_loss(y, c)}
        style, palette = self.statistics.losses(seen, own)
        terms |= {"style": style, "palette": palette, "tv": total_variation(y)}
        terms |= {"calm": calm_loss(y, c, s), "light": light_loss(y, c)}
        terms["stamps"] = stamp_loss(y, c, s)
        return y, terms | ({"colours": colour_loss(y, c)} if plan.keep_colours else {})

    def _weight(self, name: str) -> float:
        keep = self.plan.keep_colours
        shares = {"colours": keep, "palette": 1 - keep, "adversary": self.adversary_share}
        return shares.get(name, 1.0) * float(getattr(self.plan.weights, name))

    def healthy(self, pastiches: list[Tensor]) -> bool:
        """A collapsed generator goes back to where it was last well, with a weaker adversary; a discriminator that
        knows its pictures by heart is shown them changed more, and learns more seldom."""
        if collapsed(pastiches, self._distance.contrast):
            if self._healthy is None:
                self.warn("The pastiches have hardly more than a single colour yet.")
                return False
            self.warn("The pastiches are becoming a single colour: going back, with a weaker adversary.")
            share = HALVED * self.adversary_share
            self.restore(copy.deepcopy(self._healthy))
            self.adversary_share = share
            self.settle()
            return False
        self._healthy = copy.deepcopy(self._present())
        if self._phase == ADVERSARIAL and self.plan.adversarial:
            self._watch_discriminator()
        return True

    def _watch_discriminator(self) -> None:
        trained_on, held_out = self._opinion(self.plan.styles), self._opinion(self.plan.held_styles)
        if trained_on is None:
            return
        if (why := memorising(trained_on, held_out, self._doubt)) and self.leash.tighten():
            self.warn(f"The discriminator begins to know the style pictures by heart ({why}): they are changed more.")

    def _opinion(self, pictures: Collection) -> float | None:
        """The discriminator's of pictures all through the folder; None where there are none."""
        crops = sample_crops(pictures, self.plan.size, self.plan.crops, OPINIONS, self.plan.seed)
        return self.adversary.opinion(torch.stack(crops).to(self.plan.device)) if crops else None


def total_variation(y: Tensor) -> Tensor:
    """Mean squared difference of neighbours, B x C x H x W."""
    y = y.float()
    return (y[..., 1:] - y[..., :-1]).square().mean() + (y[..., 1:, :] - y[..., :-1, :]).square().mean()
