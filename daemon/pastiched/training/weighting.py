"""What each term of a loss counts for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """Terms of the Fast network's loss."""

    style: float = 7.0
    texture: float = 4.5
    content: float = 1.0
    likeness: float = 0.3
    identity: float = 20.0
    grid: float = 12.0
    repetition: float = 100.0
    lattice: float = 30.0
    stamps: float = 3.0
    rim: float = 20.0
    calm: float = 15.0
    outside: float = 10.0
