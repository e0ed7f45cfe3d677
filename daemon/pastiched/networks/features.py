"""Feature networks for perceptual losses: VGG-19, and the compact network that ships. Layers are named as in VGG-19."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

STAGES = (
    ("1_1", "1_2"),
    ("2_1", "2_2"),
    ("3_1", "3_2", "3_3", "3_4"),
    ("4_1", "4_2", "4_3", "4_4"),
    ("5_1", "5_2", "5_3", "5_4"),
)
LAYERS = tuple(f"relu{name}" for stage in STAGES for name in stage)
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The layers of style in the literature since Gatys et al. 2016."""
POOLINGS = ("max", "average", "l2")
AVERAGE_GAIN, L2_GAIN = 2.0, 0.78
"""Average and L2 pooling give smaller values than the maximum that the weights expect (style-transfer-pytorch)."""
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MULTIPLE = 16
"""Crops of a picture that begin at multiples of this give the same features as the whole."""


class FeatureNetwork(nn.Module):
    """x, B x 3 x H x W in [0, 1] -> features by name, relu1_1 B x C x H x W to relu5_4 B x C x H/16 x W/16. Frozen.

    The compact network has VGG-19's 3x3 convolutions up to relu5_1 with fewer channels and, beside each reluK_1, a
    linear map to the 64, 128, 256, 512, 512 channels of the normalised VGG-19 (layout after Collaborative-Distillation,
    Wang et al. 2020): losses behind the maps are on the scale of the weights published for AdaIN and MicroAST.
    Edges are reflected (VGG-19 itself was trained with zeros, which would put a frame into the style), or meet the
    opposite ones where `wrap` (horizontally, vertically) says so. `pooling` is one of POOLINGS.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "_"), tensor.float().contiguous())
        self.stages = tuple(tuple(name for name in stage if f"conv{name}.weight" in weights) for stage in STAGES)
        self.layers = tuple(f"relu{name}" for stage in self.stages for name in stage)
        self.has_maps = "linear1_1.weight" in weights
        if "preprocess.weight" not in weights:
            deviation = torch.tensor(IMAGENET_DEVIATION)
            self.register_buffer("preprocess_weight", torch.diag(1 / deviation)[:, :, None, None].contiguous())
            self.register_buffer("preprocess_bias", -torch.tensor(IMAGENET_MEAN) / deviation)

    @classmethod
    def load(cls, path: Path) -> FeatureNetwork:
        """From safetensors. Raises ValueError naming what is missing where the file is another network."""
        weights = load_file(str(path))
        wanted = [f"conv{name}.weight" for stage in STAGES[:4] for name in stage] + ["conv5_1.weight"]
        if missing := [name for name in wanted if name not in weights]:
            raise ValueError(f"{path.name} is not a feature network: it lacks {missing[0]}")
        return cls(weights)

    def forward(
        self, x: Tensor, layers: Sequence[str] = TAPS, wrap: tuple[bool, bool] = (False, False), pooling: str = "max"
    ) -> list[Tensor]:
        """The features of `layers`, in their order; nothing behind the last is computed. Raises ValueError."""
        found: dict[str, Tensor] = {}
        x = F.conv2d(x, *self._parameters_of("preprocess"))
        for k, stage in enumerate(self.stages):
            x = _pool(x, pooling) if k else x
            for name in stage:
                weight, bias = self._parameters_of(f"conv{name}")
                x = F.relu_(F.conv2d(_pad(x, wrap), weight, bias))
                if (layer := f"relu{name}") in layers:
                    found[layer] = x
                    if len(found) == len(set(layers)):
                        return [found[layer] for layer in layers]
        raise ValueError(f"this feature network has no layer {next(iter(set(layers) - set(found)))}")

    def linear(self, level: int) -> tuple[Tensor, Tensor]:
        """The linear map of level 0..4: weight (wide x small) and bias (wide)."""
        weight, bias = self._parameters_of(f"linear{level + 1}_1")
        return weight.flatten(1), bias

    @property
    def dtype(self) -> torch.dtype:
        """The type of its weights, and of what it takes."""
        return self.get_buffer("preprocess_bias").dtype

    def width(self, layer: str) -> int:
        """Channels of a layer."""
        return self._parameters_of(f"conv{layer.removeprefix('relu')}")[0].shape[0]

    def _parameters_of(self, layer: str) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"{layer}_weight"), self.get_buffer(f"{layer}_bias")


def _pool(x: Tensor, pooling: str) -> Tensor:
    if pooling == "max":
        return F.max_pool2d(x, 2)
    if pooling == "average":
        return F.avg_pool2d(x, 2) * AVERAGE_GAIN
    # The smallest number keeps the slope of the root finite where nothing is active.
    return (F.avg_pool2d(x.square(), 2) * 4 + 1e-6).sqrt() * L2_GAIN


def _pad(x: Tensor, wrap: tuple[bool, bool]) -> Tensor:
    across, down = (
        "circular" if wrapped else "reflect" if side > 1 else "replicate"
        for wrapped, side in zip(wrap, (x.shape[3], x.shape[2]), strict=True)
    )
    if across == down:
        return F.pad(x, (1, 1, 1, 1), across)
    return F.pad(F.pad(x, (1, 1, 0, 0), across), (0, 0, 1, 1), down)


def stride(layer: str) -> int:
    """Pixels of the picture from one feature of `layer` to the next."""
    return 1 << int(layer.removeprefix("relu")[0]) - 1


def margin(layers: Sequence[str]) -> int:
    """Pixels beyond which nothing has an influence on a feature of `layers`; a multiple of 16 (96 for relu5_1)."""
    last = max(layer.removeprefix("relu") for layer in layers)
    seen, step = 1, 1
    for k, stage in enumerate(STAGES):
        if k:
            seen, step = seen + step, 2 * step
        for name in stage:
            seen += 2 * step
            if name == last:
                return math.ceil((seen // 2 + step) / MULTIPLE) * MULTIPLE
    raise ValueError(f"there is no layer {last}")


def read_layers(text: str) -> dict[str, float]:
    """`relu1_1:2,relu4_2` -> weights by layer, 1 where none is given. Raises ValueError."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition(":")
        if not re.fullmatch(r"relu[1-5]_[1-4]", name):
            raise ValueError(f"{name!r} is no layer; layers are named as in VGG-19: relu4_2")
        weights[name] = float(weight or 1)
    return weights
