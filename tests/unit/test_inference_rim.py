"""Promises about what is beyond a picture's edges: it is mirrored, or the opposite edge where they meet."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.imaging.scale import rows_of
from pastiched.inference.pieces import pieces
from pastiched.inference.rim import Rim, RimmedPicture
from pastiched.inference.spans import Span

HALO = 48


def numbered(height: int, width: int) -> Tensor:
    return torch.arange(3.0 * height * width).view(1, 3, height, width)


def padded(x: Tensor, rim: Rim, halo: int) -> Tensor:
    """The picture with its rim, and `halo` more where edges meet; NumPy pads by more than there is, too."""
    across = (rim.left, rim.full_width - rim.width - rim.left) if not rim.wrap[0] else (halo, halo)
    down = (rim.above, rim.full_height - rim.height - rim.above) if not rim.wrap[1] else (halo, halo)
    y = x.numpy()
    for axis, sides, wrapped in ((3, across, rim.wrap[0]), (2, down, rim.wrap[1])):
        widths = [(0, 0)] * axis + [sides] + [(0, 0)] * (3 - axis)
        y = np.pad(y, widths, mode="wrap" if wrapped else "reflect")
    return torch.from_numpy(y)


@pytest.mark.parametrize(
    ("width", "height", "wrap"),
    [
        (1, 1, (False, False)), (2, 1, (False, False)), (1, 2, (False, False)), (17, 2, (False, False)),
        (40, 17, (False, False)), (96, 101, (False, False)), (16, 1, (True, False)), (32, 17, (True, False)),
        (2, 16, (False, True)), (50, 32, (False, True)), (16, 16, (True, True)), (112, 80, (True, True)),
    ],
)  # fmt: skip
def test_every_piece_sees_the_picture_mirrored_or_its_opposite_edge(
    width: int, height: int, wrap: tuple[bool, bool]
) -> None:
    x, rim = numbered(height, width), Rim.of(width, height, wrap, 16)
    whole = padded(x, rim, HALO)
    left, above = HALO * wrap[0], HALO * wrap[1]
    for most in (256, 2000, 10**9):
        for piece in pieces(rim, most, HALO):
            rows, columns = piece.rows, piece.columns
            wanted = whole[:, :, above + rows.begin : above + rows.end, left + columns.begin : left + columns.end]
            assert torch.equal(RimmedPicture(rows_of(x), rim).cut(rows, columns), wanted)


def test_a_mirrored_edge_is_that_of_reflection_padding() -> None:
    x = numbered(60, 50)
    rim = Rim.of(50, 60, (False, False), 16)
    whole = RimmedPicture(rows_of(x), rim).cut(Span(0, 80, 0, 80, 80), Span(0, 80, 0, 80, 80))
    assert (rim.full_width, rim.full_height) == (80, 80)
    assert torch.equal(whole, F.pad(x, (8, 22, 8, 12), "reflect"))


@pytest.mark.parametrize("side", [1, 2, 17, 31, 47, 48, 160])
def test_as_much_is_mirrored_on_every_side_and_sides_are_multiples(side: int) -> None:
    rim = Rim.of(side, side, (False, False), 16)
    assert rim.full_width % 16 == rim.full_height % 16 == 0
    assert 0 < rim.left == rim.above <= rim.full_width - rim.left - side < rim.left + 16


def test_edges_that_meet_have_no_rim_and_must_fit() -> None:
    rim = Rim.of(64, 50, (True, False), 16)
    assert (rim.left, rim.full_width) == (0, 64) and rim.above > 0
    with pytest.raises(ValueError, match="multiple of 16"):
        Rim.of(60, 50, (True, False), 16)


@pytest.mark.parametrize("wrap", [(False, False), (False, True), (True, True)])
def test_a_piece_asks_for_no_rows_that_it_does_not_see(wrap: tuple[bool, bool]) -> None:
    rim, asked = Rim.of(64, 640, wrap, 16), []
    for piece in pieces(rim, 64 * 64, HALO):
        asked.clear()
        picture = RimmedPicture(lambda first, count: asked.append(count) or torch.zeros(1, 3, count, 64), rim)
        assert sum(asked) <= picture.cut(piece.rows, piece.columns).shape[2]


def test_pieces_beside_each_other_ask_for_their_rows_once() -> None:
    rim, asked = Rim.of(640, 64, (False, False), 16), []
    parts = pieces(rim, 32 * 32, 16)
    picture = RimmedPicture(lambda first, count: asked.append(first) or torch.zeros(1, 3, count, 640), rim)
    for piece in parts:
        picture.cut(piece.rows, piece.columns)
    assert len(parts) > 20 and len(asked) == len({piece.rows for piece in parts}) > 1
