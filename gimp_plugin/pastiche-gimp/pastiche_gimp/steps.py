"""How far a method that paints step by step has come, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pastiche.protocol import Progress
from pastiche_gimp.words import _

PAINTING = "stylize"


class Steps:
    """Only some messages about progress tell of steps: what the last of them told is kept."""

    def __init__(self) -> None:
        self._place = ""

    def place(self, progress: Progress) -> str:
        """`size 2 of 4, step 100 of 300`; "" where nothing is known, or where nothing is painted."""
        if progress.stage != PAINTING:
            return ""
        if progress.detail:
            self._place = _place(progress.detail)
        return self._place


def _place(detail: Mapping[str, Any]) -> str:
    names = ("scale", "scales", "iteration", "iterations")
    scale, scales, step, steps = (int(detail.get(name, 0)) for name in names)
    if step >= steps and scale < scales:
        return _("size {number} of {count}").format(number=scale + 1, count=scales)
    if scales > 1:
        sentence = _("size {number} of {count}, step {step} of {steps}")
        return sentence.format(number=scale, count=scales, step=step, steps=steps)
    return _("step {step} of {steps}").format(step=step, steps=steps) if steps else ""
