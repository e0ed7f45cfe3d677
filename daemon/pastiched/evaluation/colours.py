"""The palette: how far the colours of the pastiche are from those of the style picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

DIRECTIONS, SEED = 64, 7
BIN = 0.25
"""Lab units. Binning both sides alike moves the distance by far less than this."""
REACH = 180.0
"""No sRGB colour lies farther from the middle grey (L 50) than this."""
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _XYZ.sum(1)


def lab(picture: Tensor) -> NDArray[np.float64]:
    """1 x 3 x H x W sRGB in [0, 1] -> pixels x 3 in CIE Lab (D65; L 0..100)."""
    values = picture[0].flatten(1).t().double().cpu().numpy()
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    ratio = linear @ (_XYZ / _WHITE[:, None]).T
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def palette(picture: Tensor) -> NDArray[np.float64]:
    """Shares of the pixels up to each Lab value along 64 fixed directions: 64 x bins, rising to 1."""
    directions = np.random.default_rng(SEED).standard_normal((DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    colours = ((lab(picture) - (50, 0, 0)) / BIN).T.astype(np.float32)
    bins = round(2 * REACH / BIN)
    places = ((direction @ colours + REACH / BIN).astype(np.int32) for direction in directions.astype(np.float32))
    counts = [np.bincount(line, minlength=bins) for line in places]
    return np.asarray(np.cumsum(np.stack(counts), axis=1) / colours.shape[1], dtype=np.float64)


def palette_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Sliced Wasserstein-1 distance (Bonneel et al. 2015) in Lab units: mean over the directions. Moving every colour
    by d Lab units gives about d / 2."""
    return float(np.abs(a - b).sum(1).mean() * BIN)
