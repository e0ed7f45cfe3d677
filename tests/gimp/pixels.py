"""Pixels that scripts in GIMP wrote to files, and what the headless client makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from setting import Setting

from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer, PixelFormat

Array = NDArray[Any]
TYPES = {"u8": "u1", "u16": "u2", "float": "f4"}
LONGER_SIDES_CONTEXT, SMALLEST_CONTEXT = 8, 32
"""Around a selection this part of its longer side is sent too, and never fewer pixels."""


def load(folder: Path, saved: dict[str, Any]) -> Array:
    """Rows, columns, channels."""
    numbers = np.frombuffer((folder / saved["file"]).read_bytes(), TYPES[saved["depth"]])
    return numbers.reshape(saved["height"], saved["width"], saved["channels"])


def buffer(role: str, pixels: Array) -> PixelBuffer:
    height, width, channels = pixels.shape
    depth = "u16" if pixels.dtype == np.uint16 else "u8"
    return PixelBuffer(PixelFormat(role, width, height, channels, depth), np.ascontiguousarray(pixels).tobytes())


def array(pixels: PixelBuffer) -> Array:
    shape = pixels.format
    numbers = np.frombuffer(bytes(pixels.data), "u2" if shape.depth == "u16" else "u1")
    return numbers.reshape(shape.height, shape.width, shape.channels)


def paint(setting: Setting, content: Array, styles: Sequence[StyleRef], **options: Any) -> Array:
    """What the headless client makes of it, through the daemon that the plug-in uses."""
    depth = "16" if content.dtype == np.uint16 else "8"
    with setting.client() as client:
        outcome = client.submit(buffer("content", content), styles, options | {"depth": depth}).wait()
    return array(outcome.pixels)


def around(inner: tuple[int, int, int, int], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of what is sent for a selected part (left, top, width, height) of a layer."""
    left, top, wide, high = inner
    margin = max(SMALLEST_CONTEXT, max(wide, high) // LONGER_SIDES_CONTEXT)
    rows = slice(max(0, top - margin), min(height, top + high + margin))
    return rows, slice(max(0, left - margin), min(width, left + wide + margin))


def difference(one: Array, other: Array) -> int:
    """The largest of any colour of any pixel that can be seen; alpha must be the same everywhere."""
    assert one.shape == other.shape, (one.shape, other.shape)
    distance = np.abs(one.astype(np.int64) - other.astype(np.int64))
    if one.shape[2] == 4:
        assert not distance[..., 3].any(), "alpha differs"
        distance = distance[..., :3] * (one[..., 3:] > 0)
    return int(distance.max())


def linear_light(encoded: Array) -> Array:
    """sRGB's numbers (of 8 or 16 bits) as amounts of light, 0 to 1."""
    number = encoded / np.iinfo(encoded.dtype).max
    return np.where(number <= 0.04045, number / 12.92, ((number + 0.055) / 1.055) ** 2.4)


def srgb(light: Array) -> Array:
    """The other way, in numbers from 0 to 1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


TO_ADOBE = np.array([[0.71513, 0.28487, 0.0], [0.0, 1.0, 0.0], [0.0, 0.04117, 0.95883]])
"""From sRGB's primaries to Adobe RGB's, which share two of them with sRGB."""


PROFILE_STEP = 1 / 65536
"""Matrices in ICC profiles are rounded to this: so much of each primary may leak into the others. Of a colour without
any green that is two levels of green in 8 bits, whose first levels are hardly any light."""


def adobe_rgb(encoded: Array, leak: float = 0.0) -> Array:
    """sRGB's numbers as Adobe RGB's, 0 to 1, with so much light more or less."""
    light: Array = np.clip(linear_light(encoded) @ TO_ADOBE.T + leak, 0, 1)
    return light ** (1 / 2.19921875)
