"""Whether a model got worse than another: medians side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pastiched.evaluation.figures import FIGURES, Figure, Figures, medians


@dataclass(frozen=True)
class Change:
    """The medians of one figure; `percent` of the earlier one (None where that is 0 or there is none)."""

    figure: Figure
    before: float | None
    now: float | None
    percent: float | None
    worse: bool


def compare(now: Sequence[Figures], before: Sequence[Figures], tolerance: float) -> list[Change]:
    """For each figure whether its median moved in the bad direction by more than `tolerance` per cent. What stays below
    a figure's harmless value is never worse."""
    new, old = medians(now), medians(before)
    return [_change(figure, old[figure.name], new[figure.name], tolerance) for figure in FIGURES]


def _change(figure: Figure, before: float | None, now: float | None, tolerance: float) -> Change:
    if before is None or now is None:
        return Change(figure, before, now, None, False)
    percent = 100 * (now - before) / abs(before) if before else None
    loss = before - now if figure.higher_is_better else now - before
    worse = loss > abs(before) * tolerance / 100
    if figure.harmless is not None and now < figure.harmless:
        worse = False
    return Change(figure, before, now, percent, worse)
