"""Promises about what the discriminators see: texture without colours, colours without texture."""

from __future__ import annotations

import torch
from torch import Tensor

from pastiched.imaging.colour import LUMA
from pastiched.training.views import grey_view, surface_view, without_edges
from tests.unit.tiny_networks import picture


def hatched(side: int = 64) -> Tensor:
    """Fine stripes, left in a dark half and right in a light one."""
    x = torch.full((1, 3, side, side), 0.25)
    x[..., side // 2 :] = 0.75
    x[..., ::2] += 0.1
    return x


def test_the_grey_view_is_a_luma_that_varies_from_call_to_call() -> None:
    torch.manual_seed(0)
    x = picture(32, 32)
    luma = 2 * (x * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True) - 1
    views = [grey_view(x) for _ in range(20)]
    assert all(view.shape == (1, 1, 32, 32) and float((view - luma).abs().max()) < 0.2 for view in views)
    assert len({float(view.mean()) for view in views}) == 20
    red = torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    shares = [float(grey_view(red).mean() + 1) / 2 for _ in range(50)]
    assert LUMA[0] * 0.8 < min(shares) < LUMA[0] * 0.97 and LUMA[0] * 1.03 < max(shares) < LUMA[0] * 1.25


def test_grey_stays_grey_whatever_the_weights() -> None:
    for level in (0.0, 0.3, 1.0):
        assert torch.allclose(grey_view(torch.full((2, 3, 8, 8), level)), torch.tensor(2 * level - 1), atol=1e-5)


def test_the_surface_view_has_the_colours_and_the_edges_but_no_texture() -> None:
    x = hatched()
    view = surface_view(x)
    assert view.shape == (1, 3, 16, 16)
    assert torch.allclose(view[..., :5].mean(), torch.tensor(2 * 0.3 - 1), atol=0.03)
    assert torch.allclose(view[..., -5:].mean(), torch.tensor(2 * 0.8 - 1), atol=0.03)
    assert float(view[..., 8].mean() - view[..., 7].mean()) > 0.6, "the edge is still steep"
    noisy = (0.5 + 0.2 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    plain = 2 * torch.nn.functional.avg_pool2d(noisy, 4) - 1
    assert float(surface_view(noisy).std()) < 0.6 * float(plain.std())


def test_the_surface_view_lets_slopes_through() -> None:
    x = picture(32, 32).requires_grad_()
    surface_view(x).square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and float(x.grad.abs().min()) >= 0 and float(x.grad.std()) > 0


def test_without_edges_the_band_along_them_is_blurred_and_the_rest_is_as_before() -> None:
    x = torch.full((1, 3, 64, 64), 0.2)
    x[..., 32:] = 0.9
    made = without_edges(x)
    steepest = (made[..., 1:] - made[..., :-1]).abs()[..., 30:34].max()
    assert float(steepest) < 0.5 * 0.7
    assert torch.equal(made[..., :8], x[..., :8]) and torch.equal(made[..., 48:], x[..., 48:])


def test_without_edges_is_less_sharp_for_every_picture_and_stays_a_picture() -> None:
    x = torch.cat([picture(64, 64, seed) for seed in range(4)])
    made = without_edges(x)
    assert made.shape == x.shape and float(made.min()) >= 0 and float(made.max()) <= 1
    sharp, soft = ((v[..., 1:] - v[..., :-1]).square().mean((1, 2, 3)) for v in (x, made))
    assert (soft < 0.7 * sharp).all()
