"""Every loss has the gradient that it claims: against finite differences, and against the formula left to autograd."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pastiched.networks.features import POOLINGS, FeatureNetwork
from pastiched.optimization.moments import Accumulator, Gaussian, blend
from pastiched.optimization.objective import Objective, Plan, Weights, measure, metric
from pastiched.optimization.style_loss import RIDGE, STYLE_LOSSES
from pastiched.optimization.total_variation import total_variation
from tests.unit.tiny_networks import compact, picture, vgg19

LOSSES = tuple(STYLE_LOSSES)
WRAPPED, OPEN = (True, True), (False, False)
CONTENT = {"relu3_2": 1.0, "relu4_1": 3.0}
STYLE = {"relu1_1": 2.0, "relu2_1": 1.0, "relu3_1": 0.5, "relu4_1": 1.0}
ALL = Weights(0.7, 3.0, 0.2, CONTENT, STYLE)


def plan(wrap: tuple[bool, bool] = OPEN, pooling: str = "max") -> Plan:
    return Plan(torch.float64, wrap=wrap, pooling=pooling)


def exact(height: int, width: int, seed: int) -> Tensor:
    return picture(height, width, seed, torch.float64)


def objective(
    network: FeatureNetwork, weights: Weights = ALL, loss: str = "wasserstein", how: Plan | None = None,
    size: tuple[int, int] = (48, 64),
) -> Objective:  # fmt: skip
    how = how or plan()
    style = measure(network, exact(64, 48, 2), list(weights.style_layers), how)
    return Objective(network, exact(*size, 1), style, weights, loss, how)


def slope_error(value: Callable[[Tensor], float], x: Tensor, gradient: Tensor, seed: int = 5) -> float:
    """How far the gradient's slope along a random direction is from that of a small step, as a share of its size.

    The step is so small because a network of maxima has an edge everywhere.
    """
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    step = 1e-8
    measured = (value(x + step * direction) - value(x - step * direction)) / (2 * step)
    return abs(measured - float((gradient * direction).sum())) / float(gradient.norm())


def check_total(wanted: Objective, x: Tensor) -> None:
    _, gradient = wanted.losses_and_gradient(x)
    assert gradient.shape == x.shape
    assert slope_error(lambda y: wanted.losses_and_gradient(y)[0].total, x, gradient) < 1e-4


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", [vgg19, compact])
def test_the_whole_gradient_is_that_of_small_steps(loss: str, network: Callable[[], FeatureNetwork]) -> None:
    check_total(objective(network().double(), loss=loss), exact(48, 64, 3))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_with_every_pooling(pooling: str) -> None:
    check_total(objective(vgg19().double(), how=plan(pooling=pooling)), exact(48, 64, 3))


@pytest.mark.parametrize("wrap", [(True, False), (False, True), WRAPPED])
def test_with_wrapped_edges(wrap: tuple[bool, bool]) -> None:
    check_total(objective(vgg19().double(), how=plan(wrap)), exact(48, 64, 3))


@pytest.mark.parametrize("size", [(47, 61), (33, 16), (16, 16)])
def test_with_odd_and_small_sides(size: tuple[int, int]) -> None:
    check_total(objective(vgg19().double(), size=size), exact(*size, 3))


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(Weights(1, 0, 0, CONTENT, STYLE), id="content"),
        pytest.param(Weights(0, 1, 0, CONTENT, STYLE), id="style"),
        pytest.param(Weights(0, 0, 1, CONTENT, STYLE), id="smoothness"),
        pytest.param(Weights(1, 1, 0, {"relu5_4": 1}, {"relu1_2": 1, "relu5_2": 1}), id="deep"),
    ],
)
def test_each_part_alone(weights: Weights) -> None:
    check_total(objective(vgg19().double(), weights), exact(48, 64, 3))


def flat(features: Tensor) -> Tensor:
    return features[0].flatten(1)


def mean_and_covariance(f: Tensor) -> tuple[Tensor, Tensor]:
    mean = f.mean(1)
    centred = f - mean[:, None]
    return mean, centred @ centred.t() / f.shape[1]


def root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.t()


def gram_formula(own: Tensor, style: Tensor) -> Tensor:
    a, b = (f @ f.t() / f.shape[1] for f in (own, style))
    return (a - b).square().sum() / b.square().sum()


def moments_formula(own: Tensor, style: Tensor) -> Tensor:
    floor = RIDGE * style.var(1, correction=0).mean()
    a, b = ((f.mean(1), (f.var(1, correction=0) + floor).sqrt()) for f in (own, style))
    return ((a[0] - b[0]).square().sum() + (a[1] - b[1]).square().sum()) / (b[0].square().sum() + b[1].square().sum())


def wasserstein_formula(own: Tensor, style: Tensor) -> Tensor:
    (mean, covariance), (wanted_mean, wanted) = mean_and_covariance(own), mean_and_covariance(style)
    ridge = RIDGE * wanted.diagonal().mean() * torch.eye(len(mean), dtype=mean.dtype)
    covariance, wanted = covariance + ridge, wanted + ridge
    between = torch.linalg.eigvalsh(root(wanted) @ covariance @ root(wanted)).clamp_min(1e-12).sqrt().sum()
    distance = (mean - wanted_mean).square().sum() + covariance.trace() + wanted.trace() - 2 * between
    return distance / (wanted_mean.square().sum() + wanted.trace())


FORMULAS = {"gram": gram_formula, "moments": moments_formula, "wasserstein": wasserstein_formula}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_gradient_are_those_of_the_plain_formula(loss: str) -> None:
    network, photograph, style = vgg19().double(), exact(48, 64, 1), exact(64, 48, 2)
    x = exact(48, 64, 3).requires_grad_()
    layers = list(STYLE)
    own = [flat(f) for f in network(x, layers)]
    theirs = [flat(f) for f in network(style, layers)]
    pairs = zip(STYLE.values(), own, theirs, strict=True)
    style_value = torch.stack([w * FORMULAS[loss](a, b) for w, a, b in pairs]).sum() / sum(STYLE.values())
    content = []
    for weight, a, b in zip(
        CONTENT.values(), network(x, list(CONTENT)), network(photograph, list(CONTENT)), strict=True
    ):
        variance = flat(b).var(1, correction=0).sum()
        content.append(weight * (a - b).square().sum(1).mean() / variance)
    content_value = torch.stack(content).sum() / sum(CONTENT.values())
    total = ALL.content * content_value + ALL.style * style_value
    (slope,) = torch.autograd.grad(total, x)

    losses, gradient = objective(network, Weights(ALL.content, ALL.style, 0, CONTENT, STYLE), loss).losses_and_gradient(
        x.detach()
    )
    assert losses.content == pytest.approx(content_value.item(), rel=1e-9)
    assert losses.style == pytest.approx(style_value.item(), rel=1e-7)
    assert losses.total == pytest.approx(total.item(), rel=1e-7)
    assert torch.allclose(gradient, slope, rtol=1e-5, atol=1e-7 * float(slope.abs().max()))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_picture_has_no_distance_to_itself(loss: str) -> None:
    network, photograph = vgg19().double(), exact(48, 64, 1)
    own = measure(network, photograph, list(STYLE), plan())
    losses, gradient = Objective(network, photograph, own, ALL, loss, plan()).losses_and_gradient(photograph)
    assert losses.content == 0 and abs(losses.style) < 1e-9
    _, smooth = total_variation(photograph, OPEN)
    assert float((gradient - ALL.tv * smooth).abs().max()) < 1e-6


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", [vgg19, compact])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_style_without_any_variation_has_a_gradient(
    loss: str, network: Callable[[], FeatureNetwork], level: float
) -> None:
    """A plain colour is a style like any other."""
    net = network()
    style = measure(net, torch.full((1, 3, 48, 48), level), list(STYLE), Plan())
    losses, gradient = Objective(net, picture(48, 64, 1), style, ALL, loss, Plan()).losses_and_gradient(
        picture(48, 64, 3)
    )
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
    assert losses.total == losses.total and losses.total < 1e6


@pytest.mark.parametrize("wrap", [OPEN, (True, False), (False, True), WRAPPED])
def test_total_variation_is_that_of_the_eight_neighbours(wrap: tuple[bool, bool]) -> None:
    x = exact(7, 9, 4).requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for down, right, weight in ((0, 1, 2), (1, 0, 2), (1, 1, 1), (1, -1, 1)):
        for row in range(7):
            for column in range(9):
                r, c = row + down, column + right
                if (r > 6 and not wrap[1]) or (not 0 <= c < 9 and not wrap[0]):
                    continue
                total = total + weight * (x[..., row, column] - x[..., r % 7, c % 9]).square().sum()
    total = 100 * total / (6 * x.numel())
    (wanted,) = torch.autograd.grad(total, x)
    value, gradient = total_variation(x.detach(), wrap)
    assert value == pytest.approx(total.item(), rel=1e-9)
    assert torch.allclose(gradient, wanted, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (8, 1), (2, 2)])
@pytest.mark.parametrize("wrap", [OPEN, WRAPPED])
def test_total_variation_of_the_smallest_pictures(size: tuple[int, int], wrap: tuple[bool, bool]) -> None:
    x = exact(*size, 4)
    value, gradient = total_variation(x, wrap)
    assert value >= 0 and gradient.shape == x.shape and gradient.isfinite().all()
    assert total_variation(torch.full_like(x, 0.4), wrap)[0] == 0


def test_layer_weights_are_shares_of_any_sum() -> None:
    network, x = vgg19().double(), exact(48, 64, 3)

    def losses(factor: float) -> tuple[float, float, float]:
        layers = [{k: factor * v for k, v in part.items()} for part in (CONTENT, STYLE)]
        found, _ = objective(network, Weights(1, 1, 0, *layers)).losses_and_gradient(x)
        return found.content, found.style, found.total

    assert losses(1) == pytest.approx(losses(40), rel=1e-12)
    single = [objective(network, Weights(0, 1, 0, {}, {layer: 1})).losses_and_gradient(x)[0].style for layer in STYLE]
    mixed = sum(w * s for w, s in zip(STYLE.values(), single, strict=True)) / sum(STYLE.values())
    assert losses(1)[1] == pytest.approx(mixed, rel=1e-9)


def test_wrapped_gradient_turns_with_the_picture() -> None:
    """With both edges wrapped there is no edge: everything moved round moves the gradient round."""
    network, how = vgg19().double(), plan(WRAPPED)
    photograph, x, style = exact(64, 96, 1), exact(64, 96, 3), exact(64, 48, 2)
    target = measure(network, style, list(STYLE), how)

    def gradient(turn: tuple[int, int]) -> Tensor:
        moved = Objective(network, photograph.roll(turn, (2, 3)), target, ALL, "wasserstein", how)
        return moved.losses_and_gradient(x.roll(turn, (2, 3)))[1]

    wanted = gradient((0, 0)).roll((16, 32), (2, 3))
    assert torch.allclose(gradient((16, 32)), wanted, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("layer", ["relu1_1", "relu4_1", "relu5_1", "relu4_2"])
def test_metric_keeps_the_distances_behind_the_linear_map(layer: str) -> None:
    network = compact().double()
    matrix, offset = metric(network, layer)
    width = network.width(layer)
    assert matrix.shape == (width, width) and offset.shape == (width,)
    a, b = torch.randn(2, width, dtype=torch.float64)
    wide = a - b
    if layer.endswith("_1"):
        wide = network.linear(int(layer[4]) - 1)[0] @ wide
    assert float((matrix.double() @ (a - b)).norm()) == pytest.approx(float(wide.norm()), rel=1e-6)


def test_moments_gathered_in_pieces_are_those_of_the_whole() -> None:
    features = torch.randn(7, 500, dtype=torch.float64) * 3 + 40
    sums = Accumulator()
    for piece in features.split((3, 197, 1, 299), 1):
        sums.add(piece)
    own, (mean, covariance) = sums.gaussian(), mean_and_covariance(features)
    assert sums.count == 500
    assert torch.allclose(own.mean, mean) and torch.allclose(own.covariance, covariance)
    single = Accumulator()
    single.add(features.float())
    assert torch.allclose(single.gaussian().covariance, covariance, rtol=1e-4, atol=1e-4)


def test_moments_behind_a_linear_map_and_blends_of_moments() -> None:
    f, g = torch.randn(2, 5, 300, dtype=torch.float64)
    matrix, offset = torch.randn(5, 5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    a, b = (Gaussian(*mean_and_covariance(x)) for x in (f, g))
    mapped, wanted = a.mapped(matrix, offset), mean_and_covariance(matrix @ f + offset[:, None])
    assert torch.allclose(mapped.mean, wanted[0]) and torch.allclose(mapped.covariance, wanted[1])
    assert torch.equal(a.blended(b, 0).covariance, a.covariance)
    assert torch.allclose(a.blended(b, 1).covariance, b.covariance)
    mixed = blend([a, b], [3.0, 1.0])
    assert torch.allclose(mixed.mean, 0.75 * a.mean + 0.25 * b.mean)
    assert torch.allclose(mixed.covariance, a.blended(b, 0.25).covariance)
