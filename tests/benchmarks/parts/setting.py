"""What a run of the suite measures with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STYLE = "starlit-swirl"


@dataclass(frozen=True)
class Setting:
    """`folder` is for whatever a part writes: homes, pictures, results."""

    folder: Path
    runs: int
    most: float
    """Megapixels of the largest picture."""
    previews: int
    pictures: int
    """Of a batch."""
    jobs: int
    """Of each client."""
    model: str
    """The trained model: its name, or a file."""
