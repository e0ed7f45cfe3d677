"""What each term of a loss counts for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """Terms of the Fast network's loss. Behind the linear maps a style weight of 3 drowns the content."""

    style: float = 0.6
    likeness: float = 0.3
    covariance: float = 0.7
    identity: float = 20.0
    grid: float = 12.0
    repetition: float = 100.0
    lattice: float = 30.0
    outside: float = 10.0
