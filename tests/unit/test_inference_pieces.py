"""Promises about how a picture is divided: every pixel is answered for once, by a piece that sees all around it."""

from __future__ import annotations

import pytest
import torch

from pastiched.inference.pieces import bands, pieces
from pastiched.inference.rim import Rim
from pastiched.inference.spans import spans

WRAPS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("longest", [1, 16, 40, 96, 10_000])
@pytest.mark.parametrize("length", [16, 32, 160, 336, 1008])
def test_spans_cover_a_side_once_and_see_their_halo(length: int, longest: int, wrapped: bool) -> None:
    halo, multiple = 48, 16
    parts = spans(length, longest, halo, wrapped, multiple)
    assert [place for part in parts for place in range(part.first, part.last)] == list(range(length))
    for part in parts:
        assert all(number % multiple == 0 for number in (part.first, part.last, part.begin, part.end))
        assert part.last - part.first <= max(multiple, longest)
        seen = part.cut(torch.arange(length), 0).tolist()
        around = range(part.first - halo, part.last + halo)
        assert seen == [place % length for place in around if wrapped or 0 <= place < length]
        assert part.core(torch.tensor(seen), 0).tolist() == list(range(part.first, part.last))


def test_spans_are_about_equal() -> None:
    lengths = [part.last - part.first for part in spans(1008, 400, 16, False, 16)]
    assert lengths == [336, 336, 336]


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(("width", "height"), [(16, 240), (160, 96), (240, 16), (144, 176)])
@pytest.mark.parametrize("most", [1000, 3000, 10**9])
def test_pieces_answer_for_every_pixel_once_and_see_all_around_it(
    width: int, height: int, most: int, wrap: tuple[bool, bool]
) -> None:
    rim, halo = Rim.of(width, height, wrap, 16), 32
    parts = pieces(rim, most, halo)
    for cell in (1, 4, 8):
        rows, columns = rim.full_height // cell, rim.full_width // cell
        places, answered = torch.arange(rows * columns).view(1, 1, rows, columns), torch.zeros(rows * columns)
        whole = torch.full_like(places, -1)
        for piece in parts:
            seen = piece.cut(places, cell)
            answered[piece.core(seen, cell).flatten()] += 1
            piece.put(seen, whole, cell)
            across, down = piece.columns, piece.rows
            wanted = [
                [place % side // cell for place in range(first - halo, last + halo, cell) if wraps or 0 <= place < side]
                for first, last, side, wraps in (
                    (down.first, down.last, rim.full_height, wrap[1]),
                    (across.first, across.last, rim.full_width, wrap[0]),
                )
            ]
            assert torch.equal(seen[0, 0], places[0, 0][wanted[0]][:, wanted[1]])
        assert bool((answered == 1).all()) and torch.equal(whole, places)


@pytest.mark.parametrize("most", [256, 3000, 20_000])
def test_pieces_are_no_larger_than_was_asked_for_nor_much_smaller(most: int) -> None:
    parts = pieces(Rim.of(1000, 700, (False, False), 16), most, 32)
    areas = [(p.rows.last - p.rows.first) * (p.columns.last - p.columns.first) for p in parts]
    assert max(areas) <= most <= 2.5 * max(areas)


def test_a_picture_that_is_small_enough_is_one_piece() -> None:
    assert len(pieces(Rim.of(304, 200, (True, False), 16), 10**6, 128)) == 1


def test_bands_are_the_pieces_beside_each_other() -> None:
    parts = pieces(Rim.of(400, 300, (False, False), 16), 10_000, 32)
    together = bands(parts)
    assert [piece for band in together for piece in band] == parts
    assert len(together) > 1 and all(len(band) > 1 and len({p.rows for p in band}) == 1 for band in together)
