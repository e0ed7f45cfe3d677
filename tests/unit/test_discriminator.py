"""Promises about the discriminators of generator training."""

from __future__ import annotations

import pytest
import torch

from pastiched.networks.discriminator import FIELD, STRIDE, Discriminator


@pytest.mark.parametrize("channels", [1, 3])
def test_there_is_an_answer_for_every_patch_and_few_parameters(channels: int) -> None:
    torch.manual_seed(0)
    network = Discriminator(channels)
    assert network(torch.rand(2, channels, 64, 96)).shape == (2, 1, 64 // STRIDE, 96 // STRIDE)
    assert 0.2e6 < sum(parameter.numel() for parameter in network.parameters()) < 0.3e6


def test_an_answer_sees_as_many_pixels_as_is_said() -> None:
    torch.manual_seed(0)
    network = Discriminator(1).double()
    x = torch.randn(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, 8, 8].backward()
    assert x.grad is not None
    rows, columns = x.grad[0, 0].nonzero().unbind(1)
    assert int(rows.max() - rows.min()) + 1 == int(columns.max() - columns.min()) + 1 == FIELD


def test_every_layer_has_a_spectral_norm_of_about_one_after_some_steps_however_large_its_weights() -> None:
    torch.manual_seed(0)
    network = Discriminator(3)
    with torch.no_grad():
        for layer in network.layers:
            layer.parametrizations.weight.original.mul_(50)
        for _ in range(40):
            network(torch.rand(1, 3, 32, 32))
        network.eval()
        for layer in network.layers:
            assert float(torch.linalg.matrix_norm(layer.weight.flatten(1), 2)) == pytest.approx(1, abs=0.05)
