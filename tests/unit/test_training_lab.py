"""Promises about CIELAB and the loss of colours in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from pastiched.training.lab import colour_loss, to_lab
from tests.unit.tiny_networks import picture


def test_lab_is_that_of_scikit_image() -> None:
    colours = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    colours[..., :3, :] *= 0.05
    wanted = rgb2lab(colours[0].permute(1, 2, 0).numpy().astype(np.float64))
    assert np.abs(to_lab(colours)[0].permute(1, 2, 0).numpy() - wanted).max() < 0.05


@pytest.mark.parametrize(
    ("rgb", "lab"), [((1, 1, 1), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((1, 0, 0), (53.2, 80.1, 67.2))]
)
def test_white_black_and_red_are_where_they_belong(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    found = to_lab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten().tolist()
    assert found == pytest.approx(lab, abs=0.1)


def test_slopes_are_numbers_also_at_black_and_beyond_the_range() -> None:
    x = torch.tensor([0.0, 1e-9, 0.04045, 1.0, -0.5, 1.5]).view(1, 1, 1, 6).repeat(1, 3, 1, 1).requires_grad_()
    to_lab(x).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


def test_the_loss_sees_colours_more_than_light_and_no_strokes() -> None:
    photograph = 0.2 + 0.6 * picture(32, 32)
    tinted, lit = photograph.clone(), (photograph + 0.1).clamp(0, 1)
    tinted[:, 0] += 0.1
    assert colour_loss(photograph, photograph) == 0
    assert float(colour_loss(tinted, photograph)) > 1.5 * float(colour_loss(lit, photograph)) > 0
    strokes = torch.ones(1, 1, 32, 32)
    strokes[..., ::2] = -1
    assert float(colour_loss(photograph + 0.1 * strokes, photograph)) < 0.01 * float(colour_loss(tinted, photograph))
