"""How long the full picture will take, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pastiche.estimates import estimate, find_estimate
from pastiche.options import BY_NAME
from pastiche_gimp.dialog.pace import NATIVE_PIXELS, painted
from pastiche_gimp.words import _

UNTOLD = ("megapixels", "iterations", "scales")
"""Options that change how long it takes, by which nobody can tell beforehand."""


def estimated_seconds(
    estimates: Iterable[Mapping[str, Any]], options: Mapping[str, Any], megapixels: float
) -> float | None:
    """By what the daemon says of jobs like this one; None where it knows nothing of them."""
    entry = find_estimate(estimates, options)
    if entry is None:
        return None
    if options["method"] in NATIVE_PIXELS:
        # The network goes over a number of pixels that the settings decide; the rest grows with the picture.
        base, more = float(entry.get("seconds", 0.0)), float(entry.get("seconds_per_megapixel", 0.0))
        seconds = base * painted(int(megapixels * 1e6), options) / NATIVE_PIXELS[options["method"]] + more * megapixels
    elif any(options[name] != BY_NAME[name].default for name in UNTOLD) or not _same_network(entry, options):
        return None
    else:
        seconds, _memory = estimate(entry, megapixels)
    return seconds if seconds > 0 else None


def _same_network(entry: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """VGG-19 takes many times as long as the other; where it was not fetched, nothing is known of it."""
    known = entry.get("options", {}).get("features", BY_NAME["features"].default)
    return bool(known == options["features"])


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
