"""What a run wrote about itself: progress.jsonl, one JSON object a line, read in whatever state a kill left it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pastiched.training.chart import Curve, Span

PROGRESS = "progress.jsonl"
FIGURES_KEY = "patchfd"
"""A line with this key holds the figures of a checkpoint."""
EVENT_KEY = "event"
"""A line with this key is a guard that spoke."""
NO_CURVES = ("step", "seconds", "phase", EVENT_KEY)


@dataclass
class Diary:
    """`lines`: what was measured, by steps; `figures`: those of checkpoints; `events`: what guards said."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def step(self) -> int:
        return int(self.lines[-1]["step"]) if self.lines else 0

    @property
    def seconds(self) -> float | None:
        return next((s for line in reversed(self.lines) if (s := number(line.get("seconds"))) is not None), None)

    @property
    def phase(self) -> str:
        return next((str(line["phase"]) for line in reversed(self.lines) if "phase" in line), "")

    def curves(self) -> list[Curve]:
        """A curve for every key that holds numbers, in the order in which the keys appear.

        A figure of the checkpoints that is called as a loss is has a curve of its own.
        """
        losses = {key for line in self.lines if FIGURES_KEY not in line for key in line}
        points: dict[str, tuple[list[float], list[float]]] = {}
        for line in self.lines:
            for key, value in line.items():
                if key in NO_CURVES or (found := number(value)) is None:
                    continue
                name = f"{key}, checkpoints" if FIGURES_KEY in line and key in losses else key
                steps, values = points.setdefault(name, ([], []))
                if steps and steps[-1] == line["step"]:
                    values[-1] = found
                else:
                    steps.append(line["step"])
                    values.append(found)
        return [Curve(name, *both) for name, both in points.items()]

    def spans(self) -> list[Span]:
        """The phases, from where each begins to where the next one does."""
        begun: list[tuple[str, float]] = []
        for line in self.lines:
            if "phase" in line and (not begun or begun[-1][0] != str(line["phase"])):
                begun.append((str(line["phase"]), line["step"] if begun else 0))
        ends = [first for _, first in begun[1:]] + [float(self.step)]
        return [Span(name, first, last) for (name, first), last in zip(begun, ends, strict=False)]


def read_diary(folder: Path) -> Diary:
    """A run that went on from an older checkpoint wrote some steps twice: what was undone is left out.

    Lines that cannot be understood are passed over; a missing file is an empty diary. Raises OSError.
    """
    diary = Diary()
    for line in _objects(folder / PROGRESS):
        step = number(line.get("step"))
        if EVENT_KEY in line:
            diary.events.append(line)
            continue
        if step is None:
            continue
        line["step"] = step
        for kept in (diary.lines, diary.figures):
            while kept and kept[-1]["step"] > step:
                kept.pop()
        diary.lines.append(line)
        if FIGURES_KEY in line:
            diary.figures.append(line)
    return diary


def number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.split("\n"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found
