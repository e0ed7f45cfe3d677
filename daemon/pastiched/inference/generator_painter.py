"""A picture of any size through a generator, piece by piece, as if at once: nothing in it looks at all of it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pastiched.imaging.scale import Rows
from pastiched.inference.banded_rows import BandedRows
from pastiched.inference.pieces import Piece, pieces
from pastiched.inference.rim import Rim, RimmedPicture
from pastiched.inference.stages import GeneratorStages
from pastiched.networks.generator import MULTIPLE, RADIUS
from pastiched.networks.noise import CELL, noise_field

HALO = -(-RADIUS // MULTIPLE) * MULTIPLE


def paint_by_generator(
    stages: GeneratorStages, content: Rows, rim: Rim, seed: int, most: int, pause: Callable[[], None] = lambda: None
) -> BandedRows:
    """Painted when rows are asked for; `most`: pixels of a piece. `pause` is called before each piece; the same stages
    may paint something else there."""
    picture, noise = RimmedPicture(content, rim), noise_field(seed, rim.full_height, rim.full_width)

    def painted(piece: Piece) -> Tensor:
        pause()
        seen = picture.cut(piece.rows, piece.columns)
        return piece.core(stages.generate(seen, piece.cut(noise, CELL)), 1)

    return BandedRows(rim, pieces(rim, most, HALO), painted)
