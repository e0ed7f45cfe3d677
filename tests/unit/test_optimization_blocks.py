"""Blocks give the features, losses and gradients of the whole picture, whatever its shape, in less memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pastiched.networks.features import FeatureNetwork, margin, stride
from pastiched.optimization.blocks import Block, split
from pastiched.optimization.objective import Objective, Plan, Weights, measure
from pastiched.optimization.painter import LEAST_BLOCK, Ending, Painted, Painter, Recipe, Style, Watcher
from pastiched.optimization.schedule import Scale
from tests.unit.tiny_networks import compact, picture, vgg19, vgg19_weights

SHAPES = [
    pytest.param(301, 277, (False, False), id="odd sides"),
    pytest.param(288, 304, (True, True), id="both wrapped"),
    pytest.param(275, 320, (True, False), id="panorama"),
    pytest.param(37, 700, (False, False), id="flat"),
    pytest.param(900, 16, (False, False), id="tall"),
    pytest.param(480, 48, (True, True), id="wrapped and narrower than a block sees"),
]
SMALLEST = 1000
WEIGHTS = Weights(1.0, 2.0, 0.1, {"relu4_1": 1.0}, dict.fromkeys(("relu1_1", "relu3_1", "relu5_1"), 1.0))


@pytest.mark.parametrize(("height", "width", "wrap"), SHAPES)
def test_every_pixel_and_every_feature_is_owned_once(height: int, width: int, wrap: tuple[bool, bool]) -> None:
    blocks = split(height, width, wrap, SMALLEST, margin(["relu5_1"]))
    assert len(blocks) > 1
    for step in (1, 2, 4, 8, 16):
        seen = torch.zeros(height // step, width // step)
        for block in blocks:
            rows, columns = block.owned(step)
            crop = block.crop(torch.zeros(1, 1, height, width))[..., ::step, ::step]
            assert rows.stop <= crop.shape[2] and columns.stop <= crop.shape[3]
            seen[block.at(step)] += 1
            place = seen[block.at(step)].shape
            assert place == (rows.stop - rows.start, columns.stop - columns.start)
        assert (seen == 1).all(), step


@pytest.mark.parametrize(("height", "width", "wrap"), SHAPES)
def test_what_is_cut_out_goes_back_to_where_it_was(height: int, width: int, wrap: tuple[bool, bool]) -> None:
    """`add_to` is the adjoint of `crop`."""
    x = torch.randn(1, 2, height, width, dtype=torch.float64)
    for block in split(height, width, wrap, SMALLEST, 96):
        crop = block.crop(x)
        piece, back = torch.randn_like(crop), torch.zeros_like(x)
        block.add_to(back, piece)
        assert float((crop * piece).sum()) == pytest.approx(float((x * back).sum()), rel=1e-9, abs=1e-9)


def test_a_picture_that_fits_is_one_block_and_larger_ones_keep_within_the_limit() -> None:
    assert [block.whole for block in split(300, 400, (True, True), 120_000, 96)] == [True]
    for block in split(3000, 4000, (False, False), 1_000_000, 96):
        rows, columns = block.rows, block.columns
        assert (rows.stop - rows.start) * (columns.stop - columns.start) <= 1_100_000
        assert not block.whole


@pytest.mark.parametrize(("height", "width", "wrap"), SHAPES)
def test_features_of_blocks_are_those_of_the_whole(height: int, width: int, wrap: tuple[bool, bool]) -> None:
    network, x = vgg19().double(), picture(height, width, 1, torch.float64)
    layers = ["relu1_2", "relu3_1", "relu4_2", "relu5_1"]
    whole = network(x, layers, wrap)
    for block in split(height, width, wrap, SMALLEST, margin(layers)):
        for layer, features, all_features in zip(layers, network(block.crop(x), layers, wrap), whole, strict=True):
            own = features[(..., *block.owned(stride(layer)))]
            assert torch.allclose(own, all_features[(..., *block.at(stride(layer)))], atol=1e-9), layer


def gradients(
    network: FeatureNetwork, size: tuple[int, int], wrap: tuple[bool, bool], dtype: torch.dtype, loss: str,
    pooling: str = "max",
) -> tuple[list[float], Tensor, Tensor]:  # fmt: skip
    """Relative differences of the losses, and both gradients: of the whole, and of blocks as small as there are."""
    found = []
    for pixels in (10**9, SMALLEST):
        plan = Plan(dtype, pixels, wrap, pooling)
        style = measure(network, picture(200, 150, 2, dtype), list(WEIGHTS.style_layers), plan)
        objective = Objective(network, picture(*size, 1, dtype), style, WEIGHTS, loss, plan)
        found.append(objective.losses_and_gradient(picture(*size, 3, dtype)))
    (whole, a), (parts, b) = found
    names = ("content", "style", "tv", "total")
    return [abs(getattr(parts, n) / getattr(whole, n) - 1) for n in names], a, b


@pytest.mark.parametrize(("height", "width", "wrap"), SHAPES)
def test_blocks_have_the_gradient_of_the_whole(height: int, width: int, wrap: tuple[bool, bool]) -> None:
    differences, whole, parts = gradients(vgg19().double(), (height, width), wrap, torch.float64, "wasserstein")
    assert max(differences) < 1e-8
    assert float((parts - whole).norm() / whole.norm()) < 1e-8


@pytest.mark.parametrize(("loss", "pooling"), [("gram", "average"), ("moments", "l2"), ("gram", "max")])
def test_with_every_loss_and_pooling(loss: str, pooling: str) -> None:
    differences, whole, parts = gradients(compact().double(), (301, 277), (False, False), torch.float64, loss, pooling)
    assert max(differences) < 1e-8
    assert float((parts - whole).norm() / whole.norm()) < 1e-8


@pytest.mark.parametrize("network", [vgg19, compact])
def test_no_seam_is_to_be_seen_in_single_precision(network: type) -> None:
    """At every pixel, also where blocks meet, the gradient is right to a thousandth of its size."""
    differences, whole, parts = gradients(network(), (301, 277), (False, False), torch.float32, "wasserstein")
    assert max(differences) < 1e-3
    assert float((parts - whole).norm() / whole.norm()) < 1e-3
    joints = sorted({b.columns.first for b in split(301, 277, (False, False), SMALLEST, margin(["relu5_1"]))} - {0})
    assert joints
    near = torch.cat([(parts - whole)[..., at - 2 : at + 2] for at in joints], 3)
    typical = float(whole.square().mean().sqrt())
    assert float(near.square().mean().sqrt()) < 1e-3 * typical


class TightNetwork(FeatureNetwork):
    """As if memory held no picture of more than `most` pixels, and none at all from call number `last` on."""

    def __init__(self, most: float, last: float = float("inf")) -> None:
        super().__init__(vgg19_weights())
        self.most, self.left, self.refused = most, last, 0

    def forward(
        self, x: Tensor, layers: Sequence[str] = (), wrap: tuple[bool, bool] = (False, False), pooling: str = "max"
    ) -> list[Tensor]:
        self.left -= 1
        if x.shape[-2] * x.shape[-1] > self.most or self.left < 0:
            self.refused += 1
            raise torch.OutOfMemoryError("out of memory, as far as this test goes")
        return super().forward(x, layers, wrap, pooling)


def paint(
    network: FeatureNetwork, size: tuple[int, int] = (330, 380), steps: int = 3, plan: Plan | None = None
) -> Painted:
    scales = [Scale(size[1], size[0], steps)]
    recipe = Recipe(scales, WEIGHTS, "wasserstein", "adam", 0.0, 0.5, "content", 0, 1.0, 0.3)
    painter = Painter(network, picture(*size, 1), [Style(picture(100, 100, 2), 1.0)], recipe, plan or Plan())
    return painter.run(Watcher(lambda step, so_far: False, lambda state: None))


def test_too_little_memory_makes_blocks_smaller_and_the_picture_is_the_same() -> None:
    tight = TightNetwork(121_000)
    painted, ample = paint(tight), paint(vgg19())
    assert tight.refused
    assert (painted.ending, painted.steps) == (Ending.DONE, 3)
    assert float((painted.picture - ample.picture).abs().mean()) < 1e-3


def test_memory_is_asked_for_before_each_block() -> None:
    asked: list[int] = []
    measure(vgg19(), picture(400, 400), ["relu1_1"], Plan(block_pixels=SMALLEST, claim=asked.append))
    crops = [block.crop(picture(400, 400)) for block in split(400, 400, (False, False), SMALLEST, margin(["relu1_1"]))]
    assert asked == [crop.shape[2] * crop.shape[3] for crop in crops]


def test_a_block_that_there_is_no_memory_for_is_not_begun() -> None:
    def claim(pixels: int) -> None:
        raise torch.OutOfMemoryError("out of memory, as far as this test goes")

    network = TightNetwork(0)
    with pytest.raises(torch.OutOfMemoryError):
        paint(network, (64, 80), plan=Plan(claim=claim))
    assert not network.refused


def test_memory_that_becomes_short_in_between_makes_blocks_smaller_too() -> None:
    network = vgg19()
    plan = Plan(block_pixels=10**9)
    photograph = picture(330, 380, 1)
    style = measure(network, picture(100, 100, 2), list(WEIGHTS.style_layers), plan)
    objective = Objective(network, photograph, style, WEIGHTS, "wasserstein", plan)
    before, wanted = objective.losses_and_gradient(picture(330, 380, 3))
    halvings = 0
    while objective.shrink_blocks(LEAST_BLOCK // 4):
        halvings += 1
        after, gradient = objective.losses_and_gradient(picture(330, 380, 3))
        assert after.total == pytest.approx(before.total, rel=1e-3)
        assert float((gradient - wanted).norm() / wanted.norm()) < 1e-3
    assert halvings == 2, "from 125 400 pixels down to 31 350"
    assert not objective.shrink_blocks(LEAST_BLOCK // 4)


def test_memory_that_is_never_enough_is_said_and_not_tried_for_ever() -> None:
    network = TightNetwork(0)
    with pytest.raises(torch.OutOfMemoryError):
        paint(network)
    assert network.refused < 20


def test_memory_that_runs_out_later_leaves_the_picture_so_far() -> None:
    painted = paint(TightNetwork(10**9, last=4), (64, 80), steps=50)
    assert painted.ending is Ending.NO_MEMORY
    assert 0 < painted.steps < 50
    assert painted.picture.shape[-2:] == (64, 80) and painted.picture.isfinite().all()


def test_blocks_are_computed_one_after_the_other_and_can_be_interrupted_between() -> None:
    class Enough(Exception):
        pass

    seen = 0

    def check() -> None:
        nonlocal seen
        seen += 1
        if seen > 5:
            raise Enough

    plan = Plan(block_pixels=SMALLEST, check=check)
    with pytest.raises(Enough):
        measure(vgg19(), picture(400, 400), ["relu1_1"], plan)
    assert seen == 6
    assert len(split(400, 400, (False, False), SMALLEST, margin(["relu1_1"]))) > 5


def test_a_block_knows_whether_it_is_the_whole() -> None:
    (only,) = split(40, 50, (False, False), 10_000, 96)
    assert isinstance(only, Block) and only.whole
    x = picture(40, 50)
    assert only.crop(x) is x
