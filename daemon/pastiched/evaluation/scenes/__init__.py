"""Six photographs that never were: what a method meets every day, rendered from nothing, so that anybody may have them.

Each is 3 : 2, the same on every machine but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from pastiched.evaluation.scenes.architecture import architecture
from pastiched.evaluation.scenes.foliage import foliage
from pastiched.evaluation.scenes.line_art import line_art
from pastiched.evaluation.scenes.night import night
from pastiched.evaluation.scenes.portrait import portrait
from pastiched.evaluation.scenes.sky import sky
from pastiched.painting.fields import Paint

EDITION = 1
"""Raised whenever a scene changes: figures of different editions are not compared."""
SHAPE = 1.5
GRAIN = 0.006
SCENES: dict[str, Callable[[np.random.Generator, int, int], Paint]] = {
    "portrait": portrait,
    "sky": sky,
    "night": night,
    "foliage": foliage,
    "architecture": architecture,
    "line-art": line_art,
}
"""By name, in the order of the suite; each takes a random generator, width and height."""


def render(name: str, width: int) -> Image.Image:
    """One of SCENES at `width` x `width` / 1.5 pixels, 8-bit RGB. Raises KeyError."""
    height = round(width / SHAPE)
    rng = np.random.default_rng(list(name.encode()))
    paint = SCENES[name](rng, width, height) + GRAIN * rng.standard_normal((height, width, 1))
    return Image.fromarray((np.clip(paint, 0, 1) * 255 + 0.5).astype(np.uint8))
