"""The adversary of a generator: two discriminators, one of texture and one of colours, and how they learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pastiched.networks.discriminator import Discriminator
from pastiched.training.augmentation import Augmentation
from pastiched.training.matrix_optimizer import MatrixOptimizer
from pastiched.training.precision import mixed_precision
from pastiched.training.views import grey_view, surface_view, without_edges

REAL, FALSE = 0.9, 0.1
"""One-sided answers would let the discriminators grow sure of themselves (Salimans et al. 2016)."""
SMOOTHED = 0.5
"""What the style's pictures without edges count for, beside the pastiches."""
PENALTY, PENALTY_EVERY = 1.0, 16
MOMENTS = (0.5, 0.99)


@dataclass(frozen=True)
class Answers:
    """Of both discriminators: B x 1 x h x w each."""

    texture: Tensor
    surface: Tensor

    def distance(self, wanted: float) -> tuple[Tensor, Tensor]:
        """Mean squared distances from `wanted` (least squares GAN, Mao et al. 2017)."""
        return (self.texture.float() - wanted).square().mean(), (self.surface.float() - wanted).square().mean()


class Adversary:
    """`rate` of Muon (under Adam the discriminators learn ten times as slowly). Colours count `surface` times as much
    as texture."""

    def __init__(self, device: str, rate: float, surface: float) -> None:
        self.texture, self.surface = Discriminator(1).to(device), Discriminator(3).to(device)
        self._surface_weight = surface
        self._optimizers = [MatrixOptimizer(network, rate, betas=MOMENTS) for network in (self.texture, self.surface)]
        self.augmentation = Augmentation()
        self._steps = 0

    def judge(self, x: Tensor) -> Answers:
        """x, B x 3 x H x W in [0, 1], as the discriminators see it: in two views, augmented."""
        with mixed_precision(x.device):
            return Answers(
                self.texture(self.augmentation(grey_view(x))), self.surface(self.augmentation(surface_view(x)))
            )

    def opinion(self, x: Tensor) -> float:
        """How much x looks like the style to the texture discriminator, without augmentation: about 0.1 to 0.9."""
        with torch.no_grad(), mixed_precision(x.device):
            return float(self.texture(grey_view(x)).float().mean())

    def deceive(self, pastiches: Tensor) -> Tensor:
        """The generator's loss: how far the pastiches are from being taken for pictures of the style."""
        texture, surface = self.judge(pastiches).distance(REAL)
        return texture + self._surface_weight * surface

    def learn(self, pastiches: Tensor, styles: Tensor, share: float) -> dict[str, Tensor]:
        """One step of both at `share` of the rate. Returns their losses, and what they say of real pictures."""
        real, false = self.judge(styles), self.judge(pastiches.detach())
        with mixed_precision(styles.device):
            smooth = self.texture(self.augmentation(grey_view(without_edges(styles)))).float()
        wanted, found = real.distance(REAL), false.distance(FALSE)
        texture = wanted[0] + (found[0] + SMOOTHED * (smooth - FALSE).square().mean()) / (1 + SMOOTHED)
        surface = wanted[1] + found[1]
        loss = texture + surface
        if self._steps % PENALTY_EVERY == 0:
            loss = loss + PENALTY_EVERY / 2 * PENALTY * self._slope(styles)
        self._steps += 1
        self.texture.zero_grad()
        self.surface.zero_grad()
        torch.autograd.backward(loss)
        for optimizer in self._optimizers:
            optimizer.scale_rates(share)
            optimizer.step()
        return {"texture_d": texture, "surface_d": surface, "real": real.texture.float().mean()}

    def _slope(self, styles: Tensor) -> Tensor:
        """R1 (Mescheder et al. 2018): the squared slope of the answers at real pictures, on half of them."""
        half = styles[: max(1, len(styles) // 2)]
        total = torch.zeros((), device=styles.device)
        for network, view in ((self.texture, grey_view(half)), (self.surface, surface_view(half))):
            view = view.detach().requires_grad_()
            (slope,) = torch.autograd.grad(network(view).mean((1, 2, 3)).sum(), view, create_graph=True)
            total = total + slope.square().sum((1, 2, 3)).mean()
        return total

    def state(self) -> dict[str, Any]:
        return {
            "texture": self.texture.state_dict(), "surface": self.surface.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers], "steps": self._steps,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.texture.load_state_dict(state["texture"])
        self.surface.load_state_dict(state["surface"])
        for optimizer, its in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(its)
        self._steps = state["steps"]
