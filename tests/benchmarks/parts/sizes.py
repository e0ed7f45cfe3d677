"""Fast from a quarter of a megapixel to a hundred: where the time goes, how it grows, and what memory it takes."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts.brushes import brushes, fast_pixels
from parts.findings import Cell, Findings, Table, spreads
from parts.own_daemon import OwnDaemon, Run
from parts.photographs import Size, size_of, write_photograph
from parts.setting import Setting

MEGAPIXELS = (0.25, 1, 2, 4, 12, 24, 50, 100)
LARGE, LARGE_RUNS = 12, 3
"""Above so many megapixels so many runs are enough."""
WARMED = 4
"""Megapixels up to which the first run of a size is not counted."""
SEED = 7
STAGES = ("prepare", "stylize", "finish")


@dataclass
class Series:
    """All runs of one size with one brush."""

    megapixels: float
    size: Size
    brush: str
    brush_size: float
    stages: list[dict[str, float]] = field(default_factory=list)
    peaks: list[dict[str, int]] = field(default_factory=list)

    def take(self, run: Run, server: int | None) -> None:
        self.stages.append(run.stages | {"wall": 1000 * run.seconds})
        report = run.report
        self.peaks.append(
            {"worker": report["memory"]["process"], "server": server or 0, "client": report["client_peak_memory"]}
        )

    @property
    def own_bytes(self) -> int:
        return 3 * self.size.area

    def median(self, stage: str) -> float:
        return statistics.median(stages.get(stage, 0.0) for stages in self.stages)

    @property
    def peak(self) -> dict[str, int]:
        """Bytes of each process, and of all, as if all had their peak at once."""
        each = {name: max(peaks[name] for peaks in self.peaks) for name in self.peaks[0]}
        together = sum(each.values())
        return each | {"together": together, "above the picture's own bytes": together - self.own_bytes}


def measure(setting: Setting) -> Findings:
    wanted = [size for size in MEGAPIXELS if size <= setting.most]
    all_series = [
        Series(megapixels, size, name, brush_size)
        for megapixels in wanted
        for size in (size_of(megapixels),)
        for name, brush_size in brushes(size).items()
    ]
    with OwnDaemon(setting.folder / "home-sizes") as daemon:
        for series in all_series:
            write_photograph(_file(setting, series), series.size)
            if series.megapixels <= WARMED:
                _paint(setting, daemon, series)
        rng = random.Random(SEED)
        for run in range(setting.runs):
            # A picture pays for the one before it, which may have been large and made the worker give memory back.
            for series in rng.sample(all_series, len(all_series)):
                if series.megapixels <= LARGE or run < LARGE_RUNS:
                    server_peak = daemon.server_peak()
                    series.take(_paint(setting, daemon, series), server_peak())
    one = {series.brush: series for series in all_series if series.megapixels == 1}
    return Findings(
        {"sizes": [_figures(series, one.get(series.brush)) for series in all_series]},
        [_times(all_series, one), _memory(all_series)],
    )


def _file(setting: Setting, series: Series) -> Path:
    return setting.folder / f"{series.megapixels:g}.jpg"


def _paint(setting: Setting, daemon: OwnDaemon, series: Series) -> Run:
    output = setting.folder / "painted.jpg"
    return daemon.apply(_file(setting, series), output, "--brush-size", f"{series.brush_size:g}")


def _growth(series: Series, one: Series | None, stage: str) -> float | None:
    """The time as a multiple of the time for one megapixel, times the pixels; None where that was not measured."""
    if one is None:
        return None
    return series.median(stage) / one.median(stage) / (series.size.area / one.size.area)


def _figures(series: Series, one: Series | None) -> dict[str, Any]:
    return {
        "megapixels": series.megapixels,
        "width": series.size.width,
        "height": series.size.height,
        "brush": series.brush,
        "brush size": series.brush_size,
        "pixels of all passes": fast_pixels(series.size, series.brush_size),
        "milliseconds": spreads(series.stages),
        "seconds a megapixel": {
            stage: series.median(stage) / 1000 / (series.size.area / 1e6) for stage in ("total", "daemon.run")
        },
        "growth": {stage: _growth(series, one, stage) for stage in ("total", "daemon.run")},
        "peak bytes": series.peak,
    }


def _times(all_series: list[Series], one: dict[str, Series]) -> Table:
    columns = ["megapixels", "brush", "total, s", "s/MP", "x 1 MP", "run, s", "s/MP", "x 1 MP"]
    rows: list[list[Cell]] = []
    for series in all_series:
        row: list[Cell] = [f"{series.megapixels:g}", series.brush]
        for stage in ("total", "daemon.run"):
            seconds = series.median(stage) / 1000
            growth = _growth(series, one.get(series.brush), stage)
            row += [seconds, seconds / (series.size.area / 1e6), growth]
        row += [series.median(f"daemon.{stage}") / 1000 for stage in STAGES]
        row += [series.median(stage) / 1000 for stage in ("decode", "encode")]
        rows.append(row)
    return Table("Sizes: medians of seconds", [*columns, *STAGES, "decode", "encode"], rows)


def _memory(all_series: list[Series]) -> Table:
    columns = ["megapixels", "brush", *all_series[0].peak]
    rows: list[list[Cell]] = [
        [f"{s.megapixels:g}", s.brush, *(nbytes / 1e6 for nbytes in s.peak.values())] for s in all_series
    ]
    return Table("Sizes: peak memory in MB", columns, rows)
