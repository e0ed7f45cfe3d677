"""A VGG-19 of a few channels, published as torchvision publishes the large one; run, it is `pastiched models` for it.

python small_vgg.py URL SIZE SHA256 ARGUMENTS...
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pastiched.fetching import FetchableModel
from pastiched.models_command import main
from pastiched.vgg19 import LAYERS, VGG19

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = 4
UNUSED = 500_000


def small_weights() -> dict[str, Tensor]:
    """With a classifier of 2 MB, which is not to be kept."""
    import torch

    torch.manual_seed(0)
    weights, before = {}, 3
    for place in LAYERS.values():
        weights[f"features.{place}.weight"] = torch.randn(CHANNELS, before, 3, 3)
        weights[f"features.{place}.bias"] = torch.randn(CHANNELS)
        before = CHANNELS
    return weights | {"classifier.0.weight": torch.randn(UNUSED)}


def write_small(path: Path, zipped: bool = False) -> bytes:
    """The file, in the old format (torchvision's VGG-19 is so) or the new one."""
    import torch

    torch.save(small_weights(), path, _use_new_zipfile_serialization=zipped)
    return path.read_bytes()


def entry(url: str, data: bytes) -> FetchableModel:
    return described(url, len(data), hashlib.sha256(data).hexdigest()[:8])


def described(url: str, size: int, sha256: str) -> FetchableModel:
    return replace(VGG19, url=lambda: url, size=size, sha256=sha256, kept_bytes=20_000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[4:], [described(sys.argv[1], int(sys.argv[2]), sys.argv[3])]))
