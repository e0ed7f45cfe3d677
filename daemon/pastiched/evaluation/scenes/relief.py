"""Soft hills: what faces and clouds are built of."""

from __future__ import annotations

import numpy as np

from pastiched.painting.fields import Field


def bump(x: Field, y: Field, at: tuple[float, float], size: tuple[float, float]) -> Field:
    """A soft hill of height 1, of the given deviations."""
    away = ((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2
    return np.asarray(np.exp(-away / 2), dtype=np.float32)
