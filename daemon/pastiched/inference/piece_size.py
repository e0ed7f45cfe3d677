"""How much of a picture goes through a network at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pastiched.inference.numbers import Numbers
from pastiched.memory import available_bytes

MOST = 2_400_000
"""Pixels of a piece where memory is no question: larger ones are not faster, for all that they see less twice."""
LEAST = 256 * 256
SHARE = 0.6
"""Of the memory that is free, what a picture may take: the rest is for what cannot be foreseen, and for others."""


@dataclass(frozen=True)
class Appetite:
    """What a network takes, in numbers of 2 or 4 bytes: measured with OpenVINO, and more than PyTorch takes."""

    piece: int
    """For each pixel of a piece, while it is computed."""
    picture: float
    """For each pixel of the picture, while its pieces are."""


PASTICHE = Appetite(45, 4.6)
GENERATOR = Appetite(60, 0.3)


def piece_pixels(tile: int, area: int, numbers: Numbers, device: torch.device, appetite: Appetite) -> int:
    """`tile`: the option, `area`: pixels of the picture at the size of painting."""
    if tile:
        return max(tile * tile, LEAST // 256)
    free = SHARE * available_bytes(device) - appetite.picture * area * numbers.kept.itemsize
    return max(LEAST, min(MOST, int(free / (appetite.piece * numbers.computed.itemsize))))


def bytes_taken(area: int, most: int, numbers: Numbers, appetite: Appetite) -> int:
    """Bytes that painting `area` pixels in pieces of `most` takes."""
    picture, piece = appetite.picture * numbers.kept.itemsize, appetite.piece * numbers.computed.itemsize
    return int(picture * area + piece * min(area, most))
