"""A picture of any size through PasticheNet, piece by piece, as if at once.

Three passes, as the network has three stages, with the moments of all the picture between them: features of every
piece are kept (four and a half numbers a pixel, then three), their moments are gathered while they come. A piece sees
as many pixels around what it answers for as a stage can look: so every value is computed as in the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pastiched.imaging.scale import Rows
from pastiched.inference.banded_rows import BandedRows
from pastiched.inference.pieces import Piece, pieces
from pastiched.inference.rim import Rim, RimmedPicture
from pastiched.inference.running_moments import RunningCovariance, RunningMoments
from pastiched.inference.stages import PasticheStages
from pastiched.networks.noise import CELL, noise_field
from pastiched.networks.pastiche_net import (
    DECODER_RADIUS,
    ENCODER_RADIUS,
    PAINTER_RADIUS,
    STYLE_RADIUS,
    Controls,
    PasticheNet,
    decoder_controls,
    painter_controls,
)
from pastiched.networks.statistics import Moments, StyleCode

ENDS = 2
"""How many times smaller pieces are in the first and the last stage: they take three times as much memory a pixel, and
see hardly beyond their piece."""
LARGE = 4_000_000
"""Pixels from which memory is given back between stages: to ask for it anew takes time."""
ENCODED, PAINTED = 0.2, 0.7
"""Shares of a painting's time that have passed after the first and the second stage."""
Show = Callable[[float], None]


class PastichePainter:
    """Paints with one network in one type of numbers."""

    def __init__(self, stages: PasticheStages, most: int, pause: Callable[[], None] = lambda: None) -> None:
        """`most`: pixels of a piece in the second stage, which takes the least memory a pixel and sees the furthest.
        `pause` is called before each piece of each stage; the same stages may paint something else there."""
        self._stages, self._most, self._pause = stages, most, pause

    def paint(self, content: Rows, rim: Rim, code: StyleCode, seed: int, show: Show) -> BandedRows:
        """Values mostly in [0, 1]. The last stage is computed when rows are asked for. `content` is asked for its rows
        from top to bottom; `show` is told the share (0..1) that is done."""
        stages = self._stages
        quarter, eighth, at4, at8 = self._encode(stages, content, rim, lambda done: show(done * ENCODED))
        suited = stages.suited(at4, code)
        if suited is not stages:
            stages = suited
            quarter, eighth, at4, at8 = self._encode(stages, content, rim, lambda done: None)
        controls = painter_controls(code, at4, at8)
        noise = noise_field(seed, rim.full_height, rim.full_width)
        moments, parts = RunningMoments(), pieces(rim, self._most, PAINTER_RADIUS)
        for number, piece in enumerate(parts):
            show(ENCODED + (PAINTED - ENCODED) * number / len(parts))
            self._pause()
            seen = piece.cut(quarter, 4), piece.cut(eighth, 8), piece.cut(noise, CELL)
            painted = stages.paint(*seen, controls)
            moments.add(piece.core(painted, 4))
            if len(parts) == 1:
                quarter = piece.core(painted, 4)
            else:
                # In its place: of the features at 1/4 a piece uses no more than what it answers for.
                piece.put(painted, quarter, 4)
        self._spare(rim)
        return self._decoded(stages, quarter, decoder_controls(code, moments.moments()), rim)

    def _decoded(self, stages: PasticheStages, h: Tensor, controls: Controls, rim: Rim) -> BandedRows:
        def compute(piece: Piece) -> Tensor:
            self._pause()
            return piece.core(stages.decode(piece.cut(h, 4), controls), 1)

        return BandedRows(rim, pieces(rim, self._most // ENDS, DECODER_RADIUS), compute)

    def _spare(self, rim: Rim) -> None:
        """What a stage keeps for its next run would only be in the way of the stage after it."""
        if rim.full_width * rim.full_height > LARGE:
            self._stages.release()

    def _encode(
        self, stages: PasticheStages, content: Rows, rim: Rim, show: Show
    ) -> tuple[Tensor, Tensor, Moments, Moments]:
        """Features at 1/4 and 1/8 of all the picture, and the moments of each."""
        at4, at8, parts = RunningMoments(), RunningMoments(), pieces(rim, self._most // ENDS, ENCODER_RADIUS)
        picture, whole = RimmedPicture(content, rim), list[Tensor]()
        for number, piece in enumerate(parts):
            show(number / len(parts))
            self._pause()
            features = stages.encode(picture.cut(piece.rows, piece.columns))
            cores = [piece.core(x, cell) for x, cell in zip(features, (4, 8), strict=True)]
            at4.add(cores[0])
            at8.add(cores[1])
            if len(parts) == 1:
                whole = cores
                break
            whole = whole or [
                torch.empty(
                    1, x.shape[1], rim.full_height // cell, rim.full_width // cell, dtype=x.dtype, device=x.device
                )
                for x, cell in zip(features, (4, 8), strict=True)
            ]
            for x, into, cell in zip(features, whole, (4, 8), strict=True):
                piece.put(x, into, cell)
        self._spare(rim)
        quarter, eighth = whole
        return quarter, eighth, at4.moments(), at8.moments()


def code_of(network: PasticheNet, picture: Rows, rim: Rim, most: int) -> StyleCode:
    """The code of a picture of any size, in pieces; `rim` has nothing to the left and above, and no edges that meet."""
    device = next(network.parameters()).device
    at4, at8, covariance = RunningMoments(), RunningMoments(), RunningCovariance()
    seen = RimmedPicture(picture, rim)
    for piece in pieces(rim, most // ENDS, STYLE_RADIUS):
        quarter, eighth, z = network.style_features(seen.cut(piece.rows, piece.columns).to(device))
        at4.add(piece.core(quarter, 4))
        at8.add(piece.core(eighth, 8))
        covariance.add(piece.core(z, 8))
    gathered = at4.moments().to(device), at8.moments().to(device), covariance.covariance().to(device)
    return network.style_code(*gathered).cpu()
