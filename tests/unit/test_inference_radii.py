"""Promises about how far stages look: no further than their radius says, and no nearer than a halo less would do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pastiched.inference.generator_painter import HALO
from pastiched.networks import pastiche_net
from pastiched.networks.noise import CELL
from pastiched.networks.pastiche_net import (
    DECODER_RADIUS,
    ENCODER_RADIUS,
    MIDDLE,
    MULTIPLE,
    PAINTER_RADIUS,
    RADIUS,
    STYLE_RADIUS,
    WIDE,
    PasticheNet,
    decoder_controls,
    painter_controls,
)
from pastiched.networks.statistics import moments
from tests.unit.trained_files import random_generator

SIDE, FIRST = 464, 224
"""Of a picture, and where a piece of 16 pixels in the middle of it begins."""


@pytest.fixture(scope="module")
def network() -> PasticheNet:
    torch.manual_seed(0)
    random = PasticheNet().eval().requires_grad_(False)
    torch.nn.init.normal_(random.branch.up.weight, std=0.05)
    return random


def core(x: Tensor, cell: int) -> Tensor:
    """Of the piece."""
    place = slice(FIRST // cell, (FIRST + MULTIPLE) // cell)
    return x[..., place, place]


def reach(x: Tensor, cell: int) -> int:
    """Pixels beyond the piece that had a say, by the gradient of x."""
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1)).nonzero() * cell
    return max(FIRST - int(seen.min()), int(seen.max()) + cell - FIRST - MULTIPLE)


def looked(compute: Callable[..., list[tuple[Tensor, int]]], inputs: list[tuple[Tensor, int]]) -> int:
    """The furthest of all inputs, of stages whose results and inputs are given with their pixels a cell."""
    given = [x.requires_grad_() for x, _ in inputs]
    torch.manual_seed(1)
    answers = [core(y, cell) for y, cell in compute(*given)]
    torch.stack([(y * torch.randn_like(y)).sum() for y in answers]).sum().backward()
    return max(reach(x, cell) for x, cell in inputs)


def features(channels: int, cell: int) -> Tensor:
    return torch.rand(1, channels, SIDE // cell, SIDE // cell, generator=torch.Generator().manual_seed(channels))


def just_enough(needed: int, radius: int) -> bool:
    return radius - MULTIPLE < needed <= radius and radius % MULTIPLE == 0


def test_the_encoder_looks_as_far_as_its_radius(network: PasticheNet) -> None:
    def encode(x: Tensor) -> list[tuple[Tensor, int]]:
        return list(zip(network.content(x), (4, 8), strict=True))

    assert just_enough(looked(encode, [(features(3, 1), 1)]), ENCODER_RADIUS)


def test_the_style_encoder_looks_as_far_as_its_radius(network: PasticheNet) -> None:
    def encode(x: Tensor) -> list[tuple[Tensor, int]]:
        return list(zip(network.style_features(x), (4, 8, 8), strict=True))

    assert just_enough(looked(encode, [(features(3, 1), 1)]), STYLE_RADIUS)


def test_the_painter_looks_as_far_as_its_radius(network: PasticheNet) -> None:
    quarter, eighth, noise = features(MIDDLE, 4), features(WIDE, 8), features(8, CELL)
    code = network.encode_style(torch.rand(1, 3, 64, 64))
    controls = painter_controls(code, moments(quarter), moments(eighth))
    needed = looked(lambda q, e, n: [(network.paint(q, e, n, controls), 4)], [(quarter, 4), (eighth, 8), (noise, CELL)])
    assert just_enough(needed, PAINTER_RADIUS)


def test_the_painter_takes_nothing_at_a_quarter_but_what_a_piece_answers_for(network: PasticheNet) -> None:
    """It writes what it painted in the place of what it was given there."""
    quarter, eighth, noise = features(MIDDLE, 4), features(WIDE, 8), features(8, CELL)
    controls = painter_controls(network.encode_style(torch.rand(1, 3, 64, 64)), moments(quarter), moments(eighth))
    assert looked(lambda q: [(network.paint(q, eighth, noise, controls), 4)], [(quarter, 4)]) <= 0


def test_the_decoder_looks_as_far_as_its_radius(network: PasticheNet) -> None:
    h = features(MIDDLE, 4)
    controls = decoder_controls(network.encode_style(torch.rand(1, 3, 64, 64)), moments(h))
    assert just_enough(looked(lambda h: [(network.decode(h, controls), 2)], [(h, 4)]), DECODER_RADIUS)


def test_the_generator_looks_as_far_as_its_halo() -> None:
    generator = random_generator().eval().requires_grad_(False)
    generator.out.weight.div_(8)
    inputs = [(features(3, 1), 1), (features(8, CELL), CELL)]
    needed = looked(lambda x, noise: [(generator(x, noise), 1)], inputs)
    assert HALO - 2 * MULTIPLE < needed <= HALO


def test_the_stages_together_are_the_network() -> None:
    assert ENCODER_RADIUS + PAINTER_RADIUS + DECODER_RADIUS == RADIUS == pastiche_net.RADIUS
