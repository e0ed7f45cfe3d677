"""What a picture will cost, by what the daemon says of its methods: entries of `status_reply.estimates`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

NUMBERS = ("seconds", "seconds_per_megapixel", "memory", "memory_per_megapixel")


def is_estimate(entry: object) -> bool:
    """Whether an entry has everything that it must have, and every number in it is one."""
    if not isinstance(entry, dict) or not isinstance(entry.get("method"), str):
        return False
    points = entry.get("points", [])
    if not isinstance(entry.get("options", {}), dict) or not isinstance(points, list):
        return False
    rows = [[entry.get(name) for name in NUMBERS], *points]
    if not all(isinstance(row, list) for row in rows) or not all(len(row) == 3 for row in points):
        return False
    return all(isinstance(n, int | float) and math.isfinite(n) for row in rows for n in row)


def find_estimate(estimates: Iterable[Mapping[str, Any]], options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The entry for a job of these complete options: of its method, and the most of its options alike.

    An entry holds for the default of every option that it does not name, so this is only as near as can be told.
    """
    fitting = [
        entry
        for entry in estimates
        if entry.get("method") == options.get("method")
        and all(options.get(name) == value for name, value in entry.get("options", {}).items())
    ]
    # Of several alike the first: daemons before 1.2 send no options.
    return max(fitting, key=lambda entry: len(entry.get("options", {})), default=None)


def estimate(entry: Mapping[str, Any], megapixels: float) -> tuple[float, int]:
    """(seconds, bytes) of a picture: between the entry's points, beyond them and without them by straight lines."""
    points = [tuple(map(float, point)) for point in entry.get("points", [])]
    if len(points) < 2:
        seconds, more, memory, more_memory = (float(entry.get(name, 0.0)) for name in NUMBERS)
        points = [(0.0, seconds, memory), (1.0, seconds + more, memory + more_memory)]
    pairs = list(pairwise(points))
    low, high = next((pair for pair in pairs if megapixels <= pair[1][0]), pairs[-1])
    part = (megapixels - low[0]) / (high[0] - low[0]) if high[0] > low[0] else 0.0
    seconds, memory = (low[i] + part * (high[i] - low[i]) for i in (1, 2))
    return max(0.0, seconds), int(max(0.0, memory))
