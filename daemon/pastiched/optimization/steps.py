"""Two ways to find the next step: Adam on a Laplacian pyramid, and L-BFGS on the pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from pastiched.optimization.objective import Losses
from pastiched.optimization.pyramid import Pyramid

Evaluate = Callable[[Tensor], tuple[Losses, Tensor]]
BETAS = (0.9, 0.99)
TINY = 1e-12
DEPTH = 4
ADAM_STEP, LBFGS_STEP = 0.04, 1.0
LAST_STEP = 0.05
"""Adam's steps shrink to this share along half a cosine."""
WARM_STEPS = 5
HISTORY = 10


class Stepper(Protocol):
    """`picture` is the one that the next step begins from, 1 x 3 x H x W in [0, 1]."""

    picture: Tensor

    def step(self, evaluate: Evaluate, done: float) -> Losses:
        """One evaluation and the step that follows from it; `done` 0..1 of the scale. Losses before the step."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Everything to go on from, by name."""
        ...

    def restore(self, tensors: dict[str, Tensor]) -> None: ...


class Adam:
    """Adam (Kingma & Ba 2015) on the levels of a pyramid, with the betas of style-transfer-pytorch and cosine steps."""

    def __init__(self, picture: Tensor, step_size: float, depth: int = DEPTH) -> None:
        self._pyramid = Pyramid(picture, depth)
        self._size = step_size or ADAM_STEP
        self._first = [torch.zeros_like(level) for level in self._pyramid.levels]
        self._second = [torch.zeros_like(level) for level in self._pyramid.levels]
        self._steps = 0
        self.picture = picture

    def step(self, evaluate: Evaluate, done: float) -> Losses:
        losses, gradient = evaluate(self.picture)
        self._steps += 1
        size = self._size * (LAST_STEP + (1 - LAST_STEP) * 0.5 * (1 + math.cos(math.pi * done)))
        size *= min(1.0, self._steps / WARM_STEPS)
        for level, slope, first, second in zip(
            self._pyramid.levels, self._pyramid.gradients(gradient), self._first, self._second, strict=True
        ):
            first.lerp_(slope, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(slope, slope, value=1 - BETAS[1])
            correction = math.sqrt(1 - BETAS[1] ** self._steps) / (1 - BETAS[0] ** self._steps)
            level.addcdiv_(first, second.sqrt().add_(TINY), value=-size * correction)
        self.picture = self._pyramid.clamp()
        return losses

    def tensors(self) -> dict[str, Tensor]:
        named = {f"{name}.{k}": t for name, list_ in self._lists().items() for k, t in enumerate(list_)}
        # The bounded picture is not what the levels add up to, by the last digit.
        return named | {"picture": self.picture, "steps": torch.tensor(self._steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        for name, kept in self._lists().items():
            for k, tensor in enumerate(kept):
                tensor.copy_(tensors[f"{name}.{k}"])
        self._steps = int(tensors["steps"])
        self.picture = tensors["picture"].clone()

    def _lists(self) -> dict[str, list[Tensor]]:
        return {"level": self._pyramid.levels, "first": self._first, "second": self._second}


class LBFGS:
    """torch's L-BFGS (Liu & Nocedal 1989) on the pixels, one evaluation a step, as in style-transfer-pytorch."""

    def __init__(self, picture: Tensor, step_size: float) -> None:
        self.picture = picture.clone()
        self._optimizer = torch.optim.LBFGS(
            [self.picture], lr=step_size or LBFGS_STEP, max_iter=1, history_size=HISTORY, tolerance_grad=0,
            tolerance_change=0,
        )  # fmt: skip

    def step(self, evaluate: Evaluate, done: float) -> Losses:
        seen: list[Losses] = []

        def closure() -> float:
            losses, self.picture.grad = evaluate(self.picture)
            seen.append(losses)
            return losses.total

        self._optimizer.step(closure)  # type: ignore[no-untyped-call]
        self.picture.clamp_(0, 1)
        return seen[0]

    def tensors(self) -> dict[str, Tensor]:
        return {"picture": self.picture}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The history of slopes is not kept: it is gathered anew within a few steps."""
        self.picture.copy_(tensors["picture"])


def create_stepper(optimizer: str, picture: Tensor, step_size: float) -> Stepper:
    return Adam(picture, step_size) if optimizer == "adam" else LBFGS(picture, step_size)
