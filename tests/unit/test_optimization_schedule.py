"""From coarse to fine: sizes that double, more steps where they are cheap, nothing that a network could not see."""

from __future__ import annotations

import itertools

import pytest

from pastiched.optimization.schedule import SMALLEST_LONG_SIDE, Scale, schedule

OPEN, WRAPPED = (False, False), (True, True)
SIZES = [(512, 512), (1000, 667), (4096, 3072), (333, 2000), (130, 97)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_sizes_double_up_to_the_picture_itself(width: int, height: int) -> None:
    scales = schedule(width, height, 80, 0, 2.0, OPEN, 16)
    assert (scales[-1].width, scales[-1].height, scales[-1].iterations) == (width, height, 80)
    for small, large in itertools.pairwise(scales):
        assert large.width / small.width == pytest.approx(2, rel=0.03)
        assert large.height / small.height == pytest.approx(2, rel=0.03)
        assert small.iterations == 2 * large.iterations


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_all_that_fit_begin_where_something_can_be_made_out(width: int, height: int) -> None:
    first = schedule(width, height, 80, 0, 2.0, OPEN, 16)[0]
    assert max(first.width, first.height) >= min(SMALLEST_LONG_SIDE, max(width, height))
    assert max(first.width, first.height) < 4 * SMALLEST_LONG_SIDE or min(first.width, first.height) < 128


def test_a_picture_that_is_small_already_has_one_scale() -> None:
    assert schedule(60, 40, 80, 0, 2.0, OPEN, 16) == [Scale(60, 40, 80)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_scales_can_be_chosen(count: int) -> None:
    scales = schedule(512, 384, 50, count, 2.0, OPEN, 16)
    assert len(scales) == count and scales[-1] == Scale(512, 384, 50)


@pytest.mark.parametrize("wrap", [OPEN, (True, False), WRAPPED])
@pytest.mark.parametrize("size", [(64, 48), (512, 256), (1024, 48)])
def test_more_scales_than_fit_are_those_that_fit(size: tuple[int, int], wrap: tuple[bool, bool]) -> None:
    """None that the deepest layer would not see, none twice, and so none with steps without end."""
    scales = schedule(*size, 10, 12, 2.0, wrap, 16)
    assert all(min(scale.width, scale.height) >= 16 for scale in scales)
    assert len({(scale.width, scale.height) for scale in scales}) == len(scales)


@pytest.mark.parametrize("growth", [1.0, 1.5, 2.0])
def test_small_scales_cost_less_than_the_last(growth: float) -> None:
    scales = schedule(1024, 1024, 100, 0, growth, OPEN, 16)
    assert [scale.iterations for scale in scales] == [round(100 * growth**k) for k in reversed(range(len(scales)))]
    assert sum(scale.work for scale in scales[:-1]) < 1.1 * scales[-1].work
    assert scales[-1].work == pytest.approx(1.048576 * 100)


@pytest.mark.parametrize("wrap", [(True, False), (False, True), WRAPPED])
def test_wrapped_sides_stay_multiples_at_every_scale(wrap: tuple[bool, bool]) -> None:
    for scale in schedule(1008, 592, 80, 0, 2.0, wrap, 16):
        assert not (wrap[0] and scale.width % 16) and not (wrap[1] and scale.height % 16)
