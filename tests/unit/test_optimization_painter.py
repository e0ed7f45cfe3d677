"""The painter: scale by scale towards the style, the same for the same seed, watched and interrupted at any step."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiched.networks.features import FeatureNetwork
from pastiched.optimization.objective import Objective, Plan, Weights, measure
from pastiched.optimization.painter import Ending, Painted, Painter, Recipe, Step, Style, Watcher
from pastiched.optimization.schedule import Scale
from pastiched.optimization.state import State, read_state, write_state
from tests.unit.tiny_networks import compact, compact_weights, picture, vgg19

TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
WEIGHTS = Weights(1.0, 8.0, 0.1, {"relu4_1": 1.0}, dict.fromkeys(TAPS, 1.0))
RECIPE = Recipe([Scale(48, 40, 6), Scale(96, 80, 5)], WEIGHTS, "wasserstein", "adam", 0.01, 0.9, "content", 0, 1.0, 0.6)
STEP_SIZES = {"adam": 0.01, "lbfgs": 0.5}
"""Networks with random weights bear smaller steps than those that have learnt something."""
ONE_SCALE = replace(RECIPE, scales=[Scale(96, 80, 30)])


class Stop(Exception):
    """Raised from without, as a cancelled job is."""


def contrasty(height: int, width: int) -> Tensor:
    """With black and white in it, where steps are cut off."""
    return (picture(height, width, 1) * 2 - 0.5).clamp(0, 1)


def nothing(step: Step, so_far: Callable[[], Tensor]) -> bool:
    return False


def painter_of(
    recipe: Recipe = RECIPE, network: FeatureNetwork | None = None, styles: list[Style] | None = None,
    photograph: Tensor | None = None, first: Tensor | None = None, plan: Plan | None = None,
) -> Painter:  # fmt: skip
    scale = recipe.scales[-1]
    photograph = contrasty(scale.height, scale.width) if photograph is None else photograph
    styles = styles or [Style(picture(120, 90, 2), 1.0)]
    return Painter(network or compact(), photograph, styles, recipe, plan or Plan(), first)


def paint(
    recipe: Recipe = RECIPE, watch: Callable[[Step, Callable[[], Tensor]], bool] = nothing, **more: Any
) -> Painted:
    return painter_of(recipe, **more).run(Watcher(watch, lambda state: None))


def total(found: Tensor, recipe: Recipe, network: FeatureNetwork) -> float:
    """The objective at the last scale, with the whole style picture as target."""
    plan = Plan()
    style = measure(network, picture(58, 43, 2), list(recipe.weights.style_layers), plan)
    photograph = contrasty(*found.shape[-2:])
    return Objective(network, photograph, style, recipe.weights, recipe.loss, plan).losses_and_gradient(found)[0].total


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("loss", ["wasserstein", "gram", "moments"])
def test_every_loss_and_optimizer_gets_nearer_to_the_style(loss: str, optimizer: str) -> None:
    seen: list[float] = []

    def watch(step: Step, so_far: Callable[[], Tensor]) -> bool:
        seen.append(step.losses.total)
        return False

    painted = paint(replace(ONE_SCALE, loss=loss, optimizer=optimizer, step_size=STEP_SIZES[optimizer]), watch)
    assert (painted.ending, painted.steps) == (Ending.DONE, 30)
    assert seen[-1] < 0.7 * seen[0]
    assert painted.picture.shape == (1, 3, 80, 96)
    assert float(painted.picture.min()) >= 0 and float(painted.picture.max()) <= 1


@pytest.mark.parametrize("start", ["content", "noise", "fast"])
def test_any_start_gets_nearer_to_the_style(start: str) -> None:
    network, recipe = compact(), replace(ONE_SCALE, start=start)
    painted = paint(recipe, network=network, first=picture(200, 240, 7))
    begun = paint(
        replace(recipe, scales=[Scale(96, 80, 1)], step_size=1e-9), network=network, first=picture(200, 240, 7)
    )
    assert total(painted.picture, recipe, network) < 0.7 * total(begun.picture, recipe, network)


def test_steps_are_told_scale_by_scale_and_add_up() -> None:
    steps: list[Step] = []

    def watch(step: Step, so_far: Callable[[], Tensor]) -> bool:
        steps.append(step)
        scale = RECIPE.scales[step.scale - 1]
        assert so_far().shape == (1, 3, scale.height, scale.width)
        return False

    paint(RECIPE, watch)
    assert [(s.scale, s.iteration, s.iterations) for s in steps] == [
        *((1, k, 6) for k in range(1, 7)), *((2, k, 5) for k in range(1, 6)),
    ]  # fmt: skip
    assert all(step.scales == 2 for step in steps)
    done = [step.done for step in steps]
    assert done == sorted(done) and done[0] > 0 and done[-1] == pytest.approx(1)
    work = [scale.work for scale in RECIPE.scales]
    assert done[5] == pytest.approx(work[0] / sum(work)), "progress goes by work, not by steps"


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    once, again, other = (paint(replace(RECIPE, seed=seed)).picture for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert float((once - other).abs().mean()) < 0.2


@pytest.mark.parametrize("averaging", [0.5, 0.9, 0.999])
def test_averaging_is_the_weighted_mean_of_the_steps_from_the_first_on(averaging: float) -> None:
    """Without a share of nothing or of the picture that it began with."""
    iterates: list[Tensor] = []
    means: list[Tensor] = []

    def keep(where: list[Tensor]) -> Callable[[Step, Callable[[], Tensor]], bool]:
        def watch(step: Step, so_far: Callable[[], Tensor]) -> bool:
            where.append(so_far().clone())
            return False

        return watch

    recipe = replace(ONE_SCALE, scales=[Scale(48, 40, 12)])
    paint(replace(recipe, averaging=0.0), keep(iterates))
    paint(replace(recipe, averaging=averaging), keep(means))
    for count in range(1, 13):
        weights = [averaging ** (count - k) for k in range(1, count + 1)]
        wanted = sum(w * x for w, x in zip(weights, iterates, strict=False)) / sum(weights)
        assert torch.allclose(means[count - 1], torch.as_tensor(wanted), atol=1e-5)


def test_scales_begin_with_the_one_before_and_the_photographs_own_detail() -> None:
    fine = picture(80, 96, 1)
    fine[..., ::2, :] = fine[..., ::2, :].mul(0.5)
    recipe = replace(RECIPE, scales=[Scale(48, 40, 2), Scale(96, 80, 1)], step_size=1e-9, averaging=0.0)
    kept = paint(recipe, photograph=fine).picture
    assert float((kept - fine).abs().mean()) < 0.03
    blurred = paint(replace(recipe, detail=0.0), photograph=fine).picture
    assert float((blurred - fine).abs().mean()) > 2 * float((kept - fine).abs().mean())


def test_weights_of_several_styles_count() -> None:
    pictures = [picture(120, 90, 2), picture(120, 90, 5).square()]

    def painted(first: float, second: float) -> Tensor:
        styles = [Style(p, w) for p, w in zip(pictures, (first, second), strict=True)]
        return paint(ONE_SCALE, styles=styles).picture

    alone = [paint(ONE_SCALE, styles=[Style(p, 1.0)]).picture for p in pictures]
    near_first, near_second = painted(9, 1), painted(1, 9)

    def away(a: Tensor, b: Tensor) -> float:
        return float((a - b).square().mean())

    assert away(near_first, alone[0]) < away(near_second, alone[0])
    assert away(near_second, alone[1]) < away(near_first, alone[1])
    assert torch.equal(painted(2, 6), painted(1, 3)), "only proportions count"


def test_less_strength_stays_nearer_to_the_photograph() -> None:
    photograph = contrasty(80, 96)
    away = [
        float((paint(replace(ONE_SCALE, strength=s)).picture - photograph).square().mean()) for s in (0.25, 0.5, 1.0)
    ]
    assert away == sorted(away)


def test_wrapped_edges_make_the_pastiche_turn_with_the_photograph() -> None:
    photograph, begun, turn = picture(64, 96, 1), picture(64, 96, 6), (16, 32)
    recipe = replace(ONE_SCALE, scales=[Scale(96, 64, 6)], start="fast", optimizer="lbfgs", step_size=0.5)
    plan = Plan(wrap=(True, True))
    straight = paint(recipe, photograph=photograph, first=begun, plan=plan).picture
    turned = paint(recipe, photograph=photograph.roll(turn, (2, 3)), first=begun.roll(turn, (2, 3)), plan=plan).picture
    moved = float((straight - begun).abs().mean())
    assert moved > 1e-3
    assert float((straight.roll(turn, (2, 3)) - turned).abs().mean()) < 0.02 * moved


def test_it_ends_when_it_is_asked_to_with_the_picture_so_far() -> None:
    painted = paint(RECIPE, lambda step, so_far: step.scale == 1 and step.iteration == 4)
    assert (painted.ending, painted.steps) == (Ending.FINISHED, 4)
    assert painted.picture.shape == (1, 3, 40, 48)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_steps_that_go_astray_leave_a_picture(optimizer: str, averaging: float) -> None:
    """Whatever happens, the values are those of a picture."""
    recipe = replace(ONE_SCALE, optimizer=optimizer, step_size=10.0, averaging=averaging)
    painted = paint(recipe)
    assert painted.ending in (Ending.DIVERGED, Ending.DONE)
    assert painted.picture.isfinite().all()
    assert float(painted.picture.min()) >= 0 and float(painted.picture.max()) <= 1


class FadingNetwork(FeatureNetwork):
    """Computes nothing but NaN from some call on."""

    def __init__(self, calls: int) -> None:
        super().__init__(compact_weights())
        self.calls = calls

    def forward(self, *given: Any, **more: Any) -> list[Tensor]:
        self.calls -= 1
        found = super().forward(*given, **more)
        return [x * float("nan") for x in found] if self.calls < 0 else found


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_numbers_that_are_none_are_caught_and_the_picture_before_them_is_kept(optimizer: str, averaging: float) -> None:
    shown: list[Tensor] = []

    def watch(step: Step, so_far: Callable[[], Tensor]) -> bool:
        shown.append(so_far().clone())
        return False

    recipe = replace(ONE_SCALE, optimizer=optimizer, averaging=averaging)
    painted = paint(recipe, watch, network=FadingNetwork(12))
    assert painted.ending is Ending.DIVERGED
    assert 0 < painted.steps < 30 and len(shown) == painted.steps
    assert painted.picture.isfinite().all() and torch.equal(painted.picture, shown[-1])


def test_a_loss_that_explodes_ends_it_with_the_picture_before() -> None:
    """Without averaging, too, what is kept is a picture of before the explosion."""
    network = compact()
    recipe = replace(ONE_SCALE, optimizer="lbfgs", step_size=10.0, averaging=0.0, scales=[Scale(96, 80, 60)])
    painted = paint(recipe, network=network)
    if painted.ending is Ending.DIVERGED:
        begun = paint(replace(recipe, scales=[Scale(96, 80, 1)], step_size=1e-9), network=network)
        assert total(painted.picture, recipe, network) < 20 * total(begun.picture, recipe, network)


def interrupted(recipe: Recipe, at: int, folder: Path) -> State:
    """The state of a painting that was cancelled when `at` steps were done, out of its file."""
    painter, count = painter_of(recipe), 0

    def watch(step: Step, so_far: Callable[[], Tensor]) -> bool:
        nonlocal count
        count += 1
        if count == at:
            raise Stop
        return False

    with pytest.raises(Stop):
        painter.run(Watcher(watch, lambda state: None))
    file = folder / "run.pastiche-state"
    write_state(file, painter.state())
    return read_state(file)


@pytest.mark.parametrize("at", [1, 5, 6, 7, 10, 11])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_an_interrupted_painting_goes_on_bit_for_bit(at: int, averaging: float, tmp_path: Path) -> None:
    """Within a scale, at the end of one, at the very end; with pixels at black and white."""
    recipe = replace(RECIPE, averaging=averaging, step_size=0.03)
    whole = paint(recipe)
    state = interrupted(recipe, at, tmp_path)
    assert state.steps == at
    resumed = painter_of(recipe).run(Watcher(nothing, lambda state: None), state)
    assert (resumed.ending, resumed.steps) == (whole.ending, whole.steps)
    assert torch.equal(resumed.picture, whole.picture)


def test_lbfgs_goes_on_too_if_not_bit_for_bit(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer="lbfgs", step_size=0.5)
    state = interrupted(recipe, 8, tmp_path)
    resumed = painter_of(recipe).run(Watcher(nothing, lambda state: None), state)
    assert resumed.steps == 11
    assert float((resumed.picture - paint(recipe).picture).abs().mean()) < 0.05


def test_a_state_taken_before_the_first_step_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.pastiche-state"
    write_state(path, painter_of().state())
    resumed = painter_of().run(Watcher(nothing, lambda state: None), read_state(path))
    assert torch.equal(resumed.picture, paint().picture)


def test_states_are_offered_after_every_step_and_none_is_made_unasked() -> None:
    offered: list[Callable[[], State]] = []
    painter = painter_of()
    painter.run(Watcher(nothing, offered.append))
    assert len(offered) == 11


def test_a_state_file_holds_what_was_put_in_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "run.pastiche-state"
    state = State(1, 2, 3, {"a": torch.rand(3, 4).t(), "n": torch.tensor(7)}, {"--seed": 3, "styles": [["x", 1.5]]})
    for _ in range(2):
        write_state(path, state)
    found = read_state(path)
    assert (found.scale, found.iteration, found.steps, found.job) == (1, 2, 3, state.job)
    assert torch.equal(found.tensors["a"], state.tensors["a"]) and int(found.tensors["n"]) == 7
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["cut", "other", "empty", "none", "no json"])
def test_what_is_no_state_is_refused_in_one_sentence(damage: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "run.pastiche-state"
    write_state(path, State(0, 1, 1, {"best": torch.rand(1, 3, 8, 8)}))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "none":
        path.unlink()
    else:
        format_of = {"other": "pt", "no json": "pastiche-fine-state"}[damage]
        save_file({"best": torch.rand(2)}, str(path), {"format": format_of, "state": "{"})
    with pytest.raises(PasticheError) as caught:
        read_state(path)
    assert caught.value.code is ErrorCode.UNREADABLE
    assert re.fullmatch(r".*run\.pastiche-state .*(damaged|does not exist)\.", caught.value.sentence)
    assert "JPEG" not in caught.value.hint


def test_a_state_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(PasticheError, match=r"run\.pastiche-state cannot be written") as caught:
        write_state(tmp_path / "nowhere" / "run.pastiche-state", State(0, 0, 0, {"best": torch.zeros(1)}))
    assert caught.value.code is ErrorCode.UNWRITABLE


def test_a_cancel_is_let_through_from_between_the_blocks() -> None:
    left = 8

    def check() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stop

    painter = painter_of(network=vgg19(), plan=Plan(check=check))
    with pytest.raises(Stop):
        painter.run(Watcher(nothing, lambda state: None))
    assert 0 < painter.state().steps < 11
