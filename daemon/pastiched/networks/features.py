"""The compact feature network: a VGG-19 with 16 times fewer weights, for perceptual losses.

Layout after Collaborative-Distillation (Wang et al. 2020): a learned 1x1 layer in front, VGG-19's 3x3 convolutions up
to relu5_1 with 16, 32, 64, 128, 128 channels, and beside each reluK_1 a linear map to the 64, 128, 256, 512, 512
channels of the normalised VGG-19. Losses behind the maps are on the scale of the weights published for AdaIN and
MicroAST.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

STAGES = (("1_1", "1_2"), ("2_1", "2_2"), ("3_1", "3_2", "3_3", "3_4"), ("4_1", "4_2", "4_3", "4_4"), ("5_1",))


class FeatureNetwork(nn.Module):
    """x, B x 3 x H x W in [0, 1] -> relu1_1 .. relu5_1: B x (16, 32, 64, 128, 128) x H/2^k x W/2^k. Frozen."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "_"), tensor.float())

    @classmethod
    def load(cls, path: Path) -> FeatureNetwork:
        """From safetensors. Raises ValueError naming what is missing where the file is another network."""
        weights = load_file(str(path))
        wanted = [f"conv{name}.weight" for stage in STAGES for name in stage] + [
            f"linear{k}_1.weight" for k in range(1, 6)
        ]
        if missing := [name for name in wanted if name not in weights]:
            raise ValueError(f"{path.name} is not a compact feature network: it lacks {missing[0]}")
        return cls(weights)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.conv2d(x, *self._parameters_of("preprocess"))
        features = []
        for k, stage in enumerate(STAGES):
            x = F.max_pool2d(x, 2) if k else x
            for name in stage:
                weight, bias = self._parameters_of(f"conv{name}")
                x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), weight, bias))
                if name.endswith("_1"):
                    features.append(x)
        return features

    def linear(self, level: int) -> tuple[Tensor, Tensor]:
        """The linear map of level 0..4: weight (wide x small) and bias (wide)."""
        weight, bias = self._parameters_of(f"linear{level + 1}_1")
        return weight.flatten(1), bias

    def _parameters_of(self, layer: str) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"{layer}_weight"), self.get_buffer(f"{layer}_bias")
