"""What of a folder of style pictures is worth learning from: margins are cut off, dull pictures come less often."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EVEN = 0.035
"""A row or column of less deviation than this (of 0..1) is margin: paper round a plate, the edge of a scan."""
WIDEST_MARGIN = 0.3
GREY, FLAT = 0.03, 0.012
LEAST_CHANCE = 0.3


@dataclass(frozen=True)
class Worth:
    """The part of a picture without its margins, in px, and how often it is chosen beside a lively one (0.3 to 1)."""

    box: tuple[int, int, int, int]
    chance: float


def judge(data: bytes) -> Worth:
    """Margins, colour and texture of a picture file."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    box = without_margins(np.asarray(picture.convert("L"), np.float32) / np.float32(255))
    small = np.asarray(picture.resize((160, 160), Image.Resampling.BOX, box), np.float32) / 255
    grey = small.mean(2)
    chroma = (small - grey[..., None]).std((0, 1))
    deviations = grey.reshape(10, 16, 10, 16).swapaxes(1, 2).std((2, 3))
    chance = 1 - float((deviations < FLAT).mean())
    if np.linalg.norm(chroma) < GREY:
        chance /= 2
    return Worth(box, max(LEAST_CHANCE, chance))


def without_margins(grey: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of H x W values in 0..1; at most 30 % are cut from each side."""
    top, bottom = (_even_lines(rows) for rows in (grey, grey[::-1]))
    left, right = (_even_lines(columns) for columns in (grey.T, grey.T[::-1]))
    height, width = grey.shape
    return left, top, width - right, height - bottom


def _even_lines(lines: NDArray[np.float32]) -> int:
    most = int(WIDEST_MARGIN * len(lines))
    even = lines[:most].std(1) < EVEN
    return most if even.all() else int(even.argmin())
