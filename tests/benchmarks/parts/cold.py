"""From no daemon to the first picture: the whole command, with the start of the daemon, by either library."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from parts.findings import Cell, Findings, Table, spread, spreads
from parts.own_daemon import OwnDaemon
from parts.photographs import size_of, write_photograph
from parts.setting import Setting

MEGAPIXELS = 1.0
RUNS = 3
"""At least, where more than one is asked for."""
SHOWN = ("connect", "wait", "daemon.wait", "daemon.style", "daemon.stylize", "daemon.run")


def measure(setting: Setting) -> Findings:
    size = size_of(min(MEGAPIXELS, setting.most))
    picture = write_photograph(setting.folder / "cold.jpg", size)
    libraries: Sequence[str] = ["OpenVINO", "PyTorch"] if importlib.util.find_spec("openvino") else ["PyTorch"]
    stages: dict[str, list[dict[str, float]]] = {library: [] for library in libraries}
    for run in range(max(setting.runs, RUNS) if setting.runs > 1 else 1):
        for library in libraries:
            with OwnDaemon(setting.folder / f"home-cold-{library}-{run}", library) as daemon:
                done = daemon.apply(picture, setting.folder / "painted.jpg")
            stages[library].append(done.stages | {"wall": 1000 * done.seconds})
    rows: list[list[Cell]] = []
    for library, of_library in stages.items():
        wall = spread(row["wall"] for row in of_library)
        inner = spreads(of_library)
        rows.append([library, wall["median"], wall["best"], *(inner[name]["median"] for name in SHOWN)])
    columns = ["by", "wall", "best", *SHOWN]
    title = f"Cold start to the first picture of {size.area / 1e6:.2g} MP: milliseconds"
    figures = {library: spreads(of_library) for library, of_library in stages.items()}
    return Findings({"milliseconds": figures}, [Table(title, columns, rows)])
