"""How long the full picture will take, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pastiche_gimp.dialog.pace import NATIVE_PIXELS, painted
from pastiche_gimp.words import _

FAST = "fast"


def estimated_seconds(
    estimates: Iterable[Mapping[str, Any]], method: str, options: Mapping[str, Any], megapixels: float
) -> float | None:
    """By what the daemon says of its methods at their usual settings; None where it knows nothing yet."""
    line = next((line for line in estimates if line.get("method") == method), None)
    if line is None:
        return None
    base, more = float(line.get("seconds", 0.0)), float(line.get("seconds_per_megapixel", 0.0))
    if method == FAST:
        # The network goes over a number of pixels that the settings decide; the rest grows with the picture.
        base *= painted(int(megapixels * 1e6), options) / NATIVE_PIXELS
    seconds = base + more * megapixels
    return seconds if seconds > 0 else None


def about(seconds: float) -> str:
    """`about 3 s`, `about 4 min`."""
    if seconds < 1:
        return _("under 1 s")
    if seconds < 90:
        return _("about {count} s").format(count=_rounded(seconds))
    if seconds < 5400:
        return _("about {count} min").format(count=_rounded(seconds / 60))
    return _("about {count} h").format(count=f"{seconds / 3600:.1f}")


def left(seconds: float) -> str:
    """`12 s left`, `3 min left`."""
    if seconds < 90:
        return _("{count} s left").format(count=max(1, round(seconds)))
    return _("{count} min left").format(count=round(seconds / 60))


def _rounded(number: float) -> int:
    if number < 10:
        return max(1, round(number))
    return round(number / 5) * 5
