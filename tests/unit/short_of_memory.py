"""Paints while the process may have less and less memory: `python short_of_memory.py fast|trained FILE`.

Prints JSON: for each limit the report's notes and how far the pastiche is from the one that had all memory, up to the
first for which it ran out; then once more with all memory.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pastiche.options import check_options
from pastiched.engines.base import EngineJob, StyleInput
from pastiched.engines.fast import FastEngine
from pastiched.engines.silence import Silent
from pastiched.engines.trained import TrainedEngine
from pastiched.trained_model import read_trained_model
from tests.unit.engine_jobs import buffer, decibels, paint_marks

SIDE = 1200
MEGABYTES = (240, 180, 140, 110, 90, 70, 55, 40, 30, 20)
"""More than the process has when the job begins, in address space."""


def main() -> None:
    method, model = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None
    native = read_trained_model(model).native_pixels if model else 750_000
    options: dict[str, Any] = {"method": method, "depth": "32", "brush_size": 100 * native**0.5 / SIDE}
    if model:
        options["model"] = model.stem
    styles = [] if model else [StyleInput(buffer(paint_marks(128, 0), "style"), None, 1.0)]
    photo = buffer(np.random.default_rng(0).random((SIDE, SIDE, 3), np.float32))
    engine = TrainedEngine(torch.device("cpu")) if model else FastEngine(torch.device("cpu"))

    def painted() -> tuple[np.ndarray, list[str]]:
        result = engine.run(EngineJob(photo, styles, None, check_options(options), model=model), Silent())
        return np.frombuffer(result.pastiche.data, np.float32), result.notes

    whole, _ = painted()
    found: list[dict[str, Any]] = []
    for megabytes in MEGABYTES:
        _limit(megabytes)
        pastiche, notes = painted()
        _limit(None)
        found.append({"notes": notes, "decibels": min(999.0, decibels(pastiche, whole))})
        if any("memory ran out" in note for note in notes):
            break
    pastiche, notes = painted()
    print(json.dumps([*found, {"notes": notes, "decibels": min(999.0, decibels(pastiche, whole))}]))


def _limit(megabytes: int | None) -> None:
    """Of the address space, beyond what is taken; None: none."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft = resource.RLIM_INFINITY if megabytes is None else taken + megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main()
