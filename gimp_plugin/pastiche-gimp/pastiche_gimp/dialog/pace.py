"""How long previews take on this machine, so that the next one comes in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pastiche_gimp.methods import FAST, TRAINED

FLOOR_SECONDS = 0.03
FIRST_GUESS = 2.0e-7
"""Seconds for each pixel that is painted, of a slow processor; corrected by the first preview."""
FINE_PIXELS = 750_000
"""At brush size 100 every picture is painted on so many pixels, whatever its own size..."""
LARGEST_ENLARGEMENT = 16
"""... but on no more than so many times its own..."""
LARGEST_AREA = 16_000_000
"""... nor on more than these, except just its own. Fast paints them after an underpainting on a quarter of them..."""
LEAST_STEP = 1.5
"""... which is left out where it would not have fewer pixels by this."""
USUAL_BRUSH = 100
LEAST_GROWTH, LARGEST_REFINED = 6, 25_000_000
"""Pictures of so many times as many pixels get finer strokes, on this many at most, with no broader brush. The daemon
decides all that: imaging/scale.py, engines/refining.py."""
NATIVE_PIXELS = {FAST: FINE_PIXELS * 5 // 4, TRAINED: FINE_PIXELS}
"""All that is painted, for a picture that is large enough; of a trained model, which may have its own, the usual."""
SMALLEST_SIDE = 128
STEP = 16


class Pace:
    """A straight line for each method, and each trained model: a job costs a floor, and so much for each pixel that is
    painted."""

    def __init__(self) -> None:
        self._per_pixel: dict[tuple[str, str], float] = {}

    def seconds(self, pixels: int, options: Mapping[str, Any]) -> float:
        """Of a preview of a picture of so many pixels."""
        per_pixel = self._per_pixel.get(_painter(options), FIRST_GUESS)
        return FLOOR_SECONDS + per_pixel * painted(pixels, options)

    def side(self, width: int, height: int, options: Mapping[str, Any], seconds: float) -> int:
        """The longer side that a `width` x `height` picture may have, to be painted in `seconds`."""
        longest = max(width, height)
        if self.seconds(width * height, options) <= seconds:
            return longest
        per_pixel = self._per_pixel.get(_painter(options), FIRST_GUESS)
        most = LARGEST_ENLARGEMENT * (1 if options["method"] == TRAINED else 1 + 1 / LEAST_STEP)
        pixels = (seconds - FLOOR_SECONDS) / (per_pixel * _passes(options) * most)
        side = int(longest * math.sqrt(pixels / (width * height))) // STEP * STEP
        return min(longest, max(SMALLEST_SIDE, side))

    def learn(self, pixels: int, options: Mapping[str, Any], seconds: float) -> None:
        """A preview took so long, without loading and without looking at a new style."""
        painter = _painter(options)
        measured = max(1e-9, seconds - FLOOR_SECONDS) / painted(pixels, options)
        self._per_pixel[painter] = (self._per_pixel.get(painter, measured) + measured) / 2


def painted(pixels: int, options: Mapping[str, Any]) -> float:
    """Pixels that a network goes over for a picture of so many: small strokes take more of them."""
    wanted = FINE_PIXELS * (100 / float(options["brush_size"])) ** 2
    fine, coarse = _area(wanted, pixels), _area(wanted / 4, pixels)
    wanted = min(pixels, LARGEST_REFINED)
    refined = _area(wanted, pixels)
    if float(options["brush_size"]) > USUAL_BRUSH or wanted < LEAST_GROWTH * fine:
        refined = 0
    if options["method"] == TRAINED:
        return fine + refined
    return _passes(options) * (fine + (coarse if fine > LEAST_STEP * coarse else 0) + refined)


def _area(wanted: float, pixels: int) -> float:
    """Of the size at which a picture is painted."""
    if pixels > LARGEST_AREA and wanted > math.sqrt(LARGEST_AREA * pixels):
        return pixels
    return min(wanted, LARGEST_ENLARGEMENT * pixels, LARGEST_AREA)


def _passes(options: Mapping[str, Any]) -> int:
    """Below full strength Fast looks at the photograph itself as a style too."""
    return 2 if float(options["strength"]) < 100 and options["method"] != TRAINED else 1


def _painter(options: Mapping[str, Any]) -> tuple[str, str]:
    return str(options["method"]), str(options["model"] if options["method"] == TRAINED else "")
