"""`pastiche batch` over photographs of two megapixels, JPEG in and out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts.brushes import brushes
from parts.findings import Cell, Findings, Table, spread
from parts.own_daemon import OwnDaemon, Run
from parts.photographs import photographs, size_of
from parts.setting import STYLE, Setting

MEGAPIXELS = 2.0
RUNS = 3
"""At most: a batch is many pictures already."""
SHARES = {"stylize": ("stylize",), "stylize, prepare, finish": ("stylize", "prepare", "finish"), "run": ("run",)}
"""What is added up, by name; `run` is everything that the worker does for a picture."""


@dataclass
class Series:
    """All runs with one brush. Of the wall time from the command's start to its end."""

    rates: list[float] = field(default_factory=list)
    shares: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SHARES})

    def take(self, run: Run, pictures: int) -> None:
        painted = [file["timings"] for file in run.report["files"] if "timings" in file]
        if len(painted) != pictures:
            raise RuntimeError(f"{len(painted)} of {pictures} pictures were painted.")
        self.rates.append(pictures / run.seconds)
        for name, stages in SHARES.items():
            worked = sum(timings.get(stage, 0.0) for timings in painted for stage in stages)
            self.shares[name].append(worked / 1000 / run.seconds)


def measure(setting: Setting) -> Findings:
    size = size_of(min(MEGAPIXELS, setting.most))
    sources = list(photographs(setting.folder / "batch", size, setting.pictures))
    kinds = brushes(size)
    found = {name: Series() for name in kinds}
    with OwnDaemon(setting.folder / "home-batch") as daemon:
        for brush_size in kinds.values():
            _paint(daemon, setting.folder, sources[:2], brush_size)
        for _ in range(min(setting.runs, RUNS)):
            for name, brush_size in kinds.items():
                found[name].take(_paint(daemon, setting.folder, sources, brush_size), len(sources))
    figures = {name: _figures(series) for name, series in found.items()}
    columns = ["brush", "pictures a second", "best", *(f"{name}, share" for name in SHARES)]
    rows: list[list[Cell]] = [
        [name, f["pictures a second"]["median"], f["pictures a second"]["best"]]
        + [share["median"] for share in f["share of the wall time"].values()]
        for name, f in figures.items()
    ]
    title = f"Batch of {len(sources)} pictures of {size.area / 1e6:.2g} MP"
    return Findings({"pictures": len(sources), "brushes": figures}, [Table(title, columns, rows)])


def _paint(daemon: OwnDaemon, folder: Path, sources: Sequence[Path], brush_size: float) -> Run:
    output = folder / "batch-painted"
    shutil.rmtree(output, ignore_errors=True)
    flags = ["--style", STYLE, "--format", "jpg", "--brush-size", f"{brush_size:g}", "--quiet"]
    return daemon.run("batch", *map(str, sources), "-o", str(output), *flags)


def _figures(series: Series) -> dict[str, Any]:
    return {
        "pictures a second": spread(series.rates, max),
        "share of the wall time": {name: spread(values, max) for name, values in series.shares.items()},
    }
