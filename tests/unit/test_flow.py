"""Streamed rows: in order, below the credit, of the declared size."""

from __future__ import annotations

import pytest

from pastiche.errors import PasticheError
from pastiche.pixels import PixelFormat
from pastiche.protocol import STRIP_BYTES, WINDOW, Pixels
from pastiched.flow import Flow


def flow() -> Flow:
    return Flow(PixelFormat("content", 10, 100, 3, "u8"))


def test_rows_pass_in_order_until_the_picture_is_complete() -> None:
    one = flow()
    one.allow(60)
    one.take(Pixels(0, 0, 60), 1800)
    assert not one.complete
    one.allow(100)
    one.take(Pixels(0, 60, 40), 1200)
    assert one.complete


@pytest.mark.parametrize(
    ("strip", "nbytes"),
    [
        (Pixels(0, 1, 10), 300),
        (Pixels(0, -1, 10), 300),
        (Pixels(0, 0, 0), 0),
        (Pixels(0, 0, -1), -30),
        (Pixels(0, 0, 51), 1530),
        (Pixels(0, 0, 10), 299),
        (Pixels(0, 0, 10), 301),
        (Pixels(0, 0, 2**62), 300),
    ],
)
def test_a_strip_that_does_not_fit_is_refused_and_takes_nothing(strip: Pixels, nbytes: int) -> None:
    one = flow()
    one.allow(50)
    with pytest.raises(PasticheError):
        one.take(strip, nbytes)
    assert one.row == 0


@pytest.mark.parametrize("rows", [-1, 101, 2**62])
def test_a_credit_beyond_the_picture_is_refused(rows: int) -> None:
    with pytest.raises(PasticheError):
        flow().allow(rows)


def test_a_credit_is_never_taken_back() -> None:
    one = flow()
    one.allow(50)
    one.allow(20)
    assert one.allowed == 50


def test_a_window_is_a_few_strips() -> None:
    one = Flow(PixelFormat("content", 20_000, 20_000, 3, "u8"))
    assert one.strip_rows * one.format.row_bytes <= STRIP_BYTES
    assert one.window == WINDOW * one.strip_rows
    assert Flow(PixelFormat("content", 1_000_000, 2, 4, "f32")).strip_rows == 1
