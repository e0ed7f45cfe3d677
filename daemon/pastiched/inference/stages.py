"""The stages of the networks, whichever library computes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor

from pastiched.inference.numbers import Numbers
from pastiched.networks.pastiche_net import Controls
from pastiched.networks.statistics import Moments, StyleCode


class Stages(Protocol):
    """Of one network on one device. Features are kept in the type that `numbers` says, on the device."""

    numbers: Numbers
    device: torch.device
    library: str
    quantized: bool
    """Whether some layers are computed in 8-bit integers where those suffice. With `library`, for the report."""

    def watched(self, check: Callable[[], None]) -> AbstractContextManager[None]:
        """Inside, `check` is called several times a second at least; what it raises ends the stage. May be nested:
        another picture may be painted between two stages of this one."""
        ...

    def release(self) -> None:
        """Gives back memory that is kept for the next run of a stage."""


class PasticheStages(Stages, Protocol):
    """Those of `networks.pastiche_net.PasticheNet`; pictures and noise are float32 on the CPU."""

    def suited(self, quarter: Moments, code: StyleCode) -> PasticheStages:
        """These, or more precise ones where these are too coarse for a picture in that style. `quarter`: moments of its
        features at 1/4."""
        ...

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """1 x 3 x H x W in [0, 1] -> features at 1/4 and 1/8."""
        ...

    def paint(self, quarter: Tensor, eighth: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        """Features at 1/4."""
        ...

    def decode(self, h: Tensor, controls: Controls) -> Tensor:
        """1 x 3 x H x W, mostly in [0, 1]."""
        ...


class GeneratorStages(Stages, Protocol):
    """The one of `networks.generator.Generator`."""

    def generate(self, x: Tensor, noise: Tensor) -> Tensor:
        """1 x 3 x H x W in [0, 1] and 1 x 8 x H/8 x W/8 -> the shape of x in [0, 1], all float32 on the CPU."""
        ...
