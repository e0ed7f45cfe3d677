"""1024 x 1024 at network scale 1:1, by OpenVINO and by PyTorch, beside the reference workload in the same minutes."""

from __future__ import annotations

import importlib.util
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts import multiply_adds, reference
from parts.brushes import fast_pixels, own_size_brush, trained_pixels
from parts.findings import Cell, Findings, Table, spread
from parts.own_daemon import OwnDaemon, Run
from parts.photographs import Size, write_photograph
from parts.setting import Setting
from pastiched.trained_library import TrainedLibrary

SIZE = Size(1024, 1024)
TYPE_OF_DEPTH = {"8": "bfloat16", "16": "float32"}
"""Where the processor has bfloat16; else both are painted in float32, and the report's note says so."""
REFERENCE_REPEATS = 3


@dataclass(frozen=True)
class Network:
    """What paints; `pixels` of all its passes at this size."""

    method: str
    model: str
    brush_size: float
    pixels: int
    multiply_adds: float
    """For a pixel."""


@dataclass
class Series:
    """All runs of one network by one library in one depth."""

    network: Network
    library: str
    depth: str
    stylize: list[float] = field(default_factory=list)
    run: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """GMAC/s while it stylizes."""
    shares: list[float] = field(default_factory=list)
    """Of the reference workload's, measured in the same round."""
    note: str = ""

    def take(self, run: Run, rates: dict[str, list[float]]) -> None:
        self.stylize.append(run.stages["daemon.stylize"])
        self.run.append(run.stages["daemon.run"])
        self.note = run.report["models"][0]["id"] + ", " + _precision(run)
        self.rates.append(self.network.pixels * self.network.multiply_adds / 1e9 / (self.stylize[-1] / 1e3))
        type_name = next((name for name in TYPE_OF_DEPTH.values() if name in self.note), "float32")
        compared = rates.get(reference.name_of(self.library, type_name))
        if compared:
            self.shares.append(self.rates[-1] / statistics.median(compared))


def measure(setting: Setting) -> Findings:
    picture = write_photograph(setting.folder / "square.png", SIZE)
    libraries = ["OpenVINO", "PyTorch"] if importlib.util.find_spec("openvino") else ["PyTorch"]
    with ExitStack() as stack:
        daemons = {
            library: stack.enter_context(OwnDaemon(setting.folder / f"home-square-{library}", library))
            for library in libraries
        }
        models = {library: daemon.ready_model(setting.model) for library, daemon in daemons.items()}
        networks = [_fast(), _trained(daemons[libraries[0]], models[libraries[0]])]
        all_series = [Series(n, lib, depth) for n in networks for depth in TYPE_OF_DEPTH for lib in libraries]
        for series in all_series:
            _paint(setting, picture, daemons, series)
        for _ in range(setting.runs):
            rates = reference.rates(REFERENCE_REPEATS)
            for series in all_series:
                series.take(_paint(setting, picture, daemons, series), rates)
    counts = {network.method: round(network.multiply_adds) for network in networks}
    figures = {"multiply-adds a pixel": counts, "networks": [_figures(series) for series in all_series]}
    return Findings(figures, [_table(all_series)])


def _precision(run: Run) -> str:
    return next((str(note) for note in run.report["notes"] if "precision" in note), "")


def _fast() -> Network:
    brush_size = own_size_brush(SIZE)
    return Network("fast", "", brush_size, fast_pixels(SIZE, brush_size), multiply_adds.of_fast())


def _trained(daemon: OwnDaemon, name: str) -> Network:
    native = TrainedLibrary(daemon.home.folder / "models" / "trained").find(name).native_pixels
    brush_size = own_size_brush(SIZE, native)
    pixels = trained_pixels(SIZE, brush_size, native)
    return Network("trained", name, brush_size, pixels, multiply_adds.of_trained())


def _paint(setting: Setting, picture: Path, daemons: dict[str, OwnDaemon], series: Series) -> Run:
    network = series.network
    flags = ("--brush-size", f"{network.brush_size:.4g}", "--depth", series.depth)
    return daemons[series.library].apply(picture, setting.folder / "painted.png", *flags, model=network.model)


def _figures(series: Series) -> dict[str, Any]:
    network = series.network
    return {
        "method": network.method,
        "library": series.library,
        "depth": series.depth,
        "by": series.note,
        "pixels of all passes": network.pixels,
        "stylize, ms": spread(series.stylize),
        "run, ms": spread(series.run),
        "GMAC/s": spread(series.rates, max),
        "share of the reference": spread(series.shares, max) if series.shares else None,
    }


def _table(all_series: list[Series]) -> Table:
    columns = ["method", "bits", "by", "stylize, ms", "best", "run, ms", "best", "GMAC/s", "of the reference"]
    rows: list[list[Cell]] = []
    for s in all_series:
        stylize, run = spread(s.stylize), spread(s.run)
        share = statistics.median(s.shares) if s.shares else None
        times = [stylize["median"], stylize["best"], run["median"], run["best"]]
        rows.append([s.network.method, s.depth, s.note, *times, statistics.median(s.rates), share])
    return Table("1024 x 1024 at 1:1", columns, rows)
