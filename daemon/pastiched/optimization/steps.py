"""Two ways to find the next step, both on a Laplacian pyramid: Adam, and L-BFGS."""

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
ADAM_STEP, LBFGS_STEP = 0.04, 1.2
LAST_STEP = 0.05
"""Adam's steps shrink to this share along half a cosine."""
WARM_STEPS = 5
HISTORY = 10
LBFGS_PIXELS = 4_500_000
LBFGS_DEPTH, DRAWN_IN = 5, 0.75
FIRST_STEP = 0.003
"""Mean change of a number in the first step of L-BFGS."""
RISE = 1.1
"""Times the loss before a step of L-BFGS that it may be after it."""


class Stepper(Protocol):
    """`picture` is the one that the next step begins from, 1 x 3 x H x W in [0, 1]; each step makes a new tensor."""

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

    def __init__(
        self, picture: Tensor, step_size: float, wrap: tuple[bool, bool] = (False, False), depth: int = DEPTH
    ) -> None:
        self._pyramid = Pyramid(picture, depth, wrap)
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
    """torch's L-BFGS (Liu & Nocedal 1989), one evaluation a step as in style-transfer-pytorch, on a pyramid's levels.

    The levels, coarse ones drawn in, are a better condition than pixels: measured, fewer steps to the same loss. There
    is no line search: a step after which the loss has risen is taken back, and the history begins anew.
    """

    def __init__(self, picture: Tensor, step_size: float, wrap: tuple[bool, bool] = (False, False)) -> None:
        self._pyramid = Pyramid(picture, LBFGS_DEPTH, wrap)
        self._size = step_size or LBFGS_STEP
        self._caution = 1.0
        self._begin()
        self._reached: Losses | None = None
        self._before = (self._pyramid.levels, picture)
        self.picture = picture

    def _begin(self) -> None:
        self._parameters = [(level / DRAWN_IN**k).contiguous() for k, level in enumerate(self._pyramid.levels)]
        self._optimizer = torch.optim.LBFGS(
            self._parameters, lr=self._size, max_iter=1, history_size=HISTORY, tolerance_grad=-1, tolerance_change=-1
        )
        self._steps = 0

    def step(self, evaluate: Evaluate, done: float) -> Losses:
        losses, gradient = evaluate(self.picture)
        if not math.isfinite(losses.total):
            return losses
        if self._reached and losses.total > self._reached.total * RISE:
            self._caution /= 2
            self._pyramid.levels, self.picture = self._before
            self._begin()
            return self._reached
        self._reached = losses
        self._before = ([level.clone() for level in self._pyramid.levels], self.picture)
        for k, (parameter, slope) in enumerate(zip(self._parameters, self._pyramid.gradients(gradient), strict=True)):
            parameter.grad = (slope * DRAWN_IN**k).contiguous()
        # torch makes the first step 1 / |gradient| long, in all numbers together: far too short.
        numbers = sum(parameter.numel() for parameter in self._parameters)
        self._optimizer.param_groups[0]["lr"] = self._size * (
            1 if self._steps else FIRST_STEP * self._caution * numbers
        )
        self._steps += 1
        self._optimizer.step(lambda: losses.total)  # type: ignore[no-untyped-call]
        for k, (level, parameter) in enumerate(zip(self._pyramid.levels, self._parameters, strict=True)):
            level.copy_(parameter * DRAWN_IN**k)
        self.picture = self._pyramid.clamp()
        self._parameters[0].copy_(self._pyramid.levels[0])
        return losses

    def tensors(self) -> dict[str, Tensor]:
        named = {f"level.{k}": level for k, level in enumerate(self._pyramid.levels)}
        return named | {"picture": self.picture}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The history of slopes is not kept: it is gathered anew within a few steps."""
        for k, level in enumerate(self._pyramid.levels):
            level.copy_(tensors[f"level.{k}"])
        self.picture = tensors["picture"].clone()
        self._begin()


def create_stepper(
    optimizer: str, picture: Tensor, step_size: float, wrap: tuple[bool, bool] = (False, False)
) -> Stepper:
    """`optimizer` "adam", "lbfgs" or "auto": L-BFGS where its history is not too large; `step_size` 0 takes its own."""
    if optimizer == "auto":
        optimizer = "lbfgs" if picture.shape[2] * picture.shape[3] <= LBFGS_PIXELS else "adam"
    return Adam(picture, step_size, wrap) if optimizer == "adam" else LBFGS(picture, step_size, wrap)
