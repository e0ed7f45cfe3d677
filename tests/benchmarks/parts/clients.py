"""Several clients at once: pictures a second, and how long each waits for the others."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass, field

from parts.findings import Cell, Findings, Table, spread
from parts.own_daemon import OwnDaemon
from parts.photographs import pixels, size_of, write_photograph
from parts.setting import STYLE, Setting
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer

CLIENTS = (1, 2, 4, 8)
MEGAPIXELS = 1.0


@dataclass
class Round:
    """So many clients at once, each with its jobs one after the other; seconds."""

    latencies: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """From handing in to the result, less what the worker worked for the job."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def measure(setting: Setting) -> Findings:
    size = size_of(min(MEGAPIXELS, setting.most))
    content = pixels(size)
    rounds: dict[int, list[Round]] = {count: [] for count in CLIENTS}
    with OwnDaemon(setting.folder / "home-clients") as daemon:
        daemon.apply(write_photograph(setting.folder / "client.jpg", size), setting.folder / "painted.jpg")
        for _ in range(setting.runs):
            for count in CLIENTS:
                rounds[count].append(_round(daemon, content, count, setting.jobs))
    figures = {
        str(count): {
            "pictures a second": spread((r.rate for r in of_count), max),
            "mean waiting, s": spread(statistics.mean(r.waits) for r in of_count),
            "mean latency, s": spread(statistics.mean(r.latencies) for r in of_count),
        }
        for count, of_count in rounds.items()
    }
    columns = ["clients", "pictures a second", "best", "mean waiting, s", "mean latency, s"]
    rows: list[list[Cell]] = []
    for title, found in figures.items():
        rate, waiting, latency = found.values()
        rows.append([title, rate["median"], rate["best"], waiting["median"], latency["median"]])
    return Findings({"clients": figures}, [Table(f"Clients at once, {size.area / 1e6:.2g} MP", columns, rows)])


def _round(daemon: OwnDaemon, content: PixelBuffer, count: int, jobs: int) -> Round:
    found = Round()
    together = threading.Barrier(count + 1)

    def work() -> None:
        with daemon.client() as client:
            together.wait()
            for _ in range(jobs):
                began = time.perf_counter()
                outcome = client.submit(content, [StyleRef(STYLE)]).wait()
                latency = time.perf_counter() - began
                found.latencies.append(latency)
                found.waits.append(latency - outcome.report["timings"]["run"] / 1000)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    together.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    found.seconds = time.perf_counter() - began
    if len(found.latencies) != count * jobs:
        raise RuntimeError(f"{len(found.latencies)} of {count * jobs} pictures were painted.")
    return found
