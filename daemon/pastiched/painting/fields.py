"""Smooth scalar fields over the picture: noise, blur, slopes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.floating[Any]]
"""Numbers in any shape; computed in float32, in float64 where numpy prefers it."""

Field = Values
"""One number a pixel: (height, width)."""

Paint = Values
"""A picture while it is painted: floats (height, width, 3), sRGB values in 0..1."""


def grid(width: int, height: int) -> tuple[Field, Field]:
    """x and y of every pixel, in units of the height: y in 0..1, x in 0..width/height."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / height, (y + 0.5) / height


def enlarge(field: Field, width: int, height: int) -> Field:
    """Bicubic resize of a field to (height, width)."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def noise(
    rng: np.random.Generator, width: int, height: int, cell: float, octaves: int = 4, stretch: float = 1.0
) -> Field:
    """Fractal value noise, mean 0 and deviation 1; `cell` px is the coarsest feature, `stretch` > 1 elongates it."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        if size < 1.0:
            break
        rows, columns = int(height / size) + 4, int(width / (size * stretch)) + 4
        lattice = rng.standard_normal((rows, columns)).astype(np.float32)
        big_width = max(width, round(columns * size * stretch))
        big_height = max(height, round(rows * size))
        big = enlarge(lattice, big_width, big_height)
        top, left = (big_height - height) // 2, (big_width - width) // 2
        total += big[top : top + height, left : left + width] * np.float32(0.5**octave)
    return np.asarray((total - total.mean()) / (total.std() + 1e-6), dtype=np.float32)


def _box(field: Field, radius: int, axis: int) -> Field:
    pad = [(radius + 1, radius) if axis == a else (0, 0) for a in range(field.ndim)]
    running = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float64)
    span = 2 * radius + 1
    high = np.take(running, range(span, running.shape[axis]), axis=axis)
    low = np.take(running, range(0, running.shape[axis] - span), axis=axis)
    return ((high - low) / span).astype(np.float32)


def blur(field: Field, sigma: float) -> Field:
    """Three box passes, close to a Gaussian of `sigma` px; works on (h, w) and on (h, w, 3)."""
    radius = max(1, round(float(np.sqrt(sigma * sigma * 4.0 + 1.0) - 1.0) / 2.0))
    for _ in range(3):
        field = _box(_box(field, radius, 0), radius, 1)
    return field


def smoothstep(low: float | Field, high: float | Field, value: Field) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def slope(field: Field) -> tuple[Field, Field]:
    """d/dx and d/dy per pixel."""
    down, right = np.gradient(field)
    return np.asarray(right, dtype=np.float32), np.asarray(down, dtype=np.float32)


def warp(field: Field, shift_x: Field, shift_y: Field) -> Field:
    """The field (or picture) sampled at (x + shift_x, y + shift_y) px, nearest pixel, edges clamped."""
    height, width = field.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    columns = np.clip(np.rint(x + shift_x), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(y + shift_y), 0, height - 1).astype(np.intp)
    return np.asarray(field[rows, columns])


def ridge(rng: np.random.Generator, width: int, base: float, amplitude: float, cell: float, octaves: int = 5) -> Values:
    """A horizon line: (width,) heights around `base`, in the unit of `base`."""
    line = noise(rng, width, 4, cell, octaves)[1]
    return np.asarray(base + amplitude * line, dtype=np.float32)
