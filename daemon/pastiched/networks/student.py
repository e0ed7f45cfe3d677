"""The compact feature network while it learns: batch normalisation behind every convolution, folded away at the end."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiched.networks.features import STAGES

WIDTHS = (16, 32, 64, 128, 128)
COMPACT_STAGES = (*STAGES[:4], ("5_1",))
MEAN, DEVIATION = 0.45, 0.25
EPSILON = 1e-3


class Convolution(nn.Module):
    """3x3, reflected edges. The weight is a matrix, as the optimizer (Muon) wants it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.matrix = nn.Parameter(torch.randn(outputs, inputs * 9) * math.sqrt(2 / (inputs * 9)))

    @property
    def weight(self) -> Tensor:
        """O x I x 3 x 3."""
        return self.matrix.view(-1, self.inputs, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.weight)


class Student(nn.Module):
    """x, B x 3 x H x W in [0, 1] -> five maps B x (16, 32, 64, 128, 128) x H/2^k x W/2^k of the features relu1_1..5_1,
    which learn coordinates of the teacher's features (see training.features.Teacher)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions, self.norms = nn.ModuleDict(), nn.ModuleDict()
        self.heads = nn.ModuleList()
        inputs = 3
        for stage, width in zip(COMPACT_STAGES, WIDTHS, strict=True):
            for name in stage:
                self.convolutions[name] = Convolution(inputs, width)
                self.norms[name] = nn.BatchNorm2d(width, eps=EPSILON, momentum=0.05)
                inputs = width
            head = nn.Conv2d(width, width, 1)
            nn.init.zeros_(head.weight)
            self.heads.append(head)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = (x - MEAN) / DEVIATION
        maps = []
        for k, stage in enumerate(COMPACT_STAGES):
            x = F.max_pool2d(x, 2) if k else x
            for name in stage:
                x = F.relu(self.norms[name](self.convolutions[name](x)))
                if name.endswith("_1"):
                    maps.append(self.heads[k](x))
        return maps

    def matrices(self) -> list[nn.Parameter]:
        """The weights of the convolutions behind the first."""
        return [c.matrix for name, c in self.convolutions.items() if name != "1_1" and isinstance(c, Convolution)]

    @torch.no_grad()
    def folded(self, bases: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """The weights of a `FeatureNetwork`; `bases` lead from each map's coordinates to the teacher's channels."""
        weights = {
            "preprocess.weight": torch.eye(3)[:, :, None, None] / DEVIATION,
            "preprocess.bias": torch.full((3,), -MEAN / DEVIATION),
        }
        for name, convolution in self.convolutions.items():
            norm = self.norms[name]
            assert isinstance(convolution, Convolution) and isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None and norm.running_var is not None
            gain = norm.weight / (norm.running_var + EPSILON).sqrt()
            weights[f"conv{name}.weight"] = convolution.weight * gain[:, None, None, None]
            weights[f"conv{name}.bias"] = norm.bias - norm.running_mean * gain
        for k, (head, (matrix, offset)) in enumerate(zip(self.heads, bases, strict=True), 1):
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            weights[f"linear{k}_1.weight"] = (matrix @ head.weight.flatten(1))[:, :, None, None]
            weights[f"linear{k}_1.bias"] = matrix @ head.bias + offset
        return {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}

    @torch.no_grad()
    def unfold(self, weights: dict[str, Tensor], bases: list[tuple[Tensor, Tensor]]) -> None:
        """Takes up what `folded` gave. Raises ValueError where it is another network."""
        for name, convolution in self.convolutions.items():
            norm = self.norms[name]
            assert isinstance(convolution, Convolution) and isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None and norm.running_var is not None
            weight, bias = weights.get(f"conv{name}.weight"), weights.get(f"conv{name}.bias")
            if weight is None or bias is None or weight.shape != convolution.weight.shape:
                raise ValueError("these are not the weights of a compact feature network")
            convolution.matrix.copy_(weight.float().flatten(1))
            norm.weight.fill_(1)
            norm.bias.copy_(bias.float())
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - EPSILON)
        for k, (head, (matrix, offset)) in enumerate(zip(self.heads, bases, strict=True), 1):
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            inverse = torch.linalg.pinv(matrix.double()).to(matrix)
            head.weight.copy_((inverse @ weights[f"linear{k}_1.weight"].float().flatten(1))[:, :, None, None])
            head.bias.copy_(inverse @ (weights[f"linear{k}_1.bias"].float() - offset))
