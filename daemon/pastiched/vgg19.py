"""VGG-19 as torchvision publishes it: where it is, what it is, and which of its layers are kept under which names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pastiched.fetching import FetchableModel
from pastiched.models import REINSTALL, VGG19_ID, ModelError

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = {
    "conv1_1": 0, "conv1_2": 2,
    "conv2_1": 5, "conv2_2": 7,
    "conv3_1": 10, "conv3_2": 12, "conv3_3": 14, "conv3_4": 16,
    "conv4_1": 19, "conv4_2": 21, "conv4_3": 23, "conv4_4": 25,
    "conv5_1": 28, "conv5_2": 30, "conv5_3": 32, "conv5_4": 34,
}  # fmt: skip
"""Name in the literature -> place in torchvision's `features`."""


def convert(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's tensors -> the 16 convolutions in float32: conv1_1.weight, C x 3 x 3 x 3, and conv1_1.bias, C, ...

    Raises ValueError where a layer is missing, does not fit behind the one before, or holds no finite numbers.
    """
    kept: dict[str, Tensor] = {}
    channels = 3
    for name, place in LAYERS.items():
        weight, bias = (weights.get(f"features.{place}.{kind}") for kind in ("weight", "bias"))
        if weight is None or bias is None:
            raise ValueError(f"this is not VGG-19: it lacks features.{place}")
        if tuple(weight.shape[1:]) != (channels, 3, 3) or tuple(bias.shape) != (weight.shape[0],):
            raise ValueError(f"this is not VGG-19: features.{place} has another shape")
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise ValueError(f"features.{place} holds numbers that are not finite")
        channels = weight.shape[0]
        # Copies: a slice of a larger storage would be kept as a whole.
        kept[f"{name}.weight"], kept[f"{name}.bias"] = weight.float().clone(), bias.float().clone()
    return kept


def _address() -> str:
    """What torchvision itself would download. Raises ModelError where torchvision is not there to be asked."""
    try:
        from torchvision.models import VGG19_Weights  # type: ignore[import-untyped]
    except ImportError:
        raise ModelError(f"torchvision, which knows the address, cannot be loaded; {REINSTALL}.") from None
    return str(VGG19_Weights.IMAGENET1K_V1.url)


VGG19 = FetchableModel(
    id=VGG19_ID,
    title="VGG-19 (torchvision, IMAGENET1K_V1)",
    description="Tells content and style for the Fine method; K. Simonyan, A. Zisserman, ICLR 2015. 16 convolutions.",
    licence="BSD-3-Clause as part of torchvision; trained on ImageNet, whose terms may limit what you may use it for",
    url=_address,
    size=574_673_361,
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    kept_bytes=80_100_000,
    convert=convert,
    facts={"input": {"channels": "RGB", "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}},
)
