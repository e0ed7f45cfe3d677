"""The grid that upsampling leaves: energy at one half and one quarter of the sampling rate."""

from __future__ import annotations

import numpy as np
from torch import Tensor

REACH = 12
"""Frequencies on each side that a peak is compared with, the three nearest left out."""
SMALLEST = 64


def grid(field: Tensor) -> float | None:
    """Of 1 x 1 x H x W: energy at 1/2 and 1/4 of the sampling rate (three lines of the spectrum) over the mean of nine
    lines on either side, the largest of both directions. About 1 in photographs and paintings; above about 1.5 a
    checkerboard shows. None below 64 pixels a side."""
    height, width = (side // 16 * 16 for side in field.shape[2:])
    if min(height, width) < SMALLEST:
        return None
    values = field[0, 0, :height, :width].double().cpu().numpy()
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((values - values.mean()) * window)) ** 2
    worst = 0.0
    for axis, side in ((0, height), (1, width)):
        lines = power.sum(1 - axis)
        for at in (side // 2, side // 4):
            around = np.concatenate([lines[at - REACH : at - 3], lines[at + 4 : at + REACH + 1]])
            if around.mean() > 0:
                worst = max(worst, float(lines[at - 1 : at + 2].mean() / around.mean()))
    return worst
