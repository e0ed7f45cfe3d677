"""Colours: hexadecimal names, ramps between them, and small variations as a painter's mixing leaves them."""

from collections.abc import Sequence

import numpy as np

from .fields import Field, Paint, Values

Colours = Values
"""Colours in a row: floats (n, 3), sRGB values in 0..1."""


def colour(code: str) -> Colours:
    """'#rrggbb' or 'rrggbb' as (3,) values in 0..1."""
    code = code.lstrip("#")
    return np.array([int(code[i : i + 2], 16) / 255.0 for i in (0, 2, 4)], dtype=np.float32)


def colours(codes: str) -> Colours:
    """Several codes separated by spaces as (n, 3)."""
    return np.stack([colour(code) for code in codes.split()])


def ramp(codes: str, position: Field, stops: Sequence[float] | None = None) -> Paint:
    """The colour at `position` (any shape, clipped to 0..1) on a ramp through the codes; adds a last axis of 3."""
    table = colours(codes)
    where = np.linspace(0.0, 1.0, len(table)) if stops is None else np.asarray(stops)
    channels = [np.interp(position, where, table[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def mix(under: Paint, over: Paint | Colours, amount: Field | float) -> Paint:
    """`over` painted on `under` with opacity `amount` in 0..1."""
    opacity = np.asarray(amount, dtype=np.float32)[..., None]
    return np.asarray(under * (1.0 - opacity) + over * opacity, dtype=np.float32)


def turn_hue(values: Colours, angle: Values | float, saturation: Values | float = 1.0) -> Colours:
    """Rotates hues by `angle` radians around the grey axis and scales saturation; (n, 3) or (h, w, 3) in and out."""
    grey = values @ np.array([0.30, 0.59, 0.11], dtype=np.float32)
    red, blue = values[..., 0] - grey, values[..., 2] - grey
    turn = np.asarray(angle, dtype=np.float32)
    new_red = (red * np.cos(turn) - blue * np.sin(turn)) * saturation
    new_blue = (red * np.sin(turn) + blue * np.cos(turn)) * saturation
    green = -(0.30 * new_red + 0.11 * new_blue) / 0.59
    out = np.stack([grey + new_red, grey + green, grey + new_blue], axis=-1)
    return np.clip(out, 0.0, 1.0).astype(np.float32)


def vary(rng: np.random.Generator, values: Colours, hue: float, saturation: float, value: float) -> Colours:
    """Each of (n, 3) colours mixed anew: normal deviations of hue (radians), saturation and value (fractions)."""
    n = len(values)
    turned = turn_hue(
        values,
        rng.normal(0.0, hue, n).astype(np.float32),
        np.clip(1.0 + rng.normal(0.0, saturation, n), 0.2, 2.2).astype(np.float32),
    )
    light = rng.normal(0.0, value, (n, 1)).astype(np.float32)
    return np.clip(turned + light * (0.35 + turned), 0.0, 1.0)
