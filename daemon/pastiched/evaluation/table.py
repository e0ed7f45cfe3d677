"""Figures as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from pastiched.evaluation.comparison import Change
from pastiched.evaluation.figures import FIGURES, Figures

NAME = 36


def header() -> str:
    """The names of the columns."""
    return " " * NAME + "".join(f"{figure.name:>{_width(figure.name)}}" for figure in FIGURES)


def line(name: str, row: Figures) -> str:
    """One picture, a mean or a median."""
    cells = "".join(f"{_number(row[figure.name]):>{_width(figure.name)}}" for figure in FIGURES)
    return f"{name[: NAME - 1]:<{NAME}}{cells}"


def comparison(changes: Sequence[Change]) -> list[str]:
    """A line for each figure: both medians, the change, and whether it is for the worse."""
    lines = [f"{'median of':<12}{'against':>10}{'now':>10}{'change':>10}"]
    for change in changes:
        percent = "-" if change.percent is None else f"{change.percent:+.1f} %"
        cells = f"{_number(change.before):>10}{_number(change.now):>10}{percent:>10}"
        lines.append(f"{change.figure.name:<12}{cells}{'  worse' if change.worse else ''}")
    return lines


def _width(name: str) -> int:
    return max(9, len(name) + 2)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
