"""What is found: figures for the JSON file, tables for people."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | float | None


@dataclass(frozen=True)
class Table:
    """Text stays as it is; of numbers about four digits are shown; None is shown as a dash."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        lines = [" | ".join(self.columns), "|".join("---" for _ in self.columns)]
        lines += [" | ".join(_shown(cell) for cell in row) for row in self.rows]
        return "\n".join([f"### {self.title}", "", *(f"| {line} |" for line in lines), ""])


@dataclass(frozen=True)
class Findings:
    """Of one part."""

    figures: dict[str, Any]
    tables: list[Table] = field(default_factory=list)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    size = abs(cell)
    return f"{cell:,.0f}" if size >= 100 else f"{cell:.1f}" if size >= 10 else f"{cell:.2f}" if size else "0"


def spread(values: Iterable[float], best: Callable[[Iterable[float]], float] = min) -> dict[str, float]:
    """Median, best (of rates: `max`) and how many there are."""
    known = list(values)
    return {"median": round(statistics.median(known), 4), "best": round(best(known), 4), "runs": len(known)}


def spreads(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Of each name that any row has; where it is missing, it took nothing."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: spread(row.get(name, 0.0) for row in rows) for name in names}
