"""The Fast network's parts do what they claim, computed against the plain way of doing it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from pastiched.models import default_model
from pastiched.networks.convolution import PhaseConvolution, UpConvolution
from pastiched.networks.pastiche_net import PasticheNet, noise_field
from pastiched.networks.statistics import blend_codes, moments


@pytest.fixture(scope="module")
def network() -> PasticheNet:
    net = PasticheNet().eval().requires_grad_(False)
    net.load_state_dict(default_model("fast").load())
    return net


def test_folded_upsampling_equals_nearest_then_convolution() -> None:
    torch.manual_seed(0)
    layer, x = UpConvolution(5, 7), torch.randn(2, 5, 9, 6)
    plain = F.conv2d(
        F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 1, 1), "reflect"), layer.weight, layer.bias
    )
    assert torch.allclose(layer(x), plain, atol=1e-5)


def test_phase_convolution_equals_the_full_size_one() -> None:
    torch.manual_seed(0)
    layer, x = PhaseConvolution(4, 3), torch.randn(1, 4, 12, 8)
    plain = F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), layer.weight, layer.bias)
    phases = layer(F.pixel_unshuffle(x, 2))
    assert torch.allclose(F.pixel_shuffle(phases, 2), plain, atol=1e-5)


def test_moments_are_those_of_the_map() -> None:
    x = torch.randn(2, 3, 20, 30, dtype=torch.float64) * 4 + 7
    own = moments(x)
    assert torch.allclose(own.mean.flatten(1), x.mean((2, 3)).float(), atol=1e-4)
    assert torch.allclose(own.deviation.flatten(1), x.std((2, 3), unbiased=False).float(), atol=1e-4)


def test_a_blend_with_one_weight_zero_is_the_other_style(network: PasticheNet) -> None:
    a, b = (network.encode_style(torch.rand(1, 3, 64, 64)) for _ in range(2))
    blended = blend_codes([a, b], [3.0, 0.0])
    assert all(torch.equal(x, y) for x, y in zip(blended.tensors(), a.tensors(), strict=True))
    with pytest.raises(ValueError, match="positive"):
        blend_codes([a, b], [0.0, 0.0])


def test_wrapped_picture_shifts_with_its_content(network: PasticheNet) -> None:
    """With both edges wrapped there is no edge: moving the photograph round moves the pastiche round."""
    torch.manual_seed(0)
    x, noise = torch.rand(1, 3, 64, 96), noise_field(3, 64, 96)
    code = network.encode_style(torch.rand(1, 3, 64, 64))
    network.set_wrap(True, True)
    straight = network(x, code, noise)
    shifted = network(x.roll((16, 40), (2, 3)), code, noise.roll((2, 5), (2, 3)))
    network.set_wrap(False, False)
    assert torch.allclose(straight.roll((16, 40), (2, 3)), shifted, atol=1e-3)


def test_noise_is_the_same_for_a_seed() -> None:
    assert torch.equal(noise_field(5, 64, 64), noise_field(5, 64, 64))
    assert not torch.equal(noise_field(5, 64, 64), noise_field(6, 64, 64))
