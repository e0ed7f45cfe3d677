"""The Fast network's parts do what they claim, computed against the plain way of doing it."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from pastiched.models import default_model
from pastiched.networks import pastiche_net
from pastiched.networks.convolution import PhaseConvolution, UpConvolution
from pastiched.networks.noise import BREADTHS, noise_field
from pastiched.networks.pastiche_net import RADIUS, PasticheNet
from pastiched.networks.statistics import Moments, blend_codes, moments


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
    assert torch.allclose(layer.upsampled(x), plain, atol=1e-5)


def test_phase_convolution_equals_the_full_size_one() -> None:
    torch.manual_seed(0)
    layer, x = PhaseConvolution(4, 3), torch.randn(1, 4, 12, 8)
    edged = F.pad(x, (1, 1, 1, 1), "reflect")
    plain = F.conv2d(edged, layer.weight, layer.bias)
    phases = layer(F.pixel_unshuffle(edged, 2))
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


def test_nothing_but_the_moments_looks_further_than_the_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    random = PasticheNet().eval()
    torch.nn.init.normal_(random.branch.up.weight, std=0.05)
    x = torch.rand(1, 3, 32, 1024, requires_grad=True)
    code = random.encode_style(torch.rand(1, 3, 64, 64))
    fixed = Moments(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    monkeypatch.setattr(pastiche_net, "moments", lambda x: fixed)
    random(x, code, noise_field(0, 32, 1024))[..., 504:520].sum().backward()
    assert x.grad is not None
    columns = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert RADIUS - 24 <= max(504 - int(columns.min()), int(columns.max()) - 519) <= RADIUS


def test_the_content_path_stays_below_25_and_a_half_thousand_multiply_adds_a_pixel() -> None:
    net = PasticheNet().eval().requires_grad_(False)
    code = net.encode_style(torch.rand(1, 3, 64, 64))
    with FlopCounterMode(display=False) as counter:
        net(torch.rand(1, 3, 256, 256), code, noise_field(0, 256, 256))
    assert 10_000 < counter.get_total_flops() / 2 / 256**2 < 25_500


def test_noise_is_the_same_for_a_seed() -> None:
    assert torch.equal(noise_field(5, 64, 64), noise_field(5, 64, 64))
    assert not torch.equal(noise_field(5, 64, 64), noise_field(6, 64, 64))


def test_noise_is_fine_and_broad_and_of_variance_one() -> None:
    noise = noise_field(0, 2048, 3072)
    assert noise.shape == (1, len(BREADTHS), 256, 384)
    for channel, breadth in zip(noise[0], BREADTHS, strict=True):
        assert float(channel.std()) == pytest.approx(1, abs=0.2)
        likeness = float((channel * channel.roll(2, 1)).mean())
        assert likeness == pytest.approx(math.exp(-1 / breadth**2) if breadth else 0, abs=0.15), "two cells apart"
        assert float((channel[:, 0] - channel[:, -1]).std()) < 1.3 / max(breadth, 0.8), "edges meet"
