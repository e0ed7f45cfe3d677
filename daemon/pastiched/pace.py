"""How long jobs take on this machine, and what the server is told of it before it asks for one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from pastiche.failures import describe_failure
from pastiche.options import BY_NAME, defaults

if TYPE_CHECKING:
    from pastiched.engines.base import Engine

TELLING = ("effort", "features")
"""Options that decide more than the picture's size about what a job costs."""
POINTS = (0.02, 0.06, 0.25, 1.0, 4.0, 5.0, 8.0, 16.0, 64.0)
"""Megapixels of the pictures that engines are asked about."""
LINE = slice(3, 5)
"""The points of 1 and 4 megapixels."""
log = logging.getLogger(__name__)


def telling_options(method: str) -> tuple[str, ...]:
    """Those of the telling options that the method heeds."""
    return tuple(name for name in TELLING if method in BY_NAME[name].methods)


class Pace:
    """Seconds that jobs took, as a multiple of what their engine had estimated."""

    def __init__(self) -> None:
        self._learned: dict[tuple[Any, ...], float] = {}
        self._last: dict[str, float] = {}

    def of(self, method: str, options: Mapping[str, Any]) -> float:
        """That of the last jobs like this one; else of the method's last job, as the machine is the same."""
        return self._learned.get(_kind(method, options), self._last.get(method, 1.0))

    def learn(self, method: str, options: Mapping[str, Any], ratio: float) -> None:
        """A job has taken `ratio` times as long as was estimated."""
        self._learned[_kind(method, options)] = self._last[method] = (self.of(method, options) + ratio) / 2


def _kind(method: str, options: Mapping[str, Any]) -> tuple[Any, ...]:
    return method, *(options.get(name) for name in telling_options(method))


def estimates(engine: Engine, pace: Pace) -> list[dict[str, Any]]:
    """Entries as `status_reply` has them, of every combination of the telling options; first the defaults.

    What the engine cannot tell (a feature network that is not here) is left out.
    """
    entries = []
    for changed in _combinations(engine.method):
        options = defaults() | {"method": engine.method} | changed
        try:
            entries.append(_entry(engine, options, pace.of(engine.method, options)) | {"options": changed})
        except Exception as error:
            log.debug("The %s method estimates nothing.\n%s", engine.method, describe_failure(error))
    return entries


def _combinations(method: str) -> Iterator[dict[str, Any]]:
    """Values that differ from the defaults, the empty combination first."""
    names = telling_options(method)
    choices = [
        (BY_NAME[name].default, *(c for c in BY_NAME[name].choices if c != BY_NAME[name].default)) for name in names
    ]
    for values in product(*choices):
        yield {n: v for n, v in zip(names, values, strict=True) if v != BY_NAME[n].default}


def _entry(engine: Engine, options: dict[str, Any], pace: float) -> dict[str, Any]:
    """A straight line through the costs of 1 and 4 megapixels, and all points."""
    points = []
    for megapixels in POINTS:
        side = round(1000 * megapixels**0.5)
        seconds, nbytes = engine.estimate(side, side, options)
        points.append([megapixels, float(seconds * pace), float(nbytes)])
    (_, first_seconds, first_bytes), (_, more_seconds, more_bytes) = points[LINE]
    slope_seconds, slope_bytes = (more_seconds - first_seconds) / 3, (more_bytes - first_bytes) / 3
    return {
        "method": engine.method,
        "seconds": first_seconds - slope_seconds,
        "seconds_per_megapixel": slope_seconds,
        "memory": int(first_bytes - slope_bytes),
        "memory_per_megapixel": int(slope_bytes),
        "points": points,
    }
