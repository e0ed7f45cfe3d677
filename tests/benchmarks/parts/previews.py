"""How long the dialog waits for a preview, alone and while a large picture is painted for somebody else."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parts.brushes import brushes
from parts.findings import Cell, Findings, Table, spread
from parts.own_daemon import OwnDaemon
from parts.photographs import Size, pixels, size_of, write_photograph
from parts.setting import STYLE, Setting
from pastiche.client import Client
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Progress

PREVIEW = Size(512, 341)
"""The dialog's longest side; 3 : 2."""
LARGE = 12.0
ALONE = "alone"
SEED = 7


class Load:
    """Large jobs, one after the other, by a client of their own."""

    def __init__(self, daemon: OwnDaemon, content: PixelBuffer, brush_size: float) -> None:
        self._daemon, self._content, self._brush_size = daemon, content, brush_size
        self._ended = threading.Event()
        self.started = threading.Event()
        self.seconds = 0.0
        """Of the longest."""
        self._thread = threading.Thread(target=self._work)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The first is being painted when it begins."""
        self._thread.start()
        try:
            self.started.wait()
            yield
        finally:
            self._ended.set()
            self._thread.join()

    def _work(self) -> None:
        try:
            with self._daemon.client() as client:
                while not self._ended.is_set():
                    began = time.perf_counter()
                    job = client.submit(self._content, [StyleRef(STYLE)], {"brush_size": self._brush_size})
                    for event in job.events():
                        if isinstance(event.body, Progress) and event.body.stage == "stylize":
                            self.started.set()
                        if event.final:
                            event.outcome()
                    self.seconds = max(self.seconds, time.perf_counter() - began)
        finally:
            self.started.set()


def measure(setting: Setting) -> Findings:
    large = size_of(min(LARGE, setting.most))
    content, preview = pixels(large), pixels(PREVIEW)
    found: dict[str, dict[str, Any]] = {}
    with OwnDaemon(setting.folder / "home-previews") as daemon:
        small = write_photograph(setting.folder / "preview.png", PREVIEW)
        daemon.apply(small, setting.folder / "painted.png")
        with daemon.client() as client:
            _wait_for_preview(client, preview, 0)
            found[ALONE] = _latencies(client, preview, setting.previews, None)
            for name, brush_size in brushes(large).items():
                load = Load(daemon, content, brush_size)
                title = f"beside {large.area / 1e6:.2g} MP, brush {name}"
                with load.running():
                    found[title] = _latencies(client, preview, setting.previews, load)
                found[title] |= {"longest large job, ms": round(1000 * load.seconds, 1)}
    rows: list[list[Cell]] = [[title, f["median"], f["best"], f["worst"]] for title, f in found.items()]
    return Findings({"milliseconds": found}, [Table("Previews: milliseconds", ["", "median", "best", "worst"], rows)])


def _latencies(client: Client, preview: PixelBuffer, count: int, load: Load | None) -> dict[str, Any]:
    """At any time of a large job, if there is one."""
    rng, milliseconds = random.Random(SEED), []
    for number in range(count):
        time.sleep(rng.uniform(0, load.seconds) if load else 0.0)
        milliseconds.append(_wait_for_preview(client, preview, number + 1))
    return spread(milliseconds) | {"worst": round(max(milliseconds), 4)}


def _wait_for_preview(client: Client, preview: PixelBuffer, seed: int) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    client.submit(preview, [StyleRef(STYLE)], {"seed": seed}, preview=True).wait()
    return 1000 * (time.perf_counter() - began)
