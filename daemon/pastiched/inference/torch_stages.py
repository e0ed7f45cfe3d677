"""The networks' stages by PyTorch: on every device, and the measure for other libraries."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiched.inference.interruption import checks
from pastiched.inference.numbers import Numbers
from pastiched.memory import give_back
from pastiched.networks.generator import Generator
from pastiched.networks.pastiche_net import Controls, PasticheNet
from pastiched.networks.statistics import Moments, StyleCode


class _TorchStages:
    library = "PyTorch"
    quantized = False

    def __init__(self, network: nn.Module, numbers: Numbers, device: torch.device) -> None:
        self.numbers, self.device = numbers, device
        self._module = network.to(device, numbers.computed).to(memory_format=torch.channels_last)

    def watched(self, check: Callable[[], None]) -> AbstractContextManager[None]:
        return checks(self._module, check)

    def release(self) -> None:
        give_back(self.device)

    def _to_device(self, x: Tensor) -> Tensor:
        return x.to(self.device, self.numbers.computed, memory_format=torch.channels_last)

    def _kept(self, features: Tensor) -> Tensor:
        return features.to(self.numbers.kept)


class TorchPasticheStages(_TorchStages):
    """Takes the network for itself."""

    def __init__(self, network: PasticheNet, numbers: Numbers, device: torch.device) -> None:
        super().__init__(network, numbers, device)
        self._network = network

    def suited(self, quarter: Moments, code: StyleCode) -> TorchPasticheStages:
        return self

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quarter, eighth = self._network.content(self._to_device(x * 2 - 1))
        return self._kept(quarter), self._kept(eighth)

    def paint(self, quarter: Tensor, eighth: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        controls = {name: value.to(self.device) for name, value in controls.items()}
        seen = self._to_device(quarter), self._to_device(eighth), self._to_device(noise)
        return self._kept(self._network.paint(*seen, controls))

    def decode(self, h: Tensor, controls: Controls) -> Tensor:
        controls = {name: value.to(self.device) for name, value in controls.items()}
        phases = self._network.decode(self._to_device(h), controls)
        return F.pixel_shuffle(phases.float().cpu(), 2).mul_(0.5).add_(0.5)


class TorchGeneratorStages(_TorchStages):
    """Takes the network for itself."""

    def __init__(self, network: Generator, numbers: Numbers, device: torch.device) -> None:
        super().__init__(network, numbers, device)
        self._network = network

    def generate(self, x: Tensor, noise: Tensor) -> Tensor:
        painted: Tensor = self._network(self._to_device(x), self._to_device(noise)).float().cpu()
        return painted
