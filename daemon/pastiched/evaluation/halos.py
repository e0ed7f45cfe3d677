"""Light or dark rims along the silhouettes of the photograph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.evaluation.passes import low_pass, slopes

BLUR = 1.5
STRONG = 0.2
"""Difference of luminance that makes an edge a silhouette: behind the blur its slope is this / (BLUR sqrt(2 pi))."""
INSIDE, NEAR, FAR = (-2, -2), (4, 10), (16, 24)
"""Distances in pixels from the edge: beyond it; where a rim would lie; where the level is that it is held against."""
EVEN = 0.35
"""Share of the edge's height by which the photograph may vary from NEAR to FAR; other sides are left out."""
CELL, FEWEST = 128, 40
"""Edges are taken together by cells of this many pixels a side; cells with fewer pixels of edge are left out."""


@dataclass(frozen=True)
class Silhouettes:
    """The even sides of a photograph's strong edges. `at`: row and column of the edge, 2 x N; `away`: the direction to
    that side, 2 x N; `cell`: N, another for brighter and for darker sides; `own`: the photograph's rim of each cell."""

    at: Tensor
    away: Tensor
    cell: Tensor
    own: Tensor


def silhouettes(photograph: Tensor) -> Silhouettes | None:
    """Of a luminance 1 x 1 x H x W in [0, 1]. None where it has none."""
    field = low_pass(photograph, BLUR)
    right, down = (slope[0, 0] for slope in slopes(field))
    steep = (right.square() + down.square()).sqrt()
    height, width = steep.shape
    strong = steep * BLUR * math.sqrt(2 * math.pi) >= STRONG
    outside = torch.ones_like(strong)
    outside[FAR[1] : height - FAR[1], FAR[1] : width - FAR[1]] = False
    at = (strong & ~outside).nonzero().t()
    rise = steep[at[0], at[1]]
    uphill = torch.stack([down, right])[:, at[0], at[1]] / rise
    crest = (rise >= _levels(steep[None, None], at, -uphill, (1, 1))[0]) & (
        rise >= _levels(steep[None, None], at, uphill, (1, 1))[0]
    )
    at, uphill, rise = at[:, crest], uphill[:, crest], rise[crest] * BLUR * math.sqrt(2 * math.pi)
    at, rise, away = torch.cat([at, at], 1), torch.cat([rise, rise]), torch.cat([uphill, -uphill], 1)
    brighter = torch.arange(len(rise), device=rise.device) < len(rise) // 2
    side = _levels(field, at, away, (NEAR[0], FAR[1]))
    even = side.amax(0) - side.amin(0) < EVEN * rise
    at, away, brighter = at[:, even], away[:, even], brighter[even]
    cell = (at[0] // CELL * (width // CELL + 1) + at[1] // CELL) * 2 + brighter
    _, cell, count = torch.unique(cell, return_inverse=True, return_counts=True)
    kept = count[cell] >= FEWEST
    if not bool(kept.any()):
        return None
    at, away, cell = at[:, kept], away[:, kept], torch.unique(cell[kept], return_inverse=True)[1]
    return Silhouettes(at, away, cell, _rims(field, at, away, cell))


def halo(pastiche: Tensor, edges: Silhouettes | None) -> float | None:
    """How far the sides of the silhouettes overshoot in the pastiche (1 x 1 x H x W in [0, 1]), in levels of 255.

    Along each silhouette of the photograph, on sides that are even there: how much farther from the other side of the
    edge the luminance is 4 to 10 pixels away than 16 to 24 pixels away, behind a Gaussian of 1.5 pixels. It is
    taken by cells of 128 pixels, so that strokes average out; what the photograph itself has there is taken off, and of
    the part above 0 the mean over all pixels of edge is taken: 0 = none. None where the photograph has no silhouettes.
    """
    if edges is None:
        return None
    over = _rims(low_pass(pastiche, BLUR), edges.at, edges.away, edges.cell) - edges.own
    return 255 * float(over.clamp(min=0)[edges.cell].mean())


def _rims(field: Tensor, at: Tensor, away: Tensor, cell: Tensor) -> Tensor:
    """By cell: how far the rim goes beyond the level, away from what is on the other side of the edge.

    A pastiche may turn light into dark; which side is the brighter is its own matter.
    """
    inside, near, far = (_mean_by(_levels(field, at, away, band).mean(0), cell) for band in (INSIDE, NEAR, FAR))
    return torch.where(far >= inside, near - far, far - near)


def _levels(field: Tensor, at: Tensor, direction: Tensor, band: tuple[int, int]) -> Tensor:
    """distances x N: the field at each of the distances of `band` (both included), nearest pixel."""
    distances = torch.arange(band[0], band[1] + 1, dtype=field.dtype, device=field.device)
    places = at[:, None] + direction[:, None] * distances[:, None]
    rows, columns = (places[axis].round().long().clamp(0, side - 1) for axis, side in enumerate(field.shape[2:]))
    return field[0, 0][rows, columns]


def _mean_by(values: Tensor, cell: Tensor) -> Tensor:
    cells = int(cell.max()) + 1
    total = torch.zeros(cells, dtype=values.dtype, device=values.device).index_add_(0, cell, values)
    return total / torch.bincount(cell, minlength=cells)
