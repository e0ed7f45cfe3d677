"""Which library computes a network on a device."""

from __future__ import annotations

import torch

from pastiched.inference.numbers import Numbers
from pastiched.inference.openvino_library import openvino_works
from pastiched.inference.stages import GeneratorStages, PasticheStages
from pastiched.inference.torch_stages import TorchGeneratorStages, TorchPasticheStages
from pastiched.networks.generator import Generator
from pastiched.networks.pastiche_net import PasticheNet


def open_pastiche_stages(weights: dict[str, torch.Tensor], numbers: Numbers, device: torch.device) -> PasticheStages:
    """Of PasticheNet with these weights."""
    network = PasticheNet().eval().requires_grad_(False)
    network.load_state_dict(weights)
    if _by_openvino(device):
        from pastiched.inference.openvino_pastiche import OpenVinoPasticheStages

        return OpenVinoPasticheStages(network, numbers)
    return TorchPasticheStages(network, numbers, device)


def open_generator_stages(weights: dict[str, torch.Tensor], numbers: Numbers, device: torch.device) -> GeneratorStages:
    """Of a Generator with these weights."""
    network = Generator().eval().requires_grad_(False)
    network.load_state_dict(weights)
    if _by_openvino(device):
        from pastiched.inference.openvino_generator import OpenVinoGeneratorStages

        return OpenVinoGeneratorStages(network, numbers)
    return TorchGeneratorStages(network, numbers, device)


def _by_openvino(device: torch.device) -> bool:
    return device.type == "cpu" and openvino_works()
