"""Promises about statistics that are gathered piece by piece: they are those of the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pastiched.imaging.scale import rows_of
from pastiched.inference.pastiche_painter import code_of
from pastiched.inference.rim import Rim
from pastiched.inference.running_moments import RunningCovariance, RunningMoments
from pastiched.models import default_model
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet
from pastiched.networks.statistics import moments
from tests.unit.tiny_networks import picture


def parts(x: Tensor) -> list[Tensor]:
    return [*x[:, :, :5].split(7, 3), x[:, :, 5:6], *x[:, :, 6:].split(11, 2)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_moments_of_pieces_are_those_of_the_whole(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    deviations, means = torch.rand(2, 1, 6, 1, 1) + 0.1
    x = (torch.randn(1, 6, 60, 50) * deviations + 6 * means).to(dtype)
    running, whole = RunningMoments(), moments(x)
    for part in parts(x):
        running.add(part)
    gathered = running.moments()
    assert gathered.mean.dtype == gathered.deviation.dtype == torch.float32
    assert torch.allclose(gathered.mean, whole.mean, rtol=1e-5)
    assert torch.allclose(gathered.deviation, whole.deviation, rtol=1e-4)


def test_an_even_map_can_be_divided_by_its_deviation() -> None:
    running = RunningMoments()
    for part in parts(torch.full((1, 2, 30, 30), 7.3)):
        running.add(part)
    assert torch.allclose(running.moments().mean, torch.tensor(7.3))
    assert float(running.moments().deviation.min()) > 0 and float(running.moments().deviation.max()) < 0.02


def test_the_covariance_of_pieces_is_that_of_the_whole() -> None:
    torch.manual_seed(0)
    x = torch.einsum("oc,bchw->bohw", torch.randn(5, 5), torch.randn(1, 5, 60, 50)) + 3
    running = RunningCovariance()
    for part in parts(x):
        running.add(part)
    wanted = torch.cov(x.flatten(2)[0].double(), correction=0).float()
    assert torch.allclose(running.covariance()[0], wanted, atol=1e-4)


def test_a_code_in_pieces_is_the_code_of_the_whole_picture() -> None:
    height, width = 176, 256
    network, x = PasticheNet().eval(), picture(height, width)
    network.load_state_dict(default_model("fast").load())
    rim = Rim.of(width, height, (False, False), MULTIPLE, rim=0)
    with torch.inference_mode():
        wanted = network.encode_style(x)
        for most in (10**9, 30_000):
            code = code_of(network, rows_of(x), rim, most)
            for own, at_once in zip(code.tensors(), wanted.tensors(), strict=True):
                assert torch.allclose(own, at_once, rtol=0, atol=2e-5 * float(at_once.abs().max()))
