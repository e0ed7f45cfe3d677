"""Multiply-adds that the networks take for a pixel, as PyTorch counts them: far from the edges, without style codes.

They are counted on a picture without contents, so that nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pastiched.networks.generator import Generator
from pastiched.networks.noise import BREADTHS
from pastiched.networks.pastiche_net import PasticheNet

SIDE = 4096


def of_fast() -> float:
    with torch.device("meta"), torch.inference_mode():
        network = PasticheNet().requires_grad_(False)
        code = network.encode_style(torch.empty(1, 3, 256, 256))
        return _count(lambda x, noise: network(x, code, noise))


def of_trained() -> float:
    with torch.device("meta"), torch.inference_mode():
        return _count(Generator().requires_grad_(False))


def _count(network: Callable[[Tensor, Tensor], Tensor]) -> float:
    picture, noise = torch.empty(1, 3, SIDE, SIDE), torch.empty(1, len(BREADTHS), SIDE // 8, SIDE // 8)
    with FlopCounterMode(display=False) as counter:
        network(picture, noise)
    return float(counter.get_total_flops()) / 2 / SIDE**2
