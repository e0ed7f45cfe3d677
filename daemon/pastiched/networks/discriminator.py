"""The discriminator of generator training: patch by patch, of the style or not (PatchGAN, Isola et al. 2017)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pastiched.networks.convolution import Convolution

STRIDE = 8
FIELD = 47
"""Pixels across that one answer sees."""
SLOPE = 0.2
GAIN = 2.0
"""Of each activation: a spectral norm of 1 at every layer would let differences of texture fade away."""
FIRST, SECOND, THIRD = 32, 64, 128


class Discriminator(nn.Module):
    """x B x C x H x W, about [-1, 1], sides multiples of 8 -> answers B x 1 x H/8 x W/8, 1 for the style and 0 for not.

    Every layer has a spectral norm of 1 (Miyato et al. 2018); 0.24 million parameters.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = (
            Convolution(channels, FIRST, 2),
            Convolution(FIRST, SECOND, 2),
            Convolution(SECOND, THIRD, 2),
            Convolution(THIRD, THIRD),
            Convolution(THIRD, 1),
        )
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, SLOPE)
        self.layers = nn.ModuleList(spectral_norm(layer) for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = GAIN * F.leaky_relu(layer(x), SLOPE)
        answers: Tensor = self.layers[-1](x)
        return answers
