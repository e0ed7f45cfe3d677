"""Feature networks with random weights and few channels, and pictures that mean something to them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from pastiched.networks.features import STAGES, FeatureNetwork

NARROW = (4, 6, 8, 8, 8)
WIDE = (6, 9, 12, 16, 16)
COMPACT_STAGES = (*STAGES[:4], STAGES[4][:1])


def vgg19_weights(widths: tuple[int, ...] = NARROW, seed: int = 0) -> dict[str, Tensor]:
    """All 16 convolutions of VGG-19, named as in the literature."""
    return _convolutions(STAGES, widths, torch.Generator().manual_seed(seed))


def compact_weights(seed: int = 0) -> dict[str, Tensor]:
    """Up to relu5_1, with a layer in front and linear maps to more channels, as the network that ships."""
    generator = torch.Generator().manual_seed(seed)
    weights = _convolutions(COMPACT_STAGES, NARROW, generator)
    weights |= {"preprocess.weight": torch.eye(3)[:, :, None, None] * 4, "preprocess.bias": torch.full((3,), -1.8)}
    for level, (width, wide) in enumerate(zip(NARROW, WIDE, strict=True), 1):
        weights[f"linear{level}_1.weight"] = torch.randn(wide, width, 1, 1, generator=generator)
        weights[f"linear{level}_1.bias"] = torch.randn(wide, generator=generator)
    return weights


def _convolutions(
    stages: tuple[tuple[str, ...], ...], widths: tuple[int, ...], generator: torch.Generator
) -> dict[str, Tensor]:
    weights, before = {}, 3
    for stage, width in zip(stages, widths, strict=True):
        for name in stage:
            weights[f"conv{name}.weight"] = torch.randn(width, before, 3, 3, generator=generator) * (
                (2 / (9 * before)) ** 0.5
            )
            weights[f"conv{name}.bias"] = torch.randn(width, generator=generator) * 0.1
            before = width
    return weights


def vgg19(seed: int = 0) -> FeatureNetwork:
    return FeatureNetwork(vgg19_weights(seed=seed))


def compact(seed: int = 0) -> FeatureNetwork:
    return FeatureNetwork(compact_weights(seed=seed))


def install_vgg19(folder: Path, widths: tuple[int, ...] = NARROW) -> None:
    """Weights of VGG-19's form among the user's models, as `pastiched models fetch vgg19` leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vgg19.safetensors"
    save_file(vgg19_weights(widths), str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"id": "vgg19", "method": "features", "file": path.name, "sha256": digest, "bytes": path.stat().st_size}
    (folder / "vgg19.json").write_text(json.dumps(card))


def picture(height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Shapes of several sizes and grain, 1 x 3 x H x W in [0, 1]; nowhere even: where neighbours are equal, max pooling
    has no gradient of its own."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.05 * torch.rand(1, 3, height, width, generator=generator).to(dtype)
    for cells, share in ((3, 0.45), (9, 0.3), (40, 0.2)):
        coarse = torch.rand(1, 3, min(cells, height), min(cells, width), generator=generator).to(dtype)
        x += share * F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return x.clamp(0, 1)
