"""Both ways of finding a step go downhill, within bounds, and can be taken up again; the pyramid's slopes are right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pastiched.optimization.objective import Losses
from pastiched.optimization.pyramid import Pyramid
from pastiched.optimization.steps import Stepper, create_stepper
from tests.unit.tiny_networks import picture

OPTIMIZERS = ("adam", "lbfgs")
SIZES = [(64, 96), (67, 41), (20, 300), (9, 9), (1, 5)]


def towards(target: Tensor) -> Callable[[Tensor], tuple[Losses, Tensor]]:
    """Half the squared distance."""

    def evaluate(x: Tensor) -> tuple[Losses, Tensor]:
        value = float((x - target).square().sum()) / 2
        return Losses(value, 0, 0, value), x - target

    return evaluate


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [1, 2, 4, 9])
def test_a_pyramid_is_the_picture(size: tuple[int, int], depth: int) -> None:
    x = picture(*size, 1, torch.float64)
    pyramid = Pyramid(x.clone(), depth)
    assert 1 <= len(pyramid.levels) <= depth
    assert torch.allclose(pyramid.picture(), x, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_slopes_of_the_levels_are_the_adjoint(size: tuple[int, int]) -> None:
    """<picture of changed levels, g> = <changes, slopes of g>."""
    pyramid = Pyramid(picture(*size, 1, torch.float64), 4)
    before = pyramid.picture().clone()
    gradient = torch.randn_like(before)
    changes = [torch.randn_like(level) for level in pyramid.levels]
    slopes = pyramid.gradients(gradient)
    for level, change in zip(pyramid.levels, changes, strict=True):
        level += change
    inside = sum(float((c * s).sum()) for c, s in zip(changes, slopes, strict=True))
    assert float(((pyramid.picture() - before) * gradient).sum()) == pytest.approx(inside, rel=1e-9)


def test_clamping_keeps_the_picture_within_bounds_and_says_what_it_is() -> None:
    pyramid = Pyramid(picture(64, 48, 1, torch.float64), 4)
    pyramid.levels[0] += 3 * torch.randn_like(pyramid.levels[0])
    pyramid.levels[-1] -= 0.5
    wanted = pyramid.picture().clamp(0, 1)
    bounded = pyramid.clamp()
    assert torch.equal(bounded, wanted)
    assert torch.allclose(pyramid.picture(), bounded, atol=1e-12)


def test_the_pyramid_leaves_the_picture_that_it_was_made_of_alone() -> None:
    for side in (64, 9):
        x = picture(side, side)
        kept = x.clone()
        stepper = create_stepper("adam", x, 0.1)
        stepper.step(towards(torch.zeros_like(x)), 0.0)
        assert torch.equal(x, kept)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", SIZES)
def test_steps_lead_to_the_lowest_place(optimizer: str, size: tuple[int, int]) -> None:
    target = picture(*size, 2)
    stepper, evaluate = create_stepper(optimizer, picture(*size, 1), 0.0), towards(target)
    first = stepper.step(evaluate, 0.0).total
    for k in range(1, 80):
        stepper.step(evaluate, k / 80)
        assert float(stepper.picture.min()) >= 0 and float(stepper.picture.max()) <= 1
    assert evaluate(stepper.picture)[0].total < 0.02 * first


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_costs_one_evaluation_and_tells_the_losses_before_it(optimizer: str) -> None:
    x, evaluate = picture(32, 32, 1), towards(picture(32, 32, 2))
    seen: list[float] = []

    def counting(y: Tensor) -> tuple[Losses, Tensor]:
        losses, gradient = evaluate(y)
        seen.append(losses.total)
        return losses, gradient

    stepper = create_stepper(optimizer, x, 0.0)
    told = [stepper.step(counting, k / 9).total for k in range(9)]
    assert told == seen and len(seen) == 9


def test_where_the_slope_is_zero_nothing_moves() -> None:
    x = picture(32, 32, 1)
    for optimizer in OPTIMIZERS:
        stepper = create_stepper(optimizer, x.clone(), 0.0)
        for k in range(3):
            stepper.step(towards(x), k / 3)
        assert torch.allclose(stepper.picture, x, atol=1e-6)


def test_adams_steps_become_smaller_towards_the_end() -> None:
    target = torch.ones(1, 3, 32, 32)

    def moved(done: float) -> float:
        stepper: Stepper = create_stepper("adam", torch.zeros_like(target), 0.01)
        for _ in range(6):
            before = stepper.picture.clone()
            stepper.step(towards(target), done)
        return float((stepper.picture - before).abs().mean())

    assert moved(0.0) > 1.5 * moved(0.5) > 3 * moved(0.99) > 0


def test_a_larger_step_size_moves_further() -> None:
    target = torch.ones(1, 3, 32, 32)
    for optimizer in OPTIMIZERS:
        distances = []
        for size in (0.001, 0.01):
            stepper = create_stepper(optimizer, torch.zeros_like(target), size)
            for _ in range(3):
                stepper.step(towards(target), 0.0)
            distances.append(float(stepper.picture.mean()))
        assert distances[1] > 5 * distances[0] > 0


def test_adam_taken_up_again_steps_on_bit_for_bit() -> None:
    """Also where pixels are held at black and white."""
    target = (3 * picture(67, 41, 2) - 1).contiguous()
    evaluate = towards(target)
    steady = create_stepper("adam", picture(67, 41, 1), 0.2)
    for k in range(10):
        steady.step(evaluate, k / 20)
    assert float(steady.picture.min()) == 0 and float(steady.picture.max()) == 1
    again = create_stepper("adam", picture(67, 41, 1), 0.2)
    again.restore({name: tensor.clone() for name, tensor in steady.tensors().items()})
    assert torch.equal(again.picture, steady.picture)
    for k in range(10, 20):
        for stepper in (steady, again):
            stepper.step(evaluate, k / 20)
        assert torch.equal(again.picture, steady.picture)


def test_lbfgs_taken_up_again_goes_on_from_the_same_picture() -> None:
    evaluate = towards(picture(32, 32, 2))
    steady = create_stepper("lbfgs", picture(32, 32, 1), 0.5)
    for k in range(3):
        steady.step(evaluate, k / 20)
    again = create_stepper("lbfgs", picture(32, 32, 1), 0.5)
    again.restore({name: tensor.clone() for name, tensor in steady.tensors().items()})
    assert torch.equal(again.picture, steady.picture)
    before = evaluate(again.picture)[0].total
    for k in range(3, 9):
        again.step(evaluate, k / 20)
    assert evaluate(again.picture)[0].total < 0.1 * before
