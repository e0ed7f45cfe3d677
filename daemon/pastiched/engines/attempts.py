"""What is tried where memory runs out although it was planned with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from pastiched.engines.precision import fastest_numbers
from pastiched.inference.numbers import Numbers
from pastiched.inference.piece_size import LEAST
from pastiched.memory import free_unused, is_broken_device, is_out_of_memory

T = TypeVar("T")
SMALLER = 16
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """How a picture is painted: pixels of a piece, in which numbers, where; `note` tells why not as planned."""

    most: int
    numbers: Numbers
    device: torch.device
    note: str = ""


def attempts(most: int, numbers: Numbers, device: torch.device) -> list[Attempt]:
    """The plan, and what takes less and less memory."""
    smaller = max(min(most, LEAST), most // SMALLER)
    plans = [
        Attempt(most, numbers, device),
        Attempt(smaller, numbers, device, "memory ran out: painted in smaller pieces"),
    ]
    fastest = fastest_numbers(device)
    if fastest != numbers:
        plans.append(Attempt(smaller, fastest, device, "memory ran out: painted with less precision"))
    if device.type != "cpu":
        cpu = torch.device("cpu")
        plans.append(Attempt(smaller, fastest_numbers(cpu), cpu, "memory ran out: painted by the processor"))
    return plans


def first_that_fits(plans: list[Attempt], paint: Callable[[Attempt], T]) -> tuple[T, list[str]]:
    """What `paint` gives for the first plan for which there is memory, and notes for the report."""
    notes: list[str] = []
    for plan in plans[:-1]:
        try:
            return paint(plan), notes
        except Exception as error:
            if not is_out_of_memory(error) or is_broken_device(error):
                raise
            log.warning("There is no memory for pieces of %d pixels: %s", plan.most, str(error).strip()[-200:])
        free_unused(plan.device)
        notes.append(plans[plans.index(plan) + 1].note)
    return paint(plans[-1]), notes
