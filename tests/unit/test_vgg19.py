"""VGG-19 as torchvision publishes it: the layers that are kept are those that the literature means."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from pastiched.vgg19 import LAYERS, VGG19, convert


def small() -> dict[str, Tensor]:
    weights, before = {}, 3
    for place in LAYERS.values():
        weights[f"features.{place}.weight"], weights[f"features.{place}.bias"] = (
            torch.ones(2, before, 3, 3),
            torch.ones(2),
        )
        before = 2
    return weights


def test_names_and_places_are_those_of_torchvisions_own_network() -> None:
    block, number, found = 1, 0, {}
    network = make_layers(cfgs["E"])
    for place, layer in enumerate(network):
        if isinstance(layer, nn.MaxPool2d):
            block, number = block + 1, 0
        elif isinstance(layer, nn.Conv2d):
            number += 1
            found[f"conv{block}_{number}"] = place
    assert found == LAYERS
    kept = convert({f"features.{name}": tensor for name, tensor in network.state_dict().items()})
    assert list(kept) == [f"{name}.{kind}" for name in LAYERS for kind in ("weight", "bias")]
    assert abs(sum(4 * tensor.numel() for tensor in kept.values()) - VGG19.kept_bytes) < 50_000


def test_the_file_is_the_one_that_torchvision_names() -> None:
    url = VGG19.url()
    assert url == VGG19_Weights.IMAGENET1K_V1.url and url.startswith("https://")
    assert url.endswith(f"-{VGG19.sha256[:8]}.pth") and len(VGG19.sha256) == 64
    assert round(VGG19.size / 2**20, 3) == VGG19_Weights.IMAGENET1K_V1.meta["_file_size"]


def test_what_is_kept_is_float32_and_holds_on_to_nothing_else() -> None:
    weights = small()
    weights["features.0.weight"] = torch.ones(100, 2, 3, 3, 3, dtype=torch.float16)[7]
    kept = convert(weights)["conv1_1.weight"]
    assert kept.dtype == torch.float32 and kept.untyped_storage().nbytes() == 4 * kept.numel()


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("features.5.weight", None, "lacks features.5"),
        ("features.34.bias", None, "lacks features.34"),
        ("features.5.weight", torch.ones(2, 3, 3, 3), "features.5 has another shape"),
        ("features.0.weight", torch.ones(2, 3, 5, 5), "features.0 has another shape"),
        ("features.0.weight", torch.ones(2), "features.0 has another shape"),
        ("features.2.bias", torch.ones(3), "features.2 has another shape"),
        ("features.2.weight", torch.full((2, 2, 3, 3), float("nan")), "not finite"),
    ],
)
def test_another_network_is_refused(name: str, tensor: Tensor | None, said: str) -> None:
    weights = {key: value for key, value in small().items() if key != name} | ({} if tensor is None else {name: tensor})
    with pytest.raises(ValueError, match=said):
        convert(weights)
