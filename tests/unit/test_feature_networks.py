"""Feature networks name their layers as the literature does, and see neither seams nor edges that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from pastiched.models import default_model
from pastiched.networks.features import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    LAYERS,
    MULTIPLE,
    POOLINGS,
    TAPS,
    FeatureNetwork,
    margin,
    read_layers,
    stride,
)
from pastiched.vgg19 import LAYERS as TORCHVISION_PLACES
from tests.unit.tiny_networks import NARROW, compact, compact_weights, picture, vgg19, vgg19_weights


def test_vgg19_has_the_layers_of_the_literature() -> None:
    network = vgg19()
    assert network.layers == LAYERS and len(LAYERS) == 16
    assert [f"conv{layer.removeprefix('relu')}" for layer in LAYERS] == list(TORCHVISION_PLACES)
    assert not network.has_maps
    for found, layer in zip(network(picture(64, 96), LAYERS), LAYERS, strict=True):
        step = stride(layer)
        assert found.shape == (1, NARROW[int(layer[4]) - 1], 64 // step, 96 // step)
        assert network.width(layer) == found.shape[1]
        assert (found >= 0).all()


def test_vgg19_computes_what_torchvisions_does_away_from_the_edges() -> None:
    """Same order of layers and the same normalisation; only the padding of the edges differs."""
    weights, x = vgg19_weights(), picture(192, 192)
    plain = (x - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_DEVIATION).view(3, 1, 1)
    for layer in LAYERS[: LAYERS.index("relu4_2") + 1]:
        name = layer.removeprefix("relu")
        if name.endswith("_1") and name != "1_1":
            plain = F.max_pool2d(plain, 2)
        plain = F.relu(F.conv2d(plain, weights[f"conv{name}.weight"], weights[f"conv{name}.bias"], padding=1))
    (own,) = vgg19()(x, ["relu4_2"])
    inner = (..., slice(9, -9), slice(9, -9))
    assert own[inner].numel() and torch.allclose(own[inner], plain[inner], atol=1e-4)


def test_layers_come_in_the_order_asked_for_and_nothing_behind_them_is_computed() -> None:
    network, x = vgg19(), picture(48, 48)
    late, early = network(x, ["relu4_2", "relu1_1"])
    assert torch.equal(early, network(x, ["relu1_1"])[0])
    assert torch.equal(late, network(x, ["relu4_2"])[0])
    (only,) = network(picture(8, 8), ["relu2_2"])
    assert only.shape[-2:] == (4, 4), "a picture too small for the deep layers"


@pytest.mark.parametrize("layer", ["relu5_2", "relu6_1", "conv1_1"])
def test_a_layer_that_there_is_not_is_named(layer: str) -> None:
    with pytest.raises(ValueError, match=f"no layer {layer}"):
        compact()(picture(32, 32), ["relu1_1", layer])


def test_the_network_that_ships_has_what_engines_and_training_need() -> None:
    network = FeatureNetwork(default_model("features").load())
    assert set(TAPS) <= set(network.layers) and network.has_maps
    for level, wide in enumerate((64, 128, 256, 512, 512)):
        weight, bias = network.linear(level)
        assert weight.shape == (wide, network.width(TAPS[level])) and bias.shape == (wide,)
    assert sum(tensor.numel() for tensor in network.buffers()) * 2 < 4e6, "at most 4 MB in half precision"


@pytest.mark.parametrize("missing", ["conv1_1.weight", "conv3_4.weight", "conv5_1.weight"])
def test_a_file_that_lacks_a_layer_is_no_feature_network(tmp_path: Path, missing: str) -> None:
    weights = compact_weights()
    del weights[missing]
    save_file(weights, str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match=rf"other.safetensors is not a feature network: it lacks {missing}"):
        FeatureNetwork.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_wrapped_features_turn_with_the_picture(pooling: str) -> None:
    network, x = vgg19().double(), picture(64, 96, dtype=torch.float64)
    straight = network(x, LAYERS, (True, True), pooling)
    turned = network(x.roll((16, 32), (2, 3)), LAYERS, (True, True), pooling)
    for layer, a, b in zip(LAYERS, straight, turned, strict=True):
        step = stride(layer)
        assert torch.allclose(a.roll((16 // step, 32 // step), (2, 3)), b, atol=1e-10), layer


def test_one_side_can_be_wrapped_alone() -> None:
    network, x = vgg19().double(), picture(64, 96, dtype=torch.float64)
    (straight,) = network(x, ["relu3_1"], (True, False))
    (turned,) = network(x.roll(32, 3), ["relu3_1"], (True, False))
    assert torch.allclose(straight.roll(8, 3), turned, atol=1e-10)
    (turned,) = network(x.roll(32, 2), ["relu3_1"], (True, False))
    assert not torch.allclose(straight.roll(8, 2), turned, atol=1e-3)


def test_poolings_differ_and_are_alike_in_size() -> None:
    network, x = vgg19(), picture(64, 64)
    sizes = {pooling: float(network(x, ["relu3_1"], pooling=pooling)[0].mean()) for pooling in POOLINGS}
    assert len(set(sizes.values())) == 3
    assert max(sizes.values()) < 4 * min(sizes.values())


@pytest.mark.parametrize("layer", LAYERS)
def test_margin_is_as_far_as_a_feature_sees_and_hardly_more(layer: str) -> None:
    """With weights that are all positive and mean pooling, everything in reach has an influence."""
    weights = {name: tensor.abs() for name, tensor in vgg19_weights((1, 1, 1, 1, 1)).items()}
    network = FeatureNetwork(weights).double()
    step, side = stride(layer), 24 * MULTIPLE
    x = torch.ones(1, 3, MULTIPLE, side, dtype=torch.float64, requires_grad=True)
    (features,) = network(x, [layer], (True, True), "average")
    at = side // 2 // step
    (gradient,) = torch.autograd.grad(features[0, 0, 0, at], x)
    seen = gradient[0].abs().sum((0, 1)).nonzero().flatten()
    left, right = at * step - int(seen[0]), int(seen[-1]) + 1 - (at + 1) * step
    reach = max(left, right)
    assert reach <= margin([layer]) < reach + 2 * MULTIPLE
    assert margin([layer]) % MULTIPLE == 0
    assert margin(["relu1_1", layer]) == margin([layer])


def test_layers_are_read_with_weights() -> None:
    assert read_layers("relu1_1:2,relu4_2,relu5_1:0.25") == {"relu1_1": 2.0, "relu4_2": 1.0, "relu5_1": 0.25}
    for wrong in ("relu6_1", "relu1_1:2:3", "", "conv1_1", "relu1_1,"):
        with pytest.raises(ValueError):
            read_layers(wrong)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 33)])
def test_the_first_layer_sees_pictures_of_any_size(size: tuple[int, int]) -> None:
    (features,) = compact()(picture(*size), ["relu1_1"])
    assert features.shape[-2:] == size and features.isfinite().all()
