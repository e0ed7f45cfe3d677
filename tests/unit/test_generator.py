"""Promises about the network of the Trained method: how large it is, how far it sees, that tiles are the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pastiched.imaging.scale import rows_of
from pastiched.inference import generator_painter
from pastiched.inference.generator_painter import HALO, paint_by_generator
from pastiched.inference.numbers import EXACT
from pastiched.inference.rim import Rim
from pastiched.inference.torch_stages import TorchGeneratorStages
from pastiched.networks.generator import MULTIPLE, RADIUS, Generator
from pastiched.networks.generator_layout import tensor_shapes
from pastiched.networks.noise import CELL, noise_field, noise_fields
from tests.unit.tiny_networks import picture
from tests.unit.trained_files import random_generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    return random_generator().eval().requires_grad_(False)


def test_the_table_of_shapes_is_that_of_the_network() -> None:
    assert tensor_shapes() == {name: tuple(tensor.shape) for name, tensor in Generator().state_dict().items()}


def test_it_is_small_and_quick(generator: Generator) -> None:
    assert 0.8e6 <= sum(parameter.numel() for parameter in generator.parameters()) <= 1.5e6
    with FlopCounterMode(display=False) as counter:
        generator(picture(128, 128), noise_field(0, 128, 128))
    assert 10_000 < counter.get_flop_counts()["Global"][torch.ops.aten.convolution] / 2 / 128**2 <= 25_000


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 64), (48, 112)])
def test_what_comes_out_is_a_picture_of_the_same_size(generator: Generator, height: int, width: int) -> None:
    wild = 3 * torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    made = generator(wild, noise_fields(height, width, 2))
    assert made.shape == wild.shape and made.dtype == torch.float32
    assert float(made.min()) >= 0 and float(made.max()) <= 1 and float(made.std()) > 0.02


def test_a_new_one_paints_grey_that_hardly_depends_on_anything() -> None:
    torch.manual_seed(1)
    made = Generator()(picture(64, 64), noise_field(0, 64, 64)).detach()
    assert float((made - 0.5).abs().max()) < 0.4


@pytest.mark.parametrize("place", [(144, 144), (151, 137)])
def test_a_pixel_depends_on_nothing_beyond_the_radius(place: tuple[int, int]) -> None:
    generator = random_generator().eval()
    x = picture(288, 288).requires_grad_()
    row, column = place
    generator(x, noise_field(0, 288, 288))[0, :, row, column].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0).nonzero()
    reach = int((seen - torch.tensor(place)).abs().max())
    assert RADIUS / 2 < reach <= RADIUS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tiles_with_a_halo_are_the_picture_at_once(dtype: torch.dtype) -> None:
    generator = random_generator().eval().requires_grad_(False).to(dtype)
    height, width, tile = 448, 96, 144
    x, noise = picture(height, width, dtype=dtype), noise_field(3, height, width).to(dtype)
    whole = generator(x, noise)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows = max(0, top - HALO), min(height, top + tile + HALO)
            columns = max(0, left - HALO), min(width, left + tile + HALO)
            piece = x[..., slice(*rows), slice(*columns)]
            its_noise = noise[..., slice(*(v // CELL for v in rows)), slice(*(v // CELL for v in columns))]
            made = generator(piece, its_noise)[..., top - rows[0] :, left - columns[0] :][..., :tile, :tile]
            wanted = whole[..., top : top + tile, left : left + tile]
            made = made[..., : wanted.shape[2], : wanted.shape[3]]
            assert float((made - wanted).abs().max()) <= 1e-5


@pytest.mark.parametrize("wrap", [(True, True), (True, False), (False, True)])
def test_opposite_edges_that_meet_join_without_a_seam(wrap: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Painted after the edges were moved into the picture, and moved back."""
    stages = TorchGeneratorStages(random_generator().eval(), EXACT, torch.device("cpu"))
    x, field, down, right = picture(96, 128), noise_field, 48 * wrap[1], 64 * wrap[0]

    def painted(x: Tensor, wrap: tuple[bool, bool]) -> Tensor:
        return paint_by_generator(stages, rows_of(x), Rim.of(128, 96, wrap, MULTIPLE), 0, 96 * 128).rows(0, 96)

    with torch.inference_mode():
        straight, open_edges = painted(x, wrap), painted(x, (False, False))
        cells = down // CELL, right // CELL
        monkeypatch.setattr(generator_painter, "noise_field", lambda *given: field(*given).roll(cells, (2, 3)))
        x = x.roll((down, right), (2, 3))
        assert torch.allclose(painted(x, wrap).roll((-down, -right), (2, 3)), straight, atol=1e-5)
        assert not torch.allclose(painted(x, (False, False)).roll((-down, -right), (2, 3)), open_edges, atol=1e-3)


def test_other_noise_gives_another_picture_and_the_same_noise_the_same(generator: Generator) -> None:
    x = torch.full((1, 3, 64, 64), 0.6)
    first, again, other = (generator(x, noise_field(seed, 64, 64)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert float((first - other).abs().mean()) > 1e-3


def test_every_parameter_is_trained() -> None:
    generator = random_generator()
    made = generator(picture(64, 64), noise_field(0, 64, 64))
    (made * torch.randn(made.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name
