"""Brush sizes, and at how many pixels the network works with them."""

from __future__ import annotations

import math

from parts.photographs import Size
from pastiched.engines.refining import painting_sizes
from pastiched.imaging.scale import NATIVE_PIXELS
from pastiched.networks.pastiche_net import MULTIPLE

USUAL = 100.0
LEAST = 5.0


def own_size_brush(size: Size, native: int = NATIVE_PIXELS) -> float:
    """With which the network works at the picture's own size: network scale 1:1."""
    return max(LEAST, 100 * math.sqrt(native / size.area))


def brushes(size: Size) -> dict[str, float]:
    """Those that are measured, by name."""
    return {"100": USUAL, "1:1": round(own_size_brush(size), 2)}


def fast_pixels(size: Size, brush: float) -> int:
    """Of all passes of the Fast method, without what is seen around pieces."""
    return painting_sizes(size.width, size.height, brush, (False, False), MULTIPLE).area


def trained_pixels(size: Size, brush: float, native: int) -> int:
    return painting_sizes(size.width, size.height, brush, (False, False), MULTIPLE, native).area
