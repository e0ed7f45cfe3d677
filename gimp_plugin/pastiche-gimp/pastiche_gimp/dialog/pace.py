"""How long previews take on this machine, so that the next one comes in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

FLOOR_SECONDS = 0.03
FIRST_GUESS = 2.0e-7
"""Seconds for each pixel that is painted, of a slow processor; corrected by the first preview."""
FINE_PIXELS = 750_000
"""At brush size 100 every picture is painted on so many pixels, whatever its own size..."""
LARGEST_ENLARGEMENT = 16
"""... but on no more than so many times its own, after an underpainting on a quarter of them..."""
LEAST_STEP = 1.5
"""... which is left out where it would not have fewer pixels by this. The daemon decides all that: imaging/scale.py."""
NATIVE_PIXELS = FINE_PIXELS * 5 // 4
"""Both together, for a picture that is large enough."""
SMALLEST_SIDE = 128
STEP = 16


class Pace:
    """A straight line for each method: a job costs a floor, and so much for each pixel that is painted."""

    def __init__(self) -> None:
        self._per_pixel: dict[str, float] = {}

    def seconds(self, pixels: int, options: Mapping[str, Any]) -> float:
        """Of a preview of a picture of so many pixels."""
        per_pixel = self._per_pixel.get(str(options["method"]), FIRST_GUESS)
        return FLOOR_SECONDS + per_pixel * painted(pixels, options)

    def side(self, width: int, height: int, options: Mapping[str, Any], seconds: float) -> int:
        """The longer side that a `width` x `height` picture may have, to be painted in `seconds`."""
        longest = max(width, height)
        if self.seconds(width * height, options) <= seconds:
            return longest
        per_pixel = self._per_pixel.get(str(options["method"]), FIRST_GUESS)
        most = LARGEST_ENLARGEMENT * (1 + 1 / LEAST_STEP)
        pixels = (seconds - FLOOR_SECONDS) / (per_pixel * _passes(options) * most)
        side = int(longest * math.sqrt(pixels / (width * height))) // STEP * STEP
        return min(longest, max(SMALLEST_SIDE, side))

    def learn(self, pixels: int, options: Mapping[str, Any], seconds: float) -> None:
        """A preview took so long, without loading and without looking at a new style."""
        method = str(options["method"])
        measured = max(1e-9, seconds - FLOOR_SECONDS) / painted(pixels, options)
        self._per_pixel[method] = (self._per_pixel.get(method, measured) + measured) / 2


def painted(pixels: int, options: Mapping[str, Any]) -> float:
    """Pixels that a network goes over for a picture of so many: small strokes take more of them."""
    wanted, most = FINE_PIXELS * (100 / float(options["brush_size"])) ** 2, LARGEST_ENLARGEMENT * pixels
    fine, coarse = min(wanted, most), min(wanted / 4, most)
    return _passes(options) * (fine + coarse if fine > LEAST_STEP * coarse else fine)


def _passes(options: Mapping[str, Any]) -> int:
    """Below full strength the photograph itself is looked at as a style too."""
    return 2 if float(options["strength"]) < 100 else 1
