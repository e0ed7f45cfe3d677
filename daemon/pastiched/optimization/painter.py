"""The optimization itself: from the smallest scale to the last, step by step, to be watched all the time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import Tensor

from pastiched.imaging.scale import resize
from pastiched.imaging.tensors import resize_wrapped
from pastiched.memory import free_unused, is_broken_device, is_out_of_memory
from pastiched.networks.features import FeatureNetwork
from pastiched.optimization.frame import Frame
from pastiched.optimization.moments import Gaussian, blend
from pastiched.optimization.objective import Losses, Objective, Plan, Weights, measure
from pastiched.optimization.schedule import Scale
from pastiched.optimization.state import State
from pastiched.optimization.steps import Stepper, create_stepper

LEAST_STYLE_SIDE = 48
LEAST_BLOCK = 100_000
GREY, NOISE = 0.5, 0.1
GRAIN = 0.02
"""Noise on the photograph that the first scale begins with, so that another seed gives another picture."""
SLACK = 0.05
"""Share of a scale's first loss by which it may rise however low it has become."""
DIVERGED = 5.0
"""Times the lowest loss of the scale so far."""
log = logging.getLogger(__name__)


class Ending(Enum):
    """Why the painter has put the brush down."""

    DONE = "done"
    FINISHED = "finished early"
    DIVERGED = "diverged"
    NO_MEMORY = "out of memory"


class StateMismatch(ValueError):
    """The state is of a painting with other sizes."""


@dataclass(frozen=True)
class Style:
    """A style picture, 1 x 3 x H x W in [0, 1] at its own size, and its weight."""

    picture: Tensor
    weight: float


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a picture comes out, but for the pictures.

    `style_side`: the short side of the style pictures as a share of the photograph's long side at every scale (they
    are never enlarged). `averaging` 0..1: how much of the mean of earlier steps stays. `detail` 0..1: how much of the
    photograph's fine detail a scale begins with.
    """

    scales: list[Scale]
    weights: Weights
    loss: str
    optimizer: str
    step_size: float
    averaging: float
    start: str
    seed: int
    strength: float
    style_side: float
    detail: float = 1.0

    @property
    def work(self) -> float:
        """Megapixels that all steps together go over."""
        return sum(scale.work for scale in self.scales)


@dataclass(frozen=True)
class Step:
    """What has just been done: `iteration` of `scale` (both from 1), losses before it, `done` 0..1 of all work."""

    scale: int
    scales: int
    iteration: int
    iterations: int
    losses: Losses
    done: float


@dataclass(frozen=True)
class Painted:
    """The picture at the last size that was reached, 1 x 3 x H x W in [0, 1], and why it is as it is."""

    picture: Tensor
    ending: Ending
    steps: int
    broken: bool = False
    """Whether memory ran out in a way that a process does not recover from."""


@dataclass
class Watcher:
    """Told of every step; `picture` (a function, as making it costs) gives the picture so far. True = put an end."""

    after_step: Callable[[Step, Callable[[], Tensor]], bool]
    save: Callable[[Callable[[], State]], None]
    """Offered after every step the state to go on from."""


class Painter:
    """Paints one picture. `run` lets through what `plan.check` raises; `state` can be asked for afterwards."""

    def __init__(
        self, network: FeatureNetwork, photograph: Tensor, styles: list[Style], recipe: Recipe, plan: Plan,
        first_picture: Tensor | None = None,
    ) -> None:  # fmt: skip
        """`photograph` at the last scale's size; `first_picture` of any size where `recipe.start` is "fast"."""
        self._network, self._photograph, self._styles = network, photograph, styles
        self._recipe, self._plan, self._first = recipe, plan, first_picture
        self._scale = self._iteration = self._steps = self._averaged = 0
        self._stepper: Stepper | None = None
        self._average: Tensor | None = None
        self._best = photograph

    def run(self, watcher: Watcher, resumed: State | None = None) -> Painted:
        """Raises StateMismatch; what says that there is no memory only where not even one step could be done."""
        if resumed:
            self._restore(resumed)
        scales, broken = self._recipe.scales, False
        while True:
            try:
                ending = self._paint_scale(watcher)
            except Exception as error:
                if not self._steps or not is_out_of_memory(error):
                    raise
                log.warning("Fine ran out of memory at step %d.", self._steps)
                ending, broken = Ending.NO_MEMORY, is_broken_device(error)
            if ending is not Ending.DONE or self._scale + 1 == len(scales):
                return Painted(self._so_far(), ending, self._steps, broken)
            self._best = self._so_far()
            self._scale, self._iteration, self._averaged = self._scale + 1, 0, 0
            self._stepper = self._average = None

    def state(self) -> State:
        """All that is needed to go on."""
        tensors = {f"stepper.{name}": t for name, t in self._stepper.tensors().items()} if self._stepper else {}
        if self._average is not None:
            tensors |= {"average": self._average, "averaged": torch.tensor(self._averaged)}
        return State(self._scale, self._iteration, self._steps, tensors | {"best": self._best})

    def _restore(self, state: State) -> None:
        """Raises StateMismatch."""
        scales = self._recipe.scales
        if not (0 <= state.scale < len(scales) and 0 <= state.iteration <= scales[state.scale].iterations):
            raise StateMismatch
        try:
            self._take_up(state)
        except (KeyError, RuntimeError):
            raise StateMismatch from None
        if self._stepper and self._average is not None and self._average.shape != self._stepper.picture.shape:
            raise StateMismatch

    def _take_up(self, state: State) -> None:
        self._scale, self._iteration, self._steps = state.scale, state.iteration, state.steps
        tensors = {name: tensor.to(self._photograph.device) for name, tensor in state.tensors.items()}
        self._best = tensors["best"]
        self._average = tensors.get("average")
        self._averaged = int(tensors["averaged"]) if "averaged" in tensors else 0
        kept = {name.removeprefix("stepper."): t for name, t in tensors.items() if name.startswith("stepper.")}
        if kept:
            self._stepper = self._create_stepper(self._start())
            self._stepper.restore(kept)

    def _create_stepper(self, picture: Tensor) -> Stepper:
        return create_stepper(
            self._recipe.optimizer, self._frame().put_on(picture), self._recipe.step_size, self._plan.wrap
        )

    def _paint_scale(self, watcher: Watcher) -> Ending:
        scale = self._recipe.scales[self._scale]
        objective = self._objective(scale)
        if self._stepper is None:
            self._stepper = self._create_stepper(self._start())
        limit, slack, first = math.inf, 0.0, self._iteration
        while self._iteration < scale.iterations:
            picture = self._stepper.picture
            losses = self._stepper.step(lambda x: _evaluate(objective, x), self._iteration / scale.iterations)
            slack = SLACK * losses.total if self._iteration == first else slack
            limit = min(limit, DIVERGED * losses.total + slack)
            if not losses.total <= limit or not bool(torch.isfinite(self._stepper.picture).all()):
                log.warning("Fine diverged at step %d of scale %d: %s.", self._iteration, self._scale + 1, losses)
                return Ending.DIVERGED
            self._iteration += 1
            self._steps += 1
            # Only now is it known that this picture is no worse than the one before.
            self._take_into_average(picture)
            if watcher.after_step(self._told(losses), self._so_far):
                return Ending.FINISHED
            watcher.save(self.state)
        if self._averaged == self._iteration:
            self._take_into_average(self._stepper.picture)
        return Ending.DONE

    def _told(self, losses: Losses) -> Step:
        scales = self._recipe.scales
        behind = sum(scale.work for scale in scales[: self._scale])
        here = scales[self._scale]
        done = (behind + here.work * self._iteration / here.iterations) / self._recipe.work
        return Step(self._scale + 1, len(scales), self._iteration, here.iterations, losses, done)

    def _take_into_average(self, picture: Tensor) -> None:
        """An exponential mean, without a bias towards the first picture of the scale."""
        self._averaged += 1
        decay = self._recipe.averaging
        if self._average is None or not decay:
            self._average = picture.clone()
            return
        self._average.lerp_(picture, (1 - decay) / (1 - decay**self._averaged))

    def _so_far(self) -> Tensor:
        """The mean of the steps at this scale; before any, the picture of the scale before."""
        return self._best if self._average is None else self._frame().take_off(self._average)

    def _frame(self) -> Frame:
        scale = self._recipe.scales[self._scale]
        return Frame.of(scale.width, scale.height, self._plan.wrap)

    def _start(self) -> Tensor:
        """What a scale begins with: the picture so far, with some of the detail that a larger photograph has."""
        scale = self._recipe.scales[self._scale]
        photograph = self._resized(self._photograph, scale)
        if self._scale:
            coarse = self._recipe.scales[self._scale - 1]
            lost = photograph - self._resized(self._resized(photograph, coarse), scale)
            larger = self._resized(self._best, scale)
            return larger.add(lost, alpha=self._recipe.detail).clamp_(0, 1)
        generator = torch.Generator().manual_seed(self._recipe.seed)
        noise = torch.randn(photograph.shape, generator=generator).to(photograph)
        if self._recipe.start == "noise":
            return (GREY + NOISE * noise).clamp_(0, 1)
        if self._recipe.start == "fast" and self._first is not None:
            return self._resized(self._first, scale)
        return photograph.add(noise, alpha=GRAIN).clamp_(0, 1)

    def _resized(self, x: Tensor, scale: Scale) -> Tensor:
        if x.shape[-2:] == (scale.height, scale.width):
            return x
        return resize_wrapped(x, scale.width, scale.height, self._plan.wrap).clamp_(0, 1)

    def _objective(self, scale: Scale) -> Objective:
        recipe, plan = self._recipe, self._plan
        photograph = self._resized(self._photograph, scale)
        while True:
            try:
                targets = self._targets(scale, photograph)
                framed = replace(plan, frame=self._frame())
                return Objective(
                    self._network, framed.frame.put_on(photograph), targets, recipe.weights, recipe.loss, framed
                )
            except Exception as error:
                if not is_out_of_memory(error) or plan.block_pixels < LEAST_BLOCK:
                    raise
                error.__traceback__ = None
                plan = self._plan = replace(plan, block_pixels=plan.block_pixels // 2)
                free_unused(photograph.device)

    def _targets(self, scale: Scale, photograph: Tensor) -> dict[str, Gaussian]:
        """The styles' moments, mixed by weight; below full strength mixed with the photograph's own."""
        layers, strength = list(self._recipe.weights.style_layers), self._recipe.strength
        side = self._recipe.style_side * max(scale.width, scale.height)
        of_styles = []
        for style in self._styles:
            picture = _at_short_side(style.picture, side).to(photograph.device)
            of_styles.append(measure(self._network, picture, layers, self._plan))
        weights = [style.weight for style in self._styles]
        targets = {layer: blend([found[layer] for found in of_styles], weights) for layer in layers}
        if strength == 1:
            return targets
        own = measure(self._network, photograph, layers, self._plan)
        return {layer: own[layer].blended(target, strength) for layer, target in targets.items()}


def _evaluate(objective: Objective, picture: Tensor) -> tuple[Losses, Tensor]:
    """In smaller and smaller blocks while there is not enough memory."""
    while True:
        try:
            return objective.losses_and_gradient(picture)
        except Exception as error:
            if not is_out_of_memory(error) or not objective.shrink_blocks(LEAST_BLOCK):
                raise
            error.__traceback__ = None
            free_unused(picture.device)


def _at_short_side(picture: Tensor, side: float) -> Tensor:
    height, width = picture.shape[-2:]
    factor = min(1.0, max(LEAST_STYLE_SIDE, side) / min(height, width))
    return resize(picture, max(1, round(width * factor)), max(1, round(height * factor)))
