"""Promises about painting in pieces: as at once, whatever the pieces, by a network in which far pixels count."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pastiched.imaging.scale import rows_of
from pastiched.inference import pastiche_painter
from pastiched.inference.generator_painter import paint_by_generator
from pastiched.inference.numbers import EXACT
from pastiched.inference.pastiche_painter import PastichePainter
from pastiched.inference.rim import Rim
from pastiched.inference.torch_stages import TorchGeneratorStages, TorchPasticheStages
from pastiched.networks.noise import CELL, noise_field
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet
from pastiched.networks.statistics import StyleCode
from tests.unit.tiny_networks import picture
from tests.unit.trained_files import random_generator

CPU = torch.device("cpu")
WRAPS = [(False, False), (False, True), (True, True)]


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def network() -> PasticheNet:
    torch.manual_seed(0)
    random = PasticheNet().eval().requires_grad_(False)
    torch.nn.init.normal_(random.branch.up.weight, std=0.05)
    for block in (*random.trunk, random.branch.block):
        block.b.weight *= 12
    return random


@pytest.fixture(scope="module")
def code(network: PasticheNet) -> StyleCode:
    return network.encode_style(picture(96, 96, 1))


def in_strips(painting: pastiche_painter.BandedRows, height: int, step: int = 37) -> Tensor:
    return torch.cat([painting.rows(first, min(step, height - first)) for first in range(0, height, step)], 2)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_pastiche_in_pieces_is_the_one_at_once(
    network: PasticheNet, code: StyleCode, wrap: tuple[bool, bool]
) -> None:
    height, width = 176, 224
    stages, x = TorchPasticheStages(network, EXACT, CPU), picture(height, width)
    rim = Rim.of(width, height, wrap, MULTIPLE)

    def painted(most: int) -> Tensor:
        return in_strips(PastichePainter(stages, most).paint(rows_of(x), rim, code, 3, lambda done: None), height)

    whole = painted(10**9)
    assert float(whole.std()) > 0.01
    assert float((painted(96 * 96) - whole).abs().max()) < 1e-4 * float(whole.std())


@pytest.mark.parametrize("wrap", [(False, False), (True, True)])
def test_the_stages_on_one_piece_are_the_network(
    network: PasticheNet, code: StyleCode, wrap: tuple[bool, bool]
) -> None:
    """With a rim of its own for the edges, and its opposite around it where they meet."""
    height, width = 64, 96
    x, stages = picture(height, width), TorchPasticheStages(network, EXACT, CPU)
    rim = Rim.of(width, height, wrap, MULTIPLE, rim=0)
    painted = PastichePainter(stages, 10**9).paint(rows_of(x), rim, code, 5, lambda done: None).rows(0, height)
    at_once = network(x, code, noise_field(5, height, width))
    assert torch.allclose(painted, at_once, atol=1e-5) is not any(wrap)


@pytest.mark.parametrize("wrap", WRAPS[1:])
def test_a_photograph_moved_round_where_edges_meet_moves_the_pastiche_round(
    network: PasticheNet, code: StyleCode, wrap: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    height, width, field = 96, 128, noise_field
    stages, x = TorchPasticheStages(network, EXACT, CPU), picture(height, width)
    shift = 32 * wrap[1], 48 * wrap[0]

    def painted(x: Tensor, wrap: tuple[bool, bool]) -> Tensor:
        rim = Rim.of(width, height, wrap, MULTIPLE)
        return PastichePainter(stages, 10**9).paint(rows_of(x), rim, code, 3, lambda done: None).rows(0, height)

    straight, open_edges = painted(x, wrap), painted(x, (False, False))
    cells = shift[0] // CELL, shift[1] // CELL
    monkeypatch.setattr(pastiche_painter, "noise_field", lambda *given: field(*given).roll(cells, (2, 3)))
    x = x.roll(shift, (2, 3))
    spread = float(straight.std())
    assert torch.allclose(painted(x, wrap), straight.roll(shift, (2, 3)), atol=1e-3 * spread)
    assert not torch.allclose(painted(x, (False, False)), open_edges.roll(shift, (2, 3)), atol=0.1 * spread)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_generators_picture_in_pieces_is_the_one_at_once(wrap: tuple[bool, bool]) -> None:
    generator = random_generator().eval().requires_grad_(False)
    generator.out.weight /= 8
    for block in (generator.broad, *generator.trunk):
        block.b.weight *= 5
    height, width = 144, 208
    stages, x = TorchGeneratorStages(generator, EXACT, CPU), picture(height, width)
    rim = Rim.of(width, height, wrap, MULTIPLE)
    whole = in_strips(paint_by_generator(stages, rows_of(x), rim, 3, 10**9), height)
    pieces = in_strips(paint_by_generator(stages, rows_of(x), rim, 3, 96 * 96), height)
    assert float((pieces - whole).abs().max()) < 1e-5


def test_rows_are_the_same_in_whatever_order_they_are_asked_for(network: PasticheNet, code: StyleCode) -> None:
    height, width = 112, 96
    stages, x = TorchPasticheStages(network, EXACT, CPU), picture(height, width)
    rim = Rim.of(width, height, (False, False), MULTIPLE)
    painting = PastichePainter(stages, 80 * 80).paint(rows_of(x), rim, code, 0, lambda done: None)
    whole = painting.rows(0, height)
    for first, count in ((100, 12), (0, 1), (40, 70)):
        assert torch.equal(painting.rows(first, count), whole[:, :, first : first + count])


def test_the_share_that_is_done_grows_with_every_piece(network: PasticheNet, code: StyleCode) -> None:
    stages, x, told = TorchPasticheStages(network, EXACT, CPU), picture(112, 112), []
    rim = Rim.of(112, 112, (False, False), MULTIPLE)
    PastichePainter(stages, 48 * 48).paint(rows_of(x), rim, code, 0, told.append)
    assert len(told) > 18 and all(a < b for a, b in itertools.pairwise(told))
    assert told[0] == 0 and told[-1] < 1
