"""Promises about the phases of generator training, and about how it is noticed that something goes wrong."""

from __future__ import annotations

import itertools

import pytest
import torch

from pastiched.training.guards import (
    CERTAIN,
    COLLAPSED,
    LEAST_OFTEN,
    MOST_CHANCE,
    Leash,
    collapsed,
    contrast,
    memorising,
)
from pastiched.training.phases import ADVERSARIAL, RECONSTRUCTION, STYLE, later, phase
from tests.unit.tiny_networks import picture

ORDER = [RECONSTRUCTION, STYLE, ADVERSARIAL]


def course(steps: int, begun: bool = False) -> list[str]:
    return [phase(step, step / steps, begun) for step in range(steps)]


@pytest.mark.parametrize("steps", [10, 100, 3000, 40_000])
def test_a_new_network_goes_through_the_three_phases_in_order(steps: int) -> None:
    phases = course(steps)
    assert [name for name, _ in itertools.groupby(phases)] == ORDER
    assert phases.count(ADVERSARIAL) >= 0.6 * steps, "the adversary has most of the time"


def test_a_long_run_does_not_stay_in_the_first_phases() -> None:
    phases = course(40_000)
    assert (phases.count(RECONSTRUCTION), phases.count(STYLE)) == (600, 3000)


def test_a_trained_generator_goes_on_without_learning_to_copy_first() -> None:
    assert [name for name, _ in itertools.groupby(course(1000, begun=True))] == ORDER[1:]


def test_a_discriminator_is_suspected_when_it_knows_its_own_pictures_better_or_makes_no_mistakes() -> None:
    assert not memorising(0.85, 0.8, 0.2) and not memorising(0.85, None, 0.2)
    assert "0.85" in memorising(0.85, 0.5, 0.2) and "0.50" in memorising(0.85, 0.5, 0.2)
    assert "loss" in memorising(0.85, None, CERTAIN / 2) and "loss" in memorising(0.85, 0.8, CERTAIN / 2)


def test_the_leash_becomes_tighter_notch_by_notch_until_it_is_as_tight_as_it_can_be() -> None:
    leash = Leash()
    seen = [(leash.augmentation.chance, leash.every)]
    while leash.tighten():
        seen.append((leash.augmentation.chance, leash.every))
        assert len(seen) < 20
    assert seen == sorted(seen) and len(set(seen)) == len(seen)
    assert seen[-1] == (MOST_CHANCE, LEAST_OFTEN)


def test_the_leash_is_kept_in_checkpoints() -> None:
    leash, other = Leash(), Leash()
    for _ in range(5):
        leash.tighten()
    other.restore(leash.state())
    assert other == leash and other != Leash()


def test_pictures_that_become_a_single_colour_are_seen_and_pale_ones_are_not_that() -> None:
    photos = [picture(32, 32, seed)[0] for seed in range(4)]
    usual = contrast(photos)
    assert not collapsed(photos, usual)
    assert not collapsed([0.5 + 0.3 * (x - 0.5) for x in photos], usual)
    assert collapsed([0.5 + 0.1 * (x - 0.5) for x in photos], usual)
    assert collapsed([torch.full_like(x, k / 4) for k, x in enumerate(photos)], usual), "each a colour of its own"
    half = [0.5 + COLLAPSED * (x - 0.5) for x in photos]
    assert contrast(half) == pytest.approx(COLLAPSED * contrast(photos), rel=1e-4)


def test_a_run_that_is_given_more_time_stays_in_its_phase() -> None:
    reached = ""
    for step, done in ((10, 0.5), (11, 0.9), (12, 0.01), (700, 0.1), (5000, 0.2)):
        reached = later(reached, phase(step, done, begun=False))
        assert reached == ADVERSARIAL
    assert later("", RECONSTRUCTION) == RECONSTRUCTION and later(STYLE, RECONSTRUCTION) == STYLE
